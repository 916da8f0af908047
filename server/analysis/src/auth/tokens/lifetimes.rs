//! How long tokens live where nobody says it, and lengths that are counted in another unit than they are named by.

use smol_str::SmolStr;

use super::super::code::{Body, last_name};
use super::callees::callee;
use super::encode::{after_now, is_now, seconds};
use super::payload::{self, Given};
use super::{DefaultLife, GivenClaims, IssuerCall, ItemTokens, Miscounted, is_about_tokens};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, Spread, StmtKind, positional};
use crate::index::value::Value;

/// Finds calls that may leave out how long a token lives, and lengths in the wrong unit.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        tokens.issuer_calls.extend(issuer_call(body, found.expr, func, args));
        let own = miscounted(body, found.expr).zip(body.def.map(|def| body.site(def.name.range)));
        let handed_over = args.iter().filter_map(|arg| miscounted(body, body.traced(&arg.value)));
        let handed_over = handed_over.filter_map(|length| Some((length, callee(body, func)?.site)));
        for ((length, name, times), function) in own.into_iter().chain(handed_over) {
            tokens.miscounted.push(Miscounted { site: body.site(length.range), function, name, times });
        }
    }
}

/// A call of a function of the project that is about tokens and has parameters that may be left out, or is given claims.
fn issuer_call<'b>(body: &Body<'b, '_, '_>, call: &Expr, func: &Expr, args: &'b [Arg]) -> Option<IssuerCall> {
    last_name(func).filter(|name| is_about_tokens(name))?;
    let function = callee(body, func)?;
    let mut left_out = Vec::new();
    let mut passed_on = Vec::new();
    let (mut endless, mut numbers, mut handed, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let receiver = usize::from(function.takes_receiver());
    for (at, param) in function.def.params.iter().enumerate().skip(receiver) {
        let named = args.iter().find(|arg| arg.name.as_ref().is_some_and(|name| name.name == param.name.name));
        let given = named.map(|arg| &arg.value).or_else(|| positional(args, at - receiver));
        if let Some(Value::Str(text)) = given.map(|given| body.eval(body.traced(given))) {
            texts.push((param.name.name.clone(), text));
        }
        if let Some(given) = given.map(|given| payload::given(body, given)) {
            let name = || param.name.name.clone();
            if !is_optional(param) {
                endless.extend(given.is_endless.then(name));
                numbers.extend(given.number.map(|range| (name(), body.site(range))));
            }
            let Given { marks, claims, is_whole, subject, .. } = given;
            if !claims.is_empty() {
                handed.push(GivenClaims { parameter: name(), marks, claims, is_whole, subject });
            }
        }
        if !is_optional(param) {
            continue;
        }
        match given.map(|given| (&given.kind, given.as_name())) {
            None | Some((ExprKind::None, _)) => left_out.push(param.name.name.clone()),
            Some((_, Some(own))) if body.param(own).is_some_and(is_optional) => {
                passed_on.push((param.name.name.clone(), own.clone()));
            }
            Some(_) => {}
        }
    }
    let mut found = IssuerCall {
        callee: function.site,
        function: body.def.map(|def| body.site(def.name.range)),
        left_out: Vec::new(),
        passed_on: Vec::new(),
        endless: Vec::new(),
        numbers: Vec::new(),
        given: Vec::new(),
        texts: Vec::new(),
        site: body.site(call.range),
    };
    // What is spread in may be anything.
    if args.iter().all(|arg| arg.spread == Spread::No) {
        found = IssuerCall { left_out, passed_on, endless, numbers, given: handed, texts, ..found };
    }
    Some(found)
}

/// Whether a parameter is `None` unless it is given.
fn is_optional(param: &Param) -> bool {
    param.default.as_ref().is_some_and(|default| matches!(default.kind, ExprKind::None))
}

