//! Texts and facts of files, brought up to date one change at a time.

use std::sync::{Arc, OnceLock};

use tree_sitter::Tree;

use super::FileContent;
use crate::facts::comments::Comment;
use crate::facts::python::file::{FileItem, PythonFile};
use crate::facts::python::lower::{Lowered, lower_closed_file, lower_file};
use crate::facts::python::salvage::salvage;
use crate::facts::python::tree::PlacedItem;
use crate::facts::typescript::bundled::is_bundled;
use crate::facts::typescript::file::TypeScriptFile;
use crate::facts::typescript::imports::Imports;
use crate::facts::typescript::lower as typescript;
use crate::facts::words::Words;
use crate::syntax::Grammar;
use crate::syntax::mending::{Reading, read};
use crate::text::{KeptText, LineIndex, TextRange};

/// A file's contents and what was read from them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    /// Text on disk.
    pub(crate) disk: Option<KeptText>,
    /// Text of the open document; it wins.
    pub(crate) open: Option<Arc<str>>,
    /// Why the file on disk can't be read.
    pub(crate) unreadable: Option<&'static str>,
    /// Whether reading the text was given up.
    pub(crate) gave_up: bool,
    /// What the script on disk imports, if nothing else of it was read.
    pub(crate) imports: Option<Arc<Imports>>,
    /// Whether it exists on disk.
    pub(crate) on_disk: bool,
    /// Whether it is known that it is committed, as far as that matters.
    pub(crate) committed: bool,
    /// What was read from the current text.
    pub(crate) parsed: Option<Arc<Parsed>>,
    /// Words of the last text, while an editor has the file open.
    pub(crate) words: Option<Words>,
}

/// What was read from one text.
#[derive(Debug)]
pub(crate) struct Parsed {
    kept: KeptText,
    /// Kept for open documents only: a tree costs twenty times its source.
    tree: Option<Reading>,
    pub(crate) facts: Facts,
    pub(crate) comments: Vec<Comment>,
    /// Ranges that do not parse.
    pub(crate) errors: Vec<TextRange>,
    /// The last text without errors and its items; absent when this is it.
    good: Option<Arc<Good>>,
    /// Whether no text of the file ever parsed.
    pub(crate) never_parsed: bool,
    line_index: OnceLock<Arc<LineIndex>>,
}

/// What a text says, by its language.
#[derive(Debug, Clone)]
pub(crate) enum Facts {
    Python(Arc<PythonFile>),
    Script(Arc<TypeScriptFile>),
}

impl Facts {
    pub(crate) fn python(&self) -> Option<&Arc<PythonFile>> {
        match self {
            Self::Python(facts) => Some(facts),
            Self::Script(_) => None,
        }
    }

    pub(crate) fn script(&self) -> Option<&Arc<TypeScriptFile>> {
        match self {
            Self::Script(facts) => Some(facts),
            Self::Python(_) => None,
        }
    }
}

/// What the last text without errors said.
#[derive(Debug)]
enum Good {
    Python { text: KeptText, items: Vec<PlacedItem> },
    Script(Arc<TypeScriptFile>),
}

impl Document {
    /// The text that counts.
    pub(crate) fn text(&self) -> Option<Arc<str>> {
        self.open.clone().or_else(|| self.disk.as_ref().map(KeptText::text))
    }

    /// Whether there is a text.
    pub(crate) fn has_text(&self) -> bool {
        self.open.is_some() || self.disk.is_some()
    }

    /// Takes over what was read from the text, and keeps the text as that does.
    pub(crate) fn set_parsed(&mut self, parsed: Option<Arc<Parsed>>) {
        if let Some(parsed) = parsed.as_ref().filter(|_| self.open.is_none()) {
            self.disk = Some(parsed.kept.clone());
        }
        self.parsed = parsed;
    }

    /// Keeps the text on disk packed, unless an editor has the file open.
    pub(crate) fn pack(&mut self) {
        if self.open.is_none() {
            self.disk = self.disk.take().map(KeptText::packed);
        }
    }

    /// Whether other modules can import it.
    pub(crate) fn exists(&self) -> bool {
        self.on_disk || self.open.is_some()
    }

    /// Takes over what is on disk. True when that may matter.
    pub(crate) fn set_disk(&mut self, content: FileContent) -> bool {
        self.on_disk = !matches!(content, FileContent::Removed);
        self.unreadable = None;
        let committed = matches!(content, FileContent::Text(_));
        match content {
            FileContent::Listed | FileContent::Script(_) if self.disk.is_some() => return false,
            FileContent::Listed => self.imports = None,
            FileContent::Script(imports) => self.imports = Some(imports),
            FileContent::Text(text) | FileContent::Private(text) => {
                let same = self.committed == committed;
                self.committed = committed;
                if same && self.disk.as_ref().is_some_and(|disk| disk.text() == text) {
                    return false;
                }
                self.disk = Some(KeptText::plain(&text));
            }
            FileContent::Unreadable(why) => {
                self.unreadable = Some(why);
                self.disk = None;
            }
            FileContent::Removed => self.disk = None,
        }
        true
    }
}

