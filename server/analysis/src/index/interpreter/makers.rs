//! What the functions of a module hand to the initialiser of a class that stands there, too.

use std::sync::Arc;

use super::Interpreter;
use super::scope::Scope;
use crate::facts::python::tree::{Arg, Expr, Spread, StmtKind, keyword, positional};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Value};

/// Functions of a module that are looked through.
const MAX_FUNCTIONS: usize = 40;

impl Interpreter<'_> {
    /// What functions of its module hand over for the parameter of that name and place where they make an object of a class.
    pub(super) fn find_handed_over(&self, class: &ClassRef, name: &str, at: usize) -> Vec<(FunctionRef, Expr)> {
        let functions = self.functions_of_module(class);
        if functions.len() > MAX_FUNCTIONS {
            return Vec::new();
        }
        let mut found = Vec::new();
        for function in functions {
            let function = self.current(&function);
            let mut calls = Vec::new();
            each_call(&function, &class.def.name.name, &mut |func, args| calls.push((func.clone(), args.to_vec())));
            for (func, args) in calls {
                let is_it = matches!(self.eval(&function, &func), Value::Class(made) if made.site == class.site);
                let is_spread = args.iter().any(|arg| arg.spread != Spread::No);
                let given = keyword(&args, name).or_else(|| positional(&args, at)).filter(|_| is_it && !is_spread);
                found.extend(given.map(|given| (function.clone(), given.clone())));
            }
        }
        found
    }

    /// The functions of a class's module, and the methods of all classes there.
    fn functions_of_module(&self, class: &ClassRef) -> Vec<Arc<FunctionRef>> {
        let file = class.site.file;
        let Some(facts) = self.facts(file) else { return Vec::new() };
        let mut found = Vec::new();
        self.count_items(file);
        for item in &facts.items {
            let scope = Scope::module(file, item.number);
            match &item.placed.item.stmt.kind {
                StmtKind::Function(def) => found.push(self.function(def, &scope)),
                StmtKind::Class(def) => {
                    let class = self.class(def, &scope, 0);
                    found.extend(def.body.iter().filter_map(|stmt| match &stmt.kind {
                        StmtKind::Function(method) => self.method(&class, &method.name.name),
                        _ => None,
                    }));
                }
                _ => {}
            }
        }
        found
    }
}

/// Calls `look` with all calls of something of that name in the body of a function.
fn each_call(function: &FunctionRef, name: &str, look: &mut dyn FnMut(&Expr, &[Arg])) {
    let mut blocks = vec![&*function.def.body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let mut pending = stmt.exprs();
            while let Some(expr) = pending.pop() {
                pending.extend(expr.children());
                if let Some((func, args)) = expr.as_call()
                    && func.as_name().is_some_and(|called| called == name)
                {
                    look(func, args);
                }
            }
        }
    }
}
