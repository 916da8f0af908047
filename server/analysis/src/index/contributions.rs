//! Which modules do something to routers, and to which. A key mostly leaves that as it
//! is, whatever it changes of what they do.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::interpreter::{Effect, Interpreter, ModuleRun, Runs};
use super::sources::Sources;
use super::value::{RouterId, Value};
use crate::vfs::FileId;

/// Modules that do something to routers. They are told from each other by their places
/// in the order of their paths.
#[derive(Debug, Default)]
pub struct Contributions {
    modules: Vec<FileId>,
    places: FxHashMap<FileId, usize>,
    acting: FxHashMap<RouterId, Vec<usize>>,
    included: FxHashSet<RouterId>,
    called: FxHashSet<(FileId, u32)>,
}

impl Contributions {
    /// The contributions after a change: modules in `stale` did what is in `given_up`, and some
    /// do now what is in `new_runs`.
    pub fn since(
        before: &Arc<Self>,
        interpreter: &Interpreter<'_>,
        stale: &FxHashSet<FileId>,
        given_up: &Runs,
        new_runs: Runs,
    ) -> Arc<Self> {
        let does_alike = |file: &FileId| match (before.place(*file), given_up.get(file), new_runs.get(file)) {
            (None, _, None) => true,
            (Some(_), Some(before), Some(now)) => act_alike(before, now),
            _ => false,
        };
        if stale.iter().chain(new_runs.keys()).all(does_alike) {
            return Arc::clone(before);
        }
        let kept = before.modules.iter().filter(|file| !stale.contains(*file) && !new_runs.contains_key(*file));
        let mut runs: Vec<_> = kept.map(|file| (*file, interpreter.run(*file))).collect();
        runs.extend(new_runs);
        Arc::new(Self::new(interpreter.sources(), runs))
    }

    fn new(sources: &Sources, mut runs: Vec<(FileId, Arc<ModuleRun>)>) -> Self {
        let path = |file: FileId| sources.file(file).map(|file| file.path.as_str());
        runs.sort_unstable_by(|(a, _), (b, _)| path(*a).cmp(&path(*b)));
        let mut found = Self::default();
        for (place, (file, run)) in runs.iter().enumerate() {
            found.modules.push(*file);
            found.places.insert(*file, place);
            found.included.extend(included(run));
            let elsewhere = run.executed.iter().filter(|executed| executed.file != *file);
            found.called.extend(elsewhere.map(|executed| (executed.file, executed.item)));
        }
        // A router's own module comes first: it ran before those that import it.
        for own in [true, false] {
            for (place, (file, run)) in runs.iter().enumerate() {
                for target in run.effects.iter().map(effect_target).filter(|target| (target.file == *file) == own) {
                    let acting = found.acting.entry(target).or_default();
                    if acting.last() != Some(&place) {
                        acting.push(place);
                    }
                }
            }
        }
        found
    }

    /// The modules, in the order of their paths.
    pub fn modules(&self) -> &[FileId] {
        &self.modules
    }

    /// The place of a module; none if it does nothing to routers.
    pub fn place(&self, file: FileId) -> Option<usize> {
        self.places.get(&file).copied()
    }

    /// Places of the modules that do something to a router, in the order in which they ran.
    pub fn acting(&self, router: RouterId) -> &[usize] {
        self.acting.get(&router).map_or(&[], Vec::as_slice)
    }

    /// Whether a module includes a router.
    pub fn is_included(&self, router: RouterId) -> bool {
        self.included.contains(&router)
    }

    /// Whether the body of an item was executed for another module than its own.
    pub fn is_called(&self, item: (FileId, u32)) -> bool {
        self.called.contains(&item)
    }
}

/// Whether two runs of a module do something to the same routers, in the same order.
fn act_alike(a: &ModuleRun, b: &ModuleRun) -> bool {
    a.routers.len() == b.routers.len()
        && a.effects.iter().map(effect_target).eq(b.effects.iter().map(effect_target))
        && included(a).eq(included(b))
        && a.executed == b.executed
}

/// Routers that a run includes.
fn included(run: &ModuleRun) -> impl Iterator<Item = RouterId> {
    run.effects.iter().filter_map(|effect| match effect {
        Effect::Include { child: Value::Router(child), .. } => Some(*child),
        _ => None,
    })
}

/// The router that something is done to.
pub fn effect_target(effect: &Effect) -> RouterId {
    match effect {
        Effect::Route { router, .. } | Effect::Unresolved { router, .. } => *router,
        Effect::Include { parent, .. } | Effect::Mount { parent, .. } | Effect::Frontend { parent, .. } => *parent,
        Effect::Middleware { app, .. } => *app,
    }
}
