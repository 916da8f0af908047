//! Standard output, and what tower-lsp writes there mended.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use memchr::memmem;
use serde_json::Value;
use tokio::io::AsyncWrite;

/// Standard output as tower-lsp wants it. A message is written whole and at
/// once: a pipe that the client does not read blocks the transport, not the analysis.
pub(super) struct StdoutWriter {
    output: Box<dyn std::io::Write + Send + Sync>,
    message: Vec<u8>,
}

impl StdoutWriter {
    /// Takes over standard output. Rust's own handle splits what is written
    /// behind its last line break, and so each message into header and body.
    pub(super) fn start() -> Self {
        let output = match unbuffered_stdout() {
            Ok(pipe) => Box::new(pipe) as Box<dyn std::io::Write + Send + Sync>,
            Err(_) => Box::new(std::io::stdout()),
        };
        Self { output, message: Vec::new() }
    }

    fn send(&mut self) -> std::io::Result<()> {
        let message = without_null_params(std::mem::take(&mut self.message));
        self.output.write_all(&message).and_then(|()| self.output.flush())
    }
}

#[cfg(unix)]
fn unbuffered_stdout() -> std::io::Result<std::io::PipeWriter> {
    use std::os::fd::AsFd;
    Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn unbuffered_stdout() -> std::io::Result<std::io::PipeWriter> {
    use std::os::windows::io::AsHandle;
    Ok(std::io::stdout().as_handle().try_clone_to_owned()?.into())
}

impl AsyncWrite for StdoutWriter {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.message.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(self.send())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(self.send())
    }
}

impl Drop for StdoutWriter {
    fn drop(&mut self) {
        let _ = self.send();
    }
}

/// Frames without `params: null`, which tower-lsp writes where a request has
/// none and JSON-RPC 2.0 does not know.
fn without_null_params(frames: Vec<u8>) -> Vec<u8> {
    // Within a string the quotes would be escaped.
    if memmem::find(&frames, br#""params":null"#).is_none() {
        return frames;
    }
    let mut mended = Vec::with_capacity(frames.len());
    let mut rest = frames.as_slice();
    while let Some((head, body, behind)) = next_frame(rest) {
        match mend(body) {
            Some(body) => {
                mended.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
                mended.extend(body);
            }
            None => {
                mended.extend(head);
                mended.extend(body);
            }
        }
        rest = behind;
    }
    mended.extend(rest);
    mended
}

/// The header of the next frame, its body, and what is behind it.
fn next_frame(frames: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (head, rest) = frames.split_at_checked(memmem::find(frames, b"\r\n\r\n")? + 4)?;
    let length = std::str::from_utf8(head).ok()?.trim().strip_prefix("Content-Length:")?.trim().parse().ok()?;
    let (body, behind) = rest.split_at_checked(length)?;
    Some((head, body, behind))
}

/// A message without its `params`, if these are null.
fn mend(body: &[u8]) -> Option<Vec<u8>> {
    memmem::find(body, br#""params":null"#)?;
    let mut message: Value = serde_json::from_slice(body).ok()?;
    message.as_object_mut()?.remove("params").filter(Value::is_null)?;
    serde_json::to_vec(&message).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(body: &str) -> Vec<u8> {
        format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    #[test]
    fn requests_without_parameters_have_no_field_for_them() {
        let refresh = r#"{"jsonrpc":"2.0","method":"workspace/codeLens/refresh","params":null,"id":3}"#;
        let says_so = r#"{"id":4,"jsonrpc":"2.0","result":"é \"params\":null"}"#;
        let nested = r#"{"jsonrpc":"2.0","method":"m","params":{"params":null}}"#;
        let sent = [frame(says_so), frame(refresh), frame(nested), frame(refresh)].concat();
        let mended = r#"{"id":3,"jsonrpc":"2.0","method":"workspace/codeLens/refresh"}"#;
        let wanted = [frame(says_so), frame(mended), frame(nested), frame(mended)].concat();
        assert_eq!(String::from_utf8(without_null_params(sent)).unwrap(), String::from_utf8(wanted).unwrap());
        assert_eq!(without_null_params(frame(says_so)), frame(says_so));
    }
}
