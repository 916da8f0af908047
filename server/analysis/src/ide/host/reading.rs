//! Taking over texts: what a new one says, and how far that reaches.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Environment, State};
use crate::auth::keys::may_use_keys;
use crate::auth::tokens::may_handle_tokens;
use crate::facts::environment;
use crate::facts::manifests;
use crate::facts::roles;
use crate::facts::typescript::file::TypeScriptFile;
use crate::facts::words::Words;
use crate::ide::documents::{Document, Parsed, is_nobodys_source};
use crate::index::changes::{Edits, Extent};
use crate::syntax::{Grammar, typescript};
use crate::threads::{Pieces, spread};
use crate::vfs::FileId;

/// Texts read at once are read by several threads from this number on.
const PARALLEL_FROM: usize = 8;

impl State {
    /// What the configuration wants a caller to be answered by the code of a
    /// file who is not the owner: the HTTP status.
    pub(crate) fn ownership_status(&self, file: FileId) -> u16 {
        self.sources.file(file).map_or(403, |source| self.policy.ownership_status(&source.path))
    }

    /// Takes over what specifications and configurations say.
    pub(super) fn read_policy(&mut self, touched: &BTreeSet<FileId>) {
        for &file in touched {
            let Some(path) = self.sources.file(file).map(|source| source.path.clone()) else { continue };
            if path.ends_with(".py") {
                continue;
            }
            let text = self.documents.get(file).and_then(Document::text);
            self.pending_policy |= Arc::make_mut(&mut self.policy).set(file, &path, text.as_deref());
        }
    }

    /// Takes over what manifests say; tells whether that changed.
    pub(super) fn read_manifests(&mut self, touched: &BTreeSet<FileId>) -> bool {
        let mut changed = false;
        for file in touched {
            let Some(path) = self.sources.file(*file).map(|source| source.path.clone()) else { continue };
            if manifests::rank(&path).is_some() {
                let text = self.documents.get(*file).and_then(Document::text);
                changed |= self.sources.set_manifest(&path, text.as_deref());
                self.unjudged |= Arc::make_mut(&mut self.packages).set(*file, &path, text.as_deref());
            }
        }
        changed
    }

    /// Takes over which variables files set.
    pub(super) fn read_environments(&mut self, touched: &BTreeSet<FileId>) {
        for file in touched {
            let Some(path) = self.sources.file(*file).map(|source| source.path.clone()) else { continue };
            if environment::names_addresses(&path) {
                let text = self.documents.get(*file).and_then(Document::text);
                self.unjudged |= Arc::make_mut(&mut self.frontend.bases).set(*file, &path, text.as_deref());
            }
            if !environment::sets_variables(&path) {
                continue;
            }
            let document = self.documents.get(*file);
            let is_committed = document.is_some_and(|document| document.committed);
            let text = document.and_then(Document::text);
            let variables = text.as_deref().map(|text| environment::read(&path, text)).unwrap_or_default();
            let asked = text.as_deref().map(|text| environment::asked_values(&path, text)).unwrap_or_default();
            let is_worth = !variables.is_empty() || asked != environment::AskedValues::default();
            let now = is_worth.then_some(Environment { is_committed, variables, asked });
            if self.environments.get(file) != now.as_ref() {
                self.unjudged = true;
                let all = Arc::make_mut(&mut self.environments);
                match now {
                    Some(now) => all.insert(*file, now),
                    None => all.remove(file),
                };
            }
        }
    }

    /// Takes over what configurations say about imports of TypeScript.
    pub(super) fn read_module_configurations(&mut self, touched: &BTreeSet<FileId>) {
        for file in touched {
            let Some(path) = self.sources.file(*file).map(|source| source.path.clone()) else { continue };
            if roles::configures_modules(&path) {
                let text = self.documents.get(*file).and_then(Document::text);
                self.unjudged |= self.frontend.set_configuration(&path, text.as_deref());
            }
        }
    }

    /// Reads the texts of files, on several threads when there are many.
    pub(super) fn read(&self, files: &BTreeSet<FileId>) -> Vec<(FileId, Option<Parsed>)> {
        let read_one = |file: FileId| {
            let document = self.documents.get(file)?;
            let grammar = self.sources.file(file).and_then(|source| Grammar::of_path(&source.path))?;
            Parsed::new(&document.text()?, grammar, document.parsed.as_deref(), document.open.is_some(), self.packs)
        };
        let files: Vec<FileId> = files.iter().copied().collect();
        let threads = self.threads.for_pieces(files.len(), PARALLEL_FROM);
        if threads < 2 {
            return files.into_iter().map(|file| (file, read_one(file))).collect();
        }
        let read = |(), pieces: &Pieces| -> Vec<_> {
            pieces.taken().filter_map(|at| files.get(at)).map(|file| (*file, read_one(*file))).collect()
        };
        let mut parsed: Vec<_> = spread(0..files.len(), vec![(); threads], read).into_iter().flatten().collect();
        parsed.sort_by_key(|(file, _)| *file);
        parsed
    }

