//! The files of the project as the interpreter sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::bodies::Bodies;
use super::modules::{Module, ModuleMap};
use super::value::Site;
use crate::facts::manifests::{self, Pinned, Version};
use crate::facts::python::file::PythonFile;
use crate::facts::python::tree::ImportFrom;
use crate::facts::typescript::file::TypeScriptFile;
use crate::facts::typescript::imports::Imports;
use crate::syntax::typescript;
use crate::vfs::{ByFile, FileId, Location};

/// One file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Absolute path with forward slashes.
    pub path: SmolStr,
    /// Its facts, when it has been read and is Python.
    pub facts: Option<Arc<PythonFile>>,
    /// Its facts, when it has been read and is TypeScript or JavaScript.
    pub script: Option<Arc<TypeScriptFile>>,
    /// Whether it exists but has not been read.
    pub listed: bool,
    /// What it imports, if it is a script of which nothing else was read.
    pub imports: Option<Arc<Imports>>,
    /// Whether its text names a framework or a router, or may send requests: only
    /// such files are executed for themselves.
    pub relevant: bool,
    /// Whether it is test code.
    pub test: bool,
}

impl SourceFile {
    /// Whether it is a script that is evaluated for itself. One that does nothing that matters is executed where
    /// another one calls it.
    pub fn is_evaluated(&self) -> bool {
        self.script.is_some() && self.relevant && !self.test
    }
}

/// All files, by id and by module name.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    files: ByFile<SourceFile>,
    by_path: Arc<FxHashMap<SmolStr, FileId>>,
    modules: Arc<ModuleMap>,
    /// Files that are read and name a framework or a router.
    relevant: Arc<BTreeSet<FileId>>,
    roots: Vec<String>,
    /// Dotted names of callables that verify, by the user's word.
    vouched: Vec<SmolStr>,
    /// Names that say whose something is, by the user's word.
    owner_names: Vec<SmolStr>,
    /// Files with classes that derive from a class of that last name.
    heirs: Arc<FxHashMap<SmolStr, Vec<FileId>>>,
    /// Files that keep something of that name on a `state`.
    kept: Arc<FxHashMap<SmolStr, Vec<FileId>>>,
    /// What manifests say of FastAPI's version, by path.
    manifests: Arc<BTreeMap<SmolStr, Pinned>>,
    bodies: Bodies,
}

impl Sources {
    /// Sets the workspace roots: what is test code is seen from there, so that
    /// a project below a folder `tests` is still a project.
    pub fn set_roots(&mut self, roots: &[String]) {
        self.roots = roots.to_vec();
        for at in 0..self.files.len() as u32 {
            let test = self.file(FileId(at)).is_some_and(|file| self.is_test(&file.path));
            if let Some(file) = self.files.get_mut(FileId(at)) {
                file.test = test;
            }
        }
    }

    fn is_test(&self, path: &str) -> bool {
        let below = |root: &String| path.strip_prefix(root.as_str())?.strip_prefix('/');
        is_test_path(self.roots.iter().filter_map(below).min_by_key(|rest| rest.len()).unwrap_or(path))
    }

    /// Sets the callables that verify by the user's word.
    pub fn set_vouched(&mut self, names: Vec<SmolStr>) {
        self.vouched = names;
    }

    /// Sets the names that say whose something is by the user's word.
    pub fn set_owner_names(&mut self, names: Vec<SmolStr>) {
        self.owner_names = names;
    }

    /// Names that say whose something is, by the user's word.
    pub fn owner_names(&self) -> &[SmolStr] {
        &self.owner_names
    }

