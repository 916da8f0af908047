//! Who answers requests to the origin of an application of Next.js itself.

use crate::frontend::matching::{Address, Base, Segment};
use crate::frontend::observed::{Endpoint, EndpointKind};
use crate::frontend::rewrites::{self, Handler};
use crate::ide::State;
use crate::vfs::FileId;

/// Files by which a project serves its pages itself: they may answer anything.
const SERVERS: &[&str] = &["server.js", "server.ts", "server.mjs", "src/server.ts", "src/server.js", "vercel.json"];

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answerer {
    /// A route handler for this path.
    Handler,
    /// One that takes any path below its own.
    AnyPath,
    /// Nobody.
    Nobody,
}

/// The route handlers of all applications of Next.js.
pub(crate) struct OwnOrigin<'s> {
    state: &'s State,
    handlers: Vec<Handler>,
}

impl<'s> OwnOrigin<'s> {
    pub(crate) fn new(state: &'s State) -> Self {
        // Whoever does nothing that matters answers, too.
        let files = state.sources.iter().map(|(_, source)| source);
        let known = files.filter(|source| source.script.is_some() || source.imports.is_some() || source.listed);
        Self { state, handlers: known.filter_map(|source| rewrites::handler(&source.path)).collect() }
    }

    /// The folder of the application that a file belongs to, and who answers there what the file asks its own origin
    /// for; none where that can't be told.
    pub(crate) fn answerer(&self, file: FileId, address: &Address) -> Option<(&'s str, Answerer)> {
        if address.base != Base::Page {
            return None;
        }
        let path = self.state.sources.file(file)?.path.as_str();
        let (root, _) = self.state.frontend.next_project(path)?;
        let own = || self.handlers.iter().filter(|handler| handler.root == root);
        let answering = own().filter(|handler| handler.answers(&address.segments));
        if let Some(handler) = answering.min_by_key(|handler| handler.loose(&address.segments)) {
            let answerer = if handler.takes_many() { Answerer::AnyPath } else { Answerer::Handler };
            return Some((root, answerer));
        }
        // Other paths are those of pages and files.
        let first = match address.segments.first()? {
            Segment::Text(first) => first,
            _ => return None,
        };
        let is_file = matches!(address.segments.last(), Some(Segment::Text(last)) if last.contains('.'));
        let is_beside_handlers = own().any(|handler| handler.begins_with(first));
        let is_unfilled = own().any(|handler| handler.answers_filled(&address.segments));
        let is_sure = is_beside_handlers && !is_file && !is_unfilled && !self.may_be_sent_on(root, address);
        is_sure.then_some((root, Answerer::Nobody))
    }

    /// Whether something before the handlers may take a path.
    fn may_be_sent_on(&self, root: &str, address: &Address) -> bool {
        let has = |name: &&str| self.state.sources.id(&format!("{root}/{name}")).is_some();
        // What is not known of the path may be anything.
        let known = address.segments.iter().map(|segment| match segment {
            Segment::Text(text) | Segment::TextAndMore(text) => text.as_str(),
            Segment::Hole => "x",
        });
        let path: Vec<&str> = known.collect();
        let runs_first = |endpoint: &Endpoint| endpoint.kind == EndpointKind::Middleware && endpoint.sends_on;
        SERVERS.iter().any(has)
            || self.state.frontend.outcomes().any(|(file, outcome)| {
                let home = self.state.sources.file(file).map_or("", |source| source.path.as_str());
                let is_own = home.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
                is_own
                    && (outcome.may_rewrite_more
                        || outcome.observed.endpoints.iter().any(runs_first)
                        || outcome.rewrites.iter().any(|one| rewrites::takes(&one.source, &path) != Some(false)))
            })
    }
}
