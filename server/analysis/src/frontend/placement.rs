//! Where code runs: in the browser, on the server, or on both.
//!
//! Next.js decides by files and directives: what `use client` reaches through
//! imports is sent to the browser, the rest stays on the server. An import
//! counts when code names what it gives, so that types lead nowhere, and of a
//! module that hands names on those that are asked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::modules::{Configurations, Resolved};
use super::unused::{self, Said, Unused};
use crate::facts::typescript::file::{Export, TypeScriptFile};
use crate::facts::typescript::tree::Directive;
use crate::facts::typescript::uses::Uses;
use crate::index::sources::{SourceFile, Sources};
use crate::vfs::FileId;

/// Methods that a route handler exports.
pub const HANDLER_METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// Modules that hand names on are followed this far.
const MAX_EXPORTS: usize = 8;

/// What stands for all that a module exports.
const ALL: SmolStr = SmolStr::new_static("*");

/// What Next.js runs a module as, by its path and what it declares itself to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entry {
    /// `app/**/route.ts`.
    RouteHandler,
    /// `pages/api/**`.
    PagesApi,
    /// `middleware.ts` or `proxy.ts`.
    Middleware,
    /// A module with `use server`: what it exports can be called by anybody.
    Actions,
    /// A page, layout or the like of the app router without `use client`.
    ServerComponent,
    /// A page of the pages router: it runs on the server and in the browser.
    Page,
    /// `instrumentation.ts`.
    Instrumentation,
}

/// What Next.js runs a module as; none for what others import.
pub fn entry(path: &str, facts: &TypeScriptFile) -> Option<Entry> {
    let (folder, name) = path.rsplit_once('/')?;
    let (stem, _) = name.rsplit_once('.')?;
    let exports = |name: &str| facts.exports.contains_key(name);
    match facts.directive {
        Some(Directive::Server) => return Some(Entry::Actions),
        Some(Directive::Client) => return None,
        None => {}
    }
    let in_app = folder.ends_with("/app") || folder.contains("/app/");
    let in_pages = folder.ends_with("/pages") || folder.contains("/pages/");
    match stem {
        "route" if in_app && HANDLER_METHODS.iter().any(|method| exports(method)) => Some(Entry::RouteHandler),
        "middleware" | "proxy" if exports(stem) || (exports("default") && exports("config")) => Some(Entry::Middleware),
        "instrumentation" if exports("register") => Some(Entry::Instrumentation),
        "page" | "layout" | "template" | "default" | "loading" | "not-found" if in_app && exports("default") => {
            Some(Entry::ServerComponent)
        }
        _ if !in_pages || !exports("default") => None,
        _ if folder.ends_with("/pages/api") || folder.contains("/pages/api/") => Some(Entry::PagesApi),
        _ => Some(Entry::Page),
    }
}

/// Something that a module's code names of another one: `M` is its file, or what it is imported as.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named<M> {
    pub(super) module: M,
    /// The name there; none for the module as a whole.
    name: Option<SmolStr>,
    /// Whether it is only drawn, as an element of JSX: who evaluates the code that names it does not look at it.
    is_only_drawn: bool,
}

/// A module, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) directive: Option<Directive>,
    pub(super) entry: Option<Entry>,
    /// Whether it says that it never goes to the browser.
    server_only: bool,
    /// Whether it draws a page in the browser itself, or gives properties on the server.
    pub(super) draws: bool,
    gives_properties: bool,
    /// What its code names of other modules.
    pub(super) written: Vec<Named<SmolStr>>,
    /// What it hands on: its own name, the module, and the name there.
    pub(super) handed_on: Vec<(SmolStr, SmolStr, SmolStr)>,
    /// The same, resolved.
    pub(super) imports: Vec<Named<FileId>>,
    pub(super) exports: Vec<(SmolStr, FileId, SmolStr)>,
    /// What it exports itself.
    pub(super) own: FxHashSet<SmolStr>,
    /// What tells whether it is drawn.
    pub(super) said: Said,
}

