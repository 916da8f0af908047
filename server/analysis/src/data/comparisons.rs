//! What is known of two values on the paths where they are equal, or one holds the other, and where that is not so.

use std::sync::Arc;

use super::asks::{asks_role_by_record, is_scheme, tells_group};
use super::engine::Engine;
use super::models::Model;
use super::names;
use super::requests::CREDENTIAL;
use super::value::{Abs, ClientId, Path, Predicate, Stranger};
use crate::facts::python::tree::Expr;
use crate::index::value::Site;

/// The table of a row whose owner is compared.
fn newly_checked(before: &Path, after: &Path, compared: [&Abs; 2]) -> Option<Arc<Model>> {
    compared.into_iter().find_map(|value| {
        let Abs::Part(id, column) = value else { return None };
        let (was, is) = (before.rows.get(id)?, after.rows.get(id)?);
        let model = is.model.as_ref().filter(|model| model.is_owner(column))?;
        // Nobody else's row was asked for in the first place.
        let is_own = |predicate: &Predicate| {
            predicate.equal
                && matches!(predicate.value, Abs::Principal(_))
                && predicate.column.as_ref().is_some_and(|(_, asked)| asked == column)
        };
        let was_open = !was.checked && !was.absent && !was.predicates.iter().any(is_own);
        (is.checked && was_open).then(|| Arc::clone(model))
    })
}

/// Whether texts or truth values that are known compare so, or nothing with what is something: a helper gives `None` for the role of who has
/// none.
fn known_compare(a: &Abs, op: &str, b: &Abs) -> Option<bool> {
    if *a == Abs::Nothing && is_something(b) {
        return Some(matches!(op, "!=" | "is not" | "not in"));
    }
    if let (Abs::Constant(Some(one)), Abs::Constant(Some(other))) = (a, b) {
        return match op {
            "==" | "is" => Some(one == other),
            "!=" | "is not" => Some(one != other),
            _ => None,
        };
    }
    let Abs::Text(text) = a else { return None };
    match (op, b) {
        ("==", Abs::Text(other)) => Some(text == other),
        ("!=", Abs::Text(other)) => Some(text != other),
        ("in" | "not in", Abs::Items(items)) => {
            let all_known = items.iter().all(|item| matches!(item, Abs::Text(_)));
            (all_known && !items.is_empty()).then(|| items.contains(a) == (op == "in"))
        }
        _ => None,
    }
}

/// Whether a value is known not to be `None`, nor to hold that.
fn is_something(value: &Abs) -> bool {
    match value {
        Abs::Text(_) | Abs::Constant(_) | Abs::Known(_) => true,
        Abs::Items(items) => !items.is_empty() && items.iter().all(is_something),
        _ => false,
    }
}

/// A row turned out to be the caller's that was asked for by something that could not be followed, and that was found by
/// what the client says: what else is found by that may be the caller's, too.
pub(super) fn doubt_what_led_to(path: &mut Path, id: u32) {
    let Some(row) = path.rows.get(&id) else { return };
    let unclear = row.predicates.iter().filter_map(|asked| match &asked.value {
        Abs::Mix(mix) if mix.unclear && asked.equal => Some(&mix.clients),
        _ => None,
    });
    let clients: Vec<ClientId> = unclear.flatten().copied().collect();
    if !clients.is_empty() {
        path.doubted.1.extend(clients);
    }
}

/// What a row hangs on is compared with what may turn out to be the caller's: `if photo.album_id != album_id: raise`, and
/// whose album that is is asked next.
fn note_parent(path: &mut Path, a: &Abs, b: &Abs) {
    let Abs::Part(id, column) = b else { return };
    let model = |id: &u32| path.rows.get(id).and_then(|row| row.model.as_ref());
    let may_be_own = match a {
        Abs::Client(_) => true,
        Abs::Part(other, key) => other != id && model(other).is_some_and(|model| model.is_key(key)),
        _ => false,
    };
    if !may_be_own || model(id).is_none_or(|model| model.parent(column).is_none()) {
        return;
    }
    if let Some(row) = path.rows.get_mut(id)
        && !row.hangs_on.contains(a)
    {
        row.hangs_on.push(a.clone());
    }
}

