//! `authlens.toml`, and `[tool.authlens]` in `pyproject.toml`: the user's own
//! words about what must be guarded. See `specs/formats/configuration.md`.

use smol_str::SmolStr;
use toml_span::value::{Key, Table, Value};

use crate::text::TextRange;

/// Keys at the top, with what they take.
pub const KEYS: &[&str] = &["exclude", "owner-names", "ownership-status", "protect", "public", "rules", "sinks"];
/// Keys of a `[[public]]` entry.
pub const PUBLIC_KEYS: &[&str] = &["methods", "path", "reason"];
/// What a rule can be set to.
pub const LEVELS: &[&str] = &["error", "hint", "info", "off", "warning"];
/// Methods that an entry can name.
pub const METHODS: &[&str] = &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "WEBSOCKET"];

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub range: TextRange,
}

/// A route that is open on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Public {
    /// Pattern of its path.
    pub path: SmolStr,
    /// Methods; empty for all.
    pub methods: Vec<SmolStr>,
    /// Why it is public.
    pub reason: SmolStr,
    /// Where the entry's path stands.
    pub range: TextRange,
}

/// How loud a rule is to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Level {
    /// Code of the rule, as it is written.
    pub rule: SmolStr,
    /// A severity, or `off`.
    pub level: SmolStr,
    /// Where the rule's name stands.
    pub range: TextRange,
}

/// Something that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// Where.
    pub range: TextRange,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// What one file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Configuration {
    /// Patterns of paths whose routes must be guarded.
    pub protect: Vec<Placed<SmolStr>>,
    /// Routes that are open on purpose.
    pub public: Vec<Public>,
    /// Patterns of files that are not judged, seen from the file's folder.
    pub exclude: Vec<SmolStr>,
    /// Levels of rules.
    pub rules: Vec<Level>,
    /// Dotted names of callables that verify, by the user's word.
    pub sinks: Vec<Placed<SmolStr>>,
    /// Names that say whose something is, beside the usual ones.
    pub owner_names: Vec<SmolStr>,
    /// What a caller is to be answered who is not the owner: 403 (Forbidden,
    /// RFC 9110 15.5.4) where nothing is said, or 404, which hides that there is anything.
    pub ownership_status: Option<u16>,
    /// What can't be understood.
    pub problems: Vec<Problem>,
}

/// Reads a configuration file. `None` when a `pyproject.toml` does not speak to authlens.
pub fn read(text: &str, is_pyproject: bool) -> Option<Configuration> {
    let mut configuration = Configuration::default();
    if is_pyproject && !text.contains("authlens") {
        return None;
    }
    match toml_span::parse(text) {
        Err(error) => {
            // Other tools say what is wrong with a `pyproject.toml`.
            if is_pyproject && !text.contains("[tool.authlens") {
                return None;
            }
            let range = within(text, error.span.start, error.span.end);
            configuration.problem(range, format!("this is no TOML: {error}; nothing of this file is used"));
        }
        Ok(root) => {
            let table = match (is_pyproject, root.as_table()) {
                (true, Some(root)) => {
                    let own = root.get("tool").and_then(Value::as_table).and_then(|tool| tool.get("authlens"))?;
                    let Some(table) = own.as_table() else {
                        configuration.wrong_type(own, "tool.authlens", "a table");
                        return Some(configuration);
                    };
                    table
                }
                (false, Some(root)) => root,
                (_, None) => return None,
            };
            configuration.take(table);
        }
    }
    configuration.problems.sort_by_key(|problem| problem.range);
    Some(configuration)
}

/// The range of an error, which the parser may place behind the end or inside a letter.
fn within(text: &str, start: usize, end: usize) -> TextRange {
    let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (start, end) = (boundary(start), boundary(end));
    TextRange::new(start.min(end) as u32, end as u32)
}

fn range(value: &Value<'_>) -> TextRange {
    TextRange::new(value.span.start as u32, value.span.end as u32)
}

