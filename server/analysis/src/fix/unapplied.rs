//! A guard that is written where FastAPI does not see it: writing it where it does.

use tree_sitter::Node;

use super::asking::{ANNOTATED, ask};
use super::calls::{depends, runs_later};
use super::guard::keep;
use super::imports::Imports;
use super::layout::{indentation, insertion, line_after, own_lines, replacement};
use super::signature::Parameter;
use super::style::asked_by;
use super::{Fixer, Served, Source};
use crate::auth::guard::{Guard, Weak};
use crate::auth::unapplied::{Form, Unapplied, union_members};
use crate::facts::python::tree::{Expr, ExprKind, Function, Param, ParamKind, StmtKind};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};
use crate::index::value::{FunctionRef, Resolve, Site, Value};
use crate::verdicts::{Verifier, handler_site, optional_verifiers};

/// Optional dependencies that are offered for one parameter.
const MAX_OPTIONAL: usize = 2;
/// Functions in functions that a decorator is made of.
const MAX_DEPTH: usize = 3;

/// A guard that is not applied, and the handler that has it.
struct Found<'s> {
    one: Served<'s>,
    unapplied: &'s Unapplied,
    handler: FunctionRef,
}

/// A parameter as the text has it.
struct Written<'t> {
    text: &'t str,
    node: Node<'t>,
    function: Node<'t>,
    name: &'t str,
    annotation: Option<Node<'t>>,
    default: Option<Node<'t>>,
}

/// Appends the fixes of a guard that is not applied.
pub(super) fn fixes(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let Some(found) = fixer.all_served().find_map(|one| about(fixer, one, diagnostic)) else { return };
    let at = handler_site(&found.one.route.handler).map(|site| fixer.state.sources.locate(site));
    let served = at.map(|at| fixer.anchored(at)).unwrap_or_default();
    if let Some(public) = served.iter().find(|one| matches!(one.judged.guard, Guard::Public(_))) {
        refusals.push(Refusal(format!("the handler also serves {}, which is public", public.route.path)));
        return;
    }
    if found.unapplied.form == Form::DecoratorAbove {
        keep(decorator_below(fixer, diagnostic, &found, &served), fixes, refusals);
        return;
    }
    keep(in_signature(fixer, diagnostic, &found, None), fixes, refusals);
    if found.unapplied.form == Form::InUnion {
        for verifier in optional_verifiers(fixer.state).iter().take(MAX_OPTIONAL) {
            keep(in_signature(fixer, diagnostic, &found, Some(verifier)), fixes, refusals);
        }
    }
}

fn about<'s>(fixer: &Fixer<'s>, one: Served<'s>, diagnostic: &Diagnostic) -> Option<Found<'s>> {
    let Guard::Open(Some(Weak::Unapplied(unapplied))) = &one.judged.guard else { return None };
    let handler = one.route.function()?;
    let handler = fixer.interpreter.current(handler);
    (fixer.state.sources.locate(unapplied.site) == diagnostic.location).then_some(Found { one, unapplied, handler })
}

