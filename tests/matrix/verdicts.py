"""What authlens says of every pair of sources, beside what happens when they run.

`verdicts.py AUTHLENS FOUND SCRATCH` puts each frontend and each backend of FOUND (what `matrix.py` wrote) into one
project below SCRATCH and checks it. A pair is judged right when authlens says that requests are refused exactly where
they are, and that strangers get in exactly where they do, and names no other status or exception than the real one.
The exit code is 1 when a pair is judged wrong.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REFUSED = {
    "identity-claim-mismatch",
    "jwt-not-issued",
    "session-token-as-jwt",
    "token-strategy-mismatch",
}
# Says of the frontend alone what it does, whatever the backend makes of that.
OPTION = "ineffective-jwt-option"
INSECURE = {
    "introspection-null-body",
    "shared-secret-token-confusion",
    "unverified-auth-dependency",
    "unverified-decode",
}
# What a deployment would set, the same in both halves.
ENVIRONMENT = """BETTER_AUTH_SECRET=q8Zr2vNc5LxT1mHd7KfYwB4sJpUe9GaX
BETTER_AUTH_URL=http://localhost:3000
"""


def composed(frontend, backend, folder):
    """A project of both halves."""
    shutil.rmtree(folder, ignore_errors=True)
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE / "frontends" / frontend, folder / "frontend")
    shutil.copytree(HERE / "backends" / backend, folder / "backend", ignore=caches)
    public = "NEXT_PUBLIC_APP_URL=http://localhost:3000\nNEXT_PUBLIC_API_URL=http://localhost:8000\n"
    (folder / "frontend/.env").write_text(ENVIRONMENT + public + "DATABASE_URL=file:auth.db\n")
    (folder / "backend/.env").write_text(ENVIRONMENT + "DATABASE_URL=sqlite:///../frontend/auth.db\n")
    return folder


def findings(authlens, project):
    """What authlens reports of a project: requests that are refused, options without effect, strangers that get in."""
    run = subprocess.run([authlens, "check", "--format", "json", project], capture_output=True, text=True, timeout=60)
    if run.returncode not in (0, 1):
        sys.exit(f"{project}: {run.stderr}")
    refused, options, insecure = [], [], []
    for one in json.loads(run.stdout)["diagnostics"]:
        if one["rule"] in REFUSED and one["severity"] == "error":
            refused.append(one)
        elif one["rule"] == OPTION and one["severity"] == "error":
            options.append(one)
        elif one["rule"] in INSECURE and one["severity"] in ("error", "warning"):
            insecure.append(one)
    return refused, options, insecure


def judged(happens, refused, options, insecure):
    """What is wrong with the findings on a pair, given what happens when it runs."""
    answer, _, strangers = happens.partition("; accepts ")
    works = answer == "works"
    wrong = []
    if works and refused:
        wrong.append("false alarm: nothing is refused")
    by_option = answer == "the frontend fails" or "Expired" in answer
    if not works and not refused and not (options and by_option):
        wrong.append("miss: refused")
    if strangers and not insecure:
        wrong.append("miss: insecure")
    if insecure and not strangers:
        wrong.append("false alarm: nobody gets in")
    if works or answer == "the frontend fails":
        return wrong
    status, _, reason = answer.partition(" ")
    said = " ".join(one["message"] for one in refused)
    statuses = set(re.findall(r"\b(?:401|403|422|500)\b", said))
    exceptions = set(re.findall(r"\b[A-Z]\w+Error\b", said))
    if statuses - {status}:
        wrong.append(f"says {', '.join(sorted(statuses))}")
    if exceptions and reason.endswith("Error") and reason not in exceptions:
        wrong.append(f"says {', '.join(sorted(exceptions))}")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("authlens")
    parser.add_argument("found", type=pathlib.Path)
    parser.add_argument("scratch", type=pathlib.Path)
    arguments = parser.parse_args()
    found = json.loads(arguments.found.read_text())
    cells = [(frontend, backend) for frontend, row in found.items() for backend in row if backend != "sends"]

    def check(cell):
        project = composed(*cell, arguments.scratch / "projects" / "+".join(cell))
        return cell, findings(arguments.authlens, project)

    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (frontend, backend), (refused, options, insecure) in pool.map(check, cells):
            happens = found[frontend][backend]
            answer, _, strangers = happens.partition("; ")
            said = ", ".join(sorted({one["rule"] for one in refused + options + insecure})) or "silent"
            wrong = judged(happens, refused, options, insecure)
            mark = "; ".join(wrong).upper() or "right"
            happened = f"{answer}{', insecure' if strangers else ''}"
            print(f"{frontend:23} {backend:27} {happened:40} {said:50} {mark}")
            counts["pairs judged right" if not wrong else "pairs judged wrong"] += 1
            counts.update("verdicts: " + ("other reason" if one.startswith("says ") else one) for one in wrong)
            halves = {pathlib.PurePath(one["path"]).parts[0] for one in refused}
            counts["refusals said in both halves" if len(halves) > 1 else "refusals said in one half"] += bool(refused)
    for name, count in sorted(counts.items()):
        print(f"{count:5} {name}")
    right, wrong = counts["pairs judged right"], counts["pairs judged wrong"]
    print(f"{right} passed, {wrong} failed")
    return 1 if wrong or not right else 0


if __name__ == "__main__":
    sys.exit(main())
