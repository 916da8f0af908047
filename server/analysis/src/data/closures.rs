//! Functions that stand in functions: what they see of the variables around them.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::{Given, MAX_DEPTH};
use super::engine::{Engine, Exit};
use super::models::last_name;
use super::value::{Abs, Known, Path, Vars};
use crate::facts::python::tree::{Expr, Function, Param};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// A function with the variables around it.
#[derive(Debug, Clone)]
pub(super) struct Closure {
    function: FunctionRef,
    /// The function that it stands in.
    outer: Site,
    /// Variables of that one, as they were when this one was defined.
    vars: Vars,
    /// Parameters and result of a lambda.
    lambda: Option<(Vec<Param>, Expr)>,
    /// Whose method it is.
    receiver: Option<Abs>,
    /// Whether a language model may call it once it is handed to a package.
    pub(super) is_tool: bool,
}

impl Closure {
    /// A method that is no more called by its object: `self.complete`.
    pub(super) fn of_object(method: Arc<FunctionRef>, receiver: Abs) -> Self {
        let function = Arc::unwrap_or_clone(method);
        let (outer, vars) = (function.site, Vars::default());
        Self { function, outer, vars, lambda: None, receiver: Some(receiver), is_tool: false }
    }

    /// Whether it is the method of an object.
    pub(super) const fn is_of_object(&self) -> bool {
        self.receiver.is_some()
    }

    /// The function itself.
    pub(super) const fn function(&self) -> &FunctionRef {
        &self.function
    }
}

/// Two are the same that stand at the same place, of the same object.
impl PartialEq for Closure {
    fn eq(&self, other: &Self) -> bool {
        self.function.site == other.function.site && self.receiver == other.receiver
    }
}

impl Engine<'_, '_> {
    /// `def` inside of a function.
    pub(super) fn define(&mut self, path: &mut Path, def: &Arc<Function>) {
        let name = &def.name.name;
        let value = match self.stack.last() {
            Some(outer)
                if def.decorators.iter().all(|one| self.leaves_alone(outer, one) || self.makes_tool(outer, one)) =>
            {
                let is_tool = def.decorators.iter().any(|decorator| self.makes_tool(outer, decorator));
                let function = FunctionRef {
                    def: Arc::clone(def),
                    site: Site { range: def.name.range, ..outer.site },
                    qualname: SmolStr::new(format!("{}.<locals>.{name}", outer.qualname)),
                    is_given: false,
                    class: None,
                    ..outer.clone()
                };
                let (outer, vars) = (outer.site, path.vars.clone());
                Abs::Local(Arc::new(Closure { function, outer, vars, lambda: None, receiver: None, is_tool }))
            }
            _ => Abs::Unknown,
        };
        path.vars.insert(name.clone(), value);
    }

    /// `lambda x: …`.
    pub(super) fn lambda(&self, path: &Path, expr: &Expr, params: &[Param], body: &Expr) -> Abs {
        let Some(outer) = self.stack.last() else { return Abs::Unknown };
        let function = FunctionRef { site: Site { range: expr.range, ..outer.site }, ..outer.clone() };
        let lambda = Some((params.to_vec(), body.clone()));
        let vars = path.vars.clone();
        Abs::Local(Arc::new(Closure { function, outer: outer.site, vars, lambda, receiver: None, is_tool: false }))
    }

    /// Whether a decorator gives a function that does the same.
    pub(super) fn leaves_alone(&self, outer: &FunctionRef, decorator: &Expr) -> bool {
        let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
        match self.interpreter.eval(outer, callee) {
            Value::Package(package) => {
                package.starts_with("functools.") || package.starts_with("contextlib.") || package.starts_with("typing")
            }
            _ => last_name(callee) == Some("wraps"),
        }
    }

    /// Executes a function that stands in another, or a lambda.
    pub(super) fn call_closure(
        &mut self,
        mut path: Path,
        site: Site,
        closure: &Arc<Closure>,
        given: Vec<Given>,
    ) -> Vec<Exit> {
        let function = &closure.function;
        if let Some(object) = &closure.receiver {
            return self.follow_from(path, site, &Arc::new(function.clone()), Some(object.clone()), given);
        }
        let active = self.stack.iter().any(|other| other.site == function.site);
        if active || self.stack.len() >= MAX_DEPTH {
            let name = function.def.name.name.clone();
            return self.unfollowed(path, &name, None, &given);
        }
        // Called by the function around it, it sees what has become of the variables.
        let around = self.stack.last().is_some_and(|outer| outer.site == closure.outer);
        let mut vars = if around { path.vars.clone() } else { closure.vars.clone() };
        let Some((params, body)) = &closure.lambda else {
            let function = self.interpreter.current(function);
            let bound = self.bind(&function, None, given);
            vars.extend(bound.iter().map(|(name, value)| (name.clone(), value.clone())));
            return self.run(path, function, vars, site);
        };
        for (at, param) in params.iter().enumerate() {
            let value = given.get(at).map_or(Abs::Unknown, |one| one.value.clone());
            vars.insert(param.name.name.clone(), value);
        }
        let outer = std::mem::replace(&mut path.vars, vars);
        self.stack.push(function.clone());
        self.calls.push(site);
        let mut exits = self.fork(path, body);
        self.calls.pop();
        self.stack.pop();
        exits.iter_mut().for_each(|(path, _)| path.vars.clone_from(&outer));
        exits
    }

    /// Calls a handler as its decorators have wrapped it.
    pub(super) fn decorated(&mut self, mut path: Path, handler: &FunctionRef, vars: &Vars) -> Vec<Exit> {
        let mut callee = Abs::Known(Known(Value::Function(Arc::new(handler.clone()))));
        let plain = callee.clone();
        for decorator in handler.def.decorators.iter().rev() {
            let (expr, args) = decorator.as_call().map_or((decorator, None), |(func, args)| (func, Some(args)));
            let Value::Function(function) = self.interpreter.eval_signature(handler, expr) else { continue };
            let mut maker = Abs::Known(Known(Value::Function(function)));
            if let Some(args) = args {
                let given = args.iter().map(|arg| Given {
                    name: arg.name.as_ref().map(|name| name.name.clone()),
                    spread: arg.spread,
                    value: self.as_abs(self.interpreter.eval_signature(handler, &arg.value)),
                });
                let given = given.collect();
                let exits = self.apply(path.clone(), expr, maker, "", given);
                maker = self.settle(&mut path, exits);
            }
            let given = vec![Given { name: None, spread: super::calls::Spread::No, value: callee }];
            let exits = self.apply(path.clone(), expr, maker, "", given);
            callee = self.settle(&mut path, exits);
            if !matches!(callee, Abs::Known(Known(Value::Function(_))) | Abs::Local(_)) {
                path.doubt = true;
                callee = plain.clone();
            }
        }
        let site = self.route.registration;
        if callee == plain {
            return self.run(path, handler.clone(), vars.clone(), site);
        }
        let given = handler.def.params.iter().filter_map(|param| {
            let name = &param.name.name;
            Some(Given { name: Some(name.clone()), spread: super::calls::Spread::No, value: vars.get(name)?.clone() })
        });
        self.apply(path, &handler.def.decorators[0], callee, "", given.collect())
    }
}
