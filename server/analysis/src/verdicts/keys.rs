//! Keys of each file that signs or verifies, as far as their values stand in the code.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::auth::keys::{Key, keys_of};
use crate::ide::State;
use crate::index::changes::Changes;
use crate::index::interpreter::Interpreter;
use crate::index::looked_at::RestsOn;
use crate::index::value::Resolve;
use crate::vfs::FileId;

/// The keys of one file, and what that rests on.
#[derive(Debug, Clone)]
pub(crate) struct FileKeys {
    pub(crate) keys: Vec<Key>,
    rests_on: Arc<RestsOn>,
}

/// Two are the same that say the same.
impl PartialEq for FileKeys {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

/// The same by file.
pub(crate) type Keys = FxHashMap<FileId, FileKeys>;

/// Keys of all files outside of tests that may be given any.
pub(super) fn look(state: &State, interpreter: &Interpreter<'_>, changes: Option<&Changes>) -> Keys {
    let mut keys = Keys::default();
    for &file in state.signing.iter() {
        let Some(source) = state.sources.file(file).filter(|source| !source.test) else { continue };
        let Some(facts) = &source.facts else { continue };
        let holds = |known: &&FileKeys| {
            changes.is_some_and(|changes| !changes.edits.is_read(file) && changes.hold(interpreter, &known.rests_on))
        };
        if let Some(known) = state.keys.get(&file).filter(holds) {
            keys.insert(file, known.clone());
            continue;
        }
        let outer = interpreter.begin();
        let found = keys_of(interpreter, file, facts);
        keys.insert(file, FileKeys { keys: found, rests_on: interpreter.end(outer) });
    }
    keys
}