    /// Takes over what was read and tells how far that reaches.
    pub(super) fn install(&mut self, file: FileId, parsed: Option<Parsed>, edits: &mut Edits) -> Extent {
        let Some(document) = self.documents.get_mut(file) else { return Extent::Nothing };
        let listed = document.exists() && !document.has_text() && document.unreadable.is_none();
        let imports = document.imports.clone().filter(|_| listed);
        let script = parsed.as_ref().and_then(|parsed| parsed.facts.script().map(Arc::clone));
        let facts = parsed.as_ref().and_then(|parsed| parsed.facts.python().map(Arc::clone));
        let broken = parsed.as_ref().is_some_and(|parsed| !parsed.errors.is_empty());
        let mut words = document.text().map(|text| match document.words.take() {
            Some(before) => before.edited(text),
            None => Words::of(text),
        });
        document.gave_up = match parsed {
            Some(_) => false,
            None => self
                .sources
                .file(file)
                .and_then(|source| Grammar::of_path(&source.path))
                .is_some_and(|grammar| document.text().is_some_and(|text| !is_nobodys_source(grammar, &text))),
        };
        document.set_parsed(parsed.map(Arc::new));
        if self.packs {
            document.pack();
        }
        self.note_speaking(file);
        let Some(source) = self.sources.file(file) else { return Extent::Nothing };
        if typescript::grammar(&source.path).is_some() {
            let listing = (source.script.is_some() || source.listed) != (script.is_some() || listed);
            // Findings of any file may point at what is gone for a while, and back now.
            let unplaced = |script: &Option<Arc<TypeScriptFile>>| -> Vec<_> {
                script.iter().flat_map(|script| script.unplaced().collect::<Vec<_>>()).collect()
            };
            self.unplaced |= unplaced(&source.script) != unplaced(&script);
            if script.is_some() || source.script.is_some() || listing || source.imports != imports {
                // While it does not parse, its last good text counts.
                let relevant = match broken && source.script.is_some() {
                    true => source.relevant,
                    false => words.as_mut().is_some_and(may_send),
                };
                self.sources.set_script(file, script.clone(), listed, relevant);
                self.sources.set_imports(file, imports);
                self.frontend.note(&self.sources, file, script.as_deref(), listing);
            }
            self.keep_words(file, words);
            return Extent::Nothing;
        }
        if !source.path.ends_with(".py") {
            // Nothing imports it; what it says was read before.
            return Extent::Nothing;
        }
        let extent = match (&source.facts, &facts) {
            (None, None) if source.listed == listed => Extent::Nothing,
            (old, new) => edits.note(file, old.as_ref(), new.as_ref()),
        };
        let declares = words.as_mut().is_some_and(may_declare_tables);
        let without = self.tables.is_empty();
        let changed = set(&mut self.tables, file, declares);
        self.unjudged |= changed && without != self.tables.is_empty();
        set(&mut self.signing, file, words.as_mut().is_some_and(may_use_keys));
        let handles = words.as_mut().is_some_and(may_handle_tokens);
        let handled = set(&mut self.handling_tokens, file, handles);
        if handles || handled {
            Arc::make_mut(&mut self.tokens).ask(file);
        }
        let relevant = words.as_mut().is_some_and(|words| is_relevant(words, source.test));
        let extent = if source.relevant == relevant { extent } else { Extent::Outline };
        self.sources.set_facts(file, facts, listed, relevant);
        self.keep_words(file, words);
        extent
    }

    /// Keeps what was found out of an open document's words: it is edited next.
    fn keep_words(&mut self, file: FileId, words: Option<Words>) {
        if let Some(document) = self.documents.get_mut(file).filter(|document| document.open.is_some()) {
            document.words = words;
        }
    }

    /// Notes whether there can be findings in a file that no route is behind.
    pub(super) fn note_speaking(&mut self, file: FileId) {
        let parsed = self.parsed(file).is_some_and(|parsed| parsed.never_parsed || !parsed.comments.is_empty());
        let speaks = parsed || self.unreadable(file).is_some();
        set(&mut self.speaking, file, speaks);
    }
}

/// Puts a file into a set that snapshots share, or takes it out; tells whether that changed anything.
pub(super) fn set(files: &mut Arc<BTreeSet<FileId>>, file: FileId, is_in: bool) -> bool {
    if files.contains(&file) == is_in {
        return false;
    }
    let files = Arc::make_mut(files);
    if is_in { files.insert(file) } else { files.remove(&file) }
}

/// Whether a text can hold a table's class, of SQLAlchemy or SQLModel, or a
/// client of a store that needs none.
fn may_declare_tables(words: &mut Words) -> bool {
    const CLIENTS: &[&str] = &[
        "import supabase",
        "from supabase",
        "import motor",
        "from motor",
        "import pymongo",
        "from pymongo",
        "import beanie",
        "from beanie",
        "import odmantic",
        "from odmantic",
        "import tortoise",
        "from tortoise",
        "import asyncpg",
        "from asyncpg",
        "import psycopg",
        "from psycopg",
        "import sqlite3",
        "import aiosqlite",
        "import pymysql",
        "import aiomysql",
        "import databases",
        "from databases",
        "firestore.",
        "firestore_async",
    ];
    words.hold_any(&["mapped_column", "Column("])
        || (words.hold("SQLModel") && words.hold("table"))
        || (words.hold("sqlalchemy") && words.hold("text("))
        || words.hold_any(CLIENTS)
}

/// Whether a script can send requests or handle tokens.
fn may_send(words: &mut Words) -> bool {
    words.hold_any(roles::SCRIPT_MARKERS)
}

/// Whether a text can hold routers, routes or dependencies. Test code counts
/// only where it makes an application.
fn is_relevant(words: &mut Words, test: bool) -> bool {
    match test {
        true => words.hold_any(&["FastAPI(", "APIRouter("]),
        false => {
            words.hold_any(roles::APPLICATION_MARKERS)
                || words.hold(roles::DECORATOR_MARKER) && words.hold_any(roles::PATH_MARKERS)
        }
    }
}
