//! Files that set variables of the environment: `.env` and its kin, and what
//! `deployment` and `image` read. What can be said of a value is kept, and never the value.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use smol_str::SmolStr;

pub use super::deployment::AskedValues;
use super::held::{self, Held};
use super::{deployment, image, private_keys};
use crate::text::TextRange;

/// A variable that a file sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: SmolStr,
    /// The name in the text: a finding there shows no value.
    pub range: TextRange,
    /// When the value counts.
    pub when: When,
    /// What is known of the value.
    pub value: Assigned,
    /// Whether it stands among what a chart or a composition gives to its frontend.
    pub to_frontend: bool,
    /// The way to it in the values of a chart, with dots between the keys; empty elsewhere.
    pub way: SmolStr,
}

/// When a value counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Where this variable is not set outside of the file: `${NAME:-value}`.
    Unset(SmolStr),
}

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned {
    /// Tells whether two values are the same.
    pub fingerprint: u64,
    /// Its length in bytes.
    pub bytes: u32,
    /// What it looks like.
    pub looks: Looks,
    /// What it holds that lets others in, whatever the variable is for.
    pub holds: Option<Held>,
    /// Whether a machine made it, by its characters: nobody types that to show what belongs there.
    pub is_random: bool,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// A value of its own.
    Own,
    /// Nothing but words that people name keys by, or one character over and over.
    Guessable,
    /// Words that ask for a value: `change-me-in-production`.
    Placeholder,
    /// It says that nothing has been filled in: `<secret>`, `REPLACE_ME`.
    Blank,
}

/// What sets variables in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `.env` and its kin.
    Lines,
    /// A file of Docker Compose.
    Compose,
    /// A manifest of Kubernetes.
    Manifest,
    /// Values for the templates of a Helm chart.
    Values,
    /// A Dockerfile.
    Image,
    /// An example of `.env`: of its values only those count that nobody would make up by hand.
    Example,
    /// What Alembic is told, likewise.
    Alembic,
    /// A private key, or what a service gives an application to get in with; it sets nothing: the file itself is the secret.
    Key,
}

/// Parts of names of files that show how others are to be written, or that only tests read.
const EXAMPLES: &[&str] = &[
    "example", "examples", "sample", "samples", "template", "dist", "defaults", "test", "tests", "testing", "e2e", "ci",
];
/// Those of files that only tests read.
const TESTS: &[&str] = &["test", "tests", "testing", "e2e", "ci"];

/// How a path says that a file sets variables; of examples only `.env`'s count.
pub fn form(path: &str) -> Option<Form> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_example = name.split(['.', '-', '_']).any(|part| EXAMPLES.contains(&part.to_ascii_lowercase().as_str()));
    if let Some(rest) = name.strip_prefix(".env") {
        let form = if is_example { Form::Example } else { Form::Lines };
        return (rest.is_empty() || rest.starts_with(['.', '-', '_'])).then_some(form);
    }
    let is_named = name.strip_suffix(".env").is_some_and(|stem| !stem.is_empty());
    if is_named || is_list(name) {
        return Some(if is_example { Form::Example } else { Form::Lines });
    }
    if image::is_dockerfile(path) {
        return (!is_example).then_some(Form::Image);
    }
    if name == "alembic.ini" {
        return Some(Form::Alembic);
    }
    if private_keys::is_named(path) {
        return Some(Form::Key);
    }
    if deployment::is_helper(path) {
        return Some(Form::Manifest);
    }
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    if !is_yaml || is_example {
        return None;
    }
    if name.starts_with("docker-compose") || name.starts_with("compose.") {
        return Some(Form::Compose);
    }
    if deployment::is_values(path) {
        return Some(Form::Values);
    }
    deployment::is_manifest(path).then_some(Form::Manifest)
}

/// Whether a name is one of a text that lists the variables to set, for people to copy: `SPACE_ENV_VARS.txt`.
fn is_list(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let Some(stem) = lower.strip_suffix(".txt") else { return false };
    let words: Vec<&str> = stem.split(['_', '-', '.', ' ']).collect();
    words.windows(2).any(|pair| matches!(pair, ["env", "vars" | "variables"]))
}

