//! Variables that Dockerfiles give to what runs in their image: `ENV`, and `export` in scripts that they write into it.
//! What only stages have from which files are copied is gone when the image runs.

use smol_str::SmolStr;

use super::environment::{Assigned, Variable, When, assigned, is_name};
use crate::text::TextRange;

/// Whether a path is one of a Dockerfile.
pub(super) fn is_dockerfile(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "Dockerfile" | "Containerfile") || name.starts_with("Dockerfile.") || name.ends_with(".Dockerfile")
}

/// The variables that the image's last stage has, and those that it is made from.
pub(super) fn dockerfile(text: &str) -> Vec<Variable> {
    let mut file = File::default();
    let mut start = 0u32;
    for line in text.split_inclusive('\n') {
        file.line(line, start);
        start += line.len() as u32;
    }
    let live = file.live();
    file.set.into_iter().filter(|(stage, _)| live.contains(stage)).map(|(_, variable)| variable).collect()
}

/// A Dockerfile that is being read.
#[derive(Default)]
struct File {
    /// Stages by their names, each with what it is made from.
    stages: Vec<(SmolStr, SmolStr)>,
    /// Arguments of stages with their defaults.
    arguments: Vec<(usize, SmolStr, TextRange, Assigned)>,
    /// What each stage sets.
    set: Vec<(usize, Variable)>,
    /// The word that ends the file which an instruction writes, and whether the file goes into the image.
    written: Option<(SmolStr, bool)>,
    /// The instruction that goes on.
    open: Option<Instruction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instruction {
    Environment,
    Other,
}

impl File {
    fn line(&mut self, line: &str, start: u32) {
        let trimmed = line.trim();
        if let Some((end, goes_in)) = self.written.clone() {
            if trimmed == end {
                self.written = None;
            } else if let Some(rest) = trimmed.strip_prefix("export ").filter(|_| goes_in) {
                self.set_all(line, start, rest);
            }
            return;
        }
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return;
        }
        let (word, rest) = match self.open {
            Some(Instruction::Environment) => ("ENV", trimmed),
            Some(Instruction::Other) => ("", trimmed),
            None => trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, "")),
        };
        let word = word.to_ascii_uppercase();
        let rest = rest.trim_end_matches('\\').trim();
        match word.as_str() {
            "FROM" => self.begin(rest),
            "ARG" => self.argument(line, start, rest),
            "ENV" => self.set_all(line, start, rest),
            _ => {}
        }
        let written = trimmed.split_whitespace().find_map(|part| part.strip_prefix("<<")).filter(|_| !word.is_empty());
        if let Some(end) = written {
            let end = end.trim_start_matches('-').trim_matches(['"', '\'']);
            self.written = Some((end.into(), word == "COPY" || word == "ADD"));
            self.open = None;
            return;
        }
        let kind = if word == "ENV" { Instruction::Environment } else { Instruction::Other };
        self.open = trimmed.ends_with('\\').then_some(kind);
    }

    /// `FROM image AS name`.
    fn begin(&mut self, rest: &str) {
        let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
        let from = words.next().unwrap_or_default().to_ascii_lowercase();
        let name = words.nth(1).unwrap_or_default().to_ascii_lowercase();
        self.stages.push((name.into(), from.into()));
    }

    /// `ARG NAME=default`.
    fn argument(&mut self, line: &str, start: u32, rest: &str) {
        let Some((name, value)) = rest.split_once('=') else { return };
        let range = named(line, start, name);
        if let (Some(range), Some(value)) = (range, assigned(unquoted(value))) {
            self.arguments.push((self.stages.len(), name.into(), range, value));
        }
    }

    /// `NAME=value OTHER="value"`, or `NAME value`.
    fn set_all(&mut self, line: &str, start: u32, rest: &str) {
        let first = rest.split_whitespace().next().unwrap_or_default();
        if !first.contains('=') {
            if let Some((name, value)) = rest.split_once(char::is_whitespace) {
                self.set_one(line, start, name, value.trim());
            }
            return;
        }
        for pair in pairs(rest) {
            if let Some((name, value)) = pair.split_once('=') {
                self.set_one(line, start, name, value);
            }
        }
    }

    fn set_one(&mut self, line: &str, start: u32, name: &str, value: &str) {
        let value = unquoted(value);
        let Some(range) = named(line, start, name) else { return };
        let asked = value.strip_prefix('$').map(|asked| asked.trim_start_matches('{').trim_end_matches('}'));
        let (range, when, value) = match asked {
            None => (range, When::Always, assigned(value)),
            Some(asked) => match asked.split_once(":-") {
                Some((asked, default)) => (range, When::Unset(asked.into()), assigned(default)),
                None => {
                    let stage = self.stages.len();
                    let given = self.arguments.iter().rev().find(|(at, own, ..)| *at == stage && own == asked);
                    let Some((_, asked, range, value)) = given else { return };
                    (*range, When::Unset(asked.clone()), Some(*value))
                }
            },
        };
        let Some(value) = value else { return };
        let variable = Variable { name: name.into(), range, when, value, to_frontend: false, way: SmolStr::default() };
        self.set.push((self.stages.len(), variable));
    }

    /// The last stage, and the stages that it is made from.
    fn live(&self) -> Vec<usize> {
        let mut live = vec![self.stages.len()];
        while let Some((_, from)) = live.last().and_then(|last| self.stages.get(last.checked_sub(1)?)) {
            let below = live.last().map_or(0, |last| last - 1);
            let Some(at) = self.stages[..below].iter().rposition(|(name, _)| !name.is_empty() && name == from) else {
                break;
            };
            live.push(at + 1);
        }
        live
    }
}

