//! What is said of the data that a path touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::Model;
use super::names;
use super::tenants::may_hold_tenant;
use super::upkeep::written_of;
use super::value::{Abs, ClientId, Dump, Made, Mix, Path, Predicate, Row, RowId};
use super::{Access, Fault, Place, Table, Use};
use crate::facts::python::tree::Expr;
use crate::index::value::Site;

impl Engine<'_, '_> {
    /// `object.name = value`.
    pub(super) fn set_attribute(&mut self, path: &mut Path, target: &Expr, object: &Abs, name: &SmolStr, value: &Abs) {
        match object {
            Abs::Principal(part) if part.is_empty() => {
                if let Some(model) = self.principal_table() {
                    let site = self.site(target);
                    self.set_privilege(path, &model, name, value, Use::Changes, site);
                }
            }
            Abs::Request(part) if part == "state" => self.leave(path, name, value),
            Abs::Row(id) => {
                // What it holds already.
                if matches!(value, Abs::Part(of, column) if of == id && column == name) {
                    return;
                }
                let model = path.rows.get(id).and_then(|row| row.model.clone());
                if model.as_ref().is_some_and(|model| model.is_transient(name)) {
                    return;
                }
                // When it was looked at last, whoever looks at it says.
                if *value == Abs::Clock && names::tells_last_look(name) {
                    return;
                }
                let site = self.site(target);
                self.note_password(path, *id, name, value, site);
                self.note_token_kept(path, *id, name, value);
                self.note_secret_kept(value);
                self.change(path, *id, site, &value.parts(path));
                if let Some(model) = model {
                    self.note_standing_set(&model, name, value, site);
                    self.set_privilege(path, &model, name, value, Use::Changes, site);
                    self.note_link(path, &model, name, value, site);
                }
                let authorised = self.is_authorised(path, value, 0);
                if let Some(row) = path.rows.get_mut(id)
                    && authorised
                    && row.model.as_ref().is_some_and(|model| model.is_owner(name))
                {
                    row.overwritten = None;
                }
            }
            Abs::Object(id) => {
                if let Some(object) = path.objects.get_mut(id) {
                    object.properties.clear();
                    object.fields.insert(name.clone(), value.clone());
                }
            }
            _ => {}
        }
    }

    /// A row is changed, and that is written to it.
    pub(super) fn change(&mut self, path: &mut Path, id: RowId, site: Site, written: &Mix) {
        let Some(mut row) = path.rows.get(&id).filter(|_| !self.is_principals_own(path, id)).cloned() else { return };
        let upkeep = self.note_upkeep(&row, Some(id), written, site);
        row.touched |= !upkeep;
        if !self.is_fine(path, id, 0) {
            row.upkeep = upkeep && (row.changed.is_none() || row.upkeep);
            row.changed = row.changed.or(Some(site));
        }
        path.rows.insert(id, row);
    }

    /// The fields of a request model are copied to an object.
    pub(super) fn copy_fields(&mut self, path: &mut Path, object: &Abs, dump: &Arc<Dump>, site: Site) {
        let dump = &self.filled_for(path, object, dump);
        match object {
            Abs::Principal(part) if part.is_empty() => {
                if let Some(model) = self.principal_table() {
                    self.copy_privileges(path, &model, dump, &BTreeMap::new(), Use::Changes, site);
                }
            }
            Abs::Row(id) => {
                self.change(path, *id, site, &written_of(path, &[Abs::Dump(Arc::clone(dump))]));
                self.overwrite(path, *id, dump, site);
                if let Some(model) = path.rows.get(id).and_then(|row| row.model.clone()) {
                    self.copy_privileges(path, &model, dump, &BTreeMap::new(), Use::Changes, site);
                    self.note_links(path, &model, &BTreeMap::new(), Some(dump), site);
                }
            }
            Abs::Object(id) => {
                if let Some(object) = path.objects.get_mut(id)
                    && matches!(object.made, Made::Row(_))
                {
                    object.spread = Some(Arc::clone(dump));
                }
            }
            _ => {}
        }
    }

