//! Libraries for tokens, and Starlette, that lock files and manifests name, and in which version.
//!
//! Scanned line by line, like the version of FastAPI.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::manifests::{self, Version};
use crate::text::TextRange;
use crate::vfs::FileId;

/// A package that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its normalised name.
    pub name: &'static str,
    /// The newest version that the file allows; none where that is not bounded.
    pub newest: Option<Version>,
    /// The line that says so.
    pub range: TextRange,
}

/// Packages by the files that name them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages {
    files: BTreeMap<FileId, Named>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    path: SmolStr,
    packages: Vec<Package>,
}

/// Packages that anything is asked of, by the names that distributions have.
const NAMES: &[&str] = &["pyjwt", "python-jose", "authlib", "joserfc", "jwt", "jose", "starlette"];

impl Packages {
    /// Takes over the text of a manifest, or that it is gone. Returns whether that changed anything.
    pub fn set(&mut self, file: FileId, path: &str, text: Option<&str>) -> bool {
        let packages = text.map(|text| read(path, text)).unwrap_or_default();
        if packages.is_empty() {
            return self.files.remove(&file).is_some();
        }
        let named = Named { path: path.into(), packages };
        let same = self.files.get(&file) == Some(&named);
        self.files.insert(file, named);
        !same
    }

    /// Packages of the files that say most of their folder.
    pub fn decisive(&self) -> impl Iterator<Item = (FileId, &Package)> {
        let says_more = |a: &Named, b: &Named| {
            manifests::folder(&a.path) == manifests::folder(&b.path)
                && manifests::rank(&a.path) > manifests::rank(&b.path)
        };
        let all = self.files.iter().flat_map(|(file, named)| named.packages.iter().map(move |one| (*file, named, one)));
        let decides = move |(_, named, package): &(FileId, &Named, &Package)| {
            !self
                .files
                .values()
                .any(|other| says_more(other, named) && other.packages.iter().any(|other| other.name == package.name))
        };
        all.filter(decides).map(|(file, _, package)| (file, package))
    }

    /// Whether a file of the folder of a manifest names a package.
    pub fn names_beside(&self, manifest: &str, package: &str) -> bool {
        let beside = |named: &&Named| manifests::folder(&named.path) == manifests::folder(manifest);
        self.files.values().filter(beside).any(|named| named.packages.iter().any(|one| one.name == package))
    }

    /// The newest version of a package that a source file may run with: what
    /// the nearest folder above it says.
    pub fn newest(&self, path: &str, package: &str) -> Option<Version> {
        let above = |named: &&Named| path.starts_with(manifests::folder(&named.path));
        let named = self.files.values().filter(above).filter_map(|named| {
            let found = named.packages.iter().find(|found| found.name == package)?;
            Some((manifests::folder(&named.path).len(), manifests::rank(&named.path), found.newest?))
        });
        named.max().map(|(_, _, version)| version)
    }
}

/// The packages that a manifest names.
fn read(path: &str, text: &str) -> Vec<Package> {
    let Some(rank) = manifests::rank(path) else { return Vec::new() };
    let mut packages = Vec::new();
    let mut locked: Option<&'static str> = None;
    let mut start = 0u32;
    let mut describes = false;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let indent = (line.len() - line.trim_start().len()) as u32;
        let range = TextRange { start: start + indent, end: start + indent + trimmed.len() as u32 };
        start += line.len() as u32;
        if rank == 3 {
            if let Some(name) = locked_name(trimmed) {
                locked = NAMES.iter().copied().find(|known| *known == name);
            } else if let Some(name) = locked
                && let Some(version) = locked_version(trimmed)
            {
                packages.push(Package { name, newest: manifests::parse(version), range });
                locked = None;
            }
            continue;
        }
        // What a project says of itself, `keywords = ["jwt"]`, asks for nothing.
        describes |= rank != 2 && ["keywords", "classifiers"].iter().any(|list| assigns(trimmed, list));
        if describes {
            describes = !trimmed.contains(']');
            continue;
        }
        let found = NAMES.iter().find_map(|name| {
            let spelled = manifests::required(trimmed, name)
                .or_else(|| name.contains('-').then(|| manifests::required(trimmed, &name.replace('-', "_")))?)?;
            Some((*name, spelled))
        });
        // A line of a project file that only begins with the name is a setting of something else.
        if let Some((name, newest)) = found
            && (rank == 2 || trimmed.starts_with(['"', '\'']) || (name.len() > 4 && trimmed.contains(['"', '\''])))
        {
            packages.push(Package { name, newest, range });
        }
    }
    packages
}

