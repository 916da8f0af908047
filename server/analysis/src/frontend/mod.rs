//! The frontend: what its code sends where.
//!
//! Every module is evaluated for itself, with what it imports; what was found
//! stays while the code that it rests on does.

pub mod addresses;
pub mod asked;
pub mod bases;
mod evaluation;
pub mod issuers;
mod libraries;
pub mod matching;
pub mod modules;
pub mod named;
pub mod observed;
pub mod outcome;
pub mod passwords;
pub mod placement;
mod published;
mod requests;
pub mod rewrites;
pub mod rows;
pub mod shown;
mod store;
pub(crate) mod tokens;
mod unpacked;
mod unused;
mod value;

pub use requests::is_written_into_code;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use self::bases::Bases;
use self::evaluation::Session;
use self::modules::{Configurations, NextVersion, Resolved};
use self::outcome::{Client, Outcome, Place, UrlPart};
use self::placement::Placement;
use self::unpacked::Unpacked;
use crate::facts::typescript::file::TypeScriptFile;
use crate::index::sources::{SourceFile, Sources};
use crate::threads::{Threads, spread};
use crate::vfs::{FileId, Location};

/// Modules evaluated at once are shared among threads from this number on.
const PARALLEL_FROM: usize = 64;

/// What a module puts before the paths of requests of a client that others use: axios itself, or one that a generator
/// wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DefaultBase {
    /// The module.
    pub(crate) file: FileId,
    /// The client.
    pub(crate) client: Client,
    /// The address.
    pub(crate) base: Vec<UrlPart>,
}

/// What is known of all modules.
#[derive(Debug, Default, Clone)]
pub struct Frontend {
    configurations: Arc<Configurations>,
    outcomes: Arc<BTreeMap<FileId, Arc<Outcome>>>,
    /// Modules whose outcome rests on a file.
    readers: Arc<FxHashMap<FileId, BTreeSet<FileId>>>,
    /// Clients that some module makes attach a token.
    intercepted: Arc<BTreeSet<Client>>,
    /// What modules put before the paths of requests of clients that others use.
    default_bases: Arc<Vec<DefaultBase>>,
    /// Modules to evaluate.
    pending: BTreeSet<FileId>,
    unpacked: Unpacked,
    /// Tells the states of now and before from each other.
    revision: u64,
    /// Whether some module issues tokens.
    issues: bool,
    /// Whether some module does something about a refusal.
    dismisses: bool,
    /// Where modules run.
    pub placement: Arc<Placement>,
    /// Whether modules run elsewhere than when something was evaluated last.
    moved: bool,
    /// What variables of the environment say about where requests go.
    pub bases: Arc<Bases>,
}

impl Frontend {
    /// What was found, by file.
    pub fn outcomes(&self) -> impl Iterator<Item = (FileId, &Outcome)> {
        self.outcomes.iter().map(|(file, outcome)| (*file, &**outcome))
    }

    /// The same, to be kept.
    pub(crate) fn shared_outcomes(&self) -> impl Iterator<Item = (FileId, &Arc<Outcome>)> {
        self.outcomes.iter().map(|(file, outcome)| (*file, outcome))
    }

    /// What was found in a file.
    pub fn outcome(&self, file: FileId) -> Option<&Outcome> {
        self.outcomes.get(&file).map(|outcome| &**outcome)
    }

    /// The address that stands in for a variable in a module and in those that it rests on, if all
    /// places where one does agree.
    pub fn stands_in(&self, file: FileId, variable: &str) -> Option<&SmolStr> {
        let outcome = self.outcome(file)?;
        let others = outcome.modules.keys().filter(|other| **other != file).filter_map(|other| self.outcome(*other));
        let literals = std::iter::once(outcome).chain(others).flat_map(|outcome| &outcome.literals);
        let mut own = literals.filter(|literal| literal.variable.as_deref() == Some(variable));
        let first = own.next()?.address.as_ref()?;
        own.all(|other| other.address.as_ref() == Some(first)).then_some(first)
    }

    /// A number that is another one whenever anything was evaluated again.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether some module issues tokens.
    pub fn issues_tokens(&self) -> bool {
        self.issues
    }

    /// Whether some module ends the session, or the like, because a request was refused.
    pub fn dismisses(&self) -> bool {
        self.dismisses
    }