    /// Whether the user vouches for a callable of a module. Where a folder is no
    /// package, a module's own name begins below what the user writes.
    pub fn is_vouched(&self, module: &str, name: &str) -> bool {
        let above = |vouched: &'_ SmolStr| {
            let above = vouched.strip_suffix(name)?.strip_suffix('.')?.strip_suffix(module)?;
            Some(above.is_empty() || above.ends_with('.'))
        };
        self.vouched.iter().any(|vouched| above(vouched) == Some(true))
    }

    /// Bodies of closed files that were looked into.
    pub fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// The id of a path, made when it is new.
    pub fn intern(&mut self, path: &str) -> FileId {
        if let Some(&file) = self.by_path.get(path) {
            return file;
        }
        let file = FileId(self.files.len() as u32);
        let test = self.is_test(path);
        let path = SmolStr::new(path);
        Arc::make_mut(&mut self.by_path).insert(path.clone(), file);
        self.files.push(SourceFile {
            path,
            facts: None,
            script: None,
            listed: false,
            imports: None,
            relevant: false,
            test,
        });
        file
    }

    /// The id of a path.
    pub fn id(&self, path: &str) -> Option<FileId> {
        self.by_path.get(path).copied()
    }

    /// A file.
    pub fn file(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(file)
    }

    /// Takes over what was read of a file.
    pub fn set_facts(&mut self, file: FileId, facts: Option<Arc<PythonFile>>, listed: bool, relevant: bool) {
        let executed = relevant && facts.is_some();
        if self.relevant.contains(&file) != executed {
            let all = Arc::make_mut(&mut self.relevant);
            if executed {
                all.insert(file)
            } else {
                all.remove(&file)
            };
        }
        let before = self.facts(file).cloned();
        note_names(&mut self.heirs, file, before.as_deref(), facts.as_deref(), |facts| &facts.heirs);
        note_names(&mut self.kept, file, before.as_deref(), facts.as_deref(), |facts| &facts.kept);
        if let Some(source) = self.files.get_mut(file) {
            source.facts = facts;
            source.listed = listed;
            source.relevant = relevant;
        }
    }

    /// Classes outside of tests that derive from a class of that last name, in the order of their files' paths.
    pub fn heirs(&self, base: &str) -> Vec<(FileId, SmolStr)> {
        self.named(&self.heirs, base, |facts| &facts.heirs)
    }

    /// Items outside of tests that keep something of that name on a `state`, in the order of their files' paths.
    pub fn kept(&self, name: &str) -> Vec<(FileId, u32)> {
        self.named(&self.kept, name, |facts| &facts.kept)
    }

    /// What files outside of tests say under a name, in the order of their paths.
    fn named<T: Clone>(
        &self,
        all: &FxHashMap<SmolStr, Vec<FileId>>,
        name: &str,
        of: impl Fn(&PythonFile) -> &[(SmolStr, T)],
    ) -> Vec<(FileId, T)> {
        let files = all.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut files: Vec<(&SmolStr, FileId)> = files
            .iter()
            .filter_map(|&id| self.file(id).filter(|file| !file.test).map(|file| (&file.path, id)))
            .collect();
        files.sort_unstable();
        let mut found = Vec::new();
        for (_, file) in files {
            let said = self.facts(file).map(|facts| of(facts)).unwrap_or_default();
            found.extend(said.iter().filter(|(other, _)| other == name).map(|(_, what)| (file, what.clone())));
        }
        found
    }

    /// Takes over what was read of a module of TypeScript or JavaScript.
    pub fn set_script(&mut self, file: FileId, script: Option<Arc<TypeScriptFile>>, listed: bool, relevant: bool) {
        if let Some(source) = self.files.get_mut(file) {
            source.script = script;
            source.listed = listed;
            source.relevant = relevant;
        }
    }

    /// Takes over what a script imports of which nothing else was read.
    pub fn set_imports(&mut self, file: FileId, imports: Option<Arc<Imports>>) {
        if let Some(source) = self.files.get_mut(file) {
            source.imports = imports;
        }
    }

    /// Files that are read and name a framework or a router, by their ids.
    pub fn relevant(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.relevant.iter().filter_map(|&file| Some((file, self.file(file)?)))
    }

    /// The facts of a file.
    pub fn facts(&self, file: FileId) -> Option<&Arc<PythonFile>> {
        self.file(file)?.facts.as_ref()
    }

    /// All files in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter()
    }

    /// Makes a file importable, or takes that back. Returns whether that changed anything.
    pub fn set_importable(&mut self, file: FileId, importable: bool) -> bool {
        let Some(path) = self.file(file).map(|f| f.path.clone()) else { return false };
        if self.modules.contains(&path) == importable || !path.ends_with(".py") {
            return false;
        }
        if importable {
            Arc::make_mut(&mut self.modules).insert(&path, file);
        } else {
            Arc::make_mut(&mut self.modules).remove(&path);
        }
        true
    }

    /// Takes over the text of a manifest, or that it is gone. Returns whether
    /// that changed anything.
    pub fn set_manifest(&mut self, path: &str, text: Option<&str>) -> bool {
        let manifests = Arc::make_mut(&mut self.manifests);
        match text.and_then(|text| manifests::read(path, text)) {
            Some(pinned) => manifests.insert(path.into(), pinned) != Some(pinned),
            None => manifests.remove(path).is_some(),
        }
    }

    /// The FastAPI that a file runs with, and the manifest that says so: the
    /// nearest folder above that names one, there the one that says most.
    pub fn fastapi(&self, file: FileId) -> Option<(Version, &str)> {
        let mut folder = super::modules::parent(&self.file(file)?.path);
        while !folder.is_empty() {
            let here = self.manifests.iter().filter(|(path, _)| manifests::folder(path) == folder);
            if let Some((path, pinned)) = here.max_by_key(|(_, pinned)| (pinned.rank, pinned.version)) {
                return Some((pinned.version, path));
            }
            folder = super::modules::parent(folder);
        }
        None
    }

    /// The module that `from … import name` takes a name from: the first one of that name that may bind it. A program that
    /// runs imports no other.
    pub fn resolve_name(&self, importer: FileId, import: &ImportFrom, name: &str) -> Module {
        let first = self.resolve(importer, import.level, &import.module);
        match first {
            Module::File(file) => self.binding_module(importer, import, file, name).map_or(first, Module::File),
            other => other,
        }
    }

    /// The module that an import means in place of a file that does not bind what it asks for, if there is one that does.
    fn binding_module(&self, importer: FileId, import: &ImportFrom, first: FileId, name: &str) -> Option<FileId> {
        self.other_module(importer, import, first, name).filter(|other| self.may_bind(*other, name))
    }

    /// The next module that an import may mean, where the first does not bind what it asks for.
    pub(super) fn other_module(
        &self,
        importer: FileId,
        import: &ImportFrom,
        first: FileId,
        name: &str,
    ) -> Option<FileId> {
        if import.level > 0 || self.may_bind(first, name) {
            return None;
        }
        match self.modules.resolve_beyond(&self.file(importer)?.path, 0, &import.module, Some(first)) {
            Module::File(other) => Some(other),
            _ => None,
        }
    }

    /// Whether a module may bind a name: one that was not read may, and one with a `*` or a `__getattr__`.
    pub(super) fn may_bind(&self, file: FileId, name: &str) -> bool {
        self.facts(file).is_none_or(|facts| {
            facts.bindings.contains_key(name) || !facts.stars.is_empty() || facts.bindings.contains_key("__getattr__")
        }) || self.submodule_of_file(file, name).is_some()
    }

    /// Resolves the module of an import.
    pub fn resolve(&self, importer: FileId, level: u32, module: &str) -> Module {
        match self.file(importer) {
            Some(file) => self.modules.resolve(&file.path, level, module),
            None => Module::External(module.into()),
        }
    }

    /// The submodule `name` of a package file or namespace directory.
    pub fn submodule_of_file(&self, package: FileId, name: &str) -> Option<Module> {
        let dir = self.file(package)?.path.strip_suffix("/__init__.py")?;
        self.modules.submodule(dir, name)
    }

    /// The submodule `name` of a directory.
    pub fn submodule_of_dir(&self, dir: &str, name: &str) -> Option<Module> {
        self.modules.submodule(dir, name)
    }

    /// Dotted module name of a file.
    pub fn module_name(&self, file: FileId) -> SmolStr {
        self.file(file).map(|f| self.modules.dotted_name(&f.path)).unwrap_or_default()
    }

    /// The absolute place of a site.
    pub fn locate(&self, site: Site) -> Location {
        let range = self.facts(site.file).map_or(site.range, |facts| facts.absolute(site.item, site.range));
        Location { file: site.file, range }
    }

    /// Whether the item of a site is still in the text.
    pub fn is_ghost(&self, site: Site) -> bool {
        self.facts(site.file).and_then(|facts| facts.item(site.item)).is_none_or(|item| item.ghost)
    }
}