impl Engine<'_, '_> {
    /// What is compared may be what users may do.
    pub(super) fn note_question(&mut self, path: &Path, (a, first): (&Abs, &Expr), (b, second): (&Abs, &Expr)) {
        let site = self.site(first);
        self.note_asked(path, a, Some((b, second)), site);
        self.note_asked(path, b, Some((a, first)), site);
    }

    /// The paths on which two values compare so, and those on which they don't.
    pub(super) fn compare(&mut self, path: Path, a: Abs, op: &str, b: Abs) -> (Vec<Path>, Vec<Path>) {
        let mut path = path;
        self.note_time(&mut path, &a, &b);
        self.note_time(&mut path, &b, &a);
        let equal = matches!(op, "==" | "is" | "in");
        let unequal = matches!(op, "!=" | "is not" | "not in");
        if !equal && !unequal {
            // `me.level < 5` may turn callers away for want of a right.
            path.privileged |= [&a, &b].into_iter().any(|value| self.says_authority(value));
            return (vec![path.clone()], vec![path]);
        }
        if let Some(holds) = known_compare(&a, op, &b) {
            return if holds { (vec![path], Vec::new()) } else { (Vec::new(), vec![path]) };
        }
        // Nothing is in an empty list.
        if matches!(op, "in" | "not in") && matches!(&b, Abs::Items(items) if items.is_empty()) {
            return if equal { (Vec::new(), vec![path]) } else { (vec![path], Vec::new()) };
        }
        if matches!(a, Abs::DumpKey(_)) {
            // Which fields are copied depends on their names.
            let path = Path { doubt: true, ..path };
            return (vec![path.clone()], vec![path]);
        }
        let (same, other) = if b == Abs::Nothing || a == Abs::Nothing {
            let value = if b == Abs::Nothing { &a } else { &b };
            let (yes, no) = self.truth(path, value);
            (no.into_iter().collect(), yes.into_iter().collect())
        } else {
            let mut same = self.found_by_comparison(&path, &a, &b).unwrap_or_else(|| path.clone());
            let mut other = path;
            self.equate(&mut same, &a, &b);
            self.equate(&mut same, &b, &a);
            self.note_public(&mut same, &a, &b);
            if b == Abs::Constant(Some(false)) {
                self.note_public(&mut other, &a, &Abs::Constant(Some(true)));
            }
            other.doubt |= same.doubt;
            let owner = newly_checked(&other, &same, [&a, &b]).map(Stranger::Owner);
            let named = self.newly_named(&other, &same).map(Stranger::Named);
            other.stranger = owner.or(other.stranger).or(named);
            (vec![same], vec![other])
        };
        if equal { (same, other) } else { (other, same) }
    }

    /// The path on which what a query gave equals something that is not `None`: then there is such a row.
    fn found_by_comparison(&mut self, path: &Path, a: &Abs, b: &Abs) -> Option<Path> {
        let given = match (a, b) {
            (row @ Abs::Row(_), other) | (other, row @ Abs::Row(_)) if is_something(other) => row,
            _ => return None,
        };
        self.truth(path.clone(), given).0
    }

    /// The function that is being executed, if it found out that the caller is whom the request names.
    fn newly_named(&self, before: &Path, after: &Path) -> Option<Site> {
        let says_caller = |client: &u32| self.clients.get(*client as usize).is_some_and(|client| client.says_caller);
        let is_new = after.authorised.iter().any(|client| !before.authorised.contains(client) && says_caller(client));
        // Whoever may name anybody is compared with nobody: `if taken and taken.id != user_id`.
        self.stack.last().filter(|_| is_new && !before.privileged).map(|function| function.site)
    }

    fn says_authority(&self, value: &Abs) -> bool {
        matches!(value, Abs::Principal(part) if names::is_authority(part))
    }

