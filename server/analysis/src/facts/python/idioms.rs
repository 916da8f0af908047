//! What projects write in a handful of ways.

use smol_str::SmolStr;

use super::tree::{Arg, Class, Comprehension, ComprehensionClause, Expr, ExprKind, Function, Spread, Stmt, StmtKind};

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
    escapes_unless(body, name, counts, &|_, _, _| false)
}

/// The same, but for calls that the variable is handed to as an argument and that are `known` not to use it: by what is
/// called, the arguments, and which of them it is.
pub fn escapes_unless(
    body: &[Stmt],
    name: &str,
    counts: &dyn Fn(&str) -> bool,
    known: &dyn Fn(&Expr, &[Arg], usize) -> bool,
) -> bool {
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
            if let ExprKind::Call { func, args } = &expr.kind {
                let is_it = |arg: &Arg| arg.spread == Spread::No && arg.value.as_name().is_some_and(|it| it == name);
                let kept = |(at, arg): &(usize, &Arg)| !is_it(arg) || !known(func, args, *at);
                exprs.push(func);
                exprs.extend(args.iter().enumerate().filter(kept).map(|(_, arg)| &arg.value));
                continue;
            }
            escapes |= expr.as_name().is_some_and(|found| found == name) || matches!(expr.kind, ExprKind::Unknown);
            exprs.extend(hidden(expr));
            exprs.extend(expr.children());
        }
    });
    escapes
}

