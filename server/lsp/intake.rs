//! How a call of the protocol begins.
//!
//! Polled concurrently, two handlers of edits could change places, and a panic in
//! one of them would end the process. Here every handler is polled once when its
//! message arrives: what it does before its first `await` is done in the order of
//! arrival. A panic becomes an error response.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use tower::Service;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};

/// What the beginning of a call came to.
pub(super) enum Begun {
    /// It is over; notifications have no response.
    Done(Option<Response>),
    /// It waits for something.
    Waiting(Pin<Box<dyn Future<Output = Option<Response>> + Send>>),
    /// The session is over: there will be no other call.
    Ended,
}

/// Starts a call, and goes as far as it can without a wait.
pub(super) fn begin<S>(service: &mut S, request: Request) -> Begun
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
{
    let mut context = Context::from_waker(Waker::noop());
    if !matches!(service.poll_ready(&mut context), Poll::Ready(Ok(()))) {
        return Begun::Ended;
    }
    let id = request.id().cloned();
    let called = std::panic::catch_unwind(AssertUnwindSafe(|| service.call(request)));
    let Ok(future) = called else { return Begun::Done(id.map(failed)) };
    let future = AssertUnwindSafe(future).catch_unwind().map(move |result| match result {
        Ok(answer) => answer.unwrap_or_default(),
        Err(_) => id.map(failed),
    });
    let mut future = Box::pin(future);
    match future.as_mut().poll(&mut context) {
        Poll::Ready(answer) => Begun::Done(answer),
        Poll::Pending => Begun::Waiting(future),
    }
}

fn failed(id: Id) -> Response {
    let error = Error { code: ErrorCode::InternalError, message: "internal error".into(), data: None };
    Response::from_error(id, error)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Panics(Arc<Mutex<Vec<String>>>);

    type Answer = Pin<Box<dyn Future<Output = Result<Option<Response>, ()>> + Send>>;

    impl Service<Request> for Panics {
        type Response = Option<Response>;
        type Error = ();
        type Future = Answer;

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
        let mut service = Panics(Arc::clone(&seen));
        let held: Vec<_> = (0..5_000).map(|n| begin(&mut service, Request::build(format!("m{n}")).finish())).collect();
        assert!(held.iter().all(|begun| matches!(begun, Begun::Waiting(_))));
        let wanted: Vec<String> = (0..5_000).map(|n| format!("m{n}")).collect();
        assert_eq!(*seen.lock().unwrap(), wanted);
        let Begun::Done(Some(answer)) = begin(&mut service, Request::build("panic").id(7).finish()) else {
            panic!("a panic is no answer");
        };
        assert!(answer.is_error());
    }
}
