//! Imports that a fix needs, merged into those that are there.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::guard::insertion;
use super::{indentation, line_ending};
use crate::facts::python::file::Binding;
use crate::facts::python::tree::{ImportFrom, StmtKind};
use crate::ide::{Refusal, State, TextEdit};
use crate::index::modules::Module;
use crate::vfs::FileId;

/// `from module import name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) module: String,
    pub(super) name: SmolStr,
}

/// The imports of one file, and what is to be added.
pub(super) struct Imports<'s> {
    state: &'s State,
    file: FileId,
    text: &'s str,
    /// Top-level `from … import …` statements: module as written, range, last name's end, parenthesised.
    from: Vec<(String, usize, usize)>,
    /// Where a new import line goes.
    place: usize,
    added: Vec<Import>,
}

impl<'s> Imports<'s> {
    pub(super) fn new(state: &'s State, file: FileId, text: &'s str, root: Node<'_>) -> Self {
        let mut from = Vec::new();
        let mut place = 0;
        let mut cursor = root.walk();
        for (index, node) in root.named_children(&mut cursor).enumerate() {
            let docstring = index == 0
                && node.kind() == "expression_statement"
                && node.named_child(0).is_some_and(|n| n.kind() == "string");
            let import =
                matches!(node.kind(), "import_statement" | "import_from_statement" | "future_import_statement");
            if docstring || import {
                place = line_after(text, node.end_byte());
            }
            if node.kind() == "import_from_statement"
                && let Some(module) = node.child_by_field_name("module_name")
            {
                let mut names = node.walk();
                let last = node.children_by_field_name("name", &mut names).last();
                if let Some(last) = last {
                    from.push((text[module.byte_range()].to_owned(), last.start_byte(), last.end_byte()));
                }
            }
        }
        Self { state, file, text, from, place, added: Vec::new() }
    }

    pub(super) fn binds(&self, name: &str) -> bool {
        self.state.sources.facts(self.file).is_some_and(|facts| facts.bindings.contains_key(name))
    }

    /// Whether `import module` binds that name here.
    pub(super) fn binds_module(&self, module: &str) -> bool {
        let facts = self.state.sources.facts(self.file);
        facts.is_some_and(|facts| matches!(facts.bindings.get(module), Some(Binding::Import(..))))
    }

    /// The local name of something that file `home` defines.
    pub(super) fn need(&mut self, name: &SmolStr, home: FileId) -> Result<String, Refusal> {
        if home == self.file {
            return Ok(name.to_string());
        }
        if let Some(import) = self.imported(name) {
            let target = self.state.sources.resolve(self.file, import.level, &import.module);
            let same = target == Module::File(home) || self.reexports(target, home);
            return if same { Ok(name.to_string()) } else { Err(taken(name)) };
        }
        if self.binds(name) {
            return Err(taken(name));
        }
        if self.imports_transitively(home, self.file) {
            return Err(Refusal(format!("importing `{name}` here would make an import cycle")));
        }
        let module = self.spelling(home).ok_or_else(|| Refusal(format!("no import of `{name}` resolves from here")))?;
        self.added.push(Import { module, name: name.clone() });
        Ok(name.to_string())
    }

    /// The local name of something of a package.
    pub(super) fn need_external(&mut self, name: &str, import: &Import) -> Result<SmolStr, Refusal> {
        match self.imported(name) {
            Some(existing) if existing.level == 0 && existing.module.split('.').next() == Some(&import.module) => {}
            Some(_) => return Err(taken(name)),
            None if self.binds(name) => return Err(taken(name)),
            None => self.added.push(import.clone()),
        }
        Ok(name.into())
    }

    /// The edits that add what is missing.
    pub(super) fn edits(&self) -> Vec<TextEdit> {
        let mut edits = Vec::new();
        let ending = line_ending(self.text);
        for import in &self.added {
            let existing = self.from.iter().rev().find(|(module, ..)| *module == import.module);
            let Some((_, start, end)) = existing else {
                edits.push(insertion(self.place, format!("from {} import {}{ending}", import.module, import.name)));
                continue;
            };
            let own_line = self.text[..*start].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
            let written = if own_line {
                format!(",{ending}{}{}", indentation(self.text, *start), import.name)
            } else {
                format!(", {}", import.name)
            };
            edits.push(insertion(*end, written));
        }
        edits
    }

