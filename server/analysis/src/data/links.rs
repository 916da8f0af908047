//! Rows that are put under one of another table, which the client names.
//!
//! Whose that one is nobody may have looked at; whether anybody should is told
//! by other routes that put rows of the same table there. A route looked if it
//! did on any of its paths: where the client names none there is nothing to
//! look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::Model;
use super::value::{Abs, Client, ClientId, Dump, Path};
use crate::index::value::Site;

/// A row that is put under one of another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where the class of the row's table stands.
    pub table: Site,
    /// Name of that class.
    pub name: SmolStr,
    /// The column that says under which.
    pub column: SmolStr,
    /// The other table, by its name in the database or its class.
    pub parent: SmolStr,
    /// The value of the client that names it.
    pub client: Client,
    /// The expression that does it.
    pub site: Site,
    /// The place in the handler that leads there.
    pub entry: Site,
    /// What the code calls the principal; empty when it takes none.
    pub principal: SmolStr,
    /// Whether that row was found to be the principal's on one of the paths.
    pub looked: bool,
    /// Whether something may have looked that could not be followed, or the caller may touch any.
    pub excused: bool,
    /// Whether a dependency lets only those through who have some right.
    pub in_right: bool,
}

/// The table that a column refers to. Where no class says so, the one that it is called after: `patient_id` names a row of
/// `patients`.
fn parent_of(model: &Model, column: &str) -> Option<SmolStr> {
    if model.has_class() {
        return model.parent(column).cloned();
    }
    let stem = column.strip_suffix("_id").filter(|stem| !stem.is_empty() && !model.is_owner(column))?;
    let plural = match stem.strip_suffix('y') {
        Some(root) if !stem.ends_with("ay") && !stem.ends_with("ey") => format!("{root}ies"),
        _ if stem.ends_with('s') => format!("{stem}es"),
        _ => format!("{stem}s"),
    };
    Some(SmolStr::new(plural))
}

impl Engine<'_, '_> {
    /// A column of a row is written.
    pub(super) fn note_link(&mut self, path: &Path, model: &Arc<Model>, column: &str, value: &Abs, site: Site) {
        let Some(parent) = parent_of(model, column) else { return };
        match value {
            Abs::Client(client) => self.note_named(path, model, column, parent, *client, site),
            // The row itself was fetched by what the client names.
            Abs::Part(id, _) => {
                let row = path.rows.get(id).filter(|row| row.by_key && !row.absent);
                let of = row.and_then(|row| row.model.as_ref());
                let is_parent = of.is_some_and(|of| of.table == parent || of.name == parent);
                let Some(client) = row.filter(|_| is_parent).and_then(|row| self.chosen_by(path, row, 0)) else {
                    return;
                };
                // It may be the principal's for a reason that could not be followed.
                if self.is_fine(path, *id, 0) == self.is_looked_at(path, client) {
                    self.note_named(path, model, column, parent, client, site);
                }
            }
            _ => {}
        }
    }

    /// The fields of a request model are copied to a row, but for those that are written besides.
    pub(super) fn note_links(
        &mut self,
        path: &Path,
        model: &Arc<Model>,
        fields: &BTreeMap<SmolStr, Abs>,
        spread: Option<&Arc<Dump>>,
        site: Site,
    ) {
        for (column, value) in fields {
            self.note_link(path, model, column, value, site);
        }
        let Some(dump) = spread else { return };
        for field in dump.fields.iter().filter(|field| !fields.contains_key(*field)) {
            let Some(parent) = parent_of(model, field) else { continue };
            let client = self.field_of(dump, field);
            self.note_named(path, model, field, parent, client, site);
        }
    }

    /// Whether what a value of the client names was found to be the principal's.
    fn is_looked_at(&self, path: &Path, client: ClientId) -> bool {
        path.authorised.contains(&client) || self.names_own_row(path, &Abs::Client(client))
    }

    fn note_named(
        &mut self,
        path: &Path,
        model: &Arc<Model>,
        column: &str,
        parent: SmolStr,
        client: ClientId,
        site: Site,
    ) {
        let looked = self.is_looked_at(path, client);
        let excused = path.privileged || path.doubt || path.doubted.1.contains(&client);
        let Some(client) = self.clients.get(client as usize).cloned() else { return };
        let same =
            |known: &&mut Link| known.table == model.site && known.column == column && known.client.name == client.name;
        if let Some(known) = self.data.links.iter_mut().find(same) {
            known.looked |= looked;
            known.excused |= excused;
            known.in_right |= self.in_right;
            return;
        }
        let entry = self.calls.get(1 + self.wrappers).copied().unwrap_or(site);
        self.data.links.push(Link {
            table: model.site,
            name: model.name.clone(),
            column: column.into(),
            parent,
            client,
            site,
            entry,
            principal: self.principal.clone(),
            looked,
            excused,
            in_right: self.in_right,
        });
    }
}
