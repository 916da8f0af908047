//! Roles that whoever signs up has, or may choose: asking for one of these is asking for no right.
//!
//! A route that anybody may ask makes an account with them. One that makes the first account of an installation, or asks for
//! an invitation, gives them to nobody else; administrators are made for everybody only where the company is made with them
//! that they are to look after.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::Model;
use super::names;
use super::privileges::is_high;
use super::takeovers::{founds, is_first_account};
use super::value::{Abs, ClientId, Dump, Path, Place, Predicate, Role, Row};
use super::{Access, Fault, RouteData, Tenancy, Use};
use crate::index::value::Site;

/// A role that whoever signs up gets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Granted {
    /// The attribute that says it.
    pub attribute: SmolStr,
    /// The role; empty where whoever signs up writes what it likes.
    pub role: SmolStr,
    /// Where the account is made.
    pub site: Site,
}

/// What a check asks for: one of several roles.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RolesAsked {
    /// The attribute that says which one the caller has.
    pub attribute: SmolStr,
    /// The roles.
    pub roles: Vec<SmolStr>,
}

impl RolesAsked {
    /// Whether whoever has a role that is given to everybody has what is asked for.
    pub fn is_met_by(&self, granted: &Granted) -> bool {
        let is_given = |role: &SmolStr| granted.role.is_empty() || role.eq_ignore_ascii_case(&granted.role);
        self.attribute == granted.attribute && self.roles.iter().any(is_given)
    }
}

/// What is done for those who have a role, if that is no right to touch what is anybody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByRole {
    /// What the handler asks for.
    pub asked: RolesAsked,
    /// Accesses at fault.
    pub faults: Vec<Access>,
    /// What is done with rows that may belong to what the caller belongs to.
    pub tenants: Tenancy,
}

impl ByRole {
    /// Adds what another path does for those who have the same role.
    fn absorb(&mut self, other: Self) {
        let new = |known: &[Access], access: &Access| !known.contains(access);
        let faults = other.faults.into_iter().filter(|access| new(&self.faults, access)).collect::<Vec<_>>();
        self.faults.extend(faults);
        let others = other.tenants.others.into_iter().filter(|access| new(&self.tenants.others, access));
        let others = others.collect::<Vec<_>>();
        self.tenants.others.extend(others);
        self.tenants.kept.extend(other.tenants.kept);
        self.tenants.unsure.extend(other.tenants.unsure);
        self.tenants.spelled.extend(other.tenants.spelled);
        self.tenants.named.extend(other.tenants.named);
        self.tenants.left_out.extend(other.tenants.left_out);
    }
}

impl Engine<'_, '_> {
    /// A row of the users is made, for whoever asks.
    pub(super) fn note_granted(
        &mut self,
        path: &Path,
        model: &Model,
        fields: &BTreeMap<SmolStr, Abs>,
        spread: Option<&Arc<Dump>>,
        site: Site,
    ) {
        let is_for_all = !self.guarded && !self.in_dependency && !path.privileged && !path.doubt;
        if !is_for_all || is_first_account(path) || path.rows.values().any(|row| invites(row)) {
            return;
        }
        let founds = founds(path, model, fields);
        let mut granted: Vec<(SmolStr, SmolStr)> = Vec::new();
        for (column, value) in fields.iter().filter(|(column, _)| names::is_privilege(column)) {
            match value {
                Abs::Text(role) if founds || !is_high(role) => granted.push((column.clone(), role.clone())),
                Abs::Client(client) => {
                    let name = self.clients.get(*client as usize).map(|client| client.name.clone());
                    granted.extend(self.choosable(name.as_ref()).map(|role| (column.clone(), role)));
                    if self.is_free(path, *client) {
                        granted.push((column.clone(), SmolStr::default()));
                    }
                }
                _ => {}
            }
        }
        if let Some(dump) = spread {
            for field in dump.fields.iter().filter(|field| names::is_privilege(field) && !fields.contains_key(*field)) {
                let name = SmolStr::new(format!("{}.{field}", dump.body));
                granted.extend(self.choosable(Some(&name)).map(|role| (field.clone(), role)));
                if !self.harmless.contains(&name) && !self.choices.contains_key(&name) {
                    granted.push((field.clone(), SmolStr::default()));
                }
            }
        }
        for (attribute, role) in granted {
            let granted = Granted { attribute, role, site };
            if !self.data.granted.contains(&granted) {
                self.data.granted.push(granted);
            }
        }
    }

