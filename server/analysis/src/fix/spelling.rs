//! How a file names another module of the project: relatively or from a
//! folder on, as it and its neighbours do; and whether importing it would make
//! a cycle.

use rustc_hash::FxHashSet;

use super::imports::{Imports, is_type_checking};
use crate::facts::python::tree::{Stmt, StmtKind};
use crate::index::modules::{Module, parent};
use crate::vfs::FileId;

/// Modules that a search for an import cycle looks at.
const MAX_MODULES: usize = 2_000;

impl Imports<'_, '_> {
    /// The modules of the project that executing a file executes.
    fn direct_imports(&self, file: FileId) -> Vec<FileId> {
        let sources = &self.fixer.state.sources;
        let Some(facts) = sources.facts(file) else { return Vec::new() };
        let mut targets = Vec::new();
        let mut pending: Vec<&Stmt> = facts.items.iter().map(|item| &*item.placed.item.stmt).collect();
        let mut note = |level: u32, module: &str| {
            if let Module::File(target) = sources.resolve(file, level, module) {
                targets.push(target);
            }
        };
        while let Some(stmt) = pending.pop() {
            match &stmt.kind {
                StmtKind::Import(clauses) => clauses.iter().for_each(|clause| note(0, &clause.module)),
                StmtKind::ImportFrom(import) => {
                    note(import.level, &import.module);
                    for name in &import.names {
                        let dot = if import.module.is_empty() { "" } else { "." };
                        note(import.level, &format!("{}{dot}{}", import.module, name.name));
                    }
                }
                StmtKind::If { test, body, or_else } => {
                    pending.extend(or_else);
                    pending.extend(body.iter().filter(|_| !is_type_checking(test)));
                }
                StmtKind::Try { body, handlers, or_else, finally } => {
                    pending.extend(body.iter().chain(or_else).chain(finally));
                    pending.extend(handlers.iter().flat_map(|handler| &handler.body));
                }
                _ => {}
            }
        }
        targets
    }

    /// Whether executing `from` executes this file.
    pub(super) fn imports_transitively(&self, from: FileId) -> bool {
        let mut known = self.fixer.reachable.borrow_mut();
        let reachable = known.entry(from).or_insert_with(|| {
            let mut seen = FxHashSet::default();
            let mut pending = vec![from];
            while let Some(file) = pending.pop().filter(|_| seen.len() < MAX_MODULES) {
                pending.extend(self.direct_imports(file).into_iter().filter(|target| seen.insert(*target)));
            }
            seen
        });
        reachable.contains(&self.source.file)
    }

    /// Relative and absolute imports of the project in a file.
    fn habit(&self, file: FileId) -> (usize, usize) {
        let sources = &self.fixer.state.sources;
        let Some(facts) = sources.facts(file) else { return (0, 0) };
        let mut count = (0, 0);
        for item in &facts.items {
            let StmtKind::ImportFrom(import) = &item.placed.item.stmt.kind else { continue };
            if import.level > 0 {
                count.0 += 1;
            } else if matches!(sources.resolve(file, 0, &import.module), Module::File(_) | Module::Namespace(_)) {
                count.1 += 1;
            }
        }
        count
    }

    /// Whether this file imports the project relatively: by what it does, else
    /// by what the files beside it do.
    fn prefers_relative(&self) -> bool {
        let (relative, absolute) = self.habit(self.source.file);
        if relative != absolute {
            return relative > absolute;
        }
        let sources = &self.fixer.state.sources;
        let own = sources.file(self.source.file).map(|file| parent(&file.path)).unwrap_or_default();
        let beside = sources.iter().filter(|(_, file)| parent(&file.path) == own);
        let counts = beside.map(|(file, _)| self.habit(file));
        let (relative, absolute) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        relative > absolute
    }

    /// How this file would write the module of `home`.
    pub(super) fn spelling(&self, home: FileId) -> Option<String> {
        let sources = &self.fixer.state.sources;
        let (own, target) = (&sources.file(self.source.file)?.path, &sources.file(home)?.path);
        if self.prefers_relative()
            && let Some(written) = relative_spelling(own, target)
            && self.resolve_written(&written) == Module::File(home)
        {
            return Some(written);
        }
        self.absolute_spelling(home)
    }

    /// How a new file at `path` would write the module of `home`, in the style of this file.
    pub(super) fn spelling_from_new(&self, path: &str, home: FileId) -> Option<String> {
        let target = &self.fixer.state.sources.file(home)?.path;
        let relative = if self.prefers_relative() { relative_spelling(path, target) } else { None };
        relative.or_else(|| self.absolute_spelling(home))
    }

