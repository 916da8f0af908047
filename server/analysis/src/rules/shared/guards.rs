//! What rules about guards have in common.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::auth::guard::Guard;
use crate::auth::{DecidedBy, Judge, Verdict};
use crate::ide::{Diagnostic, Related, Severity};
use crate::index::dependencies::Node;
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::rules::missing_auth_dependency::{callable_name, is_test, shown};
use crate::rules::{RuleInfo, State, related, report};
use crate::verdicts::{for_each_judged, with_interpreter};
use crate::vfs::FileId;

/// Routes named in a finding.
const SHOWN_ROUTES: usize = 3;

/// Finds the place in the verdict on a route's guard, and tells what kind it is.
type At<'a, Kind> = &'a dyn Fn(&Route, &Verdict) -> Option<(Site, Kind)>;

/// What is said of a guard: how bad it is, and in which words.
type Said = (Severity, String);

/// Findings at places in the proofs of guards, one for each place: `at` finds
/// it in a verdict and tells what kind it is, `told` takes that, the name of the
/// guard and the routes that rest on it.
pub(in crate::rules) fn check<Kind: Copy>(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
    at: At<'_, Kind>,
    told: &dyn Fn(Kind, &str, &[&Route]) -> Said,
) {
    let mut places: BTreeMap<Site, (Kind, String, Vec<&Route>)> = BTreeMap::new();
    for_each_guarded(state, |route, verdict, name| {
        if let Some((site, kind)) = at(route, verdict) {
            places.entry(site).or_insert_with(|| (kind, name.to_owned(), Vec::new())).2.push(route);
        }
    });
    for (site, (kind, name, routes)) in places {
        if !wanted(site.file) || is_test(state, site.file) || state.sources.is_ghost(site) {
            continue;
        }
        let in_body = routes.iter().any(|route| shown(route) == name);
        let rests = |route: &&Route| {
            let said = if in_body { "verifies its callers here".to_owned() } else { format!("rests on `{name}`") };
            related(state, route.registration, format!("{} {said}", shown(route)))
        };
        let steps: Vec<Related> = routes.iter().take(SHOWN_ROUTES).map(rests).collect();
        let (severity, message) = told(kind, &name, &routes);
        found.push(report(state, info, severity, site, message, steps));
    }
}

/// The items that hold a condition on the configuration which leads around the verification of callers.
pub(in crate::rules) fn switched_off(state: &State) -> FxHashSet<(FileId, u32)> {
    let mut items = FxHashSet::default();
    for_each_guarded(state, |_, verdict, _| {
        let by_setting = verdict.bypass.filter(|bypass| bypass.decided_by != DecidedBy::Form);
        items.extend(by_setting.map(|bypass| (bypass.site.file, bypass.site.item)));
    });
    items
}

/// Calls `look` for every guarded route of applications outside of tests, and for what is mounted behind code of the
/// project, with the verdict on its guard and what to call that.
fn for_each_guarded<'s>(state: &'s State, mut look: impl FnMut(&'s Route, &Verdict, &str)) {
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        for_each_judged(state, &judge, |route, judged| {
            match &judged.guard {
                Guard::Guarded(index) => {
                    let callable = &route.dependencies[*index].callable;
                    look(route, &judge.dependency(callable), callable_name(callable).unwrap_or("this dependency"));
                }
                Guard::Around(wrapped) => look(route, &wrapped.verdict, &wrapped.name),
                Guard::InBody(verdict) => {
                    // What can be switched off may be the dependency whose value the handler looks at.
                    let is_it = |node: &&Node| {
                        verdict.bypass.is_some() && judge.dependency(&node.callable).bypass == verdict.bypass
                    };
                    let switched = route.dependencies.iter().find(is_it);
                    let name = switched.and_then(|node| callable_name(&node.callable));
                    look(route, verdict, name.unwrap_or(&shown(route)));
                }
                // What is mounted may tell callers apart by what its wrapper found out.
                _ if route.kind.is_mounted() => {
                    if let Some(verdict) = judge.around_mounted(&route.handler) {
                        look(route, &verdict, &shown(route));
                    }
                }
                _ => {}
            }
        });
    });
}
