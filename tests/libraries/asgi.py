"""Requests to an application without a server or a client library, which versions of FastAPI disagree about."""

import asyncio
import json


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


def scope(kind, path, headers, **more):
    path, _, query = path.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http" if kind == "http" else "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "testserver", **headers}.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        **more,
    }


def ask(app, path, method="GET", body=b"", token=None, headers=(), **more):
    """The answer to a request. What the application raises behind an answer is what a server would log."""
    sent = []
    pending = [{"type": "http.request", "body": body, "more_body": False}]
    given = {**dict(headers), **({"authorization": f"Bearer {token}"} if token else {})}

    async def receive():
        return pending.pop() if pending else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    try:
        asyncio.run(app(scope("http", path, given, method=method, **more), receive, send))
    except Exception:
        if not sent:
            raise
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


def opens(app, path, token=None):
    """Whether a WebSocket is accepted; what the application raises before it decides is raised."""
    sent = []
    pending = [{"type": "websocket.disconnect", "code": 1000}, {"type": "websocket.connect"}]

    async def receive():
        return pending.pop()

    async def send(message):
        sent.append(message["type"])

    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        asyncio.run(app(scope("websocket", path, headers, subprotocols=[]), receive, send))
    except Exception:
        if not sent:
            raise
    return sent[0] == "websocket.accept"
