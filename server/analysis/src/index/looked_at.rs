//! What an answer rests on.
//!
//! Modules are coarse: an edit of one line makes the whole module other than
//! before. An answer is kept as long as the names that were looked at for it
//! mean what they meant, and the bodies that were looked into are the same.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::value::Site;
use crate::vfs::FileId;

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

/// What an answer rests on.
#[derive(Debug, Default)]
pub struct RestsOn {
    /// All modules, sorted.
    pub files: Box<[FileId]>,
    /// Names that were looked at, apart from those that `others` rest on.
    pub names: Box<[Name]>,
    /// Items into which was looked, apart from those that `others` rest on.
    pub bodies: Box<[(FileId, u32)]>,
    /// What other answers rest on that were at hand.
    pub others: Box<[Arc<RestsOn>]>,
}

/// What was looked at so far.
#[derive(Debug, Default)]
pub struct LookedAt {
    /// Modules.
    pub files: FxHashSet<FileId>,
    names: Vec<Name>,
    bodies: FxHashSet<(FileId, u32)>,
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

    /// Counts the definition at a place, with its body.
    pub fn add_body(&mut self, site: Site) {
        self.files.insert(site.file);
        self.bodies.insert((site.file, site.item));
    }

    /// Counts an answer that was at hand.
    pub fn add_answer(&mut self, rests_on: &Arc<RestsOn>) {
        if self.others.insert(Arc::as_ptr(rests_on), Arc::clone(rests_on)).is_none() {
            self.files.extend(rests_on.files.iter());
        }
    }

    /// All of it, for an answer to rest on.
    pub fn into_rests_on(mut self) -> RestsOn {
        // The same few names are looked at over and over.
        self.names.sort_unstable();
        self.names.dedup();
        let mut files: Vec<FileId> = self.files.into_iter().collect();
        files.sort_unstable();
        RestsOn {
            files: files.into(),
            names: self.names.into(),
            bodies: self.bodies.into_iter().collect(),
            others: self.others.into_values().collect(),
        }
    }
}
