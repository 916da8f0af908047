//! What an edit left as it was, name by name.
//!
//! A module that was edited, and every module that looked at it, counts as
//! other than before. Most of its names mean the same all the same.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::interpreter::{GIVES, Interpreter, ModuleRun, Runs};
use super::looked_at::{Definition, Definitions, HIERARCHY, Name, OUTLINE, RestsOn, name_of_state, router_of_name};
use super::same::{both, same, same_router};
use crate::facts::python::file::{Binding, FileItem, PythonFile, bound_names};
use crate::facts::python::item::ItemStmt;
use crate::facts::python::tree::StmtKind;
use crate::vfs::FileId;

/// So many names and answers are asked about at a usual key.
const USUAL: usize = 56;

/// So few are looked at one by one.
const FEW: usize = 4;

/// What a new text of a file means for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Positions at most.
    Nothing,
    /// Bodies of functions.
    Bodies,
    /// What other files can see.
    Outline,
}

/// What an edit may have changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Modules that are other than before in some way.
    pub stale: FxHashSet<FileId>,
    /// What was read anew.
    pub edits: Edits,
    /// Runs of modules that were executed again, as they were before.
    pub runs: Runs,
    /// Names that were asked about.
    names: RefCell<FxHashMap<Name, bool>>,
    /// What was asked about as a whole; it is kept, so that its address stays its own.
    wholes: RefCell<FxHashMap<*const RestsOn, (Arc<RestsOn>, bool)>>,
}

/// What is other in the files that were read anew.
#[derive(Debug, Default)]
pub struct Edits {
    /// Their facts before; those that are not here, and not lost, were not read anew.
    before: FxHashMap<FileId, Arc<PythonFile>>,
    /// Files that came or went, or of which nobody knows what is other.
    lost: FxHashSet<FileId>,
    /// Items that are other than before, those among them that came and went; also which items a file has, where some did.
    pub items: FxHashSet<(FileId, u32)>,
    /// Of these, classes of which only bodies of methods are.
    methods: FxHashMap<(FileId, u32), Methods>,
    /// Names of classes from which other classes derive than before, and those under which other items keep something on a
    /// `state` (`state.pool`); all, where that is not known.
    heirs: Heirs,
}

/// Methods of a class by the places of their names, and whether their bodies are other than before.
type Methods = FxHashMap<u32, bool>;

/// Names that all files together say something under.
#[derive(Debug)]
enum Heirs {
    These(FxHashSet<SmolStr>),
    All,
}

impl Default for Heirs {
    fn default() -> Self {
        Self::These(FxHashSet::default())
    }
}

impl Heirs {
    /// Whether that name is among them.
    fn hold(&self, name: &str) -> bool {
        match self {
            Self::These(names) => names.contains(name),
            Self::All => true,
        }
    }

    fn are_none(&self) -> bool {
        matches!(self, Self::These(names) if names.is_empty())
    }

    /// Adds what derives from others or is kept in one of two states of a file, if that is not the same.
    fn note(&mut self, old: Option<&PythonFile>, new: Option<&PythonFile>) {
        let Self::These(names) = self else { return };
        let heirs = |file: Option<&'_ PythonFile>| file.map(|file| file.heirs.clone()).unwrap_or_default();
        let (before, now) = (heirs(old), heirs(new));
        if before != now {
            names.extend(before.iter().chain(&now).map(|(base, _)| base.clone()));
        }
        let kept = |file: Option<&'_ PythonFile>| file.map(|file| file.kept.clone()).unwrap_or_default();
        let (before, now) = (kept(old), kept(new));
        if before != now {
            names.extend(before.iter().chain(&now).map(|(name, _)| name_of_state(name)));
        }
    }
}

impl Edits {
    /// Notes what is other in a file. Tells how far that reaches.
    pub fn note(&mut self, file: FileId, old: Option<&Arc<PythonFile>>, new: Option<&Arc<PythonFile>>) -> Extent {
        self.heirs.note(old.map(Arc::as_ref), new.map(Arc::as_ref));
        let (Some(old), Some(new)) = (old, new) else {
            self.lost.insert(file);
            return Extent::Outline;
        };
        let mut extent = Extent::Nothing;
        for (old, new) in changed(&old.items, &new.items) {
            extent = extent.max(self.note_item(file, old, new));
        }
        self.before.insert(file, Arc::clone(old));
        extent
    }

    /// Notes that an item is other than before, or came or went.
    fn note_item(&mut self, file: FileId, old: Option<&FileItem>, new: Option<&FileItem>) -> Extent {
        self.items.extend([old, new].into_iter().flatten().map(|item| (file, item.number)));
        if bound_by_statement(old) != bound_by_statement(new) {
            self.items.insert(Definition::statements_of(file).place());
        }
        let (Some(old), Some(new)) = (old, new) else {
            self.items.insert(Definition::items_of(file).place());
            return Extent::Outline;
        };
        let (before, now) = (&old.placed.item.stmt, &new.placed.item.stmt);
        let stays = old.ghost == new.ghost;
        let methods = if stays { methods_since(before, now) } else { None };
        self.methods.extend(methods.map(|methods| ((file, new.number), methods)));
        match stays && before.outline_hash() == now.outline_hash() {
            true => Extent::Bodies,
            false => Extent::Outline,
        }
    }

