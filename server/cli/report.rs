//! Findings as text, JSON and workflow commands.

use authlens_analysis::ide::{
    Analysis, Applicability, Confidence, Diagnostic, Fix, FixKind, Location, Severity, Summary,
};
use authlens_analysis::rules::hardcoded_secret;
use authlens_analysis::text::PositionEncoding;
use serde_json::{Value, json};

use super::excerpt::{self, Paint};
use super::load::Loaded;

/// Source excerpts, the proof, and a summary.
pub(super) fn text(loaded: &Loaded, analysis: &Analysis, found: &[Diagnostic], colour: bool, quiet: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    let fixer = analysis.fixer();
    for diagnostic in found {
        let word = severity(diagnostic.severity);
        let head = paint.severity(diagnostic.severity, &format!("{word}[{}]", diagnostic.rule));
        out.push_str(&format!("{head}: {}\n", paint.bold(&diagnostic.message)));
        let (location, severity) = (diagnostic.location, diagnostic.severity);
        let secret = diagnostic.rule == hardcoded_secret::INFO.code;
        out.push_str(&excerpt::render(loaded, analysis, location, severity, secret, &paint));
        for related in &diagnostic.related {
            let (line, column) = position(analysis, related.location, related.location.range.start);
            let path = loaded.shown(analysis, related.location.file);
            out.push_str(&format!("   {} {path}:{line}:{column}: {}\n", paint.dim("="), related.message));
        }
        let (fixes, refusals) = fixer.fixes(diagnostic);
        if let Some(fix) = fixes.iter().find(|fix| fix.kind == FixKind::Repair) {
            let flag = if fix.applicability == Applicability::Safe { "--fix" } else { "--unsafe-fixes" };
            out.push_str(&format!("   {} {} ({flag})\n", paint.dim("fix:"), fix.title));
        } else if let Some(refusal) = refusals.first() {
            out.push_str(&format!("   {} {}\n", paint.dim("no fix:"), refusal.0));
        }
        out.push('\n');
    }
    if !quiet {
        out.push_str(&summary_line(loaded, analysis, found, &paint));
    }
    out
}

/// What is said of a folder in which there is nothing to look at: the path may be wrong.
pub(super) const NOTHING: &str = "no FastAPI application and no Next.js code was found here";

/// `9 Python files`. What of the frontend was evaluated is counted as modules; scripts are named where nothing was.
fn files(summary: &Summary) -> String {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let scripts = if summary.modules > 0 { 0 } else { summary.scripts };
    match (summary.python, scripts) {
        (python, 0) => format!("{python} Python file{}", plural(python)),
        (0, scripts) => format!("{scripts} TypeScript file{}", plural(scripts)),
        (python, scripts) => format!("{python} Python and {scripts} TypeScript file{}", plural(scripts)),
    }
}

fn summary_line(loaded: &Loaded, analysis: &Analysis, found: &[Diagnostic], paint: &Paint) -> String {
    if found.is_empty() && analysis.found_nothing() {
        return format!("{}: {NOTHING}\n", paint.bold("no findings"));
    }
    let summary = analysis.summary_of(&|path| loaded.is_named(path));
    let count = |severity| found.iter().filter(|d| d.severity == severity).count();
    let verdict = if found.is_empty() {
        "no findings".to_owned()
    } else {
        let parts = [
            (Severity::Error, "error"),
            (Severity::Warning, "warning"),
            (Severity::Info, "remark"),
            (Severity::Hint, "hint"),
        ];
        let counted = parts.iter().filter(|(severity, _)| count(*severity) > 0).map(|(severity, word)| {
            let n = count(*severity);
            format!("{n} {word}{}", if n == 1 { "" } else { "s" })
        });
        counted.collect::<Vec<_>>().join(", ")
    };
    let mut looked_at = Vec::new();
    // Of a frontend alone nobody asks how many routes its backend has.
    if summary.python > 0 || summary.modules == 0 {
        looked_at.push(format!(
            "{} routes in {}: {} guarded, {} open, {} public, {} unknown",
            summary.routes,
            files(&summary),
            summary.guarded,
            summary.open,
            summary.public,
            summary.unknown
        ));
    }
    if summary.modules > 0 {
        let counted =
            [(summary.handlers, "route handler"), (summary.actions, "server action"), (summary.requests, "request")];
        let counted = counted.map(|(n, word)| format!("{n} {word}{}", if n == 1 { "" } else { "s" }));
        let [handlers, actions, requests] = counted;
        let plural = if summary.modules == 1 { "" } else { "s" };
        let modules = summary.modules;
        looked_at.push(format!("{handlers}, {actions} and {requests} in {modules} module{plural} of the frontend"));
    }
    let mut line = format!("{}: {}", paint.bold(&verdict), looked_at.join("; "));
    if summary.not_included > 0 {
        line.push_str(&format!("; {} on routers that no application is seen to include", summary.not_included));
    }
    if summary.not_fully_analysed > 0 {
        line.push_str(&format!("; {} files not fully analysed", summary.not_fully_analysed));
    }
    line.push('\n');
    line
}