/// Whether a path is one of a file that only tests read.
pub fn is_for_tests(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(['.', '-', '_']).any(|part| TESTS.contains(&part.to_ascii_lowercase().as_str()))
}

/// Whether a path is one of a file that sets variables, or shows how.
pub fn sets_variables(path: &str) -> bool {
    form(path).is_some()
}

/// Whether a path is one of a file that may say where requests go: examples too.
pub fn names_addresses(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == ".env" || name.starts_with(".env.")
}

/// Variables that a text sets to an address, each with it: that is no secret.
pub fn addresses(text: &str) -> Vec<(SmolStr, SmolStr)> {
    text.lines().filter_map(address).collect()
}

fn address(line: &str) -> Option<(SmolStr, SmolStr)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let value = value.split(" #").next().unwrap_or(value).trim().trim_matches(['"', '\'']);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && is_address(value)).then(|| (name.into(), value.into()))
}

/// Whether a value is an address, or the path of one, and nothing that lets anybody in.
pub fn is_address(value: &str) -> bool {
    let is_url = value.starts_with("http://") || value.starts_with("https://") || value.starts_with('/');
    // What stands before an `@` is a password; a query may hold a key.
    is_url && !value.contains(['@', '?', '#', '$', '<', ' ', ','])
}

/// The variables that the text of a file of that path sets.
pub fn read(path: &str, text: &str) -> Vec<Variable> {
    match form(path) {
        Some(Form::Lines) => lines(text, &is_name),
        Some(form @ (Form::Example | Form::Alembic)) => {
            // `sqlalchemy.url = …`
            let names = |name: &str| is_name(name) || (form == Form::Alembic && name == "sqlalchemy.url");
            let mut variables = lines(text, &names);
            let is_real = |value: &Assigned| value.holds.is_some() || form == Form::Example && value.is_random;
            variables.retain(|variable| is_real(&variable.value));
            variables
        }
        Some(Form::Compose) => deployment::compose(text),
        Some(Form::Manifest) => deployment::manifest(text),
        Some(Form::Values) => deployment::values(text),
        Some(Form::Image) => image::dockerfile(text),
        Some(Form::Key) => {
            let private = private_keys::begins(text).map(|range| (range, Held::PrivateKey));
            let held = private.or_else(|| private_keys::holds_key(text));
            held.map(|(range, held)| key(text, range, held)).into_iter().collect()
        }
        None => Vec::new(),
    }
}

/// The values of its chart that the text of a file of that path asks for, if it is a template.
pub fn asked_values(path: &str, text: &str) -> AskedValues {
    match form(path) {
        Some(Form::Manifest) => deployment::asked_values(text),
        _ => AskedValues::default(),
    }
}

/// Whether a template asks for a value of its chart, for a part that it stands in, or for a part of it.
pub fn asks_for(asked: &str, way: &str) -> bool {
    let is_in = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || outer.is_empty() || rest.starts_with('.'))
    };
    is_in(way, asked) || is_in(asked, way)
}

/// A file that is a key, or holds one.
fn key(text: &str, range: TextRange, held: Held) -> Variable {
    let value = Assigned {
        fingerprint: fingerprint(text),
        bytes: text.len() as u32,
        looks: Looks::Own,
        holds: Some(held),
        is_random: true,
    };
    Variable { name: SmolStr::default(), range, when: When::Always, value, to_frontend: false, way: SmolStr::default() }
}