/// Whether the statements make a table and do nothing with it but write entries whose keys they spell out, ask whether it has
/// any, and hand these over by name: `filters = {}`, `filters["state"] = state`, `filter_by(**filters)`.
pub fn puts_together(body: &[Stmt], table: &str) -> bool {
    let is_it = |expr: &Expr| expr.as_name().is_some_and(|name| name == table);
    let is_written_out = |value: &Expr| match &value.kind {
        ExprKind::Dict(entries) => {
            entries.iter().all(|(key, _)| key.as_ref().is_some_and(|key| key.as_str().is_some()))
        }
        _ => false,
    };
    let is_put = |target: &Expr, value: &Option<Expr>| match &target.kind {
        ExprKind::Subscript { value, index } => is_it(value) && index.as_str().is_some(),
        _ => is_it(target) && value.as_ref().is_none_or(is_written_out),
    };
    let (mut used, mut known, mut made, mut unread) = (0, 0, false, false);
    each(body, &mut |stmt| {
        match &stmt.kind {
            StmtKind::Function(def) => unread |= uses(&def.body, table),
            StmtKind::Class(def) => unread |= uses(&def.body, table),
            // One of several targets is another name for the same table.
            StmtKind::Assign(assign) => {
                if let [target] = assign.targets.as_slice() {
                    known += usize::from(is_put(target, &assign.value));
                    made |= is_it(target);
                }
            }
            StmtKind::If { test, .. } => known += usize::from(is_it(test)),
            StmtKind::Unknown => unread = true,
            _ => {}
        }
        let mut exprs = stmt.exprs();
        while let Some(expr) = exprs.pop() {
            if let ExprKind::Call { args, .. } = &expr.kind {
                known += args.iter().filter(|arg| arg.spread == Spread::Mapping && is_it(&arg.value)).count();
            }
            unread |= matches!(expr.kind, ExprKind::Unknown);
            used += usize::from(is_it(expr));
            exprs.extend(hidden(expr));
            exprs.extend(expr.children());
        }
    });
    made && !unread && used == known
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

/// What the body of a method assigns to an attribute of the object at hand.
pub fn assigned_to_self<'b>(method: &'b Function, attribute: &str) -> Vec<&'b Expr> {
    let Some(receiver) = method.params.first().map(|param| &param.name.name) else { return Vec::new() };
    let is_it = |target: &Expr| {
        matches!(&target.kind, ExprKind::Attribute { value, name }
            if name.name == attribute && value.as_name() == Some(receiver))
    };
    let mut found = Vec::new();
    each(&method.body, &mut |stmt| {
        if let StmtKind::Assign(assign) = &stmt.kind
            && assign.targets.iter().any(is_it)
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

/// An entry that the statements take out of a table into a variable, and then use for nothing but the question whether it
/// is there; while of the table nothing but entries is taken. Gives the name of the table and the key.
pub fn unused_entry<'s>(body: &'s [Stmt], is_key: &dyn Fn(&str) -> bool) -> Option<(&'s SmolStr, &'s SmolStr)> {
    let mut taken = Vec::new();
    each(body, &mut |stmt| {
        let StmtKind::Assign(assign) = &stmt.kind else { return };
        let (Some(value), [target]) = (&assign.value, &assign.targets[..]) else { return };
        if let (Some(variable), Some((table, key))) = (target.as_name(), entry(value)) {
            taken.push((variable, table, key));
        }
    });
    let (_, table, key) = taken
        .into_iter()
        .filter(|(_, _, key)| is_key(key))
        .find(|(variable, table, _)| !is_read(body, variable) && !is_handed_on(body, table))?;
    Some((table, key))
}

/// The table and the key of `table["key"]`, `table.get("key")`.
fn entry(expr: &Expr) -> Option<(&SmolStr, &SmolStr)> {
    match &expr.kind {
        ExprKind::Subscript { value, index } => Some((value.as_name()?, index.as_str()?)),
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "get" => {
                Some((value.as_name()?, args.first()?.value.as_str()?))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether a variable is read in the statements, but for the question whether it holds anything.
fn is_read(body: &[Stmt], name: &str) -> bool {
    let mut read = false;
    each(body, &mut |stmt| {
        let exprs = match &stmt.kind {
            StmtKind::Assign(assign) => assign.value.iter().collect(),
            StmtKind::If { test, .. } => asked_in(test),
            _ => stmt.exprs(),
        };
        read |= defines(stmt) && uses(std::slice::from_ref(stmt), name);
        read |=
            exprs.into_iter().any(|expr| mentions(expr, &|inner| inner.as_name().is_some_and(|found| found == name)));
    });
    read
}

/// Whether a table is used for anything but its entries.
fn is_handed_on(body: &[Stmt], table: &str) -> bool {
    let is_table = |expr: &Expr| expr.as_name().is_some_and(|found| found == table);
    let mut handed_on = false;
    each(body, &mut |stmt| {
        let exprs = match &stmt.kind {
            StmtKind::Assign(assign) => assign.value.iter().collect(),
            _ => stmt.exprs(),
        };
        handed_on |= defines(stmt) && uses(std::slice::from_ref(stmt), table);
        handed_on |= exprs.into_iter().any(|expr| mentions(expr, &is_table));
    });
    handed_on
}

/// What a condition asks beside whether variables hold anything: `not email or not valid(password)`.
fn asked_in(test: &Expr) -> Vec<&Expr> {
    match &test.kind {
        ExprKind::Name(_) => Vec::new(),
        ExprKind::Not(inner) => asked_in(inner),
        ExprKind::BoolOp { values, .. } | ExprKind::List(values) | ExprKind::Tuple(values) => {
            values.iter().flat_map(asked_in).collect()
        }
        ExprKind::Compare { first, rest } if rest.iter().all(|(_, value)| matches!(value.kind, ExprKind::None)) => {
            asked_in(first)
        }
        ExprKind::Call { func, args } if func.as_name().is_some_and(|name| matches!(name.as_str(), "all" | "any")) => {
            args.iter().flat_map(|arg| asked_in(&arg.value)).collect()
        }
        _ => vec![test],
    }
}

/// Whether an expression or a part of it counts, but for the table of an entry.
fn mentions(expr: &Expr, counts: &dyn Fn(&Expr) -> bool) -> bool {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        if counts(expr) || matches!(expr.kind, ExprKind::Unknown) {
            return true;
        }
        if entry(expr).is_none() {
            pending.extend(hidden(expr));
            pending.extend(expr.children());
        }
    }
    false
}

fn defines(stmt: &Stmt) -> bool {
    matches!(stmt.kind, StmtKind::Function(_) | StmtKind::Class(_) | StmtKind::Unknown)
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

/// Whether two expressions are written in the same way.
pub fn spelled_alike(one: &Expr, other: &Expr) -> bool {
    match (&one.kind, &other.kind) {
        (ExprKind::Name(one), ExprKind::Name(other)) | (ExprKind::Str(one), ExprKind::Str(other)) => one == other,
        (ExprKind::Int(one), ExprKind::Int(other)) => one == other,
        (ExprKind::Attribute { value, name }, ExprKind::Attribute { value: held, name: other }) => {
            name.name == other.name && spelled_alike(value, held)
        }
        (ExprKind::Subscript { value, index }, ExprKind::Subscript { value: held, index: other }) => {
            spelled_alike(value, held) && spelled_alike(index, other)
        }
        (ExprKind::Call { func, args }, ExprKind::Call { func: other, args: given }) => {
            let alike = |(one, other): (&Arg, &Arg)| {
                one.name.as_ref().map(|name| &name.name) == other.name.as_ref().map(|name| &name.name)
                    && spelled_alike(&one.value, &other.value)
            };
            spelled_alike(func, other) && args.len() == given.len() && args.iter().zip(given).all(alike)
        }
        _ => false,
    }
}

/// Whether a statement is the word `pass`, and not `...`, which stands for what is left out. Both do nothing.
pub fn is_pass(stmt: &Stmt) -> bool {
    matches!(stmt.kind, StmtKind::Pass) && stmt.range.end - stmt.range.start == "pass".len() as u32
}

/// Whether a method is only declared: of a protocol or an abstract class.
pub fn is_stub(def: &Function) -> bool {
    def.body.iter().all(|stmt| match &stmt.kind {
        StmtKind::Pass => true,
        StmtKind::Expr(expr) => matches!(expr.kind, ExprKind::Str(_) | ExprKind::Ellipsis),
        StmtKind::Raise { exc: Some(raised), .. } => {
            let raised = raised.as_call().map_or(raised, |(func, _)| func);
            raised.as_name().is_some_and(|name| name == "NotImplementedError")
        }
        _ => false,
    })
}

/// What a comprehension that makes a dictionary calls the keys and values that it goes through, with its clause:
/// `{… for key, value in d.items()}`.
pub fn entries_by_name(comprehension: &Comprehension) -> Option<(&SmolStr, &SmolStr, &ComprehensionClause)> {
    let ([clause], Some(_)) = (comprehension.clauses.as_slice(), &comprehension.value) else { return None };
    let ExprKind::Tuple(names) = &clause.target.kind else { return None };
    let [key, value] = names.as_slice() else { return None };
    Some((key.as_name()?, value.as_name()?, clause))
}

/// The dictionary of which a comprehension copies the values, whatever it does to the keys' letters:
/// `{key.lower(): value for key, value in d.items()}`.
pub fn copied_from(comprehension: &Comprehension) -> Option<&Expr> {
    let (key, value, clause) = entries_by_name(comprehension)?;
    let (func, args) = clause.iter.as_call()?;
    let ExprKind::Attribute { value: copied, name } = &func.kind else { return None };
    let element = match comprehension.element.as_call().map(|(func, _)| &func.kind) {
        Some(ExprKind::Attribute { value, .. }) => value,
        _ => &comprehension.element,
    };
    let is_copy = name.name == "items" && args.is_empty() && element.as_name() == Some(key);
    (is_copy && comprehension.value.as_ref()?.as_name() == Some(value)).then_some(&**copied)
}
