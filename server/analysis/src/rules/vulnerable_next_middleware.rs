//! `vulnerable-next-middleware`: a guard of pages that a header goes around, in older versions of Next.js.

use super::shared::frontend;
use super::{RuleInfo, State, middleware_never_runs};
use crate::facts::manifests::Version;
use crate::frontend::observed::{Asks, Endpoint, EndpointKind};
use crate::frontend::placement::Entry;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "vulnerable-next-middleware",
    summary: "a middleware that verifies who asks, with a Next.js that a header makes leave it out",
    cwe: "CWE-1395",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/vulnerable-next-middleware.md"),
};

/// The first versions of each line without the hole (CVE-2025-29927, GHSA-f82v-jwr5-mffw).
const FIXED: [Version; 4] = [Version(12, 3, 5), Version(13, 5, 9), Version(14, 2, 25), Version(15, 2, 3)];

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let is_middleware = |file: FileId| state.frontend.placement.entry(file) == Some(Entry::Middleware);
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file) && is_middleware(*file)) {
        // Whoever has any cookie passes one that looks for a cookie, with or without the header.
        let guards = |endpoint: &&Endpoint| {
            endpoint.kind == EndpointKind::Middleware && endpoint.asks == Asks::Verified && endpoint.turns_away
        };
        let Some(guard) = outcome.observed.endpoints.iter().find(guards) else { continue };
        let Some((installed, fixed)) = with_hole(state, file) else { continue };
        if middleware_never_runs::never_runs(state, file) {
            continue;
        }
        let message = format!(
            "Next.js {installed} leaves this middleware out for whoever sends the header `x-middleware-subrequest` (CVE-2025-29927), so the pages and route handlers behind it are open to them: install {fixed}, and have each of them verify who asks."
        );
        found.extend(frontend::report(state, &INFO, Severity::Warning, guard.place, message, Vec::new()));
    }
}

/// The version that a file runs with and the first one after it without the hole, if it has the hole.
fn with_hole(state: &State, file: FileId) -> Option<(Version, Version)> {
    let (_, version) = state.frontend.next_project(&state.sources.file(file)?.path)?;
    let installed = version.pinned?;
    let fixed = FIXED.into_iter().find(|fixed| fixed.0 == installed.0)?;
    (installed < fixed).then_some((installed, fixed))
}