    fn imported(&self, name: &str) -> Option<&'s ImportFrom> {
        let facts = self.state.sources.facts(self.file)?;
        match facts.bindings.get(name)? {
            Binding::ImportFrom(item, at) => {
                facts.import_from(*item).filter(|import| import.names[*at as usize].name == name)
            }
            _ => None,
        }
    }

    /// Whether a package hands on what `home` defines.
    fn reexports(&self, package: Module, home: FileId) -> bool {
        let Module::File(package) = package else { return false };
        self.direct_imports(package).contains(&home)
    }

    fn direct_imports(&self, file: FileId) -> Vec<FileId> {
        let Some(facts) = self.state.sources.facts(file) else { return Vec::new() };
        let mut targets = Vec::new();
        for item in &facts.items {
            if let StmtKind::ImportFrom(import) = &item.placed.item.stmt.kind {
                if let Module::File(target) = self.state.sources.resolve(file, import.level, &import.module) {
                    targets.push(target);
                }
                for name in &import.names {
                    let full = if import.module.is_empty() {
                        name.name.to_string()
                    } else {
                        format!("{}.{}", import.module, name.name)
                    };
                    if let Module::File(target) = self.state.sources.resolve(file, import.level, &full) {
                        targets.push(target);
                    }
                }
            }
        }
        targets
    }

    fn imports_transitively(&self, from: FileId, to: FileId) -> bool {
        let mut seen = vec![from];
        let mut at = 0;
        while at < seen.len() && seen.len() < 2_000 {
            for target in self.direct_imports(seen[at]) {
                if target == to {
                    return true;
                }
                if !seen.contains(&target) {
                    seen.push(target);
                }
            }
            at += 1;
        }
        false
    }

    /// How this file would write the module of `home`: relative if its other
    /// imports of the project are, else by the dotted name that resolves.
    fn spelling(&self, home: FileId) -> Option<String> {
        let sources = &self.state.sources;
        let (own, target) = (&sources.file(self.file)?.path, &sources.file(home)?.path);
        let relative = self.from.iter().filter(|(module, ..)| module.starts_with('.')).count();
        let absolute = self.from.iter().filter(|(module, ..)| {
            !module.starts_with('.')
                && matches!(sources.resolve(self.file, 0, module), Module::File(_) | Module::Namespace(_))
        });
        if relative > absolute.count()
            && let Some(written) = relative_spelling(own, target)
        {
            return Some(written);
        }
        let stem = target.trim_end_matches(".py").trim_end_matches("/__init__");
        let parts: Vec<&str> = stem.split('/').filter(|part| !part.is_empty()).collect();
        let spellings = (0..parts.len()).rev().map(|from| parts[from..].join("."));
        let resolving: Vec<String> =
            spellings.filter(|dotted| sources.resolve(self.file, 0, dotted) == Module::File(home)).collect();
        let first_words: Vec<&str> = self.from.iter().filter_map(|(module, ..)| module.split('.').next()).collect();
        let familiar =
            resolving.iter().find(|dotted| dotted.split('.').next().is_some_and(|first| first_words.contains(&first)));
        familiar.or(resolving.first()).cloned()
    }
}

fn relative_spelling(own: &str, target: &str) -> Option<String> {
    let own: Vec<&str> = own.split('/').collect();
    let stem = target.trim_end_matches(".py").trim_end_matches("/__init__");
    let target: Vec<&str> = stem.split('/').collect();
    let own_dir = &own[..own.len() - 1];
    let common = own_dir.iter().zip(&target).take_while(|(a, b)| a == b).count();
    let dots = ".".repeat(own_dir.len() - common + 1);
    (own_dir.len() - common < 3).then(|| format!("{dots}{}", target[common..].join(".")))
}

fn taken(name: &str) -> Refusal {
    Refusal(format!("`{name}` means something else in this file"))
}

fn line_after(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |at| offset + at + 1)
}