    /// Of a dictionary whose keys the client names: all columns that it may set.
    fn filled_for(&mut self, path: &Path, object: &Abs, dump: &Arc<Dump>) -> Arc<Dump> {
        let model = match object {
            Abs::Row(id) => path.rows.get(id).and_then(|row| row.model.clone()),
            Abs::Principal(part) if part.is_empty() => self.principal_table(),
            _ => None,
        };
        match model.filter(|_| dump.open) {
            Some(model) => {
                let columns = model.columns.iter().map(|column| column.name.clone());
                let fields = columns.filter(|column| !dump.set.iter().any(|(set, _)| set == column)).collect();
                Arc::new(Dump { fields, open: false, ..Dump::clone(dump) })
            }
            None => Arc::clone(dump),
        }
    }

    /// The owner of a row may be written with the rest of a request model.
    pub(super) fn overwrite(&mut self, path: &mut Path, id: u32, dump: &Arc<Dump>, site: Site) {
        if let Some(row) = path.rows.get_mut(&id)
            && let Some(model) = &row.model
            && dump.fields.iter().any(|field| model.is_owner(field))
        {
            row.overwritten = Some((Arc::clone(dump), site));
        }
    }

    /// A row is made with these columns, and with those of a request model.
    pub(super) fn judge_creation(
        &mut self,
        path: &Path,
        model: &Arc<Model>,
        fields: &BTreeMap<SmolStr, Abs>,
        spread: Option<&Arc<Dump>>,
        site: Site,
    ) {
        self.data.makes_users |= model.is_user && !self.in_dependency;
        self.note_links(path, model, fields, spread, site);
        self.note_tenant_of_new(path, model, fields, spread, site);
        if model.owners.is_empty() && !model.is_user {
            self.note_hanging(model);
        }
        if path.privileged || path.doubt {
            return;
        }
        self.judge_privileges(path, model, fields, spread, Use::Creates, site);
        // One of those whom it is between makes it.
        let by_party = |owner: &&SmolStr| fields.get(*owner).is_some_and(|value| self.is_authorised(path, value, 0));
        let party = model.owners.iter().find(by_party).filter(|_| model.is_between_users(&self.callers));
        for owner in party.into_iter().chain(&model.owners) {
            match fields.get(owner) {
                Some(value) if self.is_authorised(path, value, 0) => {
                    self.data.scoped.push((self.table_with(model, Some(owner)), Use::Creates));
                    return;
                }
                Some(value) => {
                    let client = match value {
                        Abs::Client(client) => Some(*client),
                        Abs::Mix(mix) if !mix.unclear && mix.rows.is_empty() => self.named_by(mix),
                        _ => None,
                    };
                    // A member is added to what is the principal's.
                    let evidence = !path.authorised.is_empty() || path.rows.values().any(|row| row.checked);
                    let mut others = fields.iter().filter(|(name, _)| *name != owner);
                    let member = evidence || others.any(|(name, value)| self.may_be_of_own(path, model, name, value));
                    if let Some(client) = client.filter(|_| !member) {
                        self.fault(path, Fault::TrustsClient, Use::Creates, site, model, Some(client), "");
                    }
                    return;
                }
                None => {}
            }
        }
        if let Some(dump) = spread
            && let Some(owner) = dump.fields.iter().find(|field| model.is_owner(field))
        {
            if self.is_seen_as_own(path, dump, owner) {
                self.data.scoped.push((self.table_with(model, Some(owner)), Use::Creates));
            } else {
                self.mass_assigned(path, model, dump, Use::Creates, site);
            }
        }
    }

    /// Whether a field of a request model was compared with the principal, and is it: `if body.user_id != me.id: raise`.
    fn is_seen_as_own(&mut self, path: &Path, dump: &Dump, field: &str) -> bool {
        let client = self.field_of(dump, field);
        path.authorised.contains(&client)
    }

    /// The client's value that a field of a request model is.
    pub(super) fn field_of(&mut self, dump: &Dump, field: &str) -> ClientId {
        self.new_client(Place::Body, SmolStr::new(format!("{}.{field}", dump.body)), dump.site)
    }

