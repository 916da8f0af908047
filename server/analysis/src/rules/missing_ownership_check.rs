//! `missing-ownership-check`: a row that anybody can name is given out or changed.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::server_endpoint_without_session::runs_behind;
use super::shared::frontend;
use super::shared::links::check as check_links;
use super::shared::members::check as check_members;
use super::shared::ownership::{Found, Said, behind_guard as behind, check as ownership_check, severity};
use super::shared::strangers::check as check_strangers;
use super::shared::tools::check_tools;
use super::shared::without_credential::check as check_without_credential;
use super::{RuleInfo, State};
use crate::data::{Fault, Use, is_owner};
use crate::frontend::observed::{Asks, Endpoint, EndpointKind};
use crate::frontend::outcome::Outcome;
use crate::frontend::rows::{Chosen, Does, OwnedModel, RowAccess};
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "missing-ownership-check",
    summary: "a row fetched by its key without a look at whose it is",
    cwe: "CWE-639",
    owasp: "API1:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/missing-ownership-check.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    ownership_check(state, wanted, found, &INFO, Fault::Unchecked, &not_compared);
    check_links(state, wanted, found, &INFO);
    check_strangers(state, wanted, found, &INFO, Fault::Unchecked);
    check_without_credential(state, wanted, found, &INFO, Fault::Unchecked);
    check_members(state, wanted, found, &INFO);
    check_tools(state, wanted, found, &INFO, Fault::Unchecked);
}

/// The open routes of which this would be found if somebody verified their callers.
pub(super) fn behind_guard(state: &State, routes: &mut FxHashSet<*const Route>) {
    behind(state, routes, &INFO, Fault::Unchecked, &not_compared);
}

/// A row is found by what the client sends, and nobody compares its owner.
fn not_compared(one: &Found<'_>) -> Said {
    let table = &one.access.table;
    if let Some(parent) = one.parent {
        let message = format!(
            "`{0}` is fetched by {1} and {2}, and nothing looks {7} `{3}` that is{4}: fetch the `{3}` first, compare its `{5}` with {6} and raise 403.",
            table.name,
            one.client(),
            if one.access.usage == Use::Reads { "returned" } else { "changed" },
            parent.name,
            one.custom.words(&parent.name),
            parent.owner,
            one.principal(),
            // The client named the row itself, or the one that it hangs on.
            if table.hangs_on.iter().any(|hang| hang.column == table.owner) { "whose" } else { "in whose" },
        );
        return Some((severity(one)?, one.access.entry, message));
    }
    let whose = match one.columns() {
        Some(columns) => format!("compares {columns} with"),
        None => "compares its owner with".to_owned(),
    };
    let message = format!(
        "`{}` is fetched by {} and {}, and nothing {whose} {}{}{}: compare them and raise 403 before that.",
        table.name,
        one.client(),
        match one.access.usage {
            Use::Reads if one.access.is_look() => "used to fetch others",
            Use::Reads => "returned",
            _ => "changed",
        },
        if one.tenant.is_some() { "that of " } else { "" },
        one.principal(),
        one.custom.words(&table.name)
    );
    Some((severity(one)?, one.access.entry, message))
}

/// The same in route handlers and server actions of Next.js.
pub(super) fn check_endpoints(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let acts = |endpoint: &&Endpoint| {
        // Who asks nobody who it is has something else to mend first.
        matches!(endpoint.kind, EndpointKind::Handler | EndpointKind::Action) && endpoint.asks != Asks::Nothing
    };
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        for endpoint in outcome.observed.endpoints.iter().filter(acts) {
            let may = || runs_behind(state, file, endpoint, &|middleware| middleware.asks_right);
            for access in endpoint.rows.iter().filter(|access| is_open(access) || gives_out(access)) {
                let owned: Vec<&OwnedModel> = owned(state, file, access).collect();
                let wanted = |owned: &&&OwnedModel| access.does == Does::Changes || !owned.changes;
                let Some(owner) = owned.iter().find(wanted).filter(|_| !may()) else { continue };
                if access.does == Does::Reads && is_for_everybody(state, file, access) {
                    continue;
                }
                let kept = access.does == Does::Changes && owned.iter().any(|owned| owned.changes);
                found.extend(endpoint_finding(state, file, endpoint, access, owner, kept));
            }
        }
    }
}