/// Whether a line of TOML gives a name its value.
fn assigns(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// `name = "pyjwt"`, or the entry `"pyjwt": {` of `Pipfile.lock`.
fn locked_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"'));
    name.or_else(|| line.strip_prefix('"')?.strip_suffix("\": {"))
}

fn locked_version(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("version = \"").or_else(|| line.strip_prefix("\"version\": \"=="))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_projects_write() {
        type Case = (&'static str, &'static str, &'static [(&'static str, Option<(u32, u32, u32)>)]);
        let cases: &[Case] = &[
            ("/p/requirements.txt", "fastapi\nPyJWT[crypto]==2.3.0\n", &[("pyjwt", Some((2, 3, 0)))]),
            (
                "/p/requirements.txt",
                "python-jose[cryptography]==3.3.0\nPyJWT",
                &[("python-jose", Some((3, 3, 0))), ("pyjwt", None)],
            ),
            ("/p/requirements.txt", "python_jose<3.4.0", &[("python-jose", Some((3, 3, u32::MAX)))]),
            ("/p/requirements.txt", "jwt==1.4.0\njwt-extra", &[("jwt", Some((1, 4, 0)))]),
            ("/p/requirements.txt", "fastapi-jwt-auth==1.0\npyjwtx==1\n", &[]),
            ("/p/pyproject.toml", "[project]\ndependencies = [\n  \"pyjwt>=2.8\",\n]", &[("pyjwt", None)]),
            ("/p/pyproject.toml", "[tool.poetry]\npyjwt = \"2.1.0\"\njwt = true\n", &[("pyjwt", Some((2, 1, 0)))]),
            ("/p/uv.lock", "[[package]]\nname = \"pyjwt\"\nversion = \"2.3.0\"\n", &[("pyjwt", Some((2, 3, 0)))]),
            (
                "/p/uv.lock",
                "[[package]]\nname = \"x\"\nversion = \"1\"\ndependencies = [\n  { name = \"pyjwt\" },\n]\n",
                &[],
            ),
            (
                "/p/pyproject.toml",
                "[project]\nkeywords = [\n  \"jwt\",\n]\ndependencies = [\n  \"pyjwt<2.4\",\n]\nclassifiers = [\"jose\"]\n",
                &[("pyjwt", Some((2, 3, u32::MAX)))],
            ),
            ("/p/notes.txt", "pyjwt==2.3.0", &[]),
        ];
        for (path, text, want) in cases {
            let read = read(path, text);
            let got: Vec<_> = read.iter().map(|one| (one.name, one.newest.map(|v| (v.0, v.1, v.2)))).collect();
            assert_eq!(got, *want, "{path}: {text}");
            for one in &read {
                assert!(!text[one.range.start as usize..one.range.end as usize].contains('\n'), "{text}");
            }
        }
    }

    #[test]
    fn the_lock_file_of_a_folder_decides() {
        let mut packages = Packages::default();
        assert!(packages.set(FileId(1), "/p/requirements.txt", Some("pyjwt==2.3.0")));
        assert!(packages.set(FileId(2), "/p/uv.lock", Some("name = \"pyjwt\"\nversion = \"2.14.0\"")));
        assert!(!packages.set(FileId(3), "/p/q/requirements.txt", Some("fastapi")));
        let decisive: Vec<FileId> = packages.decisive().map(|(file, _)| file).collect();
        assert_eq!(decisive, [FileId(2)]);
        assert_eq!(packages.newest("/p/q/main.py", "pyjwt"), Some(Version(2, 14, 0)));
        assert_eq!(packages.newest("/other/main.py", "pyjwt"), None);
        assert!(packages.set(FileId(2), "/p/uv.lock", None));
        assert_eq!(packages.decisive().count(), 1);
    }
}
