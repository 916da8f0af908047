//! Tokens for an address, where the id of a user is expected, or the other way round: `uuid.UUID("me@example.com")`
//! raises, and nobody is found whose address is `17`.

use smol_str::SmolStr;

use super::super::code::{Body, Found, last_name, mentions};
use super::claims;
use super::needed::turns_away_without;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};

/// Whom a token is for, by its `sub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subject {
    /// It can't be told.
    #[default]
    Unknown,
    /// An address of e-mail.
    Address,
    /// The id of a row.
    Id,
}

impl Subject {
    /// Whether both are known and differ: nobody is found by the one who is looked for by the other.
    pub fn is_other_than(self, other: Self) -> bool {
        self != Self::Unknown && other != Self::Unknown && self != other
    }

    /// This one, or where that can't be told the other.
    pub fn or(self, other: Self) -> Self {
        if self == Self::Unknown { other } else { self }
    }
}

/// What the `sub` of a payload is called: an address of e-mail, or the id of something.
pub(super) fn named(body: &Body<'_, '_, '_>, claims: &[(SmolStr, Option<&Expr>)]) -> Subject {
    let named = |value: &Expr| match last_name(value) {
        Some(name) if is_called_address(name) => Subject::Address,
        Some(name) if name == "id" && matches!(value.kind, ExprKind::Attribute { .. }) => Subject::Id,
        _ => Subject::Unknown,
    };
    let subjects = claims.iter().filter(|(claim, _)| claim == "sub").filter_map(|(_, value)| *value);
    let named = subjects.map(|value| {
        let traced = body.traced(value);
        named(made_of(body, value)).or(named(made_of(body, traced)))
    });
    named.fold(Subject::Unknown, Subject::or)
}

fn is_called_address(name: &SmolStr) -> bool {
    name == "email" || name.ends_with("_email")
}

/// What a text is made of: `user.id` of `str(user.id)`.
fn made_of<'e>(body: &Body<'_, '_, '_>, value: &'e Expr) -> &'e Expr {
    match value.as_call() {
        Some((func, [made])) if body.package(func).is_some_and(|path| path == "builtins.str") => &made.value,
        _ => value,
    }
}

/// What a function takes the `sub` for that a call gives, where it turns away whose is anything else.
pub(super) fn taken_for(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Subject {
    if takes_ids_only(body, found) {
        Subject::Id
    } else if is_looked_up_as_address(body, found) {
        Subject::Address
    } else {
        Subject::Unknown
    }
}

/// Whether a function looks the `sub` up in a column that holds addresses, and turns away whose is none of these.
fn is_looked_up_as_address(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let reads = claims::reads(body, found);
    let is_read = |expr: &Expr| {
        let expr = body.traced(expr);
        reads.iter().any(|(claim, range)| claim == "sub" && *range == expr.range)
    };
    let is_column = |expr: &Expr| match &expr.kind {
        ExprKind::Attribute { name, .. } => is_called_address(&name.name),
        _ => false,
    };
    let looks_up = |expr: &Expr| match &expr.kind {
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if op == "==" => is_column(first) && is_read(second) || is_column(second) && is_read(first),
            _ => false,
        },
        _ => false,
    };
    let looked_up = body.find(&looks_up);
    // Whoever is looked for in another way, too, may be found by that.
    if looked_up.len() != 1 || looked_up.iter().any(|found| is_one_of_several(body, found)) || uses(body, &is_read) != 1
    {
        return false;
    }
    looked_up.iter().any(|found| {
        let mut held: Vec<&SmolStr> = only_target(found.stmt).into_iter().collect();
        // `query = select(User).where(…)`, then `user = session.scalars(query).first()`.
        for (stmt, _) in body.statements().iter().filter(|(stmt, _)| stmt.range.start > found.stmt.range.start) {
            let given = |value: &Expr| held.iter().any(|name| mentions(value, name));
            if let Some(name) = only_target(stmt).filter(|_| stmt.exprs().into_iter().any(given)) {
                held.push(name);
            }
        }
        !held.is_empty() && turns_away_without(body, &|expr| expr.as_name().is_some_and(|name| held.contains(&name)))
    })
}

/// Whether a comparison is one of several of which one is enough: `or_(User.email == sub, User.id == sub)`.
fn is_one_of_several(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let range = found.expr.range;
    let is_around = |expr: &Expr| expr.range.start <= range.start && range.end <= expr.range.end;
    let joins = |expr: &Expr| match &expr.kind {
        ExprKind::Binary { .. } | ExprKind::BoolOp { and: false, .. } => true,
        ExprKind::Call { func, .. } => last_name(func).is_some_and(|name| name == "or_"),
        _ => false,
    };
    !body.find(&|expr| joins(expr) && is_around(expr)).is_empty()
}

/// How often a value is used, but for where it is read and where it is asked whether there is one.
fn uses(body: &Body<'_, '_, '_>, is_it: &dyn Fn(&Expr) -> bool) -> usize {
    let is_use = |found: &&Found<'_>| match &found.stmt.kind {
        StmtKind::If { .. } | StmtKind::Assert(_) | StmtKind::Raise { .. } => false,
        StmtKind::Assign(assign) => {
            assign.targets.iter().chain(&assign.value).all(|part| part.range != found.expr.range)
        }
        _ => true,
    };
    body.find(is_it).iter().filter(is_use).count()
}

/// The only variable that a statement assigns.
fn only_target(stmt: &Stmt) -> Option<&SmolStr> {
    let StmtKind::Assign(assign) = &stmt.kind else { return None };
    let [target] = assign.targets.as_slice() else { return None };
    target.as_name()
}

/// Whether a function makes a UUID or a number of the `sub` that a call gives, and turns away whose is neither.
pub(super) fn takes_ids_only(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let reads = claims::reads(body, found);
    let is_read = |expr: &Expr| reads.iter().any(|(claim, range)| claim == "sub" && *range == expr.range);
    let holds_read = |name: &SmolStr| {
        let bound = body.bindings(name);
        !bound.is_empty() && bound.into_iter().all(|value| value.is_some_and(is_read))
    };
    body.calls().iter().any(|call| {
        let Some((func, [arg])) = call.call() else { return false };
        let is_it = is_read(&arg.value) || arg.value.as_name().is_some_and(holds_read);
        is_it
            && body.package(func).is_some_and(|path| matches!(path.as_str(), "uuid.UUID" | "builtins.int"))
            && call.around.iter().all(|(stmt, block)| is_passed_through(stmt, *block))
    })
}

/// Whether whoever gets by a statement went through that block of it, or was turned away.
fn is_passed_through(stmt: &Stmt, block: usize) -> bool {
    match &stmt.kind {
        StmtKind::Try { handlers, .. } if block == 0 => handlers
            .iter()
            .all(|handler| matches!(handler.body.last().map(|last| &last.kind), Some(StmtKind::Raise { .. }))),
        StmtKind::With { .. } => true,
        _ => false,
    }
}