    /// Whether a field of a request model puts a row under what the principal belongs to, which was looked at: whom of
    /// those who belong to it the row is about, any of them may say.
    fn is_put_under_own(&mut self, path: &Path, model: &Model, dump: &Dump) -> bool {
        let tenants: Vec<&SmolStr> = dump.fields.iter().filter(|field| may_hold_tenant(model, field)).collect();
        tenants.into_iter().any(|field| {
            let client = self.field_of(dump, field);
            path.authorised.contains(&client) || self.names_own_row(path, &Abs::Client(client))
        })
    }

    /// Whether a column puts a row under something that is the principal's, or
    /// may do so: where what it holds could not be followed, only a key does.
    fn may_be_of_own(&self, path: &Path, model: &Model, column: &SmolStr, value: &Abs) -> bool {
        let unknown = match value {
            Abs::Unknown => true,
            Abs::Mix(mix) => {
                mix.unclear && !mix.principal && mix.rows.is_empty() && mix.clients.is_disjoint(&path.authorised)
            }
            _ => false,
        };
        let is_key = || {
            !model.is_key(column)
                && (model.parent(column).is_some() || model.relations.contains(column) || column.ends_with("_id"))
        };
        self.is_authorised(path, value, 0) && (!unknown || is_key())
    }

    /// Of several values of the client, any of which may be the owner, the one
    /// to tell of: what stands in the path is the least surprising.
    fn named_by(&self, mix: &Mix) -> Option<ClientId> {
        let in_path = |id: &&ClientId| self.clients.get(**id as usize).is_some_and(|one| one.place == Place::Path);
        mix.clients.iter().find(|id| !in_path(id)).or_else(|| mix.clients.first()).copied()
    }

    fn mass_assigned(&mut self, path: &Path, model: &Arc<Model>, dump: &Arc<Dump>, usage: Use, site: Site) {
        let Some(field) = dump.fields.iter().find(|field| model.is_owner(field)) else { return };
        if self.is_seen_as_own(path, dump, field) || self.is_put_under_own(path, model, dump) {
            return;
        }
        let client = self.field_of(dump, field);
        self.fault(path, Fault::MassAssigned, usage, site, model, Some(client), "");
        let table = self.table_with(model, Some(field));
        if let Some(access) = self.data.faults.last_mut().filter(|access| access.site == site) {
            access.table = table;
        }
    }

    /// The handler ends and gives a value out.
    pub(super) fn judge_exit(&mut self, path: &Path, returned: &Abs) {
        if path.dead {
            return;
        }
        self.note_asked_of_caller(path);
        self.note_users(path, returned);
        self.note_handed_out(path, returned);
        let mut given = returned.parts(path).rows;
        given.extend(path.handed_out.iter());
        self.note_published(path, &given);
        let plain = self.without_idle(path, &given);
        let path = plain.as_ref().unwrap_or(path);
        for (id, row) in path.rows.iter() {
            let Some(model) = row.model.clone() else { continue };
            if !path.privileged
                && !path.doubt
                && !self.is_shared_with(path, *id)
                && let Some((dump, site)) = row.overwritten.clone()
            {
                self.mass_assigned(path, &model, &dump, Use::Changes, site);
            }
            self.note_tenant(path, *id, &model, &given);
            self.note_membered(path, *id, &model, given.contains(id));
            if model.owners.is_empty() {
                self.judge_user(path, row, &model);
                self.judge_first_user(path, row, &model, given.contains(id));
                self.judge_child(path, *id, &model, &given);
                continue;
            }
            if self.is_fine(path, *id, 0) {
                self.judge_fine(path, *id, row, &model, given.contains(id));
                continue;
            }
            // What its owner has made public everybody may read.
            let is_public = row.is_public() && row.usage() == Use::Reads;
            let client = self.owner_from_client(row, &model).filter(|_| !is_public);
            if let Some(client) = client {
                self.row_fault(path, Fault::TrustsClient, row.usage(), row, &model, Some(client));
                continue;
            }
            // How many there are of each kind is nobody's in particular.
            if self.of_kinds.contains(&row.site) && row.changed.is_none() {
                continue;
            }
            // Who was given the token of an invitation may use it.
            if row.is_asked_by_pass() || is_public {
                continue;
            }
            let fault = if row.by_key { Fault::Unchecked } else { Fault::Unscoped };
            let key = self.chosen_by(path, row, 0);
            // A row that the client can't choose is the code's own choice.
            for usage in row.uses(given.contains(id)).filter(|_| key.is_some() || !row.by_key) {
                self.row_fault(path, fault, usage, row, &model, key);
                self.judge_look(path, row, &given);
                self.judge_beside(path, *id, row, &model);
                self.judge_plain_child(path, row, &model);
            }
        }
    }

