//! What an answer rests on.
//!
//! Modules are coarse: an edit of one line makes the whole module other than
//! before. An answer is kept as long as the names that were looked at for it
//! mean what they meant, and the bodies that were looked into are the same.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::value::Site;
use crate::vfs::FileId;

/// Stands for a file in which each name is that of a class, and means which classes derive from one of that name; or that
/// of something that is kept on a `state`.
pub const HIERARCHY: FileId = FileId(u32::MAX);

/// How [`HIERARCHY`] calls what is kept on a `state` under a name. No class is called so.
pub fn name_of_state(name: &str) -> SmolStr {
    SmolStr::new(format!("state.{name}"))
}

/// How a router of a module is called among its names: what it was made with. Nothing else is called so.
pub fn name_of_router(index: u32) -> SmolStr {
    SmolStr::new(format!("{ROUTER}{index}"))
}

/// The index of a router that is called so.
pub fn router_of_name(name: &str) -> Option<usize> {
    name.strip_prefix(ROUTER)?.parse().ok()
}

/// What names of routers begin with.
const ROUTER: &str = "router ";

/// A module-level name that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The module.
    pub file: FileId,
    /// The name in it.
    pub name: SmolStr,
    /// Whether what executing the module did to the class of that name counts.
    pub executed: bool,
}

/// A definition that was looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Definition {
    /// The module.
    pub file: FileId,
    /// The number of the top-level item in it; [`ITEMS`] and [`STATEMENTS`] for which ones there are.
    pub item: u32,
    /// Where the name of the function stands in the item; [`OUTLINE`] for all but bodies of methods. What is the name of
    /// no method stands for the whole item.
    pub name: u32,
}

/// Stands for all of a class that can be seen without looking into a method.
pub const OUTLINE: u32 = u32::MAX;

/// Stands for which items a file has, whatever they are.
const ITEMS: u32 = u32::MAX;

/// Stands for which items a file has that are no definitions, and the names that they bind.
const STATEMENTS: u32 = u32::MAX - 1;

impl Definition {
    /// Which items a file has.
    pub fn items_of(file: FileId) -> Self {
        Self { file, item: ITEMS, name: 0 }
    }

    /// Which items a file has that define neither a function nor a class, and the names that they bind.
    pub fn statements_of(file: FileId) -> Self {
        Self { file, item: STATEMENTS, name: 0 }
    }

    /// Its file, and the item there.
    pub fn place(&self) -> (FileId, u32) {
        (self.file, self.item)
    }

    /// The definition whose name stands at a place.
    pub fn at(site: Site) -> Self {
        Self { file: site.file, item: site.item, name: site.range.start }
    }
}

/// Definitions by the items that they are in.
#[derive(Debug, Default, Clone)]
pub struct Definitions(FxHashMap<(FileId, u32), FxHashSet<u32>>);

impl Definitions {
    /// Adds one.
    pub fn insert(&mut self, definition: Definition) {
        self.0.entry((definition.file, definition.item)).or_default().insert(definition.name);
    }

    /// Whether it is among them.
    pub fn contains(&self, definition: &Definition) -> bool {
        self.0.get(&(definition.file, definition.item)).is_some_and(|names| names.contains(&definition.name))
    }

    /// Those in an item.
    pub fn of(&self, (file, item): (FileId, u32)) -> impl Iterator<Item = Definition> {
        self.0.get(&(file, item)).into_iter().flatten().map(move |name| Definition { file, item, name: *name })
    }
}

/// What an answer rests on.
#[derive(Debug, Default)]
pub struct RestsOn {
    /// All modules, sorted.
    pub files: Box<[FileId]>,
    /// Names that were looked at, apart from those that `others` rest on.
    pub names: Box<[Name]>,
    /// Definitions into which was looked, apart from those that `others` rest on.
    pub bodies: Box<[Definition]>,
    /// What other answers rest on that were at hand.
    pub others: Box<[Arc<RestsOn>]>,
}

/// What was looked at so far.
#[derive(Debug, Default)]
pub struct LookedAt {
    /// Modules.
    pub files: FxHashSet<FileId>,
    names: Vec<Name>,
    bodies: FxHashSet<Definition>,
    /// By address: an answer is asked for over and over.
    others: FxHashMap<*const RestsOn, Arc<RestsOn>>,
}

impl LookedAt {
    /// Counts a module's name, and with it the module.
    pub fn add(&mut self, file: FileId, name: &str) {
        self.files.insert(file);
        self.names.push(Name { file, name: SmolStr::new(name), executed: false });
    }

