//! From the analysis to the protocol.

use authlens_analysis::ide::{Analysis, Diagnostic, Location, Related, Severity, SourceChange};
use authlens_analysis::text::{LineCol, PositionEncoding, TextRange};
use authlens_analysis::vfs::FileId;
use serde_json::json;
use tower_lsp::lsp_types::{
    self as lsp, CodeDescription, CreateFile, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag,
    DocumentChangeOperation, DocumentChanges, NumberOrString, OneOf, OptionalVersionedTextDocumentIdentifier, Position,
    Range, ResourceOp, TextDocumentEdit, Url, WorkspaceEdit,
};

use super::settings::{Abilities, Settings};
use super::view::View;

/// Where the pages of the rules are published: in the repository.
const PAGES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/specs/rules/");

/// The diagnostics of a file, as the client is to show them.
pub(super) fn diagnostics(
    analysis: &Analysis,
    path: &str,
    settings: &Settings,
    abilities: &Abilities,
) -> Vec<lsp::Diagnostic> {
    let Some(file) = analysis.file_id(path) else { return Vec::new() };
    let found = analysis.diagnostics(file);
    found.iter().filter(|d| settings.shows(d)).map(|d| diagnostic(analysis, d, settings, abilities)).collect()
}

/// One diagnostic with its proof as related information, and of all that only
/// what the client takes.
pub(super) fn diagnostic(
    analysis: &Analysis,
    diagnostic: &Diagnostic,
    settings: &Settings,
    abilities: &Abilities,
) -> lsp::Diagnostic {
    let (encoding, takes) = (abilities.encoding, abilities.diagnostics);
    let related: Vec<DiagnosticRelatedInformation> = diagnostic
        .related
        .iter()
        .filter_map(|related| {
            Some(DiagnosticRelatedInformation {
                location: location(analysis, related.location, encoding)?,
                message: related.message.clone(),
            })
        })
        .collect();
    lsp::Diagnostic {
        range: range(analysis, diagnostic.location.file, diagnostic.location.range, encoding),
        severity: Some(match settings.severity(diagnostic).unwrap_or(diagnostic.severity) {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Info => DiagnosticSeverity::INFORMATION,
            Severity::Hint => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(diagnostic.rule.to_owned())),
        code_description: page(abilities, diagnostic.rule).filter(|_| takes.code_description),
        source: Some("authlens".to_owned()),
        message: diagnostic.message.clone(),
        related_information: (takes.related && !related.is_empty()).then_some(related),
        tags: (takes.unnecessary && diagnostic.unnecessary).then(|| vec![DiagnosticTag::UNNECESSARY]),
        data: takes.data.then(|| json!({ "rule": diagnostic.rule })),
    }
}

/// Where the page of a rule is: at the client's own address, if it has one, else in the repository.
fn page(abilities: &Abilities, rule: &str) -> Option<CodeDescription> {
    let pages = abilities.rule_pages.as_deref().unwrap_or(PAGES);
    Some(CodeDescription { href: Url::parse(&format!("{pages}{rule}.md")).ok()? })
}

/// A byte range in the client's unit.
pub(super) fn range(analysis: &Analysis, file: FileId, range: TextRange, encoding: PositionEncoding) -> Range {
    let Some((text, lines)) = analysis.text(file).zip(analysis.line_index(file)) else { return Range::default() };
    let position = |offset| {
        let at = lines.line_col(offset, &text, encoding);
        Position::new(at.line, at.col)
    };
    Range::new(position(range.start), position(range.end))
}

/// The byte offset of a position.
pub(super) fn offset(analysis: &Analysis, file: FileId, position: Position, encoding: PositionEncoding) -> Option<u32> {
    let (text, lines) = analysis.text(file).zip(analysis.line_index(file))?;
    Some(lines.offset(LineCol { line: position.line, col: position.character }, &text, encoding))
}

/// A place, with the address that the file system gives the file.
pub(super) fn location(analysis: &Analysis, location: Location, encoding: PositionEncoding) -> Option<lsp::Location> {
    let uri = Url::from_file_path(analysis.path(location.file)).ok()?;
    Some(lsp::Location { uri, range: range(analysis, location.file, location.range, encoding) })
}

/// An address that leads to a line of a file; none for what is no file.
pub(super) fn address(analysis: &Analysis, location: Location) -> Option<Url> {
    let mut address = Url::from_file_path(analysis.path(location.file)).ok()?;
    address.set_fragment(Some(&format!("L{}", line(analysis, location))));
    Some(address)
}

/// The line of a place, counted from 1.
fn line(analysis: &Analysis, location: Location) -> u32 {
    analysis.line_index(location.file).map_or(0, |lines| lines.line(location.range.start)) + 1
}

/// The steps of a proof as a Markdown list with links.
pub(super) fn proof(analysis: &Analysis, proof: &[Related]) -> String {
    let mut out = String::new();
    for step in proof {
        let path = analysis.path(step.location.file);
        let name = path.rsplit('/').next().unwrap_or(path);
        match address(analysis, step.location) {
            Some(address) => {
                let line = line(analysis, step.location);
                out.push_str(&format!("- [{name}:{line}]({address}) {}\n", step.message));
            }
            // The settings of an editor have no lines.
            None => out.push_str(&format!("- {name}: {}\n", step.message)),
        }
    }
    out
}

/// Edits with the versions of open documents, if the client takes these. None
/// when the change makes a file and the client can't.
pub(super) fn workspace_edit(view: &View, change: &SourceChange) -> Option<WorkspaceEdit> {
    let analysis = &view.analysis;
    let can_create = view.abilities.creates_files && view.abilities.document_changes;
    if !can_create && !change.created.is_empty() {
        return None;
    }
    let mut edits = Vec::new();
    for (file, file_edits) in &change.edits {
        let open = view.open.get(analysis.path(*file));
        let uri = match open {
            Some((uri, _)) => uri.clone(),
            None => Url::from_file_path(analysis.path(*file)).ok()?,
        };
        let file_edits: Vec<lsp::TextEdit> = file_edits
            .iter()
            .map(|edit| lsp::TextEdit {
                range: range(analysis, *file, edit.range, view.abilities.encoding),
                new_text: edit.text.clone(),
            })
            .collect();
        edits.push((uri, open.map(|(_, version)| *version), file_edits));
    }
    if !view.abilities.document_changes {
        let changes = edits.into_iter().map(|(uri, _, edits)| (uri, edits)).collect();
        return Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() });
    }
    let edits = edits.into_iter().map(|(uri, version, edits)| TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri, version },
        edits: edits.into_iter().map(OneOf::Left).collect(),
    });
    if change.created.is_empty() {
        let changes = DocumentChanges::Edits(edits.collect());
        return Some(WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() });
    }
    let mut operations = Vec::new();
    for file in &change.created {
        let uri = Url::from_file_path(&file.path).ok()?;
        let create = CreateFile { uri: uri.clone(), options: None, annotation_id: None };
        operations.push(DocumentChangeOperation::Op(ResourceOp::Create(create)));
        let text = lsp::TextEdit { range: Range::default(), new_text: file.text.clone() };
        operations.push(DocumentChangeOperation::Edit(TextDocumentEdit {
            text_document: OptionalVersionedTextDocumentIdentifier { uri, version: None },
            edits: vec![OneOf::Left(text)],
        }));
    }
    operations.extend(edits.map(DocumentChangeOperation::Edit));
    let changes = DocumentChanges::Operations(operations);
    Some(WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() })
}