    /// A row was looked for, only to see that there is one, by what then fetched another row of somebody else.
    fn judge_look(&mut self, path: &Path, other: &Row, given: &BTreeSet<RowId>) {
        let by_same = |row: &Row| {
            row.predicates.iter().any(|predicate| {
                matches!(predicate.value, Abs::Client(_))
                    && predicate.equal
                    && other.predicates.iter().any(|known| known.equal && known.value == predicate.value)
            })
        };
        for (id, row) in path.rows.iter() {
            let looked = row.by_key && row.changed.is_none() && !row.absent && !given.contains(id) && by_same(row);
            let Some(model) = row.model.clone().filter(|model| looked && !model.owners.is_empty()) else { continue };
            // Of the same row it is told already.
            if row.is_same_as(other) {
                continue;
            }
            if row.site != other.site && !self.is_fine(path, *id, 0) {
                let key = row.predicates.iter().find_map(|predicate| match predicate.value {
                    Abs::Client(client) => Some(client),
                    _ => None,
                });
                self.look_fault(path, row, &model, key);
            }
        }
    }

    /// A row that is the principal's: at the end, at least.
    fn judge_fine(&mut self, path: &Path, id: RowId, row: &Row, model: &Arc<Model>, given: bool) {
        if path.privileged || row.absent {
            return;
        }
        if path.doubt || row.unclear {
            self.data.unsure.push(model.site);
            return;
        }
        let sure = |value: &Abs| match value {
            Abs::Principal(_) => true,
            Abs::Client(client) if path.doubted.1.contains(client) => false,
            Abs::Mix(mix) if !mix.principal && !mix.unclear && mix.clients.is_empty() => {
                !mix.rows.is_empty() && mix.rows.iter().all(|row| self.is_fine(path, *row, 1))
            }
            Abs::Mix(mix) => mix.principal,
            // `{"$in": ids}`, where it is not known what these are.
            Abs::Map(_) | Abs::Items(_) if value.parts(path).unclear => value.parts(path).principal,
            value => !matches!(value, Abs::Unknown) && self.is_authorised(path, value, 0),
        };
        // Rows of the users of one's organisation are those of colleagues, too.
        let of_colleagues = |predicate: &Predicate| {
            matches!(&predicate.column, Some((of, column)) if of.is_user && of.site != model.site
                && !of.is_key(column) && !names::is_identity(column))
        };
        let narrowed = |predicate: &Predicate| {
            sure(&predicate.value) && !of_colleagues(predicate) && self.narrows(path, predicate, 0)
        };
        // Where no class says which column holds an owner, one that equals no key of the caller's row tells nothing of that:
        // `eq("language", me["language"])`.
        let says_whose = |predicate: &Predicate| match &predicate.value {
            value if !model.has_class() && self.is_referred_to(path, predicate, value) => false,
            Abs::Part(_, part) if !model.has_class() => {
                names::is_key_name(part) || names::is_identity(part) || names::is_address(part) || names::is_owner(part)
            }
            _ => true,
        };
        let by = row.predicates.iter().find(|predicate| narrowed(predicate) && says_whose(predicate));
        if row.checked || by.is_some() || self.is_shared_with(path, id) {
            let asked = |is_of: &dyn Fn(&Abs) -> bool| {
                let of_caller = row.predicates.iter().filter(|asked| is_of(&asked.value) && narrowed(asked));
                let mut columns = of_caller.filter_map(|asked| asked.column.as_ref());
                columns.find(|(of, _)| of.site == model.site).map(|(_, column)| column)
            };
            let own = asked(&|value| matches!(value, Abs::Principal(_)));
            // What the client gave was compared with the caller, and is no key of something that is the caller's, nor of what
            // was compared with the caller itself.
            let is_key = |value: &Abs| {
                let mut rows = path.rows.values().filter(|row| row.by_key || row.compared.is_some());
                rows.any(|row| row.predicates.iter().any(|asked| asked.value == *value))
            };
            let given_by_client = || asked(&|value| matches!(value, Abs::Client(_)) && !is_key(value));
            let by_row = || asked(&|value| matches!(value, Abs::Part(..)));
            let by_other = || given_by_client().or_else(by_row).filter(|column| !model.is_key(column));
            let column = own.or(row.compared.as_ref()).or_else(by_other);
            let table = self.table_with(model, column);
            self.note_scoped(path, row, given, table, self.is_shared_with(path, id));
        } else {
            self.data.unsure.push(model.site);
        }
        // Whoever has the token that a row keeps may do with it what that is for: an invitation is taken.
        let by_token =
            |asked: &Predicate| asked.equal && asked.column.as_ref().is_some_and(|(_, column)| names::is_pass(column));
        let changed = row.checked && row.changed.is_some() && row.written.is_some();
        if changed && !self.in_later && !row.predicates.iter().any(by_token) {
            self.row_fault(path, Fault::CheckedLate, Use::Changes, row, model, None);
            if let Some(access) = self.data.faults.last_mut().filter(|access| access.fault == Fault::CheckedLate)
                && let Some(compared) = &row.compared
            {
                access.table.owner = compared.clone();
            }
        }
    }

