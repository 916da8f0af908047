//! `path-from-host-header`: a guarding middleware that takes the path from an address which the caller has a say in.

use super::{RuleInfo, State, for_each_note, related, report};
use crate::facts::manifests::Version;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "path-from-host-header",
    summary: "a guarding middleware that asks the request's address for the path, which an older Starlette takes from `Host`",
    cwe: "CWE-288",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/path-from-host-header.md"),
};

/// The first Starlette that takes nothing of the path from the `Host` header (CVE-2026-48710).
const FIXED: Version = Version(1, 0, 1);
/// The first FastAPI that can be installed with one (its metadata: up to 0.132 `starlette<1.0.0` or less).
const ALLOWS_FIXED: Version = Version(0, 133, 0);

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_note(state, |note| {
        let Some((read, passes)) = note.by_address.as_ref().filter(|(read, _)| wanted(read.file)) else { return };
        let Some(runs_with) = older(state, read.file).filter(|_| note.turns_away) else { return };
        let name = &note.name;
        let message = format!(
            "`{name}` lets `{passes}` through by `request.url.path`, and Starlette before {FIXED} ({runs_with} here) takes that from the `Host` header, too (CVE-2026-48710): with `Host: x{passes}?` every other path looks like it. Compare `request.scope[\"path\"]`, or install Starlette {FIXED}."
        );
        let steps = vec![related(state, note.site, format!("`{name}` is added here"))];
        found.push(report(state, &INFO, Severity::Warning, *read, message, steps));
    });
}

/// What says that a file runs with a Starlette before the one without the fault.
fn older(state: &State, file: FileId) -> Option<String> {
    let path = &state.sources.file(file)?.path;
    if let Some(starlette) = state.packages.newest(path, "starlette") {
        return (starlette < FIXED).then(|| starlette.to_string());
    }
    let (fastapi, _) = state.sources.fastapi(file)?;
    (fastapi < ALLOWS_FIXED).then(|| format!("what FastAPI {fastapi} installs"))
}
