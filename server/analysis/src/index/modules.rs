//! From dotted module names to files.
//!
//! Python decides by `sys.path`, which is not in the source. What real
//! projects agree on: a module is looked up from a directory above the
//! importing file, most often one that is no package itself. So directories
//! above the importer are tried from the nearest to the farthest, first those
//! without `__init__.py`, then those with; after that a unique file anywhere
//! whose path ends in the dotted name (imports relative to a root that is not
//! above the importer, such as `src/`).

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::value::{Unknown, Value};
use crate::vfs::FileId;

/// Packages that are never a file of the project, even when a file of that
/// name lies beside the importer (`app/utils/jwt.py`).
const ALWAYS_EXTERNAL: &[&str] = &[
    "abc",
    "aiohttp",
    "asyncio",
    "authlib",
    "base64",
    "bcrypt",
    "collections",
    "contextlib",
    "dataclasses",
    "datetime",
    "enum",
    "fastapi",
    "fastapi_users",
    "functools",
    "hashlib",
    "hmac",
    "httpx",
    "importlib",
    "itertools",
    "jose",
    "joserfc",
    "json",
    "jwt",
    "logging",
    "os",
    "passlib",
    "pydantic",
    "pydantic_settings",
    "re",
    "redis",
    "requests",
    "secrets",
    "sqlalchemy",
    "sqlmodel",
    "starlette",
    "sys",
    "time",
    "typing",
    "typing_extensions",
    "urllib",
    "uuid",
    "uvicorn",
];

/// Packages after which projects call folders of their own. What such a folder lacks is meant of the package: Python looks
/// there for `mcp.server.fastmcp` from a root above the folder (`src/mcp` as `src.mcp`).
const NAMESAKES: &[&str] = &[
    "agents",
    "alembic",
    "celery",
    "discord",
    "elasticsearch",
    "google",
    "kafka",
    "langchain",
    "mcp",
    "minio",
    "ollama",
    "telegram",
];

/// Those of them that are packages of services: beside a module that imports one by this name, within a package, stands what
/// uses it.
const SERVICES: &[&str] = &[
    "anthropic",
    "groq",
    "livekit",
    "openai",
    "plaid",
    "razorpay",
    "resend",
    "sendgrid",
    "stripe",
    "supabase",
    "svix",
    "twilio",
];

/// Whether projects call folders of their own after a package.
fn is_namesake(package: &str) -> bool {
    NAMESAKES.contains(&package) || SERVICES.contains(&package)
}

/// Known Python files by path, and the lookups that module resolution needs.
#[derive(Debug, Default, Clone)]
pub struct ModuleMap {
    by_path: FxHashMap<SmolStr, FileId>,
    /// Last component of the module name → files.
    by_stem: FxHashMap<SmolStr, Vec<(SmolStr, FileId)>>,
    /// Every directory that holds a Python file, at any depth.
    dirs: FxHashSet<SmolStr>,
}

/// A module name resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Module {
    /// A file of the project.
    File(FileId),
    /// A directory without `__init__.py`.
    Namespace(SmolStr),
    /// Not of the project.
    External(SmolStr),
    /// Of the project by its first component, but not there.
    Missing(SmolStr),
}

impl Module {
    /// The module as a value of the interpreter.
    pub fn into_value(self) -> Value {
        match self {
            Self::File(file) => Value::Module(file),
            Self::Namespace(dir) => Value::Namespace(dir),
            Self::External(name) => Value::Package(name),
            Self::Missing(name) => Value::Unknown(Unknown::Import(name)),
        }
    }
}

impl ModuleMap {
    /// Adds a `.py` file by its absolute path.
    pub fn insert(&mut self, path: &SmolStr, file: FileId) {
        if !path.ends_with(".py") || self.by_path.insert(path.clone(), file).is_some() {
            return;
        }
        let files = self.by_stem.entry(stem(path).into()).or_default();
        // Most names stand alone, and growing by itself a list begins with four.
        if files.is_empty() {
            files.reserve_exact(1);
        }
        files.push((path.clone(), file));
        let mut dir = parent(path);
        while !dir.is_empty() && self.dirs.insert(dir.into()) {
            dir = parent(dir);
        }
    }

