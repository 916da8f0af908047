//! Flags that an instance of a class of the project was made with: `Scheme(auto_error=False)`. They decide what it
//! does for as long as nothing but its initialiser assigns to them.

use smol_str::SmolStr;

use super::super::sources::is_scheme;
use super::{Abs, Flow, Path};
use crate::facts::python::idioms::calls;
use crate::facts::python::tree::{Expr, ExprKind, Function, keyword};
use crate::index::value::{ClassRef, Instance, Value};

impl Flow<'_, '_> {
    /// Whether a test is a flag of a known instance, and what that is.
    pub(super) fn kept_flag(&self, path: &Path, test: &Expr) -> Option<bool> {
        let ExprKind::Attribute { value, name } = &test.kind else { return None };
        let Some(Abs::Object(object)) = path.get(value.as_name()?) else { return None };
        let Value::Instance(instance) = &**object else { return None };
        let Value::Class(class) = &instance.class else { return None };
        let flag = match instance.attributes.get(&name.name) {
            Some(Value::Bool(flag)) => flag,
            Some(_) => return None,
            None => self.flag_of_scheme(class, instance, &name.name)?,
        };
        self.judge.resolve.stays(class, &name.name).then_some(flag)
    }

    /// `auto_error` of what continues one of FastAPI's schemes, which keeps what its initialiser is given (FastAPI 0.165).
    fn flag_of_scheme(&self, class: &ClassRef, instance: &Instance, name: &str) -> Option<bool> {
        let bases = self.judge.resolve.package_bases(class);
        if name != "auto_error" || !bases.iter().all(|base| is_scheme(base)) || bases.is_empty() {
            return None;
        }
        let flag = |value: Option<&Value>| match value {
            Some(Value::Bool(flag)) => Some(*flag),
            Some(_) => None,
            None => Some(true),
        };
        let given = &instance.args;
        if given.open_ended {
            return None;
        }
        let Some(init) = self.judge.resolve.method(class, "__init__") else {
            return flag(given.get(name, None));
        };
        let init = self.judge.resolve.current(&init);
        match handed_up(&init.def)? {
            Handed::Flag(handed) => Some(handed),
            Handed::Nothing => Some(true),
            Handed::Parameter(param) => {
                let at = init.def.params.iter().position(|own| own.name.name == param)?;
                let default = || match init.def.params[at].default.as_ref().map(|default| &default.kind) {
                    Some(ExprKind::Bool(flag)) => Some(*flag),
                    _ => None,
                };
                given.get(&param, at.checked_sub(1)).map_or_else(default, |value| flag(Some(value)))
            }
        }
    }
}

/// What an initialiser says of `auto_error` to the one that it continues.
enum Handed {
    Flag(bool),
    Parameter(SmolStr),
    Nothing,
}

fn handed_up(init: &Function) -> Option<Handed> {
    let args = calls(&init.body).into_iter().find_map(|(func, args)| match &func.kind {
        ExprKind::Attribute { name, .. } if name.name == "__init__" => Some(args),
        _ => None,
    })?;
    let Some(handed) = keyword(args, "auto_error") else {
        return args.iter().all(|arg| arg.name.is_some()).then_some(Handed::Nothing);
    };
    match &handed.kind {
        ExprKind::Bool(flag) => Some(Handed::Flag(*flag)),
        ExprKind::Name(name) => Some(Handed::Parameter(name.clone())),
        _ => None,
    }
}
