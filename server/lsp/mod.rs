//! The language server. The only home of tower-lsp, lsp-types and tokio.

mod calls;
mod convert;
mod documents;
mod events;
mod explain;
mod frames;
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
mod view;

use std::process::ExitCode;
use std::sync::Arc;

use futures::StreamExt;
use serde_json::Value;
use tower_lsp::LspService;
use tower_lsp::jsonrpc::Request;

use self::frames::Session;
use self::output::Output;
use self::transport::Calls;

/// Serves one client over standard input and output until it says `exit`.
/// The exit code is 0 after `shutdown`, 1 without (LSP 3.17, `exit`).
pub(crate) fn run() -> ExitCode {
    one_heap::start();
    let session = Arc::new(Session::default());
    match serve(&session) {
        Ok(()) => ExitCode::from(u8::from(session.shutdown.get().is_none())),
        Err(error) => {
            eprintln!("authlens: can't start: {error}");
            ExitCode::from(2)
        }
    }
}

fn serve(session: &Arc<Session>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let output = Output::start()?;
    let (service, socket) =
        LspService::build(|client| server::Backend::new(client, output.clone(), Arc::clone(session)))
            .custom_method(protocol::ROUTES, server::Backend::routes)
            .custom_method(protocol::SUMMARY, server::Backend::summary)
            .custom_method(protocol::CALLS, server::Backend::calls)
            .custom_method(protocol::EXPLAIN, server::Backend::explain)
            .finish();
    let (requests, answers) = socket.split();
    let (pending, mut waiting) = tokio::sync::mpsc::channel(1);
    let calls = Calls { service, answers, output: output.clone(), runtime: runtime.handle().clone(), pending };
    let session = Arc::clone(session);
    std::thread::Builder::new().name("input".into()).spawn(move || calls.serve(std::io::stdin().lock(), &session))?;
    let forwarded = output.clone();
    runtime.block_on(async {
        tokio::spawn(requests.for_each(move |request| {
            forwarded.send(&without_null_params(&request));
            std::future::ready(())
        }));
        // Nobody sends anything: this ends when the input did and no call waits any more.
        let _: Option<()> = waiting.recv().await;
    });
    output.finish();
    Ok(())
}

/// A request to the client without `params: null`, which tower-lsp puts where it
/// has none and JSON-RPC 2.0 does not know.
fn without_null_params(request: &Request) -> Value {
    let mut message = serde_json::to_value(request).unwrap_or_default();
    if let Some(object) = message.as_object_mut()
        && object.get("params").is_some_and(Value::is_null)
    {
        object.remove("params");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_without_parameters_have_no_field_for_them() {
        let refresh = Request::build("workspace/codeLens/refresh").params(Value::Null).id(3).finish();
        let wanted = serde_json::json!({"jsonrpc": "2.0", "method": "workspace/codeLens/refresh", "id": 3});
        assert_eq!(without_null_params(&refresh), wanted);
        let other = Request::build("m").params(serde_json::json!({"params": null})).finish();
        assert_eq!(without_null_params(&other)["params"], serde_json::json!({"params": null}));
    }
}