    /// Whether a row was found by its key among what rows of another table refer to, that of the users left out, or among what
    /// something out of reach made of the caller: it is not the caller's for that, where those are.
    fn is_referred_to(&self, path: &Path, asked: &Predicate, value: &Abs) -> bool {
        let Some((of, _)) = asked.column.as_ref().filter(|(of, column)| of.is_key(column)) else { return false };
        let mix = value.parts(path);
        let of_others = |id: &RowId| {
            let model = path.rows.get(id).and_then(|row| row.model.as_ref());
            model.is_some_and(|model| model.site != of.site && !model.is_user && !names::is_user_table(&model.table))
        };
        let by_rows = !mix.principal && mix.clients.is_empty() && !mix.rows.is_empty();
        mix.principal && mix.unclear || by_rows && mix.rows.iter().all(of_others)
    }

    /// The client's value that a query takes for the owner.
    fn owner_from_client(&self, row: &Row, model: &Model) -> Option<ClientId> {
        row.predicates.iter().filter(|predicate| predicate.equal).find_map(|predicate| {
            let (of, column) = predicate.column.as_ref()?;
            let owner = of.is_owner(column) || of.is_user && of.is_key(column) && of.site != model.site;
            match &predicate.value {
                Abs::Client(client) if owner => Some(*client),
                Abs::Mix(mix) if owner && mix.rows.is_empty() => self.named_by(mix),
                _ => None,
            }
        })
    }

