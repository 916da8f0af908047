//! The rules, one file each, and their registry.
//!
//! Rules see routes, guards and comments, never a syntax tree.

mod judgement;
pub mod missing_auth_dependency;
pub mod not_fully_analysed;
pub mod unused_ignore;
pub mod unverified_auth_dependency;

use rustc_hash::{FxHashMap, FxHashSet};

pub use judgement::Verifier;
pub(crate) use judgement::{Injectable, authenticates, candidates, handler_site, judge, source_root, with_interpreter};

use crate::ide::{Diagnostic, Severity};
use crate::suppress;
use crate::vfs::FileId;

pub(crate) use crate::ide::State;

/// What is known of a rule without running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Code: also the name of its page in `specs/rules/`.
    pub code: &'static str,
    /// One line.
    pub summary: &'static str,
    /// CWE id; empty where none applies.
    pub cwe: &'static str,
    /// OWASP API Security Top 10 2023 id; empty where none applies.
    pub owasp: &'static str,
    /// Highest severity that it reports.
    pub severity: Severity,
    /// The page, as Markdown.
    pub page: &'static str,
}

/// All rules, sorted by code.
pub fn all() -> &'static [RuleInfo] {
    &[missing_auth_dependency::INFO, not_fully_analysed::INFO, unused_ignore::INFO, unverified_auth_dependency::INFO]
}

/// The rule of a code.
pub fn find(code: &str) -> Option<&'static RuleInfo> {
    all().iter().find(|rule| rule.code == code)
}

/// Findings of all rules by file, of all files or of some.
pub(crate) fn diagnostics(state: &State, only: Option<&FxHashSet<FileId>>) -> FxHashMap<FileId, Vec<Diagnostic>> {
    let wanted = |file: FileId| only.is_none_or(|only| only.contains(&file));
    let mut by_file: FxHashMap<FileId, Vec<Diagnostic>> = FxHashMap::default();
    let mut found = Vec::new();
    missing_auth_dependency::check(state, &wanted, &mut found);
    unverified_auth_dependency::check(state, &wanted, &mut found);
    for diagnostic in found {
        by_file.entry(diagnostic.location.file).or_default().push(diagnostic);
    }
    for (file, source) in state.sources.iter().filter(|(file, _)| wanted(*file)) {
        let mut own = by_file.remove(&file).unwrap_or_default();
        if let Some(parsed) = state.parsed(file) {
            own.sort_by(|a, b| (a.location, a.rule).cmp(&(b.location, b.rule)));
            own.dedup_by(|a, b| a.location == b.location && a.rule == b.rule);
            let (kept, unused) = suppress::apply(own, &parsed.comments, &parsed.text, &parsed.line_index());
            own = kept;
            if !source.test {
                unused_ignore::check(file, &parsed.comments, &unused, &mut own);
            }
        }
        not_fully_analysed::check(state, file, &mut own);
        if !own.is_empty() {
            own.sort_by(|a, b| (a.location, a.rule).cmp(&(b.location, b.rule)));
            by_file.insert(file, own);
        }
    }
    by_file
}
