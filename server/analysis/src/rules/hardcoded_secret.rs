//! `hardcoded-secret`: a key that stands in the code.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::shared::frontend;
use super::shared::keys::{self, UsedVariable, used_near, used_variables};
use super::shared::tokens::{for_each_item, is_script};
use super::{RuleInfo, State, related, report};
use crate::auth::keys::{Key, Purpose, Source, What};
use crate::auth::tokens::WrittenPassword;
use crate::facts::environment::{self, Form, Looks, Variable, When, form, is_for_tests};
use crate::facts::held::Held;
use crate::frontend::is_written_into_code;
use crate::frontend::outcome::{KeyUse, Place};
use crate::ide::{Confidence, Diagnostic, Related, Severity};
use crate::index::value::Site;
use crate::vfs::{FileId, Location};

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "hardcoded-secret",
    summary: "a key or password that stands in the code, or in a file that is committed",
    cwe: "CWE-798",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/hardcoded-secret.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    check_environments(state, wanted, found);
    check_texts(state, wanted, found);
    check_written(state, wanted, found);
    let stands_there = |key: &Key| match key.what {
        What::Text => true,
        What::Empty => !is_refused(state, key),
        _ => false,
    };
    keys::at_origins(state, wanted, found, &INFO, &stands_there, &|key| Some(said(key)));
}

/// Whether code refuses to go on where a setting is empty, in whatever module that asks.
fn is_refused(state: &State, key: &Key) -> bool {
    let (Source::Setting(field) | Source::Environment(field)) = &key.source else { return false };
    let refused = state.tokens.items().flat_map(|(_, tokens)| &tokens.refused);
    let is_it = |class: Site| (class.file, class.item) == (key.origin.file, key.origin.item);
    refused.into_iter().any(|refused| refused.field.eq_ignore_ascii_case(field) && is_it(refused.class))
}

/// Keys and passwords of services in code.
fn check_texts(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    // Functions of a file that send mails mostly sign in to one account.
    let mut senders = FxHashSet::default();
    for_each_item(state, wanted, |tokens| {
        for (site, held) in tokens.held.iter().filter(|(site, _)| !state.sources.is_ghost(*site)) {
            let message = match held {
                Held::Password => DATABASE.to_owned(),
                Held::Mail if !senders.insert(site.file) => continue,
                Held::Mail => MAIL.to_owned(),
                // What code is seen to sign or verify with is said of the key.
                Held::Default if is_used_key(state, *site) => continue,
                Held::Default => DEFAULT.to_owned(),
                // It is a file of its own.
                Held::PrivateKey => continue,
                Held::Key(service) => format!(
                    "What stands here looks like a key of {service}, and whoever has read the code can use it: read it from the environment, and have {service} revoke this one."
                ),
            };
            let severity = if *held == Held::Default { Severity::Warning } else { Severity::Error };
            found.push(report(state, &INFO, severity, *site, message, Vec::new()));
        }
    });
}

/// Passwords in code that accounts get, or that let callers in: one finding for each, where it stands.
fn check_written(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut standing: BTreeMap<Site, Vec<&WrittenPassword>> = BTreeMap::new();
    for_each_item(state, &|_| true, |tokens| {
        // Whoever is let in by it may get an account with it, too.
        let lets_in = tokens.written_passwords.iter().any(|written| written.lets_in);
        let is_told = |written: &&WrittenPassword| written.lets_in || !lets_in;
        for written in tokens.written_passwords.iter().filter(is_told) {
            if wanted(written.origin.file) && !is_script(state, written.used.file) {
                standing.entry(written.origin).or_default().push(written);
            }
        }
    });
    for (origin, mut uses) in standing.into_iter().filter(|(origin, _)| !state.sources.is_ghost(*origin)) {
        uses.sort_by_key(|written| (!written.lets_in, written.used));
        let first = uses[0];
        let severity = match (first.lets_in, &first.unless) {
            (true, None) => Severity::Error,
            _ if uses.iter().all(|written| fills_in(state, written.used)) => Severity::Info,
            _ => Severity::Warning,
        };
        let steps = uses.iter().filter(|written| !state.sources.is_ghost(written.used)).map(|written| {
            let what =
                if written.lets_in { "it is compared with what callers send here" } else { "an account gets it here" };
            related(state, written.used, what.to_owned())
        });
        found.push(report(state, &INFO, severity, origin, said_of_written(first), steps.collect()));
    }
}

