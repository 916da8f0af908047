//! What a client wants to be: values of the request that say what their sender may do, and what code makes of them
//! before it copies them.
//!
//! Who asks what such a value is may refuse it. That is so where it is found to be one that is asked about, and where it
//! is found to be another, too, unless it may still be one that gives more: `if body.role == "carrier": a() else: b()`
//! treats two kinds of accounts, and lets administrators be made in the second.

use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::last_name;
use super::names;
use super::privileges::{is_high, members, members_of};
use super::roles::is_top;
use super::value::{Abs, ClientId, Path};
use crate::facts::python::idioms::{raises, returned};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Function, Stmt, StmtKind};
use crate::index::value::{ClassRef, Resolve, Value};

/// Parts of an annotation that are looked at.
const MAX_PARTS: usize = 60;

/// A value of the client that says what its sender may do, and is compared with something.
pub(super) struct Wish {
    client: ClientId,
    /// What with, as far as that is known.
    compared: Vec<SmolStr>,
}

impl Wish {
    /// The value.
    pub(super) fn client(&self) -> ClientId {
        self.client
    }
}

impl Engine<'_, '_> {
    /// What a client wants to be, if one of two values says it.
    pub(super) fn wish(&self, path: &Path, a: (&Abs, &Expr), b: (&Abs, &Expr)) -> Option<Wish> {
        let asked = |value: &Abs, (with, expr): (&Abs, &Expr)| match value {
            Abs::Client(client) if *with != Abs::Nothing && self.asks_privilege(*client) => {
                Some(Wish { client: *client, compared: self.named_texts(path, with, expr) })
            }
            _ => None,
        };
        asked(a.0, b).or_else(|| asked(b.0, a))
    }

    /// It was compared: these are the paths on which it is what it is compared with, and those on which it is not.
    pub(super) fn note_wish(&self, wish: &Wish, same: &mut [Path], other: &mut [Path]) {
        let left = if self.leaves_more(wish) { &mut [][..] } else { other };
        for path in same.iter_mut().chain(left) {
            path.doubted.1.insert(wish.client);
        }
    }

    /// Whether a value that is none of those that it was compared with may give more than what everybody has.
    fn leaves_more(&self, wish: &Wish) -> bool {
        let is_compared = |value: &SmolStr| wish.compared.iter().any(|known| known.eq_ignore_ascii_case(value));
        let choices = self.clients.get(wish.client as usize).and_then(|client| self.choices.get(&client.name));
        !wish.compared.is_empty()
            && match choices {
                Some(values) => values.iter().any(|value| is_high(value) && !is_compared(value)),
                None => !wish.compared.iter().any(|value| is_top(value)),
            }
    }

    /// The texts that a value is, and the members of an enumeration that an expression names.
    pub(super) fn named_texts(&self, path: &Path, value: &Abs, expr: &Expr) -> Vec<SmolStr> {
        let texts = match value {
            Abs::Text(text) => vec![text.clone()],
            Abs::Items(items) => {
                let text = |item: &Abs| match item {
                    Abs::Text(text) => Some(text.clone()),
                    _ => None,
                };
                items.iter().filter_map(text).collect()
            }
            _ => self.given_texts(path, expr).unwrap_or_default(),
        };
        // What a variable is called says nothing of what it holds.
        let named = if expr.as_name().is_some() { Vec::new() } else { members(expr) };
        texts.into_iter().chain(named).collect()
    }

    /// Whether a client's value says by its name what its sender may do.
    pub(super) fn asks_privilege(&self, client: ClientId) -> bool {
        let known = self.clients.get(client as usize);
        known.is_some_and(|known| names::is_privilege(known.name.rsplit('.').next().unwrap_or(&known.name)))
    }

    /// Remembers which fields of a request model give nobody more than everybody has.
    pub(super) fn note_harmless(&mut self, class: &ClassRef, body: &str, field: &str) {
        if !names::is_privilege(field) {
            return;
        }
        let name = SmolStr::new(format!("{body}.{field}"));
        let classes = self.interpreter.linearised(class);
        let choices = self.choices_of(&classes, field);
        let is_low = choices.as_ref().is_some_and(|values| !values.iter().any(|value| is_high(value)));
        if is_low || classes.iter().any(|class| self.is_validated(class, field)) {
            self.harmless.insert(name.clone());
        }
        self.choices.extend(choices.map(|values| (name, values)));
    }

