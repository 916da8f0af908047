//! Tools for language models: functions that are told by their caller whose data they work on.

use std::sync::Arc;

use super::calls::{Given, Spread};
use super::engine::{Caller, Engine, Exit};
use super::models::last_name;
use super::tables::is_callable;
use super::value::{Abs, Known, Path, Place, Vars};
use super::{Access, Fault, Table, Use};
use crate::facts::python::tree::{Expr, Param, ParamKind};
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// What the execution of one tool found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolData {
    /// Rows that may be anybody's, read or changed.
    pub faults: Vec<Access>,
    /// Rows of whom the tool is told to work for.
    pub scoped: Vec<(Table, Use)>,
}

/// What a tool does with owned data, where a parameter is believed to name whose that is to be.
/// Nothing is said of one that another decorator may have looked at.
pub fn judge_tool(interpreter: &Interpreter<'_>, function: &FunctionRef, identity: &str) -> ToolData {
    // One that has it from a header is told by no parameter.
    let is_told = function.def.params.iter().any(|param| param.name.name == identity);
    if !is_told || function.def.decorators.len() > 1 || function.class.is_some() {
        return ToolData::default();
    }
    let route = Route::detached(function);
    let mut engine = Engine::new(interpreter, &route, true);
    engine.principal = identity.into();
    engine.caller = Caller::User;
    engine.begin_handler();
    let mut path = Path::default();
    let mut vars = Vars::default();
    for param in &function.def.params {
        let value = match param.name.name.as_str() {
            name if name == identity => Abs::Principal(name.into()),
            _ => engine.argument_of_tool(&mut path, function, param),
        };
        vars.insert(param.name.name.clone(), value);
    }
    let ends = engine.run(path, function.clone(), vars, route.registration);
    ends.iter().for_each(|(path, value)| engine.judge_exit(path, value));
    engine.settle_hints();
    let mut data = engine.data;
    let counts = |access: &Access| {
        matches!(access.fault, Fault::Unchecked | Fault::Unscoped)
            && access.table.hangs_on.is_empty()
            && !access.is_look()
    };
    data.faults.retain(counts);
    data.faults.sort_by_key(|access| (access.site, access.fault, access.entry));
    data.scoped.sort_unstable();
    data.scoped.dedup();
    ToolData { faults: data.faults, scoped: data.scoped }
}

/// Decorators that make a tool of a function: OpenAI's agents, LangChain, LiveKit.
const DECORATORS: &[&str] = &[
    "agents.function_tool",
    "agents.tool.function_tool",
    "langchain.tools.tool",
    "langchain_core.tools.tool",
    "livekit.agents.function_tool",
];
/// What makes a tool of a function that it is given: LangChain, LlamaIndex, the ADK of Google.
const MAKERS: &[&str] = &[
    "google.adk.tools.FunctionTool",
    "langchain.agents.Tool",
    "langchain.tools.StructuredTool.from_function",
    "langchain.tools.Tool",
    "langchain_core.tools.StructuredTool.from_function",
    "langchain_core.tools.Tool",
    "llama_index.core.tools.FunctionTool.from_defaults",
];
/// Tools of one call that are looked at.
const MAX_TOOLS: usize = 12;

impl Engine<'_, '_> {
    /// Whether a decorator makes a tool of a function.
    pub(super) fn makes_tool(&self, outer: &FunctionRef, decorator: &Expr) -> bool {
        let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
        matches!(self.interpreter.eval(outer, callee), Value::Package(package) if DECORATORS.contains(&package.as_str()))
    }

    /// A package is given tools: `Agent(tools=[complete])`. A language model calls them while the handler runs.
    pub(super) fn offer_tools(&mut self, path: &mut Path, given: &[Given]) {
        if self.in_dependency {
            return;
        }
        let mut tools: Vec<Abs> = Vec::new();
        for one in given {
            let is_list = one.name.as_ref().is_some_and(|name| name == "tools");
            match &one.value {
                Abs::Items(items) => tools.extend(items.iter().filter(|tool| is_offered(tool, is_list)).cloned()),
                tool if is_offered(tool, false) => tools.push(tool.clone()),
                _ => {}
            }
        }
        for tool in tools.into_iter().take(MAX_TOOLS) {
            self.add_tool(path, tool);
        }
    }

    /// Calls a tool with what a model chooses. One that is told for whom it works is left alone: what it is told is
    /// written into the model's instructions, which nobody sees here.
    pub(super) fn call_tool(&mut self, mut path: Path, site: Site, tool: &Abs) -> Vec<Exit> {
        let function = match tool {
            Abs::Local(closure) => closure.function().clone(),
            Abs::Known(Known(Value::Function(function))) => FunctionRef::clone(function),
            _ => return Vec::new(),
        };
        let of_object = matches!(tool, Abs::Local(closure) if closure.is_of_object());
        let params = &function.def.params[usize::from(of_object).min(function.def.params.len())..];
        if params.iter().any(|param| self.is_self_name(&param.name.name)) {
            return Vec::new();
        }
        let mut given = Vec::with_capacity(params.len());
        for param in params {
            let value = self.argument_of_tool(&mut path, &function, param);
            given.push(Given { name: Some(param.name.name.clone()), spread: Spread::No, value });
        }
        match tool {
            Abs::Local(closure) => self.call_closure(path, site, closure, given),
            _ => self.follow_from(path, site, &Arc::new(function), None, given),
        }
    }

    /// What a model chooses, or what the server of the tools adds.
    fn argument_of_tool(&mut self, path: &mut Path, function: &FunctionRef, param: &Param) -> Abs {
        if matches!(param.kind, ParamKind::VarArgs | ParamKind::KwArgs) {
            return Abs::Unknown;
        }
        let is_added = param
            .annotation
            .as_ref()
            .is_some_and(|ty| matches!(last_name(ty), Some("Context" | "RunContextWrapper" | "ToolContext")));
        if is_added || self.is_database(function, param) {
            return Abs::Unknown;
        }
        match param.annotation.as_ref().map(|ty| self.interpreter.eval_signature(function, ty)) {
            Some(Value::Class(class)) if !self.is_enum(&class) => self.supplied(path, function, param),
            _ => self.client(Place::Argument, &param.name.name, Site { range: param.range, ..function.site }),
        }
    }
}

/// Whether a value is a tool: any function in a list that is called so, elsewhere only what was made one.
fn is_offered(value: &Abs, is_list: bool) -> bool {
    match value {
        Abs::Local(closure) => is_list || closure.is_tool,
        Abs::Known(Known(Value::Function(_))) => is_list,
        _ => false,
    }
}

/// The function that a call of a package makes a tool of: `function_tool(complete)`, `Tool(name="find", func=find)`.
pub(super) fn made_tool(package: &str, given: &[Given]) -> Option<Abs> {
    if !DECORATORS.contains(&package) && !MAKERS.contains(&package) {
        return None;
    }
    let is_named =
        |one: &&Given| one.name.as_ref().is_some_and(|name| matches!(name.as_str(), "func" | "fn" | "coroutine"));
    let function = given.iter().find(is_named).or_else(|| given.iter().find(|one| one.name.is_none()))?;
    is_callable(&function.value).then(|| function.value.clone())
}