    /// Whether the file of that path is importable.
    pub fn contains(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// Removes a file. Its directories stay known until the map is rebuilt.
    pub fn remove(&mut self, path: &str) {
        if self.by_path.remove(path).is_some()
            && let Some(files) = self.by_stem.get_mut(stem(path))
        {
            files.retain(|(p, _)| p != path);
        }
    }

    /// Resolves `from {level dots}{module} import …` as seen from `importer`.
    pub fn resolve(&self, importer: &str, level: u32, module: &str) -> Module {
        self.resolve_beyond(importer, level, module, None)
    }

    /// What an import means that can't mean a file, because that has not what it asks for: `from auth import …` beside an
    /// `auth.py` is the one above, where the folder is imported from there.
    pub fn resolve_beyond(&self, importer: &str, level: u32, module: &str, lacking: Option<FileId>) -> Module {
        if level > 0 {
            let tail = module.replace('.', "/");
            let mut dir = parent(importer);
            for _ in 1..level {
                dir = parent(dir);
            }
            let mut full = if tail.is_empty() { dir.to_owned() } else { format!("{dir}/{tail}") };
            return self.at(&mut full).unwrap_or_else(|| Module::Missing(module.into()));
        }
        let first = module.split('.').next().unwrap_or_default();
        if first.is_empty() || ALWAYS_EXTERNAL.contains(&first) {
            return Module::External(module.into());
        }
        let tail = module.replace('.', "/");
        let mut in_packages = None;
        let mut first_seen = false;
        let mut path = String::new();
        let mut dir = parent(importer);
        while !dir.is_empty() {
            for below in ["", "/src"] {
                path.clear();
                path.extend([dir, below]);
                let base = path.len();
                path.extend(["/", first]);
                let Some(mut found) = self.at(&mut path) else { continue };
                if first.len() < tail.len() {
                    path.push_str(&tail[first.len()..]);
                    let Some(whole) = self.at(&mut path) else {
                        // A folder inside of a package is hardly one that modules are imported
                        // from: `mcp.server.fastmcp` means the library, beside a `mcp` of one's own.
                        path.truncate(base);
                        path.push_str("/__init__.py");
                        first_seen |= !self.by_path.contains_key(path.as_str());
                        continue;
                    };
                    found = whole;
                }
                // `jwt.py` that imports `jwt` means the package; a package may name itself.
                let own = Module::File(self.by_path.get(importer).copied().unwrap_or(FileId(u32::MAX)));
                if found == own && (!importer.ends_with("/__init__.py") || !module.contains('.')) {
                    continue;
                }
                if matches!(found, Module::File(file) if Some(file) == lacking) {
                    continue;
                }
                path.truncate(base);
                path.push_str("/__init__.py");
                let in_package = self.by_path.contains_key(path.as_str());
                path.truncate(base);
                // `app/integrations/stripe/router.py` that imports `stripe`: its own folder has a longer name.
                path.extend(["/", first]);
                let names_itself = first == module && is_namesake(first) && is_below(importer, &path);
                if in_package {
                    let is_service = first == module && SERVICES.contains(&first);
                    // `backend/src/api/tasks.py` that imports `src.models` names the tree that it stands in, whatever
                    // another `src` further up has.
                    if !names_itself && !is_service {
                        if is_below(importer, &path) {
                            return found;
                        }
                        in_packages.get_or_insert(found);
                    }
                } else if below.is_empty() || in_packages.is_none() || is_below(importer, &path[..base]) {
                    return found;
                }
                // Beside a module of the importer's own program, `src` is another one's.
            }
            dir = parent(dir);
        }
        if let Some(found) = in_packages {
            return found;
        }
        if first_seen {
            return if is_namesake(first) { Module::External(module.into()) } else { Module::Missing(module.into()) };
        }
        self.by_suffix(importer, &tail).unwrap_or_else(|| Module::External(module.into()))
    }

    /// The submodule `name` of a package or namespace directory.
    pub fn submodule(&self, dir: &str, name: &str) -> Option<Module> {
        self.at(&mut format!("{dir}/{name}"))
    }

    /// The module at a path without ending, which is the same afterwards.
    fn at(&self, path: &mut String) -> Option<Module> {
        let base = path.len();
        // Mostly there is nothing: that is known soonest without a look into the folder.
        let dir = self.dirs.get(path.as_str());
        let endings = ["/__init__.py", ".py"];
        for ending in &endings[usize::from(dir.is_none())..] {
            path.push_str(ending);
            let file = self.by_path.get(path.as_str());
            path.truncate(base);
            if let Some(&file) = file {
                return Some(Module::File(file));
            }
        }
        dir.map(|dir| Module::Namespace(dir.clone()))
    }

    /// A file anywhere whose path ends in a dotted name of two or more
    /// components: the one that shares most leading directories with the
    /// importer, when it is the only such one. A name of one component is that of a package in a folder that packages are
    /// built from: `packages/database/src/database`.
    fn by_suffix(&self, importer: &str, tail: &str) -> Option<Module> {
        let last = tail.rsplit('/').next()?;
        let is_dotted = tail.contains('/');
        if !is_dotted && is_namesake(tail) {
            return None;
        }
        let (as_module, as_package) = match is_dotted {
            true => (format!("/{tail}.py"), format!("/{tail}/__init__.py")),
            false => (String::new(), format!("/{tail}/src/{tail}/__init__.py")),
        };
        let shared = |path: &str| path.split('/').zip(importer.split('/')).take_while(|(a, b)| a == b).count();
        let mut best: Option<(usize, FileId)> = None;
        let mut tie = false;
        for (path, file) in self.by_stem.get(last)? {
            let is_it = is_dotted && path.ends_with(&as_module) || path.ends_with(&as_package);
            if !is_it {
                continue;
            }
            let score = shared(path);
            match best {
                Some((top, _)) if score < top => {}
                Some((top, _)) if score == top => tie = true,
                _ => {
                    best = Some((score, *file));
                    tie = false;
                }
            }
        }
        best.filter(|_| !tie).map(|(_, file)| Module::File(file))
    }

    /// Dotted name of a file, as the project itself would import it: from the
    /// nearest directory above that is no package, without a leading `src.`.
    pub fn dotted_name(&self, path: &str) -> SmolStr {
        let mut names = Vec::new();
        let mut dir = parent(path);
        let own = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".py");
        if own != "__init__" {
            names.push(own);
        }
        let mut init = String::new();
        loop {
            init.clear();
            init.extend([dir, "/__init__.py"]);
            if !self.by_path.contains_key(init.as_str()) {
                break;
            }
            names.push(dir.rsplit('/').next().unwrap_or(dir));
            dir = parent(dir);
        }
        if names.is_empty() {
            names.push(dir.rsplit('/').next().unwrap_or(dir));
        }
        names.reverse();
        SmolStr::new(names.join("."))
    }
}

