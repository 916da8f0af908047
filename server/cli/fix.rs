//! `--fix`, `--unsafe-fixes` and `--diff`.

use std::collections::BTreeMap;

use authlens_analysis::ide::{Applicability, Change, FileContent, Fix, FixKind, TextEdit};
use authlens_analysis::vfs::FileId;

use super::load::Loaded;
use super::{CheckArgs, check};
use crate::workspace;

/// Passes over the project; a fix can only make room for few others.
const MAX_PASSES: usize = 12;

/// What fixing did.
pub(super) struct Outcome {
    /// Fixes applied.
    pub(super) fixed: usize,
    /// Unified diff of all files that changed.
    pub(super) diff: String,
}

/// Applies fixes until none is left, and writes the files unless `--diff`.
pub(super) fn run(loaded: &mut Loaded, args: &CheckArgs) -> Result<Outcome, String> {
    let mut originals: BTreeMap<FileId, String> = BTreeMap::new();
    let mut fixed = 0;
    for _ in 0..MAX_PASSES {
        let analysis = loaded.host.snapshot();
        let mut edits: BTreeMap<FileId, Vec<TextEdit>> = BTreeMap::new();
        for diagnostic in check::select(loaded, &analysis, args) {
            let (fixes, _) = analysis.fixes(&diagnostic);
            let allowed = |fix: &&Fix| {
                fix.kind == FixKind::Repair && (args.unsafe_fixes || fix.applicability == Applicability::Safe)
            };
            let Some(fix) = fixes.iter().find(allowed) else { continue };
            if take(&mut edits, fix) {
                fixed += 1;
            }
        }
        if edits.is_empty() {
            break;
        }
        let mut change = Change::default();
        for (file, edits) in edits {
            let Some(text) = analysis.text(file) else { continue };
            originals.entry(file).or_insert_with(|| text.to_string());
            let new = authlens_analysis::fix::apply(&text, &edits);
            change.disk.push((analysis.path(file).to_owned(), FileContent::Text(new.into())));
        }
        loaded.host.apply(change);
    }
    let analysis = loaded.host.snapshot();
    let mut diff = String::new();
    for (file, original) in originals {
        let Some(text) = analysis.text(file) else { continue };
        if args.diff {
            let name = loaded.shown(&analysis, file);
            let unified = similar::TextDiff::from_lines(original.as_str(), &text);
            diff.push_str(&unified.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string());
        } else {
            let path = analysis.path(file);
            workspace::write(path, &text)
                .map_err(|error| format!("can't write {path}: {}", super::load::plain(&error)))?;
        }
    }
    Ok(Outcome { fixed, diff })
}

/// Takes a fix into this pass, unless it overlaps one that was taken before.
/// Two fixes may make the same insertion (an import): it is made once.
fn take(taken: &mut BTreeMap<FileId, Vec<TextEdit>>, fix: &Fix) -> bool {
    let new_edits = |file: &FileId, edits: &[TextEdit]| -> Vec<TextEdit> {
        let old = taken.get(file).map_or(&[][..], Vec::as_slice);
        edits.iter().filter(|edit| !old.contains(edit)).cloned().collect()
    };
    let fresh: Vec<(FileId, Vec<TextEdit>)> =
        fix.change.edits.iter().map(|(file, edits)| (*file, new_edits(file, edits))).collect();
    let overlaps = fresh.iter().any(|(file, edits)| {
        let old = taken.get(file).map_or(&[][..], Vec::as_slice);
        edits.iter().any(|edit| old.iter().any(|other| edit.range.intersects(other.range)))
    });
    if overlaps || fresh.iter().all(|(_, edits)| edits.is_empty()) {
        return false;
    }
    for (file, edits) in fresh {
        taken.entry(file).or_default().extend(edits);
    }
    true
}
