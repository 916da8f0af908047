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
