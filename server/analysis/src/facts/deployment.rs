//! Variables that files of Docker Compose, manifests of Kubernetes and values of
//! Helm charts give to services.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::environment::{Looks, Variable, When, assigned, is_name};
use super::yaml::{Node, each_document};
use crate::text::{LineIndex, TextRange};

/// Folders of manifests.
const FOLDERS: &[&str] = &["k8s", "kubernetes", "kube", "manifests", "deploy", "deployment", "deployments", "overlays"];

/// Folders of Helm charts.
const CHARTS: &[&str] = &["helm", "charts", "chart"];

/// Whether a path is one at which a manifest may stand.
pub(super) fn is_manifest(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let has = |wanted: &[&str]| folder.split('/').any(|part| wanted.contains(&part));
    name.to_ascii_lowercase().contains("secret") || has(FOLDERS) || has(&["templates"]) && has(CHARTS)
}

/// Whether a path is one at which values for a Helm chart stand.
pub(super) fn is_values(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = name.to_ascii_lowercase();
    // Helm's own name for them, whatever the chart's folder is called.
    let is_own = name.strip_prefix("values").is_some_and(|rest| rest.starts_with(['.', '-', '_']));
    let says_so = name.starts_with("values") || name.starts_with("override") || name.contains("secret");
    let mut parts = folder.split('/');
    (is_own || says_so && parts.clone().any(|part| CHARTS.contains(&part))) && !parts.any(|part| part == "templates")
}

/// Whether a path is one of what templates of a chart have in common: `templates/_helpers.tpl`.
pub(super) fn is_helper(path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    path.ends_with(".tpl") && folder.split('/').any(|part| part == "templates")
}

/// Whether a folder is one of a chart all templates of which are read.
pub fn is_chart(folder: &str) -> bool {
    folder.split('/').any(|part| CHARTS.contains(&part))
}

/// What a template asks of the values of its chart, by the way to each: `backend.env` of `.Values.backend.env`. Nothing
/// for all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedValues {
    /// Those that it puts somewhere.
    pub given_on: Vec<SmolStr>,
    /// Those that only name another object of the cluster: `secretKeyRef: {name: …}`.
    pub names: Vec<SmolStr>,
}

/// The values that a template asks for.
pub(super) fn asked_values(text: &str) -> AskedValues {
    let of_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let mut asked = AskedValues::default();
    for line in text.lines() {
        let key = line.trim_start().trim_start_matches("- ");
        let names = ["name:", "secretName:", "existingSecret:"].iter().any(|name| key.starts_with(name));
        let list = if names { &mut asked.names } else { &mut asked.given_on };
        list.extend(line.split(".Values").skip(1).map(|rest| {
            let end = rest.find(|letter| !of_name(letter)).unwrap_or(rest.len());
            SmolStr::new(rest[..end].trim_matches('.'))
        }));
    }
    for list in [&mut asked.given_on, &mut asked.names] {
        list.sort_unstable();
        list.dedup();
    }
    asked
}

/// What the values of a chart hold, by the names that templates give variables:
/// `jwtSecret` stands for `JWT_SECRET`.
pub(super) fn values(text: &str) -> Vec<Variable> {
    if text.contains("kind:") && text.contains("apiVersion:") {
        return manifest(text);
    }
    let mut found = Reading::new(text);
    each_document(text, &mut |root| {
        let mut pending = vec![(&root, false, SmolStr::default())];
        while let Some((node, to_frontend, outer)) = pending.pop() {
            found.to_frontend = to_frontend;
            for (name, line, value) in node.entries() {
                let way = if outer.is_empty() { name.clone() } else { SmolStr::new(format!("{outer}.{name}")) };
                if let Some(value) = value.text() {
                    let plain = encoded_text(value);
                    found.way = way.clone();
                    found.add_as(name, &variable_of(name), *line, plain.as_deref().unwrap_or(value));
                }
                pending.push((value, to_frontend || is_frontend(name), way));
            }
        }
        true
    });
    found.variables
}

