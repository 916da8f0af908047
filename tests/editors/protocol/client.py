"""A client that shows every message as it came."""

import json
import os
import queue
import subprocess
import threading
import time
from pathlib import Path

from messages import Session

PATIENCE = 60


class Client:
    """Starts a server and keeps its messages; requests of the server are answered as an editor would."""

    def __init__(self, capabilities: dict, workspace: Path, settings: dict):
        self.session = Session()
        self.settings = settings
        self.number = 0
        self.answers: dict[int, dict] = {}
        self.diagnostics: dict[str, list[dict]] = {}
        self.notifications: list[dict] = []
        self.arrived: queue.Queue = queue.Queue()
        # Both directions are checked in the order in which they went.
        self.lock = threading.Lock()
        self.server = subprocess.Popen(
            [os.environ["AUTHLENS"], "server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        threading.Thread(target=self.read, daemon=True).start()
        folders = [{"uri": workspace.as_uri(), "name": workspace.name}]
        self.initialized = self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": workspace.as_uri(),
                "workspaceFolders": folders,
                "capabilities": capabilities,
                "initializationOptions": settings,
            },
        )["result"]
        self.notify("initialized", {})

    def read(self) -> None:
        while True:
            length = 0
            while (line := self.server.stdout.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not line:
                self.arrived.put(None)
                return
            self.arrived.put(json.loads(self.server.stdout.read(length)))

    def send(self, message: dict) -> None:
        message = {"jsonrpc": "2.0", **message}
        with self.lock:
            self.session.take("client", message)
            body = json.dumps(message).encode()
            self.server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            self.server.stdin.flush()

    def notify(self, method: str, params) -> None:
        self.send({"method": method, "params": params})

    def ask(self, method: str, params) -> int:
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        return self.number

    def request(self, method: str, params=None) -> dict:
        number = self.ask(method, params)
        self.until(f"an answer to {method}", lambda: number in self.answers)
        return self.answers.pop(number)

    def take(self) -> None:
        message = self.arrived.get(timeout=PATIENCE)
        assert message is not None, "the server has gone"
        with self.lock:
            self.session.take("server", message)
        if "method" not in message:
            self.answers[message["id"]] = message
        elif "id" in message:
            asked = message["method"] == "workspace/configuration"
            result = [self.settings for _ in message["params"]["items"]] if asked else None
            self.send({"id": message["id"], "result": result})
        else:
            if message["method"] == "textDocument/publishDiagnostics":
                self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            self.notifications.append(message)

    def until(self, what: str, condition):
        end = time.monotonic() + PATIENCE
        while not (result := condition()):
            assert time.monotonic() < end, f"timed out: {what}"
            self.take()
        return result

    def leave(self) -> int:
        """Shuts down and exits back to back, as Helix does, and gives the exit code."""
        self.ask("shutdown", None)
        self.notify("exit", None)
        code = self.server.wait(timeout=PATIENCE)
        while (message := self.arrived.get(timeout=PATIENCE)) is not None:
            self.session.take("server", message)
        return code
