//! Rows that belong to something which the caller belongs to: a store, a company, a team.
//!
//! No name says which column holds it. A route shows that where it keeps to rows whose column equals what the principal,
//! or a row that is the principal's, says. What other routes do with rows that nothing narrows is noted beside, and is at
//! fault only where the rules find such a column by what all routes do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::SmolStr;

use super::asks::is_group_of_caller;
use super::engine::Engine;
use super::hanging::leads_to_own;
use super::left_out::LeftOut;
use super::models::Model;
use super::names;
use super::requests::CREDENTIAL;
use super::value::{Abs, ClientId, Dump, Path, Predicate, Row, RowId};
use super::{Access, Fault, Table, Use};
use crate::index::value::Site;

/// What a route does with rows that may be a tenant's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenancy {
    /// Where it keeps to rows of what the caller belongs to.
    pub kept: Vec<Kept>,
    /// Accesses that keep to nobody's: at fault where other routes do.
    pub others: Vec<Access>,
    /// Tables of rows of which it is not known whose they are.
    pub unsure: Vec<Site>,
    /// How the handler writes what such a column is compared with: the column, the dependency, and what follows the name
    /// of that.
    pub spelled: Vec<(SmolStr, Site, SmolStr)>,
    /// Where rows are fetched that are another's where the client names one, and the caller's where it names none.
    pub named: Vec<Site>,
    /// What is somebody's where the client names something, and anybody's where it names nothing.
    pub(super) left_out: LeftOut,
}

/// Rows that are kept to what the caller belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// The table; its owner is the column that says it.
    pub table: Table,
    /// What is done with the rows.
    pub usage: Use,
    /// Where they are fetched or made.
    pub site: Site,
}

impl Tenancy {
    /// Puts it in order. What is kept on one path was not forgotten on another: who has no tenant may touch all. Where the
    /// client decides which path it is, by naming a tenant or none, it is believed, or let off.
    pub(super) fn settle(&mut self) {
        self.kept.sort_unstable();
        self.kept.dedup();
        let is_named = |access: &Access| access.fault == Fault::TrustsClient && self.named.contains(&access.site);
        let is_kept = |access: &Access| self.kept.iter().any(|kept| kept.table.site == access.table.site);
        self.others.retain(|access| is_named(access) || !is_kept(access) || self.left_out.is(access));
        self.named.clear();
        self.left_out = LeftOut::default();
        self.unsure.sort_unstable();
        self.unsure.dedup();
        self.spelled.sort_unstable();
        self.spelled.dedup();
        self.others.sort_by_key(|access| (access.site, access.fault, access.entry));
    }
}

/// Whether a column may say which tenant a row belongs to: it refers to another table than that of the users, or is
/// called like a key.
pub(super) fn may_hold_tenant(model: &Model, column: &str) -> bool {
    let of_other = model.parent(column).is_some_and(|table| *table != model.table && *table != model.name);
    let is_plain = || !model.refers(column) && names::is_key_name(column) && !names::is_key_of_user(column);
    model.has(column)
        && !names::is_owner(column)
        && !model.is_key(column)
        && !model.names_user(column)
        && !names::is_authority(column)
        && (of_other || is_plain())
}

/// Whether a part of the principal may say where it belongs, and not what it may do or what its token is.
pub(super) fn may_be_tenant(part: &str) -> bool {
    !names::is_authority(part) && !names::is_standing(part) && !names::is_of_token(part) && part != CREDENTIAL
}

impl Engine<'_, '_> {
    /// The handler ends with a row that it has fetched.
    pub(super) fn note_tenant(&mut self, path: &Path, id: RowId, model: &Arc<Model>, given: &BTreeSet<RowId>) {
        let Some(row) = path.rows.get(&id).filter(|row| !row.absent && model.has_class()) else { return };
        let usage = row.usage();
        for predicate in row.predicates.iter().filter(|predicate| predicate.equal) {
            let Some((of, column)) = &predicate.column else { continue };
            // Whose users they are says nothing of who may read them.
            let is_asked = of.site == model.site || !of.is_user;
            if is_asked && self.keeps_to_tenant(path, of, column, &predicate.value, Some(id)) {
                let usage = if of.site == model.site { usage } else { Use::Reads };
                self.note_kept_to(of, column, usage, row.site);
                self.data.tenants.left_out.note_kept(path, model.site, &predicate.value);
            }
        }
        if row.checked {
            let compared: Vec<SmolStr> =
                self.compared.iter().filter(|(of, _)| *of == id).map(|(_, column)| column.clone()).collect();
            compared.iter().for_each(|column| self.note_kept_to(model, column, usage, row.site));
        }
        row.uses(given.contains(&id)).for_each(|usage| self.note_untenanted(path, id, row, model, usage));
    }

