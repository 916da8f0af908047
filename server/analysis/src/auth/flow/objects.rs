//! What objects of the project hold, where only their class is known.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::sinks::is_of_provider;
use super::holding::is_request;
use super::{Abs, Flow, Path};
use crate::facts::python::idioms::{assigned_to_self, callees, returned, without_none};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Function, StmtKind};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Value};

impl Flow<'_, '_> {
    /// What a call of a class of the project makes of what it is given. Where its initialiser verifies a credential, and
    /// raises otherwise, that is somebody who was verified.
    pub(super) fn made(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        class: &Arc<ClassRef>,
        args: &[Arg],
        values: Vec<Abs>,
    ) -> Abs {
        let made = Abs::Object(Box::new(Value::Class(Arc::clone(class))));
        let given = values.iter().filter(|value| **value != Abs::Other).cloned();
        match given.fold(made.clone(), Abs::join) {
            Abs::Request(part) if part.is_empty() && self.class_holds_request(class) => made,
            Abs::Credential => match self.judge.resolve.method(class, "__init__") {
                Some(init) if self.verifies_at_once(path, expr, &init, made, args, values) => {
                    Abs::Verified { checked: true }
                }
                _ => Abs::Credential,
            },
            joined => joined,
        }
    }

    /// Whether the initialiser of an object verifies the credential that it is given, on all of its ways.
    fn verifies_at_once(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        init: &FunctionRef,
        object: Abs,
        args: &[Arg],
        values: Vec<Abs>,
    ) -> bool {
        let init = self.judge.resolve.current(init);
        if callees(&init.def.body).next().is_none() {
            return false;
        }
        let mut made = Path { verified: false, ..path.clone() };
        self.follow(&mut made, expr, &init, Some(object), args, values);
        if made.verified {
            *path = made;
            return true;
        }
        path.unknown = path.unknown.take().or(made.unknown);
        false
    }

    /// The class, or the object that a module or class makes, that a class has under a name for all of its objects:
    /// `token_class = AccessToken`.
    pub(super) fn of_class(&self, class: &Arc<ClassRef>, object: &Expr, attribute: &Expr) -> Option<Abs> {
        let known = [(object.as_name()?.clone(), Value::Class(Arc::clone(class)))];
        let value = self.judge.resolve.eval_knowing(self.function(), attribute, &known);
        let is_of_project = match &value {
            Value::Class(_) => true,
            Value::Instance(instance) => matches!(instance.class, Value::Class(_)),
            _ => false,
        };
        is_of_project.then(|| Abs::Object(Box::new(value)))
    }

    /// The object of a class of the project that a function makes and returns, or
    /// else one of the class that it says it returns: what it makes it of may say
    /// more than an interface does.
    pub(super) fn result(&self, function: &FunctionRef) -> Abs {
        let function = &self.judge.resolve.current(function);
        if let Some(client) = kept_client(self.judge.resolve, function) {
            return Abs::Object(Box::new(client));
        }
        let returned = only_returned(&function.def);
        if let Some(name) = returned.and_then(|value| self.asked_of_application(function, value))
            && let kept @ Abs::Object(_) = self.kept_on_state(name)
        {
            return kept;
        }
        let made = returned.map(|value| self.judge.resolve.eval(function, value));
        if let Some(Value::Instance(instance)) = &made
            && (is_client(&instance.class)
                || matches!(instance.class, Value::Class(_)) && returned.is_some_and(|value| value.as_call().is_some()))
        {
            return Abs::Object(Box::new(Value::Instance(Arc::clone(instance))));
        }
        let returns = function.def.returns.as_ref();
        match returns.map(|returns| self.judge.resolve.eval_type(function, without_none(returns))) {
            Some(class @ Value::Class(_)) => Abs::Object(Box::new(class)),
            Some(class) if is_client(&class) => Abs::Object(Box::new(class)),
            _ => Abs::Other,
        }
    }

