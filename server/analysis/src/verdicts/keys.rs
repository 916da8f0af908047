//! Keys that the items of each file sign or verify with, as far as their values stand
//! in the code. They are kept by item: an edit costs what stands in the edited one,
//! and what looked into that.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::auth::keys::{Key, keys_of};
use crate::facts::python::file::PythonFile;
use crate::facts::python::tree::Item;
use crate::ide::State;
use crate::index::changes::{Changes, share};
use crate::index::interpreter::Interpreter;
use crate::index::looked_at::RestsOn;
use crate::index::value::Resolve;
use crate::vfs::FileId;

/// The keys of one file.
#[derive(Debug)]
pub(crate) struct FileKeys {
    items: Vec<ItemKeys>,
    /// How many keys they have: mostly none.
    count: usize,
    /// All files that this rests on, sorted.
    rests_on: Box<[FileId]>,
}

/// The keys of one item, and what that rests on.
#[derive(Debug, Clone)]
struct ItemKeys {
    /// The number of the item.
    number: u32,
    item: Arc<Item>,
    keys: Arc<[Key]>,
    rests_on: Arc<RestsOn>,
}

impl FileKeys {
    /// Those of the item of a number.
    fn of(&self, number: u32) -> Option<&ItemKeys> {
        let at = self.items.binary_search_by_key(&number, |item| item.number).ok()?;
        self.items.get(at)
    }

    /// The keys, in the order of the items.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        let items = if self.count == 0 { &[] } else { self.items.as_slice() };
        items.iter().flat_map(|item| item.keys.iter())
    }
}

/// Two are the same that say the same.
impl PartialEq for FileKeys {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The same by file.
pub(crate) type Keys = FxHashMap<FileId, Arc<FileKeys>>;

/// The same of those files that have to be looked at; none of those that hold no key any more.
pub(super) type NewKeys = Vec<(FileId, Option<Arc<FileKeys>>)>;

/// Keys of files outside of tests that may be given any, where they may be other than known.
pub(super) fn look(state: &State, interpreter: &Interpreter<'_>, changes: Option<&Changes>) -> NewKeys {
    let facts = |file: FileId| {
        let source = state.sources.file(file).filter(|source| !source.test && state.signing.contains(&file));
        source.and_then(|source| source.facts.as_ref())
    };
    let is_touched = |known: &FileKeys, file: FileId| {
        changes.is_none_or(|changes| changes.edits.is_read(file) || share(&known.rests_on, &changes.stale))
    };
    let mut found = NewKeys::new();
    for (file, known) in state.keys.iter().filter(|(file, known)| is_touched(known, **file)) {
        let known = changes.map(|changes| (known, changes));
        found.push((*file, facts(*file).map(|facts| Arc::new(look_at(interpreter, *file, facts, known)))));
    }
    for file in state.signing.iter().filter(|file| !state.keys.contains_key(*file)) {
        found.extend(facts(*file).map(|facts| (*file, Some(Arc::new(look_at(interpreter, *file, facts, None))))));
    }
    found
}

/// Takes over what was found. Tells whether that is other than before.
pub(crate) fn take_over(keys: &mut Arc<Keys>, found: NewKeys) -> bool {
    let mut changed = false;
    for (file, now) in found {
        let keys = Arc::make_mut(keys);
        let before = match &now {
            Some(now) => keys.insert(file, Arc::clone(now)),
            None => keys.remove(&file),
        };
        changed |= before != now;
    }
    changed
}

/// Keys of the items of a file; `known` is what they were before a change.
fn look_at(
    interpreter: &Interpreter<'_>,
    file: FileId,
    facts: &PythonFile,
    known: Option<(&Arc<FileKeys>, &Changes)>,
) -> FileKeys {
    let mut items = Vec::with_capacity(facts.items.len());
    // Ghosts count: what is typed in one file moves no finding in another.
    for placed in &facts.items {
        let (number, item) = (placed.number, &placed.placed.item);
        let before = known.and_then(|(known, changes)| Some((known.of(number)?, changes)));
        let holds = |(before, changes): &(&ItemKeys, &Changes)| {
            before.item == *item && changes.hold(interpreter, &before.rests_on)
        };
        if let Some((before, _)) = before.filter(holds) {
            items.push(ItemKeys { item: Arc::clone(item), ..before.clone() });
            continue;
        }
        let outer = interpreter.begin();
        let keys = keys_of(interpreter, file, number, &item.stmt).into();
        items.push(ItemKeys { number, item: Arc::clone(item), keys, rests_on: interpreter.end(outer) });
    }
    let mut rests_on: Vec<FileId> = items.iter().flat_map(|item| item.rests_on.files.iter().copied()).collect();
    rests_on.sort_unstable();
    rests_on.dedup();
    FileKeys { count: items.iter().map(|item| item.keys.len()).sum(), items, rests_on: rests_on.into() }
}
