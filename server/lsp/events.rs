//! What the threads of the server tell each other.

use std::sync::mpsc::Sender;

use authlens_analysis::ide::FileContent;
use tower_lsp::lsp_types::{TextDocumentContentChangeEvent, Url};

use super::settings::{Abilities, Settings};
use super::view::Job;

/// What the main loop is told.
pub(super) enum Event {
    /// The client is ready; index these folders.
    Start {
        abilities: Abilities,
        settings: Settings,
        roots: Vec<String>,
    },
    Open {
        uri: Url,
        version: i32,
        text: String,
    },
    Change {
        uri: Url,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    },
    Close {
        uri: Url,
    },
    /// Files may have changed on disk.
    Touched(Vec<String>),
    /// Workspace folders came and went.
    Folders {
        added: Vec<String>,
        removed: Vec<String>,
    },
    /// All folders are to be read anew.
    Reindex,
    Settings(Settings),
    /// Files read from disk.
    Read(Vec<(String, FileContent)>),
    /// Files of a folder that is being read, and who waits for them to be taken.
    Batch(Vec<(String, FileContent)>, Sender<()>),
    /// All folders have been read.
    Indexed,
    /// A request, run on a worker.
    Request(Job),
    /// A request about routes is behind this: from then on they may have changed again.
    RoutesAsked,
}

/// What the client is asked for, or shown in steps that it has to accept.
pub(super) enum Outgoing {
    /// Diagnostics, lenses or hints of other files may differ now.
    Refresh,
    Progress(IndexStep),
}

/// How far the index is.
#[derive(Debug, Clone, Copy)]
pub(super) enum IndexStep {
    Begin,
    /// Percent of the files that are read.
    Percent(u32),
    End,
}
