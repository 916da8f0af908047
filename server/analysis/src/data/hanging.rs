//! Rows without an owner of their own: whose they are those say that they hang on, or were found by.

use std::collections::BTreeSet;
use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::{Column, Model};
use super::names;
use super::value::{Abs, ClientId, Path, Predicate, Row, RowId};
use super::{Access, BESIDE, CHILDREN, Fault, Hang, LOOK, Table, Use};

/// Tables that hang on each other are followed so far.
const MAX_HANGING: u32 = 3;

impl Engine<'_, '_> {
    /// Rows without an owner are found by what the client names: of the table on
    /// which they hang, or of their own. Whose is it?
    pub(super) fn judge_child(&mut self, path: &Path, id: RowId, model: &Arc<Model>, given: &BTreeSet<RowId>) {
        let Some(row) = path.rows.get(&id).filter(|_| !model.is_user) else { return };
        let usage = row.usage();
        let table = self.hanging_table(model);
        self.note_hanging(model);
        if usage == Use::Reads && !given.contains(&id) {
            return;
        }
        if self.is_fine(path, id, 0) || leads_to_own(path, id, 0) {
            self.note_kept_child(path, row, &table);
            return;
        }
        self.judge_source(path, row, given);
        if table.hangs_on.is_empty() {
            return;
        }
        let by_parent = named_by_client(row, model, &|column| model.parent(column).is_some());
        let by_key = || named_by_client(row, model, &|column| model.is_key(column));
        if let Some((column, client)) = by_parent.or_else(by_key) {
            self.child_fault(path, row, model, column, client);
        } else if usage == Use::Reads && row.is_any() {
            self.all_children_fault(path, row, model, table);
        }
    }

    /// Rows that hang on others were read because those are the caller's.
    fn note_kept_child(&mut self, path: &Path, row: &Row, table: &Table) {
        let is_sure = !path.privileged && !path.doubt && !row.unclear && !row.absent;
        let kept = (table.site, row.by_key);
        let counts = is_sure && row.changed.is_none() && !table.hangs_on.is_empty();
        if counts {
            row.predicates
                .iter()
                .for_each(|asked| self.data.tenants.left_out.note_kept(path, table.site, &asked.value));
        }
        if counts && !self.data.kept_children.contains(&kept) {
            self.data.kept_children.push(kept);
        }
    }

    /// All rows of a table are given out that hang on others.
    fn all_children_fault(&mut self, path: &Path, row: &Row, model: &Arc<Model>, table: Table) {
        self.data.tenants.left_out.note_whole(path, model.site, row);
        self.row_fault(path, Fault::Unscoped, Use::Reads, row, model, None);
        let it = |access: &&mut Access| access.site == row.site && access.table.site == model.site;
        if let Some(access) = self.data.faults.last_mut().filter(it) {
            let column = table.hangs_on.first().map(|hang| hang.column.clone()).unwrap_or_default();
            access.table = Table { owner: column, parties: Vec::new(), ..table };
            access.detail = CHILDREN;
        }
    }

    /// Rows of a table on which others hang were named by the client, and nobody looked whose they are.
    fn child_fault(&mut self, path: &Path, row: &Row, model: &Arc<Model>, column: SmolStr, client: ClientId) -> bool {
        let table = self.hanging_table(model);
        let known = self.data.faults.len();
        self.row_fault(path, Fault::Unchecked, row.usage(), row, model, Some(client));
        let it = |access: &&mut Access| access.site == row.site && access.table.site == model.site;
        let Some(access) = self.data.faults.last_mut().filter(it) else { return false };
        let mut hangs_on = table.hangs_on;
        if let Some(parent) = hangs_on.iter().position(|hang| hang.column == column) {
            hangs_on = vec![hangs_on.swap_remove(parent)];
        }
        access.table = Table { owner: column, parties: Vec::new(), hangs_on, ..table };
        self.data.faults.len() > known
    }

    /// Rows with an owner of their own were found by what they hang on, which the client named: where no route asks for
    /// that owner, whose they are the other table says.
    pub(super) fn judge_beside(&mut self, path: &Path, id: RowId, row: &Row, model: &Arc<Model>) {
        let named = named_by_client(row, model, &|column| model.parent(column).is_some());
        let named = named.filter(|_| !row.by_key && !model.is_user && !leads_to_own(path, id, 0));
        let Some((column, client)) = named else { return };
        // Of the other row, where it was fetched, it is told by itself.
        let by_same = |other: &Row| other.predicates.iter().any(|asked| asked.value == Abs::Client(client));
        if path.rows.iter().any(|(other, row)| *other != id && by_same(row)) {
            return;
        }
        if self.child_fault(path, row, model, column, client)
            && let Some(access) = self.data.faults.last_mut()
        {
            access.detail = BESIDE;
        }
    }

