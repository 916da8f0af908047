//! Answers to requests, computed over one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use authlens_analysis::ide::{Applicability, Fix, FixKind, SourceChange};
use authlens_analysis::text::TextRange;
use authlens_analysis::vfs::FileId;
use serde_json::json;
use tower_lsp::lsp_types::{
    CodeAction, CodeActionDisabled, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeLens, Command,
    Diagnostic, DocumentDiagnosticReport, DocumentLink, FullDocumentDiagnosticReport, Hover, HoverContents, InlayHint,
    InlayHintLabel, InlayHintTooltip, Location, MarkupContent, MarkupKind, NumberOrString, Position, PreviousResultId,
    Range, RelatedFullDocumentDiagnosticReport, RelatedUnchangedDocumentDiagnosticReport, SymbolInformation,
    SymbolKind, UnchangedDocumentDiagnosticReport, Url, WorkspaceDocumentDiagnosticReport,
    WorkspaceFullDocumentDiagnosticReport, WorkspaceUnchangedDocumentDiagnosticReport,
};

use super::convert;
use super::view::View;

/// The command that answers with the page of a rule.
pub(super) const EXPLAIN_RULE: &str = "authlens.explainRule";
/// Applies every fix that is safe.
const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.authlens");

fn file(view: &View, uri: &Url) -> Option<FileId> {
    view.analysis.file_id(&view.path_of(uri))
}

/// The diagnostics of one document, or that they are those of `previous`.
pub(super) fn document_report(view: &View, uri: &Url, previous: Option<&str>) -> DocumentDiagnosticReport {
    let items = convert::diagnostics(&view.analysis, &view.path_of(uri), &view.settings, &view.abilities);
    let result_id = result_id(&items);
    if previous == Some(result_id.as_str()) {
        let report = UnchangedDocumentDiagnosticReport { result_id };
        return DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: report,
        });
    }
    DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
        related_documents: None,
        full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: Some(result_id), items },
    })
}

/// The diagnostics of every file that has some, and of those that the client
/// has a report of and that may have none now.
pub(super) fn workspace_reports(view: &View, known: Vec<PreviousResultId>) -> Vec<WorkspaceDocumentDiagnosticReport> {
    let analysis = &view.analysis;
    let known: BTreeMap<String, String> =
        known.into_iter().map(|known| (view.path_of(&known.uri), known.value)).collect();
    let found = analysis.files_with_diagnostics().into_iter().map(|file| analysis.path(file).to_owned());
    let paths: BTreeSet<String> = found.chain(known.keys().cloned()).collect();
    let reports = paths.iter().filter_map(|path| {
        let open = view.open.get(path);
        let uri = open.map(|(uri, _)| uri.clone()).or_else(|| Url::from_file_path(path).ok())?;
        let version = open.map(|(_, version)| i64::from(*version));
        Some(match document_report(view, &uri, known.get(path).map(String::as_str)) {
            DocumentDiagnosticReport::Full(report) => {
                let report = report.full_document_diagnostic_report;
                WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
                    uri,
                    version,
                    full_document_diagnostic_report: report,
                })
            }
            DocumentDiagnosticReport::Unchanged(report) => {
                let report = report.unchanged_document_diagnostic_report;
                WorkspaceDocumentDiagnosticReport::Unchanged(WorkspaceUnchangedDocumentDiagnosticReport {
                    uri,
                    version,
                    unchanged_document_diagnostic_report: report,
                })
            }
        })
    });
    reports.collect()
}

/// An identifier that is the same for the same diagnostics, in this and every
/// other session.
fn result_id(items: &[Diagnostic]) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    serde_json::to_string(items).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

pub(super) fn hover(view: &View, uri: &Url, position: Position) -> Option<Hover> {
    let file = file(view, uri)?;
    let encoding = view.abilities.encoding;
    let offset = convert::offset(&view.analysis, file, position, encoding)?;
    let found = view.analysis.hover(file, offset);
    let (mut value, mut range) = (String::new(), None);
    if let Some(hover) = found {
        value = format!("{}{}", hover.markdown, convert::proof(&view.analysis, &hover.proof));
        range = Some(hover.range);
    }
    let (pages, at) = match view.abilities.explains_rules {
        true => (String::new(), None),
        false => ways_to_pages(view, file, offset),
    };
    if !pages.is_empty() && !value.is_empty() {
        value.push_str("\n\n");
    }
    value.push_str(&pages);
    let kind = if view.abilities.markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind, value }),
        range: Some(convert::range(&view.analysis, file, range.or(at)?, encoding)),
    })
}

