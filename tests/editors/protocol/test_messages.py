"""The checks find what is wrong: each of these faults was planted."""

import pytest

from messages import Session

URI = "file:///a.py"
RANGE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}
FINDING = {"range": RANGE, "message": "m", "severity": 1, "source": "authlens", "code": "c"}


def publish(**more):
    return {"method": "textDocument/publishDiagnostics", "params": {"uri": URI, "diagnostics": [FINDING], **more}}


def problems(*messages: dict, capabilities: dict | None = None) -> list[str]:
    session = Session()
    params = {"processId": None, "rootUri": None, "capabilities": capabilities or {}}
    session.take("client", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
    answer = {"jsonrpc": "2.0", "id": 1, "result": {"capabilities": {}}}
    session.take("server", answer)
    for number in (2, 3):
        params = {"textDocument": {"uri": URI}, "position": RANGE["start"]}
        session.take("client", {"jsonrpc": "2.0", "id": number, "method": "textDocument/hover", "params": params})
    for message in messages:
        session.take("server", {"jsonrpc": "2.0", **message})
    return session.end()


def test_what_is_right_is_left_alone():
    good = {"id": 2, "result": {"contents": {"kind": "markdown", "value": "x"}, "range": RANGE}}
    assert problems(publish(), good) == []
    assert problems(publish(version=1), capabilities={"textDocument": {"publishDiagnostics": {"versionSupport": True}}}) == []


@pytest.mark.parametrize(
    "message, words",
    [
        (publish(version=1), "takes no versions"),
        (publish(diagnostics=[FINDING | {"data": {}}]), "takes no data"),
        (publish(diagnostics=[FINDING | {"relatedInformation": []}]), "takes no relatedInformation"),
        (publish(diagnostics=[FINDING | {"severity": 9}]), "does not fit"),
        (publish(diagnostics=[FINDING | {"colour": "red"}]), ".colour has no place"),
        (publish(diagnostics=[{"range": RANGE}]), "does not fit"),
        (publish(version=None), "has no place as null"),
        ({"method": "textDocument/publishdiagnostics", "params": {}}, "no such method"),
        ({"id": 7, "method": "workspace/codeLens/refresh"}, "did not say"),
        ({"method": "authlens/routesChanged", "params": {}}, "did not say"),
        ({"id": 99, "result": None}, "answers no request"),
        ({"id": 2}, "a result or an error"),
        ({"id": 2, "result": None, "error": {"code": 1, "message": "m"}}, "a result or an error"),
        ({"id": 2, "result": {"contents": 5}}, "does not fit"),
        ({"id": 2, "error": {"code": "x"}}, ""),
    ],
)
def test_what_is_wrong_is_found(message: dict, words: str):
    try:
        found = problems(message)
    except Exception as problem:
        found = [str(problem)]
    assert found and any(words in problem for problem in found), found
