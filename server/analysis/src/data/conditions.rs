//! Conditions: what is known on the paths behind them.

use super::engine::Engine;
use super::value::{Abs, ClientId, Path, Predicate};
use crate::auth::is_settings;
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::Value;

/// What `len(…)` counts.
fn counted(expr: &Expr) -> Option<&Expr> {
    let (func, args) = expr.as_call()?;
    let is_len = func.as_name().is_some_and(|name| name == "len");
    args.first().filter(|_| is_len && args.len() == 1).map(|arg| &arg.value)
}

/// Whether an expression is a call, or waits for one.
fn is_call(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Await(inner) => is_call(inner),
        _ => expr.as_call().is_some(),
    }
}

/// Whether an expression says which fields of a request model the client sent: all of them may be.
fn is_set_of_sent(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Attribute { name, .. } if matches!(name.name.as_str(), "model_fields_set" | "__fields_set__"))
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
                    None if is_call(first) && matches!(second.kind, ExprKind::Bool(_)) => {
                        self.truth_comparison(path, first, op, second)
                    }
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
                let exits = self.fork(path, test);
                for (path, value) in self.awaited_each(exits, site) {
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

    /// What a call gives is compared with a truth value, each of its ends for itself: `if allowed(me) is False: raise`.
    fn truth_comparison(&mut self, path: Path, first: &Expr, op: &str, second: &Expr) -> (Vec<Path>, Vec<Path>) {
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for (mut path, a) in self.fork(path, first) {
            let b = self.eval(&mut path, second);
            self.note_question(&path, (&a, first), (&b, second));
            let (one, other) = self.compare_roles(path, (a, first), op, (b, second));
            yes.extend(one);
            no.extend(other);
        }
        (yes, no)
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
}
