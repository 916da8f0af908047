//! What rules say about the tools of a server for language models (MCP).

use crate::auth::tokens::Tool;
use crate::ide::Related;
use crate::index::value::Site;
use crate::rules::{State, related};

/// Tools named in a finding.
const SHOWN_TOOLS: usize = 3;

/// The tools of a server that are told by their caller whose data they work on.
pub(in crate::rules) fn identified_tools(state: &State, server: Site) -> impl Iterator<Item = &Tool> {
    let tools = state.tokens.items().flat_map(|(_, tokens)| &tokens.tools);
    tools.filter(move |tool| tool.server == server)
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