fn lines(text: &str, names: &dyn Fn(&str) -> bool) -> Vec<Variable> {
    let mut variables = Vec::new();
    let mut start = 0u32;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len() as u32;
        let trimmed = line.trim();
        let trimmed = trimmed.strip_prefix("export ").unwrap_or(trimmed);
        // `KEY: value`, as lists for people write it.
        let listed = || trimmed.split_once(": ").filter(|(name, _)| is_name(name));
        let Some((name, value)) = listed().or_else(|| trimmed.split_once('=')) else { continue };
        let name = name.trim();
        let value = value.split(" #").next().unwrap_or(value).trim().trim_matches(['"', '\'']);
        let Some(offset) = line.find(name).filter(|_| names(name)) else { continue };
        let Some(value) = assigned(value) else { continue };
        let from = at + offset as u32;
        let range = TextRange { start: from, end: from + name.len() as u32 };
        variables.push(Variable {
            name: name.into(),
            range,
            when: When::Always,
            value,
            to_frontend: false,
            way: SmolStr::default(),
        });
    }
    variables
}

/// Whether a text can be the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What is known of a value, if it is one: not empty, and no other variable.
pub(super) fn assigned(value: &str) -> Option<Assigned> {
    if value.is_empty() || value.starts_with('$') || value.contains("{{") {
        return None;
    }
    Some(Assigned {
        fingerprint: fingerprint(value),
        bytes: value.len() as u32,
        looks: looks(value),
        holds: held::held(value),
        is_random: is_random(value),
    })
}

/// Whether a value is what generators of keys write: 32 characters or more of
/// hexadecimal digits or Base64, of which most kinds occur.
fn is_random(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.bytes().filter(kind).count();
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    let (digits, lower, upper) = (has(u8::is_ascii_digit), has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase));
    let mut kinds: Vec<u8> = value.bytes().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let is_hex = value.bytes().all(|byte| byte.is_ascii_hexdigit()) && digits > 4 && kinds.len() > 9;
    let is_mixed = value.bytes().all(is_base64) && digits > 2 && lower > 7 && upper > 7 && kinds.len() > 19;
    value.len() >= 32 && (is_hex || is_mixed) && looks(value) == Looks::Own
}

/// Tells whether two values are the same.
pub fn fingerprint(value: &str) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