/// One JSON object, stable from run to run.
pub(super) fn json(loaded: &Loaded, analysis: &Analysis, found: &[Diagnostic]) -> String {
    let fixer = analysis.fixer();
    let diagnostics: Vec<Value> = found
        .iter()
        .map(|diagnostic| {
            let related: Vec<Value> = diagnostic
                .related
                .iter()
                .map(|related| {
                    json!({
                        "path": loaded.shown(analysis, related.location.file),
                        "range": range(analysis, related.location),
                        "message": related.message,
                    })
                })
                .collect();
            let (fixes, _) = fixer.fixes(diagnostic);
            json!({
                "rule": diagnostic.rule,
                "severity": severity(diagnostic.severity),
                "confidence": confidence(diagnostic.confidence),
                "path": loaded.shown(analysis, diagnostic.location.file),
                "range": range(analysis, diagnostic.location),
                "message": diagnostic.message,
                "related": related,
                "fixes": fixes.iter().map(|fix| fix_json(loaded, analysis, fix)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let summary = analysis.summary_of(&|path| loaded.is_named(path));
    let report = json!({
        "diagnostics": diagnostics,
        "summary": {
            "files": summary.python + summary.scripts,
            "python_files": summary.python,
            "script_files": summary.scripts,
            "routes": summary.routes,
            "guarded": summary.guarded,
            "open": summary.open,
            "public": summary.public,
            "unknown": summary.unknown,
            "not_included": summary.not_included,
            "not_fully_analysed": summary.not_fully_analysed,
            "modules": summary.modules,
            "handlers": summary.handlers,
            "actions": summary.actions,
            "requests": summary.requests,
        },
    });
    format!("{report:#}\n")
}

fn fix_json(loaded: &Loaded, analysis: &Analysis, fix: &Fix) -> Value {
    let edits: Vec<Value> = fix
        .change
        .edits
        .iter()
        .flat_map(|(file, edits)| edits.iter().map(move |edit| (*file, edit)))
        .map(|(file, edit)| {
            json!({
                "path": loaded.shown(analysis, file),
                "range": range(analysis, Location { file, range: edit.range }),
                "text": edit.text,
            })
        })
        .collect();
    let created: Vec<Value> = fix
        .change
        .created
        .iter()
        .map(|file| json!({ "path": loaded.relative(&file.path), "text": file.text }))
        .collect();
    json!({
        "title": fix.title,
        "applicability": if fix.applicability == Applicability::Safe { "safe" } else { "unsafe" },
        "kind": if fix.kind == FixKind::Repair { "repair" } else { "silence" },
        "preferred": fix.preferred,
        "edits": edits,
        "created": created,
    })
}

/// Workflow commands of GitHub Actions, one a line.
pub(super) fn github(loaded: &Loaded, analysis: &Analysis, found: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in found {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info | Severity::Hint => "notice",
        };
        let (line, column) = position(analysis, diagnostic.location, diagnostic.location.range.start);
        let (end_line, end_column) = position(analysis, diagnostic.location, diagnostic.location.range.end);
        let columns = if line == end_line { format!(",col={column},endColumn={end_column}") } else { String::new() };
        out.push_str(&format!(
            "::{command} file={},line={line},endLine={end_line}{columns},title={}::{}\n",
            escaped(&loaded.shown(analysis, diagnostic.location.file), true),
            escaped(&format!("authlens {}", diagnostic.rule), true),
            escaped(&diagnostic.message, false),
        ));
    }
    out
}

/// The escapes that workflow commands define; properties need two more.
fn escaped(text: &str, property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}

/// One-based line and column, in characters, of an offset in a file.
pub(super) fn position(analysis: &Analysis, location: Location, offset: u32) -> (u32, u32) {
    let Some((text, lines)) = analysis.text(location.file).zip(analysis.line_index(location.file)) else {
        return (1, 1);
    };
    let at = lines.line_col(offset, &text, PositionEncoding::Utf32);
    (at.line + 1, at.col + 1)
}

fn range(analysis: &Analysis, location: Location) -> Value {
    let (line, column) = position(analysis, location, location.range.start);
    let (end_line, end_column) = position(analysis, location, location.range.end);
    json!({"start": {"line": line, "column": column}, "end": {"line": end_line, "column": end_column}})
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
        Severity::Hint => "hint",
    }
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn workflow_commands_are_escaped() {
        assert_eq!(escaped("50 %\na:b,c", false), "50 %25%0Aa:b,c");
        assert_eq!(escaped("a:b,c", true), "a%3Ab%2Cc");
    }
}
