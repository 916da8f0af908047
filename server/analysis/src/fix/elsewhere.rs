//! Guards that stand at one place and are missing at another: at a second
//! include of a router, at a mounted application.

use super::calls::{Guard as Asked, Level, guard_calls};
use super::guard::{fits, keep};
use super::style::same;
use super::{Fixer, Served};
use crate::auth::guard::Guard;
use crate::ide::{Applicability, Diagnostic, Fix, Location, Refusal, RouteKind};
use crate::index::dependencies::Via;
use crate::index::value::Value;
use crate::rules::missing_auth_dependency::shown;
use crate::verdicts::Verifier;

/// Appends the fix of a router that another include guards.
pub(super) fn on_include(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    let included_at = |one: &Served<'_>| one.route.included_at.map(|site| fixer.state.sources.locate(site));
    let here: Vec<Served<'_>> =
        fixer.all_served().filter(|one| included_at(one) == Some(diagnostic.location)).collect();
    let guard = here.iter().filter(|one| one.judged.guard == Guard::Open(None)).find_map(|open| {
        let twin = |other: &Served<'_>| {
            other.application.router == open.application.router
                && other.route.registration == open.route.registration
                && included_at(other) != Some(diagnostic.location)
        };
        fixer.all_served().filter(twin).find_map(|twin| verifier_of(fixer, &twin, |_| true))
    });
    let fix = guard.ok_or_else(|| Refusal("the guard of the other include can't be asked for here".into()));
    let fix = fix.and_then(|guard| everything(fixer, Level::Include, diagnostic.location, &here, guard, "include"));
    keep(fix, fixes, refusals);
}

/// Appends the fix of an application that is mounted below a guarded one.
pub(super) fn on_mounted(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    let mount = fixer.registered(diagnostic.location).into_iter().find_map(|one| match &one.route.handler {
        Value::Router(id) if one.route.kind == RouteKind::Mount => Some((one.application, *id)),
        _ => None,
    });
    let Some((parent, id)) = mount else { return };
    let here: Vec<Served<'_>> = fixer.all_served().filter(|one| one.application.router == id).collect();
    let mut above = fixer.all_served().filter(|one| one.application.router == parent.router);
    let guard = above.find_map(|one| verifier_of(fixer, &one, |via| via == Via::Application));
    let fix = guard.ok_or_else(|| Refusal("the guard of the mounting application can't be asked for here".into()));
    let fix = fix.and_then(|guard| {
        let first = here.first().ok_or_else(|| Refusal("the mounted application has no routes".into()))?;
        let call = fixer.state.sources.locate(first.application.site);
        everything(fixer, Level::Application, call, &here, guard, "application")
    });
    keep(fix, fixes, refusals);
}

/// The dependency that guards a route, as the route asks for it.
fn verifier_of<'s>(fixer: &Fixer<'s>, one: &Served<'s>, asked: impl Fn(Via) -> bool) -> Option<&'s Verifier> {
    let Guard::Guarded(index) = one.judged.guard else { return None };
    let mut node = one.route.dependencies.get(index)?;
    while let Some(above) = node.parent {
        node = one.route.dependencies.get(above)?;
    }
    let verifiers = &fixer.state.verifiers;
    verifiers.iter().find(|verifier| asked(node.via) && same(&verifier.callable, &node.callable))
}

/// A guard for everything that a call serves.
fn everything(
    fixer: &Fixer<'_>,
    level: Level,
    call: Location,
    served: &[Served<'_>],
    guard: &Verifier,
    what: &str,
) -> Result<Fix, Refusal> {
    let injected: Vec<&Served<'_>> = served.iter().filter(|one| one.route.injects).collect();
    if let Some(one) = injected.iter().find(|one| !fits(fixer, guard, one)) {
        return Err(Refusal(format!("`{}` does not fit {}", guard.name, shown(one.route))));
    }
    let mut title = format!("Guard this {what} with `{}`", guard.name);
    let public = injected.iter().filter(|one| matches!(one.judged.guard, Guard::Public(_)));
    let mut public: Vec<String> = public.map(|one| shown(one.route)).collect();
    public.dedup();
    if !public.is_empty() {
        title.push_str(&format!(" (also {}, which is public)", public.join(", ")));
    }
    let edits = guard_calls(fixer, level, &[call], Asked::Existing(guard))?;
    fixer.checked(edits, Vec::new(), title, Applicability::Unsafe)
}
