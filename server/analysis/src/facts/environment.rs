//! Files that set variables of the environment: `.env` and its kin. Which
//! variables have a value of their own, and never the value.

use smol_str::SmolStr;

use crate::text::TextRange;

/// A variable with a value of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: SmolStr,
    /// The name in the text: a finding there shows no value.
    pub range: TextRange,
}

/// Whether a path is one of a file that sets variables, and no example of one.
pub fn sets_variables(path: &str) -> bool {
    const EXAMPLES: &[&str] = &["example", "sample", "template", "dist", "defaults", "test", "ci"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let rest = match name.strip_prefix(".env") {
        Some("") => return true,
        Some(rest) => rest,
        None => return false,
    };
    rest.starts_with('.') && !rest.split('.').any(|part| EXAMPLES.contains(&part))
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

/// A text without the lines that set something else than an address: what is
/// not committed stays with its owner.
pub fn withheld(text: &str) -> String {
    text.lines().filter(|line| address(line).is_some()).flat_map(|line| [line, "\n"]).collect()
}

fn address(line: &str) -> Option<(SmolStr, SmolStr)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let value = value.split(" #").next().unwrap_or(value).trim().trim_matches(['"', '\'']);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_url = value.starts_with("http://") || value.starts_with("https://") || value.starts_with('/');
    // What stands before an `@` is a password; a query may hold a key.
    let is_plain = !value.contains(['@', '?', '#', '$', '<', ' ', ',']);
    (is_name && is_url && is_plain).then(|| (name.into(), value.into()))
}

/// The variables that a text gives a value of their own.
pub fn read(text: &str) -> Vec<Variable> {
    let mut variables = Vec::new();
    let mut start = 0u32;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len() as u32;
        let trimmed = line.trim();
        let trimmed = trimmed.strip_prefix("export ").unwrap_or(trimmed);
        let Some((name, value)) = trimmed.split_once('=') else { continue };
        let name = name.trim();
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let Some(offset) = line.find(name).filter(|_| is_name && has_value(value)) else { continue };
        let from = at + offset as u32;
        variables.push(Variable { name: name.into(), range: TextRange { start: from, end: from + name.len() as u32 } });
    }
    variables
}

/// Whether a value is one: not empty, no other variable, and no words that ask
/// for a value.
fn has_value(value: &str) -> bool {
    let value = value.split(" #").next().unwrap_or(value).trim().trim_matches(['"', '\'']);
    let lower = value.to_ascii_lowercase();
    let asks = ["your", "change", "replace", "placeholder", "example", "xxx", "todo", "<", "generate", "secret-here"];
    !value.is_empty() && !value.starts_with('$') && !asks.iter().any(|word| lower.contains(word))
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
        assert_eq!(withheld(text), "A=http://localhost:8000/api\nB=/api # same origin\n");
        let paths = ["/p/.env", "/p/.env.example", "/p/.env.local", "/p/.envrc"];
        assert_eq!(paths.map(names_addresses), [true, true, true, false]);
    }

    #[test]
    fn values_are_told_from_what_stands_for_them() {
        let text =
            "# KEY=abc\nA_SECRET=q7f3\r\nexport B=\"r9\" # mine\nC=\nD=${A_SECRET}\nE=your-secret\nF = 5\nnot a line\n";
        let read = read(text);
        let names: Vec<&str> = read.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["A_SECRET", "B", "F"]);
        for one in &read {
            assert_eq!(&text[one.range.start as usize..one.range.end as usize], one.name);
        }
        let paths =
            ["/p/.env", "/p/.env.local", "/p/.env.example", "/p/.env.local.example", "/p/.environment", "/p/a.env"];
        assert_eq!(paths.map(sets_variables), [true, true, false, false, false, false]);
    }
}
