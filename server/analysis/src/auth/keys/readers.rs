//! Calls that look a variable of the environment up.

use super::super::code::{Scope, module_variable};
use crate::facts::python::tree::{Arg, Expr, ExprKind, keyword, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::Value;

/// A look-up of a variable of the environment.
pub(in crate::auth) struct LookUp<'e> {
    /// What names the variable.
    pub(in crate::auth) variable: Option<&'e Expr>,
    /// What stands in where nothing sets it.
    pub(in crate::auth) default: Option<&'e Expr>,
    /// Whether it gives `None` where nothing sets the variable and nothing stands in, and does not refuse to go on.
    pub(in crate::auth) gives_none: bool,
}

/// The look-up that a call is: of the standard library, python-decouple 3, Starlette (`Config`), environs 14 and
/// django-environ 0.12 (`Env`), or in what python-dotenv 1 has read (`dotenv_values`).
pub(in crate::auth) fn look_up<'e>(
    interpreter: &Interpreter<'_>,
    scope: Scope<'_>,
    func: &Expr,
    args: &'e [Arg],
) -> Option<LookUp<'e>> {
    let default_at = |position: usize, gives_none: bool| {
        let default = keyword(args, "default").or_else(|| positional(args, position));
        Some(LookUp { variable: positional(args, 0), default, gives_none })
    };
    match scope.eval(interpreter, func) {
        Value::Package(path) => match path.as_str() {
            "os.getenv" | "os.environ.get" => return default_at(1, true),
            "decouple.config" => return default_at(1, false),
            path if is_env(path.rsplit_once('.').map_or("", |(class, _)| class)) => return default_at(1, false),
            _ => {}
        },
        Value::Instance(instance) => match &instance.class {
            Value::Package(path) if matches!(path.as_str(), "starlette.config.Config" | "environ.Env") => {
                return default_at(2, false);
            }
            Value::Package(path) if matches!(path.as_str(), "environs.Env" | "decouple.Config") => {
                return default_at(1, false);
            }
            _ => {}
        },
        _ => {}
    }
    let ExprKind::Attribute { value, name } = &func.kind else { return None };
    (name.name == "get" && holds_environment(interpreter, scope, value, 0)).then(|| default_at(1, true))?
}

/// Whether a class reads the environment by methods that are called after what they make of it: `env.str("KEY")`.
fn is_env(class: &str) -> bool {
    matches!(class, "environs.Env" | "environ.Env")
}

/// Whether a dictionary holds the variables of the environment: `dotenv_values()`, `{**dotenv_values(), **os.environ}`.
fn holds_environment(interpreter: &Interpreter<'_>, scope: Scope<'_>, expr: &Expr, depth: u32) -> bool {
    if depth > 2 {
        return false;
    }
    let is_one = |value: &Value| match value {
        Value::Package(path) => path == "os.environ",
        Value::Instance(instance) => {
            matches!(&instance.class, Value::Package(path) if path.ends_with("dotenv_values") && path.starts_with("dotenv."))
        }
        _ => false,
    };
    match &expr.kind {
        ExprKind::Dict(entries) => entries
            .iter()
            .any(|(key, spread)| key.is_none() && holds_environment(interpreter, scope, spread, depth + 1)),
        _ if is_one(&scope.eval(interpreter, expr)) => true,
        ExprKind::Name(name) => {
            let Some(held) = module_variable(interpreter, scope.file(), name) else { return false };
            let scope = Scope::Module(held.file, held.item);
            matches!(held.value.kind, ExprKind::Dict(_)) && holds_environment(interpreter, scope, held.value, depth + 1)
        }
        _ => false,
    }
}
