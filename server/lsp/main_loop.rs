//! The one thread that owns the state.
//!
//! Handlers enqueue events in the order of arrival. The loop takes all that
//! are there, applies edits first, analyses once, publishes the edited files,
//! then the others they changed. Requests run on workers over the snapshot
//! that holds every edit which came before them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use authlens_analysis::ide::{Analysis, AnalysisHost, Change, FileContent};
use authlens_analysis::vfs::FileId;
use tokio::sync::mpsc::UnboundedSender;
use tower_lsp::lsp_types::{PublishDiagnosticsParams, TextDocumentContentChangeEvent, Url};

use super::convert;
use super::documents::Document;
use super::settings::{Abilities, Settings};
use crate::workspace;

/// Files that a batch of the index holds: small, so that a key never waits long.
const BATCH: usize = 128;

/// What the loop is told.
pub(super) enum Event {
    /// The client is ready; index these folders.
    Start {
        abilities: Abilities,
        settings: Settings,
        roots: Vec<String>,
    },
    Open {
        uri: Url,
        version: i32,
        text: String,
    },
    Change {
        uri: Url,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    },
    Close {
        uri: Url,
    },
    /// Files may have changed on disk.
    Touched(Vec<String>),
    /// Workspace folders came and went.
    Folders {
        added: Vec<String>,
        removed: Vec<String>,
    },
    Settings(Settings),
    /// Files read from disk.
    Read(Vec<(String, FileContent)>),
    /// All folders have been read.
    Indexed,
    /// A request, run on a worker.
    Request(Job),
}

/// A request's work.
pub(super) type Job = Box<dyn FnOnce(&View) + Send>;

/// What a request can see.
#[derive(Clone)]
pub(super) struct View {
    pub(super) analysis: Analysis,
    pub(super) abilities: Abilities,
    pub(super) settings: Settings,
    /// Open documents: path, address, version.
    pub(super) open: Arc<BTreeMap<String, (Url, i32)>>,
}

/// What the client is told.
pub(super) enum Outgoing {
    Publish(PublishDiagnosticsParams),
    /// Diagnostics, lenses or hints of other files may differ now.
    Refresh,
    ProgressBegin,
    Progress(u32),
    ProgressEnd,
}

struct Loop {
    host: AnalysisHost,
    abilities: Abilities,
    settings: Settings,
    roots: Vec<String>,
    documents: BTreeMap<String, Document>,
    /// Paths of files that were published with findings.
    published: BTreeSet<String>,
    events: Sender<Event>,
    outbox: UnboundedSender<Outgoing>,
    workers: Sender<(Job, View)>,
    open: Arc<BTreeMap<String, (Url, i32)>>,
}

/// Runs until every sender of events is gone.
pub(super) fn run(events: Sender<Event>, inbox: Receiver<Event>, outbox: UnboundedSender<Outgoing>) {
    let mut state = Loop {
        host: AnalysisHost::new(),
        abilities: Abilities::default(),
        settings: Settings::default(),
        roots: Vec::new(),
        documents: BTreeMap::new(),
        published: BTreeSet::new(),
        events,
        outbox,
        workers: start_workers(),
        open: Arc::default(),
    };
    while let Ok(first) = inbox.recv() {
        let mut waiting = vec![first];
        waiting.extend(inbox.try_iter());
        for event in waiting {
            state.handle(event);
        }
        state.flush();
    }
}

/// Threads that answer requests. A panic ends one answer, not the thread.
fn start_workers() -> Sender<(Job, View)> {
    let (sender, receiver) = std::sync::mpsc::channel::<(Job, View)>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..2 {
        let receiver = Arc::clone(&receiver);
        std::thread::spawn(move || {
            loop {
                let next = match receiver.lock() {
                    Ok(receiver) => receiver.recv(),
                    Err(_) => return,
                };
                let Ok((job, view)) = next else { return };
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&view)));
            }
        });
    }
    sender
}

