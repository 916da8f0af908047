//! Whose data it is: the comparison with the principal that is missing.

use std::rc::Rc;

use smol_str::SmolStr;
use tree_sitter::Node;

use super::guard::{fits, free_name, gives_identity, handler_node, keep, parameter as parameter_of};
use super::imports::Imports;
use super::layout::{indentation, insertion, line_start, replacement};
use super::ownership_row::check_row;
use super::ownership_tenant::{is_kept_by_tenant, of_tenant, tenant};
use super::signature::has_word;
use super::{Fixer, Served, Source};
use crate::data::{Access, Fault, Place, Use};
use crate::facts::python::tree::{Expr, ExprKind, StmtKind};
use crate::ide::{Applicability, Diagnostic, Fix, Location, Refusal, TextEdit};
use crate::index::dependencies::{Via, called};
use crate::index::value::{Resolve, Site, Value};
use crate::rules::shared::ownership::identity_site;
use crate::verdicts::{Verifier, candidates, handler_site};

/// An access at fault, with what a repair needs of the handler.
pub(super) struct Subject<'s> {
    served: Served<'s>,
    pub(super) access: &'s Access,
    /// The column that says whose a row is.
    pub(super) owner: SmolStr,
    pub(super) handler: Location,
    /// The principal's part that owners are compared with, as the handler writes it.
    pub(super) principal: String,
    /// Edits of the handler's file that give it the principal, where it has none.
    pub(super) asked: Vec<TextEdit>,
}

/// Appends the fixes of an owner that the client names.
pub(super) fn identity(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    match subject(fixer, diagnostic, Fault::TrustsClient) {
        Ok(subject) => {
            let by_path = subject.access.client.as_ref().is_some_and(|client| client.place == Place::Path);
            let mut made = [compare_first(fixer, &subject), use_principal(fixer, &subject)];
            if !by_path {
                made.reverse();
            }
            made.into_iter().for_each(|fix| keep(fix, fixes, refusals));
        }
        Err(refusal) => keep(Err(refusal), fixes, refusals),
    }
}

/// Appends the fix of a row that was fetched by its key.
pub(super) fn row(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    // In scripts nothing is mended.
    if fixer.state.is_script(diagnostic.location.file) {
        return;
    }
    let fix = subject(fixer, diagnostic, Fault::Unchecked).and_then(|subject| check_row(fixer, &subject));
    keep(fix, fixes, refusals);
}

/// Appends the fix of a row whose owner is compared too late.
pub(super) fn late(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let fix = subject(fixer, diagnostic, Fault::CheckedLate).and_then(|subject| check_row(fixer, &subject));
    keep(fix, fixes, refusals);
}

/// Appends the fix of a query without an owner.
pub(super) fn query(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let fix = subject(fixer, diagnostic, Fault::Unscoped).and_then(|subject| narrow(fixer, &subject));
    keep(fix, fixes, refusals);
}

