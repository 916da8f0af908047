//! Reads folders into an analysis.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use authlens_analysis::ide::{Analysis, AnalysisHost, Change, FileContent};
use authlens_analysis::vfs::FileId;

use crate::workspace;

/// A read workspace.
pub(super) struct Loaded {
    pub(super) host: AnalysisHost,
    /// The folder that paths in reports are relative to, with a trailing slash.
    pub(super) base: String,
}

/// Reads files and folders, and then what their modules import.
/// `configuration` names the only configuration file that is to count.
pub(super) fn load(paths: &[PathBuf], configuration: Option<&Path>) -> Result<Loaded, String> {
    let mut roots = Vec::new();
    for path in paths {
        let root =
            std::fs::canonicalize(path).map_err(|error| format!("can't read {}: {}", path.display(), plain(&error)))?;
        roots.push(root);
    }
    let base = match roots.as_slice() {
        [one] if one.is_dir() => one.clone(),
        _ => std::env::current_dir().map_err(|error| format!("no current folder: {}", plain(&error)))?,
    };
    let mut change =
        Change { roots: Some(roots.iter().map(|root| workspace::slashed(root)).collect()), ..Change::default() };
    if let Some(path) = configuration {
        let unreadable = |why: &str| format!("can't read {}: {why}", path.display());
        let path = std::fs::canonicalize(path).map_err(|error| unreadable(&plain(&error)))?;
        let path = workspace::slashed(&path);
        match workspace::read(&path) {
            FileContent::Text(text) => change.disk.push((path.clone(), FileContent::Text(text))),
            FileContent::Unreadable(why) => return Err(unreadable(why)),
            _ => return Err(unreadable("it is gone")),
        }
        change.configuration = Some(path);
    }
    for root in &roots {
        change.disk.extend(workspace::policy_above(root));
        change.disk.extend(workspace::discover(root, &report_progress));
        // A file alone: its neighbours are there to be imported.
        if root.is_file()
            && let Some(folder) = root.parent()
        {
            let neighbours = workspace::discover(folder, &report_progress).into_iter();
            change.disk.extend(
                neighbours
                    .filter(|(path, _)| *path != workspace::slashed(root))
                    .map(|(path, _)| (path, FileContent::Listed)),
            );
        }
    }
    clear_progress();
    let mut host = AnalysisHost::new();
    // Nothing is judged before all that modules import has been read.
    host.set_indexing(true);
    host.apply(change);
    let read = |paths: Vec<String>| {
        let disk = paths.into_iter().map(|path| (path.clone(), workspace::read(&path))).collect();
        Change { disk, ..Change::default() }
    };
    loop {
        let missing = host.missing();
        if missing.is_empty() {
            break;
        }
        host.apply(read(missing));
    }
    let mut wanted = host.set_indexing(false).wanted;
    while !wanted.is_empty() {
        wanted = host.apply(read(wanted)).wanted;
    }
    Ok(Loaded { host, base: format!("{}/", workspace::slashed(&base).trim_end_matches('/')) })
}

impl Loaded {
    /// The path of a file as reports show it.
    pub(super) fn shown<'p>(&self, analysis: &'p Analysis, file: FileId) -> &'p str {
        self.relative(analysis.path(file))
    }

    /// An absolute path as reports show it.
    pub(super) fn relative<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(&self.base).unwrap_or(path)
    }
}

/// An operating-system error without its number.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn report_progress(progress: workspace::Progress) {
    if std::io::stderr().is_terminal() {
        let percent = progress.done * 100 / progress.total.max(1);
        let filled = percent / 5;
        eprint!("\r[{}{}] {percent:3} % of {} files", "=".repeat(filled), " ".repeat(20 - filled), progress.total);
    }
}

fn clear_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r{}\r", " ".repeat(60));
    }
}
