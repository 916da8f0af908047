//! How a file asks for a dependency's value: the project's alias, an
//! annotation or a default, with the type that it has.

use smol_str::SmolStr;

use super::Fixer;
use super::calls::{Guard as Asked, depends};
use super::imports::Imports;
use super::signature::Parameter;
use super::style::{Alias, asked_by, given_type, same};
use crate::facts::manifests::Version;
use crate::facts::python::file::Binding;
use crate::facts::python::tree::{Expr, ExprKind};
use crate::ide::Refusal;
use crate::index::dependencies::{Via, called};
use crate::index::modules::Module;
use crate::index::value::Value;
use crate::verdicts::Verifier;
use crate::vfs::FileId;

/// FastAPI that reads `Annotated`.
pub(super) const ANNOTATED: Version = Version(0, 95, 0);
/// FastAPI that reads `type X = Annotated[…]`.
const TYPE_STATEMENTS: Version = Version(0, 128, 2);

/// How a file asks for a verifier's value: by the project's alias, else in
/// the style of its other parameters.
pub(super) fn ask(
    fixer: &Fixer<'_>,
    imports: &mut Imports<'_, '_>,
    file: FileId,
    verifier: &Verifier,
) -> Result<Parameter, Refusal> {
    let facts = fixer.state.sources.facts(file).ok_or_else(|| Refusal("the file can't be read".into()))?;
    let style = fixer.style();
    let readable =
        if fixer.runs_with(file, TYPE_STATEMENTS) { 2 } else { usize::from(fixer.runs_with(file, ANNOTATED)) };
    let usable = |alias: &&Alias| same(&alias.callable, &verifier.callable) && readable > usize::from(alias.statement);
    let mut aliases: Vec<&Alias> = style.aliases.iter().filter(usable).collect();
    aliases.sort_by_key(|alias| {
        alias.file != file && !matches!(facts.bindings.get(&alias.name), Some(Binding::ImportFrom(..)))
    });
    let mut refused = None;
    for alias in aliases {
        let is_it =
            |value: &Value| asked_by(&fixer.interpreter, value).is_some_and(|asked| same(&asked, &alias.callable));
        let count = imports.count();
        match imports.of_project(&alias.name, alias.file, &is_it) {
            Ok(local) => return Ok(Parameter::Annotated(local)),
            Err(refusal) => {
                imports.forget(count);
                refused.get_or_insert(refusal);
            }
        }
    }
    let depends = depends(imports)?;
    let local = Asked::Existing(verifier).local(imports)?;
    let count = imports.count();
    let ty = value_type(fixer, imports, verifier);
    if ty.is_none() {
        imports.forget(count);
    }
    match ty {
        Some(ty) if readable > 0 && style.annotates(facts) => {
            let annotated = imports.of_package(&["typing", "typing_extensions"], "Annotated")?;
            Ok(Parameter::Annotated(format!("{annotated}[{ty}, {depends}({local})]")))
        }
        ty => Ok(Parameter::Default(ty, format!("{depends}({local})"))),
    }
}

/// The type of a verifier's value, as it can be written in a file: its return
/// annotation, else what other handlers write. None is invented.
fn value_type(fixer: &Fixer<'_>, imports: &mut Imports<'_, '_>, verifier: &Verifier) -> Option<String> {
    if let Value::Class(class) = &verifier.callable {
        let is_it = |value: &Value| same(value, &verifier.callable);
        return imports.of_project(&class.def.name.name, class.site.file, &is_it).ok();
    }
    let (function, _) = called(&fixer.interpreter, &verifier.callable)?;
    if let Some(returns) = &function.def.returns {
        let returns = if function.def.is_generator { yielded(returns)? } else { returns };
        return written(fixer, imports, function.site.file, returns);
    }
    for one in fixer.all_served() {
        let Some(handler) = one.route.function() else { continue };
        for node in &one.route.dependencies {
            if node.via != Via::Parameter || !same(&node.callable, &verifier.callable) {
                continue;
            }
            let param = handler.def.params.iter().find(|param| Some(&param.name.name) == node.parameter.as_ref());
            let count = imports.count();
            let ty = param.and_then(given_type).and_then(|ty| written(fixer, imports, handler.site.file, ty));
            if ty.is_some() {
                return ty;
            }
            imports.forget(count);
        }
    }
    None
}

