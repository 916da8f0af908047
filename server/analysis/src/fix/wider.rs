//! Guards for everything that a router, an include or an application serves,
//! where nothing of it is guarded yet.

use std::rc::Rc;

use super::Fixer;
use super::Served;
use super::calls::{Guard as Asked, Level, guard_calls};
use super::guard::fits;
use super::left::{left_to_do, with_left};
use crate::auth::guard::Guard;
use crate::auth::policy::Expectation;
use crate::facts::comments::CommentKind;
use crate::ide::{Applicability, Fix};
use crate::index::interpreter::{Effect, RouterKind};
use crate::index::value::{RouterId, Site, Value};
use crate::rules::missing_auth_dependency::shown;
use crate::verdicts::{Verifier, handler_site};

/// Routers below each other that a search looks at.
const MAX_ROUTERS: usize = 200;

/// What decides which fixes there are: the router of a route, its application's, and the verifier.
pub(super) type Start = (RouterId, RouterId, Site);

/// Appends the fixes that guard more than the route of a finding.
pub(super) fn fixes(fixer: &Fixer<'_>, one: &Served<'_>, verifier: &Verifier, fixes: &mut Vec<Fix>) {
    let start = (one.route.router, one.application.router, verifier.site);
    let known = fixer.wider.borrow().get(&start).cloned();
    let all = known.unwrap_or_else(|| {
        let mut all = Vec::new();
        look_for(fixer, one, verifier, &mut all);
        let all: Rc<[Fix]> = all.into();
        fixer.wider.borrow_mut().insert(start, Rc::clone(&all));
        all
    });
    fixes.extend(all.iter().cloned());
}

fn look_for(fixer: &Fixer<'_>, one: &Served<'_>, verifier: &Verifier, fixes: &mut Vec<Fix>) {
    let id = one.route.router;
    let runs = &fixer.state.runs;
    let Some(router) = runs.get(&id.file).and_then(|run| run.routers.get(id.index as usize)) else { return };
    if router.kind == RouterKind::Router {
        let own: Vec<Served<'_>> = fixer.all_served().filter(|one| one.route.router == id).collect();
        offer(fixer, Level::Router, router.site, &own, verifier, fixes);
        if let Some(include) = only_include(fixer, id) {
            let below = subtree(fixer, id);
            let served: Vec<Served<'_>> = fixer.all_served().filter(|one| below.contains(&one.route.router)).collect();
            offer(fixer, Level::Include, include, &served, verifier, fixes);
        }
    }
    let whole: Vec<Served<'_>> =
        fixer.all_served().filter(|other| other.application.router == one.application.router).collect();
    offer(fixer, Level::Application, one.application.site, &whole, verifier, fixes);
}

fn offer(
    fixer: &Fixer<'_>,
    level: Level,
    call: Site,
    served: &[Served<'_>],
    verifier: &Verifier,
    fixes: &mut Vec<Fix>,
) {
    let routes: Vec<&Served<'_>> = served.iter().filter(|one| !one.route.kind.is_mounted()).collect();
    let mut public = Vec::new();
    for one in &routes {
        match &one.judged.guard {
            Guard::Open(None) if one.route.injects && fits(fixer, verifier, one) && !accepted(fixer, one) => {}
            // A guarded sign-in or health check is a locked door: only a
            // router's own may be meant, and the title says so.
            Guard::Public(reason)
                if level == Level::Router
                    && one.judged.expected == Expectation::Unstated
                    && !reason.starts_with("marked")
                    && one.route.injects =>
            {
                public.push(shown(one.route));
            }
            _ => return,
        }
    }
    if routes.len() < 2 || public.len() == routes.len() {
        return;
    }
    let what = match level {
        Level::Router => "of this router",
        Level::Include => "of this include",
        _ => "of this application",
    };
    let mut title = format!("Guard all {} routes {what} with `{}`", routes.len(), verifier.name);
    if !public.is_empty() {
        public.dedup();
        title.push_str(&format!(" (also {}, which looks public)", public.join(", ")));
    }
    let open: Vec<Served<'_>> =
        routes.into_iter().filter(|one| one.judged.guard == Guard::Open(None)).copied().collect();
    let title = with_left(title, left_to_do(fixer, &open));
    let call = fixer.state.sources.locate(call);
    let fix = guard_calls(fixer, level, &[call], Asked::Existing(verifier))
        .and_then(|edits| fixer.checked(edits, Vec::new(), title, Applicability::Unsafe));
    // What can't be done here can be done at the route: no refusal to show.
    fixes.extend(fix.ok());
}

/// Whether an ignore comment accepts that the route is open: it would have no
/// effect any more.
fn accepted(fixer: &Fixer<'_>, one: &Served<'_>) -> bool {
    let site = handler_site(&one.route.handler).unwrap_or(one.route.registration);
    let at = fixer.state.sources.locate(site);
    let Some(parsed) = fixer.state.parsed(at.file) else { return false };
    let lines = parsed.line_index();
    let line = lines.line(at.range.start);
    parsed.comments.iter().any(|comment| {
        let (first, last) = comment.covered_lines(&parsed.text(), &lines);
        matches!(comment.kind, CommentKind::Ignore { .. }) && first <= line && line <= last
    })
}

/// The call that includes a router, when there is just one.
fn only_include(fixer: &Fixer<'_>, router: RouterId) -> Option<Site> {
    let effects = fixer.state.runs.values().flat_map(|run| &run.effects);
    let mut sites: Vec<Site> = effects
        .filter_map(|effect| match effect {
            Effect::Include { child: Value::Router(child), site, .. } if *child == router => Some(*site),
            _ => None,
        })
        .collect();
    sites.sort_unstable();
    sites.dedup();
    // One call may include several routers: a loop over a list of them.
    let several = |site: &Site| {
        let effects = fixer.state.runs.values().flat_map(|run| &run.effects);
        let mut others =
            effects.filter(|effect| matches!(effect, Effect::Include { site: other, .. } if other == site));
        others.any(|effect| !matches!(effect, Effect::Include { child: Value::Router(child), .. } if *child == router))
    };
    match sites.as_slice() {
        [one] if !several(one) => Some(*one),
        _ => None,
    }
}

/// A router and those that it includes, directly or not.
fn subtree(fixer: &Fixer<'_>, router: RouterId) -> Vec<RouterId> {
    let mut below = vec![router];
    let mut at = 0;
    while at < below.len() && below.len() < MAX_ROUTERS {
        for effect in fixer.state.runs.values().flat_map(|run| &run.effects) {
            if let Effect::Include { parent, child: Value::Router(child), .. } = effect
                && *parent == below[at]
                && !below.contains(child)
            {
                below.push(*child);
            }
        }
        at += 1;
    }
    below
}
