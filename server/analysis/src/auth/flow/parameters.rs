//! What a function's parameters hold when FastAPI calls it.

use smol_str::SmolStr;

use super::super::evidence::{Evidence, Step};
use super::super::sources::{
    Worth, is_bare_key, is_credential_parameter, is_scheme, jwt_auth_method, worth_of, worth_of_parameter,
};
use super::super::{Proof, Role};
use super::objects::is_client;
use super::{Abs, Flow, Path, root_name};
use crate::facts::python::idioms::calls;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, Spread};
use crate::index::value::{FunctionRef, Instance, Site, Value, is_from_container};

impl Flow<'_, '_> {
    /// The path on which FastAPI enters a dependency or handler.
    pub(super) fn entry(&mut self, function: &FunctionRef, role: Role) -> Path {
        let mut path = Path::default();
        for (index, param) in function.def.params.iter().enumerate() {
            let is_receiver = index == 0 && function.takes_receiver();
            let mut value = if is_receiver { self.receiver(function) } else { self.injected(function, param, role) };
            if value == Abs::Other && role == Role::Handler && self.is_checked_secret(function, &param.name.name) {
                value = Abs::Secret;
            }
            if value == Abs::Other
                && role == Role::Handler
                && self.is_handed_on_as_credential(function, &param.name.name)
            {
                value = Abs::Credential;
            }
            match &value {
                Abs::Credential => self.found.credential = true,
                Abs::Identity => self.found.identity = true,
                _ => {}
            }
            if matches!(value, Abs::Credential | Abs::Identity) {
                let site = Site { range: param.range, ..function.site };
                let what = if value == Abs::Credential { "a credential" } else { "an identity of the client's making" };
                let evidence = match value {
                    Abs::Credential => Evidence::Takes(param.name.name.clone()),
                    _ => Evidence::Tells,
                };
                let note = format!("`{}` is {what} from the request", param.name.name);
                self.found.steps.push(Step { site, evidence, note });
            }
            let given = (value == Abs::Credential).then(|| self.given(function, param)).flatten();
            path.set(&param.name.name, value.clone());
            self.find_left(&mut path, function, param);
            self.inject_settings(&mut path, param, &value);
            path.given.extend(given.map(|given| (param.name.name.clone(), given)));
        }
        path
    }

    /// Whether a parameter is a text of the client's that is compared with a hash.
    fn is_checked_secret(&self, function: &FunctionRef, name: &SmolStr) -> bool {
        let variable = Expr { range: function.site.range, kind: ExprKind::Name(name.clone()) };
        self.is_of_client(&variable) && self.is_compared_with_hash(function, &|expr| expr.as_name() == Some(name))
    }

    /// Whether a parameter is a text of the client's that a function of the project takes for a credential:
    /// `t: str = Query(…)` of a mailed link, which goes to `accept(token=t)`.
    fn is_handed_on_as_credential(&self, function: &FunctionRef, name: &SmolStr) -> bool {
        let variable = Expr { range: function.site.range, kind: ExprKind::Name(name.clone()) };
        let is_it = |arg: &Arg| arg.spread == Spread::No && arg.value.as_name() == Some(name);
        let is_taken = |(callee, args): &(&Expr, &[Arg])| {
            let Some(at) = args.iter().position(is_it) else { return false };
            let Some(called) = self.called(function, callee) else { return false };
            let params = &called.def.params;
            let param = match &args[at].name {
                Some(keyword) => params.iter().find(|param| param.name.name == keyword.name),
                None => params.get(at + usize::from(called.takes_receiver())),
            };
            param.is_some_and(|param| is_credential_parameter(&param.name.name) && !is_bare_key(&param.name.name))
        };
        self.is_of_client(&variable) && calls(&function.def.body).iter().any(is_taken)
    }

    /// The function of the project that an expression calls, a method perhaps of an object that is known.
    pub(super) fn called(&self, function: &FunctionRef, callee: &Expr) -> Option<FunctionRef> {
        match self.judge.resolve.eval(function, callee) {
            Value::Function(called) => Some(FunctionRef::clone(&called)),
            Value::Bound(bound) => Some(FunctionRef::clone(&bound.1)),
            _ => {
                // `Invitations(db).accept(t)`
                let ExprKind::Attribute { value, name } = &callee.kind else { return None };
                let (made, _) = value.as_call()?;
                let Value::Class(class) = self.judge.resolve.eval(function, made) else { return None };
                self.judge.resolve.method(&class, &name.name).map(|method| FunctionRef::clone(&method))
            }
        }
    }

    /// Whether an expression is a parameter that the client fills, or a part of one.
    pub(super) fn is_of_client(&self, expr: &Expr) -> bool {
        let (Some(name), [function]) = (root_name(expr), self.stack.as_slice()) else { return false };
        let Some(param) = function.def.params.iter().find(|param| &param.name.name == name) else { return false };
        let given = |expr: &Option<Expr>| expr.as_ref().map(|expr| self.judge.resolve.eval_signature(function, expr));
        let is_injected = |value: &Value| matches!(value, Value::Depends(_)) || is_from_container(value);
        match (given(&param.default), given(&param.annotation)) {
            (Some(Value::Depends(_)), _) => false,
            (_, Some(Value::Annotated(annotated))) => !annotated.metadata.iter().any(is_injected),
            // Objects that FastAPI makes.
            (_, Some(Value::Package(path))) => path.starts_with("builtins.") || path.starts_with("uuid."),
            (_, Some(Value::Class(_))) => true,
            (default, None) => default.is_none(),
            _ => false,
        }
    }

    fn receiver(&self, function: &FunctionRef) -> Abs {
        match &function.class {
            Some(class) => Abs::Object(Box::new(Value::Class(class.clone()))),
            None => Abs::Other,
        }
    }

