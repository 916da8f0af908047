//! The one thread that owns the state.
//!
//! Handlers enqueue events in the order of arrival. The loop takes all that
//! are there, applies edits first, analyses once, publishes the edited files,
//! then the others they changed. Requests run on workers over the snapshot
//! that holds every edit which came before them.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use authlens_analysis::facts::configuration;
use authlens_analysis::facts::roles::SETTINGS;
use authlens_analysis::ide::{Analysis, AnalysisHost, Applied, Change, FileContent};
use authlens_analysis::rules::invalid_configuration;
use authlens_analysis::vfs::FileId;
use tokio::sync::mpsc::UnboundedSender;
use tower_lsp::lsp_types::notification::{PublishDiagnostics, ShowMessage};
use tower_lsp::lsp_types::{MessageType, PublishDiagnosticsParams, ShowMessageParams, Url};

use super::convert;
use super::documents::{Document, path_of};
use super::events::{Event, IndexStep, Outgoing};
use super::output::Output;
use super::protocol::{RoutesChanged, RoutesChangedParams};
use super::settings::{Abilities, Settings};
use super::threads::{self, Reading};
use super::view::{Job, View, spelled};
use crate::workspace::{self, Reach};

/// Times that the analysis starts anew with the whole workspace. After that it
/// knows open documents only.
const MAX_RECOVERIES: u32 = 8;

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

struct Loop {
    host: AnalysisHost,
    abilities: Abilities,
    settings: Settings,
    /// Workspace folders; the watching thread reads them too.
    roots: Arc<Mutex<Vec<String>>>,
    /// Those that the client knows by a symbolic link: their real paths, and what it calls them.
    spellings: Arc<Vec<(String, String)>>,
    /// Folders that are being read.
    indexing: u32,
    /// Paths that may have changed while folders were being read.
    touched_meanwhile: BTreeSet<String>,
    /// Paths in the change that the analysis is at.
    in_analysis: Vec<String>,
    /// Paths whose analysis failed; left out until they are edited.
    failed: BTreeSet<String>,
    recoveries: u32,
    /// Whether the client knows that routes may differ from those that it asked for.
    routes_told: bool,
    documents: BTreeMap<String, Document>,
    /// Paths of files that were published with findings, and the address under which they were.
    published: BTreeMap<String, Url>,
    events: Sender<Event>,
    output: Output,
    outbox: UnboundedSender<Outgoing>,
    workers: Sender<(Job, View)>,
    /// Reads files in the order in which they were asked for.
    reader: Sender<Vec<Reading>>,
    open: Arc<BTreeMap<String, (Url, i32)>>,
}

/// Runs until every sender of events is gone.
pub(super) fn run(events: Sender<Event>, inbox: Receiver<Event>, output: Output, outbox: UnboundedSender<Outgoing>) {
    let mut state = Loop::new(events, output, outbox);
    while let Ok(first) = inbox.recv() {
        let waiting: Vec<Event> = std::iter::once(first).chain(inbox.try_iter()).collect();
        for event in waiting {
            state.guarded(|state| state.handle(event));
        }
        state.guarded(Loop::flush);
    }
}