/// The repair of a parameter; with `optional` the one that goes on letting
/// anonymous callers pass.
fn in_signature(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    found: &Found<'_>,
    optional: Option<&Verifier>,
) -> Result<Fix, Refusal> {
    let unreadable = || Refusal("the parameter can't be read".into());
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let written = Written::at(&source, diagnostic).ok_or_else(unreadable)?;
    let param = found.handler.def.params.iter().find(|param| param.range == found.unapplied.site.range);
    let param = param.ok_or_else(unreadable)?;
    let at_import = (!runs_later(written.function)).then(|| written.function.start_byte());
    let mut imports = Imports::new(fixer, &source, at_import)?;
    let name = &found.unapplied.name;
    let (mut edits, title, applicability) = match (found.unapplied.form, optional) {
        (Form::InUnion, None) => {
            let edit = written.replaced(member(fixer, &written, found, param)?);
            (vec![edit], format!("Require `{name}`"), Applicability::Unsafe)
        }
        (Form::InUnion, Some(optional)) => {
            if !optional.needs.is_empty() {
                return Err(Refusal(format!("`{}` needs parameters of its own", optional.name)));
            }
            let edit = match ask(fixer, &mut imports, file, optional)? {
                Parameter::Annotated(ty) => written.replaced(ty),
                Parameter::Default(Some(ty), default) => written.whole(format!("{}: {ty} = {default}", written.name)),
                Parameter::Default(None, default) => written.whole(format!("{}={default}", written.name)),
            };
            (
                vec![edit],
                format!("Ask for `{}`, which lets anonymous callers pass", optional.name),
                Applicability::Unsafe,
            )
        }
        (Form::BareDefault, _) => {
            let edit = with_depends(fixer, &written, &mut imports)?;
            (vec![edit], format!("Write `Depends({name})`"), Applicability::Safe)
        }
        (Form::BareMetadata, _) => {
            let range = metadata(fixer, &written, found, param)?;
            let old = source.text.get(range.clone()).ok_or_else(unreadable)?;
            let edit = replacement(range, format!("{}({old})", depends(&mut imports)?));
            (vec![edit], format!("Write `Depends({name})`"), Applicability::Safe)
        }
        _ => {
            let alias = param.annotation.as_ref().and_then(Expr::as_name).ok_or_else(unreadable)?;
            let edits = imports.out_of_type_checking(alias)?;
            (edits, format!("Import `{alias}` at run time"), Applicability::Unsafe)
        }
    };
    edits.extend(imports.edits());
    fixer.checked(vec![(file, edits)], Vec::new(), title, applicability)
}

impl<'t> Written<'t> {
    fn at(source: &'t Source, diagnostic: &Diagnostic) -> Option<Self> {
        let range = diagnostic.location.range;
        let root = source.root();
        let node = root.named_descendant_for_byte_range(range.start as usize, range.end as usize)?;
        let known = matches!(node.kind(), "typed_parameter" | "default_parameter" | "typed_default_parameter");
        let function = node.parent()?.parent().filter(|parent| known && parent.kind() == "function_definition")?;
        let name = node.child_by_field_name("name").or_else(|| node.named_child(0))?;
        Some(Self {
            text: &source.text,
            node,
            function,
            name: source.text.get(name.byte_range()).filter(|_| name.kind() == "identifier")?,
            annotation: node.child_by_field_name("type"),
            default: node.child_by_field_name("value"),
        })
    }

    fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn is_quoted(&self) -> bool {
        self.annotation.is_some_and(|ty| self.of(ty).contains(['"', '\'']))
    }

    fn whole(&self, text: String) -> TextEdit {
        replacement(self.node.byte_range(), text)
    }

    /// The parameter with another annotation, and without its default where
    /// Python lets it go: FastAPI calls the dependency in both cases.
    fn replaced(&self, annotation: String) -> TextEdit {
        let default = self.default.filter(|_| self.follows_default());
        let default = default.map(|default| format!(" = {}", self.of(default))).unwrap_or_default();
        self.whole(format!("{}: {annotation}{default}", self.name))
    }

    /// Whether a parameter before this one has a default, so that this one has
    /// to have one too.
    fn follows_default(&self) -> bool {
        let mut follows = false;
        let mut before = self.node.prev_named_sibling();
        while let Some(node) = before {
            match node.kind() {
                "keyword_separator" | "list_splat_pattern" => return false,
                "typed_parameter" if node.named_child(0).is_some_and(|inner| inner.kind() == "list_splat_pattern") => {
                    return false;
                }
                kind => follows |= matches!(kind, "default_parameter" | "typed_default_parameter"),
            }
            before = node.prev_named_sibling();
        }
        follows
    }
}