/// `T` of `Iterator[T]` and `AsyncGenerator[T, None]`.
fn yielded(returns: &Expr) -> Option<&Expr> {
    let ExprKind::Subscript { index, .. } = &returns.kind else { return None };
    match &index.kind {
        ExprKind::Tuple(parts) => parts.first(),
        _ => Some(index),
    }
}

/// A type of file `home` as another file can write it, with the imports for it.
fn written(fixer: &Fixer<'_>, imports: &mut Imports<'_, '_>, home: FileId, ty: &Expr) -> Option<String> {
    Some(match &ty.kind {
        ExprKind::None => "None".to_owned(),
        ExprKind::Ellipsis => "...".to_owned(),
        ExprKind::Name(name) => type_name(fixer, imports, home, name)?,
        ExprKind::Attribute { value, name } => {
            // `models.User` of a project module: the name itself is imported.
            let facts = fixer.state.sources.facts(home)?;
            let Some(Binding::ImportFrom(item, at)) = facts.bindings.get(value.as_name()?) else { return None };
            let import = facts.import_from(*item)?;
            let module = &import.names[*at as usize].name;
            let full =
                if import.module.is_empty() { module.to_string() } else { format!("{}.{module}", import.module) };
            let Module::File(file) = fixer.state.sources.resolve(home, import.level, &full) else { return None };
            type_name(fixer, imports, file, &name.name)?
        }
        ExprKind::Subscript { value, index } => {
            format!("{}[{}]", written(fixer, imports, home, value)?, written(fixer, imports, home, index)?)
        }
        ExprKind::Tuple(parts) => joined(fixer, imports, home, parts)?,
        ExprKind::List(parts) => format!("[{}]", joined(fixer, imports, home, parts)?),
        ExprKind::Binary { op, left, right } if op == "|" => {
            format!("{} | {}", written(fixer, imports, home, left)?, written(fixer, imports, home, right)?)
        }
        _ => return None,
    })
}

fn joined(fixer: &Fixer<'_>, imports: &mut Imports<'_, '_>, home: FileId, parts: &[Expr]) -> Option<String> {
    let parts: Option<Vec<String>> = parts.iter().map(|part| written(fixer, imports, home, part)).collect();
    parts.map(|parts| parts.join(", "))
}

fn type_name(fixer: &Fixer<'_>, imports: &mut Imports<'_, '_>, home: FileId, name: &SmolStr) -> Option<String> {
    let facts = fixer.state.sources.facts(home)?;
    let value = fixer.interpreter.lookup(home, name);
    let is_it = |other: &Value| same(other, &value);
    match facts.bindings.get(name) {
        None => {
            let builtin = matches!(
                name.as_str(),
                "bool"
                    | "bytes"
                    | "dict"
                    | "float"
                    | "frozenset"
                    | "int"
                    | "list"
                    | "object"
                    | "set"
                    | "str"
                    | "tuple"
                    | "type"
            );
            (builtin && !imports.binds(name)).then(|| name.to_string())
        }
        Some(Binding::ImportFrom(item, at)) => {
            let import = facts.import_from(*item)?;
            let original = &import.names[*at as usize].name;
            match fixer.state.sources.resolve(home, import.level, &import.module) {
                Module::External(module) => imports.of_package(&[&module], original).ok(),
                Module::File(file) => match &value {
                    Value::Class(class) => imports.of_project(&class.def.name.name, class.site.file, &is_it).ok(),
                    _ => imports.of_project(original, file, &is_it).ok(),
                },
                Module::Namespace(_) | Module::Missing(_) => None,
            }
        }
        Some(Binding::Definition(_)) => imports.of_project(name, home, &is_it).ok(),
        Some(Binding::Import(..) | Binding::Computed) => None,
    }
}
