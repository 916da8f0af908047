//! The protocol's methods. Each puts an event into the main loop before its
//! first `await`, and holds no logic of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::notification::Progress;
use tower_lsp::lsp_types::request::WorkDoneProgressCreate;
use tower_lsp::lsp_types::*;
use tower_lsp::{Client, LanguageServer};

use super::documents::path_of;
use super::events::{Event, IndexStep, Outgoing};
use super::frames::Session;
use super::main_loop;
use super::output::Output;
use super::requests;
use super::settings::{Abilities, Settings};
use super::view::View;

/// How long a client may take to say that it will pull again.
const REFRESH_PATIENCE: Duration = Duration::from_secs(5);

/// The state of the protocol: everything else lives in the main loop.
pub(super) struct Backend {
    client: Client,
    output: Output,
    session: Arc<Session>,
    events: Sender<Event>,
    /// Taken when the client is ready: nothing is sent before.
    outbox: std::sync::Mutex<Option<UnboundedReceiver<Outgoing>>>,
}

impl Backend {
    pub(super) fn new(client: Client, output: Output, session: Arc<Session>) -> Self {
        let (events, inbox) = std::sync::mpsc::channel();
        let (sender, receiver) = unbounded_channel();
        let (own, own_output) = (events.clone(), output.clone());
        let spawned = std::thread::Builder::new()
            .name("main-loop".into())
            .stack_size(64 << 20)
            .spawn(move || main_loop::run(own, inbox, own_output, sender));
        if let Err(error) = spawned {
            eprintln!("authlens: can't start the main loop: {error}");
        }
        Self { client, output, session, events, outbox: std::sync::Mutex::new(Some(receiver)) }
    }

    pub(super) fn raw(&self) -> Value {
        self.session.initialize.get().cloned().unwrap_or_default()
    }

    pub(super) fn send(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Runs `work` on a worker over the state that holds every earlier edit.
    /// It is in line when this returns, before anything is awaited.
    pub(super) fn ask<T: Send + 'static>(&self, work: impl FnOnce(&View) -> T + Send + 'static) -> Answer<T> {
        let (sender, receiver) = oneshot::channel();
        self.send(Event::Request(Box::new(move |view| {
            let _ = sender.send(work(view));
        })));
        Box::pin(async move { receiver.await.map_err(|_| Error::internal_error()) })
    }
}

/// The answer to a request that is in line.
pub(super) type Answer<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

