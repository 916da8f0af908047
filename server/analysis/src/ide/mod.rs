//! The façade: a mutable [`AnalysisHost`] and immutable [`Analysis`] snapshots.

mod api;
mod calls;
mod documents;
mod host;
mod hover;
mod links;
mod refresh;
mod symbols;
mod views;

use std::sync::Arc;

pub use crate::fix::Fixer;
pub use api::*;
pub use calls::{CallView, ReachedRoute};
pub use host::AnalysisHost;
pub(crate) use host::{Guards, Judged, JudgedRoutes, State};

use self::documents::Document;
use crate::frontend::observed::EndpointKind;
use crate::rules::not_fully_analysed;
use crate::text::LineIndex;
use crate::vfs::FileId;

/// What a change did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files whose diagnostics differ from those before.
    pub changed: Vec<FileId>,
    /// Absolute paths of [`FileContent::Listed`] files whose text is needed to
    /// go on. Read them, apply them, and look again, until none is left.
    pub wanted: Vec<String>,
}

/// A snapshot: cheap to clone, never changes, may be sent to other threads.
#[derive(Debug, Clone)]
pub struct Analysis {
    pub(crate) state: Arc<State>,
}

impl Analysis {
    /// The id of a path, when the analysis knows it.
    pub fn file_id(&self, path: &str) -> Option<FileId> {
        self.state.sources.id(path)
    }

    /// Absolute path of a file; empty for an unknown id.
    pub fn path(&self, file: FileId) -> &str {
        self.state.sources.file(file).map_or("", |file| &file.path)
    }

    /// Absolute paths of all known files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.state.sources.iter().map(|(_, file)| file.path.as_str())
    }

    /// Workspace roots.
    pub fn roots(&self) -> &[String] {
        &self.state.roots
    }

    /// Current text of a file (open document, else disk).
    pub fn text(&self, file: FileId) -> Option<Arc<str>> {
        self.state.documents.get(file)?.text()
    }

    /// Line index of the current text.
    pub fn line_index(&self, file: FileId) -> Option<Arc<LineIndex>> {
        match self.state.parsed(file) {
            Some(parsed) => Some(parsed.line_index()),
            None => Some(Arc::new(LineIndex::new(&self.text(file)?))),
        }
    }

    /// All files with at least one diagnostic, sorted by path.
    pub fn files_with_diagnostics(&self) -> Vec<FileId> {
        let mut files: Vec<FileId> = self.state.diagnostics.keys().copied().collect();
        files.sort_unstable_by_key(|file| self.path(*file));
        files
    }

    /// Diagnostics of a file, sorted by place.
    pub fn diagnostics(&self, file: FileId) -> Arc<[Diagnostic]> {
        self.state.diagnostics.get(&file).cloned().unwrap_or_default()
    }

    /// Fixes of a diagnostic of this snapshot, the preferred one first, and why
    /// expected ones are missing.
    pub fn fixes(&self, diagnostic: &Diagnostic) -> (Vec<Fix>, Vec<Refusal>) {
        self.fixer().fixes(diagnostic)
    }

    /// Computes the fixes of many diagnostics of this snapshot.
    pub fn fixer(&self) -> Fixer<'_> {
        Fixer::new(&self.state)
    }

    /// All applications, sorted by path and place.
    pub fn apps(&self) -> Vec<AppView> {
        views::apps(&self.state)
    }

    /// Routes of routers that no application includes, tests aside.
    pub fn orphans(&self) -> Vec<RouteView> {
        views::orphans(&self.state)
    }

    /// The frontend's requests, sorted by place.
    pub fn calls(&self) -> Vec<CallView> {
        calls::calls(&self.state)
    }

    /// Counts.
    pub fn summary(&self) -> Summary {
        self.summary_of(&|_| true)
    }

    /// Counts of what is written in the files that are asked for by their paths.
    pub fn summary_of(&self, asked_for: &dyn Fn(&str) -> bool) -> Summary {
        let mut summary = Summary::default();
        for (file, source) in self.state.sources.iter().filter(|(_, source)| asked_for(&source.path)) {
            let is_there = self.state.documents.get(file).is_some_and(Document::exists);
            summary.python += usize::from(is_there && source.path.ends_with(".py"));
            summary.scripts += usize::from(is_there && self.state.is_script(file));
            summary.not_fully_analysed += usize::from(not_fully_analysed::applies(&self.state, file));
        }
        let counts = |file| asked_for(self.path(file));
        summary.not_included = views::count_orphans(&self.state, &counts);
        for status in views::statuses(&self.state, &counts) {
            summary.routes += 1;
            match status {
                RouteStatus::Guarded => summary.guarded += 1,
                RouteStatus::Open => summary.open += 1,
                RouteStatus::Public => summary.public += 1,
                RouteStatus::Unknown => summary.unknown += 1,
            }
        }
        for (_, outcome) in self.state.frontend.outcomes().filter(|(file, _)| counts(*file)) {
            summary.modules += 1;
            let of_kind = |kind| outcome.observed.endpoints.iter().filter(|endpoint| endpoint.kind == kind).count();
            summary.handlers += of_kind(EndpointKind::Handler);
            summary.actions += of_kind(EndpointKind::Action);
            let mut calls: Vec<_> = outcome.requests.iter().map(|request| request.call).collect();
            calls.sort_unstable();
            calls.dedup();
            summary.requests += calls.len();
        }
        summary
    }

    /// Whether neither a FastAPI application nor a frontend was found.
    pub fn found_nothing(&self) -> bool {
        let state = &self.state;
        let no_backend =
            state.table.applications.is_empty() && state.sources.iter().all(|(_, source)| source.facts.is_none());
        no_backend && state.frontend.is_absent()
    }

    /// What to show for the code under `offset`.
    pub fn hover(&self, file: FileId, offset: u32) -> Option<Hover> {
        hover::hover(&self.state, file, offset)
    }

    /// Handlers of the routes that the call under `offset` reaches.
    pub fn definitions(&self, file: FileId, offset: u32) -> Vec<Location> {
        hover::definitions(&self.state, file, offset)
    }

    /// Calls of the frontend that reach the handler under `offset`.
    pub fn references(&self, file: FileId, offset: u32) -> Vec<Location> {
        hover::references(&self.state, file, offset)
    }

    /// Routes whose name has the letters of `query` in their order.
    pub fn symbols(&self, query: &str) -> Vec<RouteSymbol> {
        symbols::symbols(&self.state, query)
    }

    /// Addresses in calls of `file`, which an editor has open, that lead to a handler.
    pub fn links(&self, file: FileId) -> Vec<RouteLink> {
        links::links(&self.state, file)
    }

    /// Guards of the routes whose handlers stand in `file`.
    pub fn route_hints(&self, file: FileId) -> Vec<RouteHint> {
        hover::route_hints(&self.state, file)
    }
}