/// The access that a finding is about.
pub(super) fn subject<'s>(fixer: &Fixer<'s>, diagnostic: &Diagnostic, fault: Fault) -> Result<Subject<'s>, Refusal> {
    let locate = |site: Site| fixer.state.sources.locate(site);
    let found = fixer.all_served().find_map(|served| {
        let handler = locate(handler_site(&served.route.handler)?);
        let data = &served.judged.data;
        let within = data.within.iter().flat_map(|within| &within.faults);
        let by_role = data.by_role.iter().flat_map(|by| &by.faults);
        let access = data.faults.iter().chain(within).chain(by_role).find(|access| {
            let anchor = match fault {
                Fault::TrustsClient => locate(identity_site(served.route, access)),
                Fault::Ineffective => locate(access.site),
                _ => locate(access.entry),
            };
            access.fault == fault && anchor == diagnostic.location
        })?;
        Some((served, access, handler))
    });
    let of_tool = |access: &Access| access.fault == fault && locate(access.entry) == diagnostic.location;
    let refused = || {
        let is_link = |served: Served<'_>| {
            fault == Fault::Unchecked
                && served.judged.data.links.iter().any(|link| locate(link.entry) == diagnostic.location)
        };
        let is_in_model = |served: Served<'_>| {
            let is_it = |access: &Access| locate(identity_site(served.route, access)) == diagnostic.location;
            let mut faults = served.judged.data.faults.iter().filter(|access| access.fault == Fault::MassAssigned);
            fault == Fault::TrustsClient && faults.any(is_it)
        };
        Refusal(if fixer.state.tokens.tools().flat_map(|tool| &tool.faults).any(of_tool) {
            "how a tool says that there is no such row is the author's to say".into()
        } else if fixer.all_served().any(is_link) {
            "how the row is fetched that this one is put under is the author's to say".into()
        } else if fixer.all_served().any(is_in_model) {
            "the route has to be guarded first".into()
        } else {
            "the finding is of another state".into()
        })
    };
    if let Some((served, access, handler)) = of_tenant(fixer, diagnostic, fault) {
        let (owner, principal) = tenant(fixer, &served, access)?;
        return Ok(Subject { served, access, owner, handler, principal, asked: Vec::new() });
    }
    let (served, access, handler) = found.ok_or_else(refused)?;
    if is_kept_by_tenant(fixer, access) {
        let (owner, principal) = tenant(fixer, &served, access)?;
        return Ok(Subject { served, access, owner, handler, principal, asked: Vec::new() });
    }
    if !access.table.parties.is_empty() {
        return Err(Refusal("which of those whom a row is between may do this is the author's to say".into()));
    }
    let (principal, asked) = principal(fixer, &served, access, handler)?;
    let owner = access.table.owner.clone();
    Ok(Subject { served, access, owner, handler, principal, asked })
}

/// How the handler writes the identity of the caller, and what it takes to have one.
fn principal(
    fixer: &Fixer<'_>,
    served: &Served<'_>,
    access: &Access,
    handler: Location,
) -> Result<(String, Vec<TextEdit>), Refusal> {
    let name = access.principal.as_str();
    if name.is_empty() {
        return ask_for_principal(fixer, served, handler);
    }
    if name.starts_with("request.") {
        return Ok((name.to_owned(), Vec::new()));
    }
    Ok((spelled(fixer, name, &injected(served, name)?.callable)?, Vec::new()))
}

/// The dependency that fills a parameter of the handler.
pub(super) fn injected<'s>(served: &Served<'s>, name: &str) -> Result<&'s crate::index::dependencies::Node, Refusal> {
    let own = |node: &&crate::index::dependencies::Node| {
        node.via == Via::Parameter && node.parameter.as_deref() == Some(name)
    };
    let node = served.route.dependencies.iter().find(own);
    node.ok_or_else(|| Refusal("what gives the identity is not a dependency of the handler".into()))
}

/// Has the handler ask for the dependency that verifies the caller.
fn ask_for_principal(
    fixer: &Fixer<'_>,
    served: &Served<'_>,
    handler: Location,
) -> Result<(String, Vec<TextEdit>), Refusal> {
    let none = || Refusal("the handler takes no identity of the caller, and no dependency gives one".into());
    let here = fixer.anchored(handler);
    let fitting =
        |verifier: &&Verifier| here.iter().all(|one| fits(fixer, verifier, one)) && gives_identity(fixer, verifier);
    let mut verifiers = candidates(fixer.state, served.application, served.route).into_iter().filter(fitting);
    let verifier = verifiers.next().ok_or_else(none)?;
    let source = fixer.source(handler.file)?;
    let function = self::handler(&source, handler)?;
    let name = free_name(fixer, &source.text, function, &here, verifier)?;
    let written = spelled(fixer, &name, &verifier.callable)?;
    let edits = parameter_of(fixer, handler, &here, verifier)?.change.edits;
    Ok((written, edits.into_iter().filter(|(file, _)| *file == handler.file).flat_map(|(_, edits)| edits).collect()))
}

