//! The only home of the file system: which files a workspace has, and their texts.

mod encoding;
mod git_index;
mod project;
mod replace;
mod watch;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use authlens_analysis::facts::roles::{self, Role};
use authlens_analysis::facts::typescript::bundled::is_bundled;
use authlens_analysis::facts::typescript::imports::Imports;
use authlens_analysis::facts::{environment, manifests};
use authlens_analysis::ide::FileContent;
use authlens_analysis::syntax::typescript;
use ignore::WalkBuilder;
use memchr::memmem;

pub(crate) use project::{Project, is_top, project_of, top_of_checkout};
pub(crate) use replace::{Replacement, replace_all};

pub(crate) use watch::{Reach, Watch};

/// Largest file that is read, in bytes. The largest hand-written file seen has 0.5 MB.
pub(crate) const MAX_FILE: u64 = 4 << 20;

/// Why a larger one is not read.
pub(crate) const TOO_LARGE: &str = "it is larger than 4 MiB";

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
    // What an editor keeps of earlier versions.
    ".history",
];

/// Why a file with other bytes is not read.
const NOT_UTF_8: &str = "it is not UTF-8, and names no other encoding that is known here";
/// Why a file or folder is not read that is closed to whoever runs this.
const CLOSED: &str = "it can't be read";
/// Texts that make a file worth reading before anything asks for it, beside
/// those of applications.
const MARKERS: &[&str] = &["FastAPI", "authlens:", "betterAuth("];

/// How far reading a workspace has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Files read.
    pub(crate) done: usize,
    /// Files found.
    pub(crate) total: usize,
}

/// The source files of a folder, or the file itself, sorted: code, specifications and configurations. Symbolic links
/// to folders are not followed.
pub(crate) fn files_of(path: &Path) -> Vec<PathBuf> {
    source_files(path)
}

/// Entries of folders that are gone through for what is left out, at most.
const MOST_IGNORED: usize = 20_000;

/// Python files in folders, sorted: those that are read, and those of the folders' own that are left out.
pub(crate) fn python_files<'p>(folders: impl Iterator<Item = &'p Path>) -> (Vec<String>, Vec<String>) {
    let (mut read, mut all) = (BTreeSet::new(), BTreeSet::new());
    for folder in folders {
        read.extend(source_files(folder).into_iter().filter(|path| is_python(path)));
        let walk = WalkBuilder::new(folder)
            .standard_filters(false)
            .follow_links(false)
            .filter_entry(|entry| entry.depth() == 0 || !is_vendored(entry.path()))
            .sort_by_file_name(Ord::cmp)
            .build();
        let entries = walk.flatten().take(MOST_IGNORED).map(ignore::DirEntry::into_path);
        all.extend(entries.filter(|path| is_python(path) && path.is_file()));
    }
    let paths = |files: &mut dyn Iterator<Item = &PathBuf>| files.map(|path| slashed(path)).collect();
    (paths(&mut read.iter()), paths(&mut all.difference(&read)))
}