/// Where all modules run.
#[derive(Debug, Clone, Default)]
pub struct Placement {
    modules: FxHashMap<FileId, Arc<Module>>,
    /// Modules that were read anew.
    stale: FxHashSet<FileId>,
    /// Whether imports may mean other files than before.
    unresolved: bool,
    /// Modules in the browser, each with the one that imports it.
    browser: FxHashMap<FileId, Option<FileId>>,
    /// Modules on the server, likewise.
    server: FxHashMap<FileId, Option<FileId>>,
    /// Server actions that code of the browser names, by their modules.
    called: FxHashSet<(FileId, SmolStr)>,
    /// Those that code names which draws pages, on the server too: an element may hold them.
    drawn_with: FxHashSet<(FileId, SmolStr)>,
    /// Modules to which nothing leads.
    unused: Unused,
    /// Whether some module imports other things than when [`Self::unread`] was asked.
    leads_otherwise: bool,
}

impl Placement {
    /// Whether a module is sent to the browser.
    pub fn in_browser(&self, file: FileId) -> bool {
        self.browser.contains_key(&file)
    }

    /// Whether a module runs on the server.
    pub fn on_server(&self, file: FileId) -> bool {
        self.server.contains_key(&file)
    }

    /// Whether code of the browser names what a module of server actions exports: browsers know how to call it.
    pub fn is_called_from_browser(&self, file: FileId, name: &str) -> bool {
        names(&self.called, file, name)
    }

    /// Whether code that draws names it, or code of the browser: on the server it may give it to an element, which
    /// browsers call it by.
    pub fn may_be_drawn_with(&self, file: FileId, name: &str) -> bool {
        self.is_called_from_browser(file, name) || names(&self.drawn_with, file, name)
    }

    /// Whether nothing leads to a module: it is no entry of a framework, and none reaches it.
    pub fn is_unused(&self, file: FileId) -> bool {
        self.unused.known.contains(&file)
    }

    /// Whether it likely is: nothing that was read leads to it.
    pub fn is_likely_unused(&self, file: FileId) -> bool {
        self.is_unused(file) || self.unused.likely.contains(&file)
    }

    /// What Next.js runs a module as.
    pub fn entry(&self, file: FileId) -> Option<Entry> {
        self.modules.get(&file)?.entry
    }

    /// Whether a module declares itself to be one of the browser.
    pub fn is_client_boundary(&self, file: FileId) -> bool {
        self.modules.get(&file).is_some_and(|module| module.directive == Some(Directive::Client))
    }

    /// Whether some module imports a file, or hands on what it exports.
    pub fn is_imported(&self, file: FileId) -> bool {
        let mut modules = self.modules.values();
        modules.any(|module| {
            module.imports.iter().any(|import| import.module == file)
                || module.exports.iter().any(|(_, other, _)| *other == file)
        })
    }

    /// Whether a module, or one that it has something from, names something of a
    /// package whose name begins like this.
    pub fn rests_on_package(&self, file: FileId, package: &str) -> bool {
        let names = |module: &Module| {
            module
                .written
                .iter()
                .map(|named| &named.module)
                .chain(module.handed_on.iter().map(|(_, module, _)| module))
                .any(|written| {
                    written == package || written.strip_prefix(package).is_some_and(|rest| rest.starts_with('/'))
                })
        };
        let Some(module) = self.modules.get(&file) else { return false };
        let others = module.imports.iter().filter_map(|import| self.modules.get(&import.module));
        names(module) || others.into_iter().any(|other| names(other))
    }

    /// The modules through which one gets to the browser, from the one that is
    /// drawn there to the one itself.
    pub fn way_to_browser(&self, file: FileId) -> Vec<FileId> {
        let mut way = vec![file];
        while let Some(Some(importer)) = way.last().and_then(|file| self.browser.get(file)) {
            if way.contains(importer) {
                break;
            }
            way.push(*importer);
        }
        way.reverse();
        way
    }

    /// Notes that a module was read, changed or went away. `listing` tells that
    /// imports may mean other files now.
    pub(super) fn note(&mut self, file: FileId, listing: bool) {
        self.stale.insert(file);
        self.unresolved |= listing;
    }