/// For clients that show no pages of rules themselves: what the rules of the findings at a place find, and how to read on.
fn ways_to_pages(view: &View, file: FileId, offset: u32) -> (String, Option<TextRange>) {
    let place = TextRange::empty(offset);
    let diagnostics = view.analysis.diagnostics(file);
    let here = diagnostics.iter().filter(|d| view.settings.shows(d) && d.location.range.intersects(place));
    let (mut lines, mut range) = (BTreeSet::new(), None);
    for diagnostic in here {
        if let Some(rule) = authlens_analysis::rules::find(diagnostic.rule) {
            lines.insert(format!("`{0}`: {1}. `authlens explain {0}` says more.", rule.code, rule.summary));
            range = range.or(Some(diagnostic.location.range));
        }
    }
    (lines.into_iter().collect::<Vec<_>>().join("\n\n"), range)
}

/// The handlers that the call under a position reaches.
pub(super) fn definition(view: &View, uri: &Url, position: Position) -> Vec<Location> {
    let Some(file) = file(view, uri) else { return Vec::new() };
    let offset = convert::offset(&view.analysis, file, position, view.abilities.encoding);
    let found = offset.map(|offset| view.analysis.definitions(file, offset)).unwrap_or_default();
    found.into_iter().filter_map(|at| convert::location(&view.analysis, at, view.abilities.encoding)).collect()
}

/// Calls of the frontend that reach the handler under a position.
pub(super) fn references(view: &View, uri: &Url, position: Position) -> Vec<Location> {
    let Some(file) = file(view, uri) else { return Vec::new() };
    let offset = convert::offset(&view.analysis, file, position, view.abilities.encoding);
    let found = offset.map(|offset| view.analysis.references(file, offset)).unwrap_or_default();
    found.into_iter().filter_map(|at| convert::location(&view.analysis, at, view.abilities.encoding)).collect()
}

/// Addresses in calls of the frontend, each with the handler that it leads to.
pub(super) fn document_links(view: &View, uri: &Url) -> Vec<DocumentLink> {
    let Some(file) = file(view, uri) else { return Vec::new() };
    let links = view.analysis.links(file).into_iter();
    links
        .filter_map(|link| {
            Some(DocumentLink {
                range: convert::range(&view.analysis, file, link.range, view.abilities.encoding),
                target: Some(convert::address(&view.analysis, link.handler)?),
                tooltip: view.abilities.link_tooltips.then(|| format!("{} ({})", link.name, link.status.word())),
                data: None,
            })
        })
        .collect()
}

/// Routes whose names fit a query.
pub(super) fn symbols(view: &View, query: &str) -> Vec<SymbolInformation> {
    let found = view.analysis.symbols(query).into_iter();
    found
        .filter_map(|route| {
            #[expect(deprecated, reason = "the type has no other way to leave it out")]
            Some(SymbolInformation {
                name: route.name,
                kind: SymbolKind::FUNCTION,
                tags: None,
                deprecated: None,
                location: convert::location(&view.analysis, route.handler, view.abilities.encoding)?,
                container_name: route.application,
            })
        })
        .collect()
}

pub(super) fn code_lens(view: &View, uri: &Url) -> Vec<CodeLens> {
    let Some(file) = file(view, uri).filter(|_| view.settings.lens) else { return Vec::new() };
    let hints = view.analysis.route_hints(file).into_iter();
    hints
        .map(|hint| CodeLens {
            range: convert::range(&view.analysis, file, hint.range, view.abilities.encoding),
            // No command: the lens only tells.
            command: Some(Command { title: hint.label, command: String::new(), arguments: None }),
            data: None,
        })
        .collect()
}

pub(super) fn inlay_hints(view: &View, uri: &Url, range: Range) -> Vec<InlayHint> {
    let Some(file) = file(view, uri).filter(|_| view.settings.inlay) else { return Vec::new() };
    let encoding = view.abilities.encoding;
    let hints = view.analysis.route_hints(file).into_iter();
    hints
        .map(|hint| InlayHint {
            position: convert::range(&view.analysis, file, TextRange::empty(hint.header_end), encoding).start,
            label: InlayHintLabel::String(hint.label),
            kind: None,
            text_edits: None,
            tooltip: Some(InlayHintTooltip::MarkupContent(MarkupContent {
                kind: MarkupKind::Markdown,
                value: convert::proof(&view.analysis, &hint.proof),
            })),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        })
        .filter(|hint| range.start <= hint.position && hint.position <= range.end)
        .collect()
}