    /// What an attribute of an object holds that `__init__` fills.
    pub(super) fn held(&self, class: &Arc<ClassRef>, name: &SmolStr) -> Abs {
        let resolve = self.judge.resolve;
        let init = resolve.method(class, "__init__").map(|init| resolve.current(&init));
        if let Some(init) = &init
            && let Some(filled) = filled(&init.def, name).and_then(Expr::as_name)
            && let Some(param) = init.def.params.iter().find(|param| &param.name.name == filled)
            && self.takes_credential(init, param)
        {
            return Abs::Credential;
        }
        let held = match init {
            Some(init) => class_held(resolve, class, name).or_else(|| class_handed_over(resolve, class, &init, name)),
            None => resolve.record_fields(class).into_iter().find(|(field, _)| field == name).map(|(_, ty)| ty),
        };
        match held.or_else(|| client_filled(resolve, class, name)) {
            Some(Value::Package(path)) if is_request(&path) => Abs::Request(SmolStr::default()),
            Some(held @ (Value::Class(_) | Value::Package(_))) => Abs::Object(Box::new(held)),
            _ => Abs::Other,
        }
    }
}

/// Whether a class is of the package of an identity provider, whose objects tell good credentials from bad ones.
pub(super) fn is_client(class: &Value) -> bool {
    matches!(class, Value::Package(path) if is_of_provider(path))
}

/// The class of what an attribute of an object holds that `__init__` fills with an
/// object it makes, or with a parameter of which the annotation says the class.
pub(in crate::auth) fn class_held(resolve: &dyn Resolve, class: &ClassRef, name: &str) -> Option<Value> {
    let init = resolve.current(&*resolve.method(class, "__init__")?);
    let given = class_given(resolve, &init, filled(&init.def, name)?)?;
    matches!(given, Value::Class(_) | Value::Package(_)).then_some(given)
}

/// The class of what an attribute holds that `__init__` fills with a parameter of which nothing is said, where the functions
/// of the class's module hand over things of one class.
fn class_handed_over(resolve: &dyn Resolve, class: &ClassRef, init: &FunctionRef, name: &str) -> Option<Value> {
    let param = filled(&init.def, name)?.as_name()?;
    let at = init.def.params.iter().position(|own| &own.name.name == param)?;
    let given = resolve.handed_over(class, param, at.checked_sub(1)?);
    let mut classes = given.iter().map(|(maker, value)| class_of_part(resolve, maker, value));
    let first = classes.next()??;
    let is_same = |class: Option<Value>| match (class, &first) {
        (Some(Value::Package(one)), Value::Package(other)) => one == *other,
        (Some(Value::Class(one)), Value::Class(other)) => one.site == other.site,
        _ => false,
    };
    classes.all(is_same).then_some(first)
}

/// The class of what an expression of a method makes or is given, or of a part of what an attribute of its object holds.
fn class_of_part(resolve: &dyn Resolve, function: &FunctionRef, value: &Expr) -> Option<Value> {
    let ExprKind::Attribute { value: whole, name } = &value.kind else {
        return class_given(resolve, function, value);
    };
    let own = function.def.params.first().map(|own| &own.name.name);
    match (&function.class, whole.as_name()) {
        (Some(class), Some(object)) if own == Some(object) => class_held(resolve, class, &name.name),
        _ => part_of(class_of_part(resolve, function, whole)?, &name.name),
    }
}

/// The part of that name of what a package makes.
fn part_of(whole: Value, name: &str) -> Option<Value> {
    match whole {
        Value::Package(path) => Some(Value::Package(SmolStr::new(format!("{path}.{name}")))),
        _ => None,
    }
}

