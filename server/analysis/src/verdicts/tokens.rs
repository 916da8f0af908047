//! What every item does with tokens, kept by item: an edit costs what stands in
//! the edited one, and what looked into that.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::side_by_side::each_piece;
use crate::auth::tokens::{Decode, Encode, ItemTokens, Looks, Marked, VerifierCall, tokens_of};
use crate::data::{ToolData, judge_tool};
use crate::facts::python::tree::Item;
use crate::ide::State;
use crate::index::changes::Changes;
use crate::index::interpreter::Interpreter;
use crate::index::looked_at::RestsOn;
use crate::index::readers::Readers;
use crate::index::value::{Resolve, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

/// What all files outside of tests do with tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    files: FxHashMap<FileId, Arc<FileTokens>>,
    readers: Readers<FileId>,
    /// Files that have to be looked at.
    pending: BTreeSet<FileId>,
    /// Files in which something was found, by path: what comes first must not
    /// depend on which file was seen first.
    telling: BTreeSet<(SmolStr, FileId)>,
    overview: Arc<Overview>,
}

/// What was found, without all that says nothing: every rule asks for it at every key.
#[derive(Debug, Default)]
struct Overview {
    files: Vec<(FileId, Vec<Arc<ItemTokens>>)>,
    answers_errors: bool,
    decoding: Vec<Arc<ItemTokens>>,
    encoding: Vec<Arc<ItemTokens>>,
    calling: Vec<Arc<ItemTokens>>,
    tools: Vec<Arc<ToolData>>,
}

impl Overview {
    fn new(files: Vec<(FileId, Vec<Arc<ItemTokens>>)>, tools: Vec<Arc<ToolData>>) -> Self {
        let of = |says: &dyn Fn(&ItemTokens) -> bool| {
            files.iter().flat_map(|(_, items)| items).filter(|item| says(item)).map(Arc::clone).collect::<Vec<_>>()
        };
        Self {
            answers_errors: files.iter().flat_map(|(_, items)| items).any(|item| item.answers_errors),
            decoding: of(&|item| !item.decodes.is_empty()),
            encoding: of(&|item| !item.encodes.is_empty()),
            calling: of(&|item| !item.calls.is_empty()),
            files,
            tools,
        }
    }
}

/// What the items of one file do with tokens.
#[derive(Debug, Clone, Default)]
struct FileTokens {
    items: Vec<Known>,
    /// All that this rests on, sorted.
    rests_on: Box<[FileId]>,
}

impl FileTokens {
    /// What its items do with tokens, those that do something.
    fn told(&self) -> Vec<Arc<ItemTokens>> {
        self.telling().map(|known| Arc::clone(&known.tokens)).collect()
    }

    /// Those items that do something.
    fn telling(&self) -> impl Iterator<Item = &Known> {
        self.items.iter().filter(|known| known.tells)
    }

    /// What is known of the item of a number.
    fn of(&self, number: u32) -> Option<&Known> {
        let at = self.items.binary_search_by_key(&number, |known| known.number).ok()?;
        self.items.get(at)
    }
}

/// What one item does with tokens, and what that rests on.
#[derive(Debug, Clone)]
struct Known {
    /// The number of the item.
    number: u32,
    item: Arc<Item>,
    tokens: Arc<ItemTokens>,
    /// What the tools for language models among it do with owned data.
    tools: Vec<Arc<ToolData>>,
    /// Whether that is anything: every rule asks for it.
    tells: bool,
    rests_on: Arc<RestsOn>,
    /// What it was searched for, by its text.
    looks: Arc<[(TextRange, Looks)]>,
    /// Whether it may say something else now.
    stale: bool,
}

impl Known {
    fn says(&self) -> (&Arc<ItemTokens>, &[Arc<ToolData>]) {
        (&self.tokens, &self.tools)
    }
}

impl Tokens {
    /// What items do with tokens, by files that hold any, in the order of their paths.
    pub(crate) fn items(&self) -> impl Iterator<Item = (FileId, &ItemTokens)> {
        self.items_of(|_| true)
    }

