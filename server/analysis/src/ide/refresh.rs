//! Diagnostics after a change: of the parts of the workspace that it reached.
//!
//! Applications that share a file belong together: a rule may count what both
//! do. Those that share none are apart, and what is said of one can't depend
//! on the other. So the rules look again at the applications that a change
//! reached and at those that belong to them, as if there were no others.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Diagnostic;
use super::host::{Guards, JudgedRoutes, State};
use crate::auth::middleware::Middlewares;
use crate::auth::tokens::WrittenCheck;
use crate::index::routes::{Application, RouteTable, RouterTree};
use crate::rules;
use crate::rules::missing_auth_dependency::of_whom_client_names;
use crate::rules::shared::unasked;
use crate::verdicts::{self, Verifier};
use crate::vfs::FileId;

/// How far an application reaches: all files that what is said of it rests on.
#[derive(Debug)]
pub(crate) struct Reach {
    judged: Arc<JudgedRoutes>,
    middlewares: Arc<Middlewares>,
    tree: Option<Arc<RouterTree>>,
    files: FxHashSet<FileId>,
    /// The folder that its modules are imported from.
    root: String,
}

impl Reach {
    fn new(
        application: &Application,
        judged: &Arc<JudgedRoutes>,
        middlewares: &Arc<Middlewares>,
        state: &State,
    ) -> Self {
        let tree = state.table.tree(application.router);
        let mut files: FxHashSet<FileId> = judged.files.iter().chain(&middlewares.rests_on.files).copied().collect();
        files.extend(tree.into_iter().flat_map(|tree| tree.reads()));
        files.insert(application.site.file);
        // What is mounted, and what the one that mounts it puts around it.
        files.extend(application.mounts.iter().map(|(_, child)| child.file));
        files.extend(application.middleware.iter().map(|middleware| middleware.site.file));
        let root = verdicts::source_root(state, application);
        Self { judged: Arc::clone(judged), middlewares: Arc::clone(middlewares), tree: tree.cloned(), files, root }
    }

    /// Whether an application was not linked anew.
    fn is_linked_as(&self, other: &Self) -> bool {
        self.tree.as_ref().zip(other.tree.as_ref()).is_some_and(|(tree, other)| Arc::ptr_eq(tree, other))
    }

    /// Whether the same is said of an application that was not linked anew.
    fn says_as(&self, other: &Self) -> bool {
        self.is_linked_as(other) && self.judged == other.judged && self.middlewares == other.middlewares
    }

    /// Whether nothing but places can have changed of an application since.
    fn is_of(
        &self,
        judged: &Arc<JudgedRoutes>,
        middlewares: &Arc<Middlewares>,
        tree: Option<&Arc<RouterTree>>,
    ) -> bool {
        Arc::ptr_eq(&self.judged, judged)
            && Arc::ptr_eq(&self.middlewares, middlewares)
            && match (&self.tree, tree) {
                (Some(old), Some(new)) => Arc::ptr_eq(old, new),
                (old, new) => old.is_none() && new.is_none(),
            }
    }
}

/// What a change reached.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// Whether anything may be said other than before.
    pub(super) everything: bool,
    /// Files in which something may be said other than before; of what points
    /// into them places may have changed.
    pub(super) files: FxHashSet<FileId>,
    /// Verifiers before the change, when they are others now.
    pub(super) verifiers: Option<Arc<Vec<Verifier>>>,
    /// The route table before, when routes were linked anew.
    pub(super) table: Option<Arc<RouteTable>>,
    /// Whether anything may be said other than before of the frontend.
    pub(super) frontend: bool,
    /// Whether the frontend may see anything else of the backend than before.
    pub(super) seen_by_frontend: bool,
}

