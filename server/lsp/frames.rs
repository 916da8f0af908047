//! Messages from standard input: what is malformed is dropped, what is harmless mended.

use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use std::sync::OnceLock;

use serde_json::Value;

/// Largest message that is read, in bytes.
pub(super) const MAX_FRAME: usize = 64 << 20;

/// What the reading thread learns on the way.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Parameters of `initialize` as they were sent: lsp-types loses some.
    pub(super) initialize: OnceLock<Value>,
    /// Set when `shutdown` was asked for.
    pub(super) shutdown: OnceLock<()>,
}

/// Reads messages until `exit` or the end of the input and hands the good ones on.
pub(super) fn read_messages(
    mut input: impl BufRead,
    session: &Session,
    mut take: impl FnMut(Value) -> ControlFlow<()>,
) {
    loop {
        let body = match read_frame(&mut input) {
            Ok(Some(body)) => body,
            Ok(None) => return,
            Err(problem) => {
                eprintln!("authlens: dropped a message: {problem}");
                continue;
            }
        };
        let Some((message, exit)) = inspect(&body, session) else {
            eprintln!("authlens: dropped a message that is no JSON-RPC object");
            continue;
        };
        if exit || take(message).is_break() {
            return;
        }
    }
}

/// The body of the next frame; `None` at the end of the input.
fn read_frame(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, String> {
    let mut length: Option<usize> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.by_ref().take(8192).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            match length {
                Some(_) => break,
                // Stray line breaks between messages.
                None => continue,
            }
        }
        if let Some((name, value)) = text.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse().map_err(|_| format!("bad Content-Length {value:?}"))?);
        }
    }
    let length = length.unwrap_or(0);
    if length > MAX_FRAME {
        let skipped = std::io::copy(&mut input.by_ref().take(length as u64), &mut std::io::sink());
        return match skipped {
            Ok(_) => Err(format!("{length} bytes are more than the cap of {MAX_FRAME}")),
            Err(_) => Ok(None),
        };
    }
    let mut body = vec![0; length];
    Ok(input.read_exact(&mut body).is_ok().then_some(body))
}

/// Notes what concerns the session and mends the message. The flag is true for
/// `exit`. `None` for what is no JSON object.
fn inspect(body: &[u8], session: &Session) -> Option<(Value, bool)> {
    let mut message: Value = serde_json::from_slice(body).ok()?;
    let object = message.as_object_mut()?;
    let is_exit = match object.get("method").and_then(Value::as_str) {
        Some("exit") => true,
        Some("shutdown") => {
            let _ = session.shutdown.set(());
            false
        }
        Some("initialize") => {
            let _ = session.initialize.set(object.get("params").cloned().unwrap_or_default());
            false
        }
        _ => false,
    };
    // JSON-RPC 2.0 knows no `params: null`, yet several clients send it.
    if object.get("params").is_some_and(Value::is_null) {
        object.remove("params");
    }
    Some((message, is_exit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(input: &[u8]) -> (Vec<String>, Session) {
        let session = Session::default();
        let mut messages = Vec::new();
        read_messages(input, &session, |message| {
            messages.push(message.to_string());
            ControlFlow::Continue(())
        });
        (messages, session)
    }

    #[test]
    fn bad_frames_do_not_end_the_session() {
        let good = r#"{"jsonrpc":"2.0","method":"a"}"#;
        let n = good.len();
        let big = MAX_FRAME + 1;
        let mut input = format!("Content-Length: {n}\r\n\r\n{good}").into_bytes();
        input.extend(b"Content-Length: 7\r\n\r\n{broken");
        input.extend(format!("content-length:{n}\nX-Other: 1\n\n{good}").into_bytes());
        input.extend(b"Content-Length: many\r\n\r\n");
        input.extend(format!("Content-Length: {n}\r\n\r\n{good}").into_bytes());
        input.extend(b"Content-Length: 4\r\n\r\nnull");
        input.extend(format!("Content-Length: {big}\r\n\r\n").into_bytes());
        input.extend(vec![b' '; big]);
        input.extend(format!("Content-Length: {n}\r\n\r\n{good}").into_bytes());
        input.extend(b"Content-Length: 99\r\n\r\n{");
        assert_eq!(messages(&input).0, [good; 4]);
    }

    #[test]
    fn null_params_are_dropped_and_exit_ends_the_stream() {
        let shutdown = r#"{"id":1,"jsonrpc":"2.0","method":"shutdown","params":null}"#;
        let exit = r#"{"jsonrpc":"2.0","method":"exit"}"#;
        let mut input = Vec::new();
        for body in [shutdown, exit, shutdown] {
            input.extend(format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes());
        }
        let (messages, session) = messages(&input);
        assert_eq!(messages, [r#"{"id":1,"jsonrpc":"2.0","method":"shutdown"}"#]);
        assert!(session.shutdown.get().is_some());
    }
}