/// Whether a path is test code by the conventions of pytest: `test_*.py`,
/// `*_test.py`, `conftest.py`, or below a folder `tests` or `test`; or by those
/// of Jest, Vitest, Playwright and Cypress.
pub fn is_test_path(path: &str) -> bool {
    let (dirs, name) = path.rsplit_once('/').unwrap_or(("", path));
    if typescript::grammar(path).is_some() {
        return [".test.", ".spec.", ".stories.", ".cy."].iter().any(|part| name.contains(part))
            || name.starts_with("test-")
            || name.starts_with("test_")
            || dirs.split('/').any(|dir| matches!(dir, "__tests__" | "__mocks__" | "e2e" | "cypress" | "tests" | "test"))
            // At the top these are no part of what is served; below `app/` they are pages.
            || dirs.split('/').find(|dir| !dir.is_empty()).is_some_and(|top| matches!(top, "docs" | "doc" | "examples"));
    }
    name.starts_with("test_")
        || name.ends_with("_test.py")
        || name == "conftest.py"
        || dirs.split('/').any(|dir| dir == "tests" || dir == "test")
}

/// Takes over which names a file says something under.
fn note_names<T: PartialEq>(
    all: &mut Arc<FxHashMap<SmolStr, Vec<FileId>>>,
    file: FileId,
    before: Option<&PythonFile>,
    now: Option<&PythonFile>,
    of: impl Fn(&PythonFile) -> &[(SmolStr, T)],
) {
    let (before, now) = (before.map(&of).unwrap_or_default(), now.map(&of).unwrap_or_default());
    if before == now {
        return;
    }
    let all = Arc::make_mut(all);
    for (name, _) in before {
        if let Some(files) = all.get_mut(name) {
            files.retain(|other| *other != file);
        }
    }
    for (name, _) in now {
        let files = all.entry(name.clone()).or_default();
        if !files.contains(&file) {
            files.push(file);
        }
    }
}