    /// Notes files of which nobody knows any more what is other in them.
    pub fn lose(&mut self, files: impl IntoIterator<Item = FileId>) {
        let known = self.lost.len();
        self.lost.extend(files);
        if self.lost.len() > known {
            self.heirs = Heirs::All;
        }
    }

    /// Whether other classes derive from some than before, or something else is kept on a `state`.
    pub fn touch_hierarchy(&self) -> bool {
        !self.heirs.are_none()
    }

    /// Files that were read anew.
    pub fn read_anew(&self) -> impl Iterator<Item = FileId> {
        self.before.keys().chain(&self.lost).copied()
    }

    /// Whether a definition in a file that is not lost is other than before.
    pub fn touch(&self, definition: &Definition) -> bool {
        let place = definition.place();
        let is_other = |methods: &Methods| match definition.name {
            OUTLINE => false,
            name => methods.get(&name).is_none_or(|is_other| *is_other),
        };
        self.items.contains(&place) && self.methods.get(&place).is_none_or(is_other)
    }

    /// Whether one of some definitions is other than before that are in this item.
    pub fn touch_any(&self, definitions: &Definitions, item: (FileId, u32)) -> bool {
        definitions.of(item).any(|definition| self.touch(&definition))
    }

    /// Whether what can be seen of an item without looking into a method is as before.
    fn keep_outline(&self, file: FileId, item: u32) -> bool {
        !self.items.contains(&(file, item)) || self.methods.contains_key(&(file, item))
    }

    /// Whether a file was read anew.
    pub fn is_read(&self, file: FileId) -> bool {
        self.before.contains_key(&file) || self.lost.contains(&file)
    }
}

impl Changes {
    /// What follows from edits, where these modules are other than before and
    /// these runs were given up.
    pub fn new(mut stale: FxHashSet<FileId>, edits: Edits, runs: Runs) -> Self {
        if edits.touch_hierarchy() {
            stale.insert(HIERARCHY);
        }
        let names = RefCell::new(FxHashMap::with_capacity_and_hasher(USUAL, FxBuildHasher));
        let wholes = RefCell::new(FxHashMap::with_capacity_and_hasher(USUAL, FxBuildHasher));
        Self { stale, edits, runs, names, wholes }
    }

    /// Leaves out modules that turned out to be as before.
    pub fn only(&mut self, is_other: impl Fn(&FileId) -> bool) {
        self.runs.retain(|file, _| is_other(file));
        self.stale.retain(is_other);
    }

    /// Whether an answer would come out the same.
    pub fn hold(&self, interpreter: &Interpreter<'_>, rests_on: &Arc<RestsOn>) -> bool {
        if !share(&rests_on.files, &self.stale) {
            return true;
        }
        // What little rests on a few names is found out as fast as it is remembered.
        if rests_on.others.is_empty() && rests_on.names.len() + rests_on.bodies.len() <= FEW {
            return self.kept(interpreter, rests_on);
        }
        let key = Arc::as_ptr(rests_on);
        if let Some((_, answer)) = self.wholes.borrow().get(&key) {
            return *answer;
        }
        let answer = self.kept(interpreter, rests_on);
        self.wholes.borrow_mut().insert(key, (Arc::clone(rests_on), answer));
        answer
    }

    fn kept(&self, interpreter: &Interpreter<'_>, rests_on: &RestsOn) -> bool {
        let edits = &self.edits;
        let kept = |body: &Definition| !edits.lost.contains(&body.file) && !edits.touch(body);
        rests_on.bodies.iter().all(kept)
            && self.all_hold(interpreter, &rests_on.names)
            && rests_on.others.iter().all(|other| self.hold(interpreter, other))
    }

    /// Whether all of these names, which are sorted, still mean the same.
    fn all_hold(&self, interpreter: &Interpreter<'_>, names: &[Name]) -> bool {
        if names.len() <= self.stale.len() * FEW {
            let mut touched = names.iter().filter(|name| self.stale.contains(&name.file));
            return touched.all(|name| self.holds(interpreter, name));
        }
        // After a key there are a module or two that are other than before.
        self.stale.iter().all(|file| {
            let from = names.partition_point(|name| name.file < *file);
            names.iter().skip(from).take_while(|name| name.file == *file).all(|name| self.holds(interpreter, name))
        })
    }

    /// Whether a name that was looked at still means the same, apart from what
    /// the names mean that it was looked up through.
    fn holds(&self, interpreter: &Interpreter<'_>, name: &Name) -> bool {
        if let Some(&answer) = self.names.borrow().get(name) {
            return answer;
        }
        let answer = self.is_same(interpreter, name);
        self.names.borrow_mut().insert(name.clone(), answer);
        answer
    }