    /// What an import of a module in a file means.
    pub fn resolve(&self, sources: &Sources, importer: FileId, module: &str) -> Resolved {
        let path = sources.file(importer).map(|file| file.path.as_str()).unwrap_or_default();
        self.configurations.resolve(sources, path, module)
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// Whether there is no frontend: nothing to look at, and no package that has pages.
    pub fn is_absent(&self) -> bool {
        self.is_empty() && self.configurations.are_without_pages()
    }

    /// Takes over a configuration that says what imports mean, or that it is
    /// gone. If that changed anything, everything is evaluated again; tells so.
    pub fn set_configuration(&mut self, path: &str, text: Option<&str>) -> bool {
        let mut configurations = (*self.configurations).clone();
        if configurations.set(path, text) {
            self.configurations = Arc::new(configurations);
            self.pending.extend(self.outcomes.keys());
            Arc::make_mut(&mut self.placement).note_configuration();
            return true;
        }
        false
    }

    /// Notes that a module was read, changed or went away. `listing` tells that
    /// it was not there before, or no longer is.
    pub fn note(&mut self, sources: &Sources, file: FileId, facts: Option<&TypeScriptFile>, listing: bool) {
        self.pending.insert(file);
        Arc::make_mut(&mut self.placement).note(file, listing);
        for reader in self.readers.get(&file).into_iter().flatten() {
            if self.outcomes.get(reader).is_some_and(|outcome| !holds(outcome, file, facts)) {
                self.pending.insert(*reader);
            }
        }
        if listing {
            // An import may mean another file now.
            let stem = |file: FileId| sources.file(file).map(|source| stem(&source.path).to_owned());
            let own = stem(file);
            for (other, outcome) in self.outcomes.iter() {
                let rests_on_sibling = || outcome.modules.keys().any(|module| *module != file && stem(*module) == own);
                if outcome.is_unresolved || rests_on_sibling() {
                    self.pending.insert(*other);
                }
            }
        }
    }

    /// Modules that are to be read before anything is evaluated: what is evaluated without them is evaluated in vain.
    pub fn unread(&mut self, sources: &Sources) -> BTreeSet<FileId> {
        let placement = Arc::make_mut(&mut self.placement);
        self.moved |= placement.update(sources, &self.configurations);
        placement.unread(sources, &self.configurations)
    }

    /// Evaluates what has changed. Tells whether anything was found that was
    /// not, and which modules have to be read to go on.
    pub(crate) fn update(&mut self, sources: &Sources, threads: Threads) -> (bool, BTreeSet<FileId>) {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return (false, BTreeSet::new());
        }
        self.revision += 1;
        let mut missing = self.unread(sources);
        let mut changed = std::mem::take(&mut self.moved);
        let (mut intercepts, mut sets_bases, mut issues, mut dismisses) = (false, false, false, false);
        let fresh = self.evaluated(sources, &pending.into_iter().collect::<Vec<_>>(), threads);
        for (file, outcome) in fresh {
            let before = self.outcomes.get(&file).cloned();
            let both = before.as_deref().into_iter().chain(&outcome);
            for outcome in both {
                intercepts |= !outcome.interceptors.is_empty();
                sets_bases |= !outcome.default_bases.is_empty();
                issues |= outcome.issues_tokens();
                dismisses |= !outcome.observed.dismissals.is_empty();
            }
            for module in before.iter().flat_map(|outcome| rests_on(outcome)) {
                if let Some(readers) = Arc::make_mut(&mut self.readers).get_mut(&module) {
                    readers.remove(&file);
                }
            }
            match outcome {
                Some(outcome) => {
                    missing.extend(outcome.missing.iter().copied());
                    for module in rests_on(&outcome) {
                        Arc::make_mut(&mut self.readers).entry(module).or_default().insert(file);
                    }
                    // Who kept something by the outcome finds it again.
                    if before.as_deref() != Some(&outcome) {
                        changed = true;
                        Arc::make_mut(&mut self.outcomes).insert(file, Arc::new(outcome));
                    }
                }
                None => {
                    changed |= before.is_some();
                    Arc::make_mut(&mut self.outcomes).remove(&file);
                }
            }
        }
        if intercepts {
            let interceptors = self.outcomes.values().flat_map(|outcome| &outcome.interceptors);
            self.intercepted = Arc::new(interceptors.map(|interceptor| interceptor.client).collect());
        }
        if issues {
            self.issues = self.outcomes.values().any(|outcome| outcome.issues_tokens());
        }
        if dismisses {
            self.dismisses = self.outcomes.values().any(|outcome| !outcome.observed.dismissals.is_empty());
        }
        if sets_bases {
            let of_file = |(file, outcome): (&FileId, &Arc<Outcome>)| {
                let bases = outcome.default_bases.iter();
                bases
                    .map(|(client, base)| DefaultBase { file: *file, client: *client, base: base.clone() })
                    .collect::<Vec<_>>()
            };
            self.default_bases = Arc::new(self.outcomes.iter().flat_map(of_file).collect());
        }
        (changed, missing)
    }

