//! Tools for language models: functions that are told by their caller whose data they work on.

use super::engine::{Caller, Engine};
use super::models::last_name;
use super::value::{Abs, Path, Place, Vars};
use super::{Access, Fault, Table, Use};
use crate::facts::python::tree::{Param, ParamKind};
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{FunctionRef, Site, Value};

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

impl Engine<'_, '_> {
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
