//! `unguarded-tool-server`: a server of tools for language models that asks nobody who is calling.

use super::shared::tokens::for_each_item;
use super::shared::tools::{asks_itself, believing, identified_tools, what_callers_may};
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Host, ServedTools, Tool};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "unguarded-tool-server",
    summary: "an MCP server that is served to a network and asks nobody who is calling",
    cwe: "CWE-306",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/unguarded-tool-server.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for served in tokens.served.iter().filter(|served| !served.exported || !is_run(state, served)) {
            if asks_itself(state, served.server) {
                continue;
            }
            let tools: Vec<&Tool> = identified_tools(state, served.server).collect();
            let severity = match (served.host, tools.is_empty()) {
                (Host::Everywhere, false) => Severity::Error,
                (Host::Everywhere, true) | (Host::Unknown, false) => Severity::Warning,
                (Host::Local, _) | (Host::Unknown, true) => continue,
            };
            let message = format!(
                "This MCP server asks nobody who is calling: whoever reaches its port may {}. Give it `auth=`, and take the user from the verified token.",
                what_callers_may(&tools)
            );
            let mut steps = vec![related(state, served.server, "the server is made here".to_owned())];
            steps.extend(believing(state, &tools));
            found.push(report(state, &INFO, severity, served.site, message, steps));
        }
    });
}

/// Whether the server is said to be served to a network elsewhere.
fn is_run(state: &State, exported: &ServedTools) -> bool {
    let mut served = state.tokens.items().flat_map(|(_, tokens)| &tokens.served);
    served.any(|served| !served.exported && served.server == exported.server && served.host != Host::Local)
}
