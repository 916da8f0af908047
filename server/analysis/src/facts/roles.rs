//! Which files other than source say something about the project's policy:
//! decided by their paths alone.

/// What stands in a module that makes or fills an application: names of the
/// frameworks, and how a module names an application that others make for it.
/// A module without any of them is executed only when another imports it.
pub const APPLICATION_MARKERS: &[&str] = &[
    "fastapi",
    "starlette",
    "APIRouter",
    "Depends(",
    "include_router",
    // What the project's own functions and classes make.
    "router = ",
    "Router(",
    "\napp = ",
    "create_app",
    "get_app",
    "make_app",
    "FastMCP",
    "MCPServer",
    "mcp.tool",
];

/// What stands in a module that registers routes on a router which another module made: a decorator at the top.
pub const DECORATOR_MARKER: &str = "\n@";

/// How the path begins that such a decorator is given.
pub const PATH_MARKERS: &[&str] = &["(\"/", "('/", "(\"\"", "(''", "  \"/", "  '/"];
/// What stands in a module that may hold what lets others in, a script for one time perhaps: packages that connect to
/// databases, addresses of these, and how keys of services begin.
pub const SECRET_MARKERS: &[&str] = &[
    "psycopg",
    "asyncpg",
    "pymysql",
    "aiomysql",
    "mysql.connector",
    "postgres://",
    "postgresql://",
    "mongodb+srv://",
    "sk-ant-",
    "sk-or-v1-",
    "sk-proj-",
    "sk_live_",
    "AIza",
    "AKIA",
    "ghp_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "gsk_",
    "sb_secret_",
    "npg_",
    "eyJhbGciOi",
    // What signs in to a server of mail.
    "smtplib",
    // A script that makes an account.
    "hash_password(",
    "password_hash(",
];
/// What stands in a module that may verify callers for others who only know its interface: the libraries for that. Such
/// modules are asked which classes they hold, whoever imports them.
pub const VERIFIER_MARKERS: &[&str] = &[
    "import jwt",
    "from jwt",
    "from jose",
    "from authlib",
    "from joserfc",
    "import joserfc",
    "firebase_admin",
    "supabase",
];
/// What stands in a script that may send requests or handle tokens: those that
/// wait for nothing do neither. Others are read when one of these imports them.
pub const SCRIPT_MARKERS: &[&str] = &[
    "fetch(",
    "axios",
    "await ",
    ".then(",
    ".get(",
    ".post(",
    ".put(",
    ".patch(",
    ".delete(",
    // With the type of the answer: `api.get<Task[]>("/tasks")`.
    ".get<",
    ".post<",
    ".put<",
    ".patch<",
    ".delete<",
    "interceptors",
    // What generated clients are told elsewhere.
    "setConfig(",
    ".TOKEN = ",
    ".HEADERS = ",
    ".BASE = ",
    "(OpenAPI,",
    "Authorization",
    "queryFn",
    "mutationFn",
    "useSWR",
    "SWRConfig",
    "createApi(",
    "injectEndpoints(",
    "fetchBaseQuery(",
    "localStorage",
    "sessionStorage",
    "document.cookie",
    "createAuthClient",
    "betterAuth(",
    // `fetchEventSource` and the packages that stand in for it, too.
    "EventSource",
    "XMLHttpRequest(",
    "WebSocket(",
    "next/server",
    "new Response(",
    "Response.json(",
    "process.env.",
    "rewrites",
    "proxy:",
    "better-auth",
    "next-auth",
    "jsonwebtoken",
    "\"jose\"",
    "'jose'",
    "use server",
    "'server-only'",
    "\"server-only\"",
];

/// What stands for a configuration in the settings of an editor: a name in place of a path. It is above every folder, so
/// that a configuration of the project comes before it.
pub const SETTINGS: &str = "the settings of the editor";

