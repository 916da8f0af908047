//! Imports that a fix needs, merged into those that are there.

use std::ops::Range;
use std::rc::Rc;

use smol_str::SmolStr;
use tree_sitter::Node;

use super::import_order::{Section, SortKey, by_type, is_standard, module_key};
use super::layout::{Delimited, insertion, line_after, line_start, own_lines, replacement, with_blank_lines};
use super::{Fixer, Source};
use crate::facts::python::file::{Binding, PythonFile, bound_names};
use crate::facts::python::tree::{Expr, ExprKind, ImportFrom, Stmt, StmtKind};
use crate::ide::{Refusal, TextEdit};
use crate::index::modules::Module;
use crate::index::value::Value;
use crate::vfs::FileId;

/// A top-level import statement.
#[derive(Debug)]
pub(super) struct Statement {
    range: Range<usize>,
    /// Module of a `from` import, as written.
    from: Option<String>,
    names: Vec<(String, Range<usize>)>,
    section: Section,
    /// Whether it stands above all definitions.
    header: bool,
}

/// `from module import name`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Added {
    module: String,
    name: String,
    section: Section,
}

/// The imports of one file, and what is to be added.
pub(super) struct Imports<'f, 's> {
    pub(super) fixer: &'f Fixer<'s>,
    pub(super) source: Rc<Source>,
    facts: &'s PythonFile,
    /// The import statements of the file, in order.
    all: Rc<[Statement]>,
    /// How many of them have run when the fix's code runs.
    usable: usize,
    /// Where the code stands that needs them; `None` when it runs after the
    /// whole module has been executed.
    needed_at: Option<usize>,
    added: Vec<Added>,
}

impl<'f, 's> Imports<'f, 's> {
    pub(super) fn new(fixer: &'f Fixer<'s>, source: &Rc<Source>, needed_at: Option<usize>) -> Result<Self, Refusal> {
        let facts = fixer.state.sources.facts(source.file);
        let facts = facts.ok_or_else(|| Refusal("the file can't be read".into()))?;
        let (source, added) = (Rc::clone(source), Vec::new());
        let mut imports = Self { fixer, source, facts, all: Rc::default(), usable: 0, needed_at, added };
        let known = fixer.imports.borrow().get(&imports.file()).cloned();
        imports.all = known.unwrap_or_else(|| {
            let all: Rc<[Statement]> = imports.collect().into();
            fixer.imports.borrow_mut().insert(imports.file(), Rc::clone(&all));
            all
        });
        imports.usable = imports.all.partition_point(|statement| imports.runs_before(statement.range.start));
        Ok(imports)
    }

    fn statements(&self) -> &[Statement] {
        &self.all[..self.usable]
    }

    fn collect(&self) -> Vec<Statement> {
        let source = &*self.source;
        let root = source.root();
        let mut cursor = root.walk();
        let mut header = true;
        let mut statements = Vec::new();
        for node in root.named_children(&mut cursor) {
            header &= !matches!(node.kind(), "function_definition" | "class_definition" | "decorated_definition");
            if !matches!(node.kind(), "import_statement" | "import_from_statement" | "future_import_statement") {
                continue;
            }
            let text = |node: Node<'_>| source.text.get(node.byte_range()).unwrap_or_default().to_owned();
            let from = match node.kind() {
                "future_import_statement" => Some("__future__".to_owned()),
                _ => node.child_by_field_name("module_name").map(text),
            };
            let mut cursor = node.walk();
            let names = node.children_by_field_name("name", &mut cursor).map(|name| (text(name), name.byte_range()));
            let names: Vec<(String, Range<usize>)> = names.collect();
            let module = from.clone().or_else(|| names.first().map(|(name, _)| name.clone())).unwrap_or_default();
            let section = self.section(module.split(' ').next().unwrap_or_default());
            statements.push(Statement { range: node.byte_range(), from, names, section, header });
        }
        statements
    }

    fn section(&self, module: &str) -> Section {
        let first = module.split('.').next().unwrap_or_default();
        if module.starts_with('.') {
            Section::Relative
        } else if module == "__future__" {
            Section::Future
        } else if is_standard(first) {
            Section::Standard
        } else if matches!(self.resolve(0, module), Module::External(_)) {
            Section::Package
        } else {
            Section::Project
        }
    }

    pub(super) fn resolve(&self, level: u32, module: &str) -> Module {
        self.fixer.state.sources.resolve(self.source.file, level, module)
    }