/// The part of a principal of that name that owners are compared with.
fn spelled(fixer: &Fixer<'_>, name: &str, callable: &Value) -> Result<String, Refusal> {
    let (function, _) =
        called(&fixer.interpreter, callable).ok_or_else(|| Refusal("the dependency can't be read".into()))?;
    // As other handlers write it, most of them.
    let mut spelled: Vec<String> = Vec::new();
    for other in fixer.all_served() {
        let same = other.judged.data.spelled.iter().filter(|(site, _)| *site == function.site);
        spelled.extend(same.map(|(_, suffix)| suffix.to_string()));
    }
    spelled.sort_unstable();
    let usual = spelled.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len()).map(|chunk| chunk[0].clone());
    if let Some(suffix) = usual {
        return Ok(format!("{name}{suffix}"));
    }
    let returned = function.def.returns.as_ref().map(|returns| fixer.interpreter.eval_signature(&function, returns));
    match returned {
        Some(Value::Class(class)) if has_field(fixer, &class, "id") => Ok(format!("{name}.id")),
        Some(Value::Package(package)) if matches!(package.as_str(), "builtins.str" | "builtins.int" | "uuid.UUID") => {
            Ok(name.to_owned())
        }
        _ => Err(Refusal(format!("which part of `{name}` says who is calling can't be told"))),
    }
}

fn has_field(fixer: &Fixer<'_>, class: &crate::index::value::ClassRef, field: &str) -> bool {
    fixer.interpreter.linearised(class).iter().any(|class| {
        class.def.body.iter().any(|stmt| match &stmt.kind {
            StmtKind::Assign(assign) => {
                assign.targets.iter().any(|target| target.as_name().is_some_and(|name| name == field))
            }
            _ => false,
        })
    })
}

