//! Executes modules again after a change, and forgets what rests on what is no longer so.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::State;
use crate::index::changes::{Changes, Edits};
use crate::index::contributions::Contributions;
use crate::index::interpreter::{Interpreter, ModuleRun, Remembered, Runs, Session};
use crate::index::link::link;
use crate::index::looked_at::{HIERARCHY, RestsOn};
use crate::index::routes::RouteTable;
use crate::vfs::FileId;

/// Modules that may be other than before, each behind those that it looked at. Those that looked at each other
/// are not among them.
fn readers_last(changes: &Changes) -> Vec<FileId> {
    let mut waiting: FxHashMap<FileId, usize> = changes.stale.iter().map(|file| (*file, 0)).collect();
    let mut readers: FxHashMap<FileId, Vec<FileId>> = FxHashMap::default();
    for (file, run) in &changes.runs {
        for other in run.rests_on.files.iter().filter(|other| *other != file && changes.stale.contains(other)) {
            *waiting.entry(*file).or_default() += 1;
            readers.entry(*other).or_default().push(*file);
        }
    }
    let mut order: Vec<FileId> = waiting.iter().filter(|(_, others)| **others == 0).map(|(file, _)| *file).collect();
    let mut at = 0;
    while let Some(file) = order.get(at).copied() {
        at += 1;
        for reader in readers.get(&file).into_iter().flatten() {
            let others = waiting.entry(*reader).or_default();
            *others = others.saturating_sub(1);
            if *others == 0 {
                order.push(*reader);
            }
        }
    }
    order
}

/// What executing modules again gave.
#[derive(Default)]
pub(super) struct Executed {
    /// The route table before, if routes were linked anew.
    pub(super) before: Option<Arc<RouteTable>>,
    /// What is other than before; none when everything may be.
    pub(super) changes: Option<Changes>,
    /// What was found out on the way about names.
    pub(super) remembered: Remembered,
}

impl State {
    /// Executes again what is no longer valid, and links the route table anew.
    /// `touched` are all files that were edited.
    pub(super) fn execute(
        &mut self,
        invalid: &FxHashSet<FileId>,
        everything: bool,
        touched: &BTreeSet<FileId>,
        edits: Edits,
    ) -> Executed {
        if everything {
            self.runs = Arc::default();
            self.runs_by_file = Arc::default();
            self.contributions = Arc::default();
            self.executed = Arc::default();
        }
        let mut changes = self.doubted(invalid, edits);
        let interpreter = Interpreter::new(&self.sources, &self.runs).doubting(changes.stale.clone());
        let order = readers_last(&changes);
        changes.stale.extend(touched);
        for file in order {
            // What a module read of one that is other than before may be the same.
            let run = changes.runs.get(&file).filter(|_| !invalid.contains(&file));
            if run.is_some_and(|run| changes.hold(&interpreter, &run.rests_on)) {
                interpreter.keep(file);
            }
        }
        let stale = interpreter.outdated();
        changes.only(|file| stale.contains(file) || touched.contains(file));
        let is_root = |file: &FileId| self.sources.file(*file).is_some_and(|f| f.relevant && f.facts.is_some());
        let mut roots: Vec<FileId> = match everything {
            true => self.sources.relevant().map(|(file, _)| file).collect(),
            false => stale.iter().copied().filter(is_root).collect(),
        };
        roots.sort_unstable_by_key(|file| self.sources.file(*file).map(|file| &file.path));
        for file in roots {
            interpreter.run(file);
        }
        let mut new_runs = interpreter.new_runs();
        new_runs.retain(|file, run| {
            !(run.routers.is_empty() && run.effects.is_empty() && run.executed.is_empty()) && is_root(file)
        });
        let contributions = Contributions::since(&self.contributions, &interpreter, &stale, &changes.runs, new_runs);
        let current: Vec<Arc<ModuleRun>> = contributions.modules().iter().map(|file| interpreter.run(*file)).collect();
        let known = (!everything).then_some((&stale, &changes));
        let table = link(&interpreter, &contributions, &current, &self.table, known);
        let mut in_use = Arc::clone(&self.in_use);
        let handling = Arc::make_mut(&mut in_use).relink(&table, &interpreter);
        let session = interpreter.finish();
        self.give_up(&changes.runs);
        let remembered = self.take_over(session);
        self.in_use = in_use;
        if let Some(unexamined) = &mut self.unexamined {
            unexamined.extend(self.injectable_by_file.of(&handling));
            unexamined.extend(handling);
        }
        self.contributions = contributions;
        let before = std::mem::replace(&mut self.table, Arc::new(table));
        Executed { before: Some(before), changes: (!everything).then_some(changes), remembered }
    }

