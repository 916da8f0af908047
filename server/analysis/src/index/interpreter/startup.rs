//! What applications do when they start: `lifespan=…`, `on_startup=[…]`,
//! `@app.on_event("startup")`. Servers run it after the module, and some
//! projects include their routers there.

use std::sync::Arc;

use super::super::value::{Arguments, FunctionRef, Resolve, RouterId, Site, Value};
use super::Execution;
use crate::facts::python::idioms::{callees, calls};
use crate::facts::python::tree::{Arg, Expr, ExprKind};
use crate::index::looked_at::Definition;

/// Calls inside each other that are searched for what adds routes.
const MAX_DEPTH: u32 = 3;

/// Methods of applications that add routes, or something around them.
const ADDERS: &[&str] = &[
    "include_router",
    "mount",
    "add_api_route",
    "add_api_websocket_route",
    "add_route",
    "add_websocket_route",
    "add_middleware",
    // Of prometheus-fastapi-instrumentator.
    "expose",
];

/// What an application runs when it starts.
pub(super) struct Startup {
    app: RouterId,
    what: Value,
    /// Whether it is given the application: a lifespan is.
    is_lifespan: bool,
    site: Site,
}

impl Execution<'_, '_> {
    /// Notes the `lifespan` and `on_startup` of a new application.
    pub(super) fn note_startups(&mut self, app: RouterId, arguments: &Arguments, site: Site) {
        if let Some(lifespan) = arguments.get("lifespan", None) {
            let what = self.interpreter.force(lifespan.clone());
            self.startups.push(Startup { app, what, is_lifespan: true, site });
        }
        if let Some(Value::List(handlers)) = arguments.get("on_startup", None).cloned() {
            handlers.iter().for_each(|handler| self.note_startup_handler(app, handler, site));
        }
    }

    /// Notes the handler of an event, `decorated` or the second argument, if the event is the start.
    pub(super) fn note_event_handler(
        &mut self,
        app: RouterId,
        arguments: &Arguments,
        decorated: Option<&Value>,
        site: Site,
    ) {
        let event = arguments.get("event_type", Some(0)).cloned().map(|event| self.interpreter.force(event));
        if let (Some(Value::Str(event)), Some(handler)) = (event, decorated.or(arguments.get("func", Some(1))))
            && event == "startup"
        {
            self.note_startup_handler(app, handler, site);
        }
    }

    fn note_startup_handler(&mut self, app: RouterId, handler: &Value, site: Site) {
        let what = self.interpreter.force(handler.clone());
        self.startups.push(Startup { app, what, is_lifespan: false, site });
    }

    /// Executes what applications of this module do when they start, where it
    /// adds routes.
    pub(super) fn run_startups(&mut self) {
        for Startup { app, what, is_lifespan, site } in std::mem::take(&mut self.startups) {
            let adds_routes = match &what {
                Value::Function(function) => self.adds_routes(function, MAX_DEPTH),
                Value::Bound(bound) => self.adds_routes(&bound.1, MAX_DEPTH),
                _ => false,
            };
            if adds_routes {
                let positional = if is_lifespan { vec![Value::Router(app)] } else { Vec::new() };
                self.apply(what, Arguments { positional, ..Arguments::default() }, site);
            }
        }
    }

    /// Whether a function, or one of its module or one that it gives an
    /// argument to and that it calls, calls a method that adds routes.
    fn adds_routes(&mut self, function: &Arc<FunctionRef>, depth: u32) -> bool {
        // What it does not do today it may do after the next edit.
        self.run.executed.insert(Definition::at(function.site));
        let function = &self.interpreter.current(function);
        if callees(&function.def.body).any(is_adder) {
            return true;
        }
        depth > 0
            && calls(&function.def.body).into_iter().any(|(callee, args)| match self.called(function, callee, args) {
                Some(called) => self.adds_routes(&called, depth - 1),
                None => false,
            })
    }

    fn called(&self, function: &FunctionRef, callee: &Expr, args: &[Arg]) -> Option<Arc<FunctionRef>> {
        let is_plain = match &callee.kind {
            ExprKind::Name(_) => true,
            ExprKind::Attribute { value, .. } => value.as_name().is_some(),
            _ => false,
        };
        let Value::Function(called) = is_plain.then(|| self.interpreter.eval(function, callee))? else { return None };
        (!args.is_empty() || called.site.file == function.site.file).then_some(called)
    }
}

fn is_adder(callee: &Expr) -> bool {
    matches!(&callee.kind, ExprKind::Attribute { name, .. } if ADDERS.contains(&name.name.as_str()))
}
