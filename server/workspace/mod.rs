//! The only home of the file system: which files a workspace has, and their texts.

mod git_index;
mod watch;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use authlens_analysis::ide::FileContent;
use ignore::WalkBuilder;
use memchr::memmem;

pub(crate) use watch::Watch;

/// Largest file that is read, in bytes. The largest hand-written file seen has 0.5 MB.
pub(crate) const MAX_FILE: u64 = 4 << 20;

/// Folders that never hold a project's own source.
const VENDORED: &[&str] = &[
    ".git",
    ".hg",
    ".venv",
    "venv",
    "site-packages",
    "node_modules",
    ".next",
    "dist",
    "build",
    "__pycache__",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".claude",
    ".specify",
    "__pypackages__",
];

/// Texts that make a file worth reading before anything asks for it.
const MARKERS: &[&str] = &["fastapi", "starlette", "APIRouter", "Depends", "include_router", "authlens:"];

/// How far reading a workspace has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Files read.
    pub(crate) done: usize,
    /// Files found.
    pub(crate) total: usize,
}

/// The Python files of a folder, or the file itself, with their contents where
/// these can matter, sorted by path. Symbolic links to folders are not followed.
pub(crate) fn discover(root: &Path, progress: &(dyn Fn(Progress) + Sync)) -> Vec<(String, FileContent)> {
    let paths = source_files(root);
    let total = paths.len();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = Mutex::new(Vec::with_capacity(total));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Vec::new();
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    own.push((slashed(path), read_if_relevant(path)));
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done % 256 == 0 {
                        progress(Progress { done, total });
                    }
                }
                if let Ok(mut results) = results.lock() {
                    results.append(&mut own);
                }
            });
        }
    });
    let mut files = results.into_inner().unwrap_or_default();
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    files
}

/// The content of one file, whole.
pub(crate) fn read(path: &str) -> FileContent {
    read_path(Path::new(path))
}

/// Python files of one folder, not below it.
pub(crate) fn siblings(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| is_python(path) && path.is_file())
        .map(|path| slashed(&path))
        .collect();
    files.sort();
    files
}

/// Whether a path is one that the analysis reads.
pub(crate) fn is_source(path: &str) -> bool {
    path.ends_with(".py") && !path.split('/').any(|part| VENDORED.contains(&part))
}

/// Replaces a file's content in one step: a reader sees the old text or the
/// new one. Permissions stay as they are.
pub(crate) fn write(path: &str, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let folder = target.parent().unwrap_or(Path::new("."));
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.authlens-{}", std::process::id()));
    let result = (|| {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::set_permissions(&temporary, fs::metadata(&target)?.permissions())?;
        fs::rename(&temporary, &target)
    })();
    if result.is_err() {
        // The error that matters is the one above.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// An absolute path with forward slashes.
pub(crate) fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() }
}

/// Source files below a folder: what git tracks, and what is not ignored.
/// Ignored does not mean absent: `lib/` in the Python template hides
/// committed source in every sixth project.
fn source_files(root: &Path) -> Vec<PathBuf> {
    if root.is_file() {
        return vec![root.to_owned()];
    }
    let mut files = BTreeSet::new();
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .follow_links(false)
        .require_git(false)
        .filter_entry(|entry| entry.depth() == 0 || !is_vendored(entry.path()))
        .build();
    for entry in walk.flatten() {
        // A link to a file is followed, unless it is broken.
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file() || kind.is_symlink());
        if is_file && is_python(entry.path()) && fs::metadata(entry.path()).is_ok_and(|meta| meta.is_file()) {
            files.insert(entry.into_path());
        }
    }
    for path in git_index::tracked_files(root) {
        let below = path.strip_prefix(root).unwrap_or(&path);
        let vendored = below.components().any(|part| VENDORED.iter().any(|name| part.as_os_str() == *name));
        if !vendored && is_python(&path) && fs::metadata(&path).is_ok_and(|meta| meta.is_file()) {
            files.insert(path);
        }
    }
    files.into_iter().collect()
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "py")
}

fn is_vendored(path: &Path) -> bool {
    path.file_name().is_some_and(|name| VENDORED.iter().any(|vendored| name == *vendored))
        || path.join("pyvenv.cfg").is_file()
}

fn read_path(path: &Path) -> FileContent {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return FileContent::Removed,
        Err(_) => return FileContent::Unreadable("it can't be read"),
        Ok(meta) if !meta.is_file() => return FileContent::Unreadable("it is no regular file"),
        Ok(meta) if meta.len() > MAX_FILE => return FileContent::Unreadable("it is larger than 4 MiB"),
        Ok(_) => {}
    }
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileContent::Removed,
        Err(_) => FileContent::Unreadable("it can't be read"),
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => FileContent::Text(text.into()),
            Err(_) => FileContent::Unreadable("it is not UTF-8"),
        },
    }
}

/// Reads a file, and keeps the text only if it names something that matters.
/// The others stay listed: they are read when a module that matters imports them.
pub(crate) fn read_if_relevant(path: &Path) -> FileContent {
    match read_path(path) {
        FileContent::Text(text) => {
            let relevant = MARKERS.iter().any(|marker| memmem::find(text.as_bytes(), marker.as_bytes()).is_some());
            if relevant { FileContent::Text(text) } else { FileContent::Listed }
        }
        FileContent::Unreadable("it is not UTF-8") => FileContent::Listed,
        other => other,
    }
}