/// The directory of a path, without its trailing slash; empty at the top.
pub fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

/// Whether a file stands in a folder, or in one below it.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| folder.is_empty() || rest.starts_with('/'))
}

fn stem(path: &str) -> &str {
    let path = path.strip_suffix("/__init__.py").unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path).trim_end_matches(".py")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(paths: &[&str]) -> ModuleMap {
        let mut map = ModuleMap::default();
        for (index, path) in paths.iter().enumerate() {
            map.insert(&SmolStr::new(path), FileId(index as u32));
        }
        map
    }

    #[test]
    fn resolves_from_the_roots_that_projects_use() {
        let files = [
            "/w/backend/app/__init__.py",
            "/w/backend/app/main.py",
            "/w/backend/app/api/routes/users.py",
            "/w/backend/app/api/deps.py",
            "/w/backend/app/models.py",
            "/w/other/app/models.py",
            "/w/svc/src/todo/db.py",
            "/w/svc/tests/test_db.py",
            "/w/backend/app/jwt.py",
            "/w/tool/src/__init__.py",
            "/w/tool/src/mcp/__init__.py",
            "/w/tool/src/mcp/server.py",
            "/w/run/__init__.py",
            "/w/run/main.py",
            "/w/run/models.py",
            "/w/src/other.py",
            "/w/src/models.py",
            "/w/plain/src/mcp/__init__.py",
            "/w/plain/src/mcp/tools.py",
            "/w/shop/pay/__init__.py",
            "/w/shop/pay/stripe/__init__.py",
            "/w/shop/pay/stripe/router.py",
            "/w/shop/pay/stripe/service.py",
            "/w/whole/src/models.py",
            "/w/whole/back/__init__.py",
            "/w/whole/back/src/models.py",
            "/w/whole/back/src/api/tasks.py",
            "/w/whole/back/run.py",
            "/w/shop/pay/billing.py",
            "/w/packages/store/src/store/__init__.py",
            "/w/one/twice/src/twice/__init__.py",
            "/w/two/twice/src/twice/__init__.py",
            "/w/ai/openai/src/openai/__init__.py",
            "/w/old/src/guard/__init__.py",
        ];
        let map = map(&files);
        let cases: &[(usize, u32, &str, &str)] = &[
            (1, 0, "app.api.deps", "/w/backend/app/api/deps.py"),
            (1, 0, "app", "/w/backend/app/__init__.py"),
            (1, 0, "app.api", "dir /w/backend/app/api"),
            (2, 0, "app.models", "/w/backend/app/models.py"),
            (2, 2, "deps", "/w/backend/app/api/deps.py"),
            (2, 1, "", "dir /w/backend/app/api/routes"),
            (1, 0, "models", "/w/backend/app/models.py"),
            (7, 0, "todo.db", "/w/svc/src/todo/db.py"),
            (1, 0, "app.nothing", "missing app.nothing"),
            (1, 0, "jwt", "external jwt"),
            // What another program has in `src` is not meant beside a module of one's own.
            (13, 0, "models", "/w/run/models.py"),
            (15, 0, "models", "/w/src/models.py"),
            (1, 0, "stripe", "external stripe"),
            (11, 0, "mcp.server.fastmcp", "external mcp.server.fastmcp"),
            (18, 0, "mcp.server.fastmcp", "external mcp.server.fastmcp"),
            (18, 0, "mcp.tools", "/w/plain/src/mcp/tools.py"),
            (18, 0, "mcp.absent", "external mcp.absent"),
            (21, 0, "stripe", "external stripe"),
            (28, 0, "stripe", "external stripe"),
            (28, 1, "stripe", "/w/shop/pay/stripe/__init__.py"),
            (21, 0, "pay.stripe.service", "/w/shop/pay/stripe/service.py"),
            (21, 1, "service", "/w/shop/pay/stripe/service.py"),
            // A package that holds a `src` of its own: what stands in that means it.
            (26, 0, "src.models", "/w/whole/back/src/models.py"),
            (27, 0, "src.models", "/w/whole/src/models.py"),
            // A package that is built from a `src` elsewhere, unless there are two, or it is called as a library is.
            (13, 0, "store", "/w/packages/store/src/store/__init__.py"),
            (13, 0, "twice", "external twice"),
            (13, 0, "openai", "external openai"),
            // That folder is called after the package.
            (13, 0, "guard", "external guard"),
            (13, 0, "api", "external api"),
        ];
        for (importer, level, module, want) in cases {
            let got = match map.resolve(files[*importer], *level, module) {
                Module::File(file) => files[file.0 as usize].to_owned(),
                Module::Namespace(dir) => format!("dir {dir}"),
                Module::External(name) => format!("external {name}"),
                Module::Missing(name) => format!("missing {name}"),
            };
            assert_eq!(&got, want, "{module} from {}", files[*importer]);
        }
        assert_eq!(map.dotted_name(files[1]), "app.main");
    }
}
