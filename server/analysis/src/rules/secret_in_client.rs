//! `secret-in-client`: a secret in code that browsers load.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::auth::guard::Guard;
use crate::auth::{Judge, Proof};
use crate::frontend::observed::{EnvironmentRead, Passed};
use crate::frontend::outcome::Place;
use crate::frontend::tokens::is_secret_name;
use crate::ide::{Diagnostic, Severity};
use crate::index::dependencies::called;
use crate::index::value::Site;
use crate::verdicts::calls::{Origins, Reached};
use crate::verdicts::{enter, with_interpreter};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "secret-in-client",
    summary: "a secret that browsers get to see",
    cwe: "CWE-200",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/secret-in-client.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    check_keys(state, wanted, found);
    let placement = &state.frontend.placement;
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        let observed = &outcome.observed;
        for passed in observed.passed.iter().filter(|passed| placement.in_browser(passed.component)) {
            if !placement.in_browser(file) {
                found.extend(handed_over(state, passed));
            }
        }
        for inlined in observed.inlined.iter().filter(|inlined| is_secret_name(&inlined.name)) {
            found.extend(written_in(state, inlined));
        }
        if !placement.in_browser(file) {
            continue;
        }
        for read in observed.environment.iter().filter(|read| is_public_secret(&read.name)) {
            let message = format!(
                "Next.js writes the value of `{}` into the code that browsers load, because its name begins with `NEXT_PUBLIC_`: everybody can read this secret. Give it a name without that, read it on the server only, and replace the secret.",
                read.name
            );
            let steps = frontend::way_to_browser(state, file);
            found.extend(frontend::report(state, &INFO, Severity::Error, read.place, message, steps));
        }
        for (place, whose) in &observed.key_literals {
            let message = format!(
                "This has the form of a secret key of {whose}, and stands in code that browsers load: everybody can read it. Replace the key, and keep the new one in the environment of the server."
            );
            let steps = frontend::way_to_browser(state, file);
            found.extend(frontend::report(state, &INFO, Severity::Error, *place, message, steps));
        }
    }
}

/// A key that browsers send.
struct SentKey {
    /// A request that holds it.
    place: Place,
    /// As which header.
    header: SmolStr,
    /// The routes that are reached with it.
    routes: BTreeSet<(usize, usize)>,
    /// Where the backend compares it.
    compared: Site,
}

/// Keys that browsers send, where nothing else guards what they reach.
fn check_keys(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let sent =
        || state.frontend.outcomes().flat_map(|(file, outcome)| outcome.requests.iter().map(move |one| (file, one)));
    if !sent().any(|(_, request)| !request.keys.is_empty()) {
        return;
    }
    let origins = Origins::new(state);
    let placement = &state.frontend.placement;
    // By the module that sends it and the variable.
    let mut keys: BTreeMap<(FileId, SmolStr), SentKey> = BTreeMap::new();
    for (file, request) in sent().filter(|(_, request)| !request.keys.is_empty()) {
        let sender = request.place.file;
        if !placement.in_browser(sender) || !wanted(sender) {
            continue;
        }
        let Some(reached) = origins.reached(file, request) else { continue };
        for (header, variable) in &request.keys {
            let Some(compared) = only_guard(state, &reached, header) else { continue };
            let (place, header) = (request.place, header.clone());
            let entry = keys.entry((sender, variable.clone()));
            let key = entry.or_insert_with(|| SentKey { place, header, routes: BTreeSet::new(), compared });
            key.routes.insert(reached.at);
        }
    }
    for ((file, variable), SentKey { place, header, routes, compared }) in keys {
        let guarded = match routes.len() {
            1 => "the route that this reaches".to_owned(),
            count => format!("{count} routes that this reaches"),
        };
        let message = format!(
            "The value of `{variable}` is written into the code that browsers load, and as the header `{header}` it is all that guards {guarded}: every visitor can read it, and ask for anything with it. Have the server know who is signed in, and ask the backend from there."
        );
        let mut steps =
            vec![super::related(state, compared, "the backend compares the header here, and nothing else".to_owned())];
        steps.extend(frontend::way_to_browser(state, file));
        found.extend(frontend::report(state, &INFO, Severity::Error, place, message, steps));
    }
}

/// Where the only dependency that guards a route compares that header with a key.
fn only_guard(state: &State, reached: &Reached<'_>, header: &str) -> Option<Site> {
    let Guard::Guarded(_) = &reached.judged.guard else { return None };
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        enter(state, &judge, reached.at.0);
        let mut compared = None;
        for node in &reached.route.dependencies {
            if !matches!(judge.dependency(&node.callable).proof, Proof::Verifies | Proof::Unknown(_) | Proof::Optional)
            {
                continue;
            }
            let (function, _) = called(interpreter, &node.callable)?;
            let mut all = state.tokens.items().flat_map(|(_, tokens)| &tokens.compared);
            let own = all.find(|one| one.function == function.site && one.header == header)?;
            compared = Some(own.site);
        }
        compared
    })
}

/// Whether a variable that is written into code for browsers holds a secret, by
/// its name: nothing else tells.
fn is_public_secret(name: &str) -> bool {
    let Some(own) = name.strip_prefix("NEXT_PUBLIC_") else { return false };
    ["SECRET", "SECRET_KEY", "SECRET_ACCESS_KEY", "PRIVATE_KEY", "PASSWORD", "SERVICE_ROLE_KEY"]
        .iter()
        .any(|end| own.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('_')))
}

fn handed_over(state: &State, passed: &Passed) -> Option<Diagnostic> {
    let message = format!(
        "`{}` goes to a client component as `{}`: the value of this secret stands in the page that browsers load. Use it on the server, and hand over what came of it.",
        passed.variable, passed.property
    );
    let step = crate::ide::Related {
        location: frontend::top(passed.component),
        message: "the component runs in the browser".to_owned(),
    };
    frontend::report(state, &INFO, Severity::Error, passed.place, message, vec![step])
}

fn written_in(state: &State, inlined: &EnvironmentRead) -> Option<Diagnostic> {
    let reads = state
        .frontend
        .outcomes()
        .flat_map(|(file, outcome)| outcome.observed.environment.iter().map(move |read| (file, read)));
    let (_, read) = reads
        .into_iter()
        .find(|(file, read)| read.name == inlined.name && state.frontend.placement.in_browser(*file))?;
    let message = format!(
        "`env` has Next.js write the value of `{}` into all code that names it, and code that browsers load does: everybody can read this secret. Take it out of `env`, and read it on the server only.",
        inlined.name
    );
    let steps = frontend::related(state, read.place, "code that browsers load names it here");
    frontend::report(state, &INFO, Severity::Error, inlined.place, message, steps.into_iter().collect())
}
