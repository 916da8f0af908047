"""Compares `authlens routes` with what FastAPI knows of real applications.

`measure.py FOLDER AUTHLENS [--checkouts FOLDER] [--mutants COUNT] [NAME…]` keeps applications, and what FastAPI said of them,
in FOLDER. It prints every difference, and for each application what was found. `known/NAME.txt` holds, one a line,
patterns of differences that are no fault of a reader, each with its reason behind ` # `: what only run time knows.
These are counted apart, and so are routes that authlens says are conditional: FastAPI knows one configuration only.
The exit code is 1 below the thresholds, when an application can't be imported, and when a pattern fits nothing.
"""

import argparse
import contextlib
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))
import compare  # noqa: E402
import mutants  # noqa: E402

import known  # noqa: E402


RECALL, PRECISION, SETS = 0.98, 0.99, 0.97
# An import that takes longer waits for something that never comes.
IMPORT_SECONDS = 300


def source(top, name, settings, checkouts):
    """The folder with an application's source, fetched when it is not there; None for an absent checkout."""
    if "repository" in settings:
        checkout = checkouts and pathlib.Path(checkouts) / settings["repository"].replace("/", "+")
        if not checkout or not checkout.is_dir():
            return None
        folder = top / "source" / name
        if not folder.is_dir():
            left_out = shutil.ignore_patterns("node_modules", ".git")
            shutil.copytree(checkout, folder, symlinks=True, ignore=left_out, ignore_dangling_symlinks=True)
            for made in settings.get("folders", []):
                (folder / made).mkdir(parents=True, exist_ok=True)
        return folder
    folder = top / "source" / f"{name}-{settings['version']}"
    if not folder.is_dir():
        wheels = top / "wheels"
        pip = [top / "venv/bin/pip", "--quiet", "download", "--disable-pip-version-check", "--no-deps", "--dest", wheels]
        subprocess.run([*pip, f"{name}=={settings['version']}"], check=True)
        wheel = next(wheels.glob(f"{name.replace('-', '_')}-{settings['version']}-*.whl"))
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        zipfile.ZipFile(wheel).extractall(partial)
        # Which FastAPI it runs with here: its own manifests are not in the wheel.
        version = subprocess.run([top / "venv/bin/pip", "show", "fastapi"], capture_output=True, text=True, check=True)
        number = next(line.split()[1] for line in version.stdout.splitlines() if line.startswith("Version:"))
        (partial / "requirements.txt").write_text(f"fastapi=={number}\n")
        partial.rename(folder)
    return folder


class Fastapi:
    """Asks FastAPI what it knows of an application below a folder, as often as one likes."""

    def __init__(self, top, name, root):
        environment = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        environment.update(HOME=str(top / "home"), PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0")
        (top / "home").mkdir(exist_ok=True)
        command = [top / "venv/bin/python", HERE / "known.py", name, root]
        with open(top / f"{name}.log", "wb") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                start_new_session=True, text=True,
            )

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], IMPORT_SECONDS)[0]:
            self.close()
            return {"error": f"not imported in {IMPORT_SECONDS} s"}
        return json.loads(self.process.stdout.readline() or '{"error": "died"}')

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def truth(top, name, settings, root):
    """What FastAPI knows, kept until something that it rests on changes."""
    rests_on = [json.dumps(settings), str(root), (HERE / "requirements.txt").read_text()]
    rests_on += [(HERE / file).read_text() for file in ("known.py", "stand_ins.py", "../oracle/truth.py")]
    digest = hashlib.sha256("\0".join(rests_on).encode()).hexdigest()
    kept = top / "truth" / f"{name}-{digest[:16]}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    fastapi = Fastapi(top, name, root)
    answer = fastapi.ask()
    fastapi.close()
    if "error" not in answer:
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(answer, indent=0))
    return answer


def patterns(name):
    path = HERE / "known" / f"{name}.txt"
    return sorted(compare.listed(path)) if path.exists() else []


