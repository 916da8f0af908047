//! The threads beside the main loop: they read files, look for changes, and answer requests.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::UnboundedSender;

use super::events::{Event, IndexStep, Outgoing};
use super::view::{Job, View};
use crate::workspace;

/// Files that a batch of the index holds: small, so that a key never waits long.
const BATCH: usize = 128;

/// A file to read: its path, and whether its text is wanted whatever it says.
pub(super) type Reading = (String, bool);

/// The thread that reads single files. There is one: two reads of a file
/// arrive in their order.
pub(super) fn start_reader(events: Sender<Event>) -> Sender<Vec<Reading>> {
    let (sender, receiver) = std::sync::mpsc::channel::<Vec<Reading>>();
    std::thread::spawn(move || {
        for files in receiver {
            let read = |(path, whole): Reading| {
                let content =
                    if whole { workspace::read(&path) } else { workspace::read_if_relevant(Path::new(&path)) };
                (path, content)
            };
            if events.send(Event::Read(files.into_iter().map(read).collect())).is_err() {
                return;
            }
        }
    });
    sender
}

/// Threads that answer requests. A panic ends one answer, not the thread.
pub(super) fn start_workers() -> Sender<(Job, View)> {
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

/// Looks for changes on disk: below folders only for clients that do not watch files.
pub(super) fn watch(events: Sender<Event>, roots: Arc<Mutex<Vec<String>>>, reach: workspace::Reach) {
    std::thread::spawn(move || {
        let mut watch = workspace::Watch::over(reach);
        loop {
            let now = roots.lock().map(|roots| roots.clone()).unwrap_or_default();
            let (touched, pause) = watch.look(&now);
            if !touched.is_empty() && events.send(Event::Touched(touched)).is_err() {
                return;
            }
            std::thread::sleep(pause);
        }
    });
}

/// Reads folders in batches. One is read while another is analysed.
pub(super) fn read_folders(events: Sender<Event>, outbox: UnboundedSender<Outgoing>, roots: Vec<String>) {
    std::thread::spawn(move || {
        let folders = roots.len();
        for (before, root) in roots.into_iter().enumerate() {
            let _ = events.send(Event::Read(workspace::policy_above(Path::new(&root))));
            let report = |progress: workspace::Progress| {
                // Each folder counts alike: how large the next ones are is not known yet.
                let percent = ((before * 100 + progress.done * 100 / progress.total.max(1)) / folders) as u32;
                let _ = outbox.send(Outgoing::Progress(IndexStep::Percent(percent)));
            };
            let mut last: Option<Receiver<()>> = None;
            workspace::discover_in_batches(Path::new(&root), BATCH, &report, |batch| {
                let (sender, receiver) = std::sync::mpsc::channel();
                if events.send(Event::Batch(batch, sender)).is_ok()
                    && let Some(last) = last.replace(receiver)
                {
                    // A batch that made the analysis fail is never answered.
                    let _ = last.recv();
                }
            });
        }
        let _ = events.send(Event::Indexed);
    });
}
