//! Bodies of closed files, lowered for who looks into them.
//!
//! They are left as source until then, and most are looked at once: lowered
//! ones are kept in copies, and all go when they are too many.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::facts::python::tree::Function;

/// Bytes of source of the bodies that are kept lowered.
const MAX_BYTES: u32 = 256 << 10;

/// The same while a workspace is being read, when one look at all of its code follows the other.
const MAX_BYTES_INDEXING: u32 = 1 << 20;

/// Copies of definitions whose bodies were looked into. Snapshots share them.
#[derive(Debug, Default, Clone)]
pub struct Bodies {
    kept: Arc<Mutex<Kept>>,
}

/// Copies by the addresses of the definitions, which they keep alive.
#[derive(Debug, Default)]
struct Kept {
    copies: FxHashMap<usize, (Arc<Function>, Arc<Function>)>,
    bytes: u32,
    indexing: bool,
}

/// A definition to look into.
pub struct LookedInto {
    /// The definition, or its copy.
    pub def: Arc<Function>,
    /// Whether earlier copies had to go for it: who remembers them should
    /// forget them, too.
    pub made_room: bool,
}

impl Bodies {
    /// The definition to look into in place of another.
    pub fn of(&self, def: &Arc<Function>) -> LookedInto {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Arc::as_ptr(def) as usize;
        if let Some((_, copy)) = kept.copies.get(&key) {
            return LookedInto { def: Arc::clone(copy), made_room: false };
        }
        let Some((copy, bytes)) = def.to_look_into() else {
            return LookedInto { def: Arc::clone(def), made_room: false };
        };
        let copy = Arc::new(copy);
        let made_room = kept.bytes > if kept.indexing { MAX_BYTES_INDEXING } else { MAX_BYTES };
        if made_room {
            *kept = Kept { indexing: kept.indexing, ..Kept::default() };
        }
        kept.bytes = kept.bytes.saturating_add(bytes);
        kept.copies.insert(key, (Arc::clone(def), Arc::clone(&copy)));
        LookedInto { def: copy, made_room }
    }

    /// Says whether a workspace is being read. When it has been, what is kept goes.
    pub fn set_indexing(&self, indexing: bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Kept { indexing, ..Kept::default() };
    }
}
