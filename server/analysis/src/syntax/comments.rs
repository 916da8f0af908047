//! Long runs of comments in Python.
//!
//! The grammar looks for the end of a block anew at each comment, up to the next line of code: a run of comments
//! takes it the square of its length. What stands behind the first comments of a run decides nothing, because blank
//! lines lead to the same code.

use std::ops::Range;

use memchr::{memchr, memchr3, memmem};

/// Comments that a run keeps. It is told where code goes on by these.
const KEPT: usize = 8;

/// What comments begin with that are read.
const READ: &[u8] = b"authlens:";

/// A run of more comments than it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Where the last comment begins that is kept.
    pub(super) kept: usize,
    /// Lines behind it that may be blank.
    pub(super) lines: Vec<Range<usize>>,
}

/// The long runs of comments of a text, as far as lines tell what is one: outside of strings, but in broken code.
pub(super) fn long_runs(text: &str) -> Vec<Run> {
    let mut runs = runs_of_lines(text.as_bytes());
    if !runs.is_empty() {
        let mut comments = Comments { bytes: text.as_bytes(), at: 0 }.peekable();
        runs.retain(|run| {
            while comments.next_if(|comment| *comment < run.kept).is_some() {}
            comments.peek() == Some(&run.kept)
        });
    }
    runs
}

/// Runs of lines that begin with `#`, wherever they stand.
fn runs_of_lines(bytes: &[u8]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    // Lines of the run that ends at `before`.
    let (mut count, mut before) = (0, 0);
    let mut at = 0;
    while let Some(begins) = memchr(b'#', &bytes[at..]).map(|found| at + found) {
        let end = memchr(b'\n', &bytes[begins..]).map_or(bytes.len(), |length| begins + length + 1);
        at = end;
        let gap = &bytes[before..begins];
        let blank = gap.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |code| code + 1);
        // The line that it stands in, and whether only blank lines are between that and the comment before.
        let line = gap[blank..].iter().rposition(|byte| *byte == b'\n').map(|newline| before + blank + newline + 1);
        let Some(line) = line.or((blank == 0).then_some(before)) else {
            (count, before) = (0, end);
            continue;
        };
        count = if blank == 0 { count + 1 } else { 1 };
        before = end;
        if count == KEPT {
            runs.push(Run { kept: begins, lines: Vec::new() });
        } else if count > KEPT
            && memmem::find(&bytes[line..end], READ).is_none()
            && let Some(run) = runs.last_mut()
        {
            match run.lines.last_mut() {
                Some(lines) if lines.end == line => lines.end = end,
                _ => run.lines.push(line..end),
            }
        }
    }
    runs.retain(|run| !run.lines.is_empty());
    runs
}

/// Where the comments of a text begin. It knows strings, and nothing else of the language.
struct Comments<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Iterator for Comments<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let found = self.at + memchr3(b'#', b'"', b'\'', self.bytes.get(self.at..)?)?;
            if self.bytes[found] == b'#' {
                self.at = memchr(b'\n', &self.bytes[found..]).map_or(self.bytes.len(), |length| found + length);
                return Some(found);
            }
            self.at = self.end_of_string(found);
        }
    }
}

impl Comments<'_> {
    /// Behind the string that begins at an offset, or where its line ends before it does.
    fn end_of_string(&self, start: usize) -> usize {
        let quote = self.bytes[start];
        let triple = [quote; 3];
        let is_triple = self.bytes[start..].starts_with(&triple);
        let length = if is_triple { 3 } else { 1 };
        let mut at = start + length;
        while let Some(found) = self.bytes.get(at..).and_then(|rest| memchr3(b'\\', quote, b'\n', rest)) {
            at += found;
            match self.bytes[at] {
                b'\\' => at += 2,
                b'\n' if is_triple => at += 1,
                b'\n' => return at,
                _ if is_triple && !self.bytes[at..].starts_with(&triple) => at += 1,
                _ => return at + length,
            }
        }
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blank(text: &str) -> Vec<&str> {
        long_runs(text).into_iter().flat_map(|run| run.lines).map(|lines| &text[lines]).collect()
    }

    #[test]
    fn what_is_behind_the_first_comments_may_be_blank() {
        let run = "# a\n".repeat(KEPT);
        assert!(blank(&run).is_empty());
        let text = format!("x = 1\n{run}\n    # b\n# c\n# authlens: public why\n# d\ny = 2\n{run}");
        assert_eq!(blank(&text), ["    # b\n# c\n", "# d\n"]);
    }

    #[test]
    fn strings_hold_no_comments() {
        let run = "# it's\n".repeat(KEPT + 1);
        for (before, is_string) in [
            ("x = \"\"\"\n", true),
            ("x = '''\"\"\"\n", true),
            ("x = \"\"\"\"\\\"\"\"\n", true),
            ("x = \"\"\"a\"\"\"\n", false),
            ("x = \"'''\"\n", false),
            ("x = 'it\\'s'  # \"\"\"\n", false),
            ("x = ''\n", false),
            ("x = '\n", false),
        ] {
            assert_eq!(blank(&format!("{before}{run}")).is_empty(), is_string, "{before}");
        }
    }
}