/// The member of a union that asks for a dependency, when `None` is the only other.
fn member(fixer: &Fixer<'_>, written: &Written<'_>, found: &Found<'_>, param: &Param) -> Result<String, Refusal> {
    let members = param.annotation.as_ref().map(union_members).unwrap_or_default();
    let others: Vec<&Expr> = members.into_iter().filter(|member| !matches!(member.kind, ExprKind::None)).collect();
    let asks = |member: &Expr| {
        let value = fixer.interpreter.eval_signature(&found.handler, member);
        asked_by(&fixer.interpreter, &value).is_some()
    };
    let [one] = others.as_slice() else {
        return Err(Refusal("the union has more members than the dependency and `None`".into()));
    };
    if !asks(one) {
        return Err(Refusal("the union has no member that asks for a dependency".into()));
    }
    match one.as_name() {
        Some(name) if written.is_quoted() => Ok(format!("\"{name}\"")),
        None if written.is_quoted() => Err(Refusal("the annotation is a string".into())),
        _ => {
            let range = fixer.state.sources.locate(Site { range: one.range, ..found.handler.site }).range;
            Ok(range.slice(written.text).to_owned())
        }
    }
}

/// `= Depends(current_user)`, or `Annotated[User, Depends(current_user)]`
/// where the file asks so.
fn with_depends(fixer: &Fixer<'_>, written: &Written<'_>, imports: &mut Imports<'_, '_>) -> Result<TextEdit, Refusal> {
    let default = written.default.ok_or_else(|| Refusal("the parameter can't be read".into()))?;
    let file = imports.file();
    let entry = format!("{}({})", depends(imports)?, written.of(default));
    let annotation = written.annotation.map(|ty| written.of(ty));
    if annotation.is_some_and(|ty| ty.contains("Annotated")) {
        return Err(Refusal("the annotation says already where the value comes from".into()));
    }
    let facts = fixer.state.sources.facts(file).ok_or_else(|| Refusal("the file can't be read".into()))?;
    let annotates = fixer.runs_with(file, ANNOTATED) && fixer.style().annotates(facts) && !written.is_quoted();
    match annotation.filter(|_| annotates && !written.follows_default()) {
        Some(ty) => {
            let annotated = imports.of_package(&["typing", "typing_extensions"], "Annotated")?;
            Ok(written.whole(format!("{}: {annotated}[{ty}, {entry}]", written.name)))
        }
        None => Ok(replacement(default.byte_range(), entry)),
    }
}

/// Where the verifying function stands in the metadata of `Annotated[…]`.
fn metadata(
    fixer: &Fixer<'_>,
    written: &Written<'_>,
    found: &Found<'_>,
    param: &Param,
) -> Result<std::ops::Range<usize>, Refusal> {
    let elsewhere = || Refusal("the alias that lacks `Depends` is written elsewhere".into());
    let annotation = param.annotation.as_ref().filter(|_| !written.is_quoted()).ok_or_else(elsewhere)?;
    let ExprKind::Subscript { index, .. } = &annotation.kind else { return Err(elsewhere()) };
    let ExprKind::Tuple(parts) = &index.kind else { return Err(elsewhere()) };
    let part = parts.iter().skip(1).find(|part| {
        let value = fixer.interpreter.eval_signature(&found.handler, part);
        matches!(value, Value::Function(function) if function.shown() == found.unapplied.name)
    });
    let site = part.map(|part| Site { range: part.range, ..found.handler.site }).ok_or_else(elsewhere)?;
    let range = fixer.state.sources.locate(site).range;
    Ok(range.start as usize..range.end as usize)
}

