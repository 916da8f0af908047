//! Functions that turn callers away: by what the path names, or only where two things are missing at once.

use smol_str::SmolStr;

use super::ItemTokens;
use crate::auth::code::{Body, Scope};
use crate::facts::python::idioms::uses;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::dependencies::{definition_site, dependency_of, unwrap_partial};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Site};

/// A function at the top of a module that asks for what others give, looks at that and at what its caller names, and
/// turns some away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCheck {
    /// The function.
    pub site: Site,
    /// Its name.
    pub name: SmolStr,
    /// Parameters that dependencies fill, each with where its dependency is defined.
    pub asks: Vec<(SmolStr, Site)>,
    /// Parameters that the request fills.
    pub named: Vec<SmolStr>,
}

/// A function that is called after a right, and turns only those away who lack that and whose account is not in order either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaxCheck {
    /// The condition.
    pub site: Site,
    /// The function.
    pub function: Site,
    /// The right, as the condition has it.
    pub right: SmolStr,
    /// What it looks at of the account.
    pub standing: SmolStr,
}

/// What says whether an account is in order.
const STANDING: &[&str] = &[
    "is_active",
    "active",
    "is_enabled",
    "enabled",
    "is_verified",
    "verified",
    "email_verified",
    "is_approved",
    "status",
    "state",
];

pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    if let Scope::Function(function) = body.scope
        && function.class.is_none()
        && function.closure.is_empty()
        && std::ptr::eq(body.block, &raw const *function.def.body)
    {
        tokens.written_checks.extend(check_of(body.interpreter, function));
        tokens.lax_checks.extend(lax_check(body.scope, function));
    }
}

fn check_of(interpreter: &Interpreter<'_>, function: &FunctionRef) -> Option<WrittenCheck> {
    let def = &function.def;
    if !def.decorators.is_empty() || !refuses(&def.body) {
        return None;
    }
    let (mut asks, mut named) = (Vec::new(), Vec::new());
    for param in def.params.iter().filter(|param| uses(&def.body, &param.name.name)) {
        let name = &param.name.name;
        let Some((depends, ty)) = dependency_of(interpreter, function, param) else {
            if param.default.is_none() {
                named.push(name.clone());
            }
            continue;
        };
        let callable = depends.dependency.clone().or(ty)?;
        let callable = unwrap_partial(interpreter, &interpreter.force(callable));
        asks.extend(definition_site(&callable).map(|site| (name.clone(), site)));
    }
    let is_one = !asks.is_empty() && !named.is_empty();
    is_one.then(|| WrittenCheck { site: function.site, name: def.name.name.clone(), asks, named })
}

/// Whether something is raised under a condition.
fn refuses(block: &[Stmt]) -> bool {
    let mut blocks = vec![(block, false)];
    while let Some((block, is_under)) = blocks.pop() {
        for stmt in block {
            if is_under && matches!(stmt.kind, StmtKind::Raise { .. }) {
                return true;
            }
            let is_under = is_under || matches!(stmt.kind, StmtKind::If { .. });
            blocks.extend(stmt.blocks().into_iter().map(|block| (block, is_under)));
        }
    }
    false
}

/// The only condition under which a function raises something, where it asks for a right that the function is called after and
/// for an account in order, and raises where both are missing.
fn lax_check(scope: Scope<'_>, function: &FunctionRef) -> Option<LaxCheck> {
    let mut raising = function.def.body.iter().filter(|stmt| refuses(std::slice::from_ref(stmt)));
    let (Some(stmt), None) = (raising.next(), raising.next()) else { return None };
    let StmtKind::If { test, body, or_else } = &stmt.kind else { return None };
    let ExprKind::BoolOp { and: true, values } = &test.kind else { return None };
    let [StmtKind::Raise { .. }] = body.iter().map(|stmt| &stmt.kind).collect::<Vec<_>>()[..] else { return None };
    if !or_else.is_empty() || values.len() != 2 {
        return None;
    }
    let missing: Vec<Missing<'_>> = values.iter().map(missing).collect::<Option<_>>()?;
    let called = function.def.name.name.to_ascii_lowercase();
    let is_called_after = |one: &&Missing<'_>| {
        let word = one.word.trim_start_matches("is_");
        word.len() >= MIN_WORD && called.contains(&word.to_ascii_lowercase())
    };
    let is_standing = |one: &&Missing<'_>| STANDING.contains(&one.attribute.as_str());
    let right = missing.iter().find(|one| !is_standing(one) && is_called_after(one))?;
    let standing = missing.iter().find(is_standing)?;
    (right.of == standing.of).then(|| LaxCheck {
        site: scope.site(test.range),
        function: function.site,
        right: right.word.into(),
        standing: standing.attribute.clone(),
    })
}

/// Letters that the name of a right has at least.
const MIN_WORD: usize = 5;

/// Something that a user lacks.
struct Missing<'e> {
    /// Whose attribute it is.
    of: &'e SmolStr,
    attribute: &'e SmolStr,
    /// The attribute, or the value that it does not have.
    word: &'e str,
}

/// `not user.flag`, `user.role != "admin"`, `not user.role == "admin"`.
fn missing(expr: &Expr) -> Option<Missing<'_>> {
    let (expr, operator) = match &expr.kind {
        ExprKind::Not(inner) => (&**inner, "=="),
        _ => (expr, "!="),
    };
    let (value, word) = match &expr.kind {
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(used, value)] if used == operator => (&**first, value.as_str().map(SmolStr::as_str)),
            _ => return None,
        },
        _ if operator == "==" => (expr, None),
        _ => return None,
    };
    let ExprKind::Attribute { value, name } = &value.kind else { return None };
    Some(Missing { of: value.as_name()?, attribute: &name.name, word: word.unwrap_or(name.name.as_str()) })
}