    fn injected(&mut self, function: &FunctionRef, param: &Param, role: Role) -> Abs {
        let name = &param.name.name;
        let default = param.default.as_ref().map(|default| self.judge.resolve.eval_signature(function, default));
        let annotation =
            param.annotation.as_ref().map(|annotation| self.judge.resolve.eval_signature(function, annotation));
        if let Some(Value::Depends(depends)) = &default {
            let class = annotation.clone();
            return self.provided(depends.dependency.clone().or(class.clone()), class.as_ref(), role);
        }
        let (ty, metadata) = match annotation {
            Some(Value::Annotated(annotated)) => (Some(annotated.ty.clone()), annotated.metadata.clone()),
            other => (other, Vec::new()),
        };
        for marker in metadata.iter().rev() {
            match marker {
                Value::Depends(depends) => {
                    return self.provided(depends.dependency.clone().or(ty.clone()), ty.as_ref(), role);
                }
                Value::Instance(instance) => {
                    if let Some(value) = marked(instance, name, role) {
                        return value;
                    }
                }
                _ => {}
            }
            if is_from_container(marker) {
                return ty.map_or(Abs::Other, |ty| Abs::Object(Box::new(ty)));
            }
        }
        if let Some(Value::Instance(instance)) = &default
            && let Some(value) = marked(instance, name, role)
        {
            return value;
        }
        match &ty {
            Some(Value::Package(path)) => match path.rsplit('.').next() {
                Some("Request" | "WebSocket" | "HTTPConnection") => return Abs::Request(SmolStr::default()),
                Some("Response" | "SecurityScopes") => return Abs::Other,
                // What runs when the answer is sent turns nobody away, whatever it is given.
                Some("BackgroundTasks") => return Abs::Object(Box::new(Value::Package(path.clone()))),
                _ => {}
            },
            Some(Value::Class(class)) => return Abs::Object(Box::new(Value::Class(class.clone()))),
            _ => {}
        }
        plain(name, role)
    }

    /// What a sub-dependency hands over. One that is no authentication gives an
    /// object of the class that the parameter is annotated with: a service or
    /// repository, whose methods can be followed.
    fn provided(&mut self, callable: Option<Value>, annotation: Option<&Value>, role: Role) -> Abs {
        let Some(callable) = callable else { return Abs::Other };
        if let Value::Instance(instance) = &callable
            && let Value::Package(path) = &instance.class
            && is_scheme(path)
        {
            return Abs::Credential;
        }
        let verdict = self.judge.dependency(&callable);
        match verdict.proof.clone() {
            Proof::Verifies => {
                // Where that one can be switched off, so can this one.
                self.found.bypass = self.found.bypass.or(verdict.bypass);
                Abs::Verified { checked: true }
            }
            Proof::Optional => {
                self.found.bypass = self.found.bypass.or(verdict.bypass);
                self.found.steps.extend(verdict.steps.iter().cloned());
                Abs::Verified { checked: false }
            }
            Proof::ExtractsOnly => Abs::Credential,
            Proof::TrustsClient => Abs::Identity,
            Proof::ChecksNothing => Abs::Constant,
            Proof::Unknown(reason) if role == Role::Dependency => Abs::Unknown(reason),
            Proof::Unknown(_) => Abs::Other,
            Proof::NotAuth => match (&callable, annotation) {
                (Value::Class(_), _) => Abs::Object(Box::new(callable)),
                (Value::Package(path), _) if jwt_auth_method(path).is_some() => Abs::Object(Box::new(callable)),
                (Value::Function(function), annotation) => match (self.result(function), annotation) {
                    (Abs::Object(made), Some(Value::Class(_))) if matches!(*made, Value::Instance(_)) => {
                        Abs::Object(made)
                    }
                    (_, Some(class @ Value::Class(_))) => Abs::Object(Box::new(class.clone())),
                    (Abs::Other, Some(class)) if is_client(class) => Abs::Object(Box::new(class.clone())),
                    (result, _) => result,
                },
                (_, Some(class @ Value::Class(_))) => Abs::Object(Box::new(class.clone())),
                _ => Abs::Other,
            },
        }
    }
}

/// A parameter marked with `Header()`, `Cookie()`, `Query()`, ….
fn marked(instance: &Instance, name: &str, role: Role) -> Option<Abs> {
    let Value::Package(path) = &instance.class else { return None };
    let alias = match instance.args.get("alias", None) {
        Some(Value::Str(alias)) => alias.as_str(),
        _ => name,
    };
    if !path.starts_with("fastapi") {
        return None;
    }
    match path.rsplit('.').next() {
        Some("Header") => Some(of_worth(worth_of(alias))),
        Some("Cookie") => Some(match worth_of(alias) {
            Worth::Data => Abs::Other,
            worth => of_worth(worth),
        }),
        // Whom the path names is the one that the route is about.
        Some("Path") => Some(match plain(alias, role) {
            Abs::Identity => Abs::Other,
            value => value,
        }),
        Some("Query" | "Body" | "Form" | "File") => Some(plain(alias, role)),
        _ => None,
    }
}

fn of_worth(worth: Worth) -> Abs {
    match worth {
        Worth::Credential => Abs::Credential,
        Worth::Identity => Abs::Identity,
        Worth::Data => Abs::Other,
    }
}

/// A path, query or body parameter. In a handler only a token can be a
/// credential: what else it is told there is data.
fn plain(name: &str, role: Role) -> Abs {
    match (worth_of_parameter(name), role) {
        (Worth::Credential, _) if is_bare_key(name) => Abs::Secret,
        (Worth::Credential, _) => Abs::Credential,
        (Worth::Identity, Role::Dependency) => Abs::Identity,
        _ => Abs::Other,
    }
}
