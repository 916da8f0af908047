"""Proves what is reported of the example's frontend on its served backend, and that fixes keep the types.

`proven.py AUTHLENS HOME` works in HOME/work, with the packages that are installed in HOME. The exit code is 1 when
something else happened than what was said.
"""

import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "projects" / "todo-app"
# What the example's backend does not start without.
SETTINGS = {"REPORTS_API_KEY": "a key of the tests"}
# Other defects, made in the example: file, text, text in its place, and the rule that must find and mend it.
DEFECTS = [
    ("lib/api.ts", "  if (error || !data) throw new Error(\"not signed in\");\n  return data.token;", "  return `Bearer ${data?.token}`;", "undefined-bearer"),
    ("lib/api.ts", "  if (error || !data) throw new Error(\"not signed in\");\n  return data.token;", "  return `Bearer ${data}`;", "undefined-bearer"),
    ("lib/api.ts", "const { data, error } = await authClient.token();\n  if (error || !data) throw new Error(\"not signed in\");\n  return data.token;", "const result = await authClient.token();\n  return `Bearer ${result}`;", "undefined-bearer"),
    ("lib/tasks.ts", "accessToken()}", "localStorage.getItem(\"jwt\")}", "undefined-bearer"),
    ("lib/tasks.ts", "{ method: \"POST\" }", "{\n    method: \"POST\",\n    headers: { Accept: \"application/json\" },\n  }", "missing-bearer"),
    ("lib/tasks.ts", "import { API, accessToken, api, read }", "import { API, api, read }", "missing-bearer"),
    ("app/page.tsx", "{ headers: await headers() }", "", "session-read-without-headers"),
    ("app/sign-in/page.tsx", "    if (!error) window", "    const { data } = await authClient.token();\n    if (data) localStorage.setItem(\"jwt\", data.token);\n    const kept = localStorage.getItem(\"jwt\");\n    const headers = { Authorization: `Bearer ${kept}` };\n    if (kept) await fetch(`${process.env.NEXT_PUBLIC_API_URL}/api/v1/tasks`, { headers });\n    await authClient.signOut();\n    if (!error) window", "sign-out-keeps-token"),
    ("app/api/export/route.ts", "  const session = await auth.api.getSession({ headers: request.headers });\n  if (!session) return Response.json({ error: \"not signed in\" }, { status: 401 });\n  const { token } = await auth.api.getToken({ headers: request.headers });\n  const answer = await fetch(`${process.env.API_URL}/api/v1/tasks`, {\n    headers: { Authorization: `Bearer ${token}` },", "  const answer = await fetch(`${process.env.API_URL}/api/v1/tasks`, {\n    headers: { Authorization: `Bearer ${process.env.SERVICE_TOKEN}` },", "server-endpoint-without-session"),
    ("lib/tasks.ts", "export const isUp", "import { QueryClient, useQuery } from \"@tanstack/react-query\";\nexport const queries = new QueryClient();\nexport const useTasks = () => useQuery({ queryKey: [\"tasks\"], queryFn: listTasks });\nexport const isUp", "retry-on-auth-failure"),
    ("lib/tasks.ts", "export const isUp", "import { QueryClient, useQuery } from \"@tanstack/react-query\";\nexport const queries = new QueryClient({ defaultOptions: { queries: { staleTime: 1000, retry: 2 } } });\nexport const useTasks = () => useQuery({ queryKey: [\"tasks\"], queryFn: listTasks });\nexport const isUp", "retry-on-auth-failure"),
    ("lib/tasks.ts", "export const isUp", "import useSWR from \"swr\";\nexport const useTasks = () => useSWR(\"tasks\", listTasks);\nexport const isUp", "retry-on-auth-failure"),
]
RULES = "missing-bearer,undefined-bearer,rewrite-captures-auth,session-read-without-headers,sign-out-keeps-token"


def copied(home, name):
    """A copy of the example; the packages stand in one place for all."""
    folder = home / "work" / name
    shutil.copytree(EXAMPLE, folder)
    (folder / "frontend" / "node_modules").symlink_to(home / "npm" / "node_modules")
    return folder


def found(authlens, folder, rules):
    run = subprocess.run([authlens, "check", folder, "--select", rules, "--format", "json"], capture_output=True, text=True)
    return json.loads(run.stdout)["diagnostics"]


