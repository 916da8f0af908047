"""Takes away, one at a time, what makes a frontend send its token, and counts how often that is noticed.

`mutants.py AUTHLENS FOLDER…` copies each project in FOLDER…, and prints the mutants that nobody noticed. A mutant is
noticed when a finding of the rules on tokens is new. Where all requests near by are known to reach routes that nothing
guards, or all requests of the package are, nothing is at stake, and the place is left out; what can't be told counts. Taken away are: an `Authorization` header, the test for a missing
token before it, and the `await` of a token. Places where nothing of a guarded route of the project can be at stake
(code on the server, tests, requests to others) are left out as far as their lines tell.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

RULES = "missing-bearer,undefined-bearer,credentials-mode-mismatch"
SKIPPED = ("node_modules", ".next", "dist", "build", ".git", "venv", ".venv", "site-packages", ".claude", ".specify", ".history", "history", "scripts", "docs", ".gitignore")
MOST_PER_PROJECT = 60

HEADER = re.compile(
    r"""^(?P<indent>[ \t]*)(?:
        ['"]?Authorization['"]?\s*:\s*(?:`Bearer\ [^`\n]*`|['"]Bearer\ ['"]\s*\+\s*[\w.()!?]+)\s*,?[ \t]*$
      | [\w.]*[hH]eaders\w*(?:\.set|\.append)?[.(\[]\s*['"]?Authorization['"]?\s*[\]),]*\s*(?:=|,)?\s*`Bearer\ [^`\n]*`\)?;?[ \t]*$
    )""",
    re.M | re.X,
)
AWAIT = re.compile(r"(?<=const )(?P<name>token|accessToken|jwt|authToken|jwtToken) = await (?=\w+\(\))")
GUARD = re.compile(r"if \(!(?P<name>token|accessToken|jwt|authToken|jwtToken)\)")
TEST = re.compile(r"if \((?P<name>token|accessToken|jwt|authToken|jwtToken)\) \{")
# Lines after a test in which a token is sent because of it.
REACH = 12
# Lines around a site in which a request tells whether a guarded route is at stake.
NEAR = 20


def sites(text):
    """What can be taken away: kind, range, and what stands there afterwards."""
    for one in HEADER.finditer(text):
        yield "header", one.span(), ""
    for one in AWAIT.finditer(text):
        yield "await", one.span(), f"{one.group('name')} = "
    for test, instead in ((GUARD, "if (false)"), (TEST, "if (true) {")):
        for one in test.finditer(text):
            # Only what is sent soon after is guarded by it.
            after = "".join(text[one.end() :].splitlines(keepends=True)[:REACH])
            if f"Bearer ${{{one.group('name')}}}" in after:
                yield "guard", one.span(), instead


def found(authlens, folder):
    run = subprocess.run(
        [authlens, "check", folder, "--select", RULES, "--format", "json"], capture_output=True, text=True, timeout=120
    )
    return Counter((one["rule"], one["path"], one["message"]) for one in json.loads(run.stdout)["diagnostics"])


def requests(authlens, folder):
    """Where requests are made, by file: the line, and whether a guarded route may be at stake there."""
    run = subprocess.run([authlens, "calls", folder, "--format", "json"], capture_output=True, text=True, timeout=120)
    made = {}
    for one in json.loads(run.stdout)["calls"]:
        at = one["made_at"] or one["at"]
        guarded = bool(one["route"]) and one["route"]["status"] == "guarded"
        made.setdefault(at["file"], []).append((at["line"], guarded or not one["url"].strip("{}")))
    return made


def reached(authlens, folder):
    """The statuses of the routes that requests reach, by the package that the requests are made in."""
    run = subprocess.run([authlens, "calls", folder, "--format", "json"], capture_output=True, text=True, timeout=120)
    statuses = {}
    for one in json.loads(run.stdout)["calls"]:
        if one["route"]:
            statuses.setdefault(package(folder, folder / one["at"]["file"]), set()).add(one["route"]["status"])
    return statuses


def package(folder, file):
    """The folder of the package that a file belongs to."""
    above = [one for one in file.parents if (one / "package.json").exists()]
    return above[0] if above else folder


def is_frontend(path, text):
    parts = path.parts
    test = re.search(r"\.(test|spec|stories)\.|__tests__|/tests?/|/e2e/", "/" + str(path))
    on_server = path.stem in ("route", "middleware", "proxy") or "/pages/api/" in f"/{path}" or "use server" in text[:200]
    return not test and not on_server and not any(part in SKIPPED for part in parts) and "Bearer " in text


def main():
    authlens, folders = sys.argv[1], [pathlib.Path(one) for one in sys.argv[2:]]
    killed, made, harmless = Counter(), Counter(), Counter()
    for project in folders:
        with tempfile.TemporaryDirectory() as home:
            copy = pathlib.Path(home) / "project"
            shutil.copytree(project, copy, symlinks=True, ignore=shutil.ignore_patterns(*SKIPPED))
            before = found(authlens, copy)
            made_at = requests(authlens, copy)
            statuses = reached(authlens, copy)
            count = 0
            for file in sorted(copy.rglob("*")):
                if file.suffix not in (".ts", ".tsx", ".js", ".jsx") or not file.is_file():
                    continue
                text = file.read_text(errors="replace")
                if not is_frontend(file.relative_to(copy), text):
                    continue
                # Where none of a package's requests reaches a guarded route, none of its tokens is asked for.
                own = statuses.get(package(copy, file), set())
                harmless_here = bool(own) and not own & {"guarded", "unknown"}
                for kind, (start, end), instead in sites(text):
                    if count >= MOST_PER_PROJECT:
                        break
                    line = text.count("\n", 0, start) + 1
                    near = [stake for at, stake in made_at.get(str(file.relative_to(copy)), ()) if 0 <= at - line + NEAR <= 2 * NEAR]
                    if harmless_here or (near and not any(near)):
                        harmless[kind] += 1
                        continue
                    count += 1
                    file.write_text(text[:start] + instead + text[end:])
                    new = found(authlens, copy) - before
                    file.write_text(text)
                    made[kind] += 1
                    if new:
                        killed[kind] += 1
                    else:
                        print(f"{kind:6} {project.name}/{file.relative_to(copy)}:{line} {text[start:end].strip()[:90]}")
    for kind in sorted(made):
        print(f"{kind}: {killed[kind]} of {made[kind]} noticed")
    print(f"{sum(killed.values())} of {sum(made.values())} noticed; {sum(harmless.values())} left out")


main()
