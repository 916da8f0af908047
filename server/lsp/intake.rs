//! What stands between tower-lsp's transport and its service.
//!
//! tower-lsp polls handlers concurrently, so two edits can change places, and
//! a panic in one of them ends the process. Here every handler is polled once
//! when its message arrives: what it does before its first `await` is done in
//! the order of arrival. A panic becomes an error response.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use tower::Service;
use tower_lsp::jsonrpc::{Error, ErrorCode, Request, Response};

/// A service that starts every call at once and survives panics.
pub(super) struct Intake<S>(pub(super) S);

type Answer<E> = Pin<Box<dyn Future<Output = Result<Option<Response>, E>> + Send>>;

impl<S, E> Service<Request> for Intake<S>
where
    S: Service<Request, Response = Option<Response>, Error = E>,
    S::Future: Send + 'static,
    E: Send + 'static,
{
    type Response = Option<Response>;
    type Error = E;
    type Future = Answer<E>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = request.id().cloned();
        let called = std::panic::catch_unwind(AssertUnwindSafe(|| self.0.call(request)));
        let Ok(future) = called else { return Box::pin(async move { Ok(id.map(failed)) }) };
        let mut future: Answer<E> = Box::pin(AssertUnwindSafe(future).catch_unwind().map(move |result| match result {
            Ok(answer) => answer,
            Err(_) => Ok(id.map(failed)),
        }));
        let mut context = Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => Box::pin(std::future::ready(answer)),
            Poll::Pending => future,
        }
    }
}

fn failed(id: tower_lsp::jsonrpc::Id) -> Response {
    let error = Error { code: ErrorCode::InternalError, message: "internal error".into(), data: None };
    Response::from_error(id, error)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Panics(Arc<Mutex<Vec<String>>>);

    impl Service<Request> for Panics {
        type Response = Option<Response>;
        type Error = ();
        type Future = Answer<()>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request) -> Self::Future {
            let seen = Arc::clone(&self.0);
            Box::pin(async move {
                if request.method() == "panic" {
                    panic!("on purpose");
                }
                seen.lock().unwrap().push(request.method().to_owned());
                futures::future::pending::<()>().await;
                Ok(None)
            })
        }
    }

    #[test]
    fn calls_start_in_order_and_panics_become_errors() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut intake = Intake(Panics(Arc::clone(&seen)));
        let held: Vec<_> = (0..5_000).map(|n| intake.call(Request::build(format!("m{n}")).finish())).collect();
        let wanted: Vec<String> = (0..5_000).map(|n| format!("m{n}")).collect();
        assert_eq!(*seen.lock().unwrap(), wanted);
        drop(held);
        let answer = futures::executor::block_on(intake.call(Request::build("panic").id(7).finish())).unwrap().unwrap();
        assert!(answer.is_error());
    }
}
