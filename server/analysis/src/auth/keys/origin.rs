//! Where the values of keys stand: through variables, fields of settings,
//! attributes that `__init__` assigns, and the defaults of the environment.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::{self, Scope, bindings_of, is_settings, last_name};
use super::super::questioned::{asks_for, rejects, validates};
use super::given::given_class;
use super::readers::look_up;
use super::refusals::{never_refuses, passes};
use super::{Search, Source, What, fallbacks};
use crate::facts::python::idioms::without_none;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Function, Stmt, StmtKind, keyword, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Unknown, Value};
use crate::vfs::FileId;

/// Variables and attributes that a key is followed through.
const MAX_DEPTH: u32 = 12;

/// Where a value stands.
pub(super) struct Origin {
    pub(super) site: Site,
    pub(super) source: Source,
    pub(super) what: What,
    /// The text itself, where it is one.
    pub(super) text: Option<SmolStr>,
}

impl Search<'_, '_, '_> {
    /// Where the value of an expression stands in the code, if it does.
    pub(super) fn origin(&self, expr: &Expr, depth: u32) -> Option<Origin> {
        if depth > MAX_DEPTH {
            return None;
        }
        match &expr.kind {
            ExprKind::Str(text) => {
                let public = ["BEGIN PUBLIC KEY", "BEGIN CERTIFICATE", "BEGIN RSA PUBLIC KEY", "://"];
                let secret = !public.iter().any(|mark| text.contains(mark));
                let site = self.scope.site(expr.range);
                let what = if text.is_empty() { What::Empty } else { What::Text };
                secret.then_some(Origin { site, source: Source::Literal, what, text: Some(text.clone()) })
            }
            ExprKind::Bytes => {
                let site = self.scope.site(expr.range);
                Some(Origin { site, source: Source::Literal, what: What::Text, text: None })
            }
            ExprKind::None => {
                let site = self.scope.site(expr.range);
                Some(Origin { site, source: Source::Literal, what: What::Nothing, text: None })
            }
            ExprKind::Name(name) => self.variable(name, depth),
            ExprKind::Attribute { value, name } => match self.part(value, depth) {
                Some(part) => self.part_variable(&part, &name.name, depth + 1),
                None => match self.object(value, depth) {
                    Value::Module(file) => module_variable(self.interpreter, file, &name.name, depth + 1),
                    Value::Class(class) => class_variable(self.interpreter, &class, &name.name, depth + 1),
                    _ => None,
                },
            },
            ExprKind::BoolOp { and: false, values } => {
                first_of(&values.iter().map(|value| (*self, value)).collect::<Vec<_>>(), depth)
            }
            ExprKind::Call { func, args } => self.of_call(expr, func, args, depth),
            _ => None,
        }
    }

    /// The module or class that an expression is, or is an instance of:
    /// `settings = get_settings()`, `settings: Settings = Depends(…)`, `self`, `self.settings`.
    pub(super) fn object(&self, expr: &Expr, depth: u32) -> Value {
        let nothing = || Value::Unknown(Unknown::Local);
        if depth > MAX_DEPTH {
            return nothing();
        }
        if let Scope::Function(function) = self.scope {
            match &expr.kind {
                ExprKind::Name(name) => {
                    let params = &function.def.params;
                    if let Some(at) = params.iter().position(|param| param.name.name == *name) {
                        return match (&function.class, &params[at].annotation) {
                            (Some(class), None) if at == 0 => Value::Class(Arc::clone(class)),
                            (_, Some(annotation)) => self.declared(function, annotation),
                            _ => nothing(),
                        };
                    }
                    match bindings_of(&function.def.body, name).as_slice() {
                        [] => {}
                        [Some(value)] => return self.object(value, depth + 1),
                        _ => return nothing(),
                    }
                }
                ExprKind::Attribute { value, name } if value.as_name().is_some() => {
                    if let Value::Class(class) = self.object(value, depth + 1)
                        && let Some(init) = own_initialiser(self.interpreter, &class)
                        && let Some(value) = assigned_attribute(&init.def, &name.name)
                    {
                        return Search::new(self.interpreter, Scope::Function(&init)).object(value, depth + 1);
                    }
                }
                // `given or get_settings()`
                ExprKind::BoolOp { and: false, values } => {
                    let mut objects = values.iter().map(|value| self.object(value, depth + 1));
                    return objects.find(|value| matches!(value, Value::Class(_))).unwrap_or_else(nothing);
                }
                _ => {}
            }
        }
        match self.eval(expr) {
            Value::Instance(instance) => instance.class.clone(),
            other => other,
        }
    }

    /// The class that a parameter is declared to be an instance of.
    fn declared(&self, function: &FunctionRef, annotation: &Expr) -> Value {
        match self.interpreter.eval_signature(function, without_none(annotation)) {
            // `Annotated[Settings, Depends(get_settings)]`
            Value::Annotated(annotated) => annotated.ty.clone(),
            other => other,
        }
    }

    /// The value that a call makes of a text or of the environment.
    fn of_call(&self, call: &Expr, func: &Expr, args: &[Arg], depth: u32) -> Option<Origin> {
        if let Some(look_up) = look_up(self.interpreter, self.scope, func, args) {
            let variable = look_up.variable.and_then(|name| self.text(name)).unwrap_or_default();
            let Some(default) = look_up.default else {
                let site = self.scope.site(call.range);
                let is_none = look_up.gives_none && !variable.is_empty();
                let source = Source::Environment(variable);
                return is_none.then_some(Origin { site, source, what: What::Nothing, text: None });
            };
            let origin = self.origin(default, depth + 1)?;
            return Some(Origin { source: Source::Environment(variable), ..origin });
        }
        if let ExprKind::Attribute { value, name } = &func.kind
            && keeps_value(&name.name)
        {
            // `None` has no such methods: the application does not start.
            return self.origin(value, depth + 1).filter(|origin| origin.what != What::Nothing);
        }
        if let Value::Package(path) = self.eval(func) {
            let passed = match path.as_str() {
                "pydantic.Field" | "pydantic.fields.Field" => {
                    keyword(args, "default").or_else(|| positional(args, 0))?
                }
                "builtins.str" => {
                    let origin = self.origin(positional(args, 0)?, depth + 1)?;
                    let what = if origin.what == What::Nothing { What::NothingAsText } else { origin.what };
                    return Some(Origin { what, ..origin });
                }
                "pydantic.SecretStr" | "starlette.datastructures.Secret" | "builtins.bytes" => positional(args, 0)?,
                "typing.cast" => positional(args, 1)?,
                _ => return None,
            };
            return self.origin(passed, depth + 1);
        }
        if let Some(origin) = self.of_wrapper(func, args, depth) {
            return Some(origin);
        }
        None
    }

    /// Whether code asks whether a key is there: where it is used, or where it is read.
    pub(super) fn is_questioned(&self, argument: &Expr, origin: &Origin, counts: &dyn Fn(&Expr) -> bool) -> bool {
        // `key`, `settings.key`, `key.encode()`
        let value = argument.as_call().map_or(argument, |(func, _)| match &func.kind {
            ExprKind::Attribute { value, name } if keeps_value(&name.name) => value,
            _ => argument,
        });
        let mut names: Vec<SmolStr> = last_name(value).cloned().into_iter().collect();
        if let Source::Environment(name) | Source::Setting(name) = &origin.source {
            names.push(name.clone());
        }
        let own = self.scope.file();
        let asks = |file| asks_for(self.interpreter, file, &names, counts);
        asks(own) || (origin.site.file != own && asks(origin.site.file))
    }

    /// The variable of the environment that an expression reads, without a default.
    fn environment_variable(&self, expr: &Expr) -> Option<SmolStr> {
        let (func, args) = expr.as_call()?;
        let look_up = look_up(self.interpreter, self.scope, func, args).filter(|look_up| look_up.gives_none)?;
        look_up.variable.and_then(|name| self.text(name))
    }

    fn variable(&self, name: &SmolStr, depth: u32) -> Option<Origin> {
        if let Scope::Function(function) = self.scope {
            if let Some(param) = function.def.params.iter().find(|param| param.name.name == *name) {
                return self.handed_value(param, depth);
            }
            let bound = bindings_of(&function.def.body, name);
            match bound.as_slice() {
                [] => {}
                [Some(value)] => return self.origin(value, depth + 1),
                _ => {
                    let block = function.def.body.iter().map(|stmt| (*self, stmt));
                    return first_of(&fallbacks::of_variable(block, name)?, depth);
                }
            }
        }
        module_variable(self.interpreter, self.scope.file(), name, depth + 1)
    }
}