    /// The values that a field takes, if its type lists them.
    fn choices_of(&self, classes: &[Arc<ClassRef>], field: &str) -> Option<Vec<SmolStr>> {
        let annotation = classes.iter().find_map(|class| {
            class.def.body.iter().find_map(|stmt| match &stmt.kind {
                StmtKind::Assign(assign)
                    if assign.targets.first().and_then(|target| target.as_name()).is_some_and(|name| name == field) =>
                {
                    Some((class.site.file, assign.annotation.as_ref()?))
                }
                _ => None,
            })
        });
        let (file, annotation) = annotation?;
        let mut values: Vec<SmolStr> = Vec::new();
        let mut limited = false;
        let mut pending = vec![(annotation, false)];
        let mut seen = 0;
        while let Some((expr, literal)) = pending.pop() {
            seen += 1;
            if seen > MAX_PARTS {
                return None;
            }
            match &expr.kind {
                ExprKind::Str(text) if literal => values.push(text.clone()),
                ExprKind::Subscript { value, index } if last_name(value) == Some("Literal") => {
                    limited = true;
                    pending.push((index, true));
                    continue;
                }
                ExprKind::Name(name) => {
                    if let Value::Class(class) = self.interpreter.force(self.interpreter.lookup(file, name))
                        && self.is_enum(&class)
                    {
                        limited = true;
                        values.extend(members_of(&class.def));
                    }
                }
                _ => {}
            }
            pending.extend(expr.children().into_iter().map(|child| (child, literal)));
        }
        limited.then_some(values)
    }

    /// Whether a validator of the class looks at a field.
    fn is_validated(&self, class: &ClassRef, field: &str) -> bool {
        let holds = |def: &Function, holds: &dyn Fn(&[Stmt]) -> bool| {
            let validator = self.interpreter.method(class, &def.name.name);
            validator.is_some_and(|validator| holds(&self.interpreter.current(&validator).def.body))
        };
        class.def.body.iter().any(|stmt| {
            let StmtKind::Function(def) = &stmt.kind else { return false };
            def.decorators.iter().any(|decorator| {
                let (callee, args) = decorator.as_call().unwrap_or((decorator, &[]));
                match last_name(callee) {
                    Some("field_validator" | "validator") => {
                        let is_meant = |arg: &Arg| arg.value.as_str().is_some_and(|name| name == field || name == "*");
                        args.iter().any(is_meant) && holds(def, &may_refuse)
                    }
                    Some("model_validator" | "root_validator") => holds(def, &|body| restricts(body, field)),
                    _ => false,
                }
            })
        })
    }
}

/// Whether a validator refuses a value, or puts another in its place; one that only
/// makes it another type does neither.
fn may_refuse(body: &[Stmt]) -> bool {
    raises(body) || returned(body).iter().all(|value| matches!(value.kind, ExprKind::Str(_) | ExprKind::Bool(_)))
}

/// Whether statements of a validator of the whole model may refuse a value of a field, or put another in its place. One
/// that only asks for other fields beside that value refuses none: whoever fills them in has it.
fn restricts(body: &[Stmt], field: &str) -> bool {
    let is_raised = |block: &[Stmt]| block.iter().any(|stmt| matches!(stmt.kind, StmtKind::Raise { .. }));
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::If { test, body, or_else } => {
            let parts = match &test.kind {
                ExprKind::BoolOp { and: true, values } => values.as_slice(),
                _ => std::slice::from_ref(&**test),
            };
            let by_it_alone = parts.iter().all(|part| names(part, field));
            (by_it_alone && (is_raised(body) || is_raised(or_else)))
                || restricts(body, field)
                || restricts(or_else, field)
        }
        _ => mentions(std::slice::from_ref(stmt), field),
    })
}

/// Whether an expression names a field, as an attribute or a key.
fn names(expr: &Expr, field: &str) -> bool {
    let own = match &expr.kind {
        ExprKind::Attribute { name, .. } => name.name == field,
        ExprKind::Str(text) => text == field,
        _ => false,
    };
    own || expr.children().into_iter().any(|child| names(child, field))
}

/// Whether statements name a field, as an attribute or a key.
fn mentions(body: &[Stmt], field: &str) -> bool {
    let mut blocks = vec![body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            if stmt.exprs().into_iter().any(|expr| names(expr, field)) {
                return true;
            }
            blocks.extend(stmt.blocks());
        }
    }
    false
}
