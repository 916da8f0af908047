//! What runs after the answer, `background_tasks.add_task(work, db, note_id)`, and what a language model may run before it.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::Given;
use super::engine::{Engine, Exit};
use super::value::{Abs, Known, Made, Path};
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// Steps for all that runs after one route.
const MAX_STEPS: u32 = 2_000;
/// Steps for one tool of a language model.
const MAX_TOOL_STEPS: u32 = 1_500;
/// Ends of a handler whose tasks are looked at.
const MAX_ENDS: usize = 6;

/// A task that waits for the handler's end.
#[derive(Debug, Clone)]
pub(super) struct Later {
    callee: Callee,
    given: Vec<Given>,
    /// The call that puts it there, and those around it.
    site: Site,
    stack: Vec<FunctionRef>,
    calls: Vec<Site>,
}

#[derive(Debug, Clone)]
enum Callee {
    Value(Abs, Expr),
    Method(Arc<FunctionRef>, Abs),
    /// What a language model may call.
    Tool(Abs),
}

/// Two are the same that were put there by the same call.
impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        let is_same_tool = match (&self.callee, &other.callee) {
            (Callee::Tool(one), Callee::Tool(other)) => one == other,
            _ => true,
        };
        self.site == other.site && self.calls == other.calls && is_same_tool
    }
}

impl Engine<'_, '_> {
    /// `add_task(function, …)`: what is not known to be the project's is left alone.
    pub(super) fn add_task(&mut self, path: &mut Path, expr: &Expr, given: &[Given]) {
        let Some((first, rest)) = given.split_first() else { return };
        let callee = match &first.value {
            value @ (Abs::Local(_) | Abs::Known(Known(Value::Function(_) | Value::Bound(_)))) => {
                Callee::Value(value.clone(), expr.clone())
            }
            _ => match self.method_of(path, expr) {
                Some((method, receiver)) => Callee::Method(method, receiver),
                None => return,
            },
        };
        let site = self.site(expr);
        self.leave_for_later(path, callee, rest.to_vec(), site);
    }

    /// A tool that a model may call when it pleases.
    pub(super) fn add_tool(&mut self, path: &mut Path, tool: Abs) {
        self.leave_for_later(path, Callee::Tool(tool), Vec::new(), self.at);
    }

    fn leave_for_later(&mut self, path: &mut Path, callee: Callee, given: Vec<Given>, site: Site) {
        let task = Later { callee, given, site, stack: self.stack.clone(), calls: self.calls.clone() };
        if !path.later.contains(&task) {
            path.later.push(task);
        }
    }

    /// The method of an object that a call is given first: `add_task(service.work, …)`.
    fn method_of(&mut self, path: &mut Path, call: &Expr) -> Option<(Arc<FunctionRef>, Abs)> {
        let (_, args) = call.as_call()?;
        let ExprKind::Attribute { value, name } = &args.first()?.value.kind else { return None };
        let receiver = self.eval(path, value);
        let Abs::Object(id) = &receiver else { return None };
        let Some(Made::Instance(class)) = path.objects.get(id).map(|object| object.made.clone()) else { return None };
        Some((self.interpreter.method(&class, &name.name)?, receiver))
    }

    /// Runs what the ends of a handler have left to do, each with what was known at that end.
    pub(super) fn run_later(&mut self, ends: Vec<Exit>) {
        let ends = ends.into_iter().filter(|(path, _)| !path.later.is_empty() && !path.dead);
        let ends: Vec<Exit> = ends.take(MAX_ENDS).collect();
        if ends.is_empty() || self.budget == 0 {
            return;
        }
        self.budget = MAX_STEPS;
        self.in_later = true;
        let mut tried: Vec<Later> = Vec::new();
        for (mut path, returned) in ends {
            for task in std::mem::take(&mut path.later).iter() {
                if let Callee::Tool(_) = task.callee {
                    self.try_tool(&path, task, &mut tried);
                    continue;
                }
                for (after, _) in self.run_task(path.clone(), task) {
                    self.judge_exit(&after, &returned);
                }
            }
        }
        self.in_later = false;
    }

    /// Runs a tool once, with steps of its own. What it gives the model tells the caller.
    fn try_tool(&mut self, path: &Path, tool: &Later, tried: &mut Vec<Later>) {
        if tried.contains(tool) {
            return;
        }
        tried.push(tool.clone());
        let left = std::mem::replace(&mut self.budget, MAX_TOOL_STEPS);
        for (after, given) in self.run_task(path.clone(), tool) {
            self.judge_exit(&after, &given);
        }
        self.budget = left;
    }

    fn run_task(&mut self, path: Path, task: &Later) -> Vec<Exit> {
        let stack = std::mem::replace(&mut self.stack, task.stack.clone());
        let calls = std::mem::replace(&mut self.calls, task.calls.clone());
        let given = task.given.clone();
        let exits = match &task.callee {
            Callee::Value(callee, expr) => self.apply(path, expr, callee.clone(), "add_task", given),
            Callee::Tool(tool) => self.call_tool(path, task.site, tool),
            Callee::Method(method, receiver) => {
                self.follow_from(path, task.site, method, Some(receiver.clone()), given)
            }
        };
        self.stack = stack;
        self.calls = calls;
        exits
    }
}

/// Whether something of a package holds tasks for after the answer.
pub(super) fn holds_tasks(package: &str) -> bool {
    let of_framework = package.starts_with("fastapi.") || package.starts_with("starlette.");
    of_framework && package.ends_with(".BackgroundTasks")
}

/// Whether something of a package is such a task: `JSONResponse(…, background=BackgroundTask(work, note_id))`.
pub(super) fn is_task(package: &str) -> bool {
    package == "starlette.background.BackgroundTask" || package == "fastapi.background.BackgroundTask"
}

/// The package's value for something that holds such tasks.
pub(super) fn tasks(package: &SmolStr) -> Abs {
    Abs::Known(Known(Value::Package(package.clone())))
}