fn key_range(key: &Key<'_>) -> TextRange {
    TextRange::new(key.span.start as u32, key.span.end as u32)
}

impl Configuration {
    fn problem(&mut self, range: TextRange, message: String) {
        self.problems.push(Problem { range, message });
    }

    fn wrong_type(&mut self, value: &Value<'_>, key: &str, wanted: &str) {
        self.problem(range(value), format!("`{key}` must be {wanted}"));
    }

    fn unknown(&mut self, key: &Key<'_>, known: &[&str], what: &str) {
        let list = known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
        self.problem(key_range(key), format!("there is no {what} `{}`; known are {list}", key.name));
    }

    fn take(&mut self, table: &Table<'_>) {
        for (key, value) in table {
            match &*key.name {
                "protect" => self.protect = self.patterns("protect", value),
                "sinks" => self.sinks = self.names(value),
                "exclude" => {
                    self.exclude = self.strings("exclude", value).into_iter().map(|placed| placed.value).collect();
                }
                "owner-names" => self.owner_names = self.owner_names(value),
                "ownership-status" => match value.as_integer() {
                    Some(status @ (403 | 404)) => self.ownership_status = Some(status as u16),
                    _ => self.wrong_type(value, "ownership-status", "403 or 404"),
                },
                "public" => self.take_public(value),
                "rules" => self.take_rules(value),
                _ => self.unknown(key, KEYS, "setting"),
            }
        }
    }

    fn strings(&mut self, key: &str, value: &Value<'_>) -> Vec<Placed<SmolStr>> {
        let Some(items) = value.as_array() else {
            self.wrong_type(value, key, "a list of strings");
            return Vec::new();
        };
        let mut strings = Vec::new();
        for item in items {
            match item.as_str() {
                Some(text) => strings.push(Placed { value: SmolStr::new(text), range: range(item) }),
                None => self.wrong_type(item, key, "a list of strings"),
            }
        }
        strings
    }

    fn patterns(&mut self, key: &str, value: &Value<'_>) -> Vec<Placed<SmolStr>> {
        let (paths, others): (Vec<_>, Vec<_>) =
            self.strings(key, value).into_iter().partition(|placed| placed.value.starts_with('/'));
        for other in others {
            self.problem(other.range, format!("a pattern of paths begins with `/`: `/{}`", other.value));
        }
        paths
    }

    fn names(&mut self, value: &Value<'_>) -> Vec<Placed<SmolStr>> {
        let is_name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
        let (names, others): (Vec<_>, Vec<_>) = self
            .strings("sinks", value)
            .into_iter()
            .partition(|placed| placed.value.contains('.') && placed.value.split('.').all(is_name));
        for other in others {
            self.problem(other.range, "a sink is a dotted name: `package.module.function`".to_owned());
        }
        names
    }