    /// A row is made: with the tenant of the caller's, or with one that the client names?
    pub(super) fn note_tenant_of_new(
        &mut self,
        path: &Path,
        model: &Arc<Model>,
        fields: &BTreeMap<SmolStr, Abs>,
        spread: Option<&Arc<Dump>>,
        site: Site,
    ) {
        let kept = |column: &SmolStr, value: &Abs| self.keeps_to_tenant(path, model, column, value, None);
        let own: Vec<SmolStr> =
            fields.iter().filter(|(column, value)| kept(column, value)).map(|(column, _)| column.clone()).collect();
        own.iter().for_each(|column| self.note_kept_to(model, column, Use::Creates, site));
        if !own.is_empty() || !model.owners.is_empty() {
            return;
        }
        for (column, value) in fields.iter().filter(|(column, _)| may_hold_tenant(model, column)) {
            if let Some(client) = self.named_by_client(path, value) {
                self.aside(column, |engine| {
                    engine.fault(path, Fault::TrustsClient, Use::Creates, site, model, Some(client), "");
                });
            }
        }
        let Some(dump) = spread else { return };
        let copied = dump.fields.iter().filter(|field| !fields.contains_key(*field) && may_hold_tenant(model, field));
        for field in copied {
            let client = self.field_of(dump, field);
            // Who names no tenant puts the row under nobody's.
            let is_named = path.sent.get(&client) != Some(&false);
            if is_named && !path.authorised.contains(&client) && !self.names_own_row(path, &Abs::Client(client)) {
                self.aside(field, |engine| {
                    engine.fault(path, Fault::TrustsClient, Use::Creates, site, model, Some(client), "");
                });
            }
        }
    }

    /// The column of a row was compared with a value.
    pub(super) fn note_tenant_compared(&mut self, path: &Path, value: &Abs, compared: &Abs) {
        if let Abs::Client(client) = compared
            && self.is_tenant_of_caller(path, None, value, None)
        {
            self.compared_clients.insert(*client);
        }
        let Abs::Part(id, column) = compared else { return };
        let Some(model) = path.rows.get(id).and_then(|row| row.model.clone()) else { return };
        // A row of the caller's own says nothing of what it is compared with.
        let is_own = |row: &Row| row.predicates.iter().any(|predicate| self.asks_for_own(path, predicate));
        if matches!(value, Abs::Client(_)) && path.rows.get(id).is_some_and(|row| row.checked || is_own(row)) {
            return;
        }
        let note = (*id, column.clone());
        if self.keeps_to_tenant(path, &model, column, value, Some(*id)) && !self.compared.contains(&note) {
            self.compared.push(note);
        }
    }

    fn note_kept_to(&mut self, model: &Model, column: &SmolStr, usage: Use, site: Site) {
        let table = Table { owner: column.clone(), parties: Vec::new(), personal: true, ..self.hanging_table(model) };
        let kept = Kept { table, usage, site };
        if !self.data.tenants.kept.contains(&kept) {
            self.data.tenants.kept.push(kept);
        }
    }

    /// A row that nothing keeps to what the caller belongs to is given out or changed.
    fn note_untenanted(&mut self, path: &Path, id: RowId, row: &Row, model: &Arc<Model>, usage: Use) {
        // How many there are of each kind is often for everybody.
        let is_own = self.grouped.contains(&row.site) || self.is_fine(path, id, 0) || leads_to_own(path, id, 0);
        if !model.owners.is_empty() {
            return;
        }
        // Rows of no tenant are for all.
        let of_nobody = |asked: &Predicate| {
            let column = asked.column.as_ref().filter(|(of, _)| of.site == model.site);
            asked.equal && asked.value == Abs::Nothing && column.is_some_and(|(_, name)| may_hold_tenant(model, name))
        };
        if row.predicates.iter().any(of_nobody) || row.is_asked_by_pass() {
            return;
        }
        if is_own {
            let is_kept = self.data.tenants.kept.iter().any(|kept| kept.table.site == model.site);
            if !path.privileged && !is_kept && !self.data.tenants.unsure.contains(&model.site) {
                self.data.tenants.unsure.push(model.site);
            }
            return;
        }
        for predicate in row.predicates.iter().filter(|predicate| predicate.equal) {
            let Some((of, column)) = &predicate.column else { continue };
            let client = self.named_by_client(path, &predicate.value);
            if let Some(client) = client.filter(|_| of.site == model.site && may_hold_tenant(model, column)) {
                if path.sent.get(&client) == Some(&true) {
                    self.data.tenants.named.push(row.site);
                }
                self.aside(column, |engine| {
                    engine.row_fault(path, Fault::TrustsClient, usage, row, model, Some(client));
                });
            }
        }
        let key = self.chosen_by(path, row, 0);
        let fault = if row.by_key { Fault::Unchecked } else { Fault::Unscoped };
        self.data.tenants.left_out.note_whole(path, model.site, row);
        // A row that the client can't choose is the code's own choice.
        if key.is_some() || !row.by_key {
            self.aside("", |engine| engine.row_fault(path, fault, usage, row, model, key));
        }
    }

