//! Conditions: what is known on the paths behind them.

use std::sync::Arc;

use super::asks::{asks_role_by_record, is_scheme, tells_group};
use super::engine::Engine;
use super::models::Model;
use super::names;
use super::requests::CREDENTIAL;
use super::value::{Abs, ClientId, Path, Predicate, Stranger};
use crate::auth::is_settings;
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::{Site, Value};

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

/// Whether texts that are known compare so, or nothing with what is something: a helper gives `None` for the role of who has
/// none.
fn known_compare(a: &Abs, op: &str, b: &Abs) -> Option<bool> {
    if *a == Abs::Nothing && is_something(b) {
        return Some(matches!(op, "!=" | "is not" | "not in"));
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

/// What `len(…)` counts.
fn counted(expr: &Expr) -> Option<&Expr> {
    let (func, args) = expr.as_call()?;
    let is_len = func.as_name().is_some_and(|name| name == "len");
    args.first().filter(|_| is_len && args.len() == 1).map(|arg| &arg.value)
}

/// Whether an expression says which fields of a request model the client sent: all of them may be.
fn is_set_of_sent(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Attribute { name, .. } if matches!(name.name.as_str(), "model_fields_set" | "__fields_set__"))
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
    /// The paths on which a condition holds, and those on which it does not.
    pub(super) fn branch(&mut self, path: Path, test: &Expr) -> (Vec<Path>, Vec<Path>) {
        if !self.spend() {
            let path = Path { doubt: true, ..path };
            return (vec![path.clone()], vec![path]);
        }
        if let Some((value, holds)) = self.asks_whether_any(&path, test) {
            let (yes, no) = self.branch(path, value);
            return if holds { (yes, no) } else { (no, yes) };
        }
        match &test.kind {
            // Whether a set has anything in common with another: `roles & {"admin", "owner"}`.
            ExprKind::Binary { op, left, right } if op == "&" => match self.eval(&mut path.clone(), left) {
                Abs::Items(items) if items.is_empty() => (Vec::new(), vec![path]),
                _ => self.comparison(path, left, "in", right),
            },
            ExprKind::Not(inner) => {
                let (yes, no) = self.branch(path, inner);
                (no, yes)
            }
            ExprKind::BoolOp { and, values } => {
                // The paths that went on to the next operand, and those that were decided, by which.
                let before = path.clone();
                let (mut open, mut decided) = (vec![path], Vec::new());
                for (at, value) in values.iter().enumerate() {
                    let mut next = Vec::new();
                    for path in open {
                        let switch = self.is_switch(&path, value);
                        let (yes, no) = self.branch(path, value);
                        let (on, mut done) = if *and { (yes, no) } else { (no, yes) };
                        // What the configuration switches off is said of the guard: here it is on.
                        if switch && !on.is_empty() {
                            done.clear();
                        }
                        next.extend(on);
                        decided.extend(done.into_iter().map(|path| (at, path)));
                    }
                    open = next;
                }
                self.exempt(&before, &mut decided, values);
                let decided = decided.into_iter().map(|(_, path)| path).collect();
                if *and { (open, decided) } else { (decided, open) }
            }
            ExprKind::Compare { first, rest } => match rest.as_slice() {
                [(op, second)] => match self.shows_key(test) {
                    Some(answer) => self.key_comparison(path, &answer, op),
                    None => self.comparison(path, first, op, second),
                },
                _ => {
                    let mut path = path;
                    self.eval(&mut path, test);
                    (vec![path.clone()], vec![path])
                }
            },
            ExprKind::Await(inner) => self.branch(path, inner),
            _ if self.captured_truth(&path, test) == Some(true) => (vec![path], Vec::new()),
            _ if self.captured_truth(&path, test) == Some(false) => (Vec::new(), vec![path]),
            _ => {
                let (mut yes, mut no) = (Vec::new(), Vec::new());
                let site = self.site(test);
                for (path, value) in self.fork(path, test) {
                    self.note_asked(&path, &value, None, site);
                    let (one, other) = self.truth(path, &value);
                    yes.extend(one);
                    no.extend(other);
                }
                (yes, no)
            }
        }
    }

    /// What a test asks only of whether it is there, or has anything in it, and whether the test holds where it does:
    /// `bool(row)`, `len(rows) == 0`, `answer.count > 0`.
    pub(super) fn asks_whether_any<'e>(&self, path: &Path, test: &'e Expr) -> Option<(&'e Expr, bool)> {
        let is_builtin = |func: &Expr| {
            let is_local = func.as_name().is_none_or(|name| path.vars.contains_key(name));
            !is_local && matches!(self.outer(func), Value::Package(path) if path.starts_with("builtins."))
        };
        match &test.kind {
            ExprKind::Call { func, args } => match args.as_slice() {
                [only] if func.as_name().is_some_and(|name| name == "bool") && is_builtin(func) => {
                    Some((&only.value, true))
                }
                _ => None,
            },
            ExprKind::Compare { first, rest } => {
                let [(op, second)] = rest.as_slice() else { return None };
                let told = self.count_told(path, first);
                let value = told.or_else(|| counted(first))?;
                let ExprKind::Int(number) = second.kind else { return None };
                let holds = match (op.as_str(), number) {
                    (">" | "!=", 0) | (">=", 1) => true,
                    ("==" | "<=", 0) | ("<", 1) => false,
                    _ => return None,
                };
                (told.is_some() || is_builtin(first.as_call()?.0)).then_some((value, holds))
            }
            _ => Some((self.count_told(path, test)?, true)),
        }
    }

    /// The answer of PostgREST of which an expression is the number of rows: `answer.count or 0`.
    fn count_told<'e>(&self, path: &Path, expr: &'e Expr) -> Option<&'e Expr> {
        match &expr.kind {
            ExprKind::BoolOp { and: false, values } => match values.as_slice() {
                [count, Expr { kind: ExprKind::Int(0), .. }] => self.count_told(path, count),
                _ => None,
            },
            ExprKind::Attribute { value, name } if name.name == "count" => {
                let Abs::Row(id) = path.vars.get(value.as_name()?)? else { return None };
                let model = path.rows.get(id).and_then(|row| row.model.as_ref());
                model.is_some_and(|model| !model.has_class()).then_some(value)
            }
            _ => None,
        }
    }

    fn comparison(&mut self, mut path: Path, first: &Expr, op: &str, second: &Expr) -> (Vec<Path>, Vec<Path>) {
        match self.ranks_compare(&path, first, op, second) {
            Some(true) => return (vec![path], Vec::new()),
            Some(false) => return (Vec::new(), vec![path]),
            None => {}
        }
        let a = self.eval(&mut path, first);
        let b = self.eval(&mut path, second);
        if path.dead {
            return (Vec::new(), Vec::new());
        }
        let is_sent = matches!(a, Abs::DumpKey(_)) && is_set_of_sent(second);
        let asks_kind = self.tells_token_kind(&a, (&b, second)) || self.tells_token_kind(&b, (&a, first));
        if is_sent || asks_kind || self.asks_for_claim(op, &a, (&b, second)) {
            return (vec![path.clone()], vec![path]);
        }
        self.note_spelling(&a, second, &b);
        self.note_spelling(&b, first, &a);
        self.note_question(&path, (&a, first), (&b, second));
        let counted = match op {
            "==" | "!=" => {
                [self.counted_own(&mut path, first, second), self.counted_own(&mut path, second, first)].concat()
            }
            _ => self.counted_own(&mut path, first, second),
        };
        let (mut yes, mut no) = self.compare_roles(path, (a, first), op, (b, second));
        let all = match op {
            "==" | ">=" => &mut yes,
            "!=" | "<" => &mut no,
            _ => return (yes, no),
        };
        for path in all {
            path.authorised.extend(counted.iter().copied());
        }
        (yes, no)
    }

    /// The client's values of which `len(rows)` and `len(ids)` tell whether the principal has a row for each: rows of
    /// its own that were fetched by them.
    fn counted_own(&mut self, path: &mut Path, rows: &Expr, keys: &Expr) -> Vec<ClientId> {
        let (Some(rows), Some(keys)) = (counted(rows), counted(keys)) else { return Vec::new() };
        let (rows, keys) = (self.eval(path, rows).parts(path).rows, self.eval(path, keys).parts(path).clients);
        let is_asked = |predicate: &Predicate, key: ClientId| {
            predicate.equal && predicate.value.parts(path).clients.into_iter().eq([key])
        };
        let of_principal = |predicate: &Predicate| predicate.equal && predicate.value.parts(path).principal;
        let is_found = |key: &ClientId| {
            rows.iter().filter_map(|row| path.rows.get(row)).any(|row| {
                row.predicates.iter().any(of_principal) && row.predicates.iter().any(|asked| is_asked(asked, *key))
            })
        };
        keys.into_iter().filter(is_found).collect()
    }

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

    /// Whether a variable is true that the function has from the one around it,
    /// which was called with that: `roles` of `require(roles=["admin"])`.
    fn captured_truth(&self, path: &Path, test: &Expr) -> Option<bool> {
        let name = test.as_name().filter(|name| !path.vars.contains_key(*name))?;
        let frames = &self.stack.last()?.closure;
        let captured = frames.iter().rev().find_map(|frame| frame.vars.iter().find(|(var, _)| var == name))?;
        match &captured.1 {
            Value::None => Some(false),
            Value::Bool(value) => Some(*value),
            Value::Str(text) => Some(!text.is_empty()),
            Value::List(values) => Some(!values.is_empty()),
            _ => None,
        }
    }

    /// Whether a part of a condition is a setting alone, of an object that the
    /// environment fills: `not settings.auth_enabled or role in me.roles`.
    pub(super) fn is_switch(&self, path: &Path, test: &Expr) -> bool {
        let test = match &test.kind {
            ExprKind::Not(inner) => inner,
            _ => test,
        };
        let ExprKind::Attribute { value, .. } = &test.kind else { return false };
        if value.as_name().is_none_or(|name| path.vars.contains_key(name)) {
            return false;
        }
        match self.outer(value) {
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => is_settings(self.interpreter, class),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a condition looks at something that could not be followed.
    pub(super) fn is_unclear(&mut self, path: &Path, test: &Expr) -> bool {
        match &test.kind {
            ExprKind::Not(inner) | ExprKind::Await(inner) => self.is_unclear(path, inner),
            ExprKind::BoolOp { values, .. } => values.iter().any(|value| self.is_unclear(path, value)),
            ExprKind::Compare { first, rest } => {
                let is_decided =
                    matches!(rest.as_slice(), [(op, second)] if self.ranks_compare(path, first, op, second).is_some());
                let mut sides = std::iter::once(first.as_ref()).chain(rest.iter().map(|(_, value)| value));
                !is_decided && sides.any(|side| self.is_unclear(path, side))
            }
            _ => match self.eval(&mut path.clone(), test) {
                Abs::Unknown | Abs::Clock => true,
                value => value.parts(path).unclear,
            },
        }
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
        } else if matches!(a, Abs::Unknown | Abs::Mix(_)) {
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