    pub(super) fn resolve_written(&self, written: &str) -> Module {
        let module = written.trim_start_matches('.');
        self.resolve((written.len() - module.len()) as u32, module)
    }

    /// Forgets what was added since there were `count` additions.
    pub(super) fn forget(&mut self, count: usize) {
        self.added.truncate(count);
    }

    pub(super) fn count(&self) -> usize {
        self.added.len()
    }

    /// Where the module binds a name, if it does.
    fn bound_at(&self, name: &str) -> Option<usize> {
        match self.facts.bindings.get(name)? {
            Binding::Definition(item) | Binding::ImportFrom(item, _) | Binding::Import(item, _) => {
                return self.facts.item(*item).map(|item| item.placed.start as usize);
            }
            Binding::Computed => {}
        }
        let binds = |stmt: &Stmt| {
            let mut names = Vec::new();
            bound_names(stmt, &mut names);
            names.iter().any(|bound| bound == name)
        };
        let item = self.facts.items.iter().find(|item| binds(&item.placed.item.stmt));
        item.map(|item| item.placed.start as usize)
    }

    pub(super) fn binds(&self, name: &str) -> bool {
        self.facts.bindings.contains_key(name) || self.added.iter().any(|added| added.name == name)
    }

    fn runs_before(&self, at: usize) -> bool {
        self.needed_at.is_none_or(|needed| at < needed)
    }

