//! Modules that were unpacked to be evaluated.
//!
//! Who edits a module evaluates it with each key, and with it what it imports:
//! that stays unpacked in between.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::facts::typescript::file::{Stmts, TypeScriptFile};
use crate::vfs::FileId;

/// Bytes of packed modules that stay unpacked between changes.
const MAX_BYTES: usize = 1 << 20;

/// Statements of packed modules, with the facts that they were made from.
#[derive(Debug, Default, Clone)]
pub(super) struct Unpacked {
    modules: FxHashMap<FileId, (Arc<TypeScriptFile>, Stmts)>,
    bytes: usize,
}

impl Unpacked {
    /// The statements of a module, which are the same whenever they are asked for.
    pub(super) fn stmts(&mut self, file: FileId, facts: &Arc<TypeScriptFile>) -> Stmts {
        let size = facts.packed_size();
        if size == 0 {
            return facts.stmts();
        }
        if let Some((known, stmts)) = self.modules.get(&file)
            && Arc::ptr_eq(known, facts)
        {
            return Arc::clone(stmts);
        }
        let stmts = facts.stmts();
        self.bytes += size;
        if let Some((before, _)) = self.modules.insert(file, (Arc::clone(facts), Arc::clone(&stmts))) {
            self.bytes -= before.packed_size();
        }
        stmts
    }

    /// The same, if that is not too much to keep.
    pub(super) fn kept(self) -> Self {
        if self.bytes > MAX_BYTES { Self::default() } else { self }
    }
}