fn said_of_written(written: &WrittenPassword) -> String {
    match &written.unless {
        None if written.lets_in => "Whoever sends the password that stands in the code is let in, and whoever has read it knows that. Keep a hash of it outside of the code, and let a library for passwords compare.".to_owned(),
        Some(name) if written.lets_in => format!(
            "Where `{name}` is not set, whoever sends the password that stands in the code is let in. Leave the default out, so that nothing starts without it."
        ),
        None => "An account gets a password that stands in the code: whoever has read it can sign in, until somebody changes it. Read it from the environment, without a default.".to_owned(),
        Some(name) => format!(
            "Where `{name}` is not set, an account gets a password that stands in the code: whoever has read it can sign in, until somebody changes it. Leave the default out, so that nothing starts without it."
        ),
    }
}

/// What is said of a default that looks like a key.
const DEFAULT: &str = "What stands in for a key here looks like one that is in use, and whoever has read the code can use it: leave the default out, so that nothing starts without the variable, and have the key replaced.";

/// Whether a text is a key that code is seen to sign or verify with, or to compare with what callers send.
fn is_used_key(state: &State, site: Site) -> bool {
    let compared = state.tokens.items().flat_map(|(_, tokens)| tokens.compared_keys.iter());
    let mut keys = state.keys.values().flat_map(|file| file.iter()).chain(compared);
    keys.any(|key| {
        let origin = key.origin;
        (origin.file, origin.item) == (site.file, site.item)
            && (origin.range.contains_range(site.range) || site.range.contains_range(origin.range))
    })
}

/// What is said of the password of an account for mails in code.
const MAIL: &str = "The password of an account for mails stands in the code, and whoever has read the code can send from it, and read what it gets, links to reset passwords among that: read it from the environment, and change it.";

/// What is said of the password of a database in code.
const DATABASE: &str = "The password of a database stands in the code, and whoever has read the code can read and change what is in it: read the address from the environment, and change the password.";