    fn absolute_spelling(&self, home: FileId) -> Option<String> {
        let sources = &self.fixer.state.sources;
        let target = &sources.file(home)?.path;
        let roots = self.roots();
        for root in &roots {
            let dotted = dotted_below(root, target);
            if let Some(dotted) = dotted.filter(|dotted| self.resolve(0, dotted) == Module::File(home)) {
                return Some(dotted);
            }
        }
        let stem = target.trim_end_matches(".py").trim_end_matches("/__init__");
        let parts: Vec<&str> = stem.split('/').filter(|part| !part.is_empty()).collect();
        let own_name = sources.module_name(home).to_string();
        let spellings = std::iter::once(own_name).chain((0..parts.len()).rev().map(|from| parts[from..].join(".")));
        let mut resolving = spellings.filter(|dotted| self.resolve(0, dotted) == Module::File(home));
        // From another root than the files here use, only what some file writes so.
        resolving.find(|dotted| roots.is_empty() || self.is_written(dotted))
    }

    /// Whether a file of the project imports a module by this name.
    fn is_written(&self, dotted: &str) -> bool {
        self.fixer.state.sources.iter().filter_map(|(_, file)| file.facts.as_ref()).any(|facts| {
            facts.items.iter().any(|item| match &item.placed.item.stmt.kind {
                StmtKind::ImportFrom(import) => import.level == 0 && import.module == dotted,
                _ => false,
            })
        })
    }

    /// The folders that absolute imports of the project begin at: as this file
    /// has it, then the files beside it, then all that share a folder with it.
    /// The most frequent ones come first.
    fn roots(&self) -> Vec<String> {
        let sources = &self.fixer.state.sources;
        let Some(own) = sources.file(self.source.file).map(|file| &file.path) else { return Vec::new() };
        let folder = parent(own);
        let top = folder.rsplit_once('/').map_or(folder, |(above, _)| above);
        let near: Vec<FileId> = sources
            .iter()
            .filter(|(_, file)| file.relevant && file.facts.is_some() && file.path.starts_with(top))
            .map(|(id, _)| id)
            .collect();
        let mut groups = [vec![self.source.file], Vec::new(), near];
        groups[1] = groups[2].clone();
        groups[1].retain(|file| sources.file(*file).is_some_and(|file| parent(&file.path) == folder));
        for group in groups {
            let mut known = self.fixer.roots.borrow_mut();
            let mut found: Vec<String> = Vec::new();
            for file in group {
                found.extend(known.entry(file).or_insert_with(|| self.roots_of(file)).iter().cloned());
            }
            found.sort_unstable();
            let mut counted: Vec<(usize, String)> =
                found.chunk_by(|a, b| a == b).map(|chunk| (chunk.len(), chunk[0].clone())).collect();
            counted.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
            if !counted.is_empty() {
                return counted.into_iter().map(|(_, root)| root).collect();
            }
        }
        Vec::new()
    }

    /// The folder that each absolute import of the project in a file begins at.
    fn roots_of(&self, file: FileId) -> Vec<String> {
        let sources = &self.fixer.state.sources;
        let Some(facts) = sources.facts(file) else { return Vec::new() };
        let modules = facts.items.iter().filter_map(|item| match &item.placed.item.stmt.kind {
            StmtKind::ImportFrom(import) if import.level == 0 => Some(&import.module),
            _ => None,
        });
        let roots = modules.filter_map(|module| {
            let path: &str = match sources.resolve(file, 0, module) {
                Module::File(target) => {
                    let path = &sources.file(target)?.path;
                    path.strip_suffix("/__init__.py").or_else(|| path.strip_suffix(".py"))?
                }
                Module::Namespace(folder) => return strip_module(&folder, module),
                _ => return None,
            };
            strip_module(path, module)
        });
        roots.collect()
    }

    /// How this file would write the module of a file that does not exist yet.
    pub(super) fn spelling_of_new(&self, path: &str) -> Option<String> {
        let sources = &self.fixer.state.sources;
        let own = &sources.file(self.source.file)?.path;
        if self.prefers_relative() {
            return relative_spelling(own, path);
        }
        let stem = path.trim_end_matches(".py");
        let parts: Vec<&str> = stem.split('/').filter(|part| !part.is_empty()).collect();
        if let Some(dotted) = self.roots().iter().find_map(|root| dotted_below(root, path)) {
            return Some(dotted);
        }
        let is_package = |levels: usize| sources.id(&format!("/{}/__init__.py", parts[..levels].join("/"))).is_some();
        let first = (0..parts.len()).rev().find(|levels| *levels == 0 || !is_package(*levels))?;
        Some(parts[first..].join("."))
    }
}

/// The folder that a dotted name begins at.
fn strip_module(path: &str, module: &str) -> Option<String> {
    path.strip_suffix(&module.replace('.', "/"))?.strip_suffix('/').map(str::to_owned)
}

/// The dotted name of a file, from a folder on.
fn dotted_below(root: &str, path: &str) -> Option<String> {
    let below = path.strip_prefix(root)?.strip_prefix('/')?;
    let stem = below.strip_suffix("/__init__.py").or_else(|| below.strip_suffix(".py"))?;
    Some(stem.replace('/', "."))
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