/// Whether a file says what imports of TypeScript mean.
pub fn configures_modules(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "package.json"
        || ((name.starts_with("tsconfig") || name.starts_with("jsconfig")) && name.ends_with(".json"))
}

/// What a file is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A specification in Markdown.
    Specification,
    /// An OpenAPI contract.
    Contract,
    /// `authlens.toml`.
    Configuration,
    /// `pyproject.toml`, which may hold a table for authlens.
    Project,
}

/// Folders that hold specifications.
const FOLDERS: &[&str] = &["specs", "spec", "docs", "doc", "contracts"];
/// Folders whose files are records of work, not specifications.
const RECORDS: &[&str] = &["history", "prompts", "checklists", "node_modules", "examples", "archive"];
/// Parts of names of specifications that speak of endpoints or authentication.
const NAMES: &[&str] = &["endpoint", "api", "auth", "rest", "route"];

/// What a path says that a file is read for, if for anything.
pub fn role(path: &str) -> Option<Role> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "authlens.toml" | SETTINGS => return Some(Role::Configuration),
        "pyproject.toml" => return Some(Role::Project),
        _ => {}
    }
    let (stem, extension) = name.rsplit_once('.')?;
    if !matches!(extension, "md" | "yaml" | "yml" | "json") {
        return None;
    }
    if folder.split('/').any(|part| RECORDS.contains(&part)) {
        return None;
    }
    let stem = stem.to_ascii_lowercase();
    let inside = project_root(path).is_some();
    if extension == "md" {
        // `forest.md` is no specification of a REST interface.
        let words: Vec<&str> = stem.split(|c: char| !c.is_alphanumeric()).collect();
        let named =
            words.iter().any(|word| NAMES.iter().any(|name| word == name || word.trim_end_matches('s') == *name))
                || words.iter().any(|word| word.starts_with("auth") && !word.starts_with("author"));
        let in_api = folder.split('/').any(|part| part == "api" || part == "contracts");
        return (inside && (named || in_api)).then_some(Role::Specification);
    }
    let in_contracts = folder.split('/').any(|part| part == "contracts");
    let named = stem.contains("openapi") || stem.contains("swagger");
    ((inside && (named || in_contracts)) || stem == "openapi").then_some(Role::Contract)
}

/// The folder of the project that a specification speaks of: the one that
/// holds `specs/`, `docs/` or `contracts/`.
pub fn project_root(path: &str) -> Option<&str> {
    let mut at = 0;
    for part in path.split('/') {
        if FOLDERS.contains(&part) && at + part.len() < path.len() {
            return Some(path[..at].trim_end_matches('/'));
        }
        at += part.len() + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_go_by_path() {
        use Role::{Configuration, Contract, Project, Specification};
        let cases = [
            ("/p/specs/api/rest-endpoints.md", Some(Specification)),
            ("/p/specs/features/authentication.md", Some(Specification)),
            ("/p/specs/002-web/api-docs.md", Some(Specification)),
            ("/p/specs/002-web/contracts/README.md", Some(Specification)),
            ("/p/docs/API.md", Some(Specification)),
            ("/p/docs/forest.md", None),
            ("/p/docs/authors.md", None),
            ("/p/README.md", None),
            ("/p/specs/checklists/api.md", None),
            ("/p/specs/001/contracts/tasks.yaml", Some(Contract)),
            ("/p/docs/openapi.json", Some(Contract)),
            ("/p/openapi.yaml", Some(Contract)),
            ("/p/docker-compose.yaml", None),
            ("/p/authlens.toml", Some(Configuration)),
            ("/p/backend/pyproject.toml", Some(Project)),
            ("/p/specs/main.py", None),
        ];
        for (path, wanted) in cases {
            assert_eq!(role(path), wanted, "{path}");
        }
        assert_eq!(project_root("/p/phase2/specs/api/x.md"), Some("/p/phase2"));
        assert_eq!(project_root("/p/openapi.yaml"), None);
        assert_eq!(project_root("specs/x.md"), Some(""));
    }
}