    /// Notes that what imports mean, and which modules are of a frontend, may have changed.
    pub(super) fn note_configuration(&mut self) {
        self.unresolved = true;
        self.leads_otherwise = true;
    }

    /// Finds out anew where modules run. Tells whether that changed.
    pub(super) fn update(&mut self, sources: &Sources, configurations: &Configurations) -> bool {
        let stale = std::mem::take(&mut self.stale);
        let unresolved = std::mem::take(&mut self.unresolved);
        let (mut changed, mut runs_otherwise, mut leads_otherwise) = (false, false, false);
        let mut fresh: Vec<(FileId, Option<Module>)> = Vec::new();
        for file in stale.iter().copied() {
            let source = sources.file(file).filter(|source| !source.test);
            leads_otherwise |= source.is_some_and(|source| source.imports.is_some());
            let read = source.and_then(|source| Some(read(&source.path, source.script.as_ref()?)));
            fresh.push((file, read));
        }
        if unresolved {
            let others = self.modules.iter().filter(|(file, _)| !stale.contains(file));
            fresh.extend(others.map(|(file, module)| (*file, Some((**module).clone()))));
        }
        for (file, module) in fresh {
            let Some(mut module) = module else {
                changed |= self.modules.remove(&file).is_some();
                runs_otherwise |= changed;
                continue;
            };
            resolve(&mut module, file, sources, configurations);
            let known = self.modules.get(&file);
            runs_otherwise |=
                known.map(|known| (known.entry, known.directive)) != Some((module.entry, module.directive));
            self.leads_otherwise |=
                known.is_none_or(|known| known.imports != module.imports || known.exports != module.exports);
            if known.is_none_or(|known| **known != module) {
                self.modules.insert(file, Arc::new(module));
                changed = true;
            }
        }
        // A package may say now that it has pages.
        if !changed && !unresolved && !leads_otherwise {
            return false;
        }
        let is_drawn = |module: &Module| {
            module.directive == Some(Directive::Client) || module.entry == Some(Entry::Page) || module.draws
        };
        let is_served = |module: &Module| match module.entry {
            Some(Entry::Page) => module.gives_properties,
            Some(_) => true,
            None => module.server_only,
        };
        // A client component that imports a server action gets a name to call it by.
        let browser = self.reached(is_drawn, |module| module.directive == Some(Directive::Server));
        let server = self.reached(is_served, |module| module.directive == Some(Directive::Client));
        let unused = unused::find(&self.modules, sources, configurations);
        let modules = browser.keys().filter_map(|file| self.modules.get(file));
        let called = self.actions_named_by(modules.map(|module| &**module));
        // Only these have the syntax for elements.
        let draws = |file: &FileId| {
            let path = sources.file(*file).map_or("", |source| source.path.as_str());
            [".tsx", ".jsx", ".js"].iter().any(|end| path.ends_with(end))
        };
        let drawing = self.modules.iter().filter(|(file, module)| {
            draws(file) && !matches!(module.entry, Some(Entry::Actions | Entry::RouteHandler | Entry::PagesApi))
        });
        let drawn_with = self.actions_named_by(drawing.map(|(_, module)| &**module));
        let same = self.browser == browser
            && self.server == server
            && self.unused == unused
            && self.called == called
            && self.drawn_with == drawn_with;
        self.unused = unused;
        self.called = called;
        self.drawn_with = drawn_with;
        self.browser = browser;
        self.server = server;
        !same || runs_otherwise
    }

