//! Functions that routes rest on.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::handler_site;
use crate::index::dependencies::called;
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Route, RouteTable};
use crate::index::shared_map::SharedMap;
use crate::index::value::Site;
use crate::vfs::FileId;

/// Functions that the routes of the table rest on. They are counted by lists
/// of routes, so that an edit costs what the lists hold that it changed.
#[derive(Debug, Default, Clone)]
pub(crate) struct FunctionsInUse {
    /// By the address of a list, and whether an application serves it.
    lists: FxHashMap<(usize, bool), Arc<List>>,
    handlers: SharedMap<Site, u32>,
    all: SharedMap<Site, u32>,
}

/// Functions that one list of routes rests on.
#[derive(Debug)]
struct List {
    /// The list itself, so that its address stays its own.
    _routes: Arc<Vec<Route>>,
    handlers: Vec<Site>,
    dependencies: Vec<Site>,
}

impl FunctionsInUse {
    /// Whether a function handles a route of an application.
    pub(crate) fn is_handler(&self, site: Site) -> bool {
        self.handlers.contains_key(&site)
    }

    /// Whether a function is a handler or a dependency of any route.
    pub(crate) fn is_used(&self, site: Site) -> bool {
        self.all.contains_key(&site)
    }

    /// Goes on to the lists of a table that was linked anew. Gives the files with functions
    /// that are handlers now and were not, or the other way round.
    pub(crate) fn relink(&mut self, table: &RouteTable, interpreter: &Interpreter<'_>) -> FxHashSet<FileId> {
        let mut others = FxHashSet::default();
        let served = table.applications.iter().map(|application| (&application.routes, true));
        let lists: FxHashMap<(usize, bool), &Arc<Vec<Route>>> = served
            .chain(table.orphans.iter().map(|routes| (routes, false)))
            .map(|(routes, served)| ((Arc::as_ptr(routes) as usize, served), routes))
            .collect();
        let gone: Vec<_> = self.lists.keys().filter(|key| !lists.contains_key(*key)).copied().collect();
        let mut gone: Vec<_> = gone.into_iter().filter_map(|key| Some((self.lists.remove(&key)?, key.1))).collect();
        for (key, routes) in lists {
            if self.lists.contains_key(&key) {
                continue;
            }
            let list = Arc::new(List::new(routes, interpreter));
            // Most are linked anew with the functions that they had, up to a few.
            let alike = |as_long: bool| {
                let is_it =
                    |(other, served): &(Arc<List>, bool)| *served == key.1 && (!as_long || other.is_as_long_as(&list));
                gone.iter().position(is_it)
            };
            let earlier = alike(true).or_else(|| alike(false));
            match earlier.map(|at| gone.swap_remove(at)) {
                Some((earlier, _)) => self.exchange(&earlier, &list, key.1, &mut others),
                None => self.count(&list, key.1, 1, &mut others),
            }
            self.lists.insert(key, list);
        }
        for (list, served) in gone {
            self.count(&list, served, -1, &mut others);
        }
        others
    }

    /// Counts a list in the place of another one: what stands between their ends that are the same.
    fn exchange(&mut self, before: &List, now: &List, served: bool, others: &mut FxHashSet<FileId>) {
        let (gone, new) = between(&before.handlers, &now.handlers);
        let (gone_dependencies, new_dependencies) = between(&before.dependencies, &now.dependencies);
        self.count_all(new, new_dependencies, served, 1, others);
        self.count_all(gone, gone_dependencies, served, -1, others);
    }

    fn count(&mut self, list: &List, served: bool, by: i32, others: &mut FxHashSet<FileId>) {
        self.count_all(&list.handlers, &list.dependencies, served, by, others);
    }

    fn count_all(
        &mut self,
        handlers: &[Site],
        dependencies: &[Site],
        served: bool,
        by: i32,
        others: &mut FxHashSet<FileId>,
    ) {
        let add = |counts: &mut SharedMap<Site, u32>, site: Site| {
            let before = counts.get(&site).copied().unwrap_or_default();
            let count = before.saturating_add_signed(by);
            if count == 0 {
                counts.remove(&site);
            } else {
                counts.insert(site, count);
            }
            (before == 0) != (count == 0)
        };
        for site in handlers {
            if served && add(&mut self.handlers, *site) {
                others.insert(site.file);
            }
            add(&mut self.all, *site);
        }
        dependencies.iter().for_each(|site| _ = add(&mut self.all, *site));
    }
}

impl List {
    fn is_as_long_as(&self, other: &Self) -> bool {
        (self.handlers.len(), self.dependencies.len()) == (other.handlers.len(), other.dependencies.len())
    }

    fn new(routes: &Arc<Vec<Route>>, interpreter: &Interpreter<'_>) -> Self {
        let asked = routes.iter().flat_map(|route| route.dependencies.iter().chain(&route.perhaps));
        let called = asked.filter_map(|node| called(interpreter, &node.callable));
        Self {
            _routes: Arc::clone(routes),
            handlers: routes.iter().filter_map(|route| handler_site(&route.handler)).collect(),
            dependencies: called.map(|(function, _)| function.site).collect(),
        }
    }
}

/// What two lists hold between the ends that are the same in both.
fn between<'s>(before: &'s [Site], now: &'s [Site]) -> (&'s [Site], &'s [Site]) {
    let start = before.iter().zip(now).take_while(|(before, now)| before == now).count();
    let (before, now) = (&before[start..], &now[start..]);
    let end = before.iter().rev().zip(now.iter().rev()).take_while(|(before, now)| before == now).count();
    (&before[..before.len() - end], &now[..now.len() - end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TextRange;

    #[test]
    fn between_equal_ends_stands_what_differs() {
        let site = |item: &u32| Site { file: FileId(0), item: *item, range: TextRange::default() };
        for (before, now, gone, new) in [
            (&[1, 2, 3][..], &[1, 2, 3][..], &[][..], &[][..]),
            (&[1, 2, 3], &[1, 3], &[2], &[]),
            (&[1, 1], &[1, 1, 1], &[], &[1]),
            (&[1, 2, 3], &[1, 4, 5, 3], &[2], &[4, 5]),
            (&[], &[1], &[], &[1]),
        ] {
            let sites = |items: &[u32]| items.iter().map(site).collect::<Vec<_>>();
            let (before, now) = (sites(before), sites(now));
            assert_eq!(between(&before, &now), (sites(gone).as_slice(), sites(new).as_slice()));
        }
    }
}