/// Whether a file is called what fills a database with data to try things out with.
fn fills_in(state: &State, site: Site) -> bool {
    const WORDS: &[&str] = &["seed", "seeds", "seeder", "demo", "sample", "fixture", "fixtures"];
    let path = state.sources.file(site.file).map_or("", |source| source.path.as_str());
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(['_', '-', '.']).any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

/// What is said of a variable of a committed file by what its value holds.
fn said_of_held(name: &str, held: Held, form: Form) -> String {
    let file = if form == Form::Example { "This example is" } else { "This file is" };
    match held {
        Held::Password => format!(
            "{file} committed, and `{name}` holds the password of a database: whoever can read the repository, or a copy of it, can read and change what is in it. Take the value out, and change the password."
        ),
        held if is_shown_in_browsers(name, held) => format!(
            "{file} committed, and the value of `{name}` looks like a key of Google for browsers, which get it anyway: have Google take it from the addresses of this application alone, or others use what it pays for."
        ),
        Held::Key(service) if form == Form::Key => format!(
            "{file} committed, and it holds what looks like a key of {service}: whoever can read the repository, or a copy of it, can use it. Take the file out of the repository, and have {service} revoke the key."
        ),
        Held::Key(service) => format!(
            "{file} committed, and the value of `{name}` looks like a key of {service}: whoever can read the repository, or a copy of it, can use it. Take the value out, and have {service} revoke it."
        ),
        // Told by what is done with them, in code.
        Held::Mail => MAIL.to_owned(),
        Held::Default => DEFAULT.to_owned(),
        Held::PrivateKey => {
            "This file is committed, and a private key stands in it: whoever can read the repository, or a copy of it, can sign with it, or answer for the server or account that it belongs to. Take the file out of the repository, and issue a new key."
                .to_owned()
        }
    }
}

/// Whether a bundler writes the value of a variable into code for browsers, by its name, and that is a key which services of
/// Google take from browsers (Maps, Firebase): who may use it, Google tells by the address of the page.
fn is_shown_in_browsers(name: &str, held: Held) -> bool {
    held == Held::Key("Google") && is_written_into_code(name)
}

/// Keys in files that set variables and are committed: of variables that code
/// signs or verifies with.
fn check_environments(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut used = None;
    for (file, environment) in state.environments.iter().filter(|(file, set)| set.is_committed && wanted(**file)) {
        let used = used.get_or_insert_with(|| used_variables(state));
        let path = state.sources.file(*file).map(|source| source.path.as_str());
        let Some(form) = path.and_then(form) else { continue };
        for variable in &environment.variables {
            // Services of a file that share a key are one finding.
            let Some(others) = keys::copies_in_file(*file, &environment.variables, variable) else { continue };
            if let Some(held) = variable.value.holds {
                found.push(Diagnostic {
                    rule: INFO.code,
                    severity: match held {
                        Held::PrivateKey => Severity::Warning,
                        held if is_shown_in_browsers(&variable.name, held) => Severity::Info,
                        _ => Severity::Error,
                    },
                    confidence: Confidence::High,
                    location: Location { file: *file, range: variable.range },
                    message: said_of_held(&variable.name, held, form),
                    related: others,
                    unnecessary: false,
                });
                continue;
            }
            let asked = match &variable.when {
                When::Always => None,
                When::Unset(asked) => Some(asked),
            };
            // What asks to be replaced is `weak-secret`'s, unless it stands in silently.
            let is_key = match variable.value.looks {
                Looks::Own | Looks::Guessable => true,
                Looks::Placeholder => asked.is_some(),
                Looks::Blank => false,
            };
            // A chart's own name for a value may leave the end out: `jwtSecret` is given as `JWT_SECRET_KEY`.
            let longer = (form == Form::Values).then(|| format!("{}_KEY", variable.name));
            let usage = used_near(state, used, &variable.name, *file, variable.to_frontend).or_else(|| {
                longer.as_deref().and_then(|name| used_near(state, used, name, *file, variable.to_frontend))
            });
            let Some(usage) = usage.filter(|_| is_key) else { continue };
            if form == Form::Values && keys::is_name_of_object(state, *file, variable) {
                continue;
            }
            let Some(copies) = copies(state, used, *file, form, variable) else { continue };
            let (name, power, does) = (&variable.name, usage.power(), usage.does());
            let (severity, message) = match (asked, form) {
                (Some(asked), form) => {
                    let instead = match form {
                        _ if asked.starts_with('.') => "write `required` in the place of `default`".to_owned(),
                        Form::Image => "leave the default out".to_owned(),
                        _ => format!("write `${{{asked}:?}}`"),
                    };
                    let message = format!(
                        "Where `{asked}` is not set, the key is the value that stands here, and whoever has read this file {power}: {instead}, so that nothing starts without it."
                    );
                    (Severity::Warning, message)
                }
                (None, Form::Example) if path.is_some_and(is_for_tests) => (
                    Severity::Info,
                    format!(
                        "This file is committed, and `{name}` is a key that was generated: that is fine as long as tests alone use it, and whoever can read the repository {power} where anything else does."
                    ),
                ),
                (None, Form::Example) => (
                    Severity::Warning,
                    format!(
                        "This example is committed, and the value of `{name}` is a key that was generated, with which code {does}: where it is in use, whoever can read the repository {power}. Write what belongs there in its place, and issue a new key."
                    ),
                ),
                // Of Alembic's, other values are not kept.
                (None, Form::Lines | Form::Alembic) => (
                    Severity::Error,
                    format!(
                        "This file is committed, and `{name}` is a key: whoever can read the repository, or a copy of it, {power}. Take the file out of the repository, and issue a new key."
                    ),
                ),
                // Whoever has it is said above.
                (None, Form::Key) => continue,
                (None, Form::Compose | Form::Manifest | Form::Values | Form::Image) => (
                    Severity::Error,
                    format!(
                        "This file is committed, and `{name}` is a key: whoever can read the repository, or a copy of it, {power}. Have the value come from outside, and issue a new key."
                    ),
                ),
            };
            found.push(Diagnostic {
                rule: INFO.code,
                severity,
                confidence: Confidence::High,
                location: Location { file: *file, range: variable.range },
                message,
                related: usage.related(state).into_iter().chain(others).chain(copies).collect(),
                unnecessary: false,
            });
        }
    }
}

/// Where the value of a variable of an example is set again, in this file and in others; none where it is said at
/// another place already.
fn copies(state: &State, used: &[UsedVariable], file: FileId, form: Form, variable: &Variable) -> Option<Vec<Related>> {
    if form != Form::Example {
        return Some(Vec::new());
    }
    let committed = state.environments.iter().filter(|(_, set)| set.is_committed);
    let all = committed.flat_map(|(file, set)| set.variables.iter().map(move |one| (*file, one)));
    let same = all.filter(|(_, one)| one.value.fingerprint == variable.value.fingerprint && one.value.is_random);
    let same = same.filter(|(file, one)| used_near(state, used, &one.name, *file, one.to_frontend).is_some());
    let path = |file: FileId| state.sources.file(file).map_or("", |source| source.path.as_str());
    let mut same: Vec<(&str, FileId, &Variable)> = same.map(|(file, one)| (path(file), file, one)).collect();
    same.sort_by_key(|(path, _, one)| (environment::form(path) == Some(Form::Example), *path, one.range));
    let (first, others) = same.split_first()?;
    let step = |(_, file, one): &(&str, FileId, &Variable)| Related {
        location: Location { file: *file, range: one.range },
        message: "the same value is set here too".to_owned(),
    };
    (first.1 == file && first.2.range == variable.range).then(|| others.iter().map(step).collect())
}

/// Variables that Better Auth 1.7 reads its secret from by itself.
const BETTER_AUTH_VARIABLES: &[&str] = &["BETTER_AUTH_SECRET", "AUTH_SECRET"];

/// A text in the frontend's code that may be a key.
#[derive(Default)]
struct KeyText<'s> {
    /// The variable that it stands in for.
    variable: Option<&'s SmolStr>,
    /// Where it is used, and what for.
    uses: BTreeSet<(Place, KeyUse)>,
}