    /// The same of some files.
    pub(crate) fn items_of(&self, wanted: impl Fn(FileId) -> bool) -> impl Iterator<Item = (FileId, &ItemTokens)> {
        let files = self.overview.files.iter().filter(move |(file, _)| wanted(*file));
        files.flat_map(|(file, items)| items.iter().map(|tokens| (*file, &**tokens)))
    }

    /// All calls that read tokens.
    pub(crate) fn decodes(&self) -> impl Iterator<Item = &Decode> {
        self.overview.decoding.iter().flat_map(|tokens| &tokens.decodes)
    }

    /// All calls that issue tokens.
    pub(crate) fn encodes(&self) -> impl Iterator<Item = &Encode> {
        self.overview.encoding.iter().flat_map(|tokens| &tokens.encodes)
    }

    /// All calls of functions of the project that verify tokens.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &VerifierCall> {
        self.overview.calling.iter().flat_map(|tokens| &tokens.calls)
    }

    /// What tools for language models do with owned data.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &ToolData> {
        self.overview.tools.iter().map(|tool| &**tool)
    }

    /// Whether an exception of a library for tokens is answered for a whole application.
    pub(crate) fn answers_errors(&self) -> bool {
        self.overview.answers_errors
    }

    /// Has a file looked at.
    pub(crate) fn ask(&mut self, file: FileId) {
        self.pending.insert(file);
    }

    /// Files that rest on modules that are other than before.
    pub(crate) fn affected(&self, changes: &Changes) -> BTreeSet<FileId> {
        let mut files: BTreeSet<FileId> = self.readers.of(&changes.stale).into_iter().collect();
        files.extend(changes.edits.read_anew().filter(|file| self.files.contains_key(file)));
        files
    }

    /// Has the items of these files looked at again that may be other after changes.
    pub(crate) fn forget(&mut self, files: BTreeSet<FileId>, changes: &Changes, interpreter: &Interpreter<'_>) {
        for file in files {
            let Some(known) = self.files.get_mut(&file) else { continue };
            let gone = |known: &Known| !changes.hold(interpreter, &known.rests_on);
            if known.items.iter().any(|known| !known.stale && gone(known)) {
                Arc::make_mut(known).items.iter_mut().for_each(|known| known.stale |= gone(known));
                self.pending.insert(file);
            }
        }
    }

    /// Has everything looked at again.
    pub(crate) fn forget_all(&mut self) {
        for (file, known) in &mut self.files {
            Arc::make_mut(known).items.iter_mut().for_each(|known| known.stale = true);
            self.pending.insert(*file);
        }
    }

    /// Takes over what was found. Tells whether that is other than before.
    pub(crate) fn take_over(&mut self, found: Vec<FoundTokens>) -> bool {
        let mut changed = false;
        for FoundTokens { file, path, tokens } in found {
            self.pending.remove(&file);
            let before = self.files.remove(&file);
            let said = |tokens: &FileTokens| tokens.telling().next().is_some();
            let Some(tokens) = tokens else {
                if let Some(before) = before {
                    changed |= said(&before);
                    self.readers.remove(file, &before.rests_on);
                }
                self.telling.remove(&(path, file));
                continue;
            };
            match &before {
                Some(before) => {
                    changed |= !before.telling().map(Known::says).eq(tokens.telling().map(Known::says));
                    self.readers.remove_others(file, &before.rests_on, &tokens.rests_on);
                }
                None => changed |= said(&tokens),
            }
            self.readers.add(file, &tokens.rests_on);
            if said(&tokens) {
                self.telling.insert((path, file));
            } else {
                self.telling.remove(&(path, file));
            }
            self.files.insert(file, Arc::new(tokens));
        }
        if changed {
            let told = self.telling.iter().filter_map(|(_, file)| Some((*file, self.files.get(file)?.told())));
            let files = self.telling.iter().filter_map(|(_, file)| self.files.get(file));
            let tools = files.flat_map(|file| file.items.iter().flat_map(|known| known.tools.iter().cloned()));
            self.overview = Arc::new(Overview::new(told.collect(), tools.collect()));
        }
        changed
    }
}

