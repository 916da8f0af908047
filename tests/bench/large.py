"""Measures authlens on a large tree: a check beside its floor and its peers, then the server.

The tree is made of packages of PyPI and npm (`large-python.txt`, `large-npm.txt`). Everything is
measured in one run, commands in turn. Exit code 1: a budget is broken."""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import project
import tree
from bench import Report, Typist, change_dependency, conclude, options_of, p50, start, type_back_to_back
from client import Document

OXLINT = "oxlint@1.94.0"
ROUNDS = 3
LINES = 1000
MODULE_FOLDER = "bench"


def processor_seconds(command):
    """Processor time of a command and its children."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def oxlint(folder):
    """The linter, installed below a folder."""
    program = folder / "node_modules/.bin/oxlint"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        tree.run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, OXLINT, folder=folder)
    return program


def check(options, root, report):
    floor, needed = options.target / "examples/tree_floor", root.parent / "needed"
    # What differs is told on the error stream, for whoever reads along.
    out = subprocess.run([floor, "needed", root, needed], check=True, stdout=subprocess.PIPE, text=True).stdout
    share = json.loads(out)
    report.say(f"{share['files']} Python files, {share['bytes'] / 1e6:.0f} MB; parsed: {share['parsed_files']} files,"
               f" {share['parsed_bytes'] / 1e6:.1f} MB; {share['findings']} findings")
    report.budget("share of the bytes parsed", share["parsed_bytes"] / share["bytes"], 0.25, "of 1")
    report.budget("findings other than when everything is read", share["different"], 0, "")
    commands = {
        "check": [options.target / "authlens", "check", "--format", "json", root],
        "floor": [floor, "visit", root, needed],
        "ruff": [options.peers / "ruff", "check", "--isolated", "--no-cache", "--quiet", "--exit-zero",
                 "--select", "FAST,S", "--output-format", "json", root],
        "oxlint": [oxlint(root.parent / "peers"), "--quiet", root],
    }
    rounds = [{name: processor_seconds(command) for name, command in commands.items()} for _ in range(ROUNDS)]
    cpu = {name: statistics.median(times[name] for times in rounds) for name in commands}
    report.say("  CPU " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in cpu.items()))
    report.budget("check within 1.3 floors", cpu["check"] / cpu["floor"], 1.3, "floors")
    report.budget("check as ruff and oxlint", cpu["check"], cpu["ruff"] + cpu["oxlint"], "s")


def at_rest(server):
    """Waits until a server has done nothing for a while."""
    quiet, before = 0, -1.0
    while quiet < 5:
        server.drain(0.4)
        spent = server.cpu_of_all()
        quiet = quiet + 1 if spent - before < 0.02 else 0
        before = spent


class Project:
    """A server with the measured file open."""

    def __init__(self, options, root, folder):
        self.server = start(options, "authlens", root, False)
        items, deps = project.write(folder, LINES)
        at_rest(self.server)
        self.resident = self.server.resident()
        self.items, self.deps = Document(self.server, items), Document(self.server, deps)
        for document in (self.items, self.deps):
            document.open()
            document.diagnostics()
        at_rest(self.server)
        self.body = Typist(self.items, "    count = len(STORE)", "    count")
        self.route = Typist(self.items, '@router.get("/probe', '@router.get("/probe')


def serve(options, root, report):
    keys, edits = (20, 1000) if options.quick else (60, 10_000)
    with tempfile.TemporaryDirectory(prefix="authlens-bench-") as folder:
        alone = Path(folder).resolve()
        project.write(alone, LINES)
        project.write(root / MODULE_FOLDER, LINES)
        small, large = Project(options, alone, alone), Project(options, root, root / MODULE_FOLDER)
        try:
            report.budget("resident after indexing", large.resident, 80, "MB")
            kinds = {"key in a body": {}, "key in a route's path": {}, "change of an exported dependency": {}}
            for _ in range(ROUNDS):
                for name, one in (("small", small), ("large", large)):
                    found = (type_back_to_back(one.server, one.body, keys)[0],
                             type_back_to_back(one.server, one.route, keys)[0],
                             change_dependency(one.server, one.deps, one.items, keys // 2))
                    for kind, latencies in zip(kinds, found):
                        kinds[kind].setdefault(name, []).extend(latencies)
            for kind, latencies in kinds.items():
                in_small, in_large = p50(latencies["small"]), p50(latencies["large"])
                report.say(f"  {kind}: {in_small * 1e3:.2f} ms alone, {in_large * 1e3:.2f} ms in the large tree")
                report.budget(f"{kind}, as in a small tree", in_large / in_small, 1.2, "times")
            before = large.server.resident()
            type_back_to_back(large.server, large.body, edits // 2)
            type_back_to_back(large.server, large.route, edits // 2)
            growth = large.server.resident() / before - 1
            report.budget(f"growth over {edits} edits", growth, 0.05, "of 1")
        finally:
            small.server.stop()
            large.server.stop()


def main():
    options = options_of(__doc__, "folder of ruff and pip", "fewer keys and edits")
    began = time.time()
    random.seed(1)
    root = tree.build(options.target.parent / "large-bench", options.peers / "pip")
    shutil.rmtree(root / MODULE_FOLDER, ignore_errors=True)
    broken = []
    for part in (check, serve):
        report = Report()
        part(options, root, report)
        print("\n".join(report.lines), flush=True)
        broken += report.broken
    return conclude(broken, began)


if __name__ == "__main__":
    sys.exit(main())
