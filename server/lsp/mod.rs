//! The language server. The only home of tower-lsp, lsp-types and tokio.

mod calls;
mod convert;
mod documents;
mod explain;
mod intake;
mod main_loop;
mod one_heap;
mod output;
mod protocol;
mod requests;
mod routes;
mod server;
mod settings;
mod threads;
mod transport;

use std::io::BufReader;
use std::process::ExitCode;
use std::sync::Arc;

use tower_lsp::{LspService, Server};

/// Serves one client over standard input and output until it says `exit`.
/// The exit code is 0 after `shutdown`, 1 without (LSP 3.17, `exit`).
pub(crate) fn run() -> ExitCode {
    one_heap::start();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("authlens: can't start: {error}");
            return ExitCode::from(2);
        }
    };
    let session = Arc::new(transport::Session::default());
    let input = transport::start(BufReader::new(std::io::stdin()), &session);
    runtime.block_on(async {
        let output = output::StdoutWriter::start();
        let (service, socket) = LspService::build(|client| server::Backend::new(client, Arc::clone(&session)))
            .custom_method(protocol::ROUTES, server::Backend::routes)
            .custom_method(protocol::SUMMARY, server::Backend::summary)
            .custom_method(protocol::CALLS, server::Backend::calls)
            .custom_method(protocol::EXPLAIN, server::Backend::explain)
            .finish();
        Server::new(input, output, socket).concurrency_level(usize::MAX).serve(intake::Intake(service)).await;
    });
    ExitCode::from(u8::from(session.shutdown.get().is_none()))
}
