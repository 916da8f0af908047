//! An editor for tests: speaks the protocol over the server's standard input and output.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Editor {
    child: Child,
    stdin: ChildStdin,
    inbox: Receiver<Value>,
    /// Messages that nobody has asked for yet.
    pub(crate) waiting: Vec<Value>,
}

impl Editor {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_authlens"))
            .args(["server", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, inbox) = channel();
        std::thread::spawn(move || {
            loop {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if stdout.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("Content-Length: ") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                stdout.read_exact(&mut body).unwrap();
                if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, inbox, waiting: Vec::new() }
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.stdin.write_all(bytes).unwrap();
        self.stdin.flush().unwrap();
    }

    pub(crate) fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = json!("2.0");
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({"method": method, "params": params}));
    }

    /// The first message that fits, those before it kept for later.
    pub(crate) fn wait(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&fits) {
            return self.waiting.remove(at);
        }
        loop {
            let message = self.inbox.recv_timeout(PATIENCE).expect("the server did not answer in time");
            if fits(&message) {
                return message;
            }
            self.waiting.push(message);
        }
    }

    pub(crate) fn answer(&mut self, id: u64) -> Value {
        self.wait(|message| message["id"] == id && message.get("method").is_none())
    }

    pub(crate) fn request(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(json!({"id": id, "method": method, "params": params}));
        self.answer(id)["result"].clone()
    }

    pub(crate) fn initialize(&mut self, root: Option<&Path>, mut capabilities: Value) -> Value {
        // What every editor says today; tests of what is left out say so.
        let known = [
            ("publishDiagnostics", json!({"versionSupport": true, "relatedInformation": true})),
            (
                "codeAction",
                json!({"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}, "isPreferredSupport": true}),
            ),
        ];
        for (key, value) in known {
            let said = &mut capabilities["textDocument"][key];
            let mut value = value;
            for (key, own) in said.as_object().cloned().unwrap_or_default() {
                value[key] = own;
            }
            *said = value;
        }
        let root = root.map(|root| uri(root, ""));
        let params = json!({"processId": null, "rootUri": root, "capabilities": capabilities});
        let answer = self.request(0, "initialize", params);
        self.notify("initialized", json!({}));
        answer
    }

    pub(crate) fn open(&mut self, uri: &str, text: &str) {
        self.notify(
            "textDocument/didOpen",
            json!({"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}}),
        );
    }

    /// Diagnostics pushed for a document, of that version or later, that fit.
    pub(crate) fn published(&mut self, uri: &str, version: i64, fits: impl Fn(&Vec<Value>) -> bool) -> Vec<Value> {
        let message = self.wait(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
                && message["params"]["version"].as_i64().unwrap_or(0) >= version
                && fits(message["params"]["diagnostics"].as_array().unwrap())
        });
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Waits until pulling gives findings: the workspace has been read.
    pub(crate) fn wait_until_indexed(&mut self, uri: &str) {
        for id in 10_000..10_400 {
            let report = self.request(id, "textDocument/diagnostic", json!({"textDocument": {"uri": uri}}));
            if report["items"] != json!([]) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no findings were pulled");
    }

    /// The counts of the project, once all of it has been read.
    pub(crate) fn summary(&mut self) -> Value {
        for id in 20_000..20_400 {
            let summary = self.request(id, "authlens/summary", json!({}));
            if summary["indexing"] == false {
                return summary;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the workspace was not read");
    }

    pub(crate) fn quit(mut self) -> Option<i32> {
        // Back to back, and standard input stays open, as Helix does it.
        self.send(json!({"id": 999, "method": "shutdown", "params": null}));
        self.send(json!({"method": "exit"}));
        self.exit_code()
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        for _ in 0..300 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        panic!("the server did not exit");
    }
}

pub(crate) fn uri(root: &Path, name: &str) -> String {
    format!("file://{}{}{name}", root.display(), if name.is_empty() { "" } else { "/" })
}

pub(crate) fn project(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lsp-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}