    /// Takes down what is at fault only where tables are known to be kept by tenants.
    fn aside(&mut self, column: &str, note: impl FnOnce(&mut Self)) {
        let faults = std::mem::take(&mut self.data.faults);
        note(self);
        for mut access in std::mem::replace(&mut self.data.faults, faults) {
            access.table.owner = column.into();
            let same = |known: &Access| {
                let place = (known.fault, known.site, known.entry, known.usage);
                place == (access.fault, access.site, access.entry, access.usage) && known.table.owner == column
            };
            if !self.data.tenants.others.iter().any(same) {
                self.data.tenants.others.push(access);
            }
        }
    }

    /// The client's value that decides, if nothing was compared with it.
    fn named_by_client(&self, path: &Path, value: &Abs) -> Option<ClientId> {
        let client = match value {
            Abs::Client(client) => *client,
            Abs::Mix(mix) if !mix.unclear && !mix.principal && mix.rows.is_empty() => *mix.clients.first()?,
            _ => return None,
        };
        (!self.is_authorised(path, &Abs::Client(client), 0)).then_some(client)
    }

    /// Whether a column that equals a value keeps rows to what the caller belongs to, the row at hand left aside.
    fn keeps_to_tenant(&self, path: &Path, model: &Model, column: &str, value: &Abs, row: Option<RowId>) -> bool {
        may_hold_tenant(model, column) && self.is_tenant_of_caller(path, model.parent(column), value, row)
    }

    fn is_tenant_of_caller(
        &self,
        path: &Path,
        refers_to: Option<&SmolStr>,
        value: &Abs,
        besides: Option<RowId>,
    ) -> bool {
        let is_tenant =
            |id: RowId, by_key: bool| besides != Some(id) && self.is_tenant_row(path, id, refers_to, by_key);
        let is_key = |id: RowId, column: &str| {
            path.rows.get(&id).and_then(|row| row.model.as_ref()).is_some_and(|model| model.is_key(column))
        };
        match value {
            Abs::Principal(part) => may_be_tenant(part),
            Abs::Mix(mix) if mix.is_of_caller() => !mix.unclear,
            // Whoever may touch anything has nothing compared.
            _ if path.privileged || path.doubt => false,
            Abs::Part(id, column) => is_tenant(*id, is_key(*id, column)),
            Abs::Row(id) => is_tenant(*id, true),
            Abs::Client(client) => {
                let is_compared = path.authorised.contains(client) && self.compared_clients.contains(client);
                // A membership says it, too: `Member.org_id == org_id`.
                let by_it = |predicate: &Predicate| predicate.equal && predicate.value == *value;
                let is_named = || {
                    path.rows.iter().any(|(id, row)| {
                        let asked = row.predicates.iter().find(|predicate| by_it(predicate));
                        let by_key = |asked: &Predicate| {
                            let of_row = row.model.as_ref().zip(asked.column.as_ref());
                            of_row.is_some_and(|(model, (of, name))| of.site == model.site && model.is_key(name))
                        };
                        asked.is_some_and(|asked| is_tenant(*id, by_key(asked)))
                    })
                };
                !path.doubted.1.contains(client) && (is_compared || is_named())
            }
            Abs::Mix(mix) => {
                let all = || mix.rows.iter().all(|id| is_tenant(*id, false));
                !mix.unclear && mix.clients.is_empty() && !mix.rows.is_empty() && all()
            }
            _ => false,
        }
    }

    /// Whether a row is what the caller says that it belongs to, by its key: `Shop.id == me.shop_id`.
    pub(super) fn is_place_of_caller(&self, path: &Path, id: RowId) -> bool {
        let Some(row) = path.rows.get(&id).filter(|row| !row.absent && !row.unclear) else { return false };
        let by_key = |predicate: &Predicate| {
            let key = predicate.column.as_ref().is_some_and(|(of, column)| {
                row.model.as_ref().is_some_and(|model| of.site == model.site && model.is_key(column))
            });
            key && predicate.equal && matches!(&predicate.value, Abs::Principal(part) if may_be_tenant(part))
        };
        row.predicates.iter().any(by_key)
    }

    /// Whether a row is what the caller belongs to, or says that it does: found by what the principal says of itself, or
    /// with the principal's membership. A row on which others hang by its own owner is none: those are found by that. Where a
    /// column that refers to no table holds the key of a row, it refers to that.
    fn is_tenant_row(&self, path: &Path, id: RowId, refers_to: Option<&SmolStr>, by_key: bool) -> bool {
        let Some(row) = path.rows.get(&id).filter(|row| !row.absent && !row.unclear) else { return false };
        let Some(model) = &row.model else { return false };
        let is_parent = refers_to.map_or(by_key, |table| *table == model.table || *table == model.name);
        // What the request has made itself says nothing of what the caller belongs to.
        let own = |predicate: &Predicate| predicate.value != Abs::Own && self.asks_for_own(path, predicate);
        let by_place = |predicate: &Predicate| {
            let of = predicate.column.as_ref();
            own(predicate) && of.is_some_and(|(of, column)| of.site != model.site || model.is_key(column))
        };
        match is_parent {
            true if !model.owners.is_empty() => false,
            true => {
                row.predicates.iter().any(by_place) || is_group_of_caller(path, id) || self.is_shared_with(path, id)
            }
            false => row.checked || row.predicates.iter().any(own),
        }
    }
}
