//! The project that a file or folder belongs to.

use std::fs;
use std::path::{Path, PathBuf};

use authlens_analysis::facts::roles;
use authlens_analysis::index::sources::is_test_path;

use super::{is_python, slashed, source_files};

/// The project of what was named.
#[derive(Debug)]
pub(crate) struct Project {
    /// Its folder, absolute.
    pub(crate) root: PathBuf,
    /// Its source files, sorted.
    pub(crate) files: Vec<PathBuf>,
    /// Whether nothing around it belongs to it, as far as can be told.
    pub(crate) is_whole: bool,
}

/// Source files that are read around what was named, at most.
const MOST_FILES: usize = 20_000;

/// Folders above a file or folder in which its project may begin, where there is no git.
const MOST_ABOVE: usize = 6;

/// What stands at the top of a project.
const SIGNS: &[&str] = &[
    "authlens.toml",
    "pyproject.toml",
    "requirements.txt",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "package.json",
    "docker-compose.yml",
    "docker-compose.yaml",
    "compose.yml",
    "compose.yaml",
    ".gitignore",
];

/// The project of a file or folder, which is absolute: the checkout that it is in. What git ignores, and what is in
/// none, belongs to the nearest folder that has what stands at the top of a project, and to the one above if that has, too;
/// else to the topmost folder of modules.
pub(crate) fn project_of(named: &Path) -> Project {
    let alone = match named.is_dir() {
        true => named,
        false => named.parent().unwrap_or(named),
    };
    let top = top_of_checkout(alone);
    // A project that a checkout keeps among its tests is one by itself.
    let is_fixture = |top: &PathBuf| {
        alone.strip_prefix(top).is_ok_and(|below| is_test_path(&format!("{}/x.py", slashed(below))))
            && top_by_signs(alone, Some(top)) != *top
    };
    if let Some(top) = top.as_ref().filter(|top| !is_fixture(top)) {
        let files = source_files(top);
        let is_in = top == named || files.iter().any(|file| file.starts_with(named));
        if is_in && (top == alone || files.len() <= MOST_FILES) {
            return Project { root: top.clone(), files, is_whole: true };
        }
        if is_in {
            return Project { root: alone.to_owned(), files: source_files(alone), is_whole: false };
        }
    }
    let root = top_by_signs(alone, top.as_deref());
    let files = source_files(&root);
    if root == alone || files.len() <= MOST_FILES {
        return Project { root, files, is_whole: true };
    }
    Project { root: alone.to_owned(), files: source_files(alone), is_whole: false }
}

/// Whether a folder is the top of its project, as far as that can be told at once.
pub(crate) fn is_top(folder: &Path) -> bool {
    top_of_checkout(folder).unwrap_or_else(|| top_by_signs(folder, None)) == folder
}

/// The top of the checkout that something is in. A folder in which everything lies, like that of a user, is none.
pub(crate) fn top_of_checkout(path: &Path) -> Option<PathBuf> {
    let top = path.ancestors().find(|folder| folder.join(".git").exists())?;
    (top == path || !holds_everything(top)).then(|| top.to_owned())
}

/// The top of a project by what stands in the folders above one, below the one where they end.
fn top_by_signs(folder: &Path, end: Option<&Path>) -> PathBuf {
    let above = |folder: &Path| -> Vec<PathBuf> {
        let is_end = |above: &Path| above != folder && (end == Some(above) || holds_everything(above));
        folder.ancestors().take(MOST_ABOVE).take_while(|above| !is_end(above)).map(Path::to_owned).collect()
    };
    if let Some(top) = above(folder).into_iter().find(|folder| folder.join("authlens.toml").is_file()) {
        return top;
    }
    // A folder that was named and has projects in it is what was meant.
    let is_top = |above: &PathBuf| has_sign(above) || (above == folder && entries(folder).any(|path| has_sign(&path)));
    if let Some(top) = above(folder).into_iter().find(is_top) {
        return above(&top).into_iter().skip(1).take_while(|folder| has_sign(folder)).last().unwrap_or(top);
    }
    let modules = above(folder).into_iter().take_while(|folder| has_modules(folder));
    modules.last().unwrap_or_else(|| folder.to_owned())
}

/// Whether what stands at the top of a project is in a folder, its specifications perhaps.
fn has_sign(folder: &Path) -> bool {
    let specifies = |path: PathBuf| {
        let below = path.strip_prefix(folder).map(|name| format!("{}/x", slashed(name)));
        path.is_dir() && below.is_ok_and(|below| roles::project_root(&below).is_some())
    };
    SIGNS.iter().any(|name| folder.join(name).is_file()) || entries(folder).any(specifies)
}

fn has_modules(folder: &Path) -> bool {
    entries(folder).any(|path| is_python(&path) && path.is_file())
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Whether projects of all kinds lie in a folder: at the top of the file system, at home, among temporary files.
fn holds_everything(folder: &Path) -> bool {
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
    folder.parent().is_none() || home.as_deref() == Some(folder) || std::env::temp_dir() == folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_around_a_path_is_found() {
        let base = std::env::temp_dir().join(format!("authlens-project-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        for name in [
            "git/.git/HEAD",
            "git/back/app/main.py",
            "git/back/pyproject.toml",
            "mono/.gitignore",
            "mono/back/pyproject.toml",
            "mono/back/app/api/a.py",
            "plain/app/main.py",
            "plain/app/api/a.py",
            "set/back/requirements.txt",
            "set/back/main.py",
        ] {
            fs::create_dir_all(base.join(name).parent().unwrap()).unwrap();
            fs::write(base.join(name), "").unwrap();
        }
        fs::write(base.join("git/.gitignore"), "built/\n").unwrap();
        fs::create_dir_all(base.join("git/built/copy")).unwrap();
        fs::write(base.join("git/built/copy/main.py"), "").unwrap();
        for (named, root) in [
            ("git", "git"),
            ("git/back", "git"),
            ("git/back/app/main.py", "git"),
            // What git ignores is no part of what it has.
            ("git/built/copy", "git/built/copy"),
            ("mono/back/app/api/a.py", "mono"),
            ("mono/back", "mono"),
            ("plain/app/api/a.py", "plain/app"),
            ("plain/app/api", "plain/app"),
            ("plain", "plain"),
            ("set", "set"),
            ("set/back/main.py", "set/back"),
        ] {
            let project = project_of(&base.join(named));
            assert_eq!((project.root, project.is_whole), (base.join(root), true), "{named}");
        }
        assert!(is_top(&base.join("git")) && !is_top(&base.join("git/back")) && !is_top(&base.join("mono/back")));
        fs::remove_dir_all(&base).unwrap();
    }
}