    /// Server actions that modules name: `*` stands for all of a module.
    fn actions_named_by<'m>(&self, modules: impl Iterator<Item = &'m Module>) -> FxHashSet<(FileId, SmolStr)> {
        let mut called = FxHashSet::default();
        for import in modules.flat_map(|module| &module.imports) {
            let name = import.name.clone().unwrap_or(ALL);
            let mut givers = Vec::new();
            self.givers(import.module, &name, &mut givers, 0);
            let is_server = |file: &FileId| {
                self.modules.get(file).is_some_and(|module| module.directive == Some(Directive::Server))
            };
            called.extend(givers.into_iter().filter(is_server).map(|file| (file, name.clone())));
        }
        called
    }

    fn reached(
        &self,
        is_root: impl Fn(&Module) -> bool,
        is_border: impl Fn(&Module) -> bool,
    ) -> FxHashMap<FileId, Option<FileId>> {
        let mut roots: Vec<FileId> =
            self.modules.iter().filter(|(_, module)| is_root(module)).map(|(file, _)| *file).collect();
        // The way to a module must not depend on the order of a map.
        roots.sort_unstable();
        let mut found: FxHashMap<FileId, Option<FileId>> = roots.iter().map(|file| (*file, None)).collect();
        let mut open: std::collections::VecDeque<FileId> = roots.into();
        while let Some(file) = open.pop_front() {
            let Some(module) = self.modules.get(&file) else { continue };
            let mut next = Vec::new();
            for import in &module.imports {
                match &import.name {
                    Some(name) => self.givers(import.module, name, &mut next, 0),
                    None => next.push(import.module),
                }
            }
            for target in next {
                let stops = self.modules.get(&target).is_some_and(|module| is_border(module));
                if !stops && !found.contains_key(&target) {
                    found.insert(target, Some(file));
                    open.push_back(target);
                }
            }
        }
        found
    }

    /// Modules that were not read, and that code of those names that are evaluated, or code of what these name, and so
    /// on. Nothing where imports are as they were when this was asked last.
    pub(super) fn unread(&mut self, sources: &Sources, configurations: &Configurations) -> BTreeSet<FileId> {
        let mut unread = BTreeSet::new();
        if !std::mem::take(&mut self.leads_otherwise) {
            return unread;
        }
        let is_root = |file: &FileId| {
            let is_evaluated =
                |source: &SourceFile| source.is_evaluated() && !configurations.is_of_unused_library(&source.path);
            sources.file(*file).is_some_and(is_evaluated)
        };
        let mut open: Vec<FileId> = self.modules.keys().copied().filter(is_root).collect();
        let mut seen: FxHashSet<FileId> = open.iter().copied().collect();
        let mut next = Vec::new();
        while let Some(module) = open.pop().and_then(|file| self.modules.get(&file)) {
            for import in module.imports.iter().filter(|import| !import.is_only_drawn) {
                self.givers(import.module, import.name.as_deref().unwrap_or("*"), &mut next, 0);
            }
            for target in next.drain(..).filter(|target| seen.insert(*target)) {
                if self.modules.contains_key(&target) {
                    open.push(target);
                } else if sources.file(target).is_some_and(|source| source.listed && source.script.is_none()) {
                    unread.insert(target);
                }
            }
        }
        unread
    }

    /// The modules that give a name: the one that is asked, and those that it
    /// has it from. None if it is no value.
    fn givers(&self, file: FileId, name: &str, found: &mut Vec<FileId>, depth: usize) {
        let Some(module) = self.modules.get(&file) else {
            found.push(file);
            return;
        };
        if depth >= MAX_EXPORTS {
            return;
        }
        if name == "*" || module.own.contains(name) {
            found.push(file);
        }
        for (own, target, there) in &module.exports {
            if own == name || name == "*" {
                self.givers(*target, there, found, depth + 1);
            } else if own == "*" {
                self.givers(*target, name, found, depth + 1);
            }
        }
    }
}

/// Whether names of a module are among some, this one or all.
fn names(known: &FxHashSet<(FileId, SmolStr)>, file: FileId, name: &str) -> bool {
    known.contains(&(file, SmolStr::new(name))) || known.contains(&(file, ALL))
}

