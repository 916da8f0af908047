//! What projects write in a handful of ways.

use super::tree::{Arg, Class, Expr, ExprKind, Stmt, StmtKind};

/// The HTTP status that an expression names: `403`, `status.HTTP_403_FORBIDDEN`.
pub fn http_status(expr: &Expr) -> Option<i64> {
    let name = match &expr.kind {
        ExprKind::Int(code) => return Some(*code),
        ExprKind::Attribute { name, .. } => &name.name,
        ExprKind::Name(name) => name,
        _ => return None,
    };
    name.strip_prefix("HTTP_")?.split('_').next()?.parse().ok()
}

/// The calls in the statements, what is called and with what, in no order;
/// those of nested definitions left out.
pub fn calls(body: &[Stmt]) -> Vec<(&Expr, &[Arg])> {
    let mut found = Vec::new();
    each(body, &mut |stmt| {
        let mut exprs = stmt.exprs();
        while let Some(expr) = exprs.pop() {
            found.extend(expr.as_call());
            exprs.extend(expr.children());
        }
    });
    found
}

/// Whether a variable of that name is used in the statements, those of nested
/// definitions included. What could not be read may use it.
pub fn uses(body: &[Stmt], name: &str) -> bool {
    escapes(body, name, &|_| true)
}

/// Whether a variable is used as a whole in the statements, or an attribute of it that
/// `counts`; in nested definitions any use does. What could not be read may use it.
pub fn escapes(body: &[Stmt], name: &str, counts: &dyn Fn(&str) -> bool) -> bool {
    let mut escapes = false;
    each(body, &mut |stmt| {
        escapes |= match &stmt.kind {
            StmtKind::Function(def) => uses(&def.body, name),
            StmtKind::Class(def) => uses(&def.body, name),
            StmtKind::Unknown => true,
            _ => false,
        };
        let mut exprs = stmt.exprs();
        while let Some(expr) = exprs.pop() {
            if let ExprKind::Attribute { value, name: attribute } = &expr.kind
                && value.as_name().is_some_and(|found| found == name)
            {
                escapes |= counts(&attribute.name);
                continue;
            }
            escapes |= expr.as_name().is_some_and(|found| found == name) || matches!(expr.kind, ExprKind::Unknown);
            exprs.extend(hidden(expr));
            exprs.extend(expr.children());
        }
    });
    escapes
}

/// The parts of an expression that [`Expr::children`] leaves out.
fn hidden(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Comprehension(of) => {
            let conditions = of.clauses.iter().flat_map(|clause| &clause.conditions);
            std::iter::once(&of.element).chain(&of.value).chain(conditions).collect()
        }
        ExprKind::Lambda { body, .. } => vec![body],
        ExprKind::Yield(value) => value.as_deref().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// What the statements call, as [`calls`].
pub fn callees(body: &[Stmt]) -> impl Iterator<Item = &Expr> {
    calls(body).into_iter().map(|(callee, _)| callee)
}

/// What the statements raise, in no order; those of nested definitions left
/// out, and `raise` alone, which passes on what was caught.
pub fn raised(body: &[Stmt]) -> Vec<&Expr> {
    let mut found = Vec::new();
    each(body, &mut |stmt| {
        if let StmtKind::Raise { exc: Some(exc), .. } = &stmt.kind {
            found.push(exc);
        }
    });
    found
}

/// What a body assigns to a variable.
pub fn assigned<'b>(body: &'b [Stmt], name: &str) -> Vec<&'b Expr> {
    let mut found = Vec::new();
    each(body, &mut |stmt| {
        if let StmtKind::Assign(assign) = &stmt.kind
            && assign.targets.iter().any(|target| target.as_name().is_some_and(|target| target == name))
        {
            found.extend(&assign.value);
        }
    });
    found
}

/// What the statements return, in no order; those of nested definitions left out.
pub fn returned(body: &[Stmt]) -> Vec<&Expr> {
    let mut found = Vec::new();
    each(body, &mut |stmt| {
        if let StmtKind::Return(Some(value)) = &stmt.kind {
            found.push(value);
        }
    });
    found
}

