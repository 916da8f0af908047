//! Helpers that raise for their caller: `response_api(401, "…")`.

use smol_str::SmolStr;

use crate::facts::python::file::bound_names;
use crate::facts::python::idioms::http_status;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, ParamKind, Spread, Stmt, StmtKind};
use crate::index::interpreter::truth;
use crate::index::value::{FunctionRef, Resolve, Value};

/// Helpers that call each other are followed this far.
const MAX_DEPTH: usize = 4;

/// What is known of some variables.
type Known = Vec<(SmolStr, Value)>;

/// How statements end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With an exception, always.
    Raises,
    /// By going on behind them, if at all.
    GoesOn,
    /// By returning, perhaps.
    Returns,
}

/// Whether a call of a function with these arguments ends with an exception, whatever else is true: it raises, under
/// conditions at most that its arguments decide.
pub(crate) fn always_raises(resolve: &dyn Resolve, caller: &FunctionRef, function: &FunctionRef, args: &[Arg]) -> bool {
    let search = Search { resolve, depth: 0 };
    let function = resolve.current(function);
    search.raises(&function, &search.arguments(caller, &function, args, &[]))
}

/// A search for what raises, some calls deep.
#[derive(Clone, Copy)]
struct Search<'r> {
    resolve: &'r dyn Resolve,
    depth: usize,
}

impl Search<'_> {
    /// Whether a function always raises, with what is known of its parameters.
    fn raises(self, function: &FunctionRef, known: &[(SmolStr, Value)]) -> bool {
        // What a generator raises, it raises where somebody asks it for more.
        !function.def.is_generator && self.end(function, &function.def.body, known.to_vec()) == End::Raises
    }

    /// How statements end.
    fn end(self, function: &FunctionRef, body: &[Stmt], mut known: Known) -> End {
        for stmt in body {
            let end = match &stmt.kind {
                StmtKind::Raise { .. } => End::Raises,
                StmtKind::Return(Some(value)) | StmtKind::Expr(value) if self.call_raises(function, value, &known) => {
                    End::Raises
                }
                StmtKind::If { test, body, or_else } => {
                    let branch = |stmts: &[Stmt]| self.end(function, stmts, known.clone());
                    match self.decided(function, test, &known) {
                        Some(true) => branch(body),
                        Some(false) => branch(or_else),
                        None => either(branch(body), branch(or_else)),
                    }
                }
                StmtKind::Assign(_) | StmtKind::Expr(_) | StmtKind::Pass => End::GoesOn,
                // What else there is may leave the function, or catch what is raised.
                _ => End::Returns,
            };
            if end != End::GoesOn {
                return end;
            }
            let mut bound = Vec::new();
            bound_names(stmt, &mut bound);
            known.retain(|(name, _)| !bound.contains(name));
        }
        End::GoesOn
    }

    /// Whether a test holds, where nothing but what is known decides it: variables of modules may change.
    fn decided(self, function: &FunctionRef, test: &Expr, known: &[(SmolStr, Value)]) -> Option<bool> {
        let mut pending = vec![test];
        while let Some(expr) = pending.pop() {
            match &expr.kind {
                ExprKind::Name(name) if !known.iter().any(|(known, _)| known == name) => return None,
                ExprKind::Call { .. } | ExprKind::Walrus { .. } => return None,
                _ => pending.extend(expr.children()),
            }
        }
        truth(&self.resolve.eval_knowing(function, test, known))
    }

    /// Whether an expression is a call of a function of the project that always raises.
    fn call_raises(self, function: &FunctionRef, expr: &Expr, known: &[(SmolStr, Value)]) -> bool {
        let (call, is_awaited) = match &expr.kind {
            ExprKind::Await(call) => (&**call, true),
            _ => (expr, false),
        };
        let Some((func, args)) = call.as_call().filter(|_| self.depth < MAX_DEPTH) else { return false };
        let Value::Function(called) = self.resolve.eval(function, func) else { return false };
        let called = self.resolve.current(&called);
        let given = self.arguments(function, &called, args, known);
        called.def.is_async == is_awaited && Search { depth: self.depth + 1, ..self }.raises(&called, &given)
    }

    /// What is known of a function's parameters where it is called.
    fn arguments(
        self,
        caller: &FunctionRef,
        function: &FunctionRef,
        args: &[Arg],
        known: &[(SmolStr, Value)],
    ) -> Known {
        if args.iter().any(|arg| arg.spread != Spread::No) {
            return Known::new();
        }
        let params: Vec<&Param> = function.def.params.iter().skip(usize::from(function.takes_receiver())).collect();
        let unnamed = args.iter().filter(|arg| arg.name.is_none()).map(|arg| &arg.value);
        let by_position = unnamed.zip(params.iter().take_while(|param| param.kind != ParamKind::VarArgs));
        let mut given: Vec<(&SmolStr, &Expr)> = by_position.map(|(value, param)| (&param.name.name, value)).collect();
        given.extend(args.iter().filter_map(|arg| Some((&arg.name.as_ref()?.name, &arg.value))));
        let is_given = |param: &Param| given.iter().any(|(name, _)| **name == param.name.name);
        let defaults = params.iter().filter(|param| !is_given(param)).filter_map(|param| {
            let default = param.default.as_ref()?;
            Some((param.name.name.clone(), exact(default, || self.resolve.eval_signature(function, default))?))
        });
        let values = given.iter().filter_map(|(name, value)| {
            let by_name = || known.iter().find(|(known, _)| value.as_name() == Some(known));
            let exact = match by_name() {
                Some((_, known)) => known.clone(),
                None => exact(value, || self.resolve.eval(caller, value))?,
            };
            Some(((*name).clone(), exact))
        });
        values.chain(defaults).collect()
    }
}

/// How one of two branches ends, nobody knows which.
fn either(one: End, other: End) -> End {
    match (one, other) {
        (End::Returns, _) | (_, End::Returns) => End::Returns,
        (End::Raises, End::Raises) => End::Raises,
        _ => End::GoesOn,
    }
}

/// The value of an expression that always has the same: of a literal, or of a name for a number.
fn exact(expr: &Expr, eval: impl FnOnce() -> Value) -> Option<Value> {
    match (&expr.kind, eval()) {
        (_, value @ Value::Int(_))
        | (ExprKind::Str(_), value @ Value::Str(_))
        | (ExprKind::Bool(_), value @ Value::Bool(_))
        | (ExprKind::None, value @ Value::None) => Some(value),
        (_, Value::Package(_)) => http_status(expr).map(Value::Int),
        _ => None,
    }
}
