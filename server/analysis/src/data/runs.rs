//! What dependencies do, executed once for all routes that ask for the same ones.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};
use smol_str::SmolStr;

use super::engine::{Caller, Engine};
use super::upkeep::only_reads;
use super::value::{Path, Vars};
use crate::index::looked_at::RestsOn;
use crate::index::same::same;
use crate::index::value::{FunctionRef, Resolve, Value};

/// What the dependencies of routes did.
#[derive(Default)]
pub struct Runs<'e, 'a> {
    known: RefCell<FxHashMap<u64, Vec<Run<'e, 'a>>>>,
}

/// What the dependencies of one route did, where nothing of it was the route's own.
struct Run<'e, 'a> {
    asked: Asked,
    engine: Engine<'e, 'a>,
    paths: Vec<(Path, Vars)>,
    rests_on: Arc<RestsOn>,
}

/// What decides about what the dependencies of a route do.
struct Asked {
    guarded: bool,
    only_reads: bool,
    /// Who calls, by what is wrapped around the route.
    caller: Caller,
    nodes: Vec<Node>,
}

struct Node {
    callable: Value,
    parent: Option<usize>,
    parameter: Option<SmolStr>,
    /// Whether it fills a parameter of the handler that takes a session of the database.
    is_database: bool,
}

impl Asked {
    fn by(engine: &Engine<'_, '_>, handler: &FunctionRef) -> Self {
        let param_of = |name: &SmolStr| handler.def.params.iter().find(|param| param.name.name == *name);
        let nodes = engine.route.dependencies.iter().map(|node| Node {
            callable: node.callable.clone(),
            parent: node.parent,
            parameter: node.parameter.clone(),
            is_database: node
                .parameter
                .as_ref()
                .filter(|_| node.parent.is_none())
                .and_then(param_of)
                .is_some_and(|param| engine.is_database(handler, param)),
        });
        Self {
            guarded: engine.guarded,
            only_reads: only_reads(engine.route),
            caller: engine.caller,
            nodes: nodes.collect(),
        }
    }

    fn hash(&self) -> u64 {
        let mut hasher = FxHasher::default();
        (self.guarded, self.only_reads).hash(&mut hasher);
        for node in &self.nodes {
            (node.parent, &node.parameter, node.is_database).hash(&mut hasher);
            match &node.callable {
                Value::Function(function) => function.site.hash(&mut hasher),
                Value::Class(class) => class.site.hash(&mut hasher),
                Value::Package(path) => path.hash(&mut hasher),
                _ => {}
            }
        }
        hasher.finish()
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.guarded, self.only_reads, self.nodes.len()) == (other.guarded, other.only_reads, other.nodes.len())
            && self.caller == other.caller
            && self.nodes.iter().zip(&other.nodes).all(|(a, b)| {
                (a.parent, &a.parameter, a.is_database) == (b.parent, &b.parameter, b.is_database)
                    && same(&a.callable, &b.callable)
            })
    }
}

impl<'e, 'a> Engine<'e, 'a> {
    /// Runs the dependencies of the route, those of its decorator first, then those that fill parameters of its handler;
    /// or takes over what they did for another route that asks for the same.
    pub(super) fn dependencies(&mut self, runs: &Runs<'e, 'a>, path: Path, handler: &FunctionRef) -> Vec<(Path, Vars)> {
        let asked = Asked::by(self, handler);
        let hash = asked.hash();
        if let Some(run) =
            runs.known.borrow().get(&hash).and_then(|runs| runs.iter().find(|run| run.asked.is_same(&asked)))
        {
            self.interpreter.count(&run.rests_on);
            self.go_on_from(&run.engine);
            return run.paths.clone();
        }
        let outer = self.interpreter.begin();
        let paths = self.decorating(vec![(path, Vars::default())]);
        let paths = self.filling(paths, handler);
        self.note_standing_unsure(paths.iter().map(|(path, _)| path));
        let rests_on = self.interpreter.end(outer);
        if self.clients.is_empty() && !self.asks_path.get() {
            let run = Run { asked, engine: self.clone(), paths: paths.clone(), rests_on };
            runs.known.borrow_mut().entry(hash).or_default().push(run);
        }
        paths
    }

    /// Takes over what was found out for another route, but for what is this one's.
    fn go_on_from(&mut self, other: &Self) {
        let mut taken = other.clone();
        (taken.route, taken.at, taken.route_handler) = (self.route, self.at, self.route_handler);
        std::mem::swap(&mut taken.keys, &mut self.keys);
        std::mem::swap(&mut taken.tokens, &mut self.tokens);
        std::mem::swap(&mut taken.own_steps, &mut self.own_steps);
        *self = taken;
    }
}