/// Whether rows are changed that the request names, and nothing else has a say.
fn is_open(access: &RowAccess) -> bool {
    let conditions = access.conditions.as_deref().unwrap_or_default();
    access.does == Does::Changes
        && !access.doubted
        && access.is_named_by_request()
        && !conditions.iter().any(|(column, _)| is_owner(column))
}

/// Whether a row is given out that the request names by its key, and nothing else has a say.
fn gives_out(access: &RowAccess) -> bool {
    let is_one = matches!(
        access.method.as_str(),
        "findUnique" | "findUniqueOrThrow" | "findFirst" | "findFirstOrThrow" | "select"
    );
    let conditions = access.conditions.as_deref().unwrap_or_default();
    let is_key = |column: &SmolStr| {
        let of_model = column.strip_suffix("Id").or_else(|| column.strip_suffix("_id"));
        matches!(column.as_str(), "id" | "_id" | "uuid") || of_model.is_some_and(|model| *model == access.model)
    };
    let is_named = conditions.iter().any(|(column, by)| *by == Chosen::Request && is_key(column));
    is_one && access.given_out && is_named && !conditions.iter().any(|(column, _)| is_owner(column))
}

/// Whether the same project gives such rows to everybody: it reads all of them for whoever asks, or one of them without
/// finding out who does.
fn is_for_everybody(state: &State, file: FileId, access: &RowAccess) -> bool {
    project_of(state, file).any(|(_, outcome)| {
        let seen = &outcome.observed;
        let is_same =
            |other: &RowAccess| other.model == access.model && other.does == Does::Reads && other.is_named_by_request();
        let mut strangers = seen.endpoints.iter().filter(|endpoint| endpoint.asks == Asks::Nothing);
        seen.listed.iter().any(|(_, model)| *model == access.model)
            || strangers.any(|endpoint| endpoint.rows.iter().any(is_same))
    })
}

/// Where the same project narrows rows of that model to somebody's.
fn owned<'s>(state: &'s State, file: FileId, access: &'s RowAccess) -> impl Iterator<Item = &'s OwnedModel> {
    let owned = project_of(state, file).flat_map(|(_, outcome)| &outcome.observed.owned);
    owned.filter(|owned| owned.model == access.model)
}

/// What the modules of a file's project do.
fn project_of(state: &State, file: FileId) -> impl Iterator<Item = (FileId, &Outcome)> {
    let project = |file: FileId| {
        let path = state.sources.file(file).map_or("", |source| source.path.as_str());
        state.frontend.next_project(path).map(|(folder, _)| folder)
    };
    let own = project(file);
    state.frontend.outcomes().filter(move |(other, _)| project(*other) == own)
}

fn endpoint_finding(
    state: &State,
    file: FileId,
    endpoint: &Endpoint,
    access: &RowAccess,
    owner: &OwnedModel,
    kept: bool,
) -> Option<Diagnostic> {
    let (model, column) = (&access.model, &owner.column);
    let conditions = access.conditions.as_deref().unwrap_or_default();
    let key = conditions.iter().find(|(_, by)| *by == Chosen::Request).map(|(column, _)| column)?;
    let method = &access.method;
    let message = match access.does {
        Does::Reads => format!(
            "`{model}.{method}` gives any `{model}` that the request names by `{key}` to whoever is signed in, and nothing looks whose that is, although `{column}` says it: put the session's `{column}` into `where`, or compare and answer 404."
        ),
        _ => format!(
            "`{model}.{method}` takes any `{model}` that the request names by `{key}`, and nothing looks whose that is, although `{column}` says it: put the session's `{column}` into `where`, or fetch the row first, compare and answer 403."
        ),
    };
    let severity = if kept { Severity::Error } else { Severity::Warning };
    // The line of the endpoint's own module, or the endpoint.
    let place = if access.place.file == file { access.place } else { endpoint.place };
    let steps = [
        (access.place, if access.does == Does::Reads { "the row is read here" } else { "rows are changed here" }),
        (endpoint.place, "whoever is signed in can call this"),
        (owner.place, "rows are narrowed to somebody's here"),
    ];
    let steps = steps.into_iter().filter_map(|(place, what)| frontend::related(state, place, what)).collect();
    frontend::report(state, &INFO, severity, place, message, steps)
}