/// How long a token lives that ends at `end`, where an optional parameter of its function is left out.
pub(super) fn by_default<'b>(body: &Body<'b, '_, '_>, end: &'b Expr) -> Option<DefaultLife> {
    let life = |parameter: SmolStr, value: &Expr, seconds: Option<i64>| {
        Some(DefaultLife { parameter, seconds: seconds?, site: body.site(value.range) })
    };
    let variable = end.as_name().filter(|name| body.param(name).is_none());
    let assigned = variable.into_iter().flat_map(|name| without(body, name));
    let mut assigned = assigned.filter_map(|(parameter, value)| life(parameter, value, after_now(body, value)));
    assigned.next().or_else(|| {
        let end = body.traced(end);
        match &end.kind {
            ExprKind::Binary { op, left, right } if op == "+" && is_now(body, left, 0) => {
                let (parameter, value) = alternative(body, right)?;
                life(parameter, value, seconds(body, value))
            }
            _ => {
                let (parameter, value) = alternative(body, end)?;
                life(parameter, value, after_now(body, value))
            }
        }
    })
}

/// What a variable is assigned where an optional parameter was left out, with that parameter.
fn without<'b>(body: &Body<'b, '_, '_>, name: &str) -> Vec<(SmolStr, &'b Expr)> {
    let assigned = body.statements().iter().filter_map(|(stmt, around)| {
        let StmtKind::Assign(assign) = &stmt.kind else { return None };
        let is_it = assign.targets.iter().any(|target| target.as_name().is_some_and(|found| found == name));
        let value = assign.value.as_ref().filter(|_| is_it)?;
        let parameter = around.iter().find_map(|(stmt, block)| match &stmt.kind {
            StmtKind::If { test, .. } => absent(body, test, *block == 0),
            _ => None,
        });
        Some((parameter?, value))
    });
    assigned.collect()
}

/// The other value of an optional parameter, or the one that stands in its place: `life or timedelta(…)`,
/// `a if life else b`, or what the parameter itself is assigned where it is empty.
fn alternative<'b>(body: &Body<'b, '_, '_>, expr: &'b Expr) -> Option<(SmolStr, &'b Expr)> {
    let own = |expr: &Expr| expr.as_name().filter(|name| body.param(name).is_some_and(is_optional)).cloned();
    match &expr.kind {
        ExprKind::BoolOp { and: false, values } => match values.as_slice() {
            [first, other] => Some((own(first)?, other)),
            _ => None,
        },
        ExprKind::IfExp { test, body: yes, or_else } => match absent(body, test, true) {
            Some(parameter) => Some((parameter, yes)),
            None => Some((absent(body, test, false)?, or_else)),
        },
        ExprKind::Name(name) => {
            let parameter = own(expr)?;
            let instead = without(body, name).into_iter().find(|(found, _)| *found == parameter);
            instead.or_else(|| match body.bindings(name).as_slice() {
                [Some(value)] if !matches!(value.kind, ExprKind::Name(_)) => alternative(body, value),
                _ => None,
            })
        }
        _ => None,
    }
}

/// The optional parameter that is left out where a test holds, or where it does not.
fn absent(body: &Body<'_, '_, '_>, test: &Expr, holds: bool) -> Option<SmolStr> {
    let (tested, absent_if) = match &test.kind {
        ExprKind::Name(_) => (test, false),
        ExprKind::Not(inner) => (&**inner, true),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, Expr { kind: ExprKind::None, .. })] => (&**first, matches!(op.as_str(), "is" | "==")),
            _ => return None,
        },
        _ => return None,
    };
    let name = tested.as_name().filter(|_| absent_if == holds)?;
    body.param(name).is_some_and(is_optional).then(|| name.clone())
}

/// `timedelta(settings.expire_minutes)`: the name of what is counted in days, and how many times longer that is.
fn miscounted<'e>(body: &Body<'_, '_, '_>, length: &'e Expr) -> Option<(&'e Expr, SmolStr, i64)> {
    const UNITS: &[(&str, i64)] =
        &[("hour", 24), ("minute", 1_440), ("min", 1_440), ("second", 86_400), ("sec", 86_400)];
    let (func, args) = length.as_call()?;
    if last_name(func).is_none_or(|name| name != "timedelta") {
        return None;
    }
    let [Arg { name: None, spread: Spread::No, value }] = args else { return None };
    let name = last_name(body.traced(value))?;
    let unit = |word: &str| {
        let word = word.to_ascii_lowercase();
        UNITS.iter().find(|(unit, _)| word.trim_end_matches('s') == *unit).map(|(_, times)| *times)
    };
    let times = name.split('_').find_map(unit)?;
    Some((length, name.clone(), times))
}
