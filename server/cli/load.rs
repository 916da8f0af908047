//! Reads folders into an analysis.

use std::borrow::Cow;
use std::collections::BTreeSet;
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
    /// What was named on the command line, absolute.
    named: Vec<String>,
    /// Folders of the projects that were read.
    projects: Vec<String>,
}

/// Reads files and folders with the projects around them, and then what their modules import: what is named may be
/// included, guarded or asked for anywhere in its project.
/// `configuration` names the only configuration file that is to count.
pub(super) fn load(paths: &[PathBuf], configuration: Option<&Path>) -> Result<Loaded, String> {
    let mut named = Vec::new();
    for path in paths {
        let path =
            std::fs::canonicalize(path).map_err(|error| format!("can't read {}: {}", path.display(), plain(&error)))?;
        named.push(path);
    }
    let base = match named.as_slice() {
        [one] if one.is_dir() => one.clone(),
        _ => current_folder()?,
    };
    let mut change = Change::default();
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
    let (projects, parts) = read_around(&named, &mut change);
    let folders = named.iter().filter(|path| path.is_dir()).map(|path| workspace::slashed(path));
    let mut roots: Vec<String> = projects.iter().cloned().chain(folders).collect();
    roots.sort();
    roots.dedup();
    (change.roots, change.parts) = (Some(roots), Some(parts));
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
    let named = named.iter().map(|path| workspace::slashed(path)).collect();
    Ok(Loaded { host, base: as_base(&base), named, projects })
}

/// Has the files of projects read, each once. Gives the folders of the projects, and those that are only a part of one.
fn read_around(named: &[PathBuf], change: &mut Change) -> (Vec<String>, Vec<String>) {
    let mut projects: Vec<workspace::Project> = Vec::new();
    for path in named {
        let is_known =
            |project: &workspace::Project| project.is_whole && project.files.iter().any(|file| file.starts_with(path));
        if projects.iter().any(is_known) {
            continue;
        }
        projects.push(workspace::project_of(path));
    }
    // What is named counts though it may be ignored; the folder of a project has been gone through.
    let is_new = |path: &&PathBuf| !projects.iter().any(|project| project.root == **path);
    let mut files: BTreeSet<PathBuf> = named.iter().filter(is_new).flat_map(|path| workspace::files_of(path)).collect();
    for project in &mut projects {
        change.disk.extend(workspace::policy_above(&project.root));
        files.extend(std::mem::take(&mut project.files));
    }
    let files: Vec<PathBuf> = files.into_iter().collect();
    change.disk.extend(workspace::read_files(&files, &report_progress));
    let folder = |project: &workspace::Project| workspace::slashed(&project.root);
    let parts = projects.iter().filter(|project| !project.is_whole).map(folder).collect();
    (projects.iter().map(folder).collect(), parts)
}

/// The folder that the command runs in.
pub(super) fn current_folder() -> Result<PathBuf, String> {
    let folder = std::env::current_dir().and_then(std::fs::canonicalize);
    folder.map_err(|error| format!("no current folder: {}", plain(&error)))
}

/// A folder with a slash behind it.
fn as_base(folder: &Path) -> String {
    format!("{}/", workspace::slashed(folder).trim_end_matches('/'))
}

impl Loaded {
    /// The path of a file as reports show it.
    pub(super) fn shown<'p>(&self, analysis: &'p Analysis, file: FileId) -> Cow<'p, str> {
        self.relative(analysis.path(file))
    }

    /// An absolute path as reports show it.
    pub(super) fn relative<'p>(&self, path: &'p str) -> Cow<'p, str> {
        self.seen_from(&self.base, path)
    }

    /// The same from now on, for paths from another folder.
    pub(super) fn based_on(&mut self, folder: &Path) {
        self.base = as_base(folder);
    }

    /// Whether a path was named on the command line, or is below one that was.
    pub(super) fn is_named(&self, path: &str) -> bool {
        self.named.iter().any(|named| is_below(path, named))
    }

    /// Whether a file stands in a folder above something that was named.
    pub(super) fn is_above(&self, path: &str) -> bool {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.named.iter().any(|named| is_below(named, folder))
    }

    /// What was named, absolute.
    pub(super) fn named(&self) -> impl Iterator<Item = &Path> {
        self.named.iter().map(Path::new)
    }

    /// What was named first.
    pub(super) fn first_named(&self) -> &Path {
        self.named.first().map_or(Path::new("/"), Path::new)
    }

    /// A path of the project from one of its folders; another one as it is.
    fn seen_from<'p>(&self, base: &str, path: &'p str) -> Cow<'p, str> {
        if let Some(below) = path.strip_prefix(base) {
            return Cow::Borrowed(below);
        }
        let folder = base.trim_end_matches('/');
        let is_around = |project: &&String| is_below(folder, project) && is_below(path, project);
        if !self.projects.iter().any(|project| is_around(&project)) {
            return Cow::Borrowed(path);
        }
        let shared = folder.split('/').zip(path.split('/')).take_while(|(a, b)| a == b).count();
        let up = "../".repeat(folder.split('/').count() - shared);
        let down: Vec<&str> = path.split('/').skip(shared).collect();
        Cow::Owned(format!("{up}{}", down.join("/")))
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|below| below.is_empty() || below.starts_with('/') || folder.ends_with('/'))
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