/// Whether a part of a chart or a service is called a frontend.
fn is_frontend(name: &str) -> bool {
    name.to_ascii_lowercase().contains("frontend")
}

/// The variable that a key in camel case is for.
fn variable_of(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 4);
    let mut lower = false;
    for character in key.chars() {
        if character.is_ascii_uppercase() && lower {
            name.push('_');
        }
        lower = character.is_ascii_lowercase() || character.is_ascii_digit();
        name.push(character.to_ascii_uppercase());
    }
    name.replace(['-', '.'], "_")
}

/// The variables of the services of a compose file.
pub(super) fn compose(text: &str) -> Vec<Variable> {
    let mut found = Reading::new(text);
    each_document(text, &mut |root| {
        let services = root.get("services").map(|(_, services)| services.entries()).unwrap_or_default();
        // `x-common: &common` holds what services share.
        let shared = root.entries().iter().filter(|(name, ..)| name.starts_with("x-"));
        for (name, line, service) in services.iter().chain(shared) {
            found.to_frontend = is_frontend(name);
            let (line, environment) = service.get("environment").unwrap_or((*line, service));
            for (name, line, value) in environment.entries() {
                if let Some(value) = value.text() {
                    found.add(name, *line, value);
                }
            }
            for item in environment.items().iter().filter_map(Node::text) {
                if let Some((name, value)) = item.split_once('=') {
                    found.add(name.trim(), line, value.trim());
                }
            }
        }
        true
    });
    found.variables
}

/// The variables that manifests hold: of secrets, of maps of settings, and of containers.
pub(super) fn manifest(text: &str) -> Vec<Variable> {
    let mut found = Reading::new(text);
    if !text.contains("kind:") {
        return found.variables;
    }
    each_document(&without_templates(text), &mut |root| {
        let kind = root.get("kind").and_then(|(_, kind)| kind.text()).unwrap_or_default();
        let sections: &[(&str, bool)] = match kind {
            "Secret" => &[("data", true), ("stringData", false)],
            "ConfigMap" => &[("data", false)],
            _ => &[],
        };
        for (section, is_encoded) in sections {
            let entries = root.get(section).map(|(_, section)| section.entries()).unwrap_or_default();
            for (name, line, value) in entries {
                let value = match value.text() {
                    Some(value) if *is_encoded && !value.contains("{{") => decoded(value).unwrap_or_default(),
                    Some(value) => value.to_owned(),
                    None => continue,
                };
                found.add(name, *line, &value);
            }
        }
        containers(&root, &mut found);
        true
    });
    found.variables
}

/// A template of Helm as YAML with as many lines: what it puts in is a text, and what it decides is left out.
fn without_templates(text: &str) -> Cow<'_, str> {
    if !text.contains("{{") {
        return Cow::Borrowed(text);
    }
    let line = |line: &str| {
        let trimmed = line.trim();
        if trimmed.starts_with("{{") {
            return String::new();
        }
        match line.split_once(": {{").filter(|_| trimmed.ends_with("}}")) {
            Some((before, rest)) => format!("{before}: '{{{{{}'", rest.trim_end().replace('\'', "''")),
            None => line.to_owned(),
        }
    };
    Cow::Owned(text.split('\n').map(line).collect::<Vec<_>>().join("\n"))
}

/// `env: [{name: …, value: …}]`, wherever it stands.
fn containers(root: &Node, found: &mut Reading<'_>) {
    let mut pending = vec![root];
    while let Some(node) = pending.pop() {
        for (key, line, value) in node.entries() {
            if key == "env" {
                for item in value.items() {
                    let name = item.get("name").and_then(|(line, name)| Some((line, name.text()?)));
                    let value = item.get("value").and_then(|(_, value)| value.text());
                    if let (Some((at, name)), Some(value)) = (name, value) {
                        found.add(name, at.max(*line), value);
                    }
                }
            }
            pending.push(value);
        }
        pending.extend(node.items());
    }
}