#[tower_lsp::async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let abilities = Abilities::read(&self.raw());
        watch_parent(params.process_id);
        let encoding = match abilities.encoding {
            authlens_analysis::text::PositionEncoding::Utf8 => PositionEncodingKind::UTF8,
            authlens_analysis::text::PositionEncoding::Utf16 => PositionEncodingKind::UTF16,
            authlens_analysis::text::PositionEncoding::Utf32 => PositionEncodingKind::UTF32,
        };
        let pull = DiagnosticServerCapabilities::Options(DiagnosticOptions {
            identifier: Some("authlens".to_owned()),
            inter_file_dependencies: true,
            workspace_diagnostics: true,
            work_done_progress_options: WorkDoneProgressOptions::default(),
        });
        Ok(InitializeResult {
            capabilities: ServerCapabilities {
                position_encoding: Some(encoding),
                text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
                    open_close: Some(true),
                    change: Some(TextDocumentSyncKind::INCREMENTAL),
                    save: Some(TextDocumentSyncSaveOptions::Supported(true)),
                    ..TextDocumentSyncOptions::default()
                })),
                hover_provider: Some(HoverProviderCapability::Simple(true)),
                definition_provider: Some(OneOf::Left(true)),
                references_provider: Some(OneOf::Left(true)),
                document_link_provider: Some(DocumentLinkOptions {
                    resolve_provider: Some(false),
                    work_done_progress_options: WorkDoneProgressOptions::default(),
                }),
                workspace_symbol_provider: Some(OneOf::Left(true)),
                code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
                inlay_hint_provider: Some(OneOf::Left(true)),
                code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
                    code_action_kinds: Some(vec![
                        CodeActionKind::QUICKFIX,
                        CodeActionKind::new("source.fixAll.authlens"),
                    ]),
                    ..CodeActionOptions::default()
                })),
                diagnostic_provider: abilities.pull.then_some(pull),
                execute_command_provider: Some(ExecuteCommandOptions {
                    commands: vec![requests::EXPLAIN_RULE.into(), "authlens.reindex".into()],
                    ..ExecuteCommandOptions::default()
                }),
                workspace: Some(WorkspaceServerCapabilities {
                    workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                        supported: Some(true),
                        change_notifications: Some(OneOf::Left(true)),
                    }),
                    file_operations: None,
                }),
                experimental: abilities.routes_changed.then(|| json!({"authlens": {"routes": true}})),
                ..ServerCapabilities::default()
            },
            server_info: Some(ServerInfo {
                name: "authlens".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        let raw = self.raw();
        let abilities = Abilities::read(&raw);
        let settings = Settings::read(raw.get("initializationOptions").unwrap_or(&Value::Null));
        self.send(Event::Start { abilities: abilities.clone(), settings, roots: roots(&raw) });
        self.output.release();
        let outbox = self.outbox.lock().ok().and_then(|mut outbox| outbox.take());
        if let Some(outbox) = outbox {
            tokio::spawn(deliver(self.client.clone(), abilities.clone(), outbox));
        }
        let client = self.client.clone();
        let events = self.events.clone();
        tokio::spawn(async move {
            let mut wanted = Vec::new();
            if abilities.watches_files {
                wanted.push(file_watcher());
            }
            if abilities.registers_configuration {
                wanted.push(settings_listener());
            }
            if !wanted.is_empty() {
                let _ = client.register_capability(wanted).await;
            }
            if abilities.pulls_configuration {
                pull_settings(&client, &events).await;
            }
        });
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.send(Event::Open { uri: document.uri, version: document.version, text: document.text });
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        self.send(Event::Change { uri, version, changes: params.content_changes });
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.send(Event::Close { uri: params.text_document.uri });
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        // For clients without watchers a save is the news that a file exists.
        self.send(Event::Touched(vec![path_of(&params.text_document.uri)]));
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.send(Event::Touched(params.changes.iter().map(|change| path_of(&change.uri)).collect()));
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let paths = |folders: &[WorkspaceFolder]| folders.iter().map(|folder| folder_path(&folder.uri)).collect();
        let (added, removed) = (paths(&params.event.added), paths(&params.event.removed));
        self.send(Event::Folders { added, removed });
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        if params.settings.is_object() {
            self.send(Event::Settings(Settings::read(&params.settings)));
        } else if Abilities::read(&self.raw()).pulls_configuration {
            let (client, events) = (self.client.clone(), self.events.clone());
            tokio::spawn(async move { pull_settings(&client, &events).await });
        }
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position_params;
        let found = self.ask(move |view| requests::definition(view, &text_document.uri, position)).await?;
        Ok((!found.is_empty()).then_some(GotoDefinitionResponse::Array(found)))
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position;
        let found = self.ask(move |view| requests::references(view, &text_document.uri, position)).await?;
        Ok((!found.is_empty()).then_some(found))
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        self.ask(move |view| Some(requests::document_links(view, &params.text_document.uri))).await
    }

    async fn symbol(&self, params: WorkspaceSymbolParams) -> Result<Option<Vec<SymbolInformation>>> {
        self.ask(move |view| Some(requests::symbols(view, &params.query))).await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position_params;
        self.ask(move |view| requests::hover(view, &text_document.uri, position)).await
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        self.ask(move |view| Some(requests::code_lens(view, &params.text_document.uri))).await
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        self.ask(move |view| Some(requests::inlay_hints(view, &params.text_document.uri, params.range))).await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        self.ask(move |view| Some(requests::code_actions(view, &params))).await
    }

    async fn diagnostic(&self, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReportResult> {
        let (uri, previous) = (params.text_document.uri, params.previous_result_id);
        let report = self.ask(move |view| requests::document_report(view, &uri, previous.as_deref()));
        Ok(DocumentDiagnosticReportResult::Report(report.await?))
    }

    async fn workspace_diagnostic(&self, params: WorkspaceDiagnosticParams) -> Result<WorkspaceDiagnosticReportResult> {
        let items = self.ask(move |view| requests::workspace_reports(view, params.previous_result_ids));
        Ok(WorkspaceDiagnosticReportResult::Report(WorkspaceDiagnosticReport { items: items.await? }))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        match params.command.as_str() {
            requests::EXPLAIN_RULE => {
                let code = params.arguments.first().and_then(Value::as_str).unwrap_or_default();
                let rule = authlens_analysis::rules::find(code);
                rule.map(|rule| Some(json!(rule.page))).ok_or_else(|| Error::invalid_params("there is no such rule"))
            }
            "authlens.reindex" => {
                self.send(Event::Reindex);
                Ok(None)
            }
            _ => Err(Error::method_not_found()),
        }
    }
}

/// Asks the client for what the main loop wants of it. Only here the client is
/// awaited, and nothing else waits with it: one that does not answer holds nothing up.
async fn deliver(client: Client, abilities: Abilities, mut outbox: UnboundedReceiver<Outgoing>) {
    let (progress, steps) = unbounded_channel();
    if abilities.progress {
        tokio::spawn(show_progress(client.clone(), steps));
    }
    let (refresh, wanted) = unbounded_channel();
    tokio::spawn(refresh_client(client.clone(), abilities, wanted));
    while let Some(outgoing) = outbox.recv().await {
        match outgoing {
            Outgoing::Refresh => {
                let _ = refresh.send(());
            }
            Outgoing::Progress(step) => {
                // Nobody listens where progress can't be shown.
                let _ = progress.send(step);
            }
        }
    }
}

/// Shows how far the index is. Each index has a token of its own, which the
/// client must accept first (LSP 3.17, `window/workDoneProgress/create`).
async fn show_progress(client: Client, mut steps: UnboundedReceiver<IndexStep>) {
    let mut number = 0u32;
    let mut shown: Option<NumberOrString> = None;
    while let Some(step) = steps.recv().await {
        match step {
            IndexStep::Begin if shown.is_none() => {
                number += 1;
                let token = NumberOrString::String(format!("authlens/index/{number}"));
                let create = WorkDoneProgressCreateParams { token: token.clone() };
                if client.send_request::<WorkDoneProgressCreate>(create).await.is_ok() {
                    let begin = WorkDoneProgressBegin {
                        title: "authlens: reading the project".into(),
                        percentage: Some(0),
                        ..WorkDoneProgressBegin::default()
                    };
                    report(&client, &token, WorkDoneProgress::Begin(begin)).await;
                    shown = Some(token);
                }
            }
            IndexStep::Percent(percentage) => {
                if let Some(token) = &shown {
                    let step =
                        WorkDoneProgressReport { percentage: Some(percentage), ..WorkDoneProgressReport::default() };
                    report(&client, token, WorkDoneProgress::Report(step)).await;
                }
            }
            IndexStep::End => {
                if let Some(token) = shown.take() {
                    report(&client, &token, WorkDoneProgress::End(WorkDoneProgressEnd::default())).await;
                }
            }
            IndexStep::Begin => {}
        }
    }
}

async fn report(client: &Client, token: &NumberOrString, value: WorkDoneProgress) {
    let value = ProgressParamsValue::WorkDone(value);
    client.send_notification::<Progress>(ProgressParams { token: token.clone(), value }).await;
}

/// Asks the client to pull again: once for all that changed while it was being asked.
async fn refresh_client(client: Client, abilities: Abilities, mut wanted: UnboundedReceiver<()>) {
    while wanted.recv().await.is_some() {
        while wanted.try_recv().is_ok() {}
        let diagnostics = async {
            if abilities.pull {
                let _ = client.workspace_diagnostic_refresh().await;
            }
        };
        let lenses = async {
            if abilities.refresh_lens {
                let _ = client.code_lens_refresh().await;
            }
        };
        let hints = async {
            if abilities.refresh_inlay {
                let _ = client.inlay_hint_refresh().await;
            }
        };
        let asked = async { tokio::join!(diagnostics, lenses, hints) };
        // A client that does not answer is asked again all the same.
        let _ = tokio::time::timeout(REFRESH_PATIENCE, asked).await;
    }
}

async fn pull_settings(client: &Client, events: &Sender<Event>) {
    let item = ConfigurationItem { scope_uri: None, section: Some("authlens".to_owned()) };
    if let Ok(values) = client.configuration(vec![item]).await
        && let Some(value) = values.first().filter(|value| value.is_object())
    {
        let _ = events.send(Event::Settings(Settings::read(value)));
    }
}

fn file_watcher() -> Registration {
    let watchers = json!({"watchers": WATCHED.map(|pattern| json!({"globPattern": pattern}))});
    Registration {
        id: "authlens/files".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: Some(watchers),
    }
}

/// All that is read: source, what says what must be guarded, what runs it and what configures it.
const WATCHED: [&str; 17] = [
    "**/*.py",
    "**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs}",
    "**/*.{md,yaml,yml,json}",
    "**/{authlens,pyproject}.toml",
    "**/requirements*.txt",
    "**/requirements/*.txt",
    "**/{uv,poetry,pdm}.lock",
    "**/{Pipfile,Pipfile.lock}",
    "**/.env*",
    "**/*.env",
    "**/*[eE][nN][vV]*.txt",
    "**/alembic.ini",
    "**/{Dockerfile,Containerfile}",
    "**/Dockerfile.*",
    "**/*.Dockerfile",
    "**/*.tpl",
    "**/*.{pem,key}",
];

/// Asks to be told of changed settings: VS Code tells only those who ask.
fn settings_listener() -> Registration {
    Registration {
        id: "authlens/settings".to_owned(),
        method: "workspace/didChangeConfiguration".to_owned(),
        register_options: Some(json!({"section": "authlens"})),
    }
}

/// Workspace folders of the raw `initialize` parameters, else the root.
fn roots(raw: &Value) -> Vec<String> {
    let folders = raw.get("workspaceFolders").and_then(Value::as_array);
    let uris = folders.into_iter().flatten().filter_map(|folder| folder.get("uri")?.as_str());
    let mut uris: Vec<&str> = uris.collect();
    if uris.is_empty() {
        uris.extend(raw.get("rootUri").and_then(Value::as_str));
    }
    uris.into_iter().filter_map(|uri| Url::parse(uri).ok()).map(|uri| folder_path(&uri)).collect()
}

fn folder_path(uri: &Url) -> String {
    path_of(uri).trim_end_matches('/').to_owned()
}

/// Ends the process when the editor that started it is gone (LSP 3.17, `processId`).
fn watch_parent(process: Option<u32>) {
    let Some(process) = process.filter(|_| cfg!(target_os = "linux")) else { return };
    let path = format!("/proc/{process}");
    if !std::path::Path::new(&path).exists() {
        return;
    }
    std::thread::spawn(move || {
        while std::path::Path::new(&path).exists() {
            std::thread::sleep(Duration::from_secs(3));
        }
        std::process::exit(1);
    });
}

#[cfg(test)]
mod tests {
    use ignore::overrides::OverrideBuilder;

    use super::WATCHED;
    use crate::workspace::is_source;

    /// A file that is read and not watched goes on saying what it said when the editor was started.
    #[test]
    fn all_that_is_read_is_watched() {
        let mut patterns = OverrideBuilder::new("/p");
        for pattern in WATCHED {
            patterns.add(pattern).unwrap();
        }
        let patterns = patterns.build().unwrap();
        for name in [
            "app/main.py",
            "web/lib/api.tsx",
            "authlens.toml",
            "pyproject.toml",
            "back/requirements.txt",
            "back/requirements-dev.txt",
            "back/requirements/base.txt",
            "uv.lock",
            "poetry.lock",
            "pdm.lock",
            "Pipfile",
            "Pipfile.lock",
            "web/package.json",
            "web/tsconfig.base.json",
            "specs/api.md",
            "openapi.yaml",
            ".env.local",
            "deploy/api.env",
            "SPACE_ENV_VARS.txt",
            "alembic.ini",
            "Dockerfile",
            "Dockerfile.prod",
            "api.Dockerfile",
            "Containerfile",
            "docker-compose.yml",
            "chart/templates/_helpers.tpl",
            "keys/signing.pem",
        ] {
            let path = format!("/p/{name}");
            assert!(is_source(&path, &["/p".to_owned()]), "{name} is not read");
            assert!(patterns.matched(&path, false).is_whitelist(), "{name} is not watched");
        }
    }
}