pub(super) fn looks(value: &str) -> Looks {
    const BLANKS: &[&str] = &["<", "replace", "xxx", "todo:", "...", "fill"];
    const ASKING: &[&str] = &["your", "change", "placeholder", "example", "generate", "secret-here"];
    const PLAIN: &[&str] = &[
        "a",
        "admin",
        "api",
        "app",
        "auth",
        "authentication",
        "better",
        "default",
        "demo",
        "dev",
        "development",
        "for",
        "here",
        "in",
        "is",
        "jwt",
        "key",
        "local",
        "long",
        "minimum",
        "my",
        "not",
        "pass",
        "password",
        "private",
        "prod",
        "production",
        "random",
        "s3cret",
        "safe",
        "secret",
        "secretkey",
        "secure",
        "session",
        "signing",
        "string",
        "super",
        "supersecret",
        "supersecretkey",
        "test",
        "testing",
        "the",
        "this",
        "todo",
        "token",
        "very",
    ];
    let lower = value.to_ascii_lowercase();
    let first = value.bytes().next();
    if BLANKS.iter().any(|word| lower.contains(word)) {
        return Looks::Blank;
    }
    if ASKING.iter().any(|word| lower.contains(word)) {
        return Looks::Placeholder;
    }
    let mut words = lower.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    // Digits count up, and years stand behind words.
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_plain =
        words.all(|word| PLAIN.contains(&word)) && (digits == value.len() || digits <= 4 || lower.contains("12345"));
    if is_plain || value.bytes().all(|byte| Some(byte) == first) {
        return Looks::Guessable;
    }
    Looks::Own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_what_is_nobodys_business() {
        let text =
            "A=http://localhost:8000/api\nB=/api # same origin\nC=s3cret\nD=https://u:p@host/\nE=https://h/?key=1\n";
        let found = addresses(text);
        assert_eq!(found, [("A".into(), "http://localhost:8000/api".into()), ("B".into(), "/api".into())]);
        let paths = ["/p/.env", "/p/.env.example", "/p/.env.local", "/p/.envrc"];
        assert_eq!(paths.map(names_addresses), [true, true, true, false]);
    }

    #[test]
    fn keys_that_a_machine_made_are_told_by_their_characters() {
        let made = [
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "x8Kd0QzV3mB7nL2pR5tW9yA1cE4gJ6uH0iO8sF3",
            "k3J9+fQ2Lr8sT0vXyZ1aB4cD6eG7hIoPqRsTuVwXyZA=",
        ];
        for value in made {
            assert!(is_random(value), "{value}");
        }
        let written = [
            "your-secret-key-at-least-32-characters-long",
            "01234567890123456789012345678901",
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ",
            "MyVerySecretKeyForDevelopmentOnly2024",
            "changeme",
        ];
        for value in written {
            assert!(!is_random(value), "{value}");
        }
    }

    #[test]
    fn values_are_told_from_what_stands_for_them() {
        let text = "# KEY=abc\nA_KEY=q7f3\r\nexport B=\"r9\" # mine\nC=\nD=${A_KEY}\nE=your-secret\nF = 5\nnot a line\nG=<set me>\nH=qdevtest7\nI=my-super-secret-key-2024\n";
        let read = read("/p/.env", text);
        let names: Vec<(&str, Looks)> = read.iter().map(|one| (one.name.as_str(), one.value.looks)).collect();
        let wanted = [
            ("A_KEY", Looks::Own),
            ("B", Looks::Own),
            ("E", Looks::Placeholder),
            ("F", Looks::Guessable),
            ("G", Looks::Blank),
            ("H", Looks::Own),
            ("I", Looks::Guessable),
        ];
        assert_eq!(names, wanted);
        for one in &read {
            assert_eq!(&text[one.range.start as usize..one.range.end as usize], one.name);
        }
    }

    #[test]
    fn forms_go_by_path() {
        let cases = [
            ("/p/.env", Some(Form::Lines)),
            ("/p/.env.local", Some(Form::Lines)),
            ("/p/.env.example", Some(Form::Example)),
            ("/p/.env.local.example", Some(Form::Example)),
            ("/p/.env.testing", Some(Form::Example)),
            ("/p/backend/alembic.ini", Some(Form::Alembic)),
            ("/p/.environment", None),
            ("/p/conf/api.env", Some(Form::Lines)),
            ("/p/template.env", Some(Form::Example)),
            ("/p/SPACE_ENV_VARS.txt", Some(Form::Lines)),
            ("/p/python_environment.txt", None),
            ("/p/a.environ", None),
            ("/p/docker-compose.prod.yml", Some(Form::Compose)),
            ("/p/compose.yaml", Some(Form::Compose)),
            ("/p/docker-compose.test.yml", None),
            ("/p/composer.yaml", None),
            ("/p/k8s/backend.yaml", Some(Form::Manifest)),
            ("/p/app-secrets.yaml", Some(Form::Manifest)),
            ("/p/helm/values-prod.yaml", Some(Form::Values)),
            ("/p/charts/app/override.yaml", Some(Form::Values)),
            ("/p/todo-chat/values.yaml", Some(Form::Values)),
            ("/p/todo-chat/valuesets.yaml", None),
            ("/p/todo-chat/override.yaml", None),
            ("/p/helm/app/templates/secrets.yaml", Some(Form::Manifest)),
            ("/p/k8s/secret.example.yaml", None),
            ("/p/docs/openapi.yaml", None),
            ("/p/.env-production", Some(Form::Lines)),
            ("/p/.env_example", Some(Form::Example)),
            ("/p/.envrc", None),
            ("/p/Dockerfile", Some(Form::Image)),
            ("/p/backend/Dockerfile.prod", Some(Form::Image)),
            ("/p/Dockerfile.test", None),
            ("/p/helm/app/templates/deployment.yaml", Some(Form::Manifest)),
            ("/p/web/templates/deployment.yaml", None),
        ];
        for (path, wanted) in cases {
            assert_eq!(form(path), wanted, "{path}");
        }
    }
}