    /// The names that `from … import` statements bind at the top level: name
    /// in the other module, name here, the statement, and where it stands.
    fn imported_names(&self) -> impl Iterator<Item = (&'s SmolStr, &'s SmolStr, &'s ImportFrom, usize)> + use<'s> {
        let facts = self.facts;
        facts.items.iter().flat_map(|item| {
            let import = match &item.placed.item.stmt.kind {
                StmtKind::ImportFrom(import) if !item.ghost => Some(import),
                _ => None,
            };
            let at = item.placed.start as usize;
            import
                .into_iter()
                .flat_map(move |import| import.names.iter().map(move |name| (&name.name, name.bound(), &**import, at)))
        })
    }

    /// The local name of something that file `home` defines.
    pub(super) fn of_project(
        &mut self,
        name: &SmolStr,
        home: FileId,
        is_it: &dyn Fn(&Value) -> bool,
    ) -> Result<String, Refusal> {
        if home == self.source.file {
            return match self.bound_at(name) {
                Some(at) if self.runs_before(at) => Ok(name.to_string()),
                _ => Err(Refusal(format!("`{name}` is defined below this place"))),
            };
        }
        if let Some(local) = self.at_hand(name, home, is_it) {
            return Ok(local);
        }
        if self.facts.bindings.contains_key(name.as_str()) {
            let value = self.fixer.interpreter.lookup(self.source.file, name);
            let usable = is_it(&value) && !self.for_checkers_only(name);
            let before = self.bound_at(name).is_some_and(|at| self.runs_before(at));
            return if usable && before { Ok(name.to_string()) } else { Err(taken(name)) };
        }
        let module = match self.imported_module_of(home) {
            Some(written) => written,
            None => {
                if self.imports_transitively(home) {
                    return Err(Refusal(format!("importing `{name}` here would make an import cycle")));
                }
                self.spelling(home).ok_or_else(|| Refusal(format!("no import of `{name}` resolves from here")))?
            }
        };
        let section = self.section(&module);
        self.add(module, name, section)
    }

    /// The local name of something in a file that is yet to be made.
    pub(super) fn of_new_module(&mut self, module: &str, name: &str) -> Result<String, Refusal> {
        if self.binds(name) {
            return Err(taken(name));
        }
        let section = if module.starts_with('.') { Section::Relative } else { Section::Project };
        self.add(module.to_owned(), name, section)
    }

    /// The local name of something of a package; the first module is the one
    /// that a new import names, the others may have it too.
    pub(super) fn of_package(&mut self, modules: &[&str], name: &str) -> Result<String, Refusal> {
        for (other, bound, import, at) in self.imported_names() {
            if other == name && import.level == 0 && modules.contains(&import.module.as_str()) && self.runs_before(at) {
                return Ok(bound.to_string());
            }
        }
        if !self.binds(name) {
            for item in &self.facts.items {
                let StmtKind::Import(clauses) = &item.placed.item.stmt.kind else { continue };
                for clause in clauses.iter().filter(|clause| modules.contains(&clause.module.as_str())) {
                    let imported = self.imported_names().any(|(_, _, import, _)| import.module == clause.module);
                    if !imported && self.runs_before(item.placed.start as usize) {
                        let local = clause.alias.as_ref().unwrap_or(&clause.module);
                        return Ok(format!("{local}.{name}"));
                    }
                }
            }
        }
        if self.facts.bindings.contains_key(name) {
            return Err(taken(name));
        }
        let module = modules.first().copied().unwrap_or_default();
        self.add(module.to_owned(), name, self.section(module))
    }

    fn add(&mut self, module: String, name: &str, section: Section) -> Result<String, Refusal> {
        let added = Added { section, module, name: name.to_owned() };
        if self.added.iter().any(|other| other.name == added.name && other.module != added.module) {
            return Err(taken(name));
        }
        if !self.added.contains(&added) {
            self.added.push(added);
        }
        Ok(name.to_owned())
    }

    /// What is imported already: the thing itself, or a module that has it.
    fn at_hand(&self, name: &SmolStr, home: FileId, is_it: &dyn Fn(&Value) -> bool) -> Option<String> {
        let mut through_module = None;
        for (other, bound, import, at) in self.imported_names().filter(|(.., at)| self.runs_before(*at)) {
            debug_assert!(self.runs_before(at));
            if other == name && is_it(&self.fixer.interpreter.lookup(self.source.file, bound)) {
                return Some(bound.to_string());
            }
            let full = if import.module.is_empty() { other.to_string() } else { format!("{}.{other}", import.module) };
            if self.resolve(import.level, &full) == Module::File(home) {
                through_module.get_or_insert_with(|| format!("{bound}.{name}"));
            }
        }
        for item in self.facts.items.iter().filter(|item| self.runs_before(item.placed.start as usize)) {
            let StmtKind::Import(clauses) = &item.placed.item.stmt.kind else { continue };
            for clause in clauses {
                if self.resolve(0, &clause.module) == Module::File(home) {
                    let local = clause.alias.as_ref().unwrap_or(&clause.module);
                    through_module.get_or_insert_with(|| format!("{local}.{name}"));
                }
            }
        }
        through_module
    }

    /// Whether only `if TYPE_CHECKING:` binds a name.
    fn for_checkers_only(&self, name: &str) -> bool {
        let binds = |stmt: &Stmt| {
            let mut names = Vec::new();
            bound_names(stmt, &mut names);
            names.iter().any(|bound| bound == name)
        };
        let mut binding = self.facts.items.iter().map(|item| &item.placed.item.stmt).filter(|stmt| binds(stmt));
        binding.all(|stmt| matches!(&stmt.kind, StmtKind::If { test, .. } if is_type_checking(test)))
    }

    /// Makes a name that only `if TYPE_CHECKING:` imports an import like any
    /// other: gives the edits that take it away there, and adds it.
    pub(super) fn out_of_type_checking(&mut self, name: &str) -> Result<Vec<TextEdit>, Refusal> {
        let refused = || Refusal(format!("the import of `{name}` can't be moved"));
        let source = Rc::clone(&self.source);
        let text = &*source.text;
        let root = source.root();
        let written = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
        let bound = |clause: Node<'_>| written(clause.child_by_field_name("alias").unwrap_or(clause));
        let guarded = |node: &Node<'_>| {
            let test = node.child_by_field_name("condition").map(written);
            node.kind() == "if_statement" && matches!(test, Some("TYPE_CHECKING" | "typing.TYPE_CHECKING"))
        };
        let mut cursor = root.walk();
        for block in root.named_children(&mut cursor).filter(guarded) {
            let Some(body) = block.child_by_field_name("consequence") else { continue };
            let mut cursor = body.walk();
            let statements: Vec<Node<'_>> =
                body.named_children(&mut cursor).filter(|node| node.kind() == "import_from_statement").collect();
            for statement in statements {
                let mut cursor = statement.walk();
                let clauses: Vec<Node<'_>> = statement.children_by_field_name("name", &mut cursor).collect();
                let Some(at) = clauses.iter().position(|clause| bound(*clause) == name) else { continue };
                let module = statement.child_by_field_name("module_name").map(written).ok_or_else(refused)?;
                if let Module::File(home) = self.resolve_written(module)
                    && self.imports_transitively(home)
                {
                    return Err(Refusal(format!("importing `{name}` at run time would make an import cycle")));
                }
                let alone = clauses.len() == 1;
                let taken = if !alone {
                    match clauses.get(at + 1) {
                        Some(next) => clauses[at].start_byte()..next.start_byte(),
                        None => clauses[at - 1].end_byte()..clauses[at].end_byte(),
                    }
                } else if body.named_child_count() == 1 {
                    if block.child_by_field_name("alternative").is_some() {
                        return Err(refused());
                    }
                    let lines = own_lines(text, block.byte_range()).ok_or_else(refused)?;
                    with_blank_lines(text, lines)
                } else {
                    own_lines(text, statement.byte_range()).ok_or_else(refused)?
                };
                let section = self.section(module);
                self.add(module.to_owned(), written(clauses[at]), section)?;
                return Ok(vec![replacement(taken, String::new())]);
            }
        }
        Err(refused())
    }