/// Moves a decorator below the one that registers the route.
fn decorator_below(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    found: &Found<'_>,
    served: &[Served<'_>],
) -> Result<Fix, Refusal> {
    let refused = || Refusal("the decorators are not written on lines of their own".into());
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let text = &*source.text;
    let name = &found.unapplied.name;
    let decorator = found.handler.def.decorators.iter().find(|one| one.range == found.unapplied.site.range);
    takes_handler(fixer, found, decorator.ok_or_else(refused)?)?;
    let root = source.root();
    let line_of = |start: u32, end: u32| {
        let node = root.named_descendant_for_byte_range(start as usize, end as usize)?;
        let node = std::iter::successors(Some(node), Node::parent).find(|node| node.kind() == "decorator")?;
        own_lines(text, node.byte_range())
    };
    let moved = line_of(diagnostic.location.range.start, diagnostic.location.range.end).ok_or_else(refused)?;
    let registrations = served.iter().map(|one| fixer.state.sources.locate(one.route.registration));
    let last = registrations.filter(|at| at.file == file).max().ok_or_else(refused)?;
    let behind = line_of(last.range.start, last.range.end).ok_or_else(refused)?;
    let lines = text.get(moved.clone()).ok_or_else(refused)?;
    if indentation(text, moved.start) != indentation(text, behind.start) || !lines.ends_with('\n') {
        return Err(refused());
    }
    let edits =
        vec![replacement(moved.clone(), String::new()), insertion(line_after(text, behind.end - 1), lines.to_owned())];
    let title = format!("Move `{name}` below the route's decorator");
    fixer.checked(vec![(file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// Refuses where FastAPI could not call what a decorator puts around a
/// handler: it calls that with the handler's parameters, by their names.
fn takes_handler(fixer: &Fixer<'_>, found: &Found<'_>, decorator: &Expr) -> Result<(), Refusal> {
    let name = &found.unapplied.name;
    let handler = &found.handler.def;
    let outer = FunctionRef { class: None, ..found.handler.clone() };
    let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
    let Value::Function(function) = fixer.interpreter.eval(&outer, callee) else {
        return Err(Refusal(format!("`{name}` could not be followed")));
    };
    let function = fixer.interpreter.current(&function);
    let wrapper = wrapper_of(&function.def, MAX_DEPTH).ok_or_else(|| {
        Refusal(format!(
            "`{name}` does not use `functools.wraps`, so FastAPI would no longer see the handler's parameters"
        ))
    })?;
    if wrapper.is_async && !handler.is_async {
        return Err(Refusal(format!("`{name}` awaits handlers, and this one is not async")));
    }
    let has = |def: &Function, name: &str| def.params.iter().any(|param| param.name.name == name);
    let starred = |param: &&Param| matches!(param.kind, ParamKind::VarArgs | ParamKind::KwArgs);
    let missing = wrapper.params.iter().filter(|param| !starred(param) && param.default.is_none());
    let mut missing = missing.filter(|param| !has(handler, &param.name.name));
    if let Some(param) = missing.next() {
        return Err(Refusal(format!("`{name}` needs `{}`, which the handler does not take", param.name.name)));
    }
    let open_ended = wrapper.params.iter().any(|param| param.kind == ParamKind::KwArgs);
    let unknown = handler.params.iter().find(|param| !open_ended && !has(wrapper, &param.name.name));
    unknown.map_or(Ok(()), |param| Err(Refusal(format!("`{name}` does not take `{}`", param.name.name))))
}

/// The function that a decorator puts around a handler under the handler's signature.
fn wrapper_of(def: &Function, depth: usize) -> Option<&Function> {
    let is_wraps = |decorator: &Expr| {
        decorator.as_call().is_some_and(|(func, _)| match &func.kind {
            ExprKind::Name(name) => name == "wraps",
            ExprKind::Attribute { name, .. } => name.name == "wraps",
            _ => false,
        })
    };
    let functions = def.body.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Function(inner) => Some(inner),
        _ => None,
    });
    let mut functions = functions.filter(|_| depth > 0);
    functions.find_map(|inner| match inner.decorators.iter().any(is_wraps) {
        true => Some(&**inner),
        false => wrapper_of(inner, depth - 1),
    })
}
