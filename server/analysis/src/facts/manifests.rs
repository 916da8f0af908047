//! Which FastAPI a project runs with, from its lock files and manifests.
//!
//! Only one question is asked of these files, so they are scanned line by line
//! and not parsed: the line that names `fastapi`, and the version beside it.

/// A version of a package: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32, pub u32, pub u32);

impl std::fmt::Display for Version {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.2 {
            u32::MAX => write!(out, "{}.{}", self.0, self.1),
            patch => write!(out, "{}.{}.{patch}", self.0, self.1),
        }
    }
}

/// What one file says of FastAPI's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned {
    /// The newest version that it allows.
    pub version: Version,
    /// A lock file says more than requirements, these more than a project file.
    pub rank: u8,
}

/// How much the name of a file promises: `None` when it is no manifest.
pub fn rank(path: &str) -> Option<u8> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "uv.lock" | "poetry.lock" | "pdm.lock" | "Pipfile.lock" => Some(3),
        "pyproject.toml" | "Pipfile" => Some(1),
        _ if !name.ends_with(".txt") => None,
        _ if name.starts_with("requirements") || folder.ends_with("/requirements") => Some(2),
        _ => None,
    }
}

/// The folder for which a manifest speaks.
pub fn folder(path: &str) -> &str {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    folder.strip_suffix("/requirements").filter(|_| path.ends_with(".txt")).unwrap_or(folder)
}

/// The newest FastAPI that a manifest allows, when it names an upper bound.
pub fn read(path: &str, text: &str) -> Option<Pinned> {
    let rank = rank(path)?;
    let version = if rank == 3 { locked(text) } else { text.lines().find_map(|line| required(line, "fastapi")?) };
    version.map(|version| Pinned { version, rank })
}

/// `name = "fastapi"` with the `version = "…"` below it, or the entry of `Pipfile.lock`.
fn locked(text: &str) -> Option<Version> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| matches!(*line, "name = \"fastapi\"" | "\"fastapi\": {"))?;
    let version = lines.take(60).take_while(|line| !line.starts_with("[[")).find_map(|line| {
        let rest = line.strip_prefix("version = \"").or_else(|| line.strip_prefix("\"version\": \"=="))?;
        rest.split('"').next()
    });
    parse(version?)
}

/// The newest version that a line of requirements or of a project file allows
/// of a package; nothing where it asks for another one.
pub(super) fn required(line: &str, package: &str) -> Option<Option<Version>> {
    let line = line.split(" #").next().unwrap_or(line).trim();
    let line = line.trim_start_matches(['"', '\'']);
    let name = line.get(..package.len()).filter(|name| name.eq_ignore_ascii_case(package))?;
    let rest = &line[name.len()..];
    // `fastapi-users` is another package.
    if rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return None;
    }
    let rest = match rest.trim_start().strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or("", |(_, rest)| rest),
        None => rest,
    };
    let rest = rest.split(';').next().unwrap_or(rest).trim_start().trim_start_matches(['"', '\'']);
    // Poetry: `fastapi = "^0.110"`, `fastapi = { version = "…" }`.
    Some(match rest.trim_start().strip_prefix('=').filter(|rest| !rest.starts_with('=')) {
        Some(value) => {
            let value = value.split_once("version").map_or(value, |(_, value)| value.trim_start_matches([' ', '=']));
            newest(value.trim_start().trim_start_matches(['"', '\'']), true)
        }
        None => newest(rest, false),
    })
}

/// The newest version of a list of bounds; `bare_is_exact` where a version
/// without operator means itself.
fn newest(bounds: &str, bare_is_exact: bool) -> Option<Version> {
    let bounds = bounds.split(['"', '\'', '}', '#']).next().unwrap_or(bounds);
    bounds.split(',').filter_map(|bound| upper_bound(bound.trim(), bare_is_exact)).min()
}