pub(super) fn code_actions(view: &View, params: &CodeActionParams) -> Vec<CodeActionOrCommand> {
    let uri = &params.text_document.uri;
    let Some(file) = file(view, uri).filter(|_| view.abilities.literal_actions) else { return Vec::new() };
    let (analysis, encoding) = (&view.analysis, view.abilities.encoding);
    let asked = |kind: &CodeActionKind| {
        let covers = |only: &CodeActionKind| {
            kind.as_str() == only.as_str() || kind.as_str().starts_with(&format!("{}.", only.as_str()))
        };
        params.context.only.as_ref().is_none_or(|only| only.iter().any(covers))
    };
    // A client that names findings asks for fixes of these, and of no other rule.
    let named = &params.context.diagnostics;
    let of_rule = |diagnostic: &Diagnostic, rule: &str| matches!(&diagnostic.code, Some(NumberOrString::String(code)) if code == rule);
    let is_meant = |rule: &str| named.is_empty() || named.iter().any(|diagnostic| of_rule(diagnostic, rule));
    let (mut actions, mut pages, mut explained) = (Vec::new(), Vec::new(), BTreeSet::new());
    if asked(&CodeActionKind::QUICKFIX) {
        let start = convert::offset(analysis, file, params.range.start, encoding).unwrap_or(0);
        let end = convert::offset(analysis, file, params.range.end, encoding).unwrap_or(start);
        let range = TextRange::new(start, end.max(start));
        let fixer = analysis.fixer();
        for diagnostic in analysis.diagnostics(file).iter().filter(|d| view.settings.shows(d)) {
            if !diagnostic.location.range.intersects(range) || !is_meant(diagnostic.rule) {
                continue;
            }
            let shown = convert::diagnostic(analysis, diagnostic, &view.settings, &view.abilities);
            let (fixes, refusals) = fixer.fixes(diagnostic);
            for fix in fixes {
                // A client that can't make files is not offered what makes one.
                let Some(edit) = convert::workspace_edit(view, &fix.change) else { continue };
                actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                    title: fix.title.clone(),
                    kind: Some(CodeActionKind::QUICKFIX),
                    diagnostics: Some(vec![shown.clone()]),
                    edit: Some(edit),
                    is_preferred: (fix.preferred && view.abilities.preferred_actions).then_some(true),
                    ..CodeAction::default()
                }));
            }
            for refusal in refusals.iter().filter(|_| view.abilities.disabled_actions) {
                actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                    title: format!("Fix `{}`", diagnostic.rule),
                    kind: Some(CodeActionKind::QUICKFIX),
                    diagnostics: Some(vec![shown.clone()]),
                    disabled: Some(CodeActionDisabled { reason: refusal.0.clone() }),
                    ..CodeAction::default()
                }));
            }
            if view.abilities.explains_rules && explained.insert(diagnostic.rule) {
                let title = format!("Explain `{}`", diagnostic.rule);
                pages.push(CodeActionOrCommand::CodeAction(CodeAction {
                    title: title.clone(),
                    kind: Some(CodeActionKind::QUICKFIX),
                    diagnostics: Some(vec![shown]),
                    command: Some(Command {
                        title,
                        command: EXPLAIN_RULE.to_owned(),
                        arguments: Some(vec![json!(diagnostic.rule)]),
                    }),
                    ..CodeAction::default()
                }));
            }
        }
    }
    // Repairs come first.
    actions.append(&mut pages);
    let asked_by_name = params.context.only.is_some();
    if asked_by_name && asked(&FIX_ALL) {
        actions.extend(fix_all(view, file));
    }
    actions
}

/// All safe repairs of a file in one edit; those that reach other files are left out.
fn fix_all(view: &View, file: FileId) -> Option<CodeActionOrCommand> {
    let analysis = &view.analysis;
    let mut change = SourceChange::default();
    let fixer = analysis.fixer();
    for diagnostic in analysis.diagnostics(file).iter().filter(|d| view.settings.shows(d)) {
        let safe = |fix: &Fix| {
            fix.kind == FixKind::Repair
                && fix.applicability == Applicability::Safe
                && fix.change.created.is_empty()
                && fix.change.edits.iter().all(|(other, _)| *other == file)
        };
        if let Some(fix) = fixer.fixes(diagnostic).0.iter().find(|fix| safe(fix)) {
            authlens_analysis::fix::take(&mut change, &fix.change);
        }
    }
    if change.edits.is_empty() {
        return None;
    }
    Some(CodeActionOrCommand::CodeAction(CodeAction {
        title: "Apply all safe fixes of authlens".to_owned(),
        kind: Some(FIX_ALL),
        edit: convert::workspace_edit(view, &change),
        ..CodeAction::default()
    }))
}
