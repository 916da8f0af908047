//! Hover texts, and the guard of each route beside its handler.

use super::calls;
use super::views::{Viewer, definition, detail, status};
use super::{Hover, Judged, Location, Related, RouteHint, RouteStatus, State};
use crate::auth::Judge;
use crate::facts::python::tree::{Expr, ExprKind, Ident, Stmt, StmtKind};
use crate::index::dependencies::called_for;
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{Site, Value};
use crate::rules::missing_auth_dependency::shown;
use crate::text::TextRange;
use crate::verdicts::{enter, handler_site, with_interpreter};
use crate::vfs::FileId;

/// Routes and their verdicts, each with the number of its application: those that
/// have none come last.
pub(super) fn routes(state: &State) -> impl Iterator<Item = (usize, &Route, &Judged)> {
    let served = state.table.applications.iter().zip(&state.guards.applications).enumerate();
    let served = served.flat_map(|(at, (application, judged))| {
        application.routes.iter().zip(judged.iter()).map(move |(route, judged)| (at, route, judged))
    });
    let orphans = state.orphans().map(|(route, judged)| (usize::MAX, route, judged));
    served.chain(orphans).filter(|(_, route, _)| !route.kind.is_mounted())
}

/// Guards of the routes whose handlers stand in a file, one hint a handler.
pub(super) fn route_hints(state: &State, file: FileId) -> Vec<RouteHint> {
    let mut hints: Vec<RouteHint> = Vec::new();
    let callers = calls::callers(state);
    with_interpreter(state, |interpreter| {
        let viewer = Viewer { state, interpreter, judge: Judge::new(interpreter, &state.memo) };
        for (at, route, judged) in routes(state) {
            enter(state, &viewer.judge, at);
            let site = handler_site(&route.handler).unwrap_or(route.registration);
            if site.file != file || state.sources.is_ghost(site) {
                continue;
            }
            let range = state.sources.locate(site).range;
            if let Some(hint) = hints.iter_mut().find(|hint| hint.range == range) {
                let name = shown(route);
                if !hint.routes.contains(&name) {
                    hint.routes.push(name);
                }
                if worse(status(&judged.guard), hint.status) {
                    hint.status = status(&judged.guard);
                    hint.label = label(route, judged);
                    hint.proof = viewer.proof(route, judged);
                }
                continue;
            }
            hints.push(RouteHint {
                range,
                header_end: header_end(state, route).unwrap_or(range.end),
                label: label(route, judged),
                status: status(&judged.guard),
                routes: vec![shown(route)],
                proof: viewer.proof(route, judged),
            });
        }
    });
    for hint in &mut hints {
        let calls = callers.get(&Location { file, range: hint.range }).map_or(0, Vec::len);
        match calls {
            0 => {}
            1 => hint.label.push_str(", called once by the frontend"),
            _ => hint.label.push_str(&format!(", called {calls} times by the frontend")),
        }
    }
    hints.sort_by_key(|hint| hint.range);
    hints
}

/// Where the code under an offset leads in the other half: the handlers of the
/// routes that a call reaches.
pub(super) fn definitions(state: &State, file: FileId, offset: u32) -> Vec<Location> {
    let Some((_, calls)) = calls::calls_at(state, file, offset) else { return Vec::new() };
    let mut handlers: Vec<Location> = calls.into_iter().filter_map(|(call, _)| Some(call.route?.handler)).collect();
    handlers.dedup();
    handlers
}

/// Calls of the frontend that reach the handler whose name stands under an offset.
pub(super) fn references(state: &State, file: FileId, offset: u32) -> Vec<Location> {
    let callers = calls::callers(state);
    let here = callers.into_iter().find(|(handler, _)| handler.file == file && handler.range.touches(offset));
    here.map(|(_, calls)| calls).unwrap_or_default()
}

/// Of several routes with one handler the worst is shown.
fn worse(a: RouteStatus, b: RouteStatus) -> bool {
    let rank = |status| match status {
        RouteStatus::Open => 0,
        RouteStatus::Unknown => 1,
        RouteStatus::Public => 2,
        RouteStatus::Guarded => 3,
    };
    rank(a) < rank(b)
}

fn label(route: &Route, judged: &Judged) -> String {
    let detail = detail(route, &judged.guard);
    match status(&judged.guard) {
        RouteStatus::Guarded => format!("guarded by {detail}"),
        RouteStatus::Open => "open to everybody".to_owned(),
        RouteStatus::Public => format!("public: {detail}"),
        RouteStatus::Unknown => "guard unknown".to_owned(),
    }
}

fn header_end(state: &State, route: &Route) -> Option<u32> {
    let Value::Function(function) = &route.handler else { return None };
    let site = Site { range: function.def.header, ..function.site };
    Some(state.sources.locate(site).range.end)
}

