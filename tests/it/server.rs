//! The server as an editor meets it, over its standard input and output.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::editor::{Editor, project, uri};

pub(crate) const MAIN: &str =
    "# é😀\nfrom fastapi import FastAPI\nfrom deps import key\n\napp = FastAPI()\n\n@app.get(\"/a\")\ndef a(): ...\n";
pub(crate) const DEPS: &str = "from fastapi import Header, HTTPException\n\ndef key(x_api_key: str = Header()):\n    if x_api_key != open(\"/run/secrets/key\").read():\n        raise HTTPException(401)\n";

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
    editor.wait_until_indexed(&main);
    let report = editor.request(500, "workspace/diagnostic", json!({"previousResultIds": []}));
    assert_eq!(report["items"][0]["uri"], main);
    assert!(!editor.waiting.iter().any(|message| message["method"] == "textDocument/publishDiagnostics"));
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn pulling_again_says_what_is_unchanged() {
    let root = project("unchanged", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    let capabilities =
        json!({"textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {"refreshSupport": true}}});
    editor.initialize(Some(&root), capabilities);
    editor.open(&main, MAIN);
    editor.wait_until_indexed(&main);
    let pull = |editor: &mut Editor, id: u64, previous: &Value| {
        let params = json!({"textDocument": {"uri": main}, "previousResultId": previous});
        editor.request(id, "textDocument/diagnostic", params)
    };
    let full = pull(&mut editor, 1_000, &Value::Null);
    assert_eq!((&full["kind"], full["items"].as_array().unwrap().len()), (&json!("full"), 1));
    let same = pull(&mut editor, 1_001, &full["resultId"]);
    assert_eq!(same, json!({"kind": "unchanged", "resultId": full["resultId"]}));
    let known = json!({"previousResultIds": [{"uri": main, "value": full["resultId"]}]});
    let workspace = editor.request(1_002, "workspace/diagnostic", known);
    assert_eq!(workspace["items"][0]["kind"], "unchanged");
    let fixed = json!([{"text": MAIN.replace("\"/a\"", "\"/health\"")}]);
    editor.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": main, "version": 2}, "contentChanges": fixed}),
    );
    let clean = pull(&mut editor, 1_003, &full["resultId"]);
    assert_eq!((&clean["kind"], &clean["items"]), (&json!("full"), &json!([])));
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn changes_on_disk_are_noticed_with_and_without_the_clients_watchers() {
    for watches in [true, false] {
        let root = project(&format!("disk-{watches}"), &[("main.py", MAIN), ("deps.py", DEPS)]);
        let (main, routes) = (uri(&root, "main.py"), uri(&root, "routes.py"));
        let mut editor = Editor::start();
        let watcher = json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": watches}}});
        editor.initialize(Some(&root), watcher);
        editor.open(&main, MAIN);
        editor.published(&main, 1, |found| !found.is_empty());
        // The first look at the folder has happened by now, or happens within this pause.
        std::thread::sleep(Duration::from_millis(500));
        std::fs::write(root.join("routes.py"), MAIN).unwrap();
        if watches {
            editor.wait(|message| message["method"] == "client/registerCapability");
            let changes = json!({"changes": [{"uri": routes, "type": 1}]});
            editor.notify("workspace/didChangeWatchedFiles", changes);
        }
        editor.published(&routes, 0, |found| found.len() == 1);
        std::fs::remove_file(root.join("routes.py")).unwrap();
        if watches {
            let changes = json!({"changes": [{"uri": routes, "type": 3}]});
            editor.notify("workspace/didChangeWatchedFiles", changes);
        }
        editor.published(&routes, 0, Vec::is_empty);
        assert_eq!(editor.quit(), Some(0));
        let _ = std::fs::remove_dir_all(root);
    }
}

/// What must be guarded changes while the source stays as it is.
#[test]
fn specifications_and_configuration_on_disk_count_at_once() {
    let root = project("policy", &[("main.py", MAIN), ("deps.py", DEPS), ("authlens.toml", "protects = []\n")]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({}));
    let settings = uri(&root, "authlens.toml");
    editor.published(&settings, 0, |found| found.len() == 1 && found[0]["code"] == "invalid-configuration");
    editor.open(&main, MAIN);
    let code = |found: &Vec<Value>| found.first().map(|found| found["code"].as_str().unwrap_or_default().to_owned());
    editor.published(&main, 1, |found| code(found).as_deref() == Some("missing-auth-dependency"));
    let mut write = |name: &str, text: &str| {
        std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        std::fs::write(root.join(name), text).unwrap();
        let changes = json!({"changes": [{"uri": uri(&root, name), "type": 2}]});
        editor.notify("workspace/didChangeWatchedFiles", changes);
        editor.published(&main, 1, |_| true)
    };
    let found = write("specs/api.md", "### GET /a\n**Auth**: Required\n");
    assert_eq!(code(&found).as_deref(), Some("spec-auth-drift"));
    let said = found[0]["relatedInformation"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["location"]["uri"].as_str().unwrap().ends_with("specs/api.md"));
    assert_eq!(said.unwrap()["location"]["range"]["start"]["line"], 1);
    assert!(write("specs/api.md", "### GET /a\n**Auth**: None\n").is_empty());
    let found = write("specs/api.md", "### GET /b\n");
    assert_eq!(code(&found).as_deref(), Some("missing-auth-dependency"));
    let public = "[[public]]\npath = \"/a\"\nreason = \"a price list\"\n";
    assert!(write("authlens.toml", public).is_empty());
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn folders_and_settings_come_and_go() {
    let root = project("folders", &[("one/main.py", MAIN), ("two/main.py", MAIN), ("two/deps.py", DEPS)]);
    let (one, two) = (uri(&root, "one/main.py"), uri(&root, "two/main.py"));
    let mut editor = Editor::start();
    editor.initialize(Some(&root.join("one")), json!({}));
    editor.published(&one, 0, |found| found.len() == 1);
    let folder = |name: &str| json!({"uri": uri(&root, name), "name": name});
    let change = |added: Value, removed: Value| json!({"event": {"added": added, "removed": removed}});
    editor.notify("workspace/didChangeWorkspaceFolders", change(json!([folder("two")]), json!([])));
    editor.published(&two, 0, |found| found.len() == 1);
    editor.notify("workspace/didChangeConfiguration", json!({"settings": {"authlens": {"minSeverity": "error"}}}));
    editor.published(&one, 0, Vec::is_empty);
    editor.notify("workspace/didChangeConfiguration", json!({"settings": {"authlens": {}}}));
    editor.published(&one, 0, |found| found.len() == 1);
    editor.notify("workspace/didChangeWorkspaceFolders", change(json!([]), json!([folder("two")])));
    editor.published(&two, 0, Vec::is_empty);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn the_open_file_is_answered_before_the_workspace_is_read() {
    let many: Vec<(String, String)> = (0..400)
        .map(|n| (format!("pkg/m{n}.py"), "from fastapi import APIRouter\nrouter = APIRouter()\n".repeat(200)))
        .collect();
    let mut files: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let text =
        MAIN.replace("def a(): ...\n", "def a(): ...\n\n@app.get(\"/b\", dependencies=[Depends(key)])\ndef b(): ...\n");
    let text = text.replace("import FastAPI", "import Depends, FastAPI");
    files.extend([("main.py", text.as_str()), ("deps.py", DEPS)]);
    let root = project("early", &files);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({"window": {"workDoneProgress": true}}));
    let create = editor.wait(|message| message["method"] == "window/workDoneProgress/create");
    editor.send(json!({"id": create["id"], "result": null}));
    editor.open(&main, &text);
    editor.published(&main, 1, |found| !found.is_empty());
    let ended = |message: &Value| message["method"] == "$/progress" && message["params"]["value"]["kind"] == "end";
    assert!(!editor.waiting.iter().any(ended), "the index was done first");
    editor.wait(ended);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// A file of a router, and the application that includes it.
const INCLUDED: &str = "import os\nfrom fastapi import APIRouter\n\nrouter = APIRouter()\n\n@router.delete(\"/{name}\")\ndef remove(name: str):  # authlens: ignore[missing-auth-dependency] behind the VPN\n    os.remove(name)\n\nx = 1  # authlens: ignore[no-such-rule] typo\n";
const INCLUDING: &str = "from fastapi import Depends, FastAPI\nfrom api.files import router\nfrom deps import key\n\napp = FastAPI()\napp.include_router(router)\n\n@app.get(\"/a\", dependencies=[Depends(key)])\ndef a(): ...\n";

/// Whether a comment is needed, only all of the project tells: not a part of it, nor what has been read so far.
#[test]
fn comments_are_needed_until_the_project_is_known() {
    let many: Vec<(String, String)> = (0..300)
        .map(|n| (format!("pkg/m{n}.py"), "from fastapi import APIRouter\nrouter = APIRouter()\n".repeat(200)))
        .collect();
    let mut files: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.extend([("main.py", INCLUDING), ("deps.py", DEPS), ("api/files.py", INCLUDED), (".git/HEAD", "")]);
    let root = project("needed", &files);
    let file = uri(&root, "api/files.py");
    let only_typo =
        |found: &Vec<Value>| found.len() == 1 && found[0]["message"].as_str().unwrap().contains("no-such-rule");
    for workspace in [Some(root.clone()), Some(root.join("api")), None] {
        let mut editor = Editor::start();
        editor.initialize(workspace.as_deref(), json!({"window": {"workDoneProgress": true}}));
        editor.open(&file, INCLUDED);
        let first = editor.published(&file, 1, |_| true);
        assert!(only_typo(&first), "{workspace:?}: {first:?}");
        // An edit, as the comment goes.
        let text = INCLUDED.replace("  # authlens: ignore[missing-auth-dependency] behind the VPN", "");
        let change = json!({"textDocument": {"uri": file, "version": 2}, "contentChanges": [{"text": text}]});
        editor.notify("textDocument/didChange", change);
        if workspace.as_ref() == Some(&root) {
            editor.published(&file, 2, |found| found.len() == 2);
        }
        let text = INCLUDED.replace("no-such-rule", "weak-secret");
        let change = json!({"textDocument": {"uri": file, "version": 3}, "contentChanges": [{"text": text}]});
        editor.notify("textDocument/didChange", change);
        let found = editor.published(&file, 3, |_| true);
        let expected = usize::from(workspace.as_ref() == Some(&root));
        assert_eq!(found.len(), expected, "{workspace:?}: {found:?}");
        assert_eq!(editor.quit(), Some(0));
    }
    let _ = std::fs::remove_dir_all(root);
}

/// What folders above the workspace are called says nothing of what is in it.
#[test]
fn a_workspace_may_lie_in_a_folder_called_build() {
    let root = project("called", &[("build/back/main.py", MAIN), ("build/back/deps.py", DEPS)]);
    let back = root.join("build/back");
    let routes = uri(&back, "routes.py");
    let mut editor = Editor::start();
    editor.initialize(Some(&back), json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}}));
    editor.published(&uri(&back, "main.py"), 0, |found| found.len() == 1);
    for (name, says) in [("dist/routes.py", false), ("routes.py", true)] {
        std::fs::create_dir_all(back.join("dist")).unwrap();
        std::fs::write(back.join(name), MAIN).unwrap();
        let changes = json!({"changes": [{"uri": uri(&back, name), "type": 1}]});
        editor.notify("workspace/didChangeWatchedFiles", changes);
        if says {
            editor.published(&routes, 0, |found| found.len() == 1);
        }
    }
    assert!(!editor.waiting.iter().any(|message| message["params"]["uri"] == uri(&back, "dist/routes.py")));
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn reading_anew_means_the_folders_that_are_open_now() {
    let root = project("anew", &[("one/main.py", MAIN), ("two/main.py", MAIN), ("two/deps.py", DEPS)]);
    let (one, two) = (uri(&root, "one/main.py"), uri(&root, "two/main.py"));
    let mut editor = Editor::start();
    editor.initialize(Some(&root.join("one")), json!({}));
    editor.published(&one, 0, |found| found.len() == 1);
    let folder = |name: &str| json!({"uri": uri(&root, name), "name": name});
    let change = json!({"event": {"added": [folder("two")], "removed": [folder("one")]}});
    editor.notify("workspace/didChangeWorkspaceFolders", change);
    editor.published(&two, 0, |found| found.len() == 1);
    editor.published(&one, 0, Vec::is_empty);
    std::fs::write(root.join("two/more.py"), MAIN).unwrap();
    editor.request(1, "workspace/executeCommand", json!({"command": "authlens.reindex", "arguments": []}));
    editor.published(&uri(&root, "two/more.py"), 0, |found| found.len() == 1);
    assert!(!editor.waiting.iter().any(|message| message["params"]["uri"] == one), "{:?}", editor.waiting);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// What is in no folder of the workspace is there as long as it is open.
#[test]
fn documents_without_a_folder_go_when_they_are_closed() {
    let root = project("closing", &[("in/empty.py", ""), ("out/main.py", MAIN), ("out/deps.py", DEPS)]);
    let mut editor = Editor::start();
    editor.initialize(Some(&root.join("in")), json!({}));
    let alone = "from fastapi import Depends, FastAPI, Header\n\napp = FastAPI()\n\ndef who(x_user_id: str = Header()): return x_user_id\n\n@app.get('/x')\ndef x(t=Depends(who)): ...\n";
    for (document, text) in [("untitled:Untitled-1".to_owned(), alone), (uri(&root, "out/main.py"), MAIN)] {
        editor.open(&document, text);
        editor.published(&document, 1, |found| !found.is_empty());
        editor.notify("textDocument/didClose", json!({"textDocument": {"uri": document}}));
        editor.published(&document, 0, Vec::is_empty);
        let summary = editor.summary();
        assert_eq!((&summary["routes"], &summary["files"]), (&json!(0), &json!(1)), "{document}");
    }
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// The words of a project count that stand above the folder that is open, and so do their changes.
#[test]
fn configuration_above_the_folder_counts_at_once() {
    let root = project("above", &[("back/main.py", MAIN), ("back/deps.py", DEPS), (".git/HEAD", "")]);
    for watches in [true, false] {
        let _ = std::fs::remove_file(root.join("authlens.toml"));
        let main = uri(&root, "back/main.py");
        let mut editor = Editor::start();
        let watcher = json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": watches}}});
        editor.initialize(Some(&root.join("back")), watcher);
        editor.published(&main, 0, |found| found.len() == 1);
        std::thread::sleep(Duration::from_millis(500));
        std::fs::write(root.join("authlens.toml"), "[[public]]\npath = \"/a\"\nreason = \"prices\"\n").unwrap();
        editor.published(&main, 0, Vec::is_empty);
        assert_eq!(editor.quit(), Some(0));
    }
    let _ = std::fs::remove_dir_all(root);
}

/// Editors open by its real path what is in a folder that they know by a symbolic link.
#[cfg(unix)]
#[test]
fn a_folder_and_the_link_to_it_are_one() {
    let root = project("linked", &[("real/main.py", MAIN), ("real/deps.py", DEPS)]);
    std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
    let mut editor = Editor::start();
    editor.initialize(Some(&root.join("link")), json!({}));
    editor.published(&uri(&root, "link/main.py"), 0, |found| found.len() == 1);
    for name in ["real/main.py", "link/main.py"] {
        let main = uri(&root, name);
        editor.open(&main, MAIN);
        editor.published(&main, 1, |found| found.len() == 1);
        let lens = editor.request(1, "textDocument/codeLens", json!({"textDocument": {"uri": main}}));
        assert_eq!(lens[0]["command"]["title"], "open to everybody");
        assert_eq!(editor.request(2, "authlens/summary", json!({}))["routes"], 1);
        editor.notify("textDocument/didClose", json!({"textDocument": {"uri": main}}));
    }
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// What is not read from disk for its size is not read from an editor.
#[test]
fn a_document_without_end_is_told_of_and_holds_nothing_up() {
    let mut editor = Editor::start();
    editor.initialize(None, json!({}));
    editor.open("untitled:huge", &"# more of the same\n".repeat((4 << 20) / 19 + 1));
    editor.open("untitled:small", "from fastapi import FastAPI\n");
    let found = editor.published("untitled:huge", 1, |_| true);
    assert_eq!(found[0]["code"], "not-fully-analysed");
    let small = json!([{"text": "# fastapi\n"}]);
    let change = json!({"textDocument": {"uri": "untitled:huge", "version": 2}, "contentChanges": small});
    editor.notify("textDocument/didChange", change);
    editor.published("untitled:huge", 2, Vec::is_empty);
    assert_eq!(editor.quit(), Some(0));
}

/// An editor says what must be guarded where the project does not, in the words of an `authlens.toml`.
#[test]
fn settings_say_what_must_be_guarded_until_the_project_does() {
    let root = project("own-policy", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let (main, own) = (uri(&root, "main.py"), uri(&root, "authlens.toml"));
    let mut editor = Editor::start();
    let watches = json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}});
    editor.initialize(Some(&root), watches);
    editor.open(&main, MAIN);
    let rules = |found: &[Value]| found.iter().map(|d| d["code"].clone()).collect::<Vec<_>>();
    let found = editor.published(&main, 1, |found| !found.is_empty());
    assert_eq!(rules(&found), ["missing-auth-dependency"]);
    let settings = |policy: Value| json!({"settings": {"authlens": {"policy": policy}}});
    let public = json!({"public": [{"path": "/a", "reason": "the page of prices"}]});
    editor.notify("workspace/didChangeConfiguration", settings(public.clone()));
    editor.published(&main, 1, Vec::is_empty);
    let at = json!({"textDocument": {"uri": main}, "position": {"line": 7, "character": 5}});
    let hover = editor.request(1, "textDocument/hover", at);
    let shown = hover["contents"]["value"].as_str().unwrap();
    assert!(shown.contains("the page of prices") && shown.contains("- the settings of the editor: "), "{shown}");
    // The project's own words come first, all of them.
    std::fs::write(root.join("authlens.toml"), "owner-names = [\"x\"]\n").unwrap();
    editor.notify("workspace/didChangeWatchedFiles", json!({"changes": [{"uri": own, "type": 1}]}));
    editor.published(&main, 1, |found| found.len() == 1);
    std::fs::remove_file(root.join("authlens.toml")).unwrap();
    editor.notify("workspace/didChangeWatchedFiles", json!({"changes": [{"uri": own, "type": 3}]}));
    editor.published(&main, 1, Vec::is_empty);
    // What can't be understood opens nothing, and is said.
    let half = json!({"public": [{"path": "/a"}], "rules": {"no-rule": "off"}});
    editor.notify("workspace/didChangeConfiguration", settings(half));
    for wanted in ["needs a `reason`", "there is no rule `no-rule`"] {
        editor.wait(|message| {
            message["method"] == "window/showMessage"
                && message["params"]["message"].as_str().is_some_and(|text| text.contains(wanted))
        });
    }
    editor.published(&main, 1, |found| found.len() == 1);
    editor.notify("workspace/didChangeConfiguration", settings(json!({"exclude": ["main.py"]})));
    editor.published(&main, 1, Vec::is_empty);
    editor.notify("workspace/didChangeConfiguration", settings(json!({})));
    editor.published(&main, 1, |found| found.len() == 1);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// From a finding to the page of its rule: by its code, and offline by a code action where the client shows pages, else by
/// what the hover says.
#[test]
fn a_finding_leads_to_the_page_of_its_rule() {
    let root = project("pages", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    for (explains, links) in [(true, false), (false, true), (false, false)] {
        let mut editor = Editor::start();
        let capabilities = json!({
            "experimental": {"authlens": {"explainRule": explains}},
            "textDocument": {"publishDiagnostics": {"codeDescriptionSupport": links}},
        });
        editor.initialize(Some(&root), capabilities);
        editor.open(&main, MAIN);
        let found = editor.published(&main, 1, |found| !found.is_empty());
        // The page in the repository, which has it.
        let href = found[0]["codeDescription"]["href"].as_str().map(str::to_owned);
        let page = href.as_deref().map(|href| href.strip_prefix(env!("CARGO_PKG_REPOSITORY")).unwrap());
        let page = page.map(|page| page.strip_prefix("/blob/main/").unwrap());
        assert_eq!(page, links.then_some("specs/rules/missing-auth-dependency.md"));
        assert!(page.is_none_or(|page| Path::new(env!("CARGO_MANIFEST_DIR")).join(page).is_file()));
        let range = found[0]["range"].clone();
        let params = json!({"textDocument": {"uri": main}, "range": range, "context": {"diagnostics": found}});
        let actions = editor.request(1, "textDocument/codeAction", params);
        let last = actions.as_array().unwrap().last().unwrap().clone();
        let title = "Explain `missing-auth-dependency`";
        assert_eq!(actions.to_string().contains(title), explains);
        if explains {
            assert_eq!((&last["title"], &last["kind"]), (&json!(title), &json!("quickfix")));
            let command = json!({"command": last["command"]["command"], "arguments": last["command"]["arguments"]});
            let page = editor.request(2, "workspace/executeCommand", command);
            assert!(page.as_str().unwrap().starts_with("# missing-auth-dependency\n"));
        }
        let hover = json!({"textDocument": {"uri": main}, "position": range["start"]});
        let hover = editor.request(3, "textDocument/hover", hover);
        let shown = hover["contents"]["value"].as_str().unwrap();
        assert_eq!(shown.contains("`authlens explain missing-auth-dependency` says more"), !explains);
        assert_eq!(editor.quit(), Some(0));
    }
    // A client that shows pages at an address of its own is given that.
    let mut editor = Editor::start();
    let capabilities = json!({
        "experimental": {"authlens": {"explainRule": true, "rulePages": "editor:/rules/"}},
        "textDocument": {"publishDiagnostics": {"codeDescriptionSupport": true}},
    });
    editor.initialize(Some(&root), capabilities);
    editor.open(&main, MAIN);
    let found = editor.published(&main, 1, |found| !found.is_empty());
    assert_eq!(found[0]["codeDescription"]["href"], "editor:/rules/missing-auth-dependency.md");
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// A document that is closed without being saved says again what stands on disk, in all that is told of the project.
#[test]
fn closing_a_document_goes_back_to_the_file() {
    let root = project("closed", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({}));
    let guarded = MAIN
        .replace("import FastAPI", "import Depends, FastAPI")
        .replace("get(\"/a\")", "get(\"/a\", dependencies=[Depends(key)])");
    editor.open(&main, &guarded);
    editor.published(&main, 1, Vec::is_empty);
    editor.waiting.clear();
    let counts = |editor: &mut Editor| {
        let summary = editor.summary();
        ["guarded", "open"].map(|key| summary[key].as_u64().unwrap())
    };
    assert_eq!(counts(&mut editor), [1, 0]);
    editor.notify("textDocument/didClose", json!({"textDocument": {"uri": main}}));
    let found = editor.published(&main, 0, |found| found.len() == 1);
    assert_eq!(found[0]["code"], "missing-auth-dependency");
    assert_eq!(counts(&mut editor), [0, 1]);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// What changed on disk while nobody told of it is seen when all is read anew.
#[test]
fn reading_anew_sees_what_nobody_told_of() {
    let root = project("untold", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let (main, more) = (uri(&root, "main.py"), uri(&root, "more.py"));
    let mut editor = Editor::start();
    // A client that watches, and is silent.
    editor.initialize(Some(&root), json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}}));
    editor.published(&main, 0, |found| found.len() == 1);
    std::fs::write(root.join("more.py"), MAIN).unwrap();
    std::fs::remove_file(root.join("main.py")).unwrap();
    let answer = editor.request(1, "workspace/executeCommand", json!({"command": "authlens.reindex"}));
    assert_eq!(answer, Value::Null);
    editor.published(&main, 0, Vec::is_empty);
    editor.published(&more, 0, |found| found.len() == 1);
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// A route of Starlette's own beside a guarded one.
const PLAIN: &str = "from fastapi import Depends, FastAPI\nfrom deps import key\n\napp = FastAPI()\n\nasync def plain(request): ...\n\napp.add_route(\"/plain\", plain)\n\n@app.get(\"/b\", dependencies=[Depends(key)])\ndef b(): ...\n";

/// Where no repair fits, the reason is an action that can't be chosen: for clients that show such.
#[test]
fn a_refused_repair_is_told_with_its_reason() {
    let root = project("refused", &[("main.py", PLAIN), ("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    for shows in [true, false] {
        let mut editor = Editor::start();
        editor.initialize(Some(&root), json!({"textDocument": {"codeAction": {"disabledSupport": shows}}}));
        editor.open(&main, PLAIN);
        let found = editor.published(&main, 1, |found| !found.is_empty());
        let params =
            json!({"textDocument": {"uri": main}, "range": found[0]["range"], "context": {"diagnostics": found}});
        let actions = editor.request(1, "textDocument/codeAction", params);
        let actions = actions.as_array().unwrap();
        let disabled: Vec<&Value> = actions.iter().filter(|action| !action["disabled"].is_null()).collect();
        if shows {
            let [action] = disabled.as_slice() else { panic!("{actions:#?}") };
            assert_eq!(action["title"], "Fix `missing-auth-dependency`");
            assert_eq!(action["disabled"]["reason"], "Starlette runs no dependencies for this route");
            assert!(action["edit"].is_null() && action["command"].is_null());
        } else {
            assert!(disabled.is_empty(), "{actions:#?}");
        }
        // Saying why it is public is always possible.
        assert!(actions.iter().any(|action| action["title"].as_str().unwrap().contains("public")), "{actions:#?}");
        assert_eq!(editor.quit(), Some(0));
    }
    let _ = std::fs::remove_dir_all(root);
}

/// The guard of each route stands where the user wants it, and nowhere else.
#[test]
fn hints_are_where_the_settings_put_them() {
    let root = project("hints", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let main = uri(&root, "main.py");
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({}));
    editor.open(&main, MAIN);
    editor.published(&main, 1, |found| !found.is_empty());
    let mut id = 0;
    let mut shown = |editor: &mut Editor, last_line: u32| {
        id += 2;
        let document = json!({"uri": main});
        let lenses = editor.request(id, "textDocument/codeLens", json!({"textDocument": document}));
        let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": last_line, "character": 0}});
        let hints = editor.request(id + 1, "textDocument/inlayHint", json!({"textDocument": document, "range": range}));
        (lenses, hints)
    };
    let (lenses, hints) = shown(&mut editor, 99);
    assert_eq!((lenses.as_array().unwrap().len(), &hints), (1, &json!([])));
    let settings = json!({"settings": {"authlens": {"hints": {"lens": false, "inlay": true}}}});
    editor.notify("workspace/didChangeConfiguration", settings);
    let (lenses, hints) = shown(&mut editor, 99);
    assert_eq!(lenses, json!([]));
    let [hint] = hints.as_array().unwrap().as_slice() else { panic!("{hints}") };
    // Behind `def a():`, with the proof when it is pointed at.
    assert_eq!((&hint["label"], &hint["position"]), (&json!("open to everybody"), &json!({"line": 7, "character": 8})));
    assert!(hint["tooltip"]["value"].as_str().unwrap().contains("GET /a is registered here"), "{hint}");
    assert_eq!(hint["paddingLeft"], true);
    // Only what was asked for.
    assert_eq!(shown(&mut editor, 6).1, json!([]));
    assert_eq!(editor.quit(), Some(0));
    let _ = std::fs::remove_dir_all(root);
}

/// An editor that is killed leaves no server behind, even if somebody else keeps the pipe open.
#[cfg(target_os = "linux")]
#[test]
fn a_server_goes_with_the_editor_that_started_it() {
    let mut parent = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let mut editor = Editor::start();
    let params = json!({"processId": parent.id(), "rootUri": null, "capabilities": {}});
    editor.request(1, "initialize", params);
    editor.notify("initialized", json!({}));
    editor.request(2, "authlens/summary", json!({}));
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_eq!(editor.exit_code(), Some(1));
}
