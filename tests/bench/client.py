"""A small language client: one server process, its messages with the time of their arrival."""

import json
import os
import queue
import subprocess
import threading
import time

now = time.perf_counter
PATIENCE = 60.0


def capabilities(pull):
    """What the client says it can do: the least that makes a server push, or be asked."""
    text_document = {"publishDiagnostics": {"relatedInformation": True, "versionSupport": True}}
    workspace = {"configuration": True, "workspaceFolders": True}
    if pull:
        text_document["diagnostic"] = {"dynamicRegistration": False}
        workspace["diagnostics"] = {"refreshSupport": True}
    return {"general": {"positionEncodings": ["utf-16"]}, "textDocument": text_document, "workspace": workspace}


class Server:
    """A running server that has been initialized."""

    def __init__(self, name, command, root, pull=False):
        self.name, self.pull = name, pull
        self.next_id = 0
        self.inbox = queue.SimpleQueue()
        self.published = {}
        self.process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        threading.Thread(target=self._read, daemon=True).start()
        folder = {"uri": root.as_uri(), "name": root.name}
        params = {"processId": os.getpid(), "rootUri": root.as_uri(), "workspaceFolders": [folder],
                  "capabilities": capabilities(pull)}
        self.capabilities = self.request("initialize", params)["result"]["capabilities"]
        self.notify("initialized", {})

    def _read(self):
        stream = os.fdopen(os.dup(self.process.stdout.fileno()), "rb")
        while True:
            length = 0
            while line := stream.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not length:
                self.inbox.put((now(), None))
                return
            body = stream.read(length)
            arrived = now()
            self.inbox.put((arrived, json.loads(body)))

    def send(self, message):
        """Writes one message; gives the time at which the write began."""
        body = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode()
        frame = b"Content-Length: %d\r\n\r\n" % len(body) + body
        began = now()
        while frame:
            frame = frame[self.process.stdin.write(frame):]
        return began

    def notify(self, method, params):
        return self.send({"method": method, "params": params})

    def ask(self, method, params):
        """Sends a request; gives its id and the time."""
        self.next_id += 1
        return self.next_id, self.send({"id": self.next_id, "method": method, "params": params})

    def receive(self, timeout=PATIENCE):
        """The next message with its time, answered if it is a request; `None` when none came."""
        try:
            arrived, message = self.inbox.get(timeout=max(timeout, 0.0))
        except queue.Empty:
            return None
        if message is None:
            raise RuntimeError(f"{self.name} closed its output")
        if "method" in message and "id" in message:
            items = message.get("params", {}) or {}
            result = [None] * len(items.get("items", [])) if message["method"] == "workspace/configuration" else None
            self.send({"id": message["id"], "result": result})
        elif message.get("method") == "textDocument/publishDiagnostics":
            params = message["params"]
            self.published[params["uri"]] = (params.get("version"), params["diagnostics"])
        return arrived, message

    def wait(self, fits, timeout=PATIENCE):
        """The first message from now on that fits, with its time."""
        end = now() + timeout
        while (left := end - now()) > 0:
            if (got := self.receive(left)) and fits(got[1]):
                return got
        raise TimeoutError(f"{self.name} did not answer in {timeout} s")

    def answer(self, identifier, timeout=PATIENCE):
        return self.wait(lambda m: m.get("id") == identifier and "method" not in m, timeout)

    def request(self, method, params):
        return self.answer(self.ask(method, params)[0])[1]

    def drain(self, quiet=0.3):
        """Reads until nothing has come for a while."""
        while self.receive(quiet):
            pass

    def cpu(self):
        """Seconds of processor time of the threads that live."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{task}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
            except OSError:
                pass
        return total / 1e9

    def cpu_of_all(self):
        """Seconds of processor time of all threads, those that ended included, in steps of the system's clock."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        """Resident memory in MB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024

    def stop(self):
        try:
            self.request("shutdown", None)
            self.notify("exit", None)
            self.process.wait(5)
        except (RuntimeError, TimeoutError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


class Document:
    """An open document, edited by ranges of one line."""

    def __init__(self, server, path):
        self.server, self.uri, self.version = server, path.as_uri(), 1
        self.lines = path.read_text(encoding="utf-8").split("\n")

    @property
    def text(self):
        return "\n".join(self.lines)

    def open(self):
        item = {"uri": self.uri, "languageId": "python", "version": self.version, "text": self.text}
        return self.server.notify("textDocument/didOpen", {"textDocument": item})

    def close(self):
        self.server.notify("textDocument/didClose", {"textDocument": {"uri": self.uri}})

    def line_of(self, needle):
        return next(number for number, line in enumerate(self.lines) if needle in line)

    def replace(self, line, start, end, text):
        """One edit, sent; gives the time."""
        old = self.lines[line]
        self.lines[line:line + 1] = (old[:start] + text + old[end:]).split("\n")
        self.version += 1
        change = {"range": {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}},
                  "text": text}
        document = {"uri": self.uri, "version": self.version}
        return self.server.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def diagnostics(self, began=None, uri=None, shows=None, timeout=PATIENCE):
        """Waits for the diagnostics of this state. Gives seconds since `began`, and the diagnostics.

        Pulled, they are the answer to a request sent behind the edit. Pushed, they bear the
        document's version; those of another document are known by what they show."""
        uri = uri or self.uri
        if self.server.pull:
            identifier, asked = self.server.ask("textDocument/diagnostic", {"textDocument": {"uri": uri}})
            arrived, message = self.server.answer(identifier, timeout)
            return arrived - (began or asked), message["result"]["items"]

        def fits(message):
            params = message.get("params") or {}
            if message.get("method") != "textDocument/publishDiagnostics" or params["uri"] != uri:
                return False
            if shows:
                return shows(params["diagnostics"])
            return params.get("version") == self.version

        arrived, message = self.server.wait(fits, timeout)
        return arrived - (began or arrived), message["params"]["diagnostics"]
