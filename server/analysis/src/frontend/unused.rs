//! Components that nothing draws: their module is no entry of a framework, and no module that runs names it.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::modules::Configurations;
use super::placement::Module;
use crate::facts::typescript::tree::Directive;
use crate::facts::typescript::uses::Uses;
use crate::vfs::FileId;

/// Names of files that frameworks and builders look for, or that are where a program begins.
const ENTRIES: &[&str] = &[
    "index",
    "main",
    "app",
    "App",
    "root",
    "client",
    "server",
    "worker",
    "sw",
    "entry",
    "setup",
    "mdx-components",
    "middleware",
    "proxy",
    "instrumentation",
    "page",
    "layout",
    "template",
    "default",
    "loading",
    "not-found",
    "error",
    "global-error",
    "forbidden",
    "unauthorized",
    "route",
    "icon",
    "apple-icon",
    "opengraph-image",
    "twitter-image",
    "sitemap",
    "robots",
    "manifest",
];
/// Folders whose files a framework, or a plugin of a builder, takes for pages.
const PAGES: &[&str] = &["pages", "routes", "screens", "views"];

/// Modules with components that nothing draws.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unused {
    /// Of these it is known.
    pub(super) known: FxHashSet<FileId>,
    /// Of these it is likely.
    pub(super) likely: FxHashSet<FileId>,
}

/// What a module says that matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether it imports modules that it does not name: `import.meta.glob`, `` import(`./${name}`) ``, `require`.
    imports_any: bool,
    /// Whether it draws with React.
    is_component: bool,
}

impl Said {
    pub(super) fn of(path: &str, uses: &Uses, written: &[(SmolStr, Option<SmolStr>)]) -> Self {
        Self {
            imports_any: uses.globs || ["import", "require"].iter().any(|name| uses.names.contains(*name)),
            is_component: path.ends_with(".tsx")
                || path.ends_with(".jsx")
                || written.iter().any(|(module, _)| module == "react"),
        }
    }
}

/// Modules with components that nothing draws, of packages that React draws and in which every import is written out;
/// and those of which that is only likely, as some scripts of the package that may draw were not read. `unread` gives
/// the paths of these.
pub(super) fn find<'p, U: Iterator<Item = &'p str>>(
    modules: &FxHashMap<FileId, std::sync::Arc<Module>>,
    configurations: &Configurations,
    path: impl Fn(FileId) -> &'p str,
    unread: impl Fn() -> U,
) -> Unused {
    let mut by_stem: FxHashMap<&str, Vec<FileId>> = FxHashMap::default();
    // Packages in which an import may mean any module, and those that React draws.
    let (mut any, mut drawn) = (FxHashSet::default(), FxHashSet::default());
    let mut open: Vec<FileId> = Vec::new();
    for (file, module) in modules {
        let path = path(*file);
        by_stem.entry(stem(path)).or_default().push(*file);
        if is_entry(path, module) {
            open.push(*file);
        }
        let Some(package) = configurations.drawn(path) else { continue };
        if module.said.imports_any {
            any.insert(package);
        }
        if module.written.iter().any(|(name, _)| name == "react" || name.starts_with("react-dom")) {
            drawn.insert(package);
        }
    }
    let mut used: FxHashSet<FileId> = open.iter().copied().collect();
    while let Some(module) = open.pop().and_then(|file| modules.get(&file)) {
        let resolved =
            module.imports.iter().map(|(file, _)| *file).chain(module.exports.iter().map(|(_, file, _)| *file));
        let names = module.written.iter().map(|(name, _)| name).chain(module.handed_on.iter().map(|(_, name, _)| name));
        // What an import means may not be known: any file of its name counts.
        let named = names.filter_map(|name| by_stem.get(stem(name))).flatten().copied();
        open.extend(resolved.chain(named).filter(|file| used.insert(*file)));
    }
    let is_known = |file: &FileId| {
        let package = configurations.drawn(path(*file));
        package.is_some_and(|package| drawn.contains(package) && !any.contains(package))
    };
    let unused = modules.iter().filter(|(file, module)| module.said.is_component && !used.contains(*file));
    let unused: Vec<FileId> = unused.map(|(file, _)| *file).filter(is_known).collect();
    if unused.is_empty() {
        return Unused::default();
    }
    // What nobody has read may import anything of its package.
    let may_draw = |path: &&str| [".tsx", ".jsx", ".js"].iter().any(|ending| path.ends_with(ending));
    let open: FxHashSet<&str> = unread().filter(may_draw).filter_map(|path| configurations.drawn(path)).collect();
    let is_open = |file: &FileId| configurations.drawn(path(*file)).is_some_and(|package| open.contains(package));
    let (likely, known) = unused.into_iter().partition(is_open);
    Unused { known, likely }
}

/// Whether something else than an import may run a module.
fn is_entry(path: &str, module: &Module) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let exports_nothing = module.own.is_empty() && module.handed_on.is_empty();
    module.entry.is_some()
        || module.draws
        || module.directive == Some(Directive::Server)
        || exports_nothing
        || ENTRIES.contains(&stem)
        || stem.contains('.')
        || stem.starts_with(['_', '[', '('])
        || path.split('/').any(|folder| PAGES.contains(&folder))
}

/// The name of a module without folders and ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let known = [".tsx", ".ts", ".jsx", ".js", ".mts", ".mjs"].iter().find_map(|ending| name.strip_suffix(ending));
    known.unwrap_or(name)
}