/// The class of what an initialiser's expression makes or is given.
fn class_given(resolve: &dyn Resolve, init: &FunctionRef, value: &Expr) -> Option<Value> {
    if let Some((func, _)) = value.as_call() {
        return Some(resolve.eval(init, func));
    }
    if let ExprKind::Attribute { value: whole, name } = &value.kind {
        return part_of(class_given(resolve, init, whole)?, &name.name);
    }
    let name = value.as_name()?;
    let param = init.def.params.iter().find(|param| &param.name.name == name)?;
    match resolve.eval_type(init, without_none(param.annotation.as_ref()?)) {
        Value::Annotated(annotated) => Some(annotated.ty.clone()),
        // It may be anything.
        Value::Package(path) if matches!(path.as_str(), "typing.Any" | "typing_extensions.Any" | "builtins.object") => {
            None
        }
        class => Some(class),
    }
}

/// The client of an identity provider that a method gives, which a class or object keeps once it was made: `return
/// cls._client`.
pub(super) fn kept_client(resolve: &dyn Resolve, method: &FunctionRef) -> Option<Value> {
    let class = method.class.as_ref().filter(|_| method.takes_receiver())?;
    let receiver = &method.def.params.first()?.name.name;
    let mut given = returned(&method.def.body).into_iter().map(|value| match &value.kind {
        ExprKind::Attribute { value, name } if value.as_name() == Some(receiver) => Some(&name.name),
        _ => None,
    });
    let kept = given.next()??;
    given.all(|other| other == Some(kept)).then(|| client_filled(resolve, class, kept))?
}

/// The client of an identity provider with which methods of a class fill an attribute that is empty at first, whichever does
/// so first: `if cls._client is None: cls._client = create_client(url, key)`.
fn client_filled(resolve: &dyn Resolve, class: &ClassRef, name: &str) -> Option<Value> {
    let is_none = |value: &Expr| matches!(value.kind, ExprKind::None);
    let init = || Some(resolve.current(&*resolve.method(class, "__init__")?));
    let is_empty_at_first =
        emptied(class, name) || init().is_some_and(|init| filled(&init.def, name).is_some_and(is_none));
    if !is_empty_at_first {
        return None;
    }
    resolve.count_outline(class.site);
    let mut made: Option<Value> = None;
    for stmt in &class.def.body {
        let StmtKind::Function(def) = &stmt.kind else { continue };
        let Some(method) = resolve.method(class, &def.name.name).map(|method| resolve.current(&method)) else {
            continue;
        };
        for value in assigned_to_self(&method.def, name).into_iter().filter(|value| !is_none(value)) {
            let value = if let ExprKind::Await(inner) = &value.kind { inner } else { value };
            let client = value.as_call().map(|(func, _)| resolve.eval(&method, func)).filter(is_client)?;
            // Most services of Amazon know no users.
            if matches!(&client, Value::Package(path) if path.starts_with("boto3.")) {
                return None;
            }
            made.get_or_insert(client);
        }
    }
    made
}

/// Whether the body of a class leaves an attribute empty: `_client: Client | None = None`.
fn emptied(class: &ClassRef, name: &str) -> bool {
    class.def.body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Assign(assign) => {
            let is_none = assign.value.as_ref().is_none_or(|value| matches!(value.kind, ExprKind::None));
            is_none && assign.targets.iter().any(|target| target.as_name().is_some_and(|target| target == name))
        }
        _ => false,
    })
}

/// What an initialiser assigns to an attribute of its object.
fn filled<'f>(init: &'f Function, attribute: &str) -> Option<&'f Expr> {
    let own = &init.params.first()?.name.name;
    init.body.iter().find_map(|stmt| {
        let StmtKind::Assign(assign) = &stmt.kind else { return None };
        let is_it = |target: &Expr| {
            matches!(&target.kind, ExprKind::Attribute { value, name }
                if name.name == attribute && value.as_name() == Some(own))
        };
        assign.targets.iter().any(is_it).then_some(assign.value.as_ref()).flatten()
    })
}

/// What a function returns, if it does so at the end of its body only.
pub(super) fn only_returned(def: &Function) -> Option<&Expr> {
    let mut returned = def.body.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Return(value) => value.as_ref(),
        _ => None,
    });
    let simple = def.body.iter().all(|stmt| stmt.blocks().is_empty());
    returned.next().filter(|_| simple)
}