    /// Rows of a table that no class of the handler's is of were found by a value of the client's in a column that may refer
    /// to another table: whether it does, the class of that table says, wherever that stands.
    pub(super) fn judge_plain_child(&mut self, path: &Path, row: &Row, model: &Arc<Model>) {
        let is_one = |column: &str| names::is_key_name(column) && !model.is_owner(column);
        let Some((column, client)) = named_by_client(row, model, &is_one).filter(|_| !model.has_class()) else {
            return;
        };
        let known = self.data.faults.len();
        let hang = Hang { column: column.clone(), table: SmolStr::default() };
        let table = Table { owner: column, parties: Vec::new(), hangs_on: vec![hang], ..self.table(model) };
        self.row_fault(path, Fault::Unchecked, row.usage(), row, model, Some(client));
        if self.data.faults.len() > known
            && let Some(access) = self.data.faults.last_mut()
        {
            access.table = table;
            access.detail = BESIDE;
        }
    }

    /// A table has no owner, and hangs on others.
    pub(super) fn note_hanging(&mut self, model: &Model) {
        let table = self.hanging_table(model);
        if (table.of_person || !table.hangs_on.is_empty()) && !self.data.hanging.contains(&table) {
            self.data.hanging.push(table);
        }
    }

    /// A row without an owner was found by what an owned one says, which the client named and nobody looked at: the
    /// messages of a conversation.
    fn judge_source(&mut self, path: &Path, child: &Row, given: &BTreeSet<RowId>) {
        for predicate in child.predicates.iter().filter(|predicate| predicate.equal) {
            let (Abs::Part(id, _) | Abs::Row(id)) = predicate.value else { continue };
            let Some(source) = path.rows.get(&id) else { continue };
            let Some(model) = source.model.clone().filter(|model| !model.owners.is_empty()) else { continue };
            // What is given out itself, or changed, is told of anyway.
            let told = given.contains(&id) || source.changed.is_some();
            let key = self.chosen_by(path, source, 0);
            if !told && source.by_key && key.is_some() && !self.is_fine(path, id, 0) {
                self.look_fault(path, source, &model, key);
            }
        }
    }

    /// A row that the client named was looked for, and others were fetched by it.
    pub(super) fn look_fault(&mut self, path: &Path, row: &Row, model: &Arc<Model>, key: Option<ClientId>) {
        self.row_fault(path, Fault::Unchecked, Use::Reads, row, model, key);
        if let Some(access) = self.data.faults.last_mut().filter(|access| access.site == row.site) {
            access.detail = LOOK;
        }
    }

    /// The client's value that chooses a row, or the row that it was found by.
    pub(super) fn chosen_by(&self, path: &Path, row: &Row, depth: u32) -> Option<ClientId> {
        let chosen = |predicate: &Predicate| match &predicate.value {
            Abs::Client(client) => Some(*client),
            Abs::Mix(mix) => mix.clients.first().copied(),
            _ => None,
        };
        row.predicates.iter().find_map(chosen).or_else(|| {
            row.predicates.iter().filter(|predicate| predicate.equal && depth < MAX_HANGING).find_map(|predicate| {
                let Abs::Part(id, _) = predicate.value else { return None };
                let source = path.rows.get(&id).filter(|source| source.by_key)?;
                self.chosen_by(path, source, depth + 1)
            })
        })
    }

    /// What is told of a model without an owner.
    pub(super) fn hanging_table(&self, model: &Model) -> Table {
        let hang = |column: &Column| {
            let table = model.parent(&column.name)?.clone();
            Some(Hang { column: column.name.clone(), table })
        };
        let hangs_on = model.columns.iter().filter(|column| !column.primary).filter_map(hang).collect();
        let of_person = model.columns.iter().any(|column| names::is_of_person(&column.name));
        Table { hangs_on, of_person, ..self.table(model) }
    }
}

/// The column of a kind that a query compares with a value of the client's, and that value.
fn named_by_client(row: &Row, model: &Model, is_one: &dyn Fn(&str) -> bool) -> Option<(SmolStr, ClientId)> {
    row.predicates.iter().filter(|predicate| predicate.equal).find_map(|predicate| {
        let (of, column) = predicate.column.as_ref()?;
        let client = match &predicate.value {
            Abs::Client(client) => *client,
            // `Note.book_id.in_([book_id])`
            Abs::Mix(mix) if !mix.principal && !mix.unclear && mix.rows.is_empty() && mix.clients.len() == 1 => {
                *mix.clients.first()?
            }
            _ => return None,
        };
        (of.site == model.site && is_one(column)).then(|| (column.clone(), client))
    })
}

/// Whether a row that is the principal's was found by what a row says: the
/// conversation of a message, once the message was fetched.
pub(super) fn leads_to_own(path: &Path, id: RowId, depth: u32) -> bool {
    let by_it = |predicate: &Predicate| predicate.equal && predicate.value.parts(path).rows.contains(&id);
    let own = |predicate: &Predicate| match &predicate.value {
        Abs::Principal(_) | Abs::Own => predicate.equal,
        Abs::Client(client) => predicate.equal && path.authorised.contains(client),
        Abs::Mix(mix) => predicate.equal && mix.principal,
        _ => false,
    };
    depth < MAX_HANGING
        && path.rows.iter().any(|(other, row)| {
            *other != id
                && !row.absent
                && row.predicates.iter().any(by_it)
                && (row.checked
                    || row.unclear
                    || row.predicates.iter().any(own)
                    || leads_to_own(path, *other, depth + 1))
        })
}
