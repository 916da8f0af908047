//! From one half to the other, as an editor asks for it: calls and their routes, handlers and their callers.

use serde_json::{Value, json};

use crate::editor::{Editor, project, uri};

/// A guarded route, and a page that asks for it without a token.
const GUARDED: &str = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, HTTPException\nfrom fastapi.security import HTTPBearer\n\napp = FastAPI()\n\ndef user(c=Depends(HTTPBearer())):\n    try:\n        return jwt.decode(c.credentials, os.environ[\"K\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n@app.get(\"/api/tasks\")\ndef tasks(u=Depends(user)):\n    return []\n";
const ASKING: &str =
    "export const load = async () => {\n  await fetch(`${process.env.NEXT_PUBLIC_API_URL}/api/tasks`);\n};\n";

#[test]
fn both_halves_are_joined_live() {
    let root = project("halves", &[("backend/main.py", GUARDED), ("web/lib/load.ts", ASKING)]);
    let (main, load) = (uri(&root, "backend/main.py"), uri(&root, "web/lib/load.ts"));
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({}));
    editor.open(&load, ASKING);
    let found = editor.published(&load, 1, |found| !found.is_empty());
    assert_eq!((&found[0]["code"], &found[0]["range"]["start"]["line"]), (&json!("missing-bearer"), &json!(1)));
    // From the URL to the handler, and back.
    let at = |uri: &str, line: u32, character: u32| json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}, "context": {"includeDeclaration": false}});
    let handler = editor.request(1, "textDocument/definition", at(&load, 1, 58));
    assert_eq!((&handler[0]["uri"], &handler[0]["range"]["start"]["line"]), (&json!(main), &json!(14)));
    let calls = editor.request(2, "textDocument/references", at(&main, 14, 5));
    assert_eq!((&calls[0]["uri"], &calls[0]["range"]["start"]["line"]), (&json!(load), &json!(1)));
    let hover = editor.request(3, "textDocument/hover", at(&load, 1, 58));
    assert!(hover["contents"]["value"].as_str().unwrap().contains("**GET /api/tasks**"));
    editor.open(&main, GUARDED);
    let lens = editor.request(4, "textDocument/codeLens", json!({"textDocument": {"uri": main}}));
    assert_eq!(lens[0]["command"]["title"], "guarded by user, called once by the frontend");
    // A comment that accepts the finding is one of TypeScript.
    let actions = json!({"textDocument": {"uri": load}, "range": found[0]["range"], "context": {"diagnostics": []}});
    let actions = editor.request(5, "textDocument/codeAction", actions);
    assert!(actions.to_string().contains("  // authlens: ignore[missing-bearer]"), "{actions}");
    // The guard goes in one half, and the finding in the other.
    let open = GUARDED.replace("u=Depends(user)", "");
    editor.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": main, "version": 2}, "contentChanges": [{"text": open}]}),
    );
    let report = editor.request(6, "textDocument/diagnostic", json!({"textDocument": {"uri": load}}));
    assert_eq!(report["items"], json!([]));
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// What the specification of a project with such a route says.
const SAID: &str = "# Endpoints\n\n| Method | Endpoint | Auth |\n|---|---|---|\n| GET | /api/tasks | yes |\n";

/// A call shows its route, by what that is guarded, and the line of the specification that says what is expected of it.
#[test]
fn a_call_shows_the_guard_and_the_line_of_the_specification() {
    let files = [("backend/main.py", GUARDED), ("web/lib/load.ts", ASKING), ("specs/api/rest-endpoints.md", SAID)];
    let root = project("call-hover", &files);
    let load = uri(&root, "web/lib/load.ts");
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({}));
    editor.open(&load, ASKING);
    editor.published(&load, 1, |found| !found.is_empty());
    editor.summary();
    let at = json!({"textDocument": {"uri": load}, "position": {"line": 1, "character": 58}});
    let hover = editor.request(1, "textDocument/hover", at);
    let shown = hover["contents"]["value"].as_str().unwrap();
    for words in [
        "reaches **GET /api/tasks** of `main:app`, which is **guarded** (user), and carries no token",
        "/backend/main.py#L15) GET /api/tasks is handled here",
        "/backend/main.py#L8) this decides: user",
        "/specs/api/rest-endpoints.md#L5) the specification says: \"GET | /api/tasks | yes\"",
    ] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// What asks for a path that it is given.
const POST: &str =
    "export const post = (path: string) => fetch(`${process.env.NEXT_PUBLIC_API_URL}${path}`, { method: 'POST' });\n";
/// Calls of several routes, and one of none.
const CALLS: &str = "import { post } from './post';
const API = process.env.NEXT_PUBLIC_API_URL;
export const load = async (id: string) => {
  await fetch(`${API}/api/tasks`);
  await fetch(API + '/api/tasks', { headers: { Accept: 'text/plain' } });
  await post('/api/tasks');
  await fetch(`${API}/api/tasks/${id}`, { method: 'DELETE' });
  await fetch('https://api.elsewhere.com/v2/tasks');
};
";
const SERVED: &str = "from fastapi import APIRouter, FastAPI

app = FastAPI()
lost = APIRouter()

