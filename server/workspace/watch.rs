//! Notices changes on disk by looking: clients watch what is in their folders, if anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::{policy_files_above, slashed, source_files};

/// Shortest pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// A look may cost this part of the time: half a percent of one core.
const SHARE: u32 = 200;

/// What tells that a file was written: its time and its length.
type Stamp = (Option<SystemTime>, u64);

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reach {
    /// Source files of the folders, and what is above these.
    #[default]
    All,
    /// Specifications and configurations above the folders.
    Above,
}

/// The source files of folders, as they were when they were last looked at.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    reach: Reach,
    folders: BTreeMap<String, BTreeMap<String, Stamp>>,
}

impl Watch {
    /// Looks that far.
    pub(crate) fn over(reach: Reach) -> Self {
        Self { reach, ..Self::default() }
    }

    /// Paths that came, went or were written since the last look, and how long
    /// to wait before the next one. A folder that is new is only noted: its
    /// files are read by whoever added it.
    pub(crate) fn look(&mut self, roots: &[String]) -> (Vec<String>, Duration) {
        let started = Instant::now();
        self.folders.retain(|root, _| roots.contains(root));
        let mut touched = Vec::new();
        for root in roots {
            let now = stamps(root, self.reach);
            if let Some(before) = self.folders.get(root) {
                let written = now.iter().filter(|(path, stamp)| before.get(*path) != Some(stamp));
                let gone = before.keys().filter(|path| !now.contains_key(*path));
                touched.extend(written.map(|(path, _)| path).chain(gone).cloned());
            }
            self.folders.insert(root.clone(), now);
        }
        touched.sort();
        touched.dedup();
        (touched, PAUSE.max(started.elapsed() * SHARE))
    }
}

fn stamps(root: &str, reach: Reach) -> BTreeMap<String, Stamp> {
    let stamp = |path: &Path| fs::metadata(path).map_or((None, 0), |meta| (meta.modified().ok(), meta.len()));
    let mut files = policy_files_above(Path::new(root));
    if reach == Reach::All {
        files.extend(source_files(Path::new(root)));
    }
    files.iter().map(|path| (slashed(path), stamp(path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_making_and_removing_are_seen() {
        let folder = std::env::temp_dir().join(format!("authlens-watch-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("app")).unwrap();
        let path = |name: &str| slashed(&folder.join(name));
        for name in ["app/a.py", "app/b.py", "c.txt"] {
            fs::write(path(name), "x = 1\n").unwrap();
        }
        let roots = [slashed(&folder)];
        let mut watch = Watch::default();
        assert!(watch.look(&roots).0.is_empty(), "what is there at first is no news");
        assert!(watch.look(&roots).0.is_empty());
        fs::write(path("app/a.py"), "x = 1, 2\n").unwrap();
        fs::remove_file(path("app/b.py")).unwrap();
        fs::write(path("new.py"), "").unwrap();
        fs::write(path("c.txt"), "other\n").unwrap();
        assert_eq!(watch.look(&roots).0, [path("app/a.py"), path("app/b.py"), path("new.py")]);
        assert!(watch.look(&[]).0.is_empty());
        let _ = fs::remove_dir_all(folder);
    }
}
