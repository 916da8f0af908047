//! `--fix`, `--unsafe-fixes` and `--diff`.

use std::collections::BTreeMap;

use authlens_analysis::fix::{apply, take};
use authlens_analysis::ide::{Analysis, Applicability, Change, Diagnostic, FileContent, Fix, FixKind, SourceChange};
use authlens_analysis::rules::hardcoded_secret;

use super::excerpt::{HIDDEN, is_empty_text};
use super::load::Loaded;
use super::{CheckArgs, check};
use crate::workspace::{Replacement, replace_all};

/// Passes over the project. Fixes of one place wait for each other, so there
/// are as many as one place needs, and few places need more than three.
const MAX_PASSES: usize = 50;

/// What fixing did.
pub(super) struct Outcome {
    /// Fixes applied.
    pub(super) fixed: usize,
    /// Unified diff of all files that changed.
    pub(super) diff: String,
}

/// Applies fixes until none is left, and writes the files unless `--diff`.
pub(super) fn run(loaded: &mut Loaded, args: &CheckArgs) -> Result<Outcome, String> {
    // What the files held, by path; nothing for those that a fix makes.
    let mut originals: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut budget = BTreeMap::new();
    let mut fixed = 0;
    let secrets = secrets(&loaded.host.snapshot());
    for _ in 0..MAX_PASSES {
        let analysis = loaded.host.snapshot();
        let (taken, count) = one_pass(loaded, &analysis, args, &mut budget);
        if count == 0 {
            break;
        }
        fixed += count;
        let mut change = Change::default();
        for (file, edits) in &taken.edits {
            let Some(text) = analysis.text(*file) else { continue };
            let path = analysis.path(*file).to_owned();
            originals.entry(path.clone()).or_insert_with(|| Some(text.to_string()));
            change.disk.push((path, FileContent::Text(apply(&text, edits).into())));
        }
        for file in taken.created {
            originals.entry(file.path.clone()).or_insert(None);
            change.disk.push((file.path, FileContent::Text(file.text.into())));
        }
        // A new module may import what was not read yet.
        let mut wanted = loaded.host.apply(change).wanted;
        while !wanted.is_empty() {
            let disk = wanted.iter().map(|path| (path.clone(), crate::workspace::read(path))).collect();
            wanted = loaded.host.apply(Change { disk, ..Change::default() }).wanted;
        }
    }
    let analysis = loaded.host.snapshot();
    let texts: Vec<(String, Option<String>, String)> = originals
        .into_iter()
        .filter_map(|(path, old)| {
            let text = analysis.text(analysis.file_id(&path)?)?;
            Some((path, old, text.to_string()))
        })
        .collect();
    if args.diff {
        let shown = texts.iter().map(|(path, old, new)| {
            let path = loaded.relative(path);
            remarked(&path, unified(&path, old.as_deref(), new), &secrets)
        });
        return Ok(Outcome { fixed, diff: shown.collect() });
    }
    let replacements: Vec<Replacement<'_>> =
        texts.iter().map(|(path, old, new)| Replacement { path, old: old.as_deref(), new }).collect();
    replace_all(&replacements)?;
    Ok(Outcome { fixed, diff: String::new() })
}

/// The fixes that can be made at once, and how many they are. `budget` is how
/// often there is still something to fix about a subject: what is found again
/// after it was fixed is not fixed for ever.
fn one_pass(
    loaded: &Loaded,
    analysis: &Analysis,
    args: &CheckArgs,
    budget: &mut BTreeMap<String, usize>,
) -> (SourceChange, usize) {
    let mut taken = SourceChange::default();
    let mut count = 0;
    let fixer = analysis.fixer();
    let found = check::select(loaded, analysis, args);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for diagnostic in &found {
        *seen.entry(subject(analysis, diagnostic)).or_default() += 1;
    }
    for (subject, times) in seen {
        budget.entry(subject).or_insert(times);
    }
    for diagnostic in &found {
        let Some(left) = budget.get_mut(&subject(analysis, diagnostic)).filter(|left| **left > 0) else { continue };
        let allowed =
            |fix: &&Fix| fix.kind == FixKind::Repair && (args.unsafe_fixes || fix.applicability == Applicability::Safe);
        let (fixes, _) = fixer.fixes(diagnostic);
        if fixes.iter().find(allowed).is_some_and(|fix| take(&mut taken, &fix.change)) {
            *left -= 1;
            count += 1;
        }
    }
    (taken, count)
}

/// What a finding is about, whatever other fixes do to its place and counts.
fn subject(analysis: &Analysis, diagnostic: &Diagnostic) -> String {
    let what = diagnostic.message.split(": ").next().unwrap_or_default();
    let marked = analysis.text(diagnostic.location.file);
    let marked = marked.as_deref().map_or("", |text| diagnostic.location.range.slice(text));
    format!("{} {} {what} {marked}", diagnostic.rule, analysis.path(diagnostic.location.file))
}

/// Values in the code that nobody is to read in a diff, quotes and all: diffs
/// are shown to others, and kept.
fn secrets(analysis: &Analysis) -> Vec<String> {
    let files = analysis.files_with_diagnostics();
    let all = files.iter().flat_map(|file| analysis.diagnostics(*file).to_vec());
    let marked = all.filter(|diagnostic| diagnostic.rule == hardcoded_secret::INFO.code).filter_map(|diagnostic| {
        let text = analysis.text(diagnostic.location.file)?;
        Some(diagnostic.location.range.slice(&text).to_owned())
    });
    let mut secrets: Vec<String> = marked.filter(|text| text.starts_with(['"', '\''])).collect();
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

/// Characters of a line of a secret that say something of it.
const TELLING: usize = 8;

/// The diff of a file. One that holds a secret can't be shown as it is, nor applied without: it is a remark, which
/// `patch` and `git apply` pass over.
fn remarked(path: &str, diff: String, secrets: &[String]) -> String {
    let mut hidden = diff.clone();
    for secret in secrets.iter().filter(|secret| !is_empty_text(secret)) {
        hidden = hidden.replace(secret.as_str(), HIDDEN);
        // In a diff each line of it has a sign before it.
        let lines = secret.lines().filter(|line| secret.contains('\n') && line.trim().len() >= TELLING);
        hidden = lines.fold(hidden, |diff, line| diff.replace(line, HIDDEN));
    }
    if hidden == diff {
        return diff;
    }
    let lines: String = hidden.lines().map(|line| format!("# {line}\n")).collect();
    format!("# {path}: a secret in it is not shown, so that this is no patch; `--fix` makes the change\n{lines}")
}

/// A diff that `patch -p1` applies.
fn unified(path: &str, old: Option<&str>, new: &str) -> String {
    let before = old.map_or_else(|| "/dev/null".to_owned(), |_| format!("a/{path}"));
    let diff = similar::TextDiff::from_lines(old.unwrap_or_default(), new);
    diff.unified_diff().header(&before, &format!("b/{path}")).to_string()
}
