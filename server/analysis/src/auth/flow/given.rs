//! Credentials that are there for certain: a security scheme of FastAPI that
//! refuses requests without one hands over no `None`.

use smol_str::SmolStr;

use super::super::sources::is_scheme;
use super::{Flow, Path};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, ParamKind, Spread};
use crate::index::value::{FunctionRef, Instance, Value};

/// What is known of a variable that holds a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Given {
    /// It is no `None`, but it may be empty: the token behind a bare `Bearer`.
    Present,
    /// It is a text with something in it.
    Filled,
    /// An object: `HTTPAuthorizationCredentials`, whose texts have something in them.
    Object,
    /// An object whose texts may be empty: `HTTPBasicCredentials`.
    Basic,
}

impl Flow<'_, '_> {
    /// What is certain of the credential that FastAPI gives a parameter.
    pub(super) fn given(&self, function: &FunctionRef, param: &Param) -> Option<Given> {
        match self.asked_for(function, param) {
            Some(Value::Instance(scheme)) => hands_over(&scheme),
            _ => None,
        }
    }

    /// The dependency that a parameter names.
    pub(super) fn asked_for(&self, function: &FunctionRef, param: &Param) -> Option<Value> {
        let signature = |expr: &Expr| self.judge.resolve.eval_signature(function, expr);
        let depends = match param.default.as_ref().map(signature) {
            Some(Value::Depends(depends)) => depends,
            _ => match param.annotation.as_ref().map(signature) {
                Some(Value::Annotated(annotated)) => {
                    annotated.metadata.iter().rev().find_map(|marker| match marker {
                        Value::Depends(depends) => Some(depends.clone()),
                        _ => None,
                    })?
                }
                _ => return None,
            },
        };
        depends.dependency.clone()
    }
}

impl Path {
    /// What is certain of an expression: of a variable, or of a text of the credentials in it.
    pub(super) fn certain(&self, expr: &Expr) -> Option<Given> {
        let of = |name: &SmolStr| self.given.iter().find(|(given, _)| given == name).map(|(_, given)| *given);
        match &expr.kind {
            ExprKind::Name(name) => of(name),
            ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "credentials" | "scheme") => {
                (of(value.as_name()?)? == Given::Object).then_some(Given::Filled)
            }
            _ => None,
        }
    }

    /// Hands what is certain of arguments to the parameters of the function that is called with them.
    pub(super) fn hand_certain(&self, entry: &mut Path, function: &FunctionRef, args: &[Arg]) {
        let skipped = usize::from(function.takes_receiver());
        let params = || function.def.params.iter().skip(skipped);
        for (at, arg) in args.iter().enumerate().take_while(|(_, arg)| arg.spread == Spread::No) {
            let Some(given) = self.certain(&arg.value) else { continue };
            let param = match &arg.name {
                Some(name) => params().find(|param| param.name.name == name.name),
                None => params().nth(at).filter(|param| param.kind != ParamKind::VarArgs),
            };
            entry.given.extend(param.map(|param| (param.name.name.clone(), given)));
        }
    }

    /// Whether a value is no `None`.
    pub(super) fn is_there(&self, expr: &Expr) -> bool {
        self.certain(expr).is_some()
    }

    /// Whether a value is true in a condition.
    pub(super) fn is_filled(&self, expr: &Expr) -> bool {
        self.certain(expr).is_some_and(|given| given != Given::Present)
    }
}

/// What a scheme hands over that turns others away (FastAPI 0.165); `None` for
/// one that may give `None`.
fn hands_over(scheme: &Instance) -> Option<Given> {
    let Value::Package(path) = &scheme.class else { return None };
    if !is_scheme(path) || scheme.args.open_ended {
        return None;
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    // Only schemes of OAuth 2 take it without its name, as the last or last but one.
    let positional = name.starts_with("OAuth2") && scheme.args.positional.len() > 3;
    if positional || !matches!(scheme.args.get("auto_error", None), None | Some(Value::Bool(true))) {
        return None;
    }
    Some(match name {
        "HTTPBearer" | "HTTPDigest" => Given::Object,
        "HTTPBasic" => Given::Basic,
        "OAuth2PasswordBearer" | "OAuth2AuthorizationCodeBearer" => Given::Present,
        _ => Given::Filled,
    })
}