impl Loop {
    fn new(events: Sender<Event>, output: Output, outbox: UnboundedSender<Outgoing>) -> Self {
        Self {
            host: AnalysisHost::packing(),
            abilities: Abilities::default(),
            settings: Settings::default(),
            roots: Arc::default(),
            spellings: Arc::default(),
            indexing: 0,
            touched_meanwhile: BTreeSet::new(),
            in_analysis: Vec::new(),
            failed: BTreeSet::new(),
            recoveries: 0,
            routes_told: false,
            documents: BTreeMap::new(),
            published: BTreeMap::new(),
            reader: threads::start_reader(events.clone()),
            events,
            output,
            outbox,
            workers: threads::start_workers(),
            open: Arc::default(),
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Start { abilities, settings, roots } => {
                self.abilities = abilities;
                self.settings = settings;
                self.set_roots(roots.clone());
                if self.settings.policy.is_some() {
                    self.set_policy();
                    self.tell_of_policy();
                }
                self.index(roots);
                let reach = if self.abilities.watches_files { Reach::Above } else { Reach::All };
                threads::watch(self.events.clone(), Arc::clone(&self.roots), reach);
            }
            Event::Open { uri, version, text } => {
                let path = self.path_of(&uri);
                if self.is_outside(&path) {
                    self.list_neighbours(&path);
                }
                self.documents.insert(path, Document::new(uri, version, &text));
                self.note_open();
            }
            Event::Change { uri, version, changes } => {
                let encoding = self.abilities.encoding;
                let path = self.path_of(&uri);
                if let Some(document) = self.documents.get_mut(&path) {
                    document.change(version, changes, encoding);
                    self.failed.remove(&path);
                    self.note_open();
                }
            }
            Event::Close { uri } => {
                let path = self.path_of(&uri);
                if self.documents.remove(&path).is_some() {
                    self.note_open();
                    let disk = match self.is_outside(&path) {
                        true => self.left_behind(&path),
                        false => vec![(path.clone(), workspace::read(&path))],
                    };
                    self.apply(Change { disk, open: vec![(path, None)], ..Change::default() });
                }
            }
            Event::Touched(paths) => self.touched(paths),
            Event::Folders { added, removed } => {
                let mut roots = self.roots();
                roots.retain(|root| !removed.contains(root));
                roots.extend(added.iter().cloned());
                let analysis = self.host.snapshot();
                let gone = analysis.paths().filter(|path| {
                    let inside = |root: &String| path.starts_with(&format!("{root}/"));
                    removed.iter().any(inside) && !roots.iter().any(inside)
                });
                let disk = gone.map(|path| (path.to_owned(), FileContent::Removed)).collect();
                self.apply(Change { disk, ..Change::default() });
                // Nothing counts as known of a folder before it has been read.
                self.index(added);
                self.set_roots(roots);
            }
            Event::Reindex => {
                let roots = self.roots();
                self.handle(Event::Folders { added: roots.clone(), removed: roots });
            }
            Event::Settings(settings) => {
                if self.settings != settings {
                    let before = std::mem::replace(&mut self.settings, settings);
                    if before.policy != self.settings.policy {
                        self.set_policy();
                        self.tell_of_policy();
                    }
                    let analysis = self.host.snapshot();
                    self.publish_files(&analysis, &analysis.files_with_diagnostics());
                    self.refresh();
                }
            }
            Event::Read(mut files) => {
                // Who asked for a neighbour may have been closed meanwhile.
                files.retain(|(path, _)| !path.ends_with(".py") || !self.is_outside(path) || self.is_beside_open(path));
                self.take(files);
            }
            Event::Batch(files, waiting) => {
                self.take(files);
                let _ = waiting.send(());
            }
            Event::Indexed => {
                self.flush();
                self.indexing = self.indexing.saturating_sub(1);
                if self.indexing > 0 {
                    return;
                }
                let again = std::mem::take(&mut self.touched_meanwhile);
                self.touched(again.into_iter().collect());
                // What modules import is read before anything is judged.
                let missing = self.host.missing();
                if !missing.is_empty() {
                    self.indexing += 1;
                    let events = self.events.clone();
                    std::thread::spawn(move || {
                        let read = missing.into_iter().map(|path| (path.clone(), workspace::read(&path)));
                        let _ = events.send(Event::Read(read.collect()));
                        let _ = events.send(Event::Indexed);
                    });
                    return;
                }
                let applied = self.host.set_indexing(false);
                self.after(applied);
                self.tell_of_routes();
                let _ = self.outbox.send(Outgoing::Progress(IndexStep::End));
                self.refresh();
            }
            Event::Request(job) => {
                self.flush();
                let view = View {
                    analysis: self.host.snapshot(),
                    abilities: self.abilities.clone(),
                    settings: self.settings.clone(),
                    indexing: self.indexing > 0,
                    open: Arc::clone(&self.open),
                    spellings: Arc::clone(&self.spellings),
                };
                let _ = self.workers.send((job, view));
            }
            Event::RoutesAsked => {
                // What is still to be analysed is in the answer.
                self.flush();
                self.routes_told = false;
            }
        }
    }

    /// Takes over files that were read from disk.
    fn take(&mut self, files: Vec<(String, FileContent)>) {
        let disk = files.into_iter().filter(|(path, _)| !self.failed.contains(path)).collect();
        self.apply(Change { disk, ..Change::default() });
    }

