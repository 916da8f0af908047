//! What a request can see.

use std::collections::BTreeMap;
use std::sync::Arc;

use authlens_analysis::ide::Analysis;
use tower_lsp::lsp_types::Url;

use super::documents::path_of;
use super::settings::{Abilities, Settings};

/// A request's work.
pub(super) type Job = Box<dyn FnOnce(&View) + Send>;

/// A snapshot that holds every edit which came before the request.
#[derive(Clone)]
pub(super) struct View {
    pub(super) analysis: Analysis,
    pub(super) abilities: Abilities,
    pub(super) settings: Settings,
    /// Whether folders are still being read.
    pub(super) indexing: bool,
    /// Open documents: path, address, version.
    pub(super) open: Arc<BTreeMap<String, (Url, i32)>>,
    /// Folders of the workspace under their real paths, and as the client calls them.
    pub(super) spellings: Arc<Vec<(String, String)>>,
}

impl View {
    /// The path under which the analysis knows a document.
    pub(super) fn path_of(&self, uri: &Url) -> String {
        spelled(&self.spellings, path_of(uri))
    }
}

/// A path below one of these folders as the client calls the folder: an editor may open by its real path what is in a
/// folder that it knows by a symbolic link.
pub(super) fn spelled(spellings: &[(String, String)], path: String) -> String {
    let below = |(real, root): &(String, String)| {
        let rest = path.strip_prefix(real.as_str()).filter(|rest| rest.starts_with('/'))?;
        Some(format!("{root}{rest}"))
    };
    spellings.iter().find_map(below).unwrap_or(path)
}
