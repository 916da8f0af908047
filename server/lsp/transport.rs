//! Messages from standard input.
//!
//! tower-lsp's own loop ends the session at the first malformed frame, trusts any
//! `Content-Length`, refuses `params: null`, and does not return from `exit` while
//! its input stays open. So a thread of ours reads the frames: it drops what is
//! malformed, mends what is harmless (`lsp::frames`), ends at `exit`, and begins every
//! call itself.

use std::io::BufRead;
use std::ops::ControlFlow;
use std::pin::Pin;

use futures::Sink;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tower::Service;
use tower_lsp::jsonrpc::{Error, Id, Request, Response};

use super::frames::{Session, read_messages};
use super::intake::{Begun, begin};
use super::output::Output;

/// Where the messages of a client go.
pub(super) struct Calls<S, A> {
    /// Takes requests and notifications.
    pub(super) service: S,
    /// Takes the client's responses.
    pub(super) answers: A,
    /// Where responses go.
    pub(super) output: Output,
    /// Runs calls that have to wait.
    pub(super) runtime: Handle,
    /// Held as long as a call waits.
    pub(super) pending: Sender<()>,
}

impl<S, A> Calls<S, A>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    A: Sink<Response> + Unpin,
{
    /// Takes messages until `exit` or the end of the input.
    pub(super) fn serve(mut self, input: impl BufRead, session: &Session) {
        let runtime = self.runtime.clone();
        let _entered = runtime.enter();
        read_messages(input, session, |message| self.take(message));
    }

    fn take(&mut self, message: Value) -> ControlFlow<()> {
        if message.get("method").is_none() {
            match serde_json::from_value::<Response>(message) {
                Ok(answer) => _ = Pin::new(&mut self.answers).start_send(answer),
                Err(_) => self.refuse(),
            }
            return ControlFlow::Continue(());
        }
        let Ok(request) = serde_json::from_value::<Request>(message) else {
            self.refuse();
            return ControlFlow::Continue(());
        };
        match begin(&mut self.service, request) {
            Begun::Done(None) => {}
            Begun::Done(Some(answer)) => self.output.send(&answer),
            Begun::Waiting(call) => {
                let (output, pending) = (self.output.clone(), self.pending.clone());
                self.runtime.spawn(async move {
                    if let Some(answer) = call.await {
                        output.send(&answer);
                    }
                    drop(pending);
                });
            }
            Begun::Ended => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Answers what is no message of JSON-RPC 2.0 (section 5.1: the id is null then).
    fn refuse(&self) {
        self.output.send(&Response::from_error(Id::Null, Error::invalid_request()));
    }
}