@app.get(\"/api/tasks\")
def tasks(): return []

@app.post(\"/api/tasks\")
def add(): return []

@app.delete(\"/api/tasks/{id}\")
def drop(id: int): return id

@lost.get(\"/lost\")
def nobody(): return []
";

#[test]
fn addresses_in_calls_are_links_to_handlers() {
    let root = project("links", &[("backend/main.py", SERVED), ("web/lib/post.ts", POST), ("web/lib/load.ts", CALLS)]);
    let load = uri(&root, "web/lib/load.ts");
    for says in [false, true] {
        let mut editor = Editor::start();
        let capabilities = json!({"textDocument": {"documentLink": {"tooltipSupport": says}}});
        let answer = editor.initialize(Some(&root), capabilities);
        assert_eq!(answer["capabilities"]["documentLinkProvider"], json!({"resolveProvider": false}));
        editor.open(&load, CALLS);
        editor.summary();
        let links = editor.request(1, "textDocument/documentLink", json!({"textDocument": {"uri": load}}));
        let text = |range: &Value| {
            let line = CALLS.lines().nth(range["start"]["line"].as_u64().unwrap() as usize).unwrap();
            let column = |end: &str| range[end]["character"].as_u64().unwrap() as usize;
            line[column("start")..column("end")].to_owned()
        };
        let shown = |link: &Value| {
            let line = link["target"].as_str().unwrap().strip_prefix(&uri(&root, "backend/main.py#L")).unwrap();
            (text(&link["range"]), line.to_owned(), link["tooltip"].as_str().unwrap_or_default().to_owned())
        };
        let said = |tooltip: &str| if says { tooltip.to_owned() } else { String::new() };
        let shown: Vec<_> = links.as_array().unwrap().iter().map(shown).collect();
        let expected = [
            ("${API}/api/tasks", "7", "GET /api/tasks (open)"),
            ("/api/tasks", "7", "GET /api/tasks (open)"),
            ("/api/tasks", "10", "POST /api/tasks (open)"),
            ("${API}/api/tasks/${id}", "13", "DELETE /api/tasks/{id} (open)"),
        ];
        assert_eq!(shown, expected.map(|(text, line, tip)| (text.to_owned(), line.to_owned(), said(tip))));
        assert_eq!(editor.quit(), Some(0));
    }
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn routes_are_found_by_their_names() {
    let test = ("backend/tests/test_app.py", SERVED);
    let root =
        project("symbols", &[("backend/main.py", SERVED), test, ("web/lib/post.ts", POST), ("web/lib/load.ts", CALLS)]);
    let mut editor = Editor::start();
    let answer = editor.initialize(Some(&root), json!({}));
    assert_eq!(answer["capabilities"]["workspaceSymbolProvider"], true);
    editor.summary();
    let mut id = 0;
    let mut found = |query: &str| {
        id += 1;
        let found = editor.request(id, "workspace/symbol", json!({"query": query}));
        let name = |symbol: &Value| {
            let at = &symbol["location"];
            assert_eq!(at["uri"], uri(&root, "backend/main.py"));
            let within = symbol["containerName"].as_str().unwrap_or("nothing").to_owned();
            format!("{} in {within}, line {}", symbol["name"].as_str().unwrap(), at["range"]["start"]["line"])
        };
        found.as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(found("DELETE /api/tasks/{id}"), ["DELETE /api/tasks/{id} in main:app, line 12"]);
    assert_eq!(
        found("/api/tasks"),
        [
            "GET /api/tasks in main:app, line 6",
            "POST /api/tasks in main:app, line 9",
            "DELETE /api/tasks/{id} in main:app, line 12",
        ]
    );
    assert_eq!(found("getlost"), ["GET /lost in nothing, line 15"]);
    assert_eq!(found("").len(), 4);
    assert_eq!(found("PATCH"), Vec::<String>::new());
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// All calls of a handler's are its references, and the lens above it and the hint behind it count them.
#[test]
fn callers_are_counted_and_found() {
    let root =
        project("callers", &[("backend/main.py", SERVED), ("web/lib/post.ts", POST), ("web/lib/load.ts", CALLS)]);
    let (main, load) = (uri(&root, "backend/main.py"), uri(&root, "web/lib/load.ts"));
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({}));
    editor.open(&main, SERVED);
    editor.summary();
    let mut id = 0;
    let mut lines = |editor: &mut Editor, line: u32| {
        id += 1;
        let position = json!({"line": line, "character": 5});
        let params =
            json!({"textDocument": {"uri": main}, "position": position, "context": {"includeDeclaration": false}});
        let found = editor.request(id, "textDocument/references", params);
        let line = |at: &Value| {
            assert_eq!(at["uri"], load);
            at["range"]["start"]["line"].as_u64().unwrap()
        };
        found.as_array().map(|found| found.iter().map(line).collect::<Vec<_>>()).unwrap_or_default()
    };
    assert_eq!(lines(&mut editor, 6), [3, 4]);
    assert_eq!(lines(&mut editor, 9), [5]);
    assert!(lines(&mut editor, 15).is_empty());
    let expected = [
        "open to everybody, called 2 times by the frontend",
        "open to everybody, called once by the frontend",
        "open to everybody, called once by the frontend",
        "guard unknown",
    ];
    let document = json!({"uri": main});
    let lenses = editor.request(90, "textDocument/codeLens", json!({"textDocument": document}));
    let title = |lens: &Value| lens["command"]["title"].clone();
    assert_eq!(lenses.as_array().unwrap().iter().map(title).collect::<Vec<_>>(), expected);
    let settings = json!({"settings": {"authlens": {"hints": {"inlay": true}}}});
    editor.notify("workspace/didChangeConfiguration", settings);
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}});
    let hints = editor.request(91, "textDocument/inlayHint", json!({"textDocument": document, "range": range}));
    assert_eq!(hints.as_array().unwrap().iter().map(|hint| hint["label"].clone()).collect::<Vec<_>>(), expected);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}
