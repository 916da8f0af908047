//! The claims of tokens, as far as they can be seen where these are issued.

use smol_str::SmolStr;

use super::super::code::{Body, last_name, mentions};
use super::encode::marks;
use super::numbers::is_number;
use super::subjects::{Subject, named};
use crate::facts::python::tree::{Expr, ExprKind, Spread, StmtKind, keyword, positional};
use crate::index::value::Value;
use crate::text::TextRange;

/// Claims of a payload.
#[derive(Default)]
pub(super) struct Payload<'b> {
    /// Those that it is seen to have, with their values where these can be seen.
    pub(super) claims: Vec<(SmolStr, Option<&'b Expr>)>,
    /// Whether others may be added that are not seen.
    pub(super) is_open: bool,
    /// The parameter with which callers hand over some of them.
    pub(super) handed: Option<&'b SmolStr>,
    /// Whether callers are not known to hand over no `exp`.
    pub(super) callers_unknown: bool,
}

impl Payload<'_> {
    /// Whether these are all.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_open && !self.callers_unknown
    }

    /// Whether it is seen to end never, and to be on no list from which it can be taken back.
    pub(super) fn is_endless(&self) -> bool {
        !self.claims.iter().any(|(claim, _)| matches!(claim.as_str(), "exp" | "jti"))
    }

    /// Where its `sub` stands, if that is a number wherever it is given.
    pub(super) fn number(&self, body: &Body<'_, '_, '_>) -> Option<TextRange> {
        let subjects = || self.claims.iter().filter(|(claim, _)| claim == "sub");
        let is_one = |value: &Option<&Expr>| value.is_some_and(|value| is_number(body, value));
        let first = subjects().next().and_then(|(_, value)| *value)?;
        subjects().all(|(_, value)| is_one(value)).then_some(first.range)
    }
}

/// Claims that a payload has.
pub(super) fn claims_of<'b>(body: &Body<'b, '_, '_>, payload: &'b Expr) -> Payload<'b> {
    let mut claims = Payload::default();
    collect(body, payload, &mut claims, 0);
    claims
}

/// What a dictionary that is handed over says.
pub(super) struct Given {
    /// Whether it is seen to have no `exp`, and no `jti`.
    pub(super) is_endless: bool,
    /// Its `sub`, where that is a number.
    pub(super) number: Option<TextRange>,
    /// The claims that say what the token is for.
    pub(super) marks: Vec<(SmolStr, SmolStr)>,
    /// The claims that it is seen to have.
    pub(super) claims: Vec<SmolStr>,
    /// Whether these are all.
    pub(super) is_whole: bool,
    /// What its `sub` is.
    pub(super) subject: Subject,
}

/// What a value says that is a dictionary of claims, and is handed over.
pub(super) fn given<'b>(body: &Body<'b, '_, '_>, payload: &'b Expr) -> Given {
    let claims = claims_of(body, payload);
    let is_whole = !claims.claims.is_empty() && claims.handed.is_none() && claims.is_whole();
    Given {
        is_endless: is_whole && claims.is_endless(),
        number: claims.number(body),
        marks: marks(body, &claims.claims),
        claims: claims.claims.iter().map(|(claim, _)| claim.clone()).collect(),
        is_whole,
        subject: named(body, &claims.claims),
    }
}

fn collect<'b>(body: &Body<'b, '_, '_>, payload: &'b Expr, to: &mut Payload<'b>, depth: u32) {
    if depth > 6 {
        to.is_open = true;
        return;
    }
    if let Some(name) = payload.as_name() {
        to.is_open |= !changes_to(body, name, to);
        if body.param(name).is_some() {
            to.callers_unknown |= !callers_pass_no_exp(body, name);
            to.is_open |= to.handed.is_some_and(|handed| handed != name);
            to.handed = Some(name);
            return;
        }
        let bound = body.bindings(name);
        // What other functions see may be changed by them.
        to.is_open |= bound.is_empty();
        for value in bound {
            match value {
                Some(value) => collect(body, value, to, depth + 1),
                None => to.is_open = true,
            }
        }
        return;
    }
    match &payload.kind {
        ExprKind::Dict(entries) => {
            for (key, value) in entries {
                match key.as_ref().map(|key| body.eval(body.traced(key))) {
                    Some(Value::Str(key)) => to.claims.push((key, Some(value))),
                    Some(_) => to.is_open = true,
                    None => collect(body, value, to, depth + 1),
                }
            }
        }
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "copy" && args.is_empty() => {
                collect(body, value, to, depth + 1);
            }
            ExprKind::Name(name) if name == "dict" => {
                for arg in args {
                    match (&arg.name, arg.spread) {
                        (Some(name), _) => to.claims.push((name.name.clone(), Some(&arg.value))),
                        (None, Spread::Iterable) => to.is_open = true,
                        (None, _) => collect(body, &arg.value, to, depth + 1),
                    }
                }
            }
            _ => to.is_open = true,
        },
        _ => to.is_open = true,
    }
}