    /// Counts what executing a module did to a class of it.
    pub fn add_executed(&mut self, file: FileId, class: &str) {
        self.files.insert(file);
        self.names.push(Name { file, name: SmolStr::new(class), executed: true });
    }

    /// Counts the definition whose name stands at a place, with its body; with any other place the whole item that it is
    /// in.
    pub fn add_body(&mut self, site: Site) {
        self.files.insert(site.file);
        self.bodies.insert(Definition::at(site));
    }

    /// Counts the class whose name stands at a place, without what its methods do.
    pub fn add_outline(&mut self, site: Site) {
        self.files.insert(site.file);
        self.bodies.insert(Definition { name: OUTLINE, ..Definition::at(site) });
    }

    /// Counts which items a file has, and not what they are.
    pub fn add_items(&mut self, file: FileId) {
        self.files.insert(file);
        self.bodies.insert(Definition::items_of(file));
    }

    /// Counts which items a file has that are no definitions, and the names that they bind.
    pub fn add_statements(&mut self, file: FileId) {
        self.files.insert(file);
        self.bodies.insert(Definition::statements_of(file));
    }

    /// Counts an answer that was at hand.
    pub fn add_answer(&mut self, rests_on: &Arc<RestsOn>) {
        if rests_on.is_nothing() {
            return;
        }
        if self.others.insert(Arc::as_ptr(rests_on), Arc::clone(rests_on)).is_none() {
            self.files.extend(rests_on.files.iter());
        }
    }

    /// Adds what was looked at for something that nobody can ask later what it rests on.
    pub fn absorb(&mut self, other: Self) {
        self.files.extend(other.files);
        self.names.extend(other.names);
        self.bodies.extend(other.bodies);
        self.others.extend(other.others);
    }

    /// Leaves out what is in a module itself, but that it was looked at.
    pub fn leave_out(&mut self, file: FileId) {
        self.names.retain(|name| name.file != file);
        self.bodies.retain(|definition| definition.file != file);
    }

    /// All of it, for an answer to rest on.
    pub fn into_rests_on(mut self, shared: &Shared) -> Arc<RestsOn> {
        if self.names.is_empty() && self.bodies.is_empty() && self.others.len() == 1 {
            // One that only passes another on rests on what that does.
            let other = self.others.values().next().filter(|other| other.files.len() == self.files.len());
            if let Some(other) = other {
                return Arc::clone(other);
            }
        }
        // The same few names are looked at over and over.
        self.names.sort_unstable();
        self.names.dedup();
        let mut files: Vec<FileId> = self.files.into_iter().collect();
        files.sort_unstable();
        let mut bodies: Vec<Definition> = self.bodies.into_iter().collect();
        bodies.sort_unstable();
        let mut others: Vec<Arc<RestsOn>> = self.others.into_values().collect();
        others.sort_unstable_by_key(Arc::as_ptr);
        shared.of(RestsOn {
            files: files.into(),
            names: self.names.into(),
            bodies: bodies.into(),
            others: others.into(),
        })
    }
}

impl RestsOn {
    fn is_nothing(&self) -> bool {
        self.files.is_empty() && self.names.is_empty() && self.bodies.is_empty() && self.others.is_empty()
    }

    fn len(&self) -> usize {
        self.files.len() + self.names.len() + self.bodies.len() + self.others.len()
    }
}

/// Most that an answer rests on which is compared with others.
const FEW: usize = 16;

/// What little answers rest on, once each: most of the expressions of a function rest on the same. Threads that work at
/// once have it in common.
#[derive(Debug, Default)]
pub struct Shared {
    known: Mutex<FxHashSet<ByContent>>,
}

impl Shared {
    fn of(&self, rests_on: RestsOn) -> Arc<RestsOn> {
        if rests_on.len() > FEW {
            return Arc::new(rests_on);
        }
        let fresh = ByContent(Arc::new(rests_on));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&fresh) {
            Some(known) => Arc::clone(&known.0),
            None => {
                known.insert(ByContent(Arc::clone(&fresh.0)));
                fresh.0
            }
        }
    }
}

/// Two are the same that rest on the same, and on the same other answers.
#[derive(Debug)]
struct ByContent(Arc<RestsOn>);

impl PartialEq for ByContent {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        (&a.files, &a.names, &a.bodies) == (&b.files, &b.names, &b.bodies)
            && a.others.len() == b.others.len()
            && a.others.iter().zip(&b.others).all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

impl Eq for ByContent {}

impl Hash for ByContent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0.files, &self.0.names, &self.0.bodies).hash(state);
        self.0.others.iter().for_each(|other| Arc::as_ptr(other).hash(state));
    }
}