/// `os.getenv("KEY") or "…"`, `given or settings.key or "…"`: the last one, where nothing before it has a value.
pub(super) fn first_of(values: &[(Search<'_, '_, '_>, &Expr)], depth: u32) -> Option<Origin> {
    let ((at_last, last), first) = values.split_last()?;
    let mut unset = None;
    for (search, value) in first {
        if let Some(variable) = search.environment_variable(value) {
            unset = Some(Source::Environment(variable));
            break;
        }
        match search.origin(value, depth + 1) {
            Some(origin) if origin.what == What::Text => return Some(origin),
            Some(origin) => unset = Some(origin.source),
            None => {}
        }
    }
    let origin = at_last.origin(last, depth + 1).filter(|origin| origin.what != What::Nothing)?;
    // Where the last one is a look-up itself, that one has to be unset too.
    let source = if origin.source == Source::Literal { unset? } else { unset.and(Some(origin.source))? };
    Some(Origin { source, ..origin })
}

/// Whether a method of a key gives the same key in another form.
fn keeps_value(method: &str) -> bool {
    matches!(method, "encode" | "strip" | "get_secret_value")
}

/// The module or class that an expression is, or is an instance of.
pub(in crate::auth) fn object_of(interpreter: &Interpreter<'_>, scope: Scope<'_>, expr: &Expr) -> Value {
    Search::new(interpreter, scope).object(expr, 0)
}

/// Where a key is read that is `None` or empty where nothing sets it, what has to be set, and which of both it is;
/// none where something asks whether it is there. To compare it with something else is no question.
pub(in crate::auth) fn may_be_unset(
    interpreter: &Interpreter<'_>,
    scope: Scope<'_>,
    key: &Expr,
) -> Option<(Site, Source, What)> {
    let search = Search::new(interpreter, scope);
    let origin = search.origin(key, 0).filter(|origin| matches!(origin.what, What::Nothing | What::Empty))?;
    let asks = |test: &Expr| match &test.kind {
        ExprKind::Compare { rest, .. } => {
            !rest.iter().all(|(op, second)| op == "!=" && !matches!(second.kind, ExprKind::None))
        }
        ExprKind::Not(inner) => {
            let callee = inner.as_call().and_then(|(func, _)| last_name(func));
            callee.is_none_or(|callee| callee != "compare_digest")
        }
        _ => true,
    };
    if origin.source == Source::Literal || search.is_questioned(key, &origin, &asks) {
        return None;
    }
    interpreter.count_body(origin.site);
    Some((origin.site, origin.source, origin.what))
}

/// The value of a module's variable that nothing refuses to go on with.
fn module_variable(interpreter: &Interpreter<'_>, file: FileId, name: &SmolStr, depth: u32) -> Option<Origin> {
    if depth > MAX_DEPTH {
        return None;
    }
    let (file, name) = code::assigned_in(interpreter, file, name)?;
    let facts = interpreter.sources().facts(file)?;
    // Any item may assign to it, or ask about it, after an edit.
    interpreter.count_items(file);
    let at = |item| Search::new(interpreter, Scope::Module(file, item));
    let origin = match code::module_variable(interpreter, file, &name) {
        Some(variable) => at(variable.item).origin(variable.value, depth + 1)?,
        None => {
            let statements = facts.plain_statements().map(|(item, stmt)| (at(item), stmt));
            first_of(&fallbacks::of_variable(statements, &name)?, depth + 1)?
        }
    };
    let is_it = |expr: &Expr| expr.as_name() == Some(&name);
    let refused =
        facts.plain_statements().any(|(_, stmt)| rejects(stmt, &name) && !passes(stmt, &is_it, origin.text.as_deref()));
    (!refused).then_some(origin)
}

/// The value of a field of a class: its default, or what `__init__` assigns.
/// A class that validates itself may refuse the default.
pub(super) fn class_variable(
    interpreter: &Interpreter<'_>,
    class: &Arc<ClassRef>,
    name: &SmolStr,
    depth: u32,
) -> Option<Origin> {
    let classes = interpreter.linearised(class);
    classes.iter().for_each(|class| interpreter.count_body(class.site));
    let origin = field_value(interpreter, class, &classes, name, depth)?;
    let refuses = |class: &Arc<ClassRef>, stmt: &Stmt| {
        validates(stmt, name) && !never_refuses(&class.def.body, stmt, name, origin.text.as_deref())
    };
    let refused = classes.iter().any(|class| class.def.body.iter().any(|stmt| refuses(class, stmt)));
    (!refused).then_some(origin)
}

fn field_value(
    interpreter: &Interpreter<'_>,
    class: &Arc<ClassRef>,
    classes: &[Arc<ClassRef>],
    name: &SmolStr,
    depth: u32,
) -> Option<Origin> {
    let settings = is_settings(interpreter, class);
    for class in classes {
        if let Some(origin) = property_value(interpreter, class, name, depth) {
            return Some(origin);
        }
        let bound = bindings_of(&class.def.body, name);
        match bound.as_slice() {
            [] => {}
            [Some(value)] => {
                let origin = Search::new(interpreter, Scope::Class(class)).origin(value, depth + 1)?;
                let is_default = settings && origin.source == Source::Literal;
                let source = if is_default { Source::Setting(name.clone()) } else { origin.source };
                return Some(Origin { source, ..origin });
            }
            _ => return None,
        }
        if let Some(init) = own_initialiser(interpreter, class)
            && let Some(value) = assigned_attribute(&init.def, name)
        {
            return Search::new(interpreter, Scope::Function(&init)).origin(value, depth + 1);
        }
    }
    let inner = given_class(interpreter, class, depth).filter(|_| depth <= MAX_DEPTH)?;
    class_variable(interpreter, &inner, name, depth + 1)
}

/// What a property of that name gives, where it has one end.
fn property_value(interpreter: &Interpreter<'_>, class: &ClassRef, name: &SmolStr, depth: u32) -> Option<Origin> {
    let is_property = |stmt: &Stmt| match &stmt.kind {
        StmtKind::Function(def) if def.name.name == *name => {
            let mut decorators = def.decorators.iter().filter_map(last_name);
            decorators.any(|decorator| matches!(decorator.as_str(), "property" | "cached_property" | "computed_field"))
        }
        _ => false,
    };
    if depth > MAX_DEPTH || !class.def.body.iter().any(is_property) {
        return None;
    }
    let method = interpreter.method(class, name).filter(|method| method.site.item == class.site.item)?;
    let method = interpreter.current(&method);
    let mut returned = Vec::new();
    let mut pending: Vec<&Stmt> = method.def.body.iter().collect();
    while let Some(stmt) = pending.pop() {
        match &stmt.kind {
            StmtKind::Return(value) => returned.push(value.as_ref()),
            // It may refuse what it would give.
            StmtKind::Raise { .. } => return None,
            _ => pending.extend(stmt.blocks().into_iter().flatten()),
        }
    }
    let [Some(value)] = returned.as_slice() else { return None };
    Search::new(interpreter, Scope::Function(&method)).origin(value, depth + 1)
}

/// `__init__` of a class, if it has one of its own.
pub(in crate::auth) fn own_initialiser(interpreter: &Interpreter<'_>, class: &ClassRef) -> Option<FunctionRef> {
    interpreter.count_outline(class.site);
    let init = interpreter.method(class, "__init__").filter(|init| init.site.item == class.site.item)?;
    Some(interpreter.current(&init))
}

/// What `self.name` is assigned in a function, if that happens once, past `__setattr__` of its class perhaps:
/// `object.__setattr__(self, "name", …)`.
pub(in crate::auth) fn assigned_attribute<'f>(function: &'f Function, name: &str) -> Option<&'f Expr> {
    let own = &function.params.first()?.name.name;
    let mut values = function.body.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Assign(assign) => match assign.targets.as_slice() {
            [Expr { kind: ExprKind::Attribute { value, name: attribute }, .. }]
                if attribute.name == name && value.as_name() == Some(own) =>
            {
                assign.value.as_ref()
            }
            _ => None,
        },
        StmtKind::Expr(expr) => set_past_class(expr, own, name),
        _ => None,
    });
    values.next().filter(|_| values.next().is_none())
}

/// What `object.__setattr__(self, "name", …)` sets.
fn set_past_class<'f>(expr: &'f Expr, own: &SmolStr, name: &str) -> Option<&'f Expr> {
    let (func, args) = expr.as_call()?;
    let ExprKind::Attribute { value, name: method } = &func.kind else { return None };
    let sets = method.name == "__setattr__" && value.as_name().is_some_and(|class| class == "object");
    let is_it = positional(args, 0).and_then(Expr::as_name) == Some(own)
        && positional(args, 1).and_then(Expr::as_str).is_some_and(|set| set == name);
    positional(args, 2).filter(|_| sets && is_it)
}