/// The range of a name in a line.
fn named(line: &str, start: u32, name: &str) -> Option<TextRange> {
    let is_whole = |at: &usize| {
        let before = line[..*at].bytes().next_back();
        before.is_none_or(|byte| byte.is_ascii_whitespace())
    };
    let at = line.match_indices(name).map(|(at, _)| at).find(is_whole).filter(|_| is_name(name))?;
    let from = start + at as u32;
    Some(TextRange { start: from, end: from + name.len() as u32 })
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

/// `A=1 B="2 3"` at the spaces that stand in no quotes.
fn pairs(text: &str) -> Vec<&str> {
    let (mut pairs, mut from, mut quote) = (Vec::new(), 0, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            (None, character) if character.is_whitespace() => {
                pairs.push(&text[from..at]);
                from = at + character.len_utf8();
            }
            _ => {}
        }
    }
    pairs.push(&text[from..]);
    pairs.retain(|pair| !pair.is_empty());
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, When, usize)> {
        let line = |one: &Variable| text[..one.range.start as usize].matches('\n').count() + 1;
        dockerfile(text).iter().map(|one| (one.name.to_string(), one.when.clone(), line(one))).collect()
    }

    #[test]
    fn the_stage_that_runs_counts() {
        let text = "ARG TAG=3\nFROM node:20 AS base\nENV A_KEY=q7f3n5\nFROM base AS build\nARG B_KEY=r8g4\nENV B_KEY=$B_KEY\nFROM base\nENV C_KEY=\"s9 h5\" \\\n    D_KEY=t0j6\nENV E_KEY u1k7\nENV F_KEY=$F_KEY\nARG G_KEY=v2l8\nENV H_KEY=${G_KEY}\nARG I_KEY=w3m9\nRUN export J_KEY=x4n0 && \\\n    export K_KEY=y5p1\n";
        let always = |name: &str, line| (name.to_owned(), When::Always, line);
        let wanted = [
            always("A_KEY", 3),
            always("C_KEY", 8),
            always("D_KEY", 9),
            always("E_KEY", 10),
            ("H_KEY".to_owned(), When::Unset("G_KEY".into()), 12),
        ];
        assert_eq!(read(text), wanted);
    }

    #[test]
    fn scripts_that_are_written_into_the_image() {
        let text = "FROM python:3.13\nRUN <<EOF\nexport A_KEY=q7f3\nEOF\nCOPY <<'START' /start.sh\n#!/bin/sh\nexport B_KEY=\"${B_KEY:-r8g4}\"\nexport C_KEY=\"${C_KEY}\"\nSTART\nCMD [\"/start.sh\"]\n";
        assert_eq!(read(text), [("B_KEY".to_owned(), When::Unset("B_KEY".into()), 7)]);
    }
}
