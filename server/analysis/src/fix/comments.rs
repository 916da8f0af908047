//! Writing and removing comments to authlens.

use super::layout::{indentation, line_ending};
use super::{Fixer, Source};
use crate::facts::comments::{Comment, CommentKind, PLACEHOLDER};
use crate::ide::{Applicability, Diagnostic, Fix, FixKind, SourceChange, State, TextEdit};
use crate::rules::{missing_auth_dependency, not_fully_analysed};
use crate::syntax::{self, Grammar};
use crate::text::TextRange;
use crate::vfs::FileId;

/// Comments that accept a finding: this once, or for the route on purpose.
pub(super) fn silence(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Vec<Fix> {
    let (state, file) = (fixer.state, diagnostic.location.file);
    let Some(parsed) = state.parsed(file) else { return Vec::new() };
    let (text, lines) = (&*parsed.text(), parsed.line_index());
    let line = lines.line_range(lines.line(diagnostic.location.range.start), text);
    let grammar = state.sources.file(file).and_then(|source| Grammar::of_path(&source.path));
    if matches!(grammar, Some(Grammar::TypeScript | Grammar::Tsx)) {
        // What can't be parsed has no place where a comment is known to be one.
        if diagnostic.rule == not_fully_analysed::INFO.code {
            return Vec::new();
        }
        let source = fixer.source(file).ok();
        return source.and_then(|source| silence_in_script(diagnostic, &source, line)).into_iter().collect();
    }
    let fix = |title: String, offset: u32, written: String| Fix {
        title,
        applicability: Applicability::Unsafe,
        kind: FixKind::Silence,
        preferred: false,
        change: one_edit(file, TextEdit { range: TextRange::empty(offset), text: written }),
    };
    let mut fixes = Vec::new();
    let indent = indentation(text, line.start as usize);
    let ending = line_ending(text);
    if diagnostic.rule == missing_auth_dependency::INFO.code {
        // Above the first decorator: there it speaks for the whole handler.
        let first = diagnostic.related.first().filter(|step| step.location.file == file);
        let top = first.map_or(diagnostic.location.range.start, |step| step.location.range.start.min(line.start));
        let top = lines.line_range(lines.line(top), text).start;
        fixes.push(fix(
            "Mark the route as public (fill in the reason)".to_owned(),
            top,
            format!("{indent}# authlens: public {PLACEHOLDER}{ending}"),
        ));
    }
    let code = diagnostic.rule;
    let ends_open = line.slice(text).trim_end().ends_with('\\');
    let title = format!("Ignore `{code}` here (fill in the reason)");
    fixes.push(if ends_open || line.slice(text).contains('#') {
        fix(title, line.start, format!("{indent}# authlens: ignore[{code}] {PLACEHOLDER}{ending}"))
    } else {
        fix(title, line.end, format!("  # authlens: ignore[{code}] {PLACEHOLDER}"))
    });
    fixes
}

/// A comment in TypeScript: behind the line, above it, or above it in braces, as
/// JSX wants it. The first that is read as a comment and breaks nothing.
fn silence_in_script(diagnostic: &Diagnostic, source: &Source, line: TextRange) -> Option<Fix> {
    let (code, text) = (diagnostic.rule, &*source.text);
    let (indent, ending) = (indentation(text, line.start as usize), source.layout.ending);
    let said = format!("authlens: ignore[{code}] {PLACEHOLDER}");
    let ways = [
        (line.end, format!("  // {said}")),
        (line.start, format!("{indent}// {said}{ending}")),
        (line.start, format!("{indent}{{/* {said} */}}{ending}")),
    ];
    let errors = syntax::errors(source.root()).len();
    let is_comment = |offset: u32, written: &str| {
        let offset = offset as usize;
        let after = format!("{}{written}{}", &text[..offset], &text[offset..]);
        let reading = source.instead(&after)?;
        let root = reading.tree.root_node();
        let from = offset + written.find('/')?;
        let node = root.descendant_for_byte_range(from, from + said.len())?;
        // Behind a comment it would only make that one longer.
        let is_own = node.kind() == "comment" && node.start_byte() == from;
        Some(is_own && syntax::errors(root).len() <= errors)
    };
    let (offset, written) = ways.into_iter().find(|(offset, written)| is_comment(*offset, written) == Some(true))?;
    Some(Fix {
        title: format!("Ignore `{code}` here (fill in the reason)"),
        applicability: Applicability::Unsafe,
        kind: FixKind::Silence,
        preferred: false,
        change: one_edit(diagnostic.location.file, TextEdit { range: TextRange::empty(offset), text: written }),
    })
}

/// Takes an unused comment away, or one code out of its list.
pub(super) fn remove(state: &State, diagnostic: &Diagnostic) -> Option<Fix> {
    let file = diagnostic.location.file;
    let parsed = state.parsed(file).filter(|_| diagnostic.unnecessary)?;
    let text = &*parsed.text();
    let range = diagnostic.location.range;
    let comment = parsed.comments.iter().find(|comment| comment.range.contains_range(range))?;
    let last_code = matches!(&comment.kind, CommentKind::Ignore { rules, .. } if rules.len() == 1);
    let range = if comment.range != range && !last_code {
        in_list(text, range)
    } else if let Some(line_start) = begins_line(text, comment) {
        let end = comment.range.end as usize;
        let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
        TextRange::new(line_start as u32, line_end as u32)
    } else {
        let code = text[..comment.range.start as usize].trim_end_matches([' ', '\t']).len();
        TextRange::new(code as u32, comment.range.end)
    };
    Some(Fix {
        title: "Remove what has no effect".to_owned(),
        applicability: Applicability::Safe,
        kind: FixKind::Repair,
        preferred: true,
        change: one_edit(file, TextEdit { range, text: String::new() }),
    })
}

fn one_edit(file: FileId, edit: TextEdit) -> SourceChange {
    SourceChange { edits: vec![(file, vec![edit])], created: Vec::new() }
}

/// Where the line begins that a comment has for itself: no other comment stands before it.
fn begins_line(text: &str, comment: &Comment) -> Option<usize> {
    let start = comment.range.start as usize;
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    (comment.own_line && matches!(text[line_start..start].trim(), "" | "{")).then_some(line_start)
}

/// A code with the comma that separates it from its neighbour.
fn in_list(text: &str, range: TextRange) -> TextRange {
    let after = &text[range.end as usize..];
    let skipped = after.len() - after.trim_start().len();
    if after.trim_start().starts_with(',') {
        let behind = &after[skipped + 1..];
        let blank = behind.len() - behind.trim_start_matches(' ').len();
        return TextRange::new(range.start, range.end + (skipped + 1 + blank) as u32);
    }
    let before = text[..range.start as usize].trim_end();
    match before.strip_suffix(',') {
        Some(rest) => TextRange::new(rest.len() as u32, range.end),
        None => range,
    }
}
