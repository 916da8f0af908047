//! The server as an editor meets it, over its standard input and output.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

struct Editor {
    child: Child,
    stdin: ChildStdin,
    inbox: Receiver<Value>,
    waiting: Vec<Value>,
}

impl Editor {
    fn start() -> Self {
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

    fn raw(&mut self, bytes: &[u8]) {
        self.stdin.write_all(bytes).unwrap();
        self.stdin.flush().unwrap();
    }

    fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = json!("2.0");
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({"method": method, "params": params}));
    }

    /// The first message that fits, those before it kept for later.
    fn wait(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
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

    fn answer(&mut self, id: u64) -> Value {
        self.wait(|message| message["id"] == id && message.get("method").is_none())
    }

    fn request(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(json!({"id": id, "method": method, "params": params}));
        self.answer(id)["result"].clone()
    }

    fn initialize(&mut self, root: Option<&Path>, capabilities: Value) -> Value {
        let root = root.map(|root| uri(root, ""));
        let params = json!({"processId": null, "rootUri": root, "capabilities": capabilities});
        let answer = self.request(0, "initialize", params);
        self.notify("initialized", json!({}));
        answer
    }

    fn open(&mut self, uri: &str, text: &str) {
        self.notify(
            "textDocument/didOpen",
            json!({"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}}),
        );
    }

    /// Diagnostics pushed for a document, of that version or later, that fit.
    fn published(&mut self, uri: &str, version: i64, fits: impl Fn(&Vec<Value>) -> bool) -> Vec<Value> {
        let message = self.wait(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
                && message["params"]["version"].as_i64().unwrap_or(0) >= version
                && fits(message["params"]["diagnostics"].as_array().unwrap())
        });
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    fn quit(mut self) -> Option<i32> {
        // Back to back, and standard input stays open, as Helix does it.
        self.send(json!({"id": 999, "method": "shutdown", "params": null}));
        self.send(json!({"method": "exit"}));
        self.exit_code()
    }

    fn exit_code(&mut self) -> Option<i32> {
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

fn uri(root: &Path, name: &str) -> String {
    format!("file://{}{}{name}", root.display(), if name.is_empty() { "" } else { "/" })
}

fn project(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lsp-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

const MAIN: &str =
    "# é😀\nfrom fastapi import FastAPI\nfrom deps import key\n\napp = FastAPI()\n\n@app.get(\"/a\")\ndef a(): ...\n";
const DEPS: &str = "from fastapi import Header, HTTPException\n\ndef key(x_api_key: str = Header()):\n    if x_api_key != \"a-long-shared-secret\":\n        raise HTTPException(401)\n";

#[test]
fn a_project_is_checked_live() {
    let root = project("live", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    let answer = editor.initialize(Some(&root), json!({"workspace": {"workspaceEdit": {"documentChanges": true}}}));
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    editor.open(&main, MAIN);
    let found = editor.published(&main, 1, |found| !found.is_empty());
    assert_eq!(found[0]["code"], "missing-auth-dependency");
    assert!(found[0]["relatedInformation"].as_array().unwrap().len() > 1);
    let lens = editor.request(1, "textDocument/codeLens", json!({"textDocument": {"uri": main}}));
    assert_eq!(lens[0]["command"]["title"], "open to everybody");
    let range = found[0]["range"].clone();
    let hover =
        editor.request(2, "textDocument/hover", json!({"textDocument": {"uri": main}, "position": range["start"]}));
    assert!(hover["contents"]["value"].as_str().unwrap().contains("**open**"));
    let actions = json!({"textDocument": {"uri": main}, "range": range, "context": {"diagnostics": []}});
    let actions = editor.request(3, "textDocument/codeAction", actions);
    let preferred = actions.as_array().unwrap().iter().find(|action| action["isPreferred"] == true).unwrap();
    let edit = &preferred["edit"]["documentChanges"][0];
    assert_eq!(edit["textDocument"]["version"], 1);
    // The edit of the dependency, in the other file, moves this one's findings.
    let deps = uri(&root, "deps.py");
    editor.open(&deps, DEPS);
    let changes: Vec<Value> = edit["edits"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|edit| json!({"range": edit["range"], "text": edit["newText"]}))
        .collect();
    editor.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": main, "version": 2}, "contentChanges": changes}),
    );
    assert!(editor.published(&main, 2, |_| true).is_empty());
    let weaker = json!([{"text": "def key(): ...\n"}]);
    editor.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": deps, "version": 2}, "contentChanges": weaker}),
    );
    editor.published(&main, 2, |found| found.len() == 1);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn edits_in_every_encoding_end_in_the_same_text() {
    for (encoding, column) in [("utf-8", 11), ("utf-16", 8), ("utf-32", 7)] {
        let mut editor = Editor::start();
        let answer = editor.initialize(None, json!({"general": {"positionEncodings": [encoding]}}));
        assert_eq!(answer["capabilities"]["positionEncoding"], encoding);
        let text = "s = 'é😀'\nfrom fastapi import Header, Depends, FastAPI\napp = FastAPI()\n";
        editor.open("untitled:one", text);
        let end = json!({"line": 99, "character": 0});
        // The quote behind the two wide characters goes, and comes back.
        let quote = json!({"start": {"line": 0, "character": column}, "end": {"line": 0, "character": column + 1}});
        let back = json!({"start": quote["start"], "end": quote["start"]});
        let change = json!([{"range": quote, "text": ""}, {"range": back, "text": "'"}, {"range": {"start": end, "end": end}, "text": "def who(x_user_id: str = Header()): return x_user_id\n@app.get('/x')\ndef x(t=Depends(who)): ...\n"}]);
        editor.notify(
            "textDocument/didChange",
            json!({"textDocument": {"uri": "untitled:one", "version": 2}, "contentChanges": change}),
        );
        let found = editor.published("untitled:one", 2, |found| !found.is_empty());
        assert_eq!(found[0]["range"]["start"], json!({"line": 3, "character": 4}));
        assert_eq!(editor.quit(), Some(0));
    }
}

#[test]
fn a_burst_of_edits_ends_in_the_right_state() {
    let root = project("burst", &[("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({}));
    editor.open(&main, MAIN);
    editor.published(&main, 1, |found| !found.is_empty());
    let mut ids = Vec::new();
    for version in 2..1_002 {
        // Letters typed one by one behind the handler's name.
        let at = json!({"line": 7, "character": 5 + version - 2});
        let change = json!([{"range": {"start": at, "end": at}, "text": "b"}]);
        editor.notify(
            "textDocument/didChange",
            json!({"textDocument": {"uri": main, "version": version}, "contentChanges": change}),
        );
        if version % 50 == 0 {
            let id = 1_000 + version;
            editor.send(json!({"id": id, "method": "textDocument/hover", "params": {"textDocument": {"uri": main}, "position": {"line": 7, "character": 4}}}));
            ids.push(id);
        }
    }
    let found = editor.published(&main, 1_001, |_| true);
    assert_eq!(
        found[0]["range"],
        json!({"start": {"line": 7, "character": 4}, "end": {"line": 7, "character": 1_005}})
    );
    for id in ids {
        editor.answer(id);
    }
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn pull_and_push_do_not_speak_twice() {
    let root = project("pull", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    let capabilities =
        json!({"textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {"refreshSupport": true}}});
    let answer = editor.initialize(Some(&root), capabilities);
    assert!(answer["capabilities"]["diagnosticProvider"].is_object());
    editor.open(&main, MAIN);
    let refresh = editor.wait(|message| message["method"] == "workspace/diagnostic/refresh");
    // A late answer to a request that nobody awaits any more does no harm.
    editor.send(json!({"id": refresh["id"], "result": null}));
    editor.send(json!({"id": 424_242, "result": null}));
    let mut found = json!([]);
    for id in 1..200 {
        let report = editor.request(id, "textDocument/diagnostic", json!({"textDocument": {"uri": main}}));
        found = report["items"].clone();
        if found != json!([]) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(found[0]["code"], "missing-auth-dependency");
    let report = editor.request(500, "workspace/diagnostic", json!({"previousResultIds": []}));
    assert_eq!(report["items"][0]["uri"], main);
    assert!(!editor.waiting.iter().any(|message| message["method"] == "textDocument/publishDiagnostics"));
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn nonsense_is_survived() {
    let mut editor = Editor::start();
    editor.raw(b"Content-Length: 9\r\n\r\nnot json!");
    editor.send(json!({"id": 7, "method": "textDocument/hover", "params": {"textDocument": {"uri": "file:///x.py"}, "position": {"line": 0, "character": 0}}}));
    assert_eq!(editor.answer(7)["error"]["code"], -32002);
    editor.initialize(None, json!({}));
    editor.send(json!({"id": 8, "method": "no/such/method", "params": {}}));
    assert_eq!(editor.answer(8)["error"]["code"], -32601);
    editor.notify("$/cancelRequest", json!({"id": 12}));
    editor.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": "file:///never/opened.py", "version": 3}, "contentChanges": [{"text": "x"}]}),
    );
    editor.raw(b"content-length: 2\n\n[]");
    let page = editor.request(
        9,
        "workspace/executeCommand",
        json!({"command": "authlens.explainRule", "arguments": ["unused-ignore"]}),
    );
    assert!(page.as_str().unwrap().starts_with("# unused-ignore"));
    assert_eq!(editor.quit(), Some(0));
    let mut rude = Editor::start();
    rude.initialize(None, json!({}));
    rude.send(json!({"method": "exit"}));
    assert_eq!(rude.exit_code(), Some(1));
}
