//! Messages that LSP does not have (`specs/formats/editor-protocol.md`), and what a client must say to get more.

use serde_json::{Value, json};

use crate::editor::{Editor, project, uri};
use crate::server::{DEPS, MAIN};

const GUARDED: &str = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, HTTPException\nfrom fastapi.security import HTTPBearer\n\napp = FastAPI()\n\ndef user(c=Depends(HTTPBearer())):\n    try:\n        return jwt.decode(c.credentials, os.environ[\"K\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n@app.get(\"/api/tasks\")\ndef tasks(u=Depends(user)):\n    return []\n\n@app.get(\"/health\")\ndef health(): ...\n";
const ASKING: &str =
    "export const load = async () => {\n  await fetch(`${process.env.NEXT_PUBLIC_API_URL}/api/tasks`);\n};\n";
const LISTENING: &str = r#"{"experimental": {"authlens": {"routesChanged": true}}}"#;

fn tells_of_routes(message: &Value) -> bool {
    message["method"] == "authlens/routesChanged"
}

fn change(editor: &mut Editor, uri: &str, version: u32, text: &str) {
    let document = json!({"uri": uri, "version": version});
    editor.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": [{"text": text}]}));
}

/// The route table once all folders are read. Ids of the requests count from `id`.
fn table(editor: &mut Editor, id: u64) -> Value {
    for id in id..id + 400 {
        let table = editor.request(id, "authlens/routes", json!({}));
        if table["summary"]["indexing"] == false && table["summary"]["routes"] != 0 {
            return table;
        }
        editor.wait(tells_of_routes);
    }
    panic!("the workspace was not read");
}

#[test]
fn routes_are_listed_with_their_guards_and_callers_and_follow_edits() {
    let root = project("routes", &[("api/main.py", GUARDED), ("web/load.ts", ASKING)]);
    let (main, load) = (uri(&root, "api/main.py"), uri(&root, "web/load.ts"));
    let mut editor = Editor::start();
    let answer = editor.initialize(Some(&root), serde_json::from_str(LISTENING).unwrap());
    assert_eq!(answer["capabilities"]["experimental"], json!({"authlens": {"routes": true}}));
    editor.open(&main, GUARDED);
    let before = table(&mut editor, 1_000);
    assert_eq!(before["summary"]["guarded"], 1);
    let app = &before["applications"][0];
    assert_eq!((&app["name"], &app["inTests"]), (&json!("main:app"), &json!(false)));
    let tasks = &app["routes"][0];
    let told = ["status", "detail", "path", "router", "kind"].map(|key| tasks[key].as_str().unwrap());
    assert_eq!(told, ["guarded", "user", "/api/tasks", "app", "http"]);
    assert_eq!(tasks["methods"], json!(["GET"]));
    let line = |at: &Value| (at["uri"].as_str().unwrap().to_owned(), at["range"]["start"]["line"].as_u64().unwrap());
    assert_eq!(line(&tasks["handler"]), (main.clone(), 14));
    assert_eq!(line(&tasks["registration"]), (main.clone(), 13));
    assert_eq!(line(&tasks["guard"]), (main.clone(), 7));
    assert_eq!(line(&tasks["callers"][0]), (load, 1));
    assert_eq!(app["routes"][1]["status"], "public");
    // The same again is not sent again.
    let params = json!({"previousResultId": before["resultId"]});
    let same = editor.request(1, "authlens/routes", params.clone());
    assert_eq!(same, json!({"kind": "unchanged", "resultId": before["resultId"]}));
    // One message tells of any number of edits, until the client asks.
    editor.waiting.retain(|message| !tells_of_routes(message));
    for version in 2..6 {
        change(
            &mut editor,
            &main,
            version,
            &GUARDED.replace("u=Depends(user)", "").replace("[]", &version.to_string()),
        );
        editor.request(
            u64::from(version),
            "textDocument/hover",
            json!({"textDocument": {"uri": main}, "position": {"line": 0, "character": 0}}),
        );
    }
    editor.wait(tells_of_routes);
    assert!(!editor.waiting.iter().any(tells_of_routes));
    let after = editor.request(10, "authlens/routes", params);
    assert_eq!(after["applications"][0]["routes"][0]["status"], "open");
    assert_eq!(after["applications"][0]["routes"][0]["guard"], Value::Null);
    assert_eq!(after["summary"]["guarded"], 0);
    change(&mut editor, &main, 9, GUARDED);
    editor.wait(tells_of_routes);
    let counts = editor.request(11, "authlens/summary", json!({}));
    assert_eq!((&counts["guarded"], &counts["public"]), (&json!(1), &json!(1)));
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn proofs_and_calls_are_given_when_asked_for() {
    let root = project("proofs", &[("api/main.py", GUARDED), ("web/load.ts", ASKING)]);
    let (main, load) = (uri(&root, "api/main.py"), uri(&root, "web/load.ts"));
    let mut editor = Editor::start();
    editor.initialize(Some(&root), serde_json::from_str(LISTENING).unwrap());
    editor.open(&main, GUARDED);
    table(&mut editor, 1_000);
    let proof = editor.request(1, "authlens/explain", json!({"method": "get", "path": "/api/tasks"}));
    let markdown = proof["markdown"].as_str().unwrap();
    for part in ["# GET /api/tasks\n", "**guarded**: user (`main:app`)", "main.py:8]", "- `user` (param): "] {
        assert!(markdown.contains(part), "no {part} in {markdown}");
    }
    let params = json!({"method": "GET", "path": "/api/task"});
    editor.send(json!({"id": 2, "method": "authlens/explain", "params": params}));
    let refused = editor.answer(2)["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(refused, "no route answers GET /api/task; did you mean /api/tasks?");
    let calls = editor.request(3, "authlens/calls", json!({}));
    let call = &calls["calls"][0];
    assert_eq!((&call["location"]["uri"], &call["method"]), (&json!(load), &json!("GET")));
    assert_eq!((&call["route"]["name"], &call["route"]["status"]), (&json!("GET /api/tasks"), &json!("guarded")));
    assert_eq!(call["attachesToken"], false);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// Helix 25.01 says nothing of related information, Neovim nothing of versions.
#[test]
fn a_client_gets_what_it_says_and_no_more() {
    let root = project("modest", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    let nothing = json!({"versionSupport": false, "relatedInformation": false});
    let actions = json!({"isPreferredSupport": false});
    let capabilities = json!({"textDocument": {
        "publishDiagnostics": nothing, "codeAction": actions, "hover": {"contentFormat": ["plaintext"]},
    }});
    let answer = editor.initialize(Some(&root), capabilities);
    assert!(answer["capabilities"].get("experimental").is_none());
    editor.open(&main, MAIN);
    let found = editor.published(&main, 0, |found| !found.is_empty());
    let keys: Vec<&String> = found[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "message", "range", "severity", "source"]);
    let hover = editor.request(
        1,
        "textDocument/hover",
        json!({"textDocument": {"uri": main}, "position": found[0]["range"]["start"]}),
    );
    assert_eq!(hover["contents"]["kind"], "plaintext");
    let context = json!({"diagnostics": []});
    let params = json!({"textDocument": {"uri": main}, "range": found[0]["range"], "context": context});
    let actions = editor.request(2, "textDocument/codeAction", params);
    let actions = actions.as_array().unwrap();
    assert!(!actions.is_empty() && actions.iter().all(|action| action.get("isPreferred").is_none()), "{actions:?}");
    let unasked = |message: &Value| {
        let method = message["method"].as_str().unwrap_or_default();
        method.starts_with("authlens/") || message["params"].get("version").is_some()
    };
    assert!(!editor.waiting.iter().any(unasked), "{:?}", editor.waiting);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn settings_make_rules_louder_and_silent() {
    let root = project("loud", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    let dynamic =
        json!({"workspace": {"configuration": true, "didChangeConfiguration": {"dynamicRegistration": true}}});
    editor.initialize(Some(&root), dynamic);
    let registered = editor.wait(|message| message["method"] == "client/registerCapability");
    assert_eq!(registered["params"]["registrations"][0]["method"], "workspace/didChangeConfiguration");
    editor.send(json!({"id": registered["id"], "result": null}));
    let settings = |editor: &mut Editor, level: &str| {
        let asked = editor.wait(|message| message["method"] == "workspace/configuration");
        editor.send(json!({"id": asked["id"], "result": [{"rules": {"missing-auth-dependency": level}}]}));
    };
    settings(&mut editor, "hint");
    editor.open(&main, MAIN);
    editor.published(&main, 1, |found| found.len() == 1 && found[0]["severity"] == 4);
    // VS Code tells that something changed, and is asked what.
    editor.notify("workspace/didChangeConfiguration", json!({"settings": null}));
    settings(&mut editor, "off");
    editor.published(&main, 1, Vec::is_empty);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}
