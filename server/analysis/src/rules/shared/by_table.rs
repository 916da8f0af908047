//! Routes to a row of a table of which all else that has to do with the table asks for a right.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::auth::guard::{Guard, reads};
use crate::data::{Touched, Use};
use crate::ide::{Diagnostic, Judged};
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Route, RouteKind};
use crate::index::same::same;
use crate::index::value::{RouterId, Site};
use crate::rules::State;
use crate::rules::missing_auth_dependency::{is_test, shown};
use crate::rules::missing_permission_check::{Served, finding, ignores_caller, right_of};
use crate::vfs::FileId;

/// Other routes to a table that ask for a right, where that tells of one that does not.
const SEVERAL: usize = 2;

/// Routes by which whoever is signed in reads or changes a row that it names, where all others to that table ask for a
/// right.
pub(in crate::rules) fn check(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    interpreter: &Interpreter<'_>,
    served: &[Served<'_>],
    seen: &mut FxHashSet<Site>,
    found: &mut Vec<Diagnostic>,
) {
    let mut tables: Option<Tables<'_, '_>> = None;
    for (route, judged) in served {
        let Some(site) = route.function().map(|handler| handler.site).filter(|site| wanted(site.file)) else {
            continue;
        };
        if !is_for_anybody(route, judged) || is_test(state, site.file) || state.sources.is_ghost(site) {
            continue;
        }
        let tables = tables.get_or_insert_with(|| Tables::of(served));
        let named = judged.data.touched.iter().filter(|touched| touched.named && touched.usage != Use::Creates);
        let strict = named.into_iter().find_map(|touched| Some((touched, tables.asked_by_all(route, touched)?)));
        let Some((touched, strict)) = strict.filter(|_| ignores_caller(interpreter, route, judged)) else { continue };
        if seen.insert(site) {
            let (done, whom) = match touched.usage {
                Use::Reads => ("gives any", "to"),
                _ => ("changes any", "for"),
            };
            let may = format!("{} {done} `{}` {whom} whoever is signed in", shown(route), touched.name);
            found.push(finding(state, site, &may, strict, Vec::new()));
        }
    }
}

/// Whether a route is for whoever is signed in, and does what its method says.
fn is_for_anybody(route: &Route, judged: &Judged) -> bool {
    let does = |touched: &Touched| (touched.usage == Use::Reads) == reads(route);
    matches!(judged.guard, Guard::Guarded(_))
        && route.kind == RouteKind::Http
        && !route.conditional
        && right_of(judged).is_none()
        && judged.data.touched.iter().any(|touched| touched.named && does(touched))
}

/// The routes of an application by what they touch.
#[derive(Default)]
struct Tables<'s, 'r> {
    by_table: FxHashMap<Site, Vec<&'s Served<'r>>>,
    /// Routers with a route of which it is not known what it touches.
    unknown: FxHashSet<RouterId>,
}

impl<'s, 'r> Tables<'s, 'r> {
    fn of(served: &'s [Served<'r>]) -> Self {
        let mut found = Self::default();
        for one in served {
            let (route, judged) = one;
            // Of what was executed it is known which dependencies verify.
            if route.kind == RouteKind::Http && judged.data.verifies.len() != route.dependencies.len() {
                found.unknown.insert(route.router);
            }
            let tables: FxHashSet<Site> = judged.data.touched.iter().map(|touched| touched.table).collect();
            tables.into_iter().for_each(|table| found.by_table.entry(table).or_default().push(one));
        }
        found
    }

    /// A route of the same router that does the same with rows of a table and asks for a right, where all others to that
    /// table do so, too.
    fn asked_by_all(&self, route: &Route, named: &Touched) -> Option<(&'r Route, usize)> {
        let all = self.by_table.get(&named.table).filter(|_| !self.unknown.contains(&route.router))?;
        let others = || all.iter().filter(|other| !std::ptr::eq(other.0, route));
        if others().count() < SEVERAL || others().any(|other| right_of(other.1).is_none()) {
            return None;
        }
        let does_it = |other: &&&Served<'r>| {
            let mut uses = other.1.data.touched.iter().filter(|touched| touched.table == named.table);
            other.0.router == route.router
                && uses.any(|touched| touched.usage == named.usage)
                && asks_more(other.0, route)
        };
        let (strict, judged) = others().find(does_it)?;
        Some((strict, right_of(judged)?))
    }
}

/// Whether a route asks for all that another one asks for.
fn asks_more(strict: &Route, route: &Route) -> bool {
    route.dependencies.iter().all(|node| strict.dependencies.iter().any(|known| same(&known.callable, &node.callable)))
}
