//! Modules to which nothing leads: they are no entry of a framework, and no module that runs names them.

use rustc_hash::{FxHashMap, FxHashSet};

use super::modules::{Configurations, Resolved};
use super::placement::Module;
use crate::facts::typescript::imports::Imports;
use crate::facts::typescript::tree::Directive;
use crate::facts::typescript::uses::Uses;
use crate::index::sources::{SourceFile, Sources};
use crate::syntax::typescript;
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

/// Modules to which nothing leads.
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
}

impl Said {
    pub(super) fn of(uses: &Uses) -> Self {
        Self { imports_any: uses.globs || ["import", "require"].iter().any(|name| uses.names.contains(*name)) }
    }
}

/// Modules to which nothing leads, of packages that React draws and in which every import is written out;
/// and those of which that is only likely, as of some scripts of the package that may draw it is not known what they
/// import.
pub(super) fn find(
    modules: &FxHashMap<FileId, std::sync::Arc<Module>>,
    sources: &Sources,
    configurations: &Configurations,
) -> Unused {
    let path = |file: FileId| sources.file(file).map_or("", |source| source.path.as_str());
    // Packages in which an import may mean any module, and those that React draws.
    let (mut any, mut drawn) = (FxHashSet::default(), FxHashSet::default());
    for (file, module) in modules {
        let Some(package) = configurations.drawn(path(*file)) else { continue };
        if module.said.imports_any {
            any.insert(package);
        }
        if module.written.iter().any(|named| named.module == "react" || named.module.starts_with("react-dom")) {
            drawn.insert(package);
        }
    }
    let is_drawn = |file: FileId, any: &FxHashSet<&str>| {
        configurations.drawn(path(file)).is_some_and(|package| drawn.contains(package) && !any.contains(package))
    };
    let drawn_ones: Vec<FileId> = modules.keys().copied().filter(|file| is_drawn(*file, &any)).collect();
    let used = used(modules.iter().map(|(file, module)| Node::read(*file, path(*file), module)).collect(), |_, _| None);
    if drawn_ones.iter().all(|file| used.contains(file)) {
        return Unused::default();
    }
    // What is only listed was not read: it may import others all the same.
    let unread = sources.iter().filter(|(_, source)| source.listed && source.script.is_none() && !source.test);
    let unread: Vec<(FileId, &SourceFile)> = unread.filter(|(_, source)| may_draw(&source.path)).collect();
    let mut nodes: Vec<Node> = modules.iter().map(|(file, module)| Node::read(*file, path(*file), module)).collect();
    // Packages of which it is not known what some script imports.
    let mut open = FxHashSet::default();
    for (file, source) in unread {
        let package = configurations.drawn(&source.path);
        match &source.imports {
            Some(imports) => {
                any.extend(package.filter(|_| imports.any));
                nodes.push(Node::unread(file, &source.path, imports));
            }
            None => open.extend(package),
        }
    }
    let resolve = |file: FileId, module: &str| match configurations.resolve(sources, path(file), module) {
        Resolved::File(file) => Some(file),
        Resolved::Package(_) => None,
    };
    let used = self::used(nodes, resolve);
    let unused = drawn_ones.into_iter().filter(|file| !used.contains(file) && is_drawn(*file, &any));
    let is_open = |file: &FileId| configurations.drawn(path(*file)).is_some_and(|package| open.contains(package));
    let (likely, known) = unused.partition(is_open);
    Unused { known, likely }
}

/// A script, and what it imports.
struct Node<'m> {
    file: FileId,
    path: &'m str,
    is_entry: bool,
    imports: Imported<'m>,
}

enum Imported<'m> {
    Read(&'m Module),
    Unread(&'m Imports),
}

impl<'m> Node<'m> {
    fn read(file: FileId, path: &'m str, module: &'m Module) -> Self {
        Self { file, path, is_entry: is_entry(path, module), imports: Imported::Read(module) }
    }

    fn unread(file: FileId, path: &'m str, imports: &'m Imports) -> Self {
        let draws = imports.modules().any(|module| module == "react-dom/client");
        let is_entry = draws || !imports.exports || is_entry_by_path(path);
        Self { file, path, is_entry, imports: Imported::Unread(imports) }
    }
}

/// The scripts to which others lead that run. `resolve` says which file an import means that no file has the name of.
fn used(nodes: Vec<Node>, resolve: impl Fn(FileId, &str) -> Option<FileId>) -> FxHashSet<FileId> {
    let mut by_stem: FxHashMap<&str, Vec<FileId>> = FxHashMap::default();
    for node in &nodes {
        by_stem.entry(stem(node.path)).or_default().push(node.file);
    }
    let mut open: Vec<FileId> = nodes.iter().filter(|node| node.is_entry).map(|node| node.file).collect();
    let mut used: FxHashSet<FileId> = open.iter().copied().collect();
    let imports: FxHashMap<FileId, Imported> = nodes.into_iter().map(|node| (node.file, node.imports)).collect();
    while let Some(file) = open.pop() {
        let mut found: Vec<FileId> = Vec::new();
        // What an import means may not be known: any file of its name counts.
        let named = |name: &str| by_stem.get(stem(name)).map(Vec::as_slice).unwrap_or_default();
        match imports.get(&file) {
            Some(Imported::Read(module)) => {
                found.extend(module.imports.iter().map(|import| import.module));
                found.extend(module.exports.iter().map(|(_, file, _)| *file));
                let handed_on = module.handed_on.iter().map(|(_, name, _)| name);
                found.extend(
                    module.written.iter().map(|named| &named.module).chain(handed_on).flat_map(|name| named(name)),
                );
            }
            Some(Imported::Unread(imports)) => {
                for name in imports.modules() {
                    match named(name) {
                        [] => found.extend(resolve(file, name)),
                        files => found.extend(files),
                    }
                }
            }
            None => {}
        }
        open.extend(found.into_iter().filter(|file| used.insert(*file)));
    }
    used
}

/// Whether a file is a script that can draw what others give, or hand it on.
fn may_draw(path: &str) -> bool {
    typescript::grammar(path).is_some() && !path.ends_with(".d.ts")
}

/// Whether something else than an import may run a module.
fn is_entry(path: &str, module: &Module) -> bool {
    let exports_nothing = module.own.is_empty() && module.handed_on.is_empty();
    module.entry.is_some()
        || module.draws
        || module.directive == Some(Directive::Server)
        || exports_nothing
        || is_entry_by_path(path)
}

/// Whether the path of a module says so.
fn is_entry_by_path(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    ENTRIES.contains(&stem)
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
