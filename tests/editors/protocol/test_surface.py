"""All that the server offers, to clients with the capabilities of real editors; every message is checked.

`clients/` holds what the editors say of themselves in `initialize`, recorded from the editors that the other tests
run.
"""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from client import PATIENCE, Client

HERE = Path(__file__).parent
CLIENTS = sorted(path.stem for path in (HERE / "clients").glob("*.json"))
UNITS = {"utf-8": lambda text: len(text.encode()), "utf-16": lambda text: len(text.encode("utf-16-le")) // 2}


@pytest.fixture
def workspace(tmp_path) -> Path:
    made = (tmp_path / "todo").resolve()
    subprocess.run([HERE.parent / "workspace/make", made], check=True)
    return made


def start(name: str, workspace: Path, **settings) -> Client:
    return Client(json.loads((HERE / f"clients/{name}.json").read_text()), workspace, settings)


def open_document(client: Client, path: Path) -> str:
    uri, language = path.as_uri(), "python" if path.suffix == ".py" else "typescript"
    document = {"uri": uri, "languageId": language, "version": 1, "text": path.read_text()}
    client.notify("textDocument/didOpen", {"textDocument": document})
    return uri


def diagnostics(client: Client, uri: str) -> list[dict]:
    """The findings of a document, pulled or pushed, whichever the client does."""
    if "diagnosticProvider" in client.initialized["capabilities"]:
        report = client.request("textDocument/diagnostic", {"textDocument": {"uri": uri}})
        return report["result"]["items"]
    return client.diagnostics.get(uri, [])


def wait_for(client: Client, uri: str, rules: list[str]) -> list[dict]:
    def has():
        found = diagnostics(client, uri)
        return sorted(d["code"] for d in found) == sorted(rules) and (found or True)

    # Pulling itself brings messages, so that this goes on.
    if "diagnosticProvider" in client.initialized["capabilities"]:
        end = time.monotonic() + PATIENCE
        while not (found := has()):
            assert time.monotonic() < end, f"{rules} were not found: {diagnostics(client, uri)}"
        return found
    return client.until(f"{rules}", has)


@pytest.mark.parametrize("name", CLIENTS)
def test_the_whole_surface(name: str, workspace: Path):
    client = start(name, workspace)
    app = workspace / "backend/app"
    tasks = open_document(client, app / "api/tasks.py")
    audit = open_document(client, app / "audit.py")
    api = open_document(client, workspace / "frontend/lib/api.ts")
    [finding] = wait_for(client, tasks, ["spec-auth-drift"])
    wait_for(client, audit, ["token-logged", "unverified-auth-dependency"])

    at = lambda uri, line, character: {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
    lines = (app / "api/tasks.py").read_text().split("\n")
    for line in range(len(lines)):
        client.request("textDocument/hover", at(tasks, line, 6))
    for line in range(20):
        client.request("textDocument/hover", at(api, line, 30))
        client.request("textDocument/definition", at(api, line, 30))
    handler = at(tasks, 10, 6) | {"context": {"includeDeclaration": False}}
    client.request("textDocument/references", handler)
    [found] = client.request("workspace/symbol", {"query": "delete/api"})["result"]
    assert found["name"] == "DELETE /api/v1/tasks/{task_id}" and found["location"]["uri"] == tasks
    calls = open_document(client, workspace / "frontend/lib/tasks.ts")
    links = client.request("textDocument/documentLink", {"textDocument": {"uri": calls}})["result"]
    assert [link["target"].rpartition("/")[2] for link in links] == [
        "tasks.py#L11",
        "tasks.py#L16",
        "tasks.py#L21",
        "tasks.py#L27",
        "tasks.py#L32",
        "main.py#L14",
    ]
    for uri in (tasks, audit, api, calls):
        document = {"textDocument": {"uri": uri}}
        everything = {"start": {"line": 0, "character": 0}, "end": {"line": 999, "character": 0}}
        client.request("textDocument/codeLens", document)
        client.request("textDocument/inlayHint", document | {"range": everything})
        for only in (None, ["quickfix"], ["source.fixAll"], ["source.fixAll.authlens"], ["refactor"]):
            context = {"diagnostics": []} | ({"only": only} if only else {})
            client.request("textDocument/codeAction", document | {"range": everything, "context": context})
    if "diagnosticProvider" in client.initialized["capabilities"]:
        report = client.request("textDocument/diagnostic", {"textDocument": {"uri": tasks}})["result"]
        again = {"textDocument": {"uri": tasks}, "previousResultId": report["resultId"]}
        assert client.request("textDocument/diagnostic", again)["result"]["kind"] == "unchanged"
        client.request("workspace/diagnostic", {"previousResultIds": [{"uri": tasks, "value": report["resultId"]}]})
    client.request("workspace/executeCommand", {"command": "authlens.explainRule", "arguments": ["token-logged"]})
    client.request("workspace/executeCommand", {"command": "authlens.reindex"})
    while client.request("authlens/summary", {})["result"]["indexing"]:
        pass
    for wrong in ({"command": "authlens.explainRule", "arguments": ["x"]}, {"command": "nope"}):
        assert "error" in client.request("workspace/executeCommand", wrong)
    assert client.request("nobody/knows", {})["error"]["code"] == -32601
    for method, params in {
        "authlens/summary": {},
        "authlens/routes": {},
        "authlens/calls": {},
        "authlens/explain": {"method": "GET", "path": "/api/v1/tasks"},
    }.items():
        assert "result" in client.request(method, params), method

    # The repair, as the client gets it, makes the finding go away.
    context = {"diagnostics": [finding], "only": ["quickfix"]}
    params = {"textDocument": {"uri": tasks}, "range": finding["range"], "context": context}
    actions = client.request("textDocument/codeAction", params)["result"]
    # The page of its rule, where the client shows such: by its code, and by an action.
    at_code = {"codeDescription": {"href": "authlens:/rules/spec-auth-drift.md"}} if name == "vscode" else {}
    assert {key: value for key, value in finding.items() if key == "codeDescription"} == at_code
    pages = [action["command"] for action in actions if action["title"] == "Explain `spec-auth-drift`"]
    assert len(pages) == (0 if name == "helix" else 1), actions
    for page in pages:
        asked = {"command": page["command"], "arguments": page["arguments"]}
        assert client.request("workspace/executeCommand", asked)["result"].startswith("# spec-auth-drift")
    edit = next(action["edit"] for action in actions if action.get("isPreferred"))
    if "documentChanges" in edit:
        [change] = edit["documentChanges"]
        assert change["textDocument"] == {"uri": tasks, "version": 1}
        edits = change["edits"]
    else:
        edits = edit["changes"][tasks]
    edits.sort(key=lambda e: (e["range"]["start"]["line"], e["range"]["start"]["character"]), reverse=True)
    changes = [{"range": e["range"], "text": e["newText"]} for e in edits]
    client.notify("textDocument/didChange", {"textDocument": {"uri": tasks, "version": 2}, "contentChanges": changes})
    wait_for(client, tasks, [])

    # Findings behind a wide character count in the unit that was agreed on.
    logged = next(d for d in diagnostics(client, audit) if d["code"] == "token-logged")
    line = (app / "audit.py").read_text().split("\n")[logged["range"]["start"]["line"]]
    before = line[: line.index("bearer.credentials")]
    assert logged["range"]["start"]["character"] == UNITS[client.session.encoding](before)

    # Files, folders and settings change.
    client.notify("textDocument/didSave", {"textDocument": {"uri": tasks}})
    (workspace / "authlens.toml").write_text('[rules]\ntoken-logged = "off"\n')
    event = {"uri": (workspace / "authlens.toml").as_uri(), "type": 1}
    client.notify("workspace/didChangeWatchedFiles", {"changes": [event]})
    wait_for(client, audit, ["unverified-auth-dependency"])
    client.settings = {"rules": {"unverified-auth-dependency": "off"}}
    client.notify("workspace/didChangeConfiguration", {"settings": {"authlens": client.settings}})
    wait_for(client, audit, [])
    client.settings = {"policy": {"public": [{"path": "/x"}]}}
    client.notify("workspace/didChangeConfiguration", {"settings": {"authlens": client.settings}})
    shown = lambda: [one for one in client.notifications if one["method"] == "window/showMessage"]
    [told] = client.until("a word about the setting", shown)
    assert "`policy`" in told["params"]["message"] and "needs a `reason`" in told["params"]["message"]
    other = {"uri": (workspace.parent / "other").as_uri(), "name": "other"}
    for event in ({"added": [other], "removed": []}, {"added": [], "removed": [other]}):
        client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    cancelled = client.ask("textDocument/hover", at(tasks, 0, 0))
    client.notify("$/cancelRequest", {"id": cancelled})
    client.until("an answer to what was cancelled", lambda: cancelled in client.answers)
    for uri in (tasks, audit, api, calls):
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    client.request("authlens/summary", {})

    assert client.leave() == 0
    assert client.session.end() == []


@pytest.mark.parametrize("name", CLIENTS)
def test_leaving_in_the_middle_of_work(name: str, workspace: Path):
    client = start(name, workspace)
    tasks = open_document(client, workspace / "backend/app/api/tasks.py")
    for number in range(200):
        # Nobody waits for these.
        client.ask("textDocument/codeLens", {"textDocument": {"uri": tasks}})
        change = {"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}, "text": "#\n"}
        document = {"uri": tasks, "version": number + 2}
        client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
    assert client.leave() == 0
    assert client.session.end() == []


def test_what_the_clients_can_do_differs():
    """The recordings are of clients that make the server behave differently."""
    read = lambda name: json.loads((HERE / f"clients/{name}.json").read_text())
    offered = {name: read(name)["general"]["positionEncodings"] for name in CLIENTS}
    assert set(CLIENTS) == {"helix", "neovim", "vscode"}
    assert offered["vscode"] == ["utf-16"] and offered["neovim"][0] == "utf-8"
    assert "diagnostic" not in read("helix")["textDocument"]
    assert not read("neovim")["workspace"]["didChangeWatchedFiles"]["dynamicRegistration"] or os.name != "posix"