    fn owner_names(&mut self, value: &Value<'_>) -> Vec<SmolStr> {
        let is_name = |name: &str| {
            !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        let (names, others): (Vec<_>, Vec<_>) = self
            .strings("owner-names", value)
            .into_iter()
            .partition(|placed| !placed.value.is_empty() && is_name(&placed.value));
        for other in others {
            self.problem(other.range, "a name of a column or parameter: `member_id`".to_owned());
        }
        names.into_iter().map(|placed| placed.value).collect()
    }

    fn take_public(&mut self, value: &Value<'_>) {
        let Some(items) = value.as_array() else {
            self.wrong_type(value, "public", "a list of tables: write `[[public]]`");
            return;
        };
        for item in items {
            match item.as_table() {
                Some(table) => self.take_public_entry(item, table),
                None => self.wrong_type(item, "public", "a list of tables with `path` and `reason`"),
            }
        }
    }

    fn take_public_entry(&mut self, entry: &Value<'_>, table: &Table<'_>) {
        let before = self.problems.len();
        let text = |this: &mut Self, key: &str| {
            let value = table.get(key)?;
            let text = value.as_str().map(str::trim);
            if text.is_none() {
                this.wrong_type(value, key, "a string");
            }
            text.map(|text| Placed { value: SmolStr::new(text), range: range(value) })
        };
        let path = text(self, "path");
        let reason = text(self, "reason");
        let mut methods = Vec::new();
        for (key, value) in table {
            match &*key.name {
                "path" | "reason" => {}
                "methods" => {
                    for method in self.strings("methods", value) {
                        let upper = SmolStr::new(method.value.to_ascii_uppercase());
                        if METHODS.contains(&upper.as_str()) {
                            methods.push(upper);
                        } else {
                            self.problem(method.range, format!("there is no method `{}`", method.value));
                        }
                    }
                }
                _ => self.unknown(key, PUBLIC_KEYS, "key of a public route"),
            }
        }
        match &path {
            None if !table.contains_key("path") => {
                self.problem(range(entry), "a public route needs a `path`".to_owned());
            }
            Some(path) if !path.value.starts_with('/') => {
                self.problem(path.range, format!("a path begins with `/`: `/{}`", path.value));
            }
            _ => {}
        }
        if reason.as_ref().is_none_or(|reason| reason.value.is_empty()) {
            let at = path.as_ref().map_or(range(entry), |path| path.range);
            self.problem(at, "a public route needs a `reason`; without one it is not public".to_owned());
        }
        // A half understood entry opens nothing.
        if let (Some(path), Some(reason), true) = (path, reason, self.problems.len() == before) {
            self.public.push(Public { path: path.value, methods, reason: reason.value, range: path.range });
        }
    }

    fn take_rules(&mut self, value: &Value<'_>) {
        let Some(table) = value.as_table() else {
            self.wrong_type(value, "rules", "a table of rules and levels");
            return;
        };
        for (key, value) in table {
            match value.as_str() {
                Some(level) if LEVELS.contains(&level) => {
                    let rule = SmolStr::new(&*key.name);
                    self.rules.push(Level { rule, level: SmolStr::new(level), range: key_range(key) });
                }
                _ => self.wrong_type(value, &key.name, "\"error\", \"warning\", \"info\", \"hint\" or \"off\""),
            }
        }
    }
}

/// Whether a pattern fits a text of segments between slashes: `*` stands for
/// anything within a segment, `**` for any number of segments.
pub fn fits(pattern: &str, text: &str) -> bool {
    let parts = |text: &'_ str| text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (pattern, text) = (parts(pattern), parts(text));
    // Row by row: whether the pattern up to here fits the text up to there.
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for part in &pattern {
        let mut next = vec![false; text.len() + 1];
        if part == "**" {
            let mut reached = false;
            for (at, fits) in row.iter().enumerate() {
                reached |= fits;
                next[at] = reached;
            }
        } else {
            for (at, segment) in text.iter().enumerate() {
                next[at + 1] = row[at] && fits_segment(part, segment);
            }
        }
        row = next;
    }
    row[text.len()]
}

fn fits_segment(pattern: &str, segment: &str) -> bool {
    if pattern.starts_with('{') && segment.starts_with('{') {
        return true;
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| segment.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(previous) = last.replace(part) {
            let previous: &str = previous;
            match rest.find(previous) {
                Some(at) => rest = &rest[at + previous.len()..],
                None => return false,
            }
        }
    }
    match last {
        Some(last) => rest.ends_with(last),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_setting() {
        let text = "protect = [\"/api/**\"]\nexclude = [\"legacy/**\"]\nsinks = [\"app.security.verify\"]\nowner-names = [\"member_id\"]\nownership-status = 404\n\n[rules]\nmissing-auth-dependency = \"warning\"\n\n[[public]]\npath = \"/hooks/*\"\nmethods = [\"post\"]\nreason = \"signed\"\n";
        let read = read(text, false).unwrap();
        assert_eq!(read.problems, []);
        assert_eq!(read.protect[0].value, "/api/**");
        assert_eq!(read.protect[0].range.slice(text), "/api/**");
        assert_eq!(read.public[0].methods, ["POST"]);
        assert_eq!(read.public[0].range.slice(text), "/hooks/*");
        assert_eq!((read.rules[0].rule.as_str(), read.rules[0].level.as_str()), ("missing-auth-dependency", "warning"));
        assert_eq!((read.owner_names[0].as_str(), read.ownership_status), ("member_id", Some(404)));
        assert_eq!((read.exclude[0].as_str(), read.sinks[0].value.as_str()), ("legacy/**", "app.security.verify"));
    }

    #[test]
    fn reads_its_table_of_pyproject_only() {
        assert_eq!(read("[tool.ruff]\nline-length = 1\n", true), None);
        assert_eq!(read("[project]\nname = \"authlens\"\n", true), None);
        let found = read("[tool.ruff]\nx = 1\n[tool.authlens]\nprotect = [\"/api/*\"]\n", true).unwrap();
        assert_eq!((found.protect.len(), found.problems.len()), (1, 0));
    }

    #[test]
    fn tells_what_it_cannot_understand() {
        let cases = [
            ("protects = []", "protects", "there is no setting `protects`"),
            ("protect = \"/api\"", "/api", "must be a list of strings"),
            ("protect = [1]", "1", "must be a list of strings"),
            ("protect = [\"api\"]", "api", "begins with `/`"),
            ("sinks = [\"verify\"]", "verify", "dotted name"),
            ("public = 3", "3", "must be a list of tables"),
            ("[[public]]\npath = \"/a\"", "/a", "needs a `reason`"),
            ("[[public]]\npath = \"/a\"\nreason = \" \"", "/a", "needs a `reason`"),
            ("[[public]]\npath = \"/a\"\nreason = \"b\"\nmethod = \"GET\"", "method", "no key of a public route"),
            ("[[public]]\npath = \"/a\"\nreason = \"b\"\nmethods = [\"FETCH\"]", "FETCH", "no method"),
            ("[rules]\nmissing-auth-dependency = \"loud\"", "loud", "must be"),
            ("rules = []", "[]", "must be a table"),
            ("ownership-status = 401", "401", "must be 403 or 404"),
            ("ownership-status = \"404\"", "404", "must be 403 or 404"),
            ("owner-names = [\"member.id\"]", "member.id", "a name of a column"),
            ("owner-names = \"member_id\"", "member_id", "must be a list of strings"),
        ];
        for (text, place, message) in cases {
            let found = read(text, false).unwrap();
            let problem = found.problems.first().unwrap_or_else(|| panic!("{text}: no problem"));
            assert_eq!(problem.range.slice(text), place, "{text}");
            assert!(problem.message.contains(message), "{text}: {}", problem.message);
            assert!(found.public.is_empty(), "{text}");
        }
        assert!(read("= [", false).unwrap().problems[0].message.contains("no TOML"));
        // Found by fuzzing: the parser counts the letters of a word that it missed.
        assert_eq!(read(",", false).unwrap().problems[0].range, TextRange::new(0, 1));
        assert!(read(&format!("protect = {}", "[".repeat(9_000)), false).is_some());
    }

    #[test]
    fn patterns_fit_whole_paths() {
        let yes = [
            ("/api/**", "/api"),
            ("/api/**", "/api/a/{b}/c"),
            ("/hooks/*", "/hooks/pay"),
            ("/hooks/*", "/hooks/{name}"),
            ("/a/{id}/b", "/a/{other}/b/"),
            ("/v*/a-*-b", "/v2/a-x-b"),
            ("legacy/**", "legacy/app/main.py"),
            ("**/generated/*.py", "a/b/generated/x.py"),
        ];
        for (pattern, path) in yes {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in
            [("/api/*", "/api/a/b"), ("/api", "/api/a"), ("/a/{id}", "/a/b"), ("/a*b", "/axc"), ("/ab*ba", "/aba")]
        {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }
}