/// What was found in a text.
struct Reading<'t> {
    text: &'t str,
    lines: LineIndex,
    variables: Vec<Variable>,
    /// Whether what comes next is for a frontend.
    to_frontend: bool,
    /// The way to what comes next, in the values of a chart.
    way: SmolStr,
}

impl<'t> Reading<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, lines: LineIndex::new(text), variables: Vec::new(), to_frontend: false, way: SmolStr::default() }
    }

    /// Adds a variable that is named on that line or on one after it.
    fn add(&mut self, name: &str, line: usize, value: &str) {
        // Keys of secrets are spelled as files are, too: `better-auth-secret`.
        self.add_as(name, &name.replace(['-', '.'], "_"), line, value);
    }

    /// The same for a variable that is spelled otherwise there.
    fn add_as(&mut self, name: &str, variable: &str, line: usize, value: &str) {
        if let Some((asked, default)) = templated(value) {
            return self.add_when(name, variable, line, default, When::Unset(asked.into()));
        }
        let (value, when) = match value.strip_prefix("${").and_then(|inner| inner.strip_suffix('}')) {
            Some(inner) => match default_of(inner) {
                Some((asked, default)) => (default, When::Unset(SmolStr::new(asked))),
                None => return,
            },
            None => (value, When::Always),
        };
        self.add_when(name, variable, line, value, when);
    }

    fn add_when(&mut self, name: &str, variable: &str, line: usize, value: &str, when: When) {
        let Some(mut value) = assigned(value).filter(|_| is_name(variable)) else { return };
        if when == When::Always && value.looks == Looks::Placeholder && self.is_to_be_filled_in(line) {
            value.looks = Looks::Blank;
        }
        let from = self.lines.line_range(line.saturating_sub(1) as u32, self.text).start as usize;
        let Some(offset) = self.text.get(from..).and_then(|rest| rest.find(name)) else { return };
        let start = (from + offset) as u32;
        let range = TextRange { start, end: start + name.len() as u32 };
        let (to_frontend, way) = (self.to_frontend, self.way.clone());
        self.variables.push(Variable { name: SmolStr::new(variable), range, when, value, to_frontend, way });
    }

    /// Whether a comment above a line, or above what that stands in, tells whoever deploys to fill the values in.
    fn is_to_be_filled_in(&self, line: usize) -> bool {
        let lines: Vec<&str> = self.text.lines().take(line).collect();
        let indent = |line: &str| line.len() - line.trim_start().len();
        let Some((own, above)) = lines.split_last() else { return false };
        let is_comment = |line: &&&str| line.trim_start().starts_with('#');
        let says_so = |above: &[&str]| above.iter().rev().take_while(is_comment).any(|line| asks_to_fill_in(line));
        let outer = above.iter().rposition(|line| {
            let is_key = !line.trim().is_empty() && !line.trim_start().starts_with('#');
            is_key && indent(line) < indent(own)
        });
        says_so(above) || outer.is_some_and(|outer| says_so(&above[..outer]))
    }
}

/// Whether a comment says that values are to be filled in before they are used.
fn asks_to_fill_in(comment: &str) -> bool {
    const FILLED_IN: &[&str] = &["fill in", "fill these in", "fill them in"];
    const CHANGED: &[&str] = &["update", "replace", "change", "set", "edit"];
    let comment = comment.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| comment.contains(word));
    has(FILLED_IN) || has(CHANGED) && has(&["before deploy", "before apply", "before install", "before use"])
}

/// `NAME:-value`, `NAME-value` between the braces of a variable: its name, and what stands in where it is not set, or set to
/// nothing (Compose specification, interpolation). What stands behind `:?` or `:+` is no value of it.
fn default_of(inner: &str) -> Option<(&str, &str)> {
    let end = inner.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')?;
    let (name, rest) = inner.split_at(end);
    rest.strip_prefix(":-").or_else(|| rest.strip_prefix('-')).map(|default| (name, default))
}

