//! `secret-in-response`: a secret of the application that a route answers with.

use std::cmp::Reverse;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::missing_auth_dependency::is_test;
use super::server_endpoint_without_session::is_behind_middleware;
use super::shared::frontend;
use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, for_each_served, report};
use crate::auth::guard::Guard;
use crate::auth::tokens::Shown;
use crate::frontend::observed::{Asks, Endpoint, EndpointKind};
use crate::frontend::shown::ShownSecret;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "secret-in-response",
    summary: "a secret of the application that a route answers with",
    cwe: "CWE-200",
    owasp: "API3:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/secret-in-response.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    check_settings(state, wanted, found);
    check_tokens(state, wanted, found);
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        let Some(exposed) = &judged.data.exposes else { return };
        let is_here = wanted(exposed.handler.file) && !is_test(state, exposed.handler.file);
        if !is_here || state.sources.is_ghost(exposed.handler) || route.conditional || !seen.insert(exposed.handler) {
            return;
        }
        let (severity, what) = match exposed.own {
            true => (Severity::Info, format!("the caller's own row of `{}` as it is", exposed.table)),
            false => (Severity::Warning, format!("rows of `{}` as they are", exposed.table)),
        };
        let advice = match &exposed.shape {
            Some(shape) => format!("Leave it out of `{shape}`, or answer with a model without it."),
            None => "Give the route a `response_model` without that column.".to_owned(),
        };
        let message = format!(
            "This answers with {what}, `{}` among its columns: whoever reads a hash can try passwords out on it. {advice}",
            exposed.column
        );
        found.push(report(state, &INFO, severity, exposed.handler, message, Vec::new()));
    });
}

/// Tokens for somebody whom the client names, in answers of routes that ask nobody who it is.
fn check_tokens(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut ways_in: Vec<(Site, &(SmolStr, SmolStr))> = Vec::new();
    for_each_served(state, |application, _, judged| {
        ways_in.extend(judged.data.ways_in.iter().map(|way| (application.site, way)));
    });
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |application, route, judged| {
        let is_open = matches!(judged.guard, Guard::Open(_) | Guard::Public(_)) && !route.conditional;
        for handed in judged.data.handed_out.iter().filter(|_| is_open) {
            let site = handed.site;
            let is_here = wanted(site.file) && !is_test(state, site.file) && !state.sources.is_ghost(site);
            if !is_here || !seen.insert(site) {
                continue;
            }
            let leads_in = |way: &(SmolStr, SmolStr)| ways_in.contains(&(application.site, way));
            const SEND: &str = "Send it to the address that the account has, and answer the same whether there is one.";
            let (severity, then, instead) = match &handed.kept_in {
                Some(way) if leads_in(way) => (
                    Severity::Error,
                    ", and a new password is set with it: no mailbox is needed to take an account over",
                    SEND,
                ),
                _ if judged.guard.signs_in() || handed.kept_in.is_none() && judged.guard.is_callback() => (
                    Severity::Error,
                    ": whoever names an account is signed in to it",
                    "Ask for a proof first: the password, or the token of the identity provider, verified.",
                ),
                _ if judged.guard.refreshes() => (
                    Severity::Error,
                    ": with any token to refresh, or none, whoever names an account is signed in to it",
                    "Take the user from the row of the token that was sent, or compare both.",
                ),
                _ => (Severity::Warning, ": whatever it shows, nobody has to be that user for it", SEND),
            };
            let message = format!(
                "This token is made for the user whom the request names, and given to whoever asks{then}. {instead}"
            );
            found.push(report(state, &INFO, severity, site, message, Vec::new()));
        }
    });
}

/// Variables of the environment in answers of route handlers and server actions.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let answers = |one: &&Endpoint| matches!(one.kind, EndpointKind::Handler | EndpointKind::Action);
    let mut seen = FxHashSet::default();
    for (file, outcome) in state.frontend.outcomes() {
        for endpoint in outcome.observed.endpoints.iter().filter(answers) {
            // One that answers in several ways is told once, where it gives most.
            let mut shown: Vec<&ShownSecret> = endpoint.shown.iter().collect();
            shown.sort_by_key(|shown| (Reverse(shown.front.unwrap_or(u32::MAX)), shown.place));
            let mut told = FxHashSet::default();
            shown.retain(|shown| told.insert(shown.variable.as_str()));
            for shown in shown.into_iter().filter(|shown| wanted(shown.place.file)) {
                if seen.insert((shown.place, shown.variable.as_str())) {
                    found.extend(in_answer(state, file, endpoint, shown));
                }
            }
        }
    }
}

fn in_answer(state: &State, file: FileId, endpoint: &Endpoint, shown: &ShownSecret) -> Option<Diagnostic> {
    let is_open = endpoint.asks == Asks::Nothing && !is_behind_middleware(state, file, endpoint);
    let severity = if is_open && shown.front.is_none() { Severity::Error } else { Severity::Warning };
    let variable = &shown.variable;
    let front = shown.front.map(|front| format!("the first {front} characters of ")).unwrap_or_default();
    let what = match shown.is_database {
        true => format!("{front}`{variable}`, the address of the database with the password that stands in it"),
        false => format!("{front}`{variable}`, a secret of the application"),
    };
    let who = if is_open { "whoever asks" } else { "its callers" };
    let message = format!("`{}` gives {who} {what}: leave it out.", endpoint.name);
    let others = endpoint.shown.iter().filter(|other| other.variable == shown.variable && other.place != shown.place);
    let others = others.filter_map(|other| frontend::related(state, other.place, "this answer has it too"));
    let steps = frontend::related(state, endpoint.place, "this answers").into_iter().chain(others).collect();
    frontend::report(state, &INFO, severity, shown.place, message, steps)
}

/// Settings and secrets of the application itself.
fn check_settings(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut exposed = Vec::new();
    for_each_item(state, wanted, |tokens| {
        exposed.extend(tokens.exposed.iter().filter(|exposed| state.in_use.is_handler(exposed.function)));
    });
    if exposed.is_empty() {
        return;
    }
    let mut open: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        if matches!(judged.guard, Guard::Open(_) | Guard::Public(_)) {
            open.extend(handler_site(&route.handler));
        }
    });
    for exposed in exposed {
        let open = open.contains(&exposed.function);
        let part = exposed.part.map(|part| format!("{part} characters of ")).unwrap_or_default();
        let message = match exposed.what {
            Shown::Settings => {
                "This route answers with all settings, the secrets among them: answer with the few that clients need."
                    .to_owned()
            }
            Shown::Secret => format!("This route answers with {part}a secret of the application: leave it out."),
            Shown::Database => format!(
                "This route answers with {part}the address of the database, and the password that stands in it: leave it out."
            ),
            Shown::Code => "This route answers whoever asks with the code that it draws: nobody needs the mailbox or the telephone that it is for. Send it there, and nowhere else.".to_owned(),
        };
        // A part of a secret opens nothing by itself.
        let severity = match (open, exposed.part) {
            (false, _) if exposed.what == Shown::Code => continue,
            (true, None) if exposed.what == Shown::Code => Severity::Warning,
            (true, None) => Severity::Error,
            (true, Some(_)) | (false, None) => Severity::Warning,
            (false, Some(_)) => Severity::Info,
        };
        found.push(report(state, &INFO, severity, exposed.site, message, Vec::new()));
    }
}
