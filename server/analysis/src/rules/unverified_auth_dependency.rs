//! `unverified-auth-dependency`: a dependency that only looks like a guard.

use std::collections::BTreeMap;

use super::judgement::with_interpreter;
use super::missing_auth_dependency::{callable_name, shown};
use super::{RuleInfo, State};
use crate::auth::guard::Guard;
use crate::auth::{Judge, Proof, VerdictMemo};
use crate::ide::{Confidence, Diagnostic, Related, Severity};
use crate::index::dependencies::{Node, called};
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "unverified-auth-dependency",
    summary: "a dependency that looks like a guard and verifies nothing",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/unverified-auth-dependency.md"),
};

/// Routes named in a finding; the rest is counted.
const SHOWN_ROUTES: usize = 3;

struct Weak<'s> {
    proof: &'s Proof,
    node: &'s Node,
    routes: Vec<&'s Route>,
}

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    // One finding for each such dependency, at its definition, with the routes
    // that rest on it; a scheme of FastAPI has none, so it is reported where it is asked for.
    let mut weak: BTreeMap<Site, Weak<'_>> = BTreeMap::new();
    with_interpreter(state, |interpreter| {
        for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
            if application.test {
                continue;
            }
            for (route, judged) in application.routes.iter().zip(judged) {
                let Guard::Open(Some((index, proof))) = &judged.guard else { continue };
                let node = &route.dependencies[*index];
                let site = called(interpreter, &node.callable).map_or(node.site, |(function, _)| function.site);
                let entry = weak.entry(site).or_insert_with(|| Weak { proof, node, routes: Vec::new() });
                entry.routes.push(route);
            }
        }
        for (site, weak) in weak {
            let test = state.sources.file(site.file).is_some_and(|file| file.test);
            if wanted(site.file) && !test && !state.sources.is_ghost(site) {
                found.push(finding(state, interpreter, site, &weak));
            }
        }
    });
}

fn finding(state: &State, interpreter: &Interpreter<'_>, site: Site, weak: &Weak<'_>) -> Diagnostic {
    let judge = Judge::new(interpreter, VerdictMemo::clone(&state.memo));
    let verdict = judge.dependency(&weak.node.callable);
    let name = callable_name(&weak.node.callable).unwrap_or("this dependency");
    let what = match weak.proof {
        Proof::ExtractsOnly => "reads a credential but never verifies it, so any value is accepted",
        Proof::TrustsClient => "believes an identity that the client wrote into the request",
        Proof::Optional => "lets callers without a valid credential pass, and nothing looks at its result",
        _ => "checks nothing about the caller",
    };
    let more = weak.routes.len();
    let plural = if more == 1 { "route rests" } else { "routes rest" };
    let mut related: Vec<Related> = verdict
        .steps
        .iter()
        .map(|step| Related { location: state.sources.locate(step.site), message: step.note.clone() })
        .collect();
    for route in weak.routes.iter().take(SHOWN_ROUTES) {
        related.push(Related {
            location: state.sources.locate(route.registration),
            message: format!("{} rests on `{name}`", shown(route)),
        });
    }
    let conditional = weak.routes.iter().all(|route| route.conditional);
    Diagnostic {
        rule: INFO.code,
        severity: if conditional { Severity::Info } else { Severity::Error },
        confidence: Confidence::High,
        location: state.sources.locate(site),
        message: format!("`{name}` {what}: {more} {plural} on it; verify the token and raise 401 when that fails."),
        related,
        unnecessary: false,
    }
}