/// Whether the statements raise anything, or pass on what was caught.
pub fn raises(body: &[Stmt]) -> bool {
    let mut found = false;
    each(body, &mut |stmt| found |= matches!(stmt.kind, StmtKind::Raise { .. }));
    found
}

/// Calls `look` with the statements and those in them, in no order.
fn each<'s>(body: &'s [Stmt], look: &mut dyn FnMut(&'s Stmt)) {
    let mut blocks = vec![body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            look(stmt);
            blocks.extend(stmt.blocks());
        }
    }
}

/// `X` of `X | None` and `Optional[X]`.
pub fn without_none(annotation: &Expr) -> &Expr {
    match &annotation.kind {
        ExprKind::Binary { left, right, .. } if matches!(right.kind, ExprKind::None) => left,
        ExprKind::Binary { left, right, .. } if matches!(left.kind, ExprKind::None) => right,
        ExprKind::Subscript { value, index } if value.as_name().is_some_and(|name| name == "Optional") => index,
        _ => annotation,
    }
}

/// Whether a class statement itself makes a table: of SQLModel, or of
/// SQLAlchemy's declarative classes.
pub fn is_table(class: &Class) -> bool {
    let says_so = class.bases.iter().any(|base| {
        base.name.as_ref().is_some_and(|name| name.name == "table") && matches!(base.value.kind, ExprKind::Bool(true))
    });
    let is_column = |func: &Expr| match &func.kind {
        ExprKind::Name(name) => matches!(name.as_str(), "Column" | "mapped_column"),
        ExprKind::Attribute { name, .. } => matches!(name.name.as_str(), "Column" | "mapped_column"),
        _ => false,
    };
    says_so
        || class.body.iter().any(|stmt| match &stmt.kind {
            StmtKind::Assign(assign) => {
                assign.value.as_ref().and_then(Expr::as_call).is_some_and(|(func, _)| is_column(func))
            }
            _ => false,
        })
}

/// Whether the coroutine that a call gives is never awaited, and code goes on as if it were its result: the call
/// is a statement of its own or tested, or kept in a variable that is tested and nothing else.
pub fn is_left_unawaited(body: &[Stmt], call: &Expr) -> bool {
    let mut kept = None;
    let mut is_left = false;
    each(body, &mut |stmt| match &stmt.kind {
        StmtKind::Expr(value) => is_left |= value.range == call.range,
        StmtKind::Assign(assign) => {
            if assign.value.as_ref().is_some_and(|value| value.range == call.range)
                && let [Expr { kind: ExprKind::Name(name), .. }] = assign.targets.as_slice()
            {
                kept = Some(name);
            }
        }
        StmtKind::If { test, .. } => is_left |= tested(test).iter().any(|part| part.range == call.range),
        _ => {}
    });
    let Some(name) = kept else { return is_left };
    let mut is_tested_only = true;
    let mut assigned = 0;
    each(body, &mut |stmt| {
        let mut exprs = match &stmt.kind {
            StmtKind::If { test, .. } => {
                let parts = tested(test);
                parts.into_iter().filter(|part| part.as_name() != Some(name)).collect()
            }
            StmtKind::Assign(assign) if assign.targets.iter().any(|target| target.as_name() == Some(name)) => {
                assigned += 1;
                assign.value.iter().collect()
            }
            _ => stmt.exprs(),
        };
        while let Some(expr) = exprs.pop() {
            is_tested_only &= expr.as_name() != Some(name);
            exprs.extend(expr.children());
        }
    });
    is_tested_only && assigned == 1
}

/// What a test asks whether it is there or true: the operands of `not`, `and` and `or`, and what is compared with
/// `None`.
fn tested(test: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut pending = vec![test];
    while let Some(expr) = pending.pop() {
        match &expr.kind {
            ExprKind::Not(inner) => pending.push(inner),
            ExprKind::BoolOp { values, .. } => pending.extend(values),
            ExprKind::Compare { first, rest }
                if matches!(rest.as_slice(), [(_, Expr { kind: ExprKind::None, .. })]) =>
            {
                pending.push(first);
            }
            _ => found.push(expr),
        }
    }
    found
}
