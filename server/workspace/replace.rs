//! Writing several files as one step.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::encoding::{self, Encoding};

/// A file's new content, and what it is known to hold until then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replacement<'r> {
    /// Absolute path.
    pub(crate) path: &'r str,
    /// What was read from it; `None` for a file that is to be made.
    pub(crate) old: Option<&'r str>,
    /// What it is to hold.
    pub(crate) new: &'r str,
}

/// A new content that waits beside its file.
struct Prepared {
    temporary: PathBuf,
    target: PathBuf,
    /// How the file is written.
    encoding: Encoding,
}

/// Replaces all files, or none: nothing is written when one of them changed
/// since it was read, or can't be written. A reader sees an old text or the
/// new one, never a part. Permissions stay as they are.
pub(crate) fn replace_all(replacements: &[Replacement<'_>]) -> Result<(), String> {
    let mut prepared = Vec::new();
    let result = prepare_all(replacements, &mut prepared).and_then(|()| put_all(replacements, &prepared));
    for Prepared { temporary, .. } in &prepared {
        // Those that were renamed are gone; the error that matters is the one above.
        let _ = fs::remove_file(temporary);
    }
    result
}

fn prepare_all(replacements: &[Replacement<'_>], prepared: &mut Vec<Prepared>) -> Result<(), String> {
    for (index, replacement) in replacements.iter().enumerate() {
        let mut encoding = Encoding::Utf8;
        let failed = |error: io::Error| format!("can't write {}: {}", replacement.path, plain(&error));
        let target = match replacement.old {
            Some(old) => {
                let target = fs::canonicalize(replacement.path).map_err(failed)?;
                let bytes = fs::read(&target).map_err(failed)?;
                match encoding::decode(bytes, replacement.path.ends_with(".py")) {
                    Some((text, its)) if text == old => encoding = its,
                    _ => {
                        return Err(format!(
                            "{} changed while it was being fixed; nothing was written",
                            replacement.path
                        ));
                    }
                }
                // A file that may not be written is not replaced either.
                OpenOptions::new().write(true).open(&target).map_err(failed)?;
                target
            }
            None if fs::symlink_metadata(replacement.path).is_ok() => {
                return Err(format!("{} exists already; nothing was written", replacement.path));
            }
            None => PathBuf::from(replacement.path),
        };
        let folder = target.parent().unwrap_or(Path::new("."));
        let temporary = folder.join(format!(".authlens-{}-{index}", std::process::id()));
        prepared.push(Prepared { temporary: temporary.clone(), target: target.clone(), encoding });
        let Some(new) = encoding::encode(replacement.new, encoding) else {
            return Err(format!(
                "{}: its encoding lacks a character of the fix; nothing was written",
                replacement.path
            ));
        };
        let write = || {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(&new)?;
            file.sync_all()?;
            match replacement.old {
                Some(_) => fs::set_permissions(&temporary, fs::metadata(&target)?.permissions()),
                None => Ok(()),
            }
        };
        write().map_err(failed)?;
    }
    Ok(())
}

fn put_all(replacements: &[Replacement<'_>], prepared: &[Prepared]) -> Result<(), String> {
    for (at, one) in prepared.iter().enumerate() {
        let Err(error) = fs::rename(&one.temporary, &one.target) else { continue };
        // Renaming within a folder that was just written to hardly fails; if it
        // does, what was renamed before gets its old text back.
        for (done, replacement) in prepared.iter().zip(replacements).take(at) {
            let _ = match replacement.old {
                Some(old) => fs::write(&done.target, encoding::encode(old, done.encoding).unwrap_or_default()),
                None => fs::remove_file(&done.target),
            };
        }
        return Err(format!("can't write {}: {}", replacements[at].path, plain(&error)));
    }
    Ok(())
}

/// An operating-system error without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("authlens-replace-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn all_or_nothing() {
        let folder = folder("all");
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let (a, b, new, nowhere) = (path("a.py"), path("b.py"), path("c.py"), path("none/d.py"));
        fs::write(&a, "a\n").unwrap();
        fs::write(&b, "b\n").unwrap();
        let one = |path, old, new| Replacement { path, old, new };
        let failing = [
            // The second changed, exists, is in no folder, or is gone.
            [one(&*a, Some("a\n"), "A\n"), one(&*b, Some("other\n"), "B\n")],
            [one(&*a, Some("a\n"), "A\n"), one(&*b, None, "B\n")],
            [one(&*a, Some("a\n"), "A\n"), one(&*nowhere, None, "D\n")],
            [one(&*new, None, "C\n"), one(&*nowhere, Some("x"), "D\n")],
        ];
        for replacements in failing {
            let error = replace_all(&replacements).unwrap_err();
            assert_eq!(error.lines().count(), 1, "{error}");
            assert_eq!(names(&folder), ["a.py", "b.py"], "{error}");
            assert_eq!(fs::read_to_string(&a).unwrap(), "a\n");
        }
        replace_all(&[one(&*a, Some("a\n"), "A\n"), one(&*new, None, "C\n")]).unwrap();
        assert_eq!(names(&folder), ["a.py", "b.py", "c.py"]);
        assert_eq!(fs::read_to_string(&a).unwrap(), "A\n");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = folder("mode");
        let (file, link) = (folder.join("a.py"), folder.join("link.py"));
        fs::write(&file, "a").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(&file, &link).unwrap();
        replace_all(&[Replacement { path: &link.to_string_lossy(), old: Some("a"), new: "b" }]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "b");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o755);
        fs::remove_dir_all(&folder).unwrap();
    }
}