    /// Evaluates modules, on several threads when there are many.
    fn evaluated(&mut self, sources: &Sources, files: &[FileId], threads: Threads) -> Vec<(FileId, Option<Outcome>)> {
        let unpacked = std::mem::take(&mut self.unpacked);
        let evaluate = |files: &[FileId], unpacked: Unpacked| -> (Vec<(FileId, Option<Outcome>)>, Unpacked) {
            let mut session = Session::new(sources, &self.configurations, unpacked);
            let is_root =
                |source: &SourceFile| source.is_evaluated() && !self.configurations.is_of_unused_library(&source.path);
            let roots = files.iter().map(|file| (*file, sources.file(*file).is_some_and(is_root)));
            let outcomes = roots.map(|(file, is_root)| (file, is_root.then(|| session.evaluate(file)))).collect();
            (outcomes, session.into_unpacked())
        };
        let threads = threads.for_pieces(files.len(), PARALLEL_FROM);
        if threads < 2 {
            let (outcomes, unpacked) = evaluate(files, unpacked);
            self.unpacked = unpacked.kept();
            return outcomes;
        }
        // A part for each thread: who goes on knows what the modules before have imported.
        let parts: Vec<&[FileId]> = files.chunks(files.len().div_ceil(threads)).collect();
        let evaluated = spread(0..parts.len(), vec![(); parts.len()], |(), pieces| -> Vec<_> {
            pieces.taken().map(|at| evaluate(parts[at], Unpacked::default()).0).collect()
        });
        evaluated.into_iter().flatten().flatten().collect()
    }

    /// Whether the pages of a file are static files for a browser: what requests
    /// to their own origin reach is no server of JavaScript.
    pub fn has_no_server(&self, path: &str) -> bool {
        self.configurations.has_no_server(path)
    }

    /// The folder of the package that a file belongs to; empty where there is none.
    pub(crate) fn package_of<'p>(&self, path: &'p str) -> &'p str {
        self.configurations.package_of(path)
    }

    /// Whether a package has code in files that are no scripts (`Login.vue`): what none of its modules does may be done there.
    pub(crate) fn has_other_files(&self, path: &str) -> bool {
        self.configurations.has_other_files(path)
    }

    /// Folders of packages whose pages are static files.
    pub(crate) fn folders_without_server(&self) -> &BTreeSet<SmolStr> {
        self.configurations.folders_without_server()
    }

    /// The minor version of Better Auth 1 that a file runs with, where its package pins one.
    pub fn better_auth_minor(&self, path: &str) -> Option<u32> {
        self.configurations.better_auth_minor(path)
    }

    /// The folder of the project of Next.js that a file belongs to, and what its package says of the version.
    pub fn next_project(&self, path: &str) -> Option<(&str, NextVersion)> {
        self.configurations.next(path)
    }

    /// What modules put before the paths of requests of clients that others use.
    pub(crate) fn default_bases(&self) -> &[DefaultBase] {
        &self.default_bases
    }

    /// Whether some module makes a client attach a token.
    pub fn is_intercepted(&self, client: Client) -> bool {
        !matches!(client, Client::Fetch | Client::EventSource | Client::WebSocket | Client::Unresolved)
            && self.intercepted.contains(&client)
    }
}

/// The place in the text of now; none if what it stood in is gone.
pub fn locate(sources: &Sources, place: Place) -> Option<Location> {
    let facts = sources.file(place.file)?.script.as_ref()?;
    Some(Location { file: place.file, range: facts.absolute(place.item, place.range)? })
}

/// Files whose change may change an outcome.
fn rests_on(outcome: &Outcome) -> impl Iterator<Item = FileId> {
    outcome.modules.keys().chain(&outcome.missing).copied()
}

/// Whether what an outcome rests on in a file is as it was.
fn holds(outcome: &Outcome, file: FileId, facts: Option<&TypeScriptFile>) -> bool {
    let Some(facts) = facts else { return false };
    outcome.modules.get(&file) == Some(&facts.outline)
        && outcome.executed.iter().all(|(other, item)| *other != file || facts.index(*item).is_some())
}

/// A path without its extension, and without `/index`.
fn stem(path: &str) -> &str {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    stem.strip_suffix("/index").unwrap_or(stem)
}
