//! Whether what is done with values and rows is the principal's business.

use super::engine::Engine;
use super::value::{Abs, Mix, Path, Predicate};

/// Rows that the judgement of a row may rest on.
const MAX_CHAIN: u32 = 8;

impl Engine<'_, '_> {
    /// Whether a value is the principal's: it, a part of its own rows, or a
    /// client's value that was compared with it.
    pub(super) fn is_authorised(&self, path: &Path, value: &Abs, depth: u32) -> bool {
        if depth > MAX_CHAIN {
            return true;
        }
        match value {
            Abs::Principal(_) | Abs::Own | Abs::Unknown => true,
            Abs::Client(client) => {
                path.authorised.contains(client) || path.doubted.1.contains(client) || self.names_own_row(path, value)
            }
            Abs::Row(row) | Abs::Part(row, _) => self.is_fine(path, *row, depth + 1),
            Abs::Mix(mix) => self.mix_is_authorised(path, mix, depth),
            Abs::Object(_) | Abs::Items(_) | Abs::Map(_) => {
                let mix = value.parts(path);
                self.mix_is_authorised(path, &mix, depth)
            }
            Abs::Statement(statement) => {
                statement.unclear
                    || statement.predicates.iter().any(|predicate| self.narrows(path, predicate, depth + 1))
            }
            _ => false,
        }
    }

    fn mix_is_authorised(&self, path: &Path, mix: &Mix, depth: u32) -> bool {
        mix.principal
            || mix.unclear
            || mix
                .clients
                .iter()
                .any(|client| path.authorised.contains(client) || self.names_own_row(path, &Abs::Client(*client)))
            || mix.rows.iter().any(|row| self.is_fine(path, *row, depth + 1))
    }

    /// Whether a condition of a query leaves only what is the principal's.
    pub(super) fn narrows(&self, path: &Path, predicate: &Predicate, depth: u32) -> bool {
        // An owner that is not the client's word is the code's own choice.
        let chosen = matches!(&predicate.column, Some((model, column)) if model.is_owner(column))
            && match &predicate.value {
                Abs::Client(_) => false,
                Abs::Mix(mix) => mix.clients.is_empty(),
                _ => true,
            };
        predicate.equal && (chosen || self.is_authorised(path, &predicate.value, depth))
    }

    /// Whether nothing is wrong with handing out or changing a row.
    pub(super) fn is_fine(&self, path: &Path, id: u32, depth: u32) -> bool {
        let Some(row) = path.rows.get(&id) else { return true };
        path.privileged
            || path.doubt
            || row.checked
            || row.absent
            || row.unclear
            || path.doubted.0.contains(&id)
            || depth > MAX_CHAIN
            || row.predicates.iter().any(|predicate| self.narrows(path, predicate, depth + 1))
            || row.hangs_on.iter().any(|value| self.is_authorised(path, value, depth + 1))
            || self.is_shared_with(path, id)
    }
}