impl State {
    /// Computes the diagnostics that a change may have changed, and gives the files of which it did.
    pub(super) fn refresh_diagnostics(&mut self, reached: &Reached) -> Vec<FileId> {
        let before = std::mem::take(&mut self.reaches);
        self.reaches = self.reaches_since(&before);
        if reached.everything {
            let mut found = rules::diagnostics(self, rules::Half::Backend, None);
            found.extend(rules::diagnostics(self, rules::Half::Frontend, None));
            return self.replace_diagnostics(found, None);
        }
        let mut files = reached.files.clone();
        let points = |diagnostics: &[Diagnostic]| {
            diagnostics.iter().flat_map(|d| &d.related).any(|related| reached.files.contains(&related.location.file))
        };
        files.extend(self.diagnostics.iter().filter(|(_, found)| points(found)).map(|(file, _)| *file));
        files.extend(self.judged_again_since(&before));
        let others = self.others_since(&before, reached);
        let mut around: FxHashSet<FileId> = files.union(&others).copied().collect();
        // A check that nothing asks for belongs to the applications that it is written for.
        let is_told = |file: FileId| self.diagnostics.get(&file).is_some_and(|found| unasked::may_be_among(found));
        let checks: Vec<&WrittenCheck> = unasked::to_look_at_again(self, is_told).collect();
        for check in checks.iter().filter(|check| files.contains(&check.site.file)) {
            around.extend(check.asks.iter().map(|(_, asked)| asked.file));
        }
        let part = self.applications_around(&mut around);
        let is_around = |check: &&&WrittenCheck| check.asks.iter().any(|(_, asked)| around.contains(&asked.file));
        files.extend(checks.iter().filter(is_around).map(|check| check.site.file));
        // Which route a request reaches, and how that is guarded, any application may decide.
        if reached.frontend || reached.seen_by_frontend {
            files.extend(self.frontend.outcomes().map(|(file, _)| file));
            files.extend(self.diagnostics.keys().filter(|file| self.is_script(**file)));
        }
        // Keys of both halves stand in these.
        if reached.frontend || !others.is_empty() {
            files.extend(self.environments.keys());
        }
        let mut found = rules::diagnostics(self, rules::Half::Frontend, Some(&files));
        if !others.is_empty() {
            files.extend(around);
        }
        found.extend(if part.len() == self.table.applications.len() {
            rules::diagnostics(self, rules::Half::Backend, Some(&files))
        } else {
            rules::diagnostics(&self.part(&part), rules::Half::Backend, Some(&files))
        });
        self.replace_diagnostics(found, Some(files))
    }

    /// How far applications reach now; what has not changed since is kept.
    fn reaches_since(&self, before: &[Arc<Reach>]) -> Arc<Vec<Arc<Reach>>> {
        let judged = self.guards.applications.iter().zip(&self.guards.middlewares);
        let applications = self.table.applications.iter().zip(judged);
        let reaches = applications.enumerate().map(|(at, (application, (judged, middlewares)))| {
            let tree = self.table.tree(application.router);
            let is_it = |reach: &&Arc<Reach>| reach.is_of(judged, middlewares, tree);
            // Most stand where they stood.
            let known = before.get(at).filter(is_it).or_else(|| before.iter().find(is_it));
            known.map_or_else(|| Arc::new(Reach::new(application, judged, middlewares, self)), Arc::clone)
        });
        Arc::new(reaches.collect())
    }

    /// Files of routes that were judged again. Where that came out the same, rules may still see something else in the code
    /// that it rests on.
    fn judged_again_since(&self, before: &[Arc<Reach>]) -> FxHashSet<FileId> {
        let mut files = FxHashSet::default();
        for (application, now) in self.table.applications.iter().zip(self.reaches.iter()) {
            let was = before.iter().find(|was| was.is_linked_as(now) && !Arc::ptr_eq(was, now));
            let Some(was) = was.filter(|was| was.judged.len() == now.judged.len()) else { continue };
            let pairs = was.judged.iter().zip(now.judged.iter()).zip(application.routes.iter());
            for (_, route) in pairs.filter(|((was, now), _)| !Arc::ptr_eq(&was.rests_on, &now.rests_on)) {
                files.insert(route.registration.file);
                files.extend(verdicts::handler_site(&route.handler).map(|site| site.file));
            }
        }
        files
    }