/// What a module says of itself.
fn read(path: &str, facts: &TypeScriptFile) -> Module {
    let mut uses = Uses::default();
    facts.stmts().iter().for_each(|stmt| uses.add_stmt(stmt));
    let mut written: Vec<Named<SmolStr>> = Vec::new();
    for (here, (module, there)) in &facts.imports {
        if uses.names.contains(here) {
            let is_only_drawn = !uses.values.contains(here);
            written.push(Named { module: module.clone(), name: Some(there.clone()), is_only_drawn });
        }
    }
    let whole = |module: &SmolStr| Named { module: module.clone(), name: None, is_only_drawn: false };
    written.extend(uses.modules.iter().chain(&uses.effects).map(whole));
    let server_only = uses.effects.contains("server-only");
    let draws = written.iter().any(|named| named.module == "react-dom/client");
    written.sort_unstable();
    let mut own = FxHashSet::default();
    let mut handed_on: Vec<(SmolStr, SmolStr, SmolStr)> =
        facts.exports_all.iter().map(|module| ("*".into(), module.clone(), "*".into())).collect();
    for (name, export) in &facts.exports {
        match export {
            Export::From(module, there) => handed_on.push((name.clone(), module.clone(), there.clone())),
            Export::Local(local) => match facts.imports.get(local) {
                Some((module, there)) => handed_on.push((name.clone(), module.clone(), there.clone())),
                None => drop(own.insert(name.clone())),
            },
            Export::Default(_) => drop(own.insert(name.clone())),
        }
    }
    handed_on.sort_unstable();
    let said = Said::of(&uses);
    let gives_properties = ["getServerSideProps", "getStaticProps"].iter().any(|name| own.contains(*name));
    Module {
        directive: facts.directive,
        entry: entry(path, facts),
        server_only,
        draws,
        gives_properties,
        written,
        handed_on,
        imports: Vec::new(),
        exports: Vec::new(),
        own,
        said,
    }
}

