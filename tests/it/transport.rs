//! What editors do to a transport, and what must not come of it. Each test is
//! a way in which tower-lsp 0.20 alone would fail.

use serde_json::{Value, json};

use crate::editor::{Editor, project, uri};
use crate::server::{DEPS, MAIN};

fn insertion(line: u64, column: u64, text: &str) -> Value {
    let at = json!({"line": line, "character": column});
    json!([{"range": {"start": at, "end": at}, "text": text}])
}

fn change(editor: &mut Editor, uri: &str, version: u64, changes: Value) {
    let document = json!({"uri": uri, "version": version});
    editor.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}));
}

fn hover(editor: &mut Editor, id: u64, uri: &str) {
    let position = json!({"line": 7, "character": 4});
    let params = json!({"textDocument": {"uri": uri}, "position": position});
    editor.send(json!({"id": id, "method": "textDocument/hover", "params": params}));
}

/// Letters typed at random places of the route's path, with requests between
/// them: each edit depends on all before it.
#[test]
fn a_burst_of_edits_keeps_its_order_and_every_request_is_answered() {
    let root = project("burst", &[("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({}));
    editor.open(&main, MAIN);
    editor.published(&main, 1, |found| !found.is_empty());
    let mut path = String::from("a");
    let mut seed = 7usize;
    for version in 2..1_002 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (seed >> 33) % (path.len() + 1);
        let letter = char::from(b'a' + ((seed >> 20) % 26) as u8);
        path.insert(at, letter);
        // `@app.get("/` has eleven characters.
        change(&mut editor, &main, version, insertion(6, 11 + at as u64, &letter.to_string()));
        if version % 10 == 0 {
            hover(&mut editor, 1_000 + version, &main);
        }
    }
    let found = editor.published(&main, 1_001, |_| true);
    assert!(found[0]["message"].as_str().unwrap().contains(&format!("GET /{path} ")), "edits changed places");
    for version in (2..1_002).filter(|version| version % 10 == 0) {
        editor.answer(1_000 + version);
    }
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// tower-lsp runs four handlers at once: more that wait would hold edits up.
#[test]
fn a_client_that_never_answers_holds_nothing_up() {
    let root = project("silent", &[("deps.py", DEPS), ("main.py", MAIN)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    let capabilities = json!({
        "window": {"workDoneProgress": true},
        "workspace": {
            "configuration": true,
            "didChangeWatchedFiles": {"dynamicRegistration": true},
            "codeLens": {"refreshSupport": true},
            "inlayHint": {"refreshSupport": true},
        },
    });
    editor.initialize(Some(&root), capabilities);
    editor.open(&main, MAIN);
    for version in 2..302 {
        change(&mut editor, &main, version, insertion(6, 12, "b"));
        hover(&mut editor, version, &main);
        if version % 30 == 0 {
            editor.notify("workspace/didChangeConfiguration", json!({"settings": null}));
        }
    }
    let found = editor.published(&main, 301, |found| !found.is_empty());
    assert!(found[0]["message"].as_str().unwrap().contains(&format!("GET /a{} ", "b".repeat(300))));
    for version in 2..302 {
        editor.answer(version);
    }
    // Now that nobody waits any more, the answers come, and one to nothing.
    let asked: Vec<Value> = editor.waiting.iter().filter(|m| m.get("method").is_some()).cloned().collect();
    for id in asked.iter().filter_map(|message| message.get("id")) {
        editor.send(json!({"id": id, "result": null}));
    }
    editor.send(json!({"id": 424_242, "result": null}));
    hover(&mut editor, 2_000, &main);
    assert!(editor.answer(2_000)["result"].is_object());
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn cancelled_requests_leave_the_server_well() {
    let mut editor = Editor::start();
    editor.initialize(None, json!({}));
    editor.open("untitled:one", MAIN);
    for id in 1..200 {
        hover(&mut editor, id, "untitled:one");
        editor.notify("$/cancelRequest", json!({"id": id}));
    }
    editor.notify("$/cancelRequest", json!({"id": 4_711}));
    hover(&mut editor, 300, "untitled:one");
    assert!(editor.answer(300)["result"].is_object());
    assert_eq!(editor.quit(), Some(0));
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
