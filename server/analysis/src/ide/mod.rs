//! The façade: a mutable [`AnalysisHost`] and immutable [`Analysis`] snapshots.

mod api;

use std::sync::Arc;

pub use api::*;

use crate::text::LineIndex;
use crate::vfs::FileId;

/// What a change did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files whose diagnostics may differ from those before.
    pub changed: Vec<FileId>,
    /// Absolute paths of [`FileContent::Listed`] files whose text is needed to
    /// go on. Read them, apply them, and look again, until none is left.
    pub wanted: Vec<String>,
}

/// Owns the state; one thread changes it.
#[derive(Debug, Default)]
pub struct AnalysisHost {
    state: Arc<State>,
}

#[derive(Debug, Default, Clone)]
struct State;

/// A snapshot: cheap to clone, never changes, may be sent to other threads.
#[derive(Debug, Clone)]
pub struct Analysis {
    #[allow(dead_code)]
    state: Arc<State>,
}

#[allow(unused_variables, missing_docs)]
impl AnalysisHost {
    /// An empty host.
    pub fn new() -> Self {
        Self::default()
    }
    /// Applies a change and brings every derived fact up to date.
    pub fn apply(&mut self, change: Change) -> Applied {
        Applied::default()
    }
    /// The current state.
    pub fn snapshot(&self) -> Analysis {
        Analysis { state: Arc::clone(&self.state) }
    }
}

#[allow(unused_variables, missing_docs)]
impl Analysis {
    /// The id of a path, when the analysis knows it.
    pub fn file_id(&self, path: &str) -> Option<FileId> {
        None
    }
    /// Absolute path of a file.
    pub fn path(&self, file: FileId) -> &str {
        ""
    }
    /// Current text of a file (open document, else disk).
    pub fn text(&self, file: FileId) -> Option<Arc<str>> {
        None
    }
    /// Line index of the current text.
    pub fn line_index(&self, file: FileId) -> Option<Arc<LineIndex>> {
        None
    }
    /// All files with at least one diagnostic, sorted by path.
    pub fn files_with_diagnostics(&self) -> Vec<FileId> {
        Vec::new()
    }
    /// Diagnostics of a file, sorted by place.
    pub fn diagnostics(&self, file: FileId) -> Arc<[Diagnostic]> {
        Arc::from([])
    }
    /// Fixes of a diagnostic of this snapshot, the preferred one first, and why expected ones are missing.
    pub fn fixes(&self, diagnostic: &Diagnostic) -> (Vec<Fix>, Vec<Refusal>) {
        (Vec::new(), Vec::new())
    }
    /// All applications, sorted by path and place.
    pub fn apps(&self) -> Arc<[AppView]> {
        Arc::from([])
    }
    /// Counts.
    pub fn summary(&self) -> Summary {
        Summary::default()
    }
    /// What to show for the code under `offset`.
    pub fn hover(&self, file: FileId, offset: u32) -> Option<Hover> {
        None
    }
    /// Guards of the routes whose handlers stand in `file`.
    pub fn route_hints(&self, file: FileId) -> Vec<RouteHint> {
        Vec::new()
    }
}
