//! What handlers ask for by their own parameters, taken over from one table to
//! the next: most of what is linked anew for an edit asks for what it did.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::changes::Changes;
use super::dependencies::{Asked, MAX_NODES, Node, expand_handler};
use super::interpreter::Interpreter;
use super::looked_at::RestsOn;
use super::routes::Route;
use super::value::{FunctionRef, Resolve, Value};
use crate::facts::python::tree::Function;

/// The dependencies that a handler asks for by itself: the last ones of its route.
#[derive(Debug, Clone)]
pub(super) struct Own {
    /// Index of the first one.
    from: usize,
    rests_on: Arc<RestsOn>,
}

/// Routes of the table before.
pub(super) struct Earlier<'t> {
    /// What is other since.
    changes: &'t Changes,
    /// By the definitions of their handlers.
    routes: FxHashMap<*const Function, &'t Route>,
}

impl<'t> Earlier<'t> {
    pub(super) fn new(changes: &'t Changes, routes: &'t [Route]) -> Self {
        let handler = |route: &'t Route| Some((Arc::as_ptr(&plain_function(&route.handler)?.def), route));
        Self { changes, routes: routes.iter().filter_map(handler).collect() }
    }

    /// What the parameters of the same handler asked for, if they still do and
    /// all of it has room behind `from` others.
    fn of(&self, interpreter: &Interpreter<'_>, handler: &Value, from: usize) -> Option<(&'t [Node], &'t Own)> {
        let function = plain_function(handler)?;
        let route = self.routes.get(&Arc::as_ptr(&function.def))?;
        let is_it = plain_function(&route.handler).is_some_and(|known| known.site == function.site);
        let own = route.own.as_ref().filter(|_| is_it)?;
        let nodes = route.dependencies.get(own.from..)?;
        let has_room = from + nodes.len() < MAX_NODES;
        (has_room && self.changes.hold(interpreter, &own.rests_on)).then_some((nodes, own))
    }
}

/// Appends the trees of a handler's parameters. Gives what can be taken over: all
/// of it, or nothing.
pub(super) fn expand_own(
    interpreter: &Interpreter<'_>,
    handler: &Value,
    earlier: Option<&Earlier<'_>>,
    asked: &mut Asked,
) -> Option<Own> {
    let from = asked.certain.len();
    if let Some((nodes, own)) = earlier.and_then(|earlier| earlier.of(interpreter, handler, from)) {
        interpreter.count(&own.rests_on);
        let parent = |node: &Node| node.parent.map(|parent| parent - own.from + from);
        asked.certain.extend(nodes.iter().map(|node| Node { parent: parent(node), ..node.clone() }));
        return Some(Own { from, rests_on: Arc::clone(&own.rests_on) });
    }
    let more = asked.more.take();
    let outer = interpreter.begin();
    expand_handler(interpreter, handler, asked);
    let rests_on = interpreter.end(outer);
    let is_all = asked.more.is_none() && asked.certain.len() < MAX_NODES;
    asked.more = more.or(asked.more.take());
    is_all.then_some(Own { from, rests_on })
}

/// A function at the top of a module: nothing but what the names mean in it decides what it asks for.
fn plain_function(handler: &Value) -> Option<&FunctionRef> {
    match handler {
        Value::Function(function) if function.class.is_none() && function.closure.is_empty() => Some(function),
        _ => None,
    }
}
