//! Expressions of which several ways come out: questions, calls, functions that are picked from a table.

use super::calls::is_dotted;
use super::engine::{Engine, Exit};
use super::joining::join_exits;
use super::terms::compared;
use super::value::{Abs, Path};
use crate::facts::python::tree::{Expr, ExprKind};

impl Engine<'_, '_> {
    /// Evaluates an expression that stands alone: several paths may come out of it.
    pub(super) fn fork(&mut self, path: Path, expr: &Expr) -> Vec<Exit> {
        let mut path = path;
        match &expr.kind {
            ExprKind::Await(inner) => {
                let exits = self.fork(path, inner);
                let site = self.site(expr);
                self.awaited_each(exits, site)
            }
            _ if self.asks_whether_any(&path, expr).is_some() => self.fork_condition(path, expr),
            ExprKind::Call { func, args } => self.call(path, expr, func, args),
            // `handler = HANDLERS[name]`
            ExprKind::Subscript { value, index } if is_dotted(value) => {
                let (held, key) = (self.eval(&mut path, value), self.eval(&mut path, index));
                match self.picked(value, &held, &key) {
                    Some(functions) => functions.into_iter().map(|one| (path.clone(), one)).collect(),
                    None => {
                        let value = self.eval(&mut path, expr);
                        if path.dead { Vec::new() } else { vec![(path, value)] }
                    }
                }
            }
            ExprKind::Not(_) => self.fork_condition(path, expr),
            ExprKind::Compare { first, rest } if rest.len() == 1 => {
                let (op, second) = &rest[0];
                if let Some(answer) = self.shows_key(expr) {
                    let (yes, no) = self.key_comparison(path, &answer, op);
                    return answers(yes, no);
                }
                if let Some(holds) = self.ranks_compare(&path, first, op, second) {
                    return vec![(path, Abs::Constant(Some(holds)))];
                }
                let a = self.eval(&mut path, first);
                let b = self.eval(&mut path, second);
                if path.dead {
                    return Vec::new();
                }
                self.note_spelling(&a, second, &b);
                self.note_spelling(&b, first, &a);
                // A condition of a query is no question yet.
                match compared(&a, op, &b) {
                    value @ Abs::Predicates(_) => vec![(path, value)],
                    _ => {
                        self.note_question(&path, (&a, first), (&b, second));
                        let (yes, no) = self.compare_roles(path, (a, first), op, (b, second));
                        answers(yes, no)
                    }
                }
            }
            ExprKind::BoolOp { .. } if is_condition(expr) => self.fork_condition(path, expr),
            ExprKind::BoolOp { and: false, values } if self.asks_of_caller(&path, values) => {
                self.fork_condition(path, expr)
            }
            ExprKind::IfExp { test, body, or_else } => {
                let (yes, no) = self.branch(path, test);
                let mut exits = Vec::new();
                for path in yes {
                    exits.extend(self.fork(path, body));
                }
                for path in no {
                    exits.extend(self.fork(path, or_else));
                }
                exits
            }
            _ => {
                let value = self.eval(&mut path, expr);
                if path.dead { Vec::new() } else { vec![(path, value)] }
            }
        }
    }

    fn fork_condition(&mut self, path: Path, expr: &Expr) -> Vec<Exit> {
        let (yes, no) = self.branch(path, expr);
        answers(yes, no)
    }

    /// Goes on with one path where several came out.
    pub(super) fn settle(&mut self, path: &mut Path, exits: Vec<Exit>) -> Abs {
        let Some((joined_path, value)) = exits.into_iter().reduce(join_exits) else {
            path.dead = true;
            return Abs::Nothing;
        };
        *path = joined_path;
        value
    }
}

/// The two answers of a question, each on its paths.
fn answers(yes: Vec<Path>, no: Vec<Path>) -> Vec<Exit> {
    let yes = yes.into_iter().map(|path| (path, Abs::Constant(Some(true))));
    yes.chain(no.into_iter().map(|path| (path, Abs::Constant(Some(false))))).collect()
}

/// Whether an expression asks a question.
pub(super) fn is_condition(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Compare { .. } | ExprKind::Not(_) => true,
        // Of `a and b` nothing is kept of what was true.
        ExprKind::BoolOp { and: true, values } => values.last().is_some_and(is_condition),
        ExprKind::BoolOp { values, .. } => values.iter().all(is_condition),
        _ => false,
    }
}
