//! What is left of the keys that a client names when those of the caller's own rows are taken away: where nothing is, all of
//! them are the caller's. `foreign = set(ids) - {task.id for task in own}; if foreign: raise`.

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::{Model, last_name};
use super::value::{ClientId, Path};
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, positional};

/// Variables that are looked through for what they were made of.
const MAX_NAMES: u32 = 3;

/// The keys that are named, and those that are known, with what is asked of both.
struct Asked<'e> {
    keys: &'e Expr,
    known: &'e Expr,
    /// Whether it holds where all keys are known, and not where one is left.
    of_all: bool,
}

impl Engine<'_, '_> {
    /// The paths on which a condition holds that asks whether all keys that the client names are those of rows of the
    /// caller's, and those on which it does not.
    pub(super) fn left_over(&mut self, path: &Path, test: &Expr) -> Option<(Vec<Path>, Vec<Path>)> {
        // What was made of nothing that the client sent is not looked for.
        if let Some(name) = test.as_name()
            && path.vars.get(name).is_none_or(|value| value.parts(path).clients.is_empty())
        {
            return None;
        }
        let function = self.stack.last()?.clone();
        let looked_through = through(&function.def.body, test);
        let Asked { keys, known, of_all } = asked(looked_through)?;
        let column = column_of(&function.def.body, known, 0)?;
        let clients = self.keys_of_own(path, (keys, known), &column)?;
        let mut all = path.clone();
        all.authorised.extend(clients);
        let (all, some) = (vec![all], vec![path.clone()]);
        Some(if of_all { (all, some) } else { (some, all) })
    }

    /// The client's values that name rows, if the rows that they are compared with are the caller's own, and are told by
    /// what identifies them, or another row.
    fn keys_of_own(&mut self, path: &Path, (keys, known): (&Expr, &Expr), column: &SmolStr) -> Option<Vec<ClientId>> {
        let mut aside = path.clone();
        let keys = self.eval(&mut aside, keys).parts(path);
        let known = self.eval(&mut aside, known).parts(path);
        let tells = |model: &Model| {
            let refers = model.parent(column).is_some_and(|table| *table != model.table && *table != model.name);
            model.is_key(column) || refers
        };
        let is_told = |id| path.rows.get(id).and_then(|row| row.model.as_ref()).is_some_and(|model| tells(model));
        let is_named = !keys.clients.is_empty() && keys.rows.is_empty() && !keys.principal && !keys.unclear;
        let is_own = known.clients.is_empty() && known.rows.iter().all(is_told) && self.are_own_rows(path, &known);
        (is_named && is_own).then(|| keys.clients.into_iter().collect())
    }
}

/// What a variable holds that is assigned once, if it is one.
fn through<'e>(body: &'e [Stmt], expr: &'e Expr) -> &'e Expr {
    match expr.as_name().map(|name| assigned(body, name)).as_deref() {
        Some([only]) => only,
        _ => expr,
    }
}

/// What a difference, or a question for a part of a set, asks.
fn asked(test: &Expr) -> Option<Asked<'_>> {
    match &test.kind {
        ExprKind::Binary { op, left, right } if op == "-" => Some(Asked { keys: left, known: right, of_all: false }),
        ExprKind::Call { func, args } => {
            let ExprKind::Attribute { value, name } = &func.kind else { return None };
            let [only] = args.as_slice() else { return None };
            let of_all = match name.name.as_str() {
                "difference" => false,
                "issubset" => true,
                _ => return None,
            };
            Some(Asked { keys: value, known: &only.value, of_all })
        }
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if op == "<=" && is_set(first) => Some(Asked { keys: first, known: second, of_all: true }),
            _ => None,
        },
        // `[id for id in ids if id not in known]`
        ExprKind::Comprehension(one) => {
            let [clause] = one.clauses.as_slice() else { return None };
            let [Expr { kind: ExprKind::Compare { first, rest }, .. }] = clause.conditions.as_slice() else {
                return None;
            };
            let [(op, known)] = rest.as_slice() else { return None };
            let name = clause.target.as_name()?;
            let is_it = |expr: &Expr| expr.as_name() == Some(name);
            let is_plain = one.value.is_none() && is_it(&one.element) && is_it(first) && op == "not in";
            is_plain.then_some(Asked { keys: &clause.iter, known, of_all: false })
        }
        _ => None,
    }
}

/// Whether an expression makes a set of something.
fn is_set(expr: &Expr) -> bool {
    expr.as_call().is_some_and(|(func, _)| func.as_name().is_some_and(|name| name == "set"))
}

/// The column of rows that a collection was made of: `{task.id for task in own}`, `set(db.scalars(select(Task.id)))`.
fn column_of(body: &[Stmt], expr: &Expr, depth: u32) -> Option<SmolStr> {
    match &expr.kind {
        ExprKind::Name(name) if depth < MAX_NAMES => match assigned(body, name).as_slice() {
            [only] => column_of(body, only, depth + 1),
            _ => None,
        },
        ExprKind::Comprehension(one) if one.clauses.len() == 1 => column_named(&one.element),
        ExprKind::Call { func, args } => {
            let is_made = func.as_name().is_some_and(|name| matches!(name.as_str(), "set" | "list" | "frozenset"));
            if is_made { column_of(body, positional(args, 0)?, depth) } else { selected(expr) }
        }
        ExprKind::Await(inner) => column_of(body, inner, depth),
        _ => None,
    }
}

/// The column of a row: `task.id`, `str(task.id)`.
fn column_named(element: &Expr) -> Option<SmolStr> {
    match &element.kind {
        ExprKind::Attribute { value, name } if value.as_name().is_some() => Some(name.name.clone()),
        ExprKind::Call { func, args } if func.as_name().is_some_and(|name| name == "str") => {
            column_named(positional(args, 0)?)
        }
        _ => None,
    }
}

/// The only column that a query selects which stands in an expression.
fn selected(expr: &Expr) -> Option<SmolStr> {
    if let Some((func, [only])) = expr.as_call()
        && matches!(last_name(func), Some("select" | "query"))
    {
        return column_named(&only.value);
    }
    expr.children().into_iter().find_map(selected)
}
