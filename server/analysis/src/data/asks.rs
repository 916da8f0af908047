//! What conditions ask of whoever is verified: whether that is a right, or says only what the token is.

use std::sync::Arc;

use super::engine::Engine;
use super::models::{Model, last_name};
use super::names;
use super::value::{Abs, Path, Predicate, RowId};
use crate::auth::configured::is_configured;
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::{Resolve, Value};

/// Whether an expression gives what of one set is not in another, or tells whether anything is.
fn is_difference(expr: &Expr) -> bool {
    let is_membership = |test: &Expr| match &test.kind {
        ExprKind::Compare { rest, .. } => rest.iter().any(|(op, _)| matches!(op.as_str(), "in" | "not in")),
        _ => false,
    };
    match &expr.kind {
        ExprKind::Comprehension(one) => one.clauses.iter().flat_map(|clause| &clause.conditions).any(is_membership),
        ExprKind::Binary { op, .. } => op == "-",
        ExprKind::Call { func, args } => match last_name(func) {
            Some("difference" | "issubset" | "issuperset" | "isdisjoint") => true,
            Some("any" | "all") => args.iter().any(|arg| match &arg.value.kind {
                ExprKind::Comprehension(one) => is_membership(&one.element),
                _ => false,
            }),
            _ => false,
        },
        _ => false,
    }
}