    /// Files of applications of which something else may be said now, before and after the change.
    fn others_since(&self, before: &[Arc<Reach>], reached: &Reached) -> FxHashSet<FileId> {
        let mut files = FxHashSet::default();
        let kept: FxHashSet<*const Reach> = before.iter().map(Arc::as_ptr).collect();
        let now: FxHashSet<*const Reach> = self.reaches.iter().map(Arc::as_ptr).collect();
        let gone: Vec<_> = before.iter().filter(|reach| !now.contains(&Arc::as_ptr(reach))).collect();
        let new: Vec<_> = self.reaches.iter().filter(|reach| !kept.contains(&Arc::as_ptr(reach))).collect();
        // Most that is judged again comes out the same.
        let has_twin = |reach: &Reach, others: &[&Arc<Reach>]| others.iter().any(|other| reach.says_as(other));
        let changed = gone
            .iter()
            .filter(|reach| !has_twin(reach, &new))
            .chain(new.iter().filter(|reach| !has_twin(reach, &gone)));
        changed.for_each(|reach| files.extend(&reach.files));
        if let Some(table) = &reached.table {
            files.extend(self.table.reads_since(table));
        }
        if let Some(before) = &reached.verifiers {
            let others: Vec<&Verifier> = verifiers_since(before, &self.verifiers).collect();
            for (application, reach) in self.table.applications.iter().zip(self.reaches.iter()) {
                // One that asks nobody who is calling, and gives rows of whom the client names, is compared with any other.
                let names_others = || reach.judged.iter().any(|judged| of_whom_client_names(judged).is_some());
                let is_compared = !verdicts::authenticates(&reach.judged) && names_others();
                if is_compared || verdicts::any_is_near(self, application, &reach.root, &others) {
                    files.extend(&reach.files);
                }
            }
        }
        files
    }

    /// Indices of the applications that belong to these files. Afterwards these are all files that belong together.
    fn applications_around(&self, files: &mut FxHashSet<FileId>) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        loop {
            let before = found.len();
            for (at, reach) in self.reaches.iter().enumerate() {
                if !found.contains(&at) && !reach.files.is_disjoint(files) {
                    found.insert(at);
                    files.extend(&reach.files);
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    /// The state as it were if there were no other applications.
    fn part(&self, applications: &BTreeSet<usize>) -> State {
        let guards = &self.guards;
        let of = |at: &usize| guards.applications.get(*at).zip(guards.middlewares.get(*at));
        let judged: Vec<_> = applications.iter().filter_map(of).collect();
        let guards = Guards {
            applications: judged.iter().map(|(judged, _)| Arc::clone(judged)).collect(),
            middlewares: judged.iter().map(|(_, middlewares)| Arc::clone(middlewares)).collect(),
            ..Guards::default()
        };
        self.with_routes(self.table.part(applications), guards)
    }

    /// Takes over the findings in some files, or in all; gives the files of which they are others.
    fn replace_diagnostics(
        &mut self,
        mut fresh: rustc_hash::FxHashMap<FileId, Vec<Diagnostic>>,
        only: Option<FxHashSet<FileId>>,
    ) -> Vec<FileId> {
        let known: BTreeSet<FileId> = match only {
            Some(only) => only.into_iter().collect(),
            None => self.diagnostics.keys().copied().chain(fresh.keys().copied()).collect(),
        };
        let mut changed = Vec::new();
        for file in known {
            let new = fresh.remove(&file).unwrap_or_default();
            if self.diagnostics.get(&file).map_or(&[][..], |old| old) == new.as_slice() {
                continue;
            }
            let diagnostics = Arc::make_mut(&mut self.diagnostics);
            if new.is_empty() {
                diagnostics.remove(&file);
            } else {
                diagnostics.insert(file, Arc::from(new));
            }
            changed.push(file);
        }
        changed
    }
}

/// Verifiers that are in one of two lists only, or other in one than in the other.
fn verifiers_since<'v>(before: &'v [Verifier], now: &'v [Verifier]) -> impl Iterator<Item = &'v Verifier> {
    let gone = before.iter().filter(|verifier| !now.contains(verifier));
    gone.chain(now.iter().filter(|verifier| !before.contains(verifier)))
}
