//! Messages to the client, written whole, in their order, by whoever has them.
//!
//! The thread that has a message writes it itself when the pipe is sure to take
//! it at once: waking another thread would cost as much as a tenth of a key. All
//! else is queued for a thread that may wait: a client that reads nothing holds
//! up no analysis.

use std::collections::VecDeque;
use std::io::{PipeWriter, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tower_lsp::lsp_types::notification::Notification;

/// How long the last messages may take to be read, after the client said `exit`.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that a pipe takes at once when it says that it takes some: `PIPE_BUF`.
const AT_ONCE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// Where messages go.
#[derive(Clone)]
pub(super) struct Output(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    pipe: PipeWriter,
    waiting: VecDeque<Vec<u8>>,
    /// Notifications from before the client was ready for them.
    held: Option<Vec<Vec<u8>>>,
    /// Whether the other thread is writing.
    is_writing: bool,
    /// Whether nobody reads any more.
    is_broken: bool,
}

#[derive(Serialize)]
struct Notice<'a, P> {
    jsonrpc: &'static str,
    method: &'static str,
    params: &'a P,
}

impl Output {
    /// Takes over standard output.
    pub(super) fn start() -> std::io::Result<Self> {
        Self::over(standard_output()?)
    }

    /// Writes into a pipe.
    pub(super) fn over(pipe: PipeWriter) -> std::io::Result<Self> {
        let other = pipe.try_clone()?;
        let (waiting, held) = (VecDeque::new(), Some(Vec::new()));
        let queue = Mutex::new(Queue { pipe, waiting, held, is_writing: false, is_broken: false });
        let shared = Arc::new(Shared { queue, changed: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new().name("output".into()).spawn(move || of_thread.write_all(other))?;
        Ok(Self(shared))
    }

    /// Sends a response, or a request.
    pub(super) fn send(&self, message: &impl Serialize) {
        if let Some(frame) = frame(message) {
            self.0.put(self.0.queue(), frame);
        }
    }

    /// Sends a notification, once the client is ready for it.
    pub(super) fn notify<N: Notification>(&self, params: &N::Params) {
        let Some(frame) = frame(&Notice { jsonrpc: "2.0", method: N::METHOD, params }) else { return };
        let mut queue = self.0.queue();
        match &mut queue.held {
            Some(held) => held.push(frame),
            None => self.0.put(queue, frame),
        }
    }

    /// Lets notifications through: the client is ready.
    pub(super) fn release(&self) {
        let mut queue = self.0.queue();
        // At once: what is said from now on stands behind them.
        let held = queue.held.take();
        queue.waiting.extend(held.into_iter().flatten());
        drop(queue);
        self.0.changed.notify_all();
    }

    /// Waits until all is written, if somebody reads it.
    pub(super) fn finish(&self) {
        let is_done = |queue: &mut Queue| !queue.is_broken && (queue.is_writing || !queue.waiting.is_empty());
        let _ = self.0.changed.wait_timeout_while(self.0.queue(), PATIENCE, is_done);
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // What is half done under the lock is whole again before it can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, mut queue: MutexGuard<'_, Queue>, frame: Vec<u8>) {
        if queue.is_broken {
            return;
        }
        let is_next = queue.waiting.is_empty() && !queue.is_writing;
        if is_next && frame.len() <= AT_ONCE && takes_some(&queue.pipe) {
            queue.is_broken = queue.pipe.write_all(&frame).is_err();
            return;
        }
        queue.waiting.push_back(frame);
        drop(queue);
        self.changed.notify_all();
    }

    /// Writes what is queued, as long as somebody reads.
    fn write_all(&self, mut pipe: PipeWriter) {
        let mut queue = self.queue();
        while !queue.is_broken {
            let Some(frame) = queue.waiting.pop_front() else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            queue.is_writing = true;
            drop(queue);
            let written = pipe.write_all(&frame);
            queue = self.queue();
            queue.is_writing = false;
            queue.is_broken |= written.is_err();
            if queue.is_broken {
                queue.waiting.clear();
            }
            self.changed.notify_all();
        }
    }
}

fn frame(message: &impl Serialize) -> Option<Vec<u8>> {
    let body = serde_json::to_vec(message).ok()?;
    let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    frame.extend(body);
    Some(frame)
}

/// Standard output without the buffer of Rust's own handle, which splits what is
/// written behind its last line break, and so each message into header and body.
#[cfg(unix)]
fn standard_output() -> std::io::Result<PipeWriter> {
    use std::os::fd::AsFd;
    Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into())
}

/// As on Unix.
#[cfg(windows)]
fn standard_output() -> std::io::Result<PipeWriter> {
    use std::os::windows::io::AsHandle;
    Ok(std::io::stdout().as_handle().try_clone_to_owned()?.into())
}

/// Whether a pipe takes [`AT_ONCE`] bytes without a wait: POSIX's `poll` says
/// `POLLOUT` of a pipe only then. Sockets say it when far more fits in.
#[cfg(unix)]
fn takes_some(pipe: &PipeWriter) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::new(pipe, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&now)).is_ok() && polled[0].revents() == PollFlags::OUT
}

/// Nobody can tell: the other thread writes.
#[cfg(windows)]
fn takes_some(_: &PipeWriter) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};

    use tower_lsp::lsp_types::notification::LogMessage;
    use tower_lsp::lsp_types::{LogMessageParams, MessageType};

    use super::*;

    fn log(text: &str) -> LogMessageParams {
        LogMessageParams { typ: MessageType::INFO, message: text.to_owned() }
    }

    #[test]
    fn a_client_that_reads_late_holds_nothing_up_and_gets_all_in_order() {
        let (reader, writer) = std::io::pipe().unwrap();
        let output = Output::over(writer).unwrap();
        output.notify::<LogMessage>(&log("held"));
        output.send(&"first");
        output.release();
        // More than any pipe takes, in messages that fit in at once and some that don't.
        for number in 0..400 {
            output.notify::<LogMessage>(&log(&format!("{number} {}", "x".repeat(number * 20))));
        }
        let mut reader = BufReader::new(reader);
        let mut bodies = Vec::new();
        for _ in 0..402 {
            let mut head = String::new();
            reader.read_line(&mut head).unwrap();
            reader.read_line(&mut String::new()).unwrap();
            let length = head.trim().strip_prefix("Content-Length: ").unwrap().parse().unwrap();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            bodies.push(String::from_utf8(body).unwrap());
        }
        assert_eq!(bodies[0], "\"first\"");
        assert!(bodies[1].contains("\"held\""));
        for (number, body) in bodies[2..].iter().enumerate() {
            assert!(body.contains(&format!("\"{number} x")) || number == 0, "{number}: {body}");
        }
        output.finish();
    }

    #[test]
    fn a_client_that_is_gone_ends_the_writing() {
        let (reader, writer) = std::io::pipe().unwrap();
        let output = Output::over(writer).unwrap();
        drop(reader);
        for _ in 0..3 {
            output.send(&"y".repeat(AT_ONCE));
        }
        output.finish();
        assert!(output.0.queue().is_broken);
    }
}