/// Whether a text is none that somebody wrote: a bundler did.
pub(crate) fn is_nobodys_source(grammar: Grammar, text: &str) -> bool {
    grammar != Grammar::Python && is_bundled(text)
}

impl Parsed {
    /// Reads a text, with what was read from the text before it; none that a bundler wrote.
    /// Texts that no editor has open are packed on request.
    pub(crate) fn new(
        text: &Arc<str>,
        grammar: Grammar,
        before: Option<&Parsed>,
        keep_tree: bool,
        pack: bool,
    ) -> Option<Self> {
        if is_nobodys_source(grammar, text) {
            return None;
        }
        let old = before.and_then(|before| Some((before.tree.as_ref()?, before.text())));
        let reading = read(grammar, text, old.as_ref().map(|(reading, text)| (*reading, &**text)))?;
        let tree = &reading.tree;
        let plain = KeptText::plain(text);
        let kept = if pack && !keep_tree { plain.packed() } else { plain };
        let mut parsed = match grammar {
            Grammar::Python => Self::python(text, kept, tree, before, pack && !keep_tree),
            Grammar::TypeScript | Grammar::Tsx => Self::script(text, kept, tree, grammar, before, pack && !keep_tree),
        };
        parsed.tree = keep_tree.then_some(reading);
        Some(parsed)
    }

    fn python(text: &str, kept: KeptText, tree: &Tree, before: Option<&Parsed>, later: bool) -> Self {
        let previous = before.and_then(|before| Some((before.text(), plain_items(before.facts.python()?))));
        let previous = previous.as_ref().map(|(text, items)| (&**text, items.as_slice()));
        let lowered = match before {
            None if later => lower_closed_file(text, &kept, tree),
            _ => lower_file(text, tree, previous),
        };
        let good = before.and_then(Parsed::last_good);
        let clean = lowered.errors.is_empty();
        let items = match good.as_deref() {
            Some(Good::Python { text: before, items }) if !clean => salvage(&before.text(), items, text, &lowered),
            _ => whole(&lowered),
        };
        drop(lowered.items);
        let mut facts = PythonFile::new(items, before.and_then(|before| before.facts.python()).map(Arc::as_ref));
        facts.forget_statements();
        Self {
            kept,
            tree: None,
            facts: Facts::Python(Arc::new(facts)),
            never_parsed: !clean && good.is_none(),
            good: if clean { None } else { good },
            comments: lowered.comments,
            errors: lowered.errors,
            line_index: OnceLock::new(),
        }
    }

    fn script(text: &str, kept: KeptText, tree: &Tree, grammar: Grammar, before: Option<&Parsed>, pack: bool) -> Self {
        let previous = before.and_then(|before| before.facts.script());
        let lowered = typescript::lower_file(text, tree, grammar, previous.map(|facts| &**facts));
        let good = before.and_then(Parsed::last_good);
        let clean = lowered.errors.is_empty();
        let facts = match good.as_deref() {
            Some(Good::Script(before)) if !clean => before.placed_as(&lowered.file),
            _ => lowered.file,
        };
        Self {
            kept,
            tree: None,
            facts: Facts::Script(Arc::new(if pack { facts.packed() } else { facts })),
            never_parsed: !clean && good.is_none(),
            good: if clean { None } else { good },
            comments: lowered.comments,
            errors: lowered.errors,
            line_index: OnceLock::new(),
        }
    }

    /// The text.
    pub(crate) fn text(&self) -> Arc<str> {
        self.kept.text()
    }

    /// How the text was read, of a file that an editor has open.
    pub(crate) fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref().map(|reading| &reading.tree)
    }

    fn last_good(&self) -> Option<Arc<Good>> {
        if self.errors.is_empty() {
            return Some(Arc::new(match &self.facts {
                Facts::Python(facts) => Good::Python { text: self.kept.clone(), items: plain_items(facts) },
                Facts::Script(facts) => Good::Script(Arc::clone(facts)),
            }));
        }
        self.good.clone()
    }

    pub(crate) fn line_index(&self) -> Arc<LineIndex> {
        Arc::clone(self.line_index.get_or_init(|| Arc::new(LineIndex::new(&self.text()))))
    }
}

/// The items that stand in the text, where they stand.
fn plain_items(facts: &PythonFile) -> Vec<PlacedItem> {
    facts.items.iter().filter(|item| !item.ghost).map(|item| item.placed.clone()).collect()
}

/// Items of a text that is taken as it is; broken ones do not count.
fn whole(lowered: &Lowered) -> Vec<FileItem> {
    let clean = lowered.items.iter().filter(|placed| !placed.broken);
    clean.map(|placed| FileItem::new(placed.clone(), false)).collect()
}