/// Files with their contents where these can matter, sorted by path.
pub(crate) fn read_files(paths: &[PathBuf], progress: &(dyn Fn(Progress) + Sync)) -> Vec<(String, FileContent)> {
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

/// The same in batches, in the order of their paths, on this thread: nobody
/// holds the texts of a whole workspace then.
pub(crate) fn discover_in_batches(
    root: &Path,
    size: usize,
    progress: &dyn Fn(Progress),
    mut take: impl FnMut(Vec<(String, FileContent)>),
) {
    let paths = source_files(root);
    let total = paths.len();
    for (number, batch) in paths.chunks(size).enumerate() {
        take(batch.iter().map(|path| (slashed(path), read_if_relevant(path))).collect());
        progress(Progress { done: number * size + batch.len(), total });
    }
}

/// Specifications and configurations above a folder, up to the top of its
/// checkout: a backend that is checked alone still has the project's words.
pub(crate) fn policy_above(root: &Path) -> Vec<(String, FileContent)> {
    policy_files_above(root).into_iter().map(|path| (slashed(&path), read_if_relevant(&path))).collect()
}

fn policy_files_above(root: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    if root.ancestors().any(|folder| folder.join(".git").exists()) && !root.join(".git").exists() {
        for folder in root.ancestors().skip(1) {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            for path in entries {
                if path.is_file() && roles::role(&slashed(&path)).is_some() {
                    files.insert(path);
                } else if path.is_dir() && roles::project_root(&format!("{}/x", slashed(&path))).is_some() {
                    files.extend(source_files(&path).into_iter().filter(|file| roles::role(&slashed(file)).is_some()));
                }
            }
            if folder.join(".git").exists() {
                break;
            }
        }
    }
    files
}

/// The content of one file, whole.
pub(crate) fn read(path: &str) -> FileContent {
    told_apart(Path::new(path), read_path(Path::new(path)))
}

/// The same content, and whether git has the file, if it sets variables.
fn told_apart(path: &Path, content: FileContent) -> FileContent {
    match content {
        FileContent::Text(text) if is_private(path) => FileContent::Private(text),
        content => content,
    }
}

/// Whether a file sets variables and stays with its owner: git does not have it.
/// Where there is no git, a `.env` stays there, but what deploys the application
/// is code like any other.
fn is_private(path: &Path) -> bool {
    let Some(form) = environment::form(&slashed(path)) else { return false };
    match git_index::is_in_checkout(path) {
        true => !git_index::is_tracked(path),
        false => matches!(form, environment::Form::Lines | environment::Form::Key),
    }
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

/// Whether a path is one that the analysis reads, of what is in these folders. What folders are called counts below
/// them only: a project may lie in one called `build`.
pub(crate) fn is_source(path: &str, roots: &[String]) -> bool {
    let below = |root: &String| path.strip_prefix(root.as_str())?.strip_prefix('/');
    let below = roots.iter().filter_map(below).min_by_key(|below| below.len());
    (path.ends_with(".py")
        || typescript::grammar(path).is_some()
        || roles::configures_modules(path)
        || manifests::rank(path).is_some()
        || environment::sets_variables(path)
        || roles::role(path).is_some())
        && !below.is_some_and(|below| below.split('/').any(|part| VENDORED.contains(&part)))
}

/// The path of a file or folder without symbolic links.
pub(crate) fn real_path(path: &str) -> Option<String> {
    fs::canonicalize(path).ok().map(|path| slashed(&path))
}

/// An absolute path with forward slashes.
pub(crate) fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() }
}

/// Source files below a folder: what git tracks, and what is not ignored.
/// Ignored does not mean absent: `lib/` in the Python template hides
/// committed source in every sixth project. Where there is no git (an archive, an
/// image), nobody tells what is tracked: all that is there counts, then.
fn source_files(root: &Path) -> Vec<PathBuf> {
    if root.is_file() {
        return vec![root.to_owned()];
    }
    let (mut files, mut seen) = (BTreeSet::new(), BTreeSet::from([root.to_owned()]));
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .follow_links(false)
        .require_git(false)
        .git_ignore(git_index::is_in_checkout(root))
        .filter_entry(|entry| entry.depth() == 0 || !is_vendored(entry.path()))
        .build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                files.extend(closed_folder(&error));
                continue;
            }
        };
        // A link to a file is followed, unless it is broken.
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file() || kind.is_symlink());
        if is_file && is_read(entry.path()) && is_regular(entry.path()) {
            files.insert(entry.into_path());
        } else if entry.file_type().is_some_and(|kind| kind.is_dir()) {
            seen.insert(entry.into_path());
        }
    }
    files.extend(ignored_of_packages(&seen));
    for path in git_index::tracked_files(root) {
        let below = path.strip_prefix(root).unwrap_or(&path);
        let vendored = below.components().any(|part| VENDORED.iter().any(|name| part.as_os_str() == *name));
        let is_wanted = is_read(&path) || environment::sets_variables(&slashed(&path));
        if !vendored && is_wanted && is_regular(&path) {
            files.insert(path);
        }
    }
    // Next.js and Python read these, and git ignores them.
    const PRIVATE: &[&str] = &[".env", ".env.local", ".env.development", ".env.development.local"];
    let is_project = |path: &&PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name == "package.json" || manifests::rank(&slashed(path)).is_some()
    };
    let mut folders: BTreeSet<&Path> = files.iter().filter(is_project).filter_map(|path| path.parent()).collect();
    folders.insert(root);
    let private = folders.iter().flat_map(|folder| PRIVATE.iter().map(|name| folder.join(name)));
    let private: Vec<PathBuf> = private.filter(|path| path.is_file()).collect();
    // Examples say where requests go, too.
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let examples: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| environment::names_addresses(&slashed(path)) && path.is_file())
        .collect();
    files.extend(private);
    files.extend(examples);
    files.into_iter().collect()
}

