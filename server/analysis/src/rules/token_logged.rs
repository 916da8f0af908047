//! `token-logged`: secrets in logs.

use std::cell::OnceCell;
use std::cmp::Reverse;

use rustc_hash::FxHashSet;

use super::shared::frontend;
use super::shared::tokens::{for_each_item, is_script};
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::guard::{may_sign_up, verifies_password};
use crate::auth::public::is_delivery;
use crate::auth::tokens::{JWT_HEADER, Logged, Secret};
use crate::frontend::outcome::{self as logs, What};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::verdicts::{handler_site, with_interpreter};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "token-logged",
    summary: "a token, password or key that is written to a log",
    cwe: "CWE-532",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/token-logged.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let takes_passwords = OnceCell::new();
    for_each_item(state, wanted, |tokens| {
        for (at, logged) in tokens.logged.iter().enumerate() {
            let is_same = |other: &&Logged| is_same_front(logged, other);
            if is_script(state, logged.site.file) || tokens.logged[..at].iter().any(|other| is_same(&other)) {
                continue;
            }
            if logged.what == Secret::Bodies && !takes_passwords.get_or_init(|| takes_passwords_of_callers(state)) {
                continue;
            }
            let (severity, what) = match said(logged) {
                (Severity::Error, _) if logged.what == Secret::Headers && takes_deliveries(state, logged.site) => (
                    Severity::Warning,
                    "all headers of the request, with what its sender proves itself by among them".to_owned(),
                ),
                said => said,
            };
            let sink = &logged.sink;
            let use_of_it = match (logged.part, logged.what) {
                (None, _) => "whoever reads the log can use it",
                (Some(_), Secret::Token | Secret::Issued) => FRONT_OF_TOKEN,
                (Some(_), _) => "whoever reads the log has so much less to guess",
            };
            let message =
                format!("`{sink}` writes {what}: {use_of_it}. Log who it is about, or what kind of error it was.");
            let mut steps = vec![related(state, logged.origin, "the value comes from here".to_owned())];
            let again = tokens.logged[at + 1..].iter().filter(is_same);
            steps.extend(again.map(|other| related(state, other.site, "it is written here too".to_owned())));
            found.push(report(state, &INFO, severity, logged.site, message, steps));
        }
    });
}

/// Whether the function at a place handles nothing but what other services deliver, who have no user's token.
fn takes_deliveries(state: &State, site: Site) -> bool {
    let (mut takes, mut others) = (false, false);
    for_each_served(state, |_, route, _| {
        if handler_site(&route.handler).is_some_and(|handler| (handler.file, handler.item) == (site.file, site.item)) {
            let is_one = is_delivery(&route.path, &route.methods);
            takes |= is_one;
            others |= !is_one;
        }
    });
    takes && !others
}

/// Whether callers send passwords: to sign in, or to sign up.
fn takes_passwords_of_callers(state: &State) -> bool {
    with_interpreter(state, |interpreter| {
        let mut takes = false;
        for_each_served(state, |_, route, _| {
            takes = takes || verifies_password(interpreter, route) || may_sign_up(interpreter, route);
        });
        takes
    })
}

/// Whether two places write the same few characters of one token: a name for it that is used more than once.
fn is_same_front(one: &Logged, other: &Logged) -> bool {
    let is_front = one.part.is_some_and(|part| part <= JWT_HEADER);
    is_front && one.origin == other.origin && one.what == other.what && one.part == other.part
}

/// What whoever reads a log has of the first characters of a token.
const FRONT_OF_TOKEN: &str = "of a JWT that may be its header alone, of any other token it is a part of the secret";

/// What the frontend's code writes to the console.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    // What a function writes may be known only where another file calls it.
    let mut written: Vec<&logs::Logged> = state
        .frontend
        .outcomes()
        .flat_map(|(_, outcome)| &outcome.logged)
        .filter(|one| wanted(one.place.file))
        .collect();
    // Of several callers the one that gives most.
    written.sort_by_key(|one| (one.place, Reverse(one.front.unwrap_or(u32::MAX))));
    let mut told = FxHashSet::default();
    for logged in written {
        let (severity, what) = match &logged.what {
            What::Token(name) => (Severity::Warning, format!("the `{name}` that a sign-in gave")),
            What::Secret(name) => (Severity::Error, format!("the secret `{name}`")),
            What::Mailed(name) => (Severity::Warning, format!("the `{name}` that is to be mailed")),
            What::Password(name) if logged.on_server => {
                (Severity::Error, format!("the `{name}` that somebody sends to this endpoint"))
            }
            What::Password(name) => (Severity::Warning, format!("the `{name}` that somebody typed into a form")),
            What::Unknown | What::Harmless => continue,
        };
        if !told.insert(logged.place) {
            continue;
        }
        let (severity, part, use_of_it) = match logged.front {
            Some(front) => {
                let severity = if i64::from(front) <= JWT_HEADER { Severity::Info } else { severity };
                (severity, format!("{front} characters of "), FRONT_OF_TOKEN)
            }
            None => (severity, String::new(), "whoever reads what it writes can use it"),
        };
        let message =
            format!("The console gets {part}{what}: {use_of_it}. Log who it is about, or what kind of error it was.");
        found.extend(frontend::report_where_run(state, &INFO, severity, logged.place, message, Vec::new()));
    }
}

/// Severity, and what is written: what callers send is only written for debugging where somebody has asked for that.
fn said(logged: &Logged) -> (Severity, String) {
    let (severity, what) = said_of_all(logged);
    let is_for_debugging = [".debug", ".trace"].iter().any(|method| logged.sink.ends_with(method));
    let is_of_callers = !matches!(logged.what, Secret::Key | Secret::Database);
    match severity {
        Severity::Error if is_for_debugging && is_of_callers => (Severity::Warning, what),
        severity => (severity, what),
    }
}

fn said_of_all(logged: &Logged) -> (Severity, String) {
    let what = match logged.what {
        Secret::Token => "the caller's token",
        Secret::Headers => "all headers of the request, the caller's token among them",
        Secret::Cookies => "all cookies of the request, a session's among them perhaps",
        Secret::Password => "a password",
        Secret::PasswordHolder => "an object of the request with the password in it",
        Secret::Key => "a secret of the application",
        Secret::Issued => "a token that was just issued",
        Secret::Code => "a code for one time that was just drawn",
        Secret::Database => "the address of the database, and the password that stands in it",
        Secret::Bodies => "bodies of requests as they came, the passwords of those who sign in among them",
        Secret::Claims => "all claims of the token, with whatever it says of its owner",
    };
    match (logged.part, logged.what) {
        (Some(part), Secret::Token | Secret::Issued) if part <= JWT_HEADER => {
            (Severity::Info, format!("{part} characters of {what}"))
        }
        (Some(part), _) => (Severity::Warning, format!("{part} characters of {what}")),
        (None, Secret::Claims) => (Severity::Info, what.to_owned()),
        (None, Secret::Database | Secret::Cookies | Secret::Bodies | Secret::Code) => {
            (Severity::Warning, what.to_owned())
        }
        (None, _) => (Severity::Error, what.to_owned()),
    }
}