/// What a file was found to do with tokens; nothing where it need not be looked at any more.
pub(crate) struct FoundTokens {
    file: FileId,
    path: SmolStr,
    tokens: Option<FileTokens>,
}

/// Looks at the files that have to be.
pub(super) fn look(state: &State, interpreter: &Interpreter<'_>) -> Vec<FoundTokens> {
    let pending: Vec<FileId> = state.tokens.pending.iter().copied().collect();
    let path = |file: FileId| state.sources.file(file).map(|source| source.path.clone()).unwrap_or_default();
    let found = |interpreter: &Interpreter<'_>, file: FileId| FoundTokens {
        file,
        path: path(file),
        tokens: look_at(state, interpreter, file),
    };
    let rest = |from: usize, threads: usize| {
        each_piece((state, interpreter), threads, from..pending.len(), |interpreter, pieces| {
            pieces.taken().map(|at| (at, found(interpreter, pending[at]))).collect()
        })
    };
    state.threads.patiently(pending.len(), |at| found(interpreter, pending[at]), rest)
}

/// What most items do with tokens; they share it.
fn nothing() -> &'static Arc<ItemTokens> {
    static NOTHING: OnceLock<Arc<ItemTokens>> = OnceLock::new();
    NOTHING.get_or_init(Arc::default)
}

fn look_at(state: &State, interpreter: &Interpreter<'_>, file: FileId) -> Option<FileTokens> {
    if !state.handling_tokens.contains(&file) {
        return None;
    }
    let source = state.sources.file(file).filter(|source| !source.test)?;
    let facts = source.facts.as_ref()?;
    let before = state.tokens.files.get(&file);
    let nothing = nothing();
    let mut text: Option<Arc<str>> = None;
    let mut items: Vec<Known> = Vec::with_capacity(facts.items.len());
    for placed in &facts.items {
        let (number, item) = (placed.number, &placed.placed.item);
        let holds = |known: &&Known| !known.stale && known.item == *item;
        if let Some(known) = before.and_then(|before| before.of(number)).filter(holds) {
            items.push(Known { item: Arc::clone(item), ..known.clone() });
            continue;
        }
        let text = text.get_or_insert_with(|| state.parsed(file).map(|parsed| parsed.text()).unwrap_or_default());
        let start = placed.placed.start as usize;
        let own = text.get(start..start + item.len as usize).filter(|_| !placed.ghost);
        // What is not in the text any more still counts as it was.
        let earlier = before.and_then(|before| before.items.iter().find(|known| known.item == *item));
        let marked = match (own, earlier) {
            (Some(own), _) => Marked::Text(own),
            (None, Some(earlier)) => Marked::Earlier(&earlier.looks),
            (None, None) => Marked::Earlier(&[]),
        };
        let outer = interpreter.begin();
        let (tokens, looks) = tokens_of(interpreter, file, number, item, marked);
        let tools = tools_of(interpreter, file, &tokens);
        let tells = tokens != **nothing;
        let tokens = if tells { Arc::new(tokens) } else { Arc::clone(nothing) };
        let (item, looks) = (Arc::clone(item), if looks.is_empty() { Arc::default() } else { looks.into() });
        items.push(Known { number, item, tokens, tools, tells, looks, rests_on: interpreter.end(outer), stale: false });
    }
    let rests_on: BTreeSet<FileId> = items.iter().flat_map(|known| known.rests_on.files.iter().copied()).collect();
    Some(FileTokens { items, rests_on: rests_on.into_iter().collect() })
}

/// What the tools among an item do with owned data.
fn tools_of(interpreter: &Interpreter<'_>, file: FileId, tokens: &ItemTokens) -> Vec<Arc<ToolData>> {
    let data = tokens.tools.iter().filter_map(|tool| match interpreter.lookup(file, &tool.name) {
        Value::Function(function) if function.site == tool.function => {
            let function = interpreter.current(&function);
            Some(Arc::new(judge_tool(interpreter, &function, &tool.identity)))
        }
        _ => None,
    });
    data.filter(|data| **data != ToolData::default()).collect()
}