/// `{{ .Values.key | default "value" | quote }}`: what is asked for, and what stands in for it.
fn templated(value: &str) -> Option<(&str, &str)> {
    let inner = value.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let (_, rest) = inner.split_once("default \"")?;
    let (default, _) = rest.split_once('"')?;
    let asked = inner.split(|one: char| one.is_whitespace() || matches!(one, '|' | '(' | ')'));
    let asked = asked.into_iter().find(|part| part.starts_with(".Values."))?;
    Some((asked, default))
}

/// Characters of a text that can't be what base64 gives of anything else: of random bytes 3 in 8 are printable.
const SURE: usize = 12;

/// The text that a value stands for which a template puts into the `data` of a secret as it is: in base64, by what comes
/// out of it.
fn encoded_text(value: &str) -> Option<String> {
    let is_whole = value.len().is_multiple_of(4);
    let text = decoded(value).filter(|_| is_whole)?;
    (text.len() >= SURE && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')).then_some(text)
}

/// The text that a value in base64 stands for.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in value.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    String::from_utf8(bytes).ok().map(|text| text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, variables: &[Variable]) -> Vec<(String, When, Looks, u32)> {
        let shown = |one: &Variable| {
            let line = text[..one.range.start as usize].matches('\n').count() as u32 + 1;
            (one.name.to_string(), one.when.clone(), one.value.looks, line)
        };
        variables.iter().map(shown).collect()
    }

    #[test]
    fn services_are_given_values_and_defaults() {
        let text = "services:\n  api:\n    environment:\n      - A_KEY=q7f3n5\n      - B_KEY=${B_KEY}\n      - C_KEY=${C_KEY:-r8g4}\n  web:\n    environment:\n      D_KEY: change-me\n      E_KEY: ${E_KEY:?set it - in .env}\n      F_KEY: ${F_KEY-r8g4}\n";
        let wanted = [
            ("A_KEY".to_owned(), When::Always, Looks::Own, 4),
            ("C_KEY".to_owned(), When::Unset("C_KEY".into()), Looks::Own, 6),
            ("D_KEY".to_owned(), When::Always, Looks::Placeholder, 9),
            ("F_KEY".to_owned(), When::Unset("F_KEY".into()), Looks::Own, 11),
        ];
        assert_eq!(shown(text, &compose(text)), wanted);
    }

    #[test]
    fn secrets_and_containers_of_manifests() {
        let text = "kind: Secret\ndata:\n  A_KEY: cTdmM241\n---\nkind: Secret\nstringData:\n  b-key: <set>\n---\nkind: Deployment\nspec:\n  containers:\n    - env:\n        - name: C_KEY\n          value: r8g4\n        - name: D_KEY\n          valueFrom: {}\n";
        let wanted = [
            ("A_KEY".to_owned(), When::Always, Looks::Own, 3),
            ("b_key".to_owned(), When::Always, Looks::Blank, 7),
            ("C_KEY".to_owned(), When::Always, Looks::Own, 13),
        ];
        assert_eq!(shown(text, &manifest(text)), wanted);
        let text = "kind: Secret\ndata:\n  {{- if .Values.on }}\n  A_KEY: {{ .Values.key.a | default \"q7f3n5\" | b64enc | quote }}\n  B_KEY: {{ .Values.key.b | quote }}\n  {{- end }}\n";
        let wanted = [("A_KEY".to_owned(), When::Unset(".Values.key.a".into()), Looks::Own, 4)];
        assert_eq!(shown(text, &manifest(text)), wanted);
        assert_eq!(decoded("cTdmM241").as_deref(), Some("q7f3n5"));
        assert_eq!(encoded_text("cG9zdGdyZXM6Ly9h").as_deref(), Some("postgres://a"));
        assert_eq!(encoded_text("cTdmM241"), None);
        assert_eq!(encoded_text("changemechangeme"), None);
        assert_eq!(decoded("{{ value }}"), None);
    }
}