/// The sets of which such an expression says what of one is not in the other.
fn sets_compared(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Comprehension(one) => {
            let conditions = one.clauses.iter().flat_map(|clause| &clause.conditions);
            conditions.flat_map(searched_in).chain(one.clauses.iter().map(|clause| &clause.iter)).collect()
        }
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::Call { func, args } => match (&func.kind, &args.first().map(|arg| &arg.value.kind)) {
            (_, Some(ExprKind::Comprehension(one))) => {
                let iterated = one.clauses.iter().map(|clause| &clause.iter);
                searched_in(&one.element).into_iter().chain(iterated).collect()
            }
            (ExprKind::Attribute { value, .. }, Some(_)) => vec![value, &args[0].value],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Where a test of membership looks: `right in granted`.
fn searched_in(test: &Expr) -> Vec<&Expr> {
    match &test.kind {
        ExprKind::Compare { rest, .. } => {
            let is_in = |op: &str| matches!(op, "in" | "not in");
            rest.iter().filter(|(op, _)| is_in(op)).map(|(_, set)| set).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a row is something that the caller is in, by a table between the two: a group, a role.
pub(super) fn is_group_of_caller(path: &Path, id: RowId) -> bool {
    let Some(row) = path.rows.get(&id) else { return false };
    let Some(model) = row.model.as_ref().filter(|model| model.owners.is_empty()) else { return false };
    row.predicates.iter().any(|asked| {
        let between = asked.column.as_ref().is_some_and(|(of, column)| of.site != model.site && of.names_user(column));
        asked.equal && between && matches!(asked.value, Abs::Principal(_))
    })
}

/// Whether a value is what something is called that the caller is in.
pub(super) fn tells_group(path: &Path, value: &Abs) -> bool {
    matches!(value, Abs::Part(id, column) if names::is_label(column) && is_group_of_caller(path, *id))
}

/// Whether the caller's role, which is a record of its own, is compared with what the code names: `me.role_id != admin.id`, where
/// that one was found by its name, or `role.name != "Admin"`, where that one was found by `me.role_id`.
pub(super) fn asks_role_by_record(path: &Path, a: &Abs, b: &Abs) -> bool {
    let row = |value: &Abs| match value {
        Abs::Part(id, _) => path.rows.get(id).filter(|row| !row.unclear && !row.predicates.is_empty()),
        _ => None,
    };
    let of_caller = |value: &Abs| matches!(value, Abs::Principal(part) if names::is_authority(part));
    let is_named = |value: &Abs| matches!(value, Abs::Text(_) | Abs::Constant(_) | Abs::Known(_));
    let found_by = |value: &Abs, is_it: &dyn Fn(&Abs) -> bool| {
        row(value).is_some_and(|row| row.predicates.iter().all(|asked| asked.equal && is_it(&asked.value)))
    };
    of_caller(a) && found_by(b, &is_named) || found_by(a, &of_caller) && is_named(b)
}

/// Whether a value is the name of a scheme of credentials, or several.
pub(super) fn is_scheme(value: &Abs) -> bool {
    match value {
        Abs::Text(text) => ["bearer", "basic", "digest", "token"].contains(&text.trim().to_ascii_lowercase().as_str()),
        Abs::Items(items) => !items.is_empty() && items.iter().all(is_scheme),
        _ => false,
    }
}

impl Engine<'_, '_> {
    /// Whether a claim of the principal is compared with kinds of tokens
    /// (`payload["type"] != "access"`): that says what the token is for, and
    /// nothing of what its owner may do.
    pub(super) fn tells_token_kind(&self, claim: &Abs, (value, other): (&Abs, &Expr)) -> bool {
        let Abs::Principal(part) = claim else { return false };
        let is_kind = |value: &Abs| matches!(value, Abs::Text(kind) if names::is_token_kind(kind));
        names::is_token_kind_claim(part)
            && match value {
                // Tokens of old may say nothing: `not in ("access", None)`.
                Abs::Items(kinds) => {
                    kinds.iter().any(is_kind) && kinds.iter().all(|kind| is_kind(kind) || *kind == Abs::Nothing)
                }
                value if is_kind(value) => true,
                _ => matches!(self.outer(other), Value::Str(kind) if names::is_token_kind(&kind)),
            }
    }

    /// What a table of constants around the function holds under what the caller may do, where it holds lists: what that
    /// allows. `RIGHTS[me.role]` says of the caller what `me.role` says.
    pub(super) fn rights_under(&self, path: &Path, table: &Expr, key: &Abs) -> Option<Abs> {
        let says_right = match key {
            Abs::Principal(part) => names::is_authority(part) && !names::is_standing(part),
            _ => self.asks_right_of_record(path, key),
        };
        let function = self.stack.last().filter(|_| says_right)?;
        let Value::Dict(entries) = self.interpreter.eval(function, table) else { return None };
        entries.iter().any(|(_, value)| matches!(value, Value::List(_))).then(|| key.clone())
    }

    /// Whether a dependency asks what the caller's own row makes of it: `if wanted not in RIGHTS.get(staff.role): raise`.
    pub(super) fn asks_right_of_own(&self, path: &Path, a: &Abs, b: &Abs) -> bool {
        let (left, right) = (a.parts(path), b.parts(path));
        let made_of_row = match a {
            Abs::Part(_, column) => names::is_authority(column) && !names::is_standing(column),
            Abs::Mix(mix) => mix.unclear,
            _ => false,
        };
        let is_own = |id: &RowId| {
            let row = path.rows.get(id);
            row.is_some_and(|row| row.predicates.iter().any(|predicate| self.asks_for_own(path, predicate)))
        };
        let compared = right.principal || !right.clients.is_empty() || !right.rows.is_empty();
        let named = left.principal || !left.clients.is_empty();
        let asks = self.in_dependency && !self.in_root && made_of_row && !compared && !named;
        asks && !left.rows.is_empty() && left.rows.iter().all(is_own)
    }

    /// Whether a flag is asked of the caller's own record, which was found by who it is and by nothing that the client
    /// says: `if not profile["is_admin"]: raise`.
    pub(super) fn asks_flag_of_own(&self, path: &Path, id: RowId, column: &str) -> bool {
        let Some(row) = path.rows.get(&id).filter(|row| !row.unclear) else { return false };
        let is_own = row.predicates.iter().any(|predicate| self.asks_for_own(path, predicate));
        let is_plain = |value: &Abs| {
            let parts = value.parts(path);
            parts.clients.is_empty() && (parts.rows.is_empty() || parts.principal)
        };
        let of_users = row.model.as_ref().is_some_and(|model| model.is_user);
        // What a row of something else allows may be what its owner has paid for.
        let is_right = of_users && names::is_authority(column)
            || self.in_dependency && !self.in_root && names::is_privilege(column);
        is_right
            && !names::is_standing(column)
            && is_own
            && row.predicates.iter().all(|predicate| is_plain(&predicate.value))
    }

    /// Whether a dependency asks if there is a record of the caller's own in a table of those who have more rights than
    /// others: `select(AdminUser).where(AdminUser.user_id == user.id)`.
    pub(super) fn asks_record_of_right(&self, path: &Path, id: RowId) -> bool {
        let Some(row) = path.rows.get(&id).filter(|row| !row.unclear && !row.predicates.is_empty()) else {
            return false;
        };
        let of_some = |model: &Arc<Model>| names::is_of_some(&model.table) || names::is_of_some(&model.name);
        let is_own_or_said = |asked: &Predicate| {
            self.asks_for_own(path, asked) || matches!(asked.value, Abs::Constant(_) | Abs::Text(_) | Abs::Known(_))
        };
        self.in_dependency
            && !self.in_root
            && row.model.as_ref().is_some_and(of_some)
            && row.predicates.iter().all(is_own_or_said)
            && row.predicates.iter().any(|asked| self.asks_for_own(path, asked))
    }

    /// Whether a condition asks of who is calling whether the configuration names it not: `if uid not in admin_ids():`.
    pub(super) fn asks_whether_listed(&mut self, path: &Path, test: &Expr) -> bool {
        if let ExprKind::BoolOp { and: false, values } = &test.kind {
            return values.iter().any(|value| self.asks_whether_listed(path, value));
        }
        let Some(function) = self.stack.last().cloned() else { return false };
        let (asked, op) = match &test.kind {
            ExprKind::Not(inner) => (&**inner, "in"),
            _ => (test, "not in"),
        };
        // `is_admin = uid in admin_ids()`
        let held = asked.as_name().map(|name| assigned(&function.def.body, name));
        let asked = match held.as_deref() {
            Some([value]) => value,
            _ => asked,
        };
        let ExprKind::Compare { first, rest } = &asked.kind else { return false };
        let [(found, list)] = rest.as_slice() else { return false };
        let names_caller = match self.eval(&mut path.clone(), first) {
            Abs::Principal(part) => names::is_identity(&part) || names::is_address(&part),
            _ => false,
        };
        found == op && names_caller && is_configured(self.interpreter, &function, list)
    }

    /// Whether it is asked which claims a token has, while it is verified: `"sub" in payload`.
    pub(super) fn asks_for_claim(&self, op: &str, claim: &Abs, (container, expr): (&Abs, &Expr)) -> bool {
        let is_whole = matches!(container, Abs::Principal(part) if part.is_empty());
        let is_usual = matches!(claim, Abs::Text(claim) if names::is_of_token(claim) || names::is_identity(claim));
        self.in_root && matches!(op, "in" | "not in") && is_whole && (is_usual || self.is_decoded(expr))
    }

    /// Whether a variable of the innermost function holds what something decoded or verified, by its name.
    fn is_decoded(&self, expr: &Expr) -> bool {
        let (Some(name), Some(function)) = (expr.as_name(), self.stack.last()) else { return false };
        assigned(&function.def.body, name).into_iter().any(|value| {
            let value = if let ExprKind::Await(inner) = &value.kind { inner } else { value };
            let callee = value.as_call().and_then(|(func, _)| last_name(func));
            callee.is_some_and(|callee| ["decode", "verif"].iter().any(|word| callee.contains(word)))
        })
    }

    /// Whether a condition is what was made of the caller in a way that was not followed: `if missing: raise`.
    pub(super) fn is_found_of_caller(&mut self, path: &Path, test: &Expr) -> bool {
        let is_one = matches!(test.kind, ExprKind::Name(_) | ExprKind::Call { .. } | ExprKind::Await(_));
        is_one && matches!(self.eval(&mut path.clone(), test), Abs::Principal(part) if part.is_empty())
    }

    /// Whether a condition asks which of several rights the caller lacks: `not any(right in me.permissions for right in wanted)`.
    /// It is one of those that ask what is missing.
    pub(super) fn asks_missing_right(&mut self, path: &Path, test: &Expr) -> bool {
        let holds = |engine: &mut Self, set: &Expr| {
            let given = engine.eval(&mut path.clone(), set);
            matches!(given, Abs::Principal(part) if names::is_authority(&part) && !names::is_standing(&part))
        };
        match &test.kind {
            ExprKind::Not(inner) => self.asks_missing_right(path, inner),
            ExprKind::Name(name) => {
                let Some(function) = self.stack.last().cloned() else { return false };
                let given = assigned(&function.def.body, name);
                let sets: Vec<&Expr> = given.into_iter().flat_map(sets_compared).collect();
                sets.into_iter().any(|set| holds(self, set))
            }
            _ => sets_compared(test).into_iter().any(|set| holds(self, set)),
        }
    }

    /// Whether a condition asks which of several things are not among others:
    /// `missing = [right for right in wanted if right not in granted]`.
    pub(super) fn asks_what_is_missing(&self, test: &Expr) -> bool {
        let body = || self.stack.last().map(|function| &function.def.body);
        match &test.kind {
            ExprKind::Not(inner) => self.asks_what_is_missing(inner),
            ExprKind::Name(name) => body().is_some_and(|body| assigned(body, name).into_iter().any(is_difference)),
            _ => is_difference(test),
        }
    }
}