    /// What edits may have changed at most: modules that are no longer valid, and whoever looked at one of these.
    fn doubted(&self, invalid: &FxHashSet<FileId>, edits: Edits) -> Changes {
        let (mut stale, mut runs) = (invalid.clone(), Runs::default());
        let mut pending: Vec<FileId> = stale.iter().copied().collect();
        pending.extend(edits.touch_hierarchy().then_some(HIERARCHY));
        while let Some(file) = pending.pop() {
            if let Some(run) = self.runs.get(&file) {
                runs.insert(file, Arc::clone(run));
            }
            pending.extend(self.runs_by_file.of_one(file).filter(|reader| stale.insert(*reader)));
        }
        Changes::new(stale, edits, runs)
    }

    /// Forgets runs.
    fn give_up(&mut self, given_up: &Runs) {
        for (file, run) in given_up {
            Arc::make_mut(&mut self.runs).remove(file);
            Arc::make_mut(&mut self.runs_by_file).remove(*file, run.rests_on.files.iter());
        }
    }

    /// Forgets the verdicts that may be other after changes; all without them.
    /// Gives the files in which something was said of functions that were forgotten.
    pub(super) fn forget(&mut self, changes: Option<&Changes>, remembered: &mut Remembered) -> Vec<FileId> {
        let Some(changes) = changes else {
            self.memo = Arc::default();
            self.verdicts_by_file = Arc::default();
            self.injectable = Arc::default();
            self.injectable_by_file = Arc::default();
            Arc::make_mut(&mut self.tokens).forget_all();
            self.unexamined = None;
            return Vec::new();
        };
        let interpreter = Interpreter::remembering(&self.sources, &self.runs, std::mem::take(remembered));
        let is_gone = |rests_on: &Arc<RestsOn>| !changes.hold(&interpreter, rests_on);
        let mut verdicts = self.verdicts_by_file.of(&changes.stale);
        verdicts.retain(|key| self.memo.get(key).is_some_and(|verdict| is_gone(&verdict.rests_on)));
        let mut functions = self.injectable_by_file.of(&changes.stale);
        functions.extend(changes.edits.read_anew());
        if let Some(unexamined) = &mut self.unexamined {
            unexamined.extend(changes.edits.read_anew());
        }
        functions.retain(|file| {
            let known = self.injectable.get(*file);
            known.is_some_and(|known| changes.edits.is_read(*file) || is_gone(&known.rests_on))
        });
        let affected = self.tokens.affected(changes);
        if !affected.is_empty() {
            Arc::make_mut(&mut self.tokens).forget(affected, changes, &interpreter);
        }
        let session = interpreter.finish();
        *remembered = self.take_over(session);
        if !verdicts.is_empty() {
            let memo = Arc::make_mut(&mut self.memo);
            let readers = Arc::make_mut(&mut self.verdicts_by_file);
            for key in verdicts {
                if let Some(verdict) = memo.remove(&key) {
                    readers.remove(key, &verdict.rests_on.files);
                }
            }
        }
        let mut said_in = Vec::new();
        if !functions.is_empty() {
            let injectable = Arc::make_mut(&mut self.injectable);
            let readers = Arc::make_mut(&mut self.injectable_by_file);
            for file in functions {
                if let Some(known) = injectable.remove(file) {
                    readers.remove(file, &known.rests_on.files);
                    said_in.extend(known.said_in());
                }
                if let Some(unexamined) = &mut self.unexamined {
                    unexamined.insert(file);
                }
            }
        }
        said_in
    }

    /// Keeps what an interpreter found out; gives what the next one need not.
    pub(super) fn take_over(&mut self, session: Session) -> Remembered {
        if !session.runs.is_empty() {
            let readers = Arc::make_mut(&mut self.runs_by_file);
            let runs = Arc::make_mut(&mut self.runs);
            for (file, run) in session.runs {
                readers.add(file, run.rests_on.files.iter());
                let executed = &mut self.executed_in_runs;
                if run.executed.iter().any(|item| !executed.contains(item)) {
                    let executed = Arc::make_mut(executed);
                    run.executed.iter().for_each(|one| executed.insert(*one));
                }
                runs.insert(file, run);
            }
        }
        if session.executed.iter().any(|item| !self.executed.contains(item)) {
            let executed = Arc::make_mut(&mut self.executed);
            session.executed.into_iter().for_each(|one| executed.insert(one));
        }
        self.wanted.extend(session.wanted);
        session.remembered
    }
}