/// The comparison as the first statement.
fn compare_first(fixer: &Fixer<'_>, subject: &Subject<'_>) -> Result<Fix, Refusal> {
    let source = fixer.source(subject.handler.file)?;
    let function = handler(&source, subject.handler)?;
    let client = parameter(fixer, subject, &source, function)?;
    let first = first_statement(function, &source)?;
    let comparison = format!("{} != {}", text_as(fixer, subject, &client), subject.principal_as(fixer, &client));
    let mut edits = rejection(fixer, &source, first.start_byte(), &comparison, false)?;
    edits.extend(subject.asked.iter().cloned());
    let status = fixer.state.ownership_status(subject.handler.file);
    let title = format!("Compare `{client}` with `{}` and raise {status}", subject.principal);
    fixer.checked(vec![(subject.handler.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// The principal wherever the handler uses what the client says.
fn use_principal(fixer: &Fixer<'_>, subject: &Subject<'_>) -> Result<Fix, Refusal> {
    let source = fixer.source(subject.handler.file)?;
    let function = handler(&source, subject.handler)?;
    let client = parameter(fixer, subject, &source, function)?;
    let body = function.child_by_field_name("body").ok_or_else(|| Refusal("the handler can't be read".into()))?;
    let mut edits: Vec<TextEdit> = Vec::new();
    let mut cursor = body.walk();
    'walk: loop {
        let node = cursor.node();
        let named = node.kind() == "identifier" && source.text.get(node.byte_range()) == Some(client.as_str());
        if named && is_use(node) {
            let assigned = node.parent().is_some_and(|parent| {
                parent.kind() == "assignment" && parent.child_by_field_name("left").is_some_and(|left| left == node)
            });
            if assigned {
                return Err(Refusal(format!("the handler assigns to `{client}`")));
            }
            edits.push(replacement(node.byte_range(), subject.principal.clone()));
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() || cursor.node() == body {
                break 'walk;
            }
        }
    }
    let used = !edits.is_empty();
    edits.extend(subject.asked.iter().cloned());
    if !used {
        return Err(Refusal(format!("the handler does not use `{client}` itself")));
    }
    let title = format!("Use `{}` instead of `{client}`", subject.principal);
    fixer.checked(vec![(subject.handler.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// Whether an identifier is a variable: no attribute, and no name of an argument.
fn is_use(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    let field = |name: &str| parent.child_by_field_name(name) == Some(node);
    match parent.kind() {
        "attribute" => !field("attribute"),
        "keyword_argument" => !field("name"),
        _ => true,
    }
}

/// A condition on the owner, added to the query.
fn narrow(fixer: &Fixer<'_>, subject: &Subject<'_>) -> Result<Fix, Refusal> {
    let access = subject.access;
    if access.entry != access.site {
        return Err(Refusal("the query is made in a function that others may call too".into()));
    }
    let location = fixer.state.sources.locate(access.site);
    let source = fixer.source(location.file)?;
    in_handler(subject, location, &source)?;
    let root = source.root();
    let call = root.descendant_for_byte_range(location.range.start as usize, location.range.end as usize);
    let call = call.filter(|node| node.kind() == "call").ok_or_else(|| Refusal("the query can't be read".into()))?;
    let callee = call.child_by_field_name("function").and_then(|callee| source.text.get(callee.byte_range()));
    let method = match callee.unwrap_or_default().rsplit('.').next() {
        Some("select") => "where",
        Some("query") => "filter",
        _ => return Err(Refusal("what the query begins with is not plain".into())),
    };
    let table = &access.table;
    if !has_word(source.text.get(call.byte_range()).unwrap_or_default(), &table.name) {
        return Err(Refusal(format!("the query does not name `{}`", table.name)));
    }
    let condition = format!(".{method}({}.{} == {})", table.name, subject.owner, subject.principal);
    let title = format!("Add `{condition}`");
    let mut edits = vec![insertion(call.end_byte(), condition)];
    edits.extend(subject.asked.iter().cloned());
    fixer.checked(vec![(location.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

impl Subject<'_> {
    /// The principal, comparable with a parameter of the handler.
    fn principal_as(&self, fixer: &Fixer<'_>, client: &str) -> String {
        if self.differs(fixer, client) { format!("str({})", self.principal) } else { self.principal.clone() }
    }

    /// Whether a parameter is known to be of another type than the principal's part.
    fn differs(&self, fixer: &Fixer<'_>, client: &str) -> bool {
        let own = parameter_type(fixer, self, client);
        let other = principal_type(fixer, self);
        matches!((own, other), (Some(a), Some(b)) if a != b)
    }
}

fn text_as(fixer: &Fixer<'_>, subject: &Subject<'_>, client: &str) -> String {
    if subject.differs(fixer, client) { format!("str({client})") } else { client.to_owned() }
}

/// The last name of a plain type.
fn type_name(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.to_string()),
        ExprKind::Attribute { name, .. } => Some(name.name.to_string()),
        _ => None,
    }
    .filter(|name| matches!(name.as_str(), "str" | "int" | "UUID"))
}

fn parameter_type(fixer: &Fixer<'_>, subject: &Subject<'_>, client: &str) -> Option<String> {
    let handler = subject.served.route.function()?;
    let handler = fixer.interpreter.current(handler);
    let param = handler.def.params.iter().find(|param| param.name.name == client)?;
    param.annotation.as_ref().and_then(type_name)
}

fn principal_type(fixer: &Fixer<'_>, subject: &Subject<'_>) -> Option<String> {
    let (name, field) = subject.principal.split_once('.').unwrap_or((&subject.principal, ""));
    let nodes = &subject.served.route.dependencies;
    let node = nodes.iter().find(|node| node.via == Via::Parameter && node.parameter.as_deref() == Some(name))?;
    let (function, _) = called(&fixer.interpreter, &node.callable)?;
    let returns = function.def.returns.as_ref()?;
    if field.is_empty() {
        return type_name(returns);
    }
    let Value::Class(class) = fixer.interpreter.eval_signature(&function, returns) else { return None };
    fixer.interpreter.linearised(&class).iter().find_map(|class| {
        class.def.body.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign(assign)
                if assign.targets.iter().any(|target| target.as_name().is_some_and(|n| n == field)) =>
            {
                assign.annotation.as_ref().and_then(type_name)
            }
            _ => None,
        })
    })
}

/// The handler's parameter that holds the client's value.
fn parameter(
    fixer: &Fixer<'_>,
    subject: &Subject<'_>,
    source: &Rc<Source>,
    function: Node<'_>,
) -> Result<String, Refusal> {
    let client = subject.access.client.as_ref().ok_or_else(|| Refusal("no value of the client decides".into()))?;
    let at = fixer.state.sources.locate(client.site);
    let parameters = function.child_by_field_name("parameters").map(|node| node.byte_range()).unwrap_or_default();
    let inside = at.file == subject.handler.file
        && parameters.contains(&(at.range.start as usize))
        && client.place != Place::Body;
    let text = source.text.get(at.range.start as usize..at.range.end as usize).filter(|_| inside);
    let text = text.ok_or_else(|| Refusal(format!("`{}` is no parameter of the handler", client.name)))?;
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if subject.access.usage == Use::Creates && name.is_empty() {
        return Err(Refusal("the parameter has no name".into()));
    }
    Ok(name)
}

pub(super) fn handler<'t>(source: &'t Source, at: Location) -> Result<Node<'t>, Refusal> {
    handler_node(source.root(), at).ok_or_else(|| Refusal("the handler is not defined where it is registered".into()))
}

/// Whether a place is in the handler itself, where the principal has its name.
pub(super) fn in_handler(subject: &Subject<'_>, at: Location, source: &Source) -> Result<(), Refusal> {
    let inside = at.file == subject.handler.file
        && handler(source, subject.handler)
            .is_ok_and(|function| function.byte_range().contains(&(at.range.start as usize)));
    if inside { Ok(()) } else { Err(Refusal("it does not stand in the handler".into())) }
}

/// The first statement of a function that is no docstring.
fn first_statement<'t>(function: Node<'t>, source: &Source) -> Result<Node<'t>, Refusal> {
    let body = function.child_by_field_name("body").ok_or_else(|| Refusal("the handler can't be read".into()))?;
    let mut cursor = body.walk();
    let docstring = |node: &Node<'_>| {
        node.kind() == "expression_statement" && node.named_child(0).is_some_and(|child| child.kind() == "string")
    };
    let first = body.named_children(&mut cursor).find(|node| node.kind() != "comment" && !docstring(node));
    let first = first.ok_or_else(|| Refusal("the handler has no statements".into()))?;
    let line = &source.text[line_start(&source.text, first.start_byte())..first.start_byte()];
    if line.trim().is_empty() { Ok(first) } else { Err(Refusal("the handler stands on one line".into())) }
}

/// `if …: raise HTTPException(…)` before the statement at a place, or after it.
pub(super) fn rejection(
    fixer: &Fixer<'_>,
    source: &Rc<Source>,
    at: usize,
    comparison: &str,
    after: bool,
) -> Result<Vec<TextEdit>, Refusal> {
    let mut imports = Imports::new(fixer, source, None)?;
    let exception = imports.of_package(&["fastapi", "fastapi.exceptions", "starlette.exceptions"], "HTTPException")?;
    let (ending, unit) = (&source.layout.ending, &source.layout.unit);
    let text = &*source.text;
    let (status, detail) = match fixer.state.ownership_status(source.file) {
        404 => (404, "Not Found"),
        _ => (403, "Forbidden"),
    };
    let raised = format!("raise {exception}(status_code={status}, detail=\"{detail}\")");
    let edit = if after {
        // The statement may end on another line than it begins.
        let root = source.root();
        let statement = root.descendant_for_byte_range(at.saturating_sub(1), at);
        let statement = std::iter::successors(statement, Node::parent)
            .filter(|node| node.end_byte() == at && node.kind().ends_with("_statement"))
            .last();
        let start = statement.map_or(at, |node| node.start_byte());
        let outer = indentation(text, start);
        let rest = text[at..].split(['\n', '\r']).next().unwrap_or_default();
        if !rest.trim().is_empty() && !rest.trim_start().starts_with('#') {
            return Err(Refusal("another statement follows on the same line".into()));
        }
        let lines = format!("{ending}{outer}if {comparison}:{ending}{outer}{unit}{raised}");
        insertion(at + rest.len(), lines)
    } else {
        let outer = indentation(text, at);
        let lines = format!("{outer}if {comparison}:{ending}{outer}{unit}{raised}{ending}");
        insertion(line_start(text, at), lines)
    };
    let mut edits = vec![edit];
    edits.extend(imports.edits());
    Ok(edits)
}
