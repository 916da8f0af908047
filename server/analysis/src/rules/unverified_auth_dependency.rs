//! `unverified-auth-dependency`: a dependency that only looks like a guard.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::missing_auth_dependency::{callable_name, shown};
use super::{RuleInfo, State, related, report};
use crate::auth::guard::{Guard, Weak};
use crate::auth::policy::Expectation;
use crate::auth::{Judge, Proof, Verdict};
use crate::ide::{Confidence, Diagnostic, Related, Severity};
use crate::index::dependencies::called;
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::verdicts::{for_each_judged, with_interpreter};
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

/// A dependency or middleware that pretends, with the routes that rest on it.
struct Pretender<'s> {
    name: &'s str,
    proof: &'s Proof,
    verdict: Arc<Verdict>,
    /// Whether it gives a guard when it is called, and nobody calls it.
    uncalled: bool,
    routes: Vec<&'s Route>,
    /// Whether each of these only reads, and takes what the dependency gives: it asks who is calling, and was hardly meant
    /// to turn others away.
    only_asks: bool,
    /// Whether the project's own words want all of these guarded.
    demanded: bool,
}

impl<'s> Pretender<'s> {
    /// Adds a route, once: several applications may serve it alike.
    fn add(&mut self, route: &'s Route, takes: bool, demanded: bool) {
        self.only_asks &= takes && only_reads(route);
        self.demanded &= demanded;
        let is_same = |other: &&Route| {
            other.registration == route.registration && other.path == route.path && other.methods == route.methods
        };
        if !self.routes.iter().any(is_same) {
            self.routes.push(route);
        }
    }
}

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    // One finding for each such dependency, at its definition, with the routes
    // that rest on it; a scheme of FastAPI has none, so it is reported where it is asked for.
    let mut pretenders: BTreeMap<Site, Pretender<'_>> = BTreeMap::new();
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        for_each_judged(state, &judge, |route, judged| {
            let Guard::Open(Some(weak)) = &judged.guard else { return };
            let mut takes = false;
            let (site, pretender) = match weak {
                Weak::Unapplied(_) => return,
                Weak::Dependency(index, proof) => {
                    let node = &route.dependencies[*index];
                    takes = *proof == Proof::Optional && node.parameter.is_some();
                    let uncalled = *proof == Proof::ChecksNothing && judge.makes_guard(&node.callable);
                    let definition = called(interpreter, &node.callable).filter(|_| !uncalled);
                    let site = definition.map_or(node.site, |(function, _)| function.site);
                    let name = callable_name(&node.callable).unwrap_or("this dependency");
                    let verdict = Arc::clone(&judge.dependencies(&route.dependencies)[*index]);
                    (
                        site,
                        Pretender {
                            name,
                            proof,
                            verdict,
                            uncalled,
                            routes: Vec::new(),
                            only_asks: true,
                            demanded: true,
                        },
                    )
                }
                Weak::Around(wrapped) => {
                    let (name, proof) = (wrapped.name.as_str(), &wrapped.verdict.proof);
                    let verdict = Arc::clone(&wrapped.verdict);
                    (
                        wrapped.site,
                        Pretender {
                            name,
                            proof,
                            verdict,
                            uncalled: false,
                            routes: Vec::new(),
                            only_asks: true,
                            demanded: true,
                        },
                    )
                }
            };
            let demanded = matches!(judged.expected, Expectation::Required(_));
            pretenders.entry(site).or_insert(pretender).add(route, takes, demanded);
        });
    });
    unused(state, wanted, found);
    for (site, pretender) in pretenders {
        let test = state.sources.file(site.file).is_some_and(|file| file.test);
        if wanted(site.file) && !test && !state.sources.is_ghost(site) {
            found.push(finding(state, site, &pretender));
        }
    }
}

/// Reports functions that ask for a scheme's credential and check nothing, or
/// that believe what the client says of itself, and that no route rests on yet:
/// the first one that does will be open.
fn unused(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for pretender in state.injectable.telling().flat_map(|(_, known)| &known.pretenders) {
        let function = &pretender.function;
        if !wanted(function.site.file) || state.in_use.is_used(function.site) || state.sources.is_ghost(function.site) {
            continue;
        }
        let (what, advice) = if pretender.scheme {
            ("takes a credential and checks nothing about the caller", "verify the token and raise 401 when that fails")
        } else {
            ("believes an identity that the client wrote into the request", "take the identity from a verified token")
        };
        let message =
            format!("`{}` {what}: the first route that rests on it will be open; {advice}.", function.shown());
        let steps = &pretender.verdict.steps;
        let steps = steps.iter().map(|step| related(state, step.site, step.note.clone())).collect();
        found.push(report(state, &INFO, Severity::Warning, function.site, message, steps));
    }
}

fn finding(state: &State, site: Site, weak: &Pretender<'_>) -> Diagnostic {
    let name = weak.name;
    let what = match weak.proof {
        Proof::ExtractsOnly => "reads a credential but never verifies it, so any value is accepted",
        Proof::TrustsClient => "believes an identity that the client wrote into the request",
        Proof::Optional if weak.demanded => {
            "lets callers without a valid credential pass, though the project's own words want them turned away"
        }
        Proof::Optional => "lets callers without a valid credential pass, and nothing looks at its result",
        _ => "checks nothing about the caller",
    };
    let lenient = weak.verdict.is_lenient();
    let what = if lenient { "lets callers without a valid credential pass" } else { what };
    let advice = match weak.verdict.returned_refusal() {
        Some(_) if *weak.proof == Proof::ChecksNothing => {
            "what a dependency returns is only its value and turns nobody away, so raise `HTTPException` with status 401"
        }
        _ if lenient => "raise 401 for them",
        _ => "verify the token and raise 401 when that fails",
    };
    let more = weak.routes.len();
    let plural = if more == 1 { "route rests" } else { "routes rest" };
    let mut related: Vec<Related> = weak
        .verdict
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
    let message = if weak.uncalled {
        format!(
            "`{name}` gives a guard when it is called, and is asked for itself here, so that nobody is verified: {more} {plural} on it; write `Depends({name}())`."
        )
    } else {
        format!("`{name}` {what}: {more} {plural} on it; {advice}.")
    };
    let conditional = weak.routes.iter().all(|route| route.conditional);
    Diagnostic {
        rule: INFO.code,
        severity: match (conditional, weak.only_asks) {
            (true, _) => Severity::Info,
            (false, true) => Severity::Warning,
            (false, false) => Severity::Error,
        },
        confidence: Confidence::High,
        location: state.sources.locate(site),
        message,
        related,
        unnecessary: false,
    }
}

/// Whether a route only reads, by its methods.
fn only_reads(route: &Route) -> bool {
    !route.methods.is_empty() && route.methods.iter().all(|method| method == "GET" || method == "HEAD")
}
