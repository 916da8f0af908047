"""Runs the two halves of an application: a frontend with Better Auth in Node, a backend with FastAPI in a fork."""

import contextlib
import dataclasses
import http.client
import http.server
import importlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SECRET = "q8Zr2vNc5LxT1mHd7KfYwB4sJpUe9GaX"
PATIENCE = 60  # seconds that a process may take to start or to answer
EXCEPTION = re.compile(r"^(?:[a-z_]\w*\.)*([A-Z]\w*)(?::|$)", re.MULTILINE)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def end(process):
    """Ends a process of Node, or a fork by its id."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        if isinstance(process, int):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        else:
            process.kill()
            process.wait()


def end_with(parent):
    """Lets this process end when its parent is no more."""

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Recorder(http.server.HTTPServer):
    """Stands where the backend and the mail service would: keeps what the frontend sends them."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.timeout = 0.05
        self.requests, self.mails = [], []

    @property
    def url(self):
        return f"http://localhost:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # the frontend closed a connection; what it sent before is kept


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        self.answer(b"[]")

    def do_POST(self):
        self.server.mails.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.answer(b"{}")

    def answer(self, body):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@dataclasses.dataclass
class Visit:
    """What somebody's first visit to a frontend led to."""

    user: str
    authorization: str | None  # of the request for the tasks, as it was sent
    cookie: str | None
    sent: bool
    failures: list  # answers of the frontend's own server that were errors
    mails: list


class Frontend:
    """A served frontend; use it in a `with`."""

    def __init__(self, folder, scratch):
        self.folder = folder
        self.scratch = scratch
        scratch.mkdir(parents=True, exist_ok=True)
        self.database = scratch / "auth.db"
        self.url = f"http://localhost:{free_port()}"

    def __enter__(self):
        for old in self.scratch.glob("auth.db*"):
            old.unlink()
        self.recorder = Recorder()
        self.log = (self.scratch / "server.log").open("w")
        self.server = subprocess.Popen(
            self.command("server.mjs", self.url.rpartition(":")[2]),
            env=self.environment(),
            stdin=subprocess.PIPE,  # it ends when nobody holds this
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        line = self.server.stdout.readline()
        if line.strip() != "ready":
            self.__exit__()
            sys.exit(f"{self.folder.name} could not be served: {line}{(self.scratch / 'server.log').read_text()}")
        return self

    def __exit__(self, *_):
        end(self.server)
        self.server.stdin.close()
        self.server.stdout.close()
        self.log.close()
        self.recorder.server_close()

    def command(self, script, *more):
        # The scripts stand beside `node_modules`, and so do the bundles that they make.
        node = self.scratch.parents[1]
        return ["node", str(node / script), str(self.folder), str(self.scratch), *more]

    def environment(self):
        return {
            **os.environ,
            "BETTER_AUTH_SECRET": SECRET,
            "BETTER_AUTH_URL": self.url,
            "BETTER_AUTH_TELEMETRY": "0",
            "DATABASE_URL": f"file:{self.database}",
            "MAIL_URL": f"{self.recorder.url}/mail",
            "NEXT_PUBLIC_API_URL": self.recorder.url,
            "NEXT_PUBLIC_APP_URL": self.url,
        }

    def visit(self):
        """Lets somebody sign up and read their tasks."""
        out = self.scratch / "client.json"
        with out.open("w") as stdout:
            browser = subprocess.Popen(
                self.command("browser.mjs"), env=self.environment(), stdout=stdout, stderr=self.log
            )
            deadline = time.monotonic() + PATIENCE
            while browser.poll() is None:
                self.recorder.handle_request()
                if time.monotonic() > deadline:
                    break
            end(browser)
        if browser.returncode != 0:
            sys.exit(f"{self.folder.name}: the client failed: {(self.scratch / 'server.log').read_text()}")
        said = json.loads(out.read_text())
        tasks = [headers for path, headers in self.recorder.requests if path == "/api/tasks"]
        headers = {name.lower(): value for name, value in (tasks[0] if tasks else {}).items()}
        return Visit(
            said["user"],
            headers.get("authorization"),
            headers.get("cookie"),
            bool(tasks),
            said["failures"],
            self.recorder.mails,
        )

    def published_keys(self):
        """The keys of the frontend's JWKS; none when it has none."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/auth/jwks", timeout=PATIENCE) as answer:
                return json.load(answer)["keys"]
        except OSError:
            return []

    def sign(self, claims):
        """A token that the frontend's own key signed."""
        request = urllib.request.Request(
            f"{self.url}/sign", json.dumps(claims).encode(), {"content-type": "text/plain"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["token"]


class Backend:
    """A served backend; use it in a `with`. Its process is a fork of this one, so that it needs no time to import."""

    def __init__(self, folder, frontend, scratch):
        self.folder = folder
        self.frontend = frontend
        self.path = scratch / f"{folder.name}.log"

    def __enter__(self):
        self.log = self.path.open("w+")
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
            sys.stdout.flush()
            parent = os.getpid()
            self.child = os.fork()
            if self.child == 0:
                self.serve(server, parent)
        return self

    def serve(self, server, parent):
        """What the child does; it never returns."""
        status = 1
        try:
            end_with(parent)
            os.dup2(self.log.fileno(), 1)
            os.dup2(self.log.fileno(), 2)
            os.environ.update(
                BETTER_AUTH_SECRET=SECRET,
                BETTER_AUTH_URL=self.frontend.url,
                # What a repaired verification reads.
                BETTER_AUTH_JWKS_URL=f"{self.frontend.url}/api/auth/jwks",
                DATABASE_URL=f"sqlite:///{self.frontend.database}",
            )
            sys.path.insert(0, str(self.folder))
            sys.dont_write_bytecode = True
            import uvicorn

            app = importlib.import_module("main").app
            uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[server])
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def __exit__(self, *_):
        end(self.child)
        self.log.close()

    def ask(self, headers):
        """The status of the answer to a request for the tasks, whose tasks they are, and what refused, if known."""
        self.log.seek(0, os.SEEK_END)
        before = self.log.tell()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/api/tasks", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            sys.exit(f"{self.folder.name} does not answer: {error}\n{self.path.read_text()}")
        finally:
            connection.close()
        if answer.status == 200:
            return 200, json.loads(body).get("user_id"), None
        return answer.status, None, self.reason(before, answer.status)

    def reason(self, before, status):
        # A traceback is written after the answer.
        for _ in range(100 if status == 500 else 1):
            self.log.seek(before)
            text = self.log.read()
            if refused := re.findall(r"^refused: (.*)$", text, re.MULTILINE):
                return refused[-1]
            if "Traceback" in text and (raised := EXCEPTION.findall(text)):
                return raised[-1]
            time.sleep(0.02)
        return None
