//! What an answer of the interpreter rests on.
//!
//! Modules are coarse: an edit of one line makes the whole module other than
//! before. What costs much to find out again is kept as long as the names that
//! it looked at mean what they meant.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

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

/// What was looked at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LookedAt {
    /// Modules.
    pub files: FxHashSet<FileId>,
    /// Their names.
    pub names: FxHashSet<Name>,
    /// Items of which a function body was executed to answer.
    pub bodies: FxHashSet<(FileId, u32)>,
}

impl LookedAt {
    /// Counts a module's name, and with it the module.
    pub fn add(&mut self, file: FileId, name: &str) {
        self.files.insert(file);
        self.names.insert(Name { file, name: SmolStr::new(name), executed: false });
    }

    /// Counts what executing a module did to a class of it.
    pub fn add_executed(&mut self, file: FileId, class: &str) {
        self.files.insert(file);
        self.names.insert(Name { file, name: SmolStr::new(class), executed: true });
    }

    /// Adds what something else looked at.
    pub fn extend(&mut self, other: &Self) {
        self.files.extend(&other.files);
        self.names.extend(other.names.iter().cloned());
        self.bodies.extend(&other.bodies);
    }
}