fn resolve(module: &mut Module, file: FileId, sources: &Sources, configurations: &Configurations) {
    let path = sources.file(file).map(|source| source.path.as_str()).unwrap_or_default();
    let mut known: FxHashMap<&str, Option<FileId>> = FxHashMap::default();
    let target = |name: &SmolStr, known: &mut FxHashMap<&str, Option<FileId>>| {
        if let Some(target) = known.get(name.as_str()) {
            return *target;
        }
        match configurations.resolve(sources, path, name) {
            Resolved::File(target) if target != file => Some(target),
            _ => None,
        }
    };
    let mut imports = Vec::new();
    for named in &module.written {
        let target = target(&named.module, &mut known);
        known.insert(&named.module, target);
        let import = |module| Named { module, name: named.name.clone(), is_only_drawn: named.is_only_drawn };
        imports.extend(target.map(import));
    }
    let mut exports = Vec::new();
    for (own, written, there) in &module.handed_on {
        exports.extend(target(written, &mut known).map(|target| (own.clone(), target, there.clone())));
    }
    module.imports = imports;
    module.exports = exports;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::typescript::lower::lower_file;
    use crate::syntax::{Grammar, parse};

    fn facts(path: &str, text: &str) -> Option<TypeScriptFile> {
        let grammar = Grammar::of_path(path)?;
        Some(lower_file(text, &parse(grammar, text, None)?, grammar, None).file)
    }

    /// Where modules run: `b` in the browser, `s` on the server.
    fn places(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut sources = Sources::default();
        let mut placement = Placement::default();
        for (path, text) in files {
            let file = sources.intern(&format!("/p/{path}"));
            sources.set_script(file, facts(path, text).map(Arc::new), false, true);
            placement.note(file, true);
        }
        assert!(placement.update(&sources, &Configurations::default()));
        let place = |path: &str| {
            let Some(file) = sources.id(&format!("/p/{path}")) else { return String::new() };
            let browser = if placement.in_browser(file) { "b" } else { "" };
            let server = if placement.on_server(file) { "s" } else { "" };
            format!("{browser}{server}")
        };
        files.iter().map(|(path, _)| ((*path).to_owned(), place(path))).collect()
    }

    #[test]
    fn modules_run_where_they_are_reached_from() {
        let files = [
            (
                "app/page.tsx",
                "import { Form } from '../ui';\nimport { rows } from '../lib/rows';\nexport default async function Page() { await rows(); return <Form />; }\n",
            ),
            ("ui/index.ts", "export { Form } from './form';\nexport { Other } from './other';\n"),
            (
                "ui/form.tsx",
                "'use client';\nimport { save } from '../app/actions';\nimport { auth, shared } from '../lib/shared';\nimport type { Row } from '../lib/rows';\nexport function Form() { shared(); return <form action={save} />; }\n",
            ),
            ("ui/other.tsx", "export const Other = 1;\n"),
            (
                "app/actions.ts",
                "'use server';\nimport { rows } from '../lib/rows';\nexport async function save() { await rows(); }\n",
            ),
            (
                "lib/rows.ts",
                "import 'server-only';\nexport async function rows() { return []; }\nexport interface Row { id: number }\n",
            ),
            ("lib/shared.ts", "export { auth } from './auth';\nexport function shared() { return 1; }\n"),
            ("lib/auth.ts", "export const auth = 1;\n"),
            (
                "app/api/x/route.ts",
                "import { shared } from '../../../lib/shared';\nexport async function GET() { return shared(); }\n",
            ),
            ("lib/nobody.ts", "export const nothing = 1;\n"),
        ];
        let wanted = [
            ("app/page.tsx", "s"),
            ("ui/index.ts", ""),
            ("ui/form.tsx", "b"),
            ("ui/other.tsx", ""),
            ("app/actions.ts", "s"),
            ("lib/rows.ts", "s"),
            ("lib/shared.ts", "bs"),
            // Imported, and named by nobody's code.
            ("lib/auth.ts", ""),
            ("app/api/x/route.ts", "s"),
            ("lib/nobody.ts", ""),
        ];
        let wanted: Vec<(String, String)> = wanted.map(|(path, place)| (path.into(), place.into())).into();
        assert_eq!(places(&files), wanted);
    }

    #[test]
    fn what_code_names_is_to_be_read_and_what_it_draws_is_not() {
        let mut sources = Sources::default();
        let mut placement = Placement::default();
        let modules = ["lib/index.ts", "lib/client.ts", "ui/button.tsx", "lib/types.ts", "lib/deep.ts"];
        for path in modules {
            let file = sources.intern(&format!("/p/{path}"));
            sources.set_script(file, None, true, false);
        }
        let mut read = |path: &str, text: &str| {
            let file = sources.intern(&format!("/p/{path}"));
            sources.set_script(file, facts(path, text).map(Arc::new), false, path.starts_with("app/"));
            placement.note(file, false);
            placement.update(&sources, &Configurations::default());
            let unread = placement.unread(&sources, &Configurations::default());
            unread.iter().filter_map(|file| sources.file(*file)).map(|file| file.path.to_string()).collect::<Vec<_>>()
        };
        let page = "import { get } from '../lib';\nimport { Button } from '../ui/button';\nimport type { Row } from '../lib/types';\nexport default function Page() { get(); return <Button />; }\n";
        assert_eq!(read("app/page.tsx", page), ["/p/lib/index.ts"]);
        assert_eq!(read("lib/index.ts", "export { get } from './client';\n"), ["/p/lib/client.ts"]);
        let client = "import { send } from './deep';\nexport const get = () => send();\n";
        assert_eq!(read("lib/client.ts", client), ["/p/lib/deep.ts"]);
        // Nothing is asked for again where imports are as they were.
        assert_eq!(read("app/page.tsx", &format!("{page}const x = 1;\n")), [""; 0]);
    }

    #[test]
    fn entries_go_by_path_and_exports() {
        let entry = |path: &str, text: &str| facts(path, text).and_then(|facts| super::entry(path, &facts));
        assert_eq!(entry("/p/src/app/api/x/route.ts", "export async function GET() {}"), Some(Entry::RouteHandler));
        assert_eq!(entry("/p/src/app/api/x/route.ts", "export const x = 1;"), None);
        assert_eq!(entry("/p/proxy.ts", "export function proxy() {}"), Some(Entry::Middleware));
        assert_eq!(entry("/p/lib/proxy.ts", "export const other = 1;"), None);
        assert_eq!(entry("/p/app/a.ts", "'use server';\nexport async function f() {}"), Some(Entry::Actions));
        assert_eq!(entry("/p/pages/api/x.ts", "export default function f() {}"), Some(Entry::PagesApi));
        assert_eq!(entry("/p/app/page.tsx", "'use client';\nexport default function P() {}"), None);
    }
}