    /// Does some work. When it panics, the analysis starts anew without what
    /// it failed on: one bad text must not take the server away.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_ok() {
            return;
        }
        let culprits = std::mem::take(&mut self.in_analysis);
        eprintln!("authlens: the analysis failed on {} files and starts anew without them", culprits.len());
        self.recoveries += 1;
        self.host = AnalysisHost::packing();
        let failed = culprits.iter().map(|path| (path.clone(), FileContent::Unreadable("its analysis failed")));
        let disk = failed.collect();
        self.failed.extend(culprits);
        for (path, document) in &mut self.documents {
            document.dirty = !self.failed.contains(path);
        }
        self.apply(Change { disk, ..Change::default() });
        if self.settings.policy.is_some() {
            self.set_policy();
        }
        let roots = if self.recoveries > MAX_RECOVERIES { Vec::new() } else { self.roots() };
        self.indexing = 0;
        let _ = self.events.send(Event::Folders { added: roots.clone(), removed: roots });
    }

    fn roots(&self) -> Vec<String> {
        self.roots.lock().map(|roots| roots.clone()).unwrap_or_default()
    }

    fn set_roots(&mut self, roots: Vec<String>) {
        if let Ok(mut shared) = self.roots.lock() {
            shared.clone_from(&roots);
        }
        let real = |root: &String| {
            let real = workspace::real_path(root)?;
            (real != *root).then(|| (real, root.clone()))
        };
        self.spellings = Arc::new(roots.iter().filter_map(real).collect());
        let parts = roots.iter().filter(|root| !workspace::is_top(Path::new(root))).cloned().collect();
        self.apply(Change { roots: Some(roots), parts: Some(parts), ..Change::default() });
    }

    /// Has the settings say what must be guarded where the project does not.
    fn set_policy(&mut self) {
        let content = match &self.settings.policy {
            Some(text) => FileContent::Text(Arc::from(text.as_str())),
            None => FileContent::Removed,
        };
        self.apply(Change { disk: vec![(SETTINGS.to_owned(), content)], ..Change::default() });
    }

    /// Says what of the policy in the settings can't be understood: there is no file to mark it in.
    fn tell_of_policy(&self) {
        let said = self.settings.policy.as_ref().and_then(|text| configuration::read(text, false));
        let problems = said.map(|said| invalid_configuration::problems(&said)).unwrap_or_default();
        for (_, problem) in problems {
            let message = format!("authlens, in the setting `policy`: {problem}");
            self.output.notify::<ShowMessage>(&ShowMessageParams { typ: MessageType::WARNING, message });
        }
    }

    fn path_of(&self, uri: &Url) -> String {
        spelled(&self.spellings, path_of(uri))
    }

    /// Whether a path is below none of the folders.
    fn is_outside(&self, path: &str) -> bool {
        !self.roots().iter().any(|root| path.starts_with(&format!("{root}/")))
    }

    /// Whether a document of the same folder is open.
    fn is_beside_open(&self, path: &str) -> bool {
        self.documents.keys().any(|open| folder_of(open) == folder_of(path))
    }

    /// What goes with a file outside of every folder when it is closed: its neighbours, too, unless another one of them
    /// is open.
    fn left_behind(&self, path: &str) -> Vec<(String, FileContent)> {
        if self.is_beside_open(path) {
            return vec![(path.to_owned(), FileContent::Listed)];
        }
        let analysis = self.host.snapshot();
        let neighbours = analysis.paths().filter(|known| known.ends_with(".py") && folder_of(known) == folder_of(path));
        neighbours.map(|known| (known.to_owned(), FileContent::Removed)).collect()
    }

    /// Files may have changed on disk. What was never needed is read only as
    /// far as it matters.
    fn touched(&mut self, paths: Vec<String>) {
        if self.indexing > 0 {
            self.touched_meanwhile.extend(paths.iter().cloned());
        }
        for path in &paths {
            self.failed.remove(path);
        }
        let analysis = self.host.snapshot();
        let known = |path: &str| analysis.file_id(path).is_some_and(|file| analysis.text(file).is_some());
        let roots = self.roots();
        let paths = paths.into_iter().map(|path| spelled(&self.spellings, path));
        let sources = paths.filter(|path| workspace::is_source(path, &roots));
        let readings: Vec<Reading> = sources.map(|path| (path.clone(), known(&path))).collect();
        if !readings.is_empty() {
            let _ = self.reader.send(readings);
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
        let mut disk = Vec::new();
        for (path, document) in &mut self.documents {
            if document.dirty && !self.failed.contains(path) {
                document.dirty = false;
                // What is not read from disk is not read from an editor.
                let is_read = document.rope.len_bytes() as u64 <= workspace::MAX_FILE;
                if !is_read {
                    disk.push((path.clone(), FileContent::Unreadable(workspace::TOO_LARGE)));
                }
                open.push((path.clone(), is_read.then(|| Arc::from(document.rope.to_string()))));
                edited.push(path.clone());
            }
        }
        if open.is_empty() {
            return;
        }
        let applied = self.host_apply(Change { open, disk, ..Change::default() });
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
            self.refresh();
        }
        self.read(applied.wanted);
    }

    fn apply(&mut self, change: Change) {
        let applied = self.host_apply(change);
        self.after(applied);
    }

    /// Applies a change, and knows which one while it is at it.
    fn host_apply(&mut self, change: Change) -> Applied {
        let paths = change.disk.iter().map(|(path, _)| path).chain(change.open.iter().map(|(path, _)| path));
        self.in_analysis = paths.cloned().collect();
        let applied = self.host.apply(change);
        self.in_analysis.clear();
        self.tell_of_routes();
        applied
    }

    /// Says once that routes may have changed, until the client asks for them:
    /// finding out whether they did costs more than a key may.
    fn tell_of_routes(&mut self) {
        if self.abilities.routes_changed && !self.routes_told {
            self.routes_told = true;
            self.output.notify::<RoutesChanged>(&RoutesChangedParams {});
        }
    }

    fn after(&mut self, applied: Applied) {
        if !applied.changed.is_empty() {
            let analysis = self.host.snapshot();
            self.publish_files(&analysis, &applied.changed);
            self.refresh();
        }
        self.read(applied.wanted);
    }

    /// Has the client ask again, if it does when it is told to.
    fn refresh(&self) {
        if self.abilities.refreshes() {
            let _ = self.outbox.send(Outgoing::Refresh);
        }
    }

    /// Reads files off this thread.
    fn read(&self, wanted: Vec<String>) {
        if !wanted.is_empty() {
            let _ = self.reader.send(wanted.into_iter().map(|path| (path, true)).collect());
        }
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
        let before = self.published.get(path).cloned();
        // What has no file keeps the address that it was opened by.
        let uri = document.map(|document| document.uri.clone()).or_else(|| before.clone());
        let Some(uri) = uri.or_else(|| Url::from_file_path(Path::new(path)).ok()) else { return };
        let diagnostics = convert::diagnostics(analysis, path, &self.settings, &self.abilities);
        // A file that has and had nothing is not spoken of, unless it is open:
        // then its silence is an answer.
        let had = before.is_some();
        match diagnostics.is_empty() {
            true => self.published.remove(path),
            false => self.published.insert(path.to_owned(), uri.clone()),
        };
        if diagnostics.is_empty() && !had && document.is_none() {
            return;
        }
        let version = document.map(|document| document.version).filter(|_| self.abilities.diagnostics.version);
        self.output.notify::<PublishDiagnostics>(&PublishDiagnosticsParams { uri, diagnostics, version });
    }

    /// Reads folders on another thread.
    fn index(&mut self, roots: Vec<String>) {
        if roots.is_empty() {
            return;
        }
        self.indexing += 1;
        let applied = self.host.set_indexing(true);
        self.after(applied);
        let _ = self.outbox.send(Outgoing::Progress(IndexStep::Begin));
        threads::read_folders(self.events.clone(), self.outbox.clone(), roots);
    }

    /// A file outside of every folder: its neighbours can be imported.
    fn list_neighbours(&mut self, path: &str) {
        let folder = Path::new(path).parent().map(Path::to_owned).unwrap_or_default();
        let listed = workspace::siblings(&folder).into_iter().filter(|sibling| sibling != path);
        let disk = listed.map(|sibling| (sibling, FileContent::Listed)).collect();
        self.apply(Change { disk, ..Change::default() });
    }
}