/// The path under which the analysis knows a document.
pub(super) fn path_of(uri: &Url) -> String {
    match uri.to_file_path() {
        Ok(path) => workspace::slashed(&path),
        // A document that has no file is analysed alone.
        Err(()) => format!("/{}/{}.py", uri.scheme(), uri.path().trim_matches('/')),
    }
}

impl Loop {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Start { abilities, settings, roots } => {
                self.abilities = abilities;
                self.settings = settings;
                self.roots = roots.clone();
                self.apply(Change { roots: Some(roots.clone()), ..Change::default() });
                self.index(roots);
            }
            Event::Open { uri, version, text } => {
                let path = path_of(&uri);
                if !self.roots.iter().any(|root| path.starts_with(&format!("{root}/"))) {
                    self.list_neighbours(&path);
                }
                self.documents.insert(path, Document::new(uri, version, &text));
                self.note_open();
            }
            Event::Change { uri, version, changes } => {
                let encoding = self.abilities.encoding;
                if let Some(document) = self.documents.get_mut(&path_of(&uri)) {
                    document.change(version, changes, encoding);
                    self.note_open();
                }
            }
            Event::Close { uri } => {
                let path = path_of(&uri);
                if self.documents.remove(&path).is_some() {
                    self.note_open();
                    let disk = vec![(path.clone(), workspace::read(&path))];
                    self.apply(Change { disk, open: vec![(path, None)], ..Change::default() });
                }
            }
            Event::Touched(paths) => {
                let paths = paths.into_iter().filter(|path| workspace::is_source(path));
                let disk: Vec<_> = paths.map(|path| (path.clone(), workspace::read(&path))).collect();
                self.apply(Change { disk, ..Change::default() });
            }
            Event::Folders { added, removed } => {
                self.roots.retain(|root| !removed.contains(root));
                self.roots.extend(added.iter().cloned());
                let analysis = self.host.snapshot();
                let gone = analysis.paths().filter(|path| {
                    let inside = |root: &String| path.starts_with(&format!("{root}/"));
                    removed.iter().any(inside) && !self.roots.iter().any(inside)
                });
                let disk = gone.map(|path| (path.to_owned(), FileContent::Removed)).collect();
                self.apply(Change { roots: Some(self.roots.clone()), disk, ..Change::default() });
                self.index(added);
            }
            Event::Settings(settings) => {
                if self.settings != settings {
                    self.settings = settings;
                    let analysis = self.host.snapshot();
                    self.publish_files(&analysis, &analysis.files_with_diagnostics());
                    let _ = self.outbox.send(Outgoing::Refresh);
                }
            }
            Event::Read(files) => self.apply(Change { disk: files, ..Change::default() }),
            Event::Indexed => {
                self.flush();
                let applied = self.host.set_indexing(false);
                self.after(applied);
                let _ = self.outbox.send(Outgoing::ProgressEnd);
                let _ = self.outbox.send(Outgoing::Refresh);
            }
            Event::Request(job) => {
                self.flush();
                let view = View {
                    analysis: self.host.snapshot(),
                    abilities: self.abilities.clone(),
                    settings: self.settings.clone(),
                    open: Arc::clone(&self.open),
                };
                let _ = self.workers.send((job, view));
            }
        }
    }

    fn note_open(&mut self) {
        let open =
            self.documents.iter().map(|(path, document)| (path.clone(), (document.uri.clone(), document.version)));
        self.open = Arc::new(open.collect());
    }

    /// Hands the text of edited documents to the analysis and publishes them.
    fn flush(&mut self) {
        let mut edited = Vec::new();
        let mut open = Vec::new();
        for (path, document) in &mut self.documents {
            if document.dirty {
                document.dirty = false;
                open.push((path.clone(), Some(Arc::from(document.rope.to_string()))));
                edited.push(path.clone());
            }
        }
        if open.is_empty() {
            return;
        }
        let applied = self.host.apply(Change { open, ..Change::default() });
        let analysis = self.host.snapshot();
        if !self.abilities.pull {
            for path in &edited {
                self.publish(&analysis, path);
            }
        }
        let edited: BTreeSet<FileId> = edited.iter().filter_map(|path| analysis.file_id(path)).collect();
        let others: Vec<FileId> = applied.changed.iter().copied().filter(|file| !edited.contains(file)).collect();
        if !others.is_empty() {
            self.publish_files(&analysis, &others);
            let _ = self.outbox.send(Outgoing::Refresh);
        }
        self.read(applied.wanted);
    }

    fn apply(&mut self, change: Change) {
        let applied = self.host.apply(change);
        self.after(applied);
    }

    fn after(&mut self, applied: authlens_analysis::ide::Applied) {
        if !applied.changed.is_empty() {
            let analysis = self.host.snapshot();
            self.publish_files(&analysis, &applied.changed);
            let _ = self.outbox.send(Outgoing::Refresh);
        }
        self.read(applied.wanted);
    }

    /// Reads files off this thread.
    fn read(&self, wanted: Vec<String>) {
        if wanted.is_empty() {
            return;
        }
        let events = self.events.clone();
        std::thread::spawn(move || {
            let files = wanted.into_iter().map(|path| (path.clone(), workspace::read(&path))).collect();
            let _ = events.send(Event::Read(files));
        });
    }

    fn publish_files(&mut self, analysis: &Analysis, files: &[FileId]) {
        if self.abilities.pull {
            return;
        }
        for file in files {
            self.publish(analysis, analysis.path(*file));
        }
    }

    fn publish(&mut self, analysis: &Analysis, path: &str) {
        let document = self.documents.get(path);
        let uri = match document {
            Some(document) => document.uri.clone(),
            None => match Url::from_file_path(Path::new(path)) {
                Ok(uri) => uri,
                Err(()) => return,
            },
        };
        let diagnostics = convert::diagnostics(analysis, path, &self.settings, &self.abilities);
        // A file that has and had nothing is not spoken of, unless it is open:
        // then its silence is an answer.
        let had =
            if diagnostics.is_empty() { self.published.remove(path) } else { !self.published.insert(path.to_owned()) };
        if diagnostics.is_empty() && !had && document.is_none() {
            return;
        }
        let version = document.map(|document| document.version);
        let _ = self.outbox.send(Outgoing::Publish(PublishDiagnosticsParams { uri, diagnostics, version }));
    }

    /// Reads folders on another thread, in batches.
    fn index(&mut self, roots: Vec<String>) {
        if roots.is_empty() {
            return;
        }
        let applied = self.host.set_indexing(true);
        self.after(applied);
        let _ = self.outbox.send(Outgoing::ProgressBegin);
        let (events, outbox) = (self.events.clone(), self.outbox.clone());
        std::thread::spawn(move || {
            for root in roots {
                let _ = events.send(Event::Read(workspace::policy_above(Path::new(&root))));
                let report = |progress: workspace::Progress| {
                    let _ = outbox.send(Outgoing::Progress((progress.done * 100 / progress.total.max(1)) as u32));
                };
                let files = workspace::discover(Path::new(&root), &report);
                for batch in files.chunks(BATCH) {
                    let _ = events.send(Event::Read(batch.to_vec()));
                }
            }
            let _ = events.send(Event::Indexed);
        });
    }

    /// A file outside of every folder: its neighbours can be imported.
    fn list_neighbours(&mut self, path: &str) {
        let folder = Path::new(path).parent().map(Path::to_owned).unwrap_or_default();
        let listed = workspace::siblings(&folder).into_iter().filter(|sibling| sibling != path);
        let disk = listed.map(|sibling| (sibling, FileContent::Listed)).collect();
        self.apply(Change { disk, ..Change::default() });
    }
}