    /// How a statement of this file writes the module of `home`.
    fn imported_module_of(&self, home: FileId) -> Option<String> {
        let mut written = self.statements().iter().rev().filter_map(|statement| statement.from.as_ref());
        written.find(|module| self.resolve_written(module) == Module::File(home)).cloned()
    }

    pub(super) fn file(&self) -> FileId {
        self.source.file
    }

    /// The edits that add what is missing.
    pub(super) fn edits(&self) -> Vec<TextEdit> {
        let mut edits = Vec::new();
        let mut new: Vec<(&Added, Vec<&str>)> = Vec::new();
        let mut merged: Vec<(usize, Vec<&str>)> = Vec::new();
        for added in &self.added {
            let existing = self
                .statements()
                .iter()
                .position(|statement| statement.from.as_deref() == Some(&added.module) && !statement.names.is_empty());
            if let Some(at) = existing {
                match merged.iter_mut().find(|(other, _)| *other == at) {
                    Some((_, names)) => names.push(&added.name),
                    None => merged.push((at, vec![&added.name])),
                }
            } else {
                match new.iter_mut().find(|(other, _)| other.module == added.module) {
                    Some((_, names)) => names.push(&added.name),
                    None => new.push((added, vec![&added.name])),
                }
            }
        }
        for (at, names) in merged {
            edits.extend(self.merge(&self.statements()[at], names));
        }
        new.sort_by_key(|(added, _)| (added.section, module_key(&added.module)));
        edits.extend(self.new_statements(&new));
        edits
    }

    fn merge(&self, statement: &Statement, mut names: Vec<&str>) -> Vec<TextEdit> {
        let root = self.source.root();
        let node = root.named_descendant_for_byte_range(statement.range.start, statement.range.end);
        let Some(node) = node else { return Vec::new() };
        let orders: [fn(&str) -> SortKey; 3] = [by_type, |name| (0, name.to_lowercase()), |name| (0, name.into())];
        let sorted = orders.iter().find(|key| statement.names.is_sorted_by_key(|(name, _)| key(name)));
        if let Some(key) = sorted {
            names.sort_by_key(|name| key(name));
        }
        let slot = |name: &str| {
            let after = sorted.and_then(|key| statement.names.iter().position(|(other, _)| key(other) > key(name)));
            after.unwrap_or(statement.names.len())
        };
        let entries: Vec<(usize, String)> = names.iter().map(|name| (slot(name), (*name).to_owned())).collect();
        let ranges = statement.names.iter().map(|(_, range)| range.clone()).collect();
        Delimited::of_names(&self.source.text, &self.source.layout, node, ranges).insert(&entries)
    }

    /// New import statements, each in the block where its like stand.
    fn new_statements(&self, new: &[(&Added, Vec<&str>)]) -> Vec<TextEdit> {
        let ending = self.source.layout.ending;
        let placed: Vec<_> = new.iter().map(|(added, names)| (self.place(added), *added, names)).collect();
        let together = placed.chunk_by(|((a, ..), ..), ((b, ..), ..)| a == b);
        let edits = together.map(|chunk| {
            let (at, before, _) = chunk[0].0;
            let mut text = before.to_owned();
            for (index, (_, added, names)) in chunk.iter().enumerate() {
                let other_section = index > 0 && chunk[index - 1].1.section != added.section;
                text.push_str(if other_section && !self.mixes_sections() { ending } else { "" });
                let mut names = (*names).clone();
                names.sort_by_key(|name| by_type(name));
                text.push_str(&format!("from {} import {}{ending}", added.module, names.join(", ")));
            }
            text.push_str(chunk[chunk.len() - 1].0.2);
            insertion(at, text)
        });
        edits.collect()
    }