    /// Whether the dependency that verifies the caller asks the record what it may do.
    pub(super) fn asks_right_of_record(&self, path: &Path, value: &Abs) -> bool {
        let Abs::Part(id, column) = value else { return false };
        let Some(row) = path.rows.get(id).filter(|_| self.in_root) else { return false };
        let of_user = row.model.as_ref().is_some_and(|model| model.is_user);
        // Whatever its table is called: a row that the credential alone names is the caller's.
        let of_caller = || names::is_privilege(column) && row.is_found_by_caller();
        (of_user && names::is_authority(column) || of_caller()) && !names::is_standing(column)
    }

    /// What follows for `b` on a path where it equals `a`, or is in it.
    fn equate(&mut self, path: &mut Path, a: &Abs, b: &Abs) {
        // Who verifies the caller asks its record before it hands it on.
        path.privileged |=
            self.asks_right_of_record(path, a) || tells_group(path, a) || self.asks_right_of_own(path, a, b);
        path.privileged |= asks_role_by_record(path, a, b);
        let (left, right) = (a.parts(path), b.parts(path));
        if left.principal {
            let nothing_known = right.clients.is_empty() && right.rows.is_empty() && !right.principal;
            if nothing_known {
                // What a role, or the kind of token, is compared with need not be known.
                let is_asked =
                    matches!(a, Abs::Principal(part) if names::is_authority(part) || names::is_of_token(part));
                if !is_asked && (matches!(b, Abs::Unknown) || right.unclear) {
                    path.doubt = true;
                }
                // A principal that is, or has, something in particular.
                path.privileged |= match a {
                    // What scheme a credential has says nothing of who shows it.
                    Abs::Principal(part) if part == CREDENTIAL && is_scheme(b) => false,
                    // How long a credential is, or how many dots it has.
                    Abs::Principal(part) if part.is_empty() && self.in_root => !matches!(b, Abs::Constant(None)),
                    Abs::Principal(part) => {
                        // What whoever verifies looks at says whether the caller is known, unless it says more.
                        let says_more = !self.in_root && !names::is_standing(part) && !names::is_of_token(part);
                        names::is_authority(part) || says_more
                    }
                    _ => true,
                };
            }
        } else if matches!(a, Abs::Unknown | Abs::Mix(_))
            && !self.are_own_rows(path, &left)
            && !self.are_checked_rows(path, &left)
        {
            // Who knows whose that is: comparing an owner with it may be the check.
            let owner = matches!(b, Abs::Part(_, column) if self.is_owner_name(column));
            path.doubt |= owner;
            // So may comparing what a client says of itself: the other may come from a cache of verified tokens.
            if let (Abs::Unknown, Abs::Client(client)) = (a, b)
                && self.clients.get(*client as usize).is_some_and(|client| client.says_caller)
            {
                path.doubted.1.insert(*client);
            }
            return;
        } else if !self.is_authorised(path, a, 0) {
            self.note_claim(path, a, b);
            return;
        }
        self.note_tenant_compared(path, a, b);
        path.authorised.extend(right.clients);
        for id in right.rows {
            doubt_what_led_to(path, id);
            // What a row that is the caller's by its query is compared for says nothing of whose it is.
            let was_own = self.is_fine(path, id, 0);
            if let Some(row) = path.rows.get_mut(&id) {
                row.checked = true;
                if let Abs::Part(_, column) = b
                    && !was_own
                {
                    row.compared.get_or_insert_with(|| column.clone());
                }
            }
        }
    }

    /// The owner of a row is compared with what the client says.
    fn note_claim(&self, path: &mut Path, a: &Abs, b: &Abs) {
        note_parent(path, a, b);
        let (Abs::Client(_), Abs::Part(id, column)) = (a, b) else { return };
        let Some(row) = path.rows.get_mut(id) else { return };
        let Some(model) = row.model.clone().filter(|model| model.is_owner(column)) else { return };
        let claim = Predicate { column: Some((model, column.clone())), equal: true, value: a.clone() };
        if !row.predicates.contains(&claim) {
            row.predicates.push(claim);
        }
    }
}
