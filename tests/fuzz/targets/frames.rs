//! The frame reader: no input makes it fail, and what it hands on is framed.
#![no_main]

#[path = "../../../server/lsp/transport.rs"]
#[allow(dead_code, unreachable_pub, reason = "included for what it reads")]
mod transport;

use libfuzzer_sys::fuzz_target;
use transport::{Session, read_frames};

fuzz_target!(|input: &[u8]| {
    let session = Session::default();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    read_frames(input, &session, &sender);
    drop(sender);
    while let Some(frame) = receiver.blocking_recv() {
        let split = frame.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or_else(|| panic!("no header"));
        let body: serde_json::Value = serde_json::from_slice(&frame[split + 4..]).unwrap_or_else(|e| panic!("{e}"));
        assert!(body.is_object());
    }
});