#[cfg(test)]
mod tests {
    use tower_lsp::lsp_types::TextDocumentContentChangeEvent;

    use super::*;

    #[test]
    fn a_failing_analysis_starts_anew_without_what_it_failed_on() {
        let (events, inbox) = std::sync::mpsc::channel();
        let (outbox, _) = tokio::sync::mpsc::unbounded_channel();
        let (mut sent, pipe) = std::io::pipe().unwrap();
        let output = Output::over(pipe).unwrap();
        output.release();
        let mut state = Loop::new(events, output.clone(), outbox);
        let uri = |name: &str| Url::parse(&format!("file:///{name}.py")).unwrap();
        let text = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/x')\ndef x(): ...\n";
        for name in ["good", "bad"] {
            state.handle(Event::Open { uri: uri(name), version: 1, text: text.into() });
        }
        state.flush();
        state.guarded(|state| {
            state.in_analysis = vec!["/bad.py".into()];
            panic!("on purpose");
        });
        assert!(state.in_analysis.is_empty());
        for event in inbox.try_iter() {
            state.handle(event);
        }
        state.flush();
        let said = |state: &Loop, path: &str| {
            let analysis = state.host.snapshot();
            let found = analysis.file_id(path).map(|file| analysis.diagnostics(file).to_vec());
            found.unwrap_or_default().iter().map(|d| d.rule).collect::<Vec<_>>()
        };
        assert_eq!(said(&state, "/good.py"), ["missing-auth-dependency"]);
        assert_eq!(said(&state, "/bad.py"), ["not-fully-analysed"]);
        // The next edit gives it another chance.
        let change = TextDocumentContentChangeEvent { range: None, range_length: None, text: text.into() };
        state.handle(Event::Change { uri: uri("bad"), version: 2, changes: vec![change] });
        state.flush();
        assert_eq!(said(&state, "/bad.py"), ["missing-auth-dependency"]);
        output.finish();
        let mut published = vec![0; 1 << 16];
        let length = std::io::Read::read(&mut sent, &mut published).unwrap();
        let published = String::from_utf8(published[..length].to_vec()).unwrap();
        assert!(published.matches("textDocument/publishDiagnostics").count() >= 4);
    }
}