    pub(super) fn row_fault(
        &mut self,
        path: &Path,
        fault: Fault,
        usage: Use,
        row: &Row,
        model: &Arc<Model>,
        client: Option<ClientId>,
    ) {
        if self.is_upkeep_of_reader(row, usage) {
            return;
        }
        let calls = std::mem::replace(&mut self.calls, row.calls.clone());
        self.kept_up = row.changed.filter(|_| row.upkeep && usage == Use::Changes);
        self.fault(path, fault, usage, row.site, model, client, "");
        self.kept_up = None;
        if let Some(access) = self.data.faults.last_mut().filter(|access| access.site == row.site) {
            access.released = usage == Use::Reads && row.is_released();
            access.of_nobody = usage == Use::Reads && fault == Fault::Unscoped && self.of_nobody.contains(&row.site);
        }
        if let (Some(access), Some(changed)) = (self.data.faults.last_mut(), row.changed)
            && access.site == row.site
            && changed != row.site
            && (usage == Use::Changes || !row.upkeep)
        {
            for (_, step) in access.steps.iter_mut().filter(|(site, _)| *site == row.site) {
                *step = format!("`{}` is fetched here", model.name);
            }
            if !access.steps.iter().any(|(site, _)| *site == changed) {
                access.steps.push((changed, format!("`{}` is changed here", model.name)));
            }
        }
        // The handler's line only hands an object over: the method is where something is wrong.
        if let Some(access) = self.data.faults.last_mut().filter(|access| row.called_back && access.site == row.site) {
            access.entry = access.site;
        }
        self.calls = calls;
    }

    /// What is told of a model.
    pub(super) fn table(&self, model: &Model) -> Table {
        let owner = model.owners.first().cloned().unwrap_or_else(|| SmolStr::new_static("id"));
        Table {
            site: model.site,
            name: model.name.clone(),
            sql: model.table.clone(),
            personal: self.is_self_name(&owner) || self.callers.is_key(&owner),
            owner,
            parties: model.owners.iter().skip(1).filter(|_| model.is_between_users(&self.callers)).cloned().collect(),
            hangs_on: Vec::new(),
            guessed: model.columns.is_empty(),
            of_person: false,
        }
    }

    /// The same, where code shows which column holds the owner: no class does.
    fn table_with(&self, model: &Model, column: Option<&SmolStr>) -> Table {
        let table = self.table(model);
        match column.filter(|_| !model.has_class()) {
            Some(column) => Table { owner: column.clone(), guessed: false, ..table },
            None => table,
        }
    }

    /// Takes down an access at fault.
    #[allow(clippy::too_many_arguments, reason = "the parts of a finding, spelled out")]
    pub(super) fn fault(
        &mut self,
        path: &Path,
        fault: Fault,
        usage: Use,
        site: Site,
        model: &Arc<Model>,
        client: Option<ClientId>,
        detail: &'static str,
    ) {
        if path.privileged || path.doubt {
            return;
        }
        let client = client.and_then(|client| self.clients.get(client as usize).cloned());
        let mut steps = Vec::new();
        if let Some(client) = &client {
            let said = match client.place {
                Place::Argument => format!("`{}` is what a model chooses", client.name),
                place => format!("`{}` comes from the {} of the request", client.name, place.word()),
            };
            steps.push((client.site, said));
        }
        // The first of the calls is FastAPI's own.
        for call in self.calls.iter().skip(1 + self.wrappers) {
            steps.push((*call, "this leads there".to_owned()));
        }
        let what = match usage {
            Use::Reads => "read",
            Use::Changes => "changed",
            Use::Creates => "made",
        };
        steps.push((site, format!("`{}` is {what} here", model.name)));
        let entry = self.calls.get(1 + self.wrappers).copied().unwrap_or(site);
        let (table, principal) = (self.table(model), self.principal.clone());
        let access = Access {
            fault,
            usage,
            site,
            entry,
            table,
            principal,
            client,
            detail,
            steps,
            upkeep: self.kept_up,
            released: false,
            of_nobody: false,
            by_code: Self::chosen_by_code(path),
        };
        let same = |known: &Access| {
            known.fault == access.fault
                && known.site == access.site
                && known.entry == access.entry
                && known.usage == access.usage
                && known.upkeep == access.upkeep
                && known.by_code == access.by_code
                && (access.fault != Fault::GivesPrivilege || known.client == access.client)
        };
        match self.data.faults.iter().position(same) {
            // `row_fault` adds to the last one.
            Some(at) => {
                let mut known = self.data.faults.remove(at);
                // On one of the paths nothing of the client's narrows it.
                if fault == Fault::Unscoped && access.client.is_none() {
                    (known.client, known.steps) = (None, access.steps);
                }
                self.data.faults.push(known);
            }
            None => self.data.faults.push(access),
        }
    }
}