    /// The roles that a field of a request model takes, where they are meant for everybody: none that gives more than
    /// others, which is at fault itself.
    fn choosable(&self, field: Option<&SmolStr>) -> impl Iterator<Item = SmolStr> {
        let choices = field.and_then(|field| self.choices.get(field)).cloned().unwrap_or_default();
        let is_menu = !choices.iter().any(|role| is_high(role));
        choices.into_iter().filter(move |_| is_menu)
    }

    /// Whether a field of a request model takes any text, and no code looks at what it is.
    fn is_free(&self, path: &Path, client: ClientId) -> bool {
        let is_looked_at = path.doubted.1.contains(&client) || path.declined.contains(&client);
        self.clients.get(client as usize).is_some_and(|known| {
            known.place == Place::Body
                && !is_looked_at
                && !self.harmless.contains(&known.name)
                && !self.choices.contains_key(&known.name)
        })
    }

    /// What the dependencies of a route ask for, if that is one of several roles.
    pub(super) fn roles_asked(&self) -> Option<RolesAsked> {
        let [_] = self.rights.as_slice() else { return None };
        let (first, rest) = self.data.asked.split_first()?;
        let is_one = rest.iter().all(|asked| asked.attribute == first.attribute);
        let roles: Vec<SmolStr> = self.data.asked.iter().map(|asked| asked.value.clone()).collect();
        let is_known = is_one && roles.iter().all(|role| !role.is_empty());
        is_known.then(|| RolesAsked { attribute: first.attribute.clone(), roles })
    }

    /// The handler ends for a caller who has a role by which it may touch what is anybody's: what would be at fault, were
    /// that a role that everybody has?
    pub(super) fn judge_by_role(&mut self, path: &Path, returned: &Abs) {
        let [Role { site, .. }] = path.roles.iter().copied().collect::<Vec<_>>()[..] else { return };
        if !path.privileged || path.mixed || path.doubt || self.in_right {
            return;
        }
        let Some(asked) = self.role_texts.get(&site).cloned() else { return };
        let (known, hints) = (self.data.clone(), self.hints.clone());
        let (told_apart, hung) = (self.told_apart.clone(), self.hung.clone());
        self.data.faults.clear();
        self.data.tenants = Tenancy::default();
        let mut plain = Path { privileged: false, ..path.clone() };
        // Whoever may touch anything changes nothing that would have to be told.
        for row in plain.rows.values_mut().filter(|row| row.touched && !row.checked) {
            row.changed = row.changed.or(Some(row.site));
        }
        self.judge_exit(&plain, returned);
        let RouteData { mut faults, tenants, .. } = std::mem::replace(&mut self.data, known);
        (self.hints, self.told_apart, self.hung) = (hints, told_apart, hung);
        faults.retain(|access| {
            matches!(access.fault, Fault::Unchecked | Fault::Unscoped) && access.usage != Use::Creates
        });
        if faults.is_empty() && tenants.kept.is_empty() && tenants.others.is_empty() {
            return;
        }
        let by_role = ByRole { asked, faults, tenants };
        match self.data.by_role.iter_mut().find(|known| known.asked == by_role.asked) {
            Some(known) => known.absorb(by_role),
            None => self.data.by_role.push(by_role),
        }
    }

    /// What is kept to the caller's on some path was not forgotten on those of callers with a role.
    pub(super) fn settle_by_role(&mut self) {
        let kept: Vec<Site> = self.data.tenants.kept.iter().map(|kept| kept.table.site).collect();
        for by_role in &mut self.data.by_role {
            by_role.tenants.settle();
            by_role.tenants.others.retain(|access| !kept.contains(&access.table.site));
        }
    }
}

/// Whether a row had to be there that the client named, and that is none of the users': an invitation, say.
fn invites(row: &Row) -> bool {
    let of_client = |asked: &Predicate| matches!(asked.value, Abs::Client(_));
    let of_users = row.model.as_ref().is_some_and(|model| model.is_user);
    !row.absent && !of_users && row.predicates.iter().any(of_client)
}
