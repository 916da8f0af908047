//! The frame reader: no input makes it fail, and what it hands on are messages.
#![no_main]

#[path = "../../../server/lsp/frames.rs"]
#[allow(dead_code, unreachable_pub, reason = "included for what it reads")]
mod frames;

use std::ops::ControlFlow;

use frames::{Session, read_messages};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let session = Session::default();
    read_messages(input, &session, |message| {
        let object = message.as_object().unwrap_or_else(|| panic!("no object"));
        assert!(!object.get("params").is_some_and(serde_json::Value::is_null));
        ControlFlow::Continue(())
    });
});