fn upper_bound(bound: &str, bare_is_exact: bool) -> Option<Version> {
    let operator = bound.find(|c: char| c.is_ascii_digit())?;
    let (operator, text) = bound.split_at(operator);
    let version = parse(text)?;
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '*').filter(|part| !part.is_empty()).count();
    match operator.trim() {
        "==" | "===" if text.contains('*') => Some(Version(version.0, version.1, u32::MAX)),
        "==" | "===" | "<=" => Some(version),
        "" if bare_is_exact => Some(version),
        "<" => below(version),
        // Compatible within the last part that is named.
        "~=" | "~" if parts >= 3 => Some(Version(version.0, version.1, u32::MAX)),
        "^" if version.0 == 0 => Some(Version(0, version.1, u32::MAX)),
        _ => None,
    }
}

/// The newest version below another.
fn below(version: Version) -> Option<Version> {
    match version {
        Version(major, minor, patch) if patch > 0 => Some(Version(major, minor, patch - 1)),
        Version(major, minor, _) if minor > 0 => Some(Version(major, minor - 1, u32::MAX)),
        _ => None,
    }
}

pub(crate) fn parse(text: &str) -> Option<Version> {
    let mut parts = text.trim().split('.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse::<u32>().ok()
    });
    let major = parts.next()??;
    Some(Version(major, parts.next().flatten().unwrap_or(0), parts.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_projects_write() {
        type Case = (&'static str, &'static str, Option<(u32, u32, u32)>);
        let cases: &[Case] = &[
            ("/p/requirements.txt", "uvicorn\nfastapi==0.115.0\n", Some((0, 115, 0))),
            ("/p/requirements-dev.txt", "FastAPI[standard] == 0.110.2 ; python_version > '3.8'", Some((0, 110, 2))),
            ("/p/requirements/base.txt", "fastapi~=0.110.0", Some((0, 110, u32::MAX))),
            ("/p/requirements.txt", "fastapi>=0.100", None),
            ("/p/requirements.txt", "fastapi-users==1.0\nfastapi", None),
            ("/p/requirements.txt", "fastapi>=0.100,<0.116.0", Some((0, 115, u32::MAX))),
            ("/p/notes.txt", "fastapi==0.1.0", None),
            ("/p/pyproject.toml", "dependencies = [\n  \"fastapi[standard]<1,>=0.114.2\",\n]", None),
            ("/p/pyproject.toml", "[\n  'fastapi >=0.114.2,<0.115',\n]", Some((0, 114, u32::MAX))),
            ("/p/pyproject.toml", "fastapi = \"^0.104.1\"", Some((0, 104, u32::MAX))),
            ("/p/pyproject.toml", "fastapi = { version = \"0.99.1\", extras = [\"all\"] }", Some((0, 99, 1))),
            ("/p/pyproject.toml", "fastapi = { version = \">=0.99\" }", None),
            ("/p/Pipfile", "fastapi = \"==0.95.2\"", Some((0, 95, 2))),
            (
                "/p/Pipfile.lock",
                "{\"default\": {\n\"fastapi\": {\n\"hashes\": [\n],\n\"version\": \"==0.88.0\"\n}}}",
                Some((0, 88, 0)),
            ),
            ("/p/uv.lock", "[[package]]\nname = \"fastapi\"\nversion = \"0.136.3\"\nsource = {}\n", Some((0, 136, 3))),
            (
                "/p/poetry.lock",
                "[[package]]\nname = \"x\"\nversion = \"1\"\n[[package]]\nname = \"fastapi\"\nversion = \"0.97.0\"",
                Some((0, 97, 0)),
            ),
            ("/p/uv.lock", "[[package]]\nname = \"fastapi\"\n[[package]]\nversion = \"1.0\"", None),
        ];
        for (path, text, want) in cases {
            let got = read(path, text).map(|pinned| pinned.version);
            let want = want.map(|(major, minor, patch)| Version(major, minor, patch));
            assert_eq!(got, want, "{path}: {text}");
        }
        assert_eq!(folder("/p/requirements/base.txt"), "/p");
        assert_eq!(folder("/p/uv.lock"), "/p");
    }
}
