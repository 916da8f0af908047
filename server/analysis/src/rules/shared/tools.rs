//! What rules say about the tools of a server for language models (MCP).

use crate::auth::tokens::Tool;
use crate::data::{Access, Fault, Use};
use crate::ide::{Diagnostic, Related, Severity};
use crate::index::value::Site;
use crate::rules::missing_auth_dependency::is_test;
use crate::rules::{RuleInfo, State, related, report};
use crate::vfs::FileId;

/// Tools named in a finding.
const SHOWN_TOOLS: usize = 3;

/// The tools of a server that are told by their caller whose data they work on.
pub(in crate::rules) fn identified_tools(state: &State, server: Site) -> impl Iterator<Item = &Tool> {
    let tools = state.tokens.items().flat_map(|(_, tokens)| &tokens.tools);
    tools.filter(move |tool| tool.server == server)
}

/// Whether a tool of a server looks at the request that called it, or a middleware of the project may.
pub(in crate::rules) fn asks_itself(state: &State, server: Site) -> bool {
    state.tokens.items().any(|(_, tokens)| tokens.asking.contains(&server))
}

/// What whoever reaches such a server may do.
pub(in crate::rules) fn what_callers_may(tools: &[&Tool]) -> String {
    match tools.first() {
        Some(tool) => format!("call its tools with any `{}`", tool.identity),
        None => "call all of its tools".to_owned(),
    }
}

/// The tools that prove it.
pub(in crate::rules) fn believing(state: &State, tools: &[&Tool]) -> Vec<Related> {
    let shown = tools.iter().take(SHOWN_TOOLS);
    let believes = |tool: &&Tool| format!("this tool believes the `{}` that it is given", tool.identity);
    shown.map(|tool| related(state, tool.function, believes(tool))).collect()
}

/// How the tools of a project treat a table.
struct ToolCustom {
    /// Those that keep to the rows of whom they work for.
    scoped: usize,
    /// Those that touch anybody's.
    others: usize,
}

impl ToolCustom {
    fn of(state: &State, table: Site) -> Self {
        let touches = |usage: Use| usage != Use::Creates;
        let keeps = state
            .tokens
            .tools()
            .filter(|tool| tool.scoped.iter().any(|(known, usage)| known.site == table && touches(*usage)));
        let others = state.tokens.tools().filter(|tool| tool.faults.iter().any(|access| access.table.site == table));
        Self { scoped: keeps.count(), others: others.count() }
    }

    /// Whether most tools show whose rows are meant.
    fn is_plain(&self) -> bool {
        self.scoped > 0 && self.scoped >= self.others
    }
}

/// Findings on tools that leave out for whom they work, where other tools do not.
pub(in crate::rules) fn check_tools(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
    fault: Fault,
) {
    let faults = state.tokens.tools().flat_map(|tool| &tool.faults);
    let here = |site: Site| wanted(site.file) && !is_test(state, site.file) && !state.sources.is_ghost(site);
    for access in faults.filter(|access| access.fault == fault && here(access.entry)) {
        let custom = ToolCustom::of(state, access.table.site);
        if custom.is_plain() {
            let steps = access.steps.iter().map(|(site, note)| related(state, *site, note.clone())).collect();
            found.push(report(state, info, Severity::Warning, access.entry, said(access, &custom), steps));
        }
    }
}

fn said(access: &Access, custom: &ToolCustom) -> String {
    let (table, owner, user) = (&access.table.name, &access.table.owner, &access.principal);
    let does = if access.usage == Use::Reads { "gives out" } else { "changes" };
    let what = match access.client.as_ref().filter(|_| access.fault == Fault::Unchecked) {
        Some(client) => format!("{does} any `{table}` that `{}` names", client.name),
        None => format!("{does} rows of `{table}`, whosever they are"),
    };
    let (scoped, all) = (custom.scoped, custom.scoped + custom.others);
    format!(
        "This tool {what}, and nothing compares `{table}.{owner}` with the `{user}` that it is given ({scoped} of {all} tools do): a model can be talked into another user's rows. Demand `{table}.{owner} == {user}` in the query."
    )
}