def score(name, truth, ours):
    """Counts of one application, and whether they are good enough."""
    certain = {app: [route for route in routes if route[4] == "exact"] for app, routes in ours.items()}
    found, counts = compare.differences(truth, ours)
    # A conditional route that FastAPI has is found; one that it has not is no mistake.
    too_much = compare.differences(truth, certain)[0]
    found = [one for one in found if not one.endswith("too much") or one in too_much]
    (application,) = truth
    ((wanted, _, routes, _),) = counts.values()
    expected, used = patterns(name), set()
    excused = {"misses": 0, "too much": 0, "sets": 0}
    faults = dict(excused)
    for one in found:
        kind = "misses" if " misses " in one else "too much" if one.endswith("too much") else "sets"
        said = one.removeprefix(application).strip()
        fitting = [pattern for pattern in expected if fnmatch.fnmatchcase(said, pattern)]
        used.update(fitting)
        (excused if fitting else faults)[kind] += 1
        if not fitting:
            print(f"{name}: {said}")
    stale = [pattern for pattern in expected if pattern not in used]
    for pattern in stale:
        print(f"{name}: GONE: {pattern}")
    knowable = wanted - excused["misses"]
    conditional = sum(1 for routes in ours.values() for route in routes if route[4] != "exact")
    judged = routes - excused["sets"]
    shares = (
        (knowable - faults["misses"]) / max(knowable, 1),
        routes / max(routes + faults["too much"], 1),
        (judged - faults["sets"]) / max(judged, 1),
    )
    row = [name, str(wanted), str(len(ours.get(application, []))), *(f"{share:.2%}" for share in shares)]
    row += [str(excused["misses"]), str(excused["sets"]), str(conditional)]
    enough = all(share >= least for share, least in zip(shares, (RECALL, PRECISION, SETS)))
    return row, enough and not stale and wanted > 0


def mutate(top, authlens, name, settings, root, count):
    """Judges so many mutants of an application, most of them without something that verifies."""
    copy = top / "mutants" / name
    shutil.rmtree(copy, ignore_errors=True)
    # Only sources are written over: whatever else lies beside them is linked.
    place = lambda old, new: shutil.copy2(old, new) if old.endswith(".py") else os.link(old, new)
    shutil.copytree(root, copy, copy_function=place, symlinks=True, ignore=shutil.ignore_patterns("node_modules", ".git"))
    fastapi = Fastapi(top, name, copy)

    def served_by(_):
        answer = fastapi.ask()
        if "error" in answer:
            return None
        application, routes = next(iter(answer.items()))
        file = application.split(":")[0]
        return {(file, path, tuple(methods), (handler or "").split(":")[-1]): set(used) for path, methods, handler, used in routes}

    def choose(removals, aliased, verifying):
        names = {one.split(":")[-1].split(".")[0] for one in verifying}
        names |= {alias for alias, meaning in aliased.items() if names & set(re.findall(r"\w+", meaning))}
        groups = [], []
        for removal in removals:
            path, start, end = removal[:3]
            groups[not names & set(re.findall(r"\w+", path.read_bytes()[start:end].decode()))].append(removal)
        print(f"{name}: {len(groups[0])} places ask for what verifies, {len(groups[1])} for something else")
        return [*spread(groups[0], count - count // 5), *spread(groups[1], count // 5)]

    tally = mutants.Tally()
    mutants.judge(authlens, copy, name, tally, served_by, choose)
    fastapi.close()
    # Where authlens knows of nothing that verifies, no route can be seen to open.
    print(f"{name}: {tally}")
    return tally.total > 0 and tally.share() >= 0.98


def spread(items, count):
    """So many items, evenly over all."""
    return [items[at * len(items) // count] for at in range(count)] if count < len(items) else items


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("authlens")
    parser.add_argument("--checkouts")
    parser.add_argument("--mutants", type=int, metavar="COUNT")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    rows, good = [], True
    head = "application|routes|ours|recall|precision|sets|run time only|of sets|conditional|unresolved".split("|")
    for name, settings in known.applications().items():
        if options.names and name not in options.names:
            continue
        root = source(options.folder, name, settings, options.checkouts)
        if root is None:
            print(f"{name}: skipped, there is no checkout of {settings['repository']}")
            continue
        if options.mutants:
            good &= mutate(options.folder, options.authlens, name, settings, root, options.mutants)
            continue
        answer = truth(options.folder, name, settings, root)
        if "error" in answer:
            print(f"{name}: can't be imported: {answer['error']} (see {name}.log)")
            good = False
            continue
        command = [options.authlens, "routes", root, "--format", "json"]
        report = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        application = settings["application"]
        ours = {app: routes for app, routes in compare.ours_of(report).items() if app == application}
        unresolved = sum(len(app["unresolved"]) for app in report["apps"] if compare.key_of(app) == application)
        row, enough = score(name, answer, ours)
        rows.append([*row, str(unresolved)])
        good &= enough
    if rows:
        widths = [max(map(len, column)) for column in zip(head, *rows)]
        for row in [head, *rows]:
            print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
