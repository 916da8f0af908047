//! What an edit left as it was, name by name.
//!
//! A module that was edited, and every module that looked at it, counts as
//! other than before. Most of its names mean the same all the same.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::interpreter::{Interpreter, Runs};
use super::looked_at::Name;
use super::same::same;
use crate::facts::python::file::{Binding, PythonFile};
use crate::vfs::FileId;

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
    answers: RefCell<FxHashMap<Name, bool>>,
}

/// What is other in the files that were read anew.
#[derive(Debug, Default)]
pub struct Edits {
    /// Their facts before; those that are not here, and not reshaped, were not read anew.
    before: FxHashMap<FileId, Arc<PythonFile>>,
    /// Files of which the items can't be told from each other by their numbers.
    reshaped: FxHashSet<FileId>,
    /// Items that are other than before.
    pub items: FxHashSet<(FileId, u32)>,
}

impl Edits {
    /// Notes what is other in a file. Tells which items are, if they are still the same ones.
    pub fn note(
        &mut self,
        file: FileId,
        old: Option<&Arc<PythonFile>>,
        new: Option<&Arc<PythonFile>>,
    ) -> Option<Vec<u32>> {
        let (Some(old), Some(new)) = (old, new) else {
            self.reshaped.insert(file);
            return None;
        };
        if old.items.len() != new.items.len() {
            self.reshaped.insert(file);
            return None;
        }
        let pairs = old.items.iter().zip(&new.items).enumerate();
        let changed = pairs.filter(|(_, (a, b))| {
            a.ghost != b.ghost || !(Arc::ptr_eq(&a.placed.item, &b.placed.item) || a.placed.item == b.placed.item)
        });
        let changed: Vec<u32> = changed.map(|(index, _)| index as u32).collect();
        self.items.extend(changed.iter().map(|item| (file, *item)));
        self.before.insert(file, Arc::clone(old));
        Some(changed)
    }

    /// Whether the items of a file can't be told from each other by their numbers.
    pub fn is_reshaped(&self, file: FileId) -> bool {
        self.reshaped.contains(&file)
    }
}

impl Changes {
    /// What follows from edits, where these modules are other than before and
    /// these runs were given up.
    pub fn new(stale: FxHashSet<FileId>, edits: Edits, runs: Runs) -> Self {
        Self { stale, edits, runs, answers: RefCell::default() }
    }

    /// Whether a name that was looked at still means the same, apart from what
    /// the names mean that it was looked up through.
    pub fn holds(&self, interpreter: &Interpreter<'_>, name: &Name) -> bool {
        if !self.stale.contains(&name.file) {
            return true;
        }
        if let Some(&answer) = self.answers.borrow().get(name) {
            return answer;
        }
        let answer = self.is_same(interpreter, name);
        self.answers.borrow_mut().insert(name.clone(), answer);
        answer
    }

    fn is_same(&self, interpreter: &Interpreter<'_>, name: &Name) -> bool {
        let file = name.file;
        if self.edits.reshaped.contains(&file) {
            return false;
        }
        let Some(now) = interpreter.sources().facts(file) else { return false };
        let before = self.edits.before.get(&file).unwrap_or(now);
        let kept = |item: &u32| !self.edits.items.contains(&(file, *item));
        let bound = match (before.bindings.get(&name.name), now.bindings.get(&name.name)) {
            // Names that a star import may bind are looked up in its module, too.
            (None, None) => before.stars == now.stars && now.stars.iter().all(kept),
            (Some(Binding::Definition(old)), Some(Binding::Definition(new))) => old == new && kept(new),
            (Some(Binding::ImportFrom(old, at)), Some(Binding::ImportFrom(new, now_at))) => {
                (old, at) == (new, now_at) && kept(new)
            }
            // What it is came out of executing the module.
            (Some(_), Some(_)) => return self.is_same_variable(interpreter, name),
            _ => false,
        };
        bound && (!name.executed || self.is_same_variable(interpreter, name))
    }

    /// Whether the module's variable holds the same after the module was executed again.
    fn is_same_variable(&self, interpreter: &Interpreter<'_>, name: &Name) -> bool {
        let Some(before) = self.runs.get(&name.file) else { return true };
        let now = interpreter.run(name.file);
        match (before.globals.get(&name.name), now.globals.get(&name.name)) {
            (Some(before), Some(now)) => same(before, now),
            (None, None) => true,
            _ => false,
        }
    }
}