/// What packages of JavaScript are made of, though git ignores it: scripts in folders called `lib`, by which the Python
/// template means another one, and what says how modules are found. It runs, whether git has it or not.
fn ignored_of_packages(seen: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let packages: BTreeSet<&Path> =
        seen.iter().filter(|folder| folder.join("package.json").is_file()).map(PathBuf::as_path).collect();
    // By the folders above one: both sets may be large.
    let of_package = |folder: &&PathBuf| folder.ancestors().any(|above| packages.contains(above));
    let libraries = seen.iter().filter(of_package).map(|folder| folder.join("lib"));
    let ignored = libraries.filter(|library| !seen.contains(library) && library.is_dir());
    let entries = ignored.flat_map(|library| {
        let walk = WalkBuilder::new(library)
            .standard_filters(false)
            .follow_links(false)
            .filter_entry(|entry| !is_vendored(entry.path()))
            .build();
        walk.flatten()
    });
    let scripts = entries
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .map(ignore::DirEntry::into_path)
        .filter(|path| typescript::grammar(&slashed(path)).is_some());
    const CONFIGURATION: &[&str] = &["package.json", "tsconfig.json", "jsconfig.json"];
    let configuration = packages.iter().flat_map(|package| CONFIGURATION.iter().map(|name| package.join(name)));
    scripts.chain(configuration.filter(|path| path.is_file())).collect()
}

/// Whether there is a regular file, or something of which it can't be told what it is.
fn is_regular(path: &Path) -> bool {
    fs::metadata(path).map_or_else(|error| error.kind() == io::ErrorKind::PermissionDenied, |meta| meta.is_file())
}

/// The folder that the walk could not look into.
fn closed_folder(error: &ignore::Error) -> Option<PathBuf> {
    match error {
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => closed_folder(err),
        ignore::Error::WithPath { path, err } => {
            let is_denied = err.io_error().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
            is_denied.then(|| path.clone())
        }
        _ => None,
    }
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "py")
}

/// Whether a file is source, says what imports mean or which FastAPI runs, or
/// says what must be guarded.
fn is_read(path: &Path) -> bool {
    let slashed = slashed(path);
    is_python(path)
        || typescript::grammar(&slashed).is_some()
        || roles::configures_modules(&slashed)
        || manifests::rank(&slashed).is_some()
        || roles::role(&slashed).is_some()
}

fn is_vendored(path: &Path) -> bool {
    path.file_name().is_some_and(|name| VENDORED.iter().any(|vendored| name == *vendored))
        || path.join("pyvenv.cfg").is_file()
}

fn read_path(path: &Path) -> FileContent {
    match read_text(path) {
        // What a shell of Windows writes into a list of packages.
        FileContent::Unreadable(NOT_UTF_8) if manifests::rank(&slashed(path)).is_some() => {
            fs::read(path).ok().and_then(|bytes| of_utf_16(&bytes)).map_or(FileContent::Listed, FileContent::Text)
        }
        // Nobody asked for a lock file to be analysed.
        FileContent::Unreadable(why) if !is_missed(path, why) => FileContent::Listed,
        content => content,
    }
}

/// Whether something is missed that speaks of the project when a file can't be read.
fn is_missed(path: &Path, why: &str) -> bool {
    let slashed = slashed(path);
    let is_script = typescript::grammar(&slashed).is_some();
    match why {
        NOT_UTF_8 => is_python(path) || is_script,
        CLOSED => is_python(path) || is_script || roles::role(&slashed) == Some(Role::Configuration) || path.is_dir(),
        _ => is_python(path),
    }
}