/// What to show for the code under `offset`: the guard of a route at its
/// decorators or header, what a function proves at its name or where it is
/// asked for.
pub(super) fn hover(state: &State, file: FileId, offset: u32) -> Option<Hover> {
    let Some(facts) = state.sources.facts(file) else { return calls::hover(state, file, offset) };
    let item = facts.item_at(offset)?;
    with_interpreter(state, |interpreter| {
        let viewer = Viewer { state, interpreter, judge: Judge::new(interpreter, &state.memo) };
        // A dependency, where it is asked for.
        for (application, route, _) in routes(state) {
            for node in &route.dependencies {
                let at = state.sources.locate(node.site);
                if at.file == file && at.range.touches(offset) {
                    enter(state, &viewer.judge, application);
                    return Some(dependency_hover(state, &viewer, &node.callable, at.range));
                }
            }
        }
        // A route, at its registration, or at the name of its handler.
        let mut here: Vec<(usize, &Route, &Judged)> = Vec::new();
        let mut range = None;
        for (application, route, judged) in routes(state) {
            let registration = state.sources.locate(route.registration);
            let name = handler_site(&route.handler).map(|site| state.sources.locate(site));
            let at =
                [Some(registration), name].into_iter().flatten().find(|at| at.file == file && at.range.touches(offset));
            if let Some(at) = at {
                range.get_or_insert(at.range);
                here.push((application, route, judged));
            }
        }
        if let Some(range) = range {
            return Some(route_hover(&viewer, &here, range));
        }
        let stmt = facts.stmt(item)?;
        // What a type asks for: an alias, where it is made and where it is used.
        let place = facts.place(item, offset)?;
        if let Some((range, value)) = type_at(interpreter, file, item, stmt, place)
            && let Some(callable) = called_for(interpreter, value)
        {
            return Some(dependency_hover(state, &viewer, &callable, facts.absolute(item, range)));
        }
        // A definition that is or could be a dependency.
        let StmtKind::Function(def) = &stmt.kind else { return None };
        let range = facts.absolute(item, def.name.range);
        if !range.touches(offset) || def.params.is_empty() {
            return None;
        }
        let value = interpreter.lookup(file, &def.name.name);
        Some(dependency_hover(state, &viewer, &value, range))
    })
}

/// The type that is named, or given a name, under an offset outside of functions' bodies, and where.
fn type_at(
    interpreter: &Interpreter<'_>,
    file: FileId,
    item: u32,
    stmt: &Stmt,
    offset: u32,
) -> Option<(TextRange, Value)> {
    let mut named: Vec<&Expr> = Vec::new();
    match &stmt.kind {
        StmtKind::TypeAlias { name, .. } if name.range.touches(offset) => {
            return Some((name.range, interpreter.eval_annotation(file, item, &as_expr(name))));
        }
        StmtKind::Function(def) => named.extend(def.params.iter().filter_map(|param| param.annotation.as_ref())),
        StmtKind::Class(class) => {
            let inner = class.body.iter().find(|inner| inner.range.touches(offset))?;
            return type_at(interpreter, file, item, inner, offset);
        }
        StmtKind::Assign(assign) => {
            named.extend(assign.targets.iter().chain(&assign.value).chain(&assign.annotation));
        }
        StmtKind::TypeAlias { value, .. } => named.push(value),
        _ => {
            let inner = stmt.blocks().into_iter().flatten().find(|inner| inner.range.touches(offset))?;
            return type_at(interpreter, file, item, inner, offset);
        }
    }
    while let Some(expr) = named.pop() {
        let is_name = matches!(expr.kind, ExprKind::Name(_) | ExprKind::Attribute { .. });
        if is_name && expr.range.touches(offset) {
            return Some((expr.range, interpreter.eval_annotation(file, item, expr)));
        }
        named.extend(expr.children());
    }
    None
}

fn as_expr(name: &Ident) -> Expr {
    Expr { range: name.range, kind: ExprKind::Name(name.name.clone()) }
}

fn route_hover(viewer: &Viewer<'_, '_>, routes: &[(usize, &Route, &Judged)], range: TextRange) -> Hover {
    let mut markdown = String::new();
    let mut proof: Vec<Related> = Vec::new();
    for (application, route, judged) in routes.iter().take(8) {
        enter(viewer.state, &viewer.judge, *application);
        let word = status(&judged.guard).word();
        markdown.push_str(&format!("**{}** is **{word}**: {}\n\n", shown(route), detail(route, &judged.guard)));
        for step in viewer.proof(route, judged) {
            if !proof.contains(&step) {
                proof.push(step);
            }
        }
    }
    if routes.len() > 8 {
        markdown.push_str(&format!("… and {} more routes\n\n", routes.len() - 8));
    }
    Hover { range, markdown, proof }
}

fn dependency_hover(state: &State, viewer: &Viewer<'_, '_>, callable: &Value, range: TextRange) -> Hover {
    let verdict = viewer.judge.dependency(callable);
    let name = crate::rules::missing_auth_dependency::callable_name(callable).unwrap_or("this dependency");
    let mut proof: Vec<Related> = definition(viewer.interpreter, callable)
        .map(|site| Related { location: state.sources.locate(site), message: format!("`{name}` is defined here") })
        .into_iter()
        .collect();
    proof.extend(
        verdict
            .steps
            .iter()
            .map(|step| Related { location: state.sources.locate(step.site), message: step.note.clone() }),
    );
    Hover { range, markdown: format!("`{name}`: **{}**\n\n", verdict.proof.words()), proof }
}
