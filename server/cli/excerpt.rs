//! A line of source with what is wrong in it marked.

use authlens_analysis::facts::environment;
use authlens_analysis::ide::{Analysis, Location, Severity};
use authlens_analysis::text::TextRange;

use super::load::Loaded;
use super::report::position;

/// Colour, or none.
pub(super) struct Paint {
    pub(super) colour: bool,
}

impl Paint {
    fn wrap(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(super) fn severity(&self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Info => "1;36",
            Severity::Hint => "1;32",
        };
        self.wrap(code, text)
    }
}

/// Whether a literal is the empty text, which is no secret.
pub(super) fn is_empty_text(literal: &str) -> bool {
    literal.trim_matches(['"', '\'', '`']).is_empty()
}

/// What is shown of a value that nobody is to read.
pub(super) const HIDDEN: &str = "\"***\"";

/// The place, the first line of the range, and carets below it. What is
/// `secret` is not shown itself: reports are kept, and read by many.
pub(super) fn render(
    loaded: &Loaded,
    analysis: &Analysis,
    location: Location,
    severity: Severity,
    secret: bool,
    paint: &Paint,
) -> String {
    let (line, column) = position(analysis, location, location.range.start);
    let path = loaded.shown(analysis, location.file);
    let mut out = format!("  {} {path}:{line}:{column}\n", paint.dim("-->"));
    // What stands behind the name of a variable is nobody's to read.
    if environment::sets_variables(&path) {
        return out;
    }
    let Some((text, lines)) = analysis.text(location.file).zip(analysis.line_index(location.file)) else { return out };
    let whole = lines.line_range(line - 1, &text);
    let source = whole.slice(&text);
    if source.trim().is_empty() {
        return out;
    }
    let gutter = line.to_string();
    let pad = " ".repeat(gutter.len());
    let before = TextRange::new(whole.start, location.range.start).slice(&text);
    let marked = TextRange::new(location.range.start, location.range.end.min(whole.end)).slice(&text);
    let hidden = (secret && !is_empty_text(marked)).then(|| {
        let behind = TextRange::new(location.range.end.min(whole.end), whole.end).slice(&text);
        format!("{before}{HIDDEN}{behind}")
    });
    let (source, marked) = match &hidden {
        Some(line) => (line.as_str(), HIDDEN),
        None => (source, marked),
    };
    let carets = "^".repeat(marked.chars().map(width).sum::<usize>().max(1));
    out.push_str(&format!("   {} {}\n", paint.dim(&format!("{gutter} |")), expand(source)));
    out.push_str(&format!(
        "   {} {}{}\n",
        paint.dim(&format!("{pad} |")),
        " ".repeat(expand(before).chars().map(width).sum()),
        paint.severity(severity, &carets)
    ));
    out
}

fn expand(text: &str) -> String {
    text.replace('\t', "    ")
}

/// Columns that a terminal gives a character: two for East Asian wide ones and emoji.
fn width(c: char) -> usize {
    match c {
        '\t' => 4,
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}