fn read_text(path: &Path) -> FileContent {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FileContent::Removed,
        _ => FileContent::Unreadable(CLOSED),
    };
    match fs::metadata(path) {
        Err(error) => return failed(error),
        Ok(meta) if meta.is_dir() && fs::read_dir(path).is_err() => return FileContent::Unreadable(CLOSED),
        Ok(meta) if !meta.is_file() => return FileContent::Unreadable("it is no regular file"),
        Ok(meta) if meta.len() > MAX_FILE => return FileContent::Unreadable(TOO_LARGE),
        Ok(_) => {}
    }
    match fs::read(path) {
        Err(error) => failed(error),
        Ok(bytes) => match encoding::decode(bytes, is_python(path)) {
            Some((text, _)) => FileContent::Text(text.into()),
            None => FileContent::Unreadable(NOT_UTF_8),
        },
    }
}

/// The text of a file in UTF-16 that says so by its first two bytes.
fn of_utf_16(bytes: &[u8]) -> Option<Arc<str>> {
    let (mark, text) = bytes.split_first_chunk::<2>()?;
    let unit = match mark {
        [0xFF, 0xFE] => u16::from_le_bytes,
        [0xFE, 0xFF] => u16::from_be_bytes,
        _ => return None,
    };
    let units = text.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(unit);
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().map(Into::into)
}

/// Reads a file, and keeps the text only if it names something that matters.
/// The others stay listed: they are read when a module that matters imports them.
pub(crate) fn read_if_relevant(path: &Path) -> FileContent {
    let role = roles::role(&slashed(path));
    match environment::form(&slashed(path)) {
        // Others than PEM files are called so as well.
        Some(environment::Form::Key) => match read_path(path) {
            FileContent::Unreadable(_) => return FileContent::Listed,
            content => return told_apart(path, content),
        },
        Some(_) => return told_apart(path, read_path(path)),
        None => {}
    }
    match read_path(path) {
        FileContent::Text(text) if role.is_some_and(|role| role != Role::Project) => FileContent::Text(text),
        FileContent::Text(text) if roles::configures_modules(&slashed(path)) => FileContent::Text(text),
        FileContent::Text(text) if typescript::grammar(&slashed(path)).is_some() => {
            let mut markers = roles::SCRIPT_MARKERS.iter().chain(MARKERS);
            let relevant = markers.any(|marker| memmem::find(text.as_bytes(), marker.as_bytes()).is_some());
            match relevant && !is_bundled(&text) {
                true => FileContent::Text(text),
                false => FileContent::Script(Imports::of(&text).into()),
            }
        }
        FileContent::Text(text) => {
            let speaks = role == Some(Role::Project) && text.contains("authlens");
            let mut markers = roles::APPLICATION_MARKERS.iter().chain(roles::SECRET_MARKERS).chain(MARKERS);
            let holds = |marker: &str| memmem::find(text.as_bytes(), marker.as_bytes()).is_some();
            let may_verify = || holds("\nclass ") && roles::VERIFIER_MARKERS.iter().any(|marker| holds(marker));
            // A password may be hashed with what was made to be fast.
            let may_hash = || holds("hashlib") && holds("password");
            let relevant = markers.any(|marker| holds(marker)) || may_verify() || may_hash();
            if relevant || speaks { FileContent::Text(text) } else { FileContent::Listed }
        }
        // Of what names nothing that matters, nothing is missed.
        FileContent::Unreadable(NOT_UTF_8) if !names_what_matters(path) => FileContent::Listed,
        other => other,
    }
}

/// Whether the bytes of a source file, whatever its encoding, name something that matters.
fn names_what_matters(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap_or_default();
    if !is_python(path) && is_bundled(&String::from_utf8_lossy(&bytes)) {
        return false;
    }
    let markers: Vec<&str> = match is_python(path) {
        true => roles::APPLICATION_MARKERS.iter().chain(roles::SECRET_MARKERS).chain(MARKERS).copied().collect(),
        false => roles::SCRIPT_MARKERS.iter().chain(MARKERS).copied().collect(),
    };
    markers.iter().any(|marker| memmem::find(&bytes, marker.as_bytes()).is_some())
}