    /// The import statements above all definitions, in blocks without blank lines.
    fn blocks(&self) -> Vec<Vec<&Statement>> {
        let mut blocks: Vec<Vec<&Statement>> = Vec::new();
        for statement in self.statements().iter().filter(|statement| statement.header) {
            match blocks.last_mut() {
                Some(block) if block.last().is_some_and(|last| self.adjacent(last, statement)) => block.push(statement),
                _ => blocks.push(vec![statement]),
            }
        }
        blocks
    }

    /// Whether the file writes imports of several sections into one block.
    fn mixes_sections(&self) -> bool {
        self.blocks().iter().any(|block| block.iter().any(|statement| statement.section != block[0].section))
    }

    /// Where a new statement goes, and the blank lines around it.
    fn place(&self, added: &Added) -> (usize, &'static str, &'static str) {
        let (text, ending) = (&*self.source.text, self.source.layout.ending);
        let behind = |statement: &Statement| {
            let at = line_after(text, statement.range.end);
            // The last line of a file may lack its end.
            (at, if text[..at].ends_with('\n') { "" } else { ending })
        };
        let blocks = self.blocks();
        let alike = |block: &&Vec<&Statement>| block.iter().any(|statement| statement.section == added.section);
        if let Some(block) = blocks.iter().rev().find(alike) {
            let own: Vec<&&Statement> =
                block.iter().filter(|s| s.section == added.section && s.from.is_some()).collect();
            let key = |statement: &Statement| module_key(statement.from.as_deref().unwrap_or_default());
            let sorted = own.is_sorted_by_key(|statement| key(statement));
            let next = own.iter().find(|statement| sorted && key(statement) > module_key(&added.module));
            if let Some(next) = next {
                return (line_start(text, next.range.start), "", "");
            }
            let last = block.iter().rev().find(|statement| statement.section == added.section);
            return last.map_or((0, "", ""), |last| {
                let (at, before) = behind(last);
                (at, before, "")
            });
        }
        let mixed = self.mixes_sections();
        let earlier = blocks.iter().rev().find(|block| block.iter().any(|s| s.section < added.section));
        if let Some(block) = earlier {
            let last = block.iter().rev().find(|s| mixed && s.section < added.section).or(block.last());
            let Some(last) = last else { return (0, "", "") };
            let (at, before) = behind(last);
            return (at, if mixed && last.section != Section::Future { before } else { ending }, "");
        }
        if let Some(first) = blocks.first().and_then(|block| block.first()) {
            return (line_start(text, first.range.start), "", if mixed { "" } else { ending });
        }
        self.place_without_imports()
    }

    /// Behind the docstring, or behind the comments that a file begins with.
    fn place_without_imports(&self) -> (usize, &'static str, &'static str) {
        let (text, ending) = (&*self.source.text, self.source.layout.ending);
        let root = self.source.root();
        let mut cursor = root.walk();
        let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        for node in root.named_children(&mut cursor) {
            match node.kind() {
                "comment"
                    if text[at..node.start_byte()].trim().is_empty()
                        && !text[at..node.start_byte()].contains("\n\n") =>
                {
                    at = line_after(text, node.end_byte());
                }
                "expression_statement" if node.named_child(0).is_some_and(|child| child.kind() == "string") => {
                    at = line_after(text, node.end_byte());
                    return (at, ending, if text[at..].starts_with(['\n', '\r']) { "" } else { ending });
                }
                _ => break,
            }
        }
        let blank = text[at..].starts_with(['\n', '\r']);
        (at, if at > 3 { ending } else { "" }, if blank { "" } else { ending })
    }

    /// Whether no blank line and no code stands between two statements.
    fn adjacent(&self, first: &Statement, second: &Statement) -> bool {
        let between = self.source.text.get(first.range.end..second.range.start).unwrap_or_default();
        let blank = |line: &str| line.trim().is_empty();
        let lines: Vec<&str> = between.split('\n').collect();
        // The first piece ends the first statement's line, the last begins the second's.
        let inside = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
        inside.iter().all(|line| !blank(line) && line.trim_start().starts_with('#'))
    }
}

pub(super) fn is_type_checking(test: &Expr) -> bool {
    match &test.kind {
        ExprKind::Name(name) => name == "TYPE_CHECKING",
        ExprKind::Attribute { name, .. } => name.name == "TYPE_CHECKING",
        _ => false,
    }
}

fn taken(name: &str) -> Refusal {
    Refusal(format!("`{name}` means something else in this file"))
}