/// Adds the claims that a variable's dictionary is given afterwards; tells whether they are all.
fn changes_to<'b>(body: &Body<'b, '_, '_>, name: &str, to: &mut Payload<'b>) -> bool {
    let mut whole = true;
    for (stmt, _) in body.statements() {
        match &stmt.kind {
            StmtKind::Assign(assign) => {
                for target in &assign.targets {
                    let ExprKind::Subscript { value, index } = &target.kind else { continue };
                    if value.as_name().is_some_and(|found| found == name) {
                        match body.eval(body.traced(index)) {
                            Value::Str(key) => to.claims.push((key, assign.value.as_ref())),
                            _ => whole = false,
                        }
                    }
                }
            }
            StmtKind::AugAssign(assign) if mentions(&assign.target, name) => whole = false,
            StmtKind::Expr(expr) => {
                let Some((func, args)) = expr.as_call() else { continue };
                match &func.kind {
                    ExprKind::Attribute { value, name: method }
                        if value.as_name().is_some_and(|found| found == name) =>
                    {
                        match method.name.as_str() {
                            "update" => {
                                for arg in args {
                                    match (&arg.name, arg.spread) {
                                        (Some(name), _) => to.claims.push((name.name.clone(), Some(&arg.value))),
                                        (None, Spread::No) => collect(body, &arg.value, to, 5),
                                        _ => whole = false,
                                    }
                                }
                            }
                            "setdefault" => match positional(args, 0).and_then(Expr::as_str) {
                                Some(key) => to.claims.push((key.clone(), positional(args, 1))),
                                None => whole = false,
                            },
                            _ => {}
                        }
                    }
                    // Handed to somebody who may add to it.
                    _ if args.iter().any(|arg| arg.value.as_name().is_some_and(|found| found == name)) => whole = false,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    whole
}

/// Whether every call of this function in its own file hands over a
/// dictionary for that parameter that is seen to have no `exp`.
fn callers_pass_no_exp(body: &Body<'_, '_, '_>, parameter: &str) -> bool {
    let Some(def) = body.def.filter(|_| !body.is_nested()) else { return false };
    let file = body.scope.file();
    let Some(facts) = body.interpreter.sources().facts(file) else { return false };
    let position = def.params.iter().position(|param| param.name.name == parameter);
    let position =
        position.map(|at| at - usize::from(def.params.first().is_some_and(|first| first.name.name == "self")));
    let mut calls = 0;
    body.interpreter.count_items(file);
    for item in &facts.items {
        let mut none_has_exp = true;
        super::super::code::each_body(
            body.interpreter,
            file,
            item.number,
            &item.placed.item.stmt,
            &|_| true,
            &mut |scope, block| {
                Body::new(body.interpreter, scope, block).each_nested(&mut |other| {
                for found in other.calls() {
                    let Some((func, args)) = found.call() else { continue };
                    if last_name(func) != Some(&def.name.name) {
                        continue;
                    }
                    calls += 1;
                    let given = keyword(args, parameter).or_else(|| position.and_then(|at| positional(args, at)));
                    let entries = given.map(|given| &other.traced(given).kind);
                    none_has_exp &= matches!(entries, Some(ExprKind::Dict(entries)) if entries.iter().all(|(key, _)| {
                        key.as_ref().and_then(Expr::as_str).is_some_and(|key| key != "exp")
                    }));
                }
            });
            },
        );
        if !none_has_exp {
            return false;
        }
    }
    calls > 0
}