def fix(authlens, folder, rules):
    subprocess.run([authlens, "check", folder, "--select", rules, "--fix", "--unsafe-fixes"], capture_output=True, check=False)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Issuer(http.server.BaseHTTPRequestHandler):
    """Stands in for Better Auth on the network: it issues a token for who is signed in, and publishes its key."""

    key = Ed25519PrivateKey.generate()
    origin = ""

    def do_GET(self):
        if self.path.endswith("/jwks"):
            public = jwt.algorithms.OKPAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            body = {"keys": [{**public, "kid": "one", "alg": "EdDSA"}]}
        elif self.path.endswith("/token"):
            claims = {"sub": "ann", "role": "admin", "iss": self.origin, "aud": self.origin, "exp": int(time.time()) + 300}
            body = {"token": jwt.encode(claims, self.key, algorithm="EdDSA", headers={"kid": "one"})}
        else:
            body = None
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


def answers(folder, api, origin):
    """The statuses that each function of the frontend got."""
    settings = {"NEXT_PUBLIC_API_URL": api, "NEXT_PUBLIC_BETTER_AUTH_URL": origin, "BETTER_AUTH_URL": origin}
    run = subprocess.run(
        ["node", HERE / "calls.cjs", folder / "frontend"], capture_output=True, text=True, env={**os.environ, **settings}
    )
    if run.returncode:
        sys.exit(run.stderr)
    return json.loads(run.stdout)


def function_at(folder, diagnostic):
    """The exported function that a finding in `lib/tasks.ts` stands in."""
    lines = (folder / diagnostic["path"]).read_text().splitlines()[: diagnostic["range"]["start"]["line"]]
    names = [re.search(r"export (?:const|async function) (\w+)", line) for line in lines]
    return [name.group(1) for name in names if name][-1]


def main():
    authlens, home = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(home / "work", ignore_errors=True)
    wrong = []

    before = copied(home, "before")
    reported = {
        function_at(before, one)
        for one in found(authlens, before, "missing-bearer,undefined-bearer")
        if one["path"].endswith("lib/tasks.ts")
    }
    after = copied(home, "after")
    fix(authlens, after, RULES)
    left = found(authlens, after, RULES)
    if left:
        wrong.append(f"still found after all fixes: {[one['message'] for one in left]}")

    to_check = [after]
    for number, (path, text, defect, rule) in enumerate(DEFECTS):
        folder = copied(home, f"defect-{number}")
        file = folder / "frontend" / path
        old = file.read_text()
        if text not in old:
            wrong.append(f"{path} does not hold {text!r}")
            continue
        file.write_text(old.replace(text, defect, 1))
        count = len([one for one in found(authlens, folder, rule) if one["path"].endswith(path)])
        fix(authlens, folder, rule)
        if not count or [one for one in found(authlens, folder, rule) if one["path"].endswith(path)]:
            wrong.append(f"defect {number} ({rule} in {path}): found {count} times, and not mended\n{file.read_text()}")
        to_check.append(folder)
    # Each of the example's own defects is mended alone, too.
    for rule in ["missing-bearer", "undefined-bearer", "rewrite-captures-auth"]:
        folder = copied(home, rule)
        fix(authlens, folder, rule)
        to_check.append(folder)
    checked = subprocess.run(
        ["node", HERE / "typecheck.cjs", *(folder / "frontend" for folder in to_check)], capture_output=True, text=True
    )
    if checked.returncode:
        wrong.append(f"types after fixes:\n{checked.stdout}{checked.stderr}")

    issuer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    Issuer.origin = f"http://127.0.0.1:{issuer.server_port}"
    threading.Thread(target=issuer.serve_forever, daemon=True).start()
    port = free_port()
    api = f"http://127.0.0.1:{port}"
    backend = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port), "--log-level", "warning"],
        cwd=before / "backend",
        env={**os.environ, **SETTINGS, "BETTER_AUTH_URL": Issuer.origin, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{api}/health")
                break
            except OSError:
                time.sleep(0.1)
        statuses = answers(before, api, Issuer.origin)
        for name, got in statuses.items():
            refused = got == [401]
            if refused != (name in reported) or not got:
                wrong.append(f"before the fixes `{name}` got {got}, and was {'' if name in reported else 'not '}reported")
        mended = answers(after, api, Issuer.origin)
        for name, got in mended.items():
            if not got or any(status >= 400 for status in got):
                wrong.append(f"after the fixes `{name}` got {got}")
    finally:
        backend.terminate()
        backend.wait()
        issuer.shutdown()
    print(f"before: {statuses}\nafter: {mended}\n{len(reported)} functions reported, {len(to_check)} copies have their types")
    for one in wrong:
        print(f"wrong: {one}")
    sys.exit(1 if wrong else 0)


main()