/// Keys in the frontend's code.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut literals: BTreeMap<Place, KeyText<'_>> = BTreeMap::new();
    for (file, outcome) in state.frontend.outcomes() {
        for place in outcome.observed.passwords.iter().filter(|place| place.file == file && wanted(file)) {
            found.extend(frontend::report(state, &INFO, Severity::Error, *place, DATABASE.to_owned(), Vec::new()));
        }
        // One that stands in for a variable may be used in every module that imports it.
        for literal in outcome.literals.iter().filter(|literal| wanted(literal.place.file)) {
            let text = literals.entry(literal.place).or_default();
            text.variable = literal.variable.as_ref();
            text.uses.extend(literal.uses.iter().map(|(used, at)| (*at, *used)));
        }
    }
    for (place, KeyText { variable, uses }) in literals {
        let is_read_by_name = variable.is_some_and(|name| BETTER_AUTH_VARIABLES.contains(&name.as_str()));
        let used = match uses.iter().map(|(_, used)| *used).min() {
            Some(used) => used,
            None if is_read_by_name => KeyUse::BetterAuth,
            None => continue,
        };
        let (severity, message) = said_of_literal(variable, used);
        let steps = uses.iter().filter_map(|(at, _)| frontend::related(state, *at, "it is used here"));
        let mut steps: Vec<Related> = steps.collect();
        steps.sort_by_key(|step| step.location);
        found.extend(frontend::report(state, &INFO, severity, place, message, steps));
    }
}

/// Severity and message of a key in the frontend's code, by the variable that it stands in for.
fn said_of_literal(variable: Option<&SmolStr>, used: KeyUse) -> (Severity, String) {
    let purpose = match used {
        KeyUse::BetterAuth => "Better Auth signs cookies and encrypts with",
        KeyUse::Signs => "signs tokens",
        KeyUse::Verifies => "verifies tokens",
    };
    match variable {
        Some(variable) => (
            Severity::Warning,
            format!(
                "Where `{variable}` is not set, the key that {purpose} is a value that stands in the code, and whoever has read the code can use it: fail when it is missing."
            ),
        ),
        None => (
            Severity::Error,
            format!(
                "The key that {purpose} is a value that stands in the code, and whoever has read the code can use it: read it from the environment, and fail when it is missing."
            ),
        ),
    }
}

/// Severity and message; the value itself is never said.
fn said(key: &Key) -> (Severity, String) {
    let purpose = key.purpose.verb();
    let is_empty = key.what == What::Empty;
    let value = if is_empty { "the empty text" } else { "a value that stands in the code" };
    let who = if is_empty { "anybody" } else { "whoever has read the code" };
    match &key.source {
        Source::Literal => (
            if key.purpose == Purpose::Hmac { Severity::Warning } else { Severity::Error },
            format!(
                "The key that {purpose} is {value}, and {who} can use it: read it from the environment, and fail when it is missing."
            ),
        ),
        Source::Environment(variable) => (
            Severity::Warning,
            format!(
                "Where `{variable}` is not set, the key that {purpose} is {value}, and {who} can use it: fail when it is missing."
            ),
        ),
        Source::Setting(field) => (
            Severity::Warning,
            format!(
                "Where nothing sets `{field}`, the key that {purpose} is {value}, and {who} can use it: leave the default out, so that the application fails when it is missing."
            ),
        ),
    }
}