    fn is_same(&self, interpreter: &Interpreter<'_>, name: &Name) -> bool {
        let file = name.file;
        if file == HIERARCHY {
            return !self.edits.heirs.hold(&name.name);
        }
        if self.edits.lost.contains(&file) {
            return false;
        }
        if let Some(index) = router_of_name(&name.name) {
            return self.is_same_router(interpreter, file, index);
        }
        let Some(now) = interpreter.sources().facts(file) else { return false };
        let before = self.edits.before.get(&file).unwrap_or(now);
        let kept = |item: &u32| self.edits.keep_outline(file, *item);
        let bound = match (before.bindings.get(&name.name), now.bindings.get(&name.name)) {
            // Names that a star import may bind are looked up in its module, too.
            (None, None) => {
                let gives = |facts: &PythonFile| facts.bindings.contains_key(GIVES);
                gives(before) == gives(now) && before.stars == now.stars && now.stars.iter().all(kept)
            }
            (Some(Binding::Definition(old)), Some(Binding::Definition(new))) => old == new && kept(new),
            (Some(Binding::Import(old, at)), Some(Binding::Import(new, now_at)))
            | (Some(Binding::ImportFrom(old, at)), Some(Binding::ImportFrom(new, now_at))) => {
                (old, at) == (new, now_at) && kept(new)
            }
            // What it is came out of executing the module.
            (Some(Binding::Computed), Some(Binding::Computed)) => return self.is_same_variable(interpreter, name),
            _ => false,
        };
        bound && (!name.executed || self.is_same_variable(interpreter, name))
    }

    /// Whether the module's variable holds the same after the module was executed again.
    fn is_same_variable(&self, interpreter: &Interpreter<'_>, name: &Name) -> bool {
        self.is_same_in_runs(interpreter, name.file, |before, now| {
            both(before.globals.get(&name.name), now.globals.get(&name.name), same)
        })
    }

    /// Whether a router of a module was made with the same.
    fn is_same_router(&self, interpreter: &Interpreter<'_>, file: FileId, index: usize) -> bool {
        self.is_same_in_runs(interpreter, file, |before, now| {
            both(before.routers.get(index), now.routers.get(index), same_router)
        })
    }

    /// Whether something is the same in the run of a module before and now.
    fn is_same_in_runs(
        &self,
        interpreter: &Interpreter<'_>,
        file: FileId,
        is_same: impl Fn(&ModuleRun, &ModuleRun) -> bool,
    ) -> bool {
        let Some(before) = self.runs.get(&file) else { return true };
        let now = interpreter.run(file);
        Arc::ptr_eq(before, &now) || is_same(before, &now)
    }
}

/// The names that an item binds which is no definition; none of one that is not there.
fn bound_by_statement(item: Option<&FileItem>) -> Option<Vec<SmolStr>> {
    let stmt = &*item?.placed.item.stmt;
    if let StmtKind::Function(_) | StmtKind::Class(_) = stmt.kind {
        return None;
    }
    let mut names = Vec::new();
    bound_names(stmt, &mut names);
    Some(names)
}

/// The items of two states of a file, put together by their numbers, but for those that are the same.
fn changed<'f>(old: &'f [FileItem], new: &'f [FileItem]) -> Vec<(Option<&'f FileItem>, Option<&'f FileItem>)> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut changed = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(old), Some(new)) => old.number.cmp(&new.number),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return changed,
        };
        let before = if order == Ordering::Greater { None } else { old.next() };
        let now = if order == Ordering::Less { None } else { new.next() };
        let is_same = |(old, new): (&FileItem, &FileItem)| old.ghost == new.ghost && old.placed.item == new.placed.item;
        if !before.zip(now).is_some_and(is_same) {
            changed.push((before, now));
        }
    }
}

/// By the places of their names, the methods of a class of which nothing but bodies of methods is other than before, and
/// whether theirs are.
fn methods_since(old: &ItemStmt, new: &ItemStmt) -> Option<Methods> {
    let (StmtKind::Class(before), StmtKind::Class(now)) = (&old.kind, &new.kind) else { return None };
    if old.outline_hash() != new.outline_hash() || before.body.len() != now.body.len() {
        return None;
    }
    let mut methods = Methods::default();
    for (old, new) in before.body.iter().zip(&now.body) {
        match (&old.kind, &new.kind) {
            (StmtKind::Function(old), StmtKind::Function(new)) if old.name == new.name => {
                methods.insert(new.name.range.start, old != new);
            }
            // Functions stand below other statements, too.
            _ if old != new => return None,
            _ => {}
        }
    }
    Some(methods)
}

/// Whether a sorted list of files has one in common with a set. It is asked
/// of every verdict at every key, and the set holds a file or two then.
pub fn share(sorted: &[FileId], files: &FxHashSet<FileId>) -> bool {
    if files.len() < sorted.len() {
        files.iter().any(|file| sorted.binary_search(file).is_ok())
    } else {
        sorted.iter().any(|file| files.contains(file))
    }
}
