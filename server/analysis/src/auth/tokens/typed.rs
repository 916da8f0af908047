//! What somebody typed who runs a module as a script: `python reset.py name password`. Printed, it goes back to that one,
//! and so does what the script itself holds.

use std::slice::from_ref;

use super::super::code::{Body, Scope, mentions};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, positional};
use crate::index::value::{FunctionRef, Resolve, Value};

/// Functions that ask whoever runs the module.
const ASKS: &[&str] = &["builtins.input", "getpass.getpass"];

/// Whether a value is a parameter that the module itself fills with what was typed, where it is run.
pub(super) fn is_typed(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let Scope::Function(function) = body.scope else { return false };
    let Some(name) = value.as_name().filter(|_| function.class.is_none() && !body.is_nested()) else { return false };
    let Some(at) = function.def.params.iter().position(|param| param.name.name == *name) else { return false };
    let file = function.site.file;
    body.interpreter.count_items(file);
    let Some(facts) = body.interpreter.sources().facts(file) else { return false };
    let mut given = Given::default();
    for (index, stmt) in facts.plain_statements().filter(|(_, stmt)| is_main(stmt)) {
        let main = Body::new(body.interpreter, Scope::Module(file, index), from_ref(stmt));
        given.look(&main, function, at);
        // `main()`, which takes the arguments apart.
        for called in main.calls().iter().filter_map(|found| found.call()) {
            if let (Value::Function(called), []) = (main.eval(called.0), called.1)
                && called.site.file == file
            {
                let called = body.interpreter.current(&called);
                let inside = Body::new(body.interpreter, Scope::Function(&called), &called.def.body);
                given.look(&inside, function, at);
            }
        }
    }
    given.typed > 0 && given.other == 0
}

/// How often a parameter is filled with what was typed, and with something else.
#[derive(Default)]
struct Given {
    typed: usize,
    other: usize,
}

impl Given {
    /// Counts the calls of a function in a body by what they give to its parameter of that index.
    fn look(&mut self, body: &Body<'_, '_, '_>, function: &FunctionRef, at: usize) {
        let name = &function.def.params[at].name.name;
        for (func, args) in body.calls().iter().filter_map(|found| found.call()) {
            if !matches!(body.eval(func), Value::Function(called) if called.site == function.site) {
                continue;
            }
            let named = args.iter().find(|arg| arg.name.as_ref().is_some_and(|own| own.name == *name));
            match named.map(|arg| &arg.value).or_else(|| positional(args, at)) {
                Some(value) if is_from_command_line(body, value) || stands_there(body, value) => self.typed += 1,
                _ => self.other += 1,
            }
        }
    }
}

/// `if __name__ == "__main__":`
fn is_main(stmt: &Stmt) -> bool {
    matches!(&stmt.kind, StmtKind::If { test, .. } if mentions(test, "__name__"))
}

/// `sys.argv[1]`, `input()`, `parser.parse_args().password`.
fn is_from_command_line(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let value = body.traced(value);
    match &value.kind {
        ExprKind::Subscript { value, .. } => body.package(value).is_some_and(|path| path == "sys.argv"),
        ExprKind::Call { func, .. } => body.package(func).is_some_and(|path| ASKS.contains(&path.as_str())),
        ExprKind::Attribute { value, .. } => body.traced(value).as_call().is_some_and(
            |(func, _)| matches!(&func.kind, ExprKind::Attribute { name, .. } if name.name == "parse_args"),
        ),
        _ => false,
    }
}

/// Whether a value stands in the script: a text, or a part of a list of these that it goes through.
fn stands_there(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let is_list = |iter: &Expr| matches!(body.traced(iter).kind, ExprKind::List(_) | ExprKind::Tuple(_));
    let goes_through = |name: &str| {
        body.statements().iter().any(|(stmt, _)| match &stmt.kind {
            StmtKind::For { target, iter, .. } => mentions(target, name) && is_list(iter),
            _ => false,
        })
    };
    body.traced(value).as_str().is_some() || value.as_name().is_some_and(|name| goes_through(name))
}
