//! Claims that are looked at only where a caller asks for it: `if wanted and claims["type"] != wanted`, with a
//! parameter that is nothing unless it is given.

use smol_str::SmolStr;

use super::super::code::{Body, Found, mentions};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Function, Param, ParamKind, Spread, Stmt, StmtKind};
use crate::index::value::FunctionRef;
use crate::text::TextRange;

/// A parameter that is nothing unless it is given, and is given in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The parameter of the function that is called.
    pub parameter: SmolStr,
    /// The parameter of the calling function that is handed on, where that is nothing unless it is given, too.
    pub handed_on: Option<SmolStr>,
}

/// The parameter of the function on which it depends whether a claim is looked at that is read at a place.
pub(super) fn only_if(body: &Body<'_, '_, '_>, read: TextRange) -> Option<SmolStr> {
    let def = body.def?;
    let optional = || def.params.iter().filter(|param| is_optional(param)).map(|param| &param.name.name);
    optional().next()?;
    let name = optional().find(|name| !body.is_changed(name) && depends(body, read, name));
    if let Some(name) = name {
        return Some(name.clone());
    }
    // `kind = claims.get("type")`, which something looks at further down.
    let variable = body.statements().iter().find_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Assign(assign) if assign.value.as_ref().is_some_and(|value| value.range == read) => {
            assign.targets.first().and_then(Expr::as_name)
        }
        _ => None,
    })?;
    let looks = body.find(&|expr| expr.as_name() == Some(variable));
    let looks: Vec<&Found<'_>> = looks.iter().filter(|look| look.expr.range.start > read.end).collect();
    let all = |name: &&SmolStr| looks.iter().all(|look| depends(body, look.expr.range, name));
    optional().find(all).filter(|name| !looks.is_empty() && !body.is_changed(name)).cloned()
}

/// Parameters of a called function that are nothing unless they are given, and are given in a call.
pub(super) fn asked(body: &Body<'_, '_, '_>, callee: &FunctionRef, args: &[Arg]) -> Vec<Asked> {
    let params: Vec<&Param> = callee.def.params.iter().skip(usize::from(callee.takes_receiver())).collect();
    if args.iter().any(|arg| arg.spread != Spread::No) {
        let optional = params.into_iter().filter(|param| is_optional(param));
        return optional.map(|param| Asked { parameter: param.name.name.clone(), handed_on: None }).collect();
    }
    let unnamed = args.iter().filter(|arg| arg.name.is_none());
    let by_position = unnamed.zip(params.iter().take_while(|param| param.kind != ParamKind::VarArgs).copied());
    let by_name = args.iter().filter_map(|arg| {
        let name = arg.name.as_ref()?;
        Some((arg, *params.iter().find(|param| param.name.name == name.name)?))
    });
    let given = by_position.chain(by_name).filter(|(arg, param)| is_optional(param) && !is_nothing(&arg.value));
    given
        .map(|(arg, param)| Asked {
            parameter: param.name.name.clone(),
            handed_on: arg.value.as_name().filter(|name| is_own_optional(body.def, name)).cloned(),
        })
        .collect()
}

fn is_own_optional(def: Option<&Function>, name: &str) -> bool {
    def.is_some_and(|def| def.params.iter().any(|param| param.name.name == name && is_optional(param)))
}

/// Whether a parameter is nothing unless it is given.
fn is_optional(param: &Param) -> bool {
    param.default.as_ref().is_some_and(is_nothing)
}

fn is_nothing(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::None | ExprKind::Bool(false) => true,
        ExprKind::Str(text) => text.is_empty(),
        _ => false,
    }
}

/// Whether a place is reached only where a parameter holds something.
fn depends(body: &Body<'_, '_, '_>, place: TextRange, name: &str) -> bool {
    let holds = |block: &[Stmt]| block.iter().any(|stmt| stmt.range.contains_range(place));
    body.statements().iter().any(|(stmt, _)| match &stmt.kind {
        StmtKind::If { test, body: taken, .. } => {
            (holds(taken) && asks(test, name)) || (test.range.contains_range(place) && is_behind(test, place, name))
        }
        _ => false,
    })
}

/// Whether a test is true only where a parameter holds something.
fn asks(test: &Expr, name: &str) -> bool {
    match &test.kind {
        ExprKind::Name(asked) => asked == name,
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] => {
                first.as_name().is_some_and(|asked| asked == name)
                    && matches!(second.kind, ExprKind::None)
                    && matches!(op.as_str(), "is not" | "!=")
            }
            _ => false,
        },
        ExprKind::BoolOp { and: true, values } => values.iter().any(|value| asks(value, name)),
        _ => false,
    }
}

/// Whether a part of a test is only asked where a parameter holds something.
fn is_behind(test: &Expr, place: TextRange, name: &str) -> bool {
    let ExprKind::BoolOp { and: true, values } = &test.kind else { return false };
    let mut before = values.iter().take_while(|value| !value.range.contains_range(place));
    before.any(|value| mentions(value, name) && asks(value, name))
}
