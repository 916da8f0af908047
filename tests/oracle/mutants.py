"""Removes one dependency at a time and compares what authlens then says with what FastAPI then knows.

`mutants.py AUTHLENS FOLDER SOURCE...` copies each SOURCE (a module, or a folder that holds a project) into FOLDER once
for every dependency in it: a parameter that asks for one, or an item of a list `dependencies=[…]`. FastAPI imports the
copy. A guarded route that lost a verifying callable has to be guarded exactly when FastAPI still runs another one, and
a route whose dependencies are the same has to be judged the same. The exit code is 1 when less than 98 % of the mutants
are judged right, or when there are none.
"""

import ast
import json
import pathlib
import shutil
import subprocess
import sys

import truth


def parsed(source):
    return ast.parse(truth.parenthesised(source))


def injects(node):
    """Whether an expression holds a call of Depends or Security, or an alias of one by this project's convention."""
    names = [n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    return bool({"Depends", "Security"} & set(names))


def aliases(trees):
    """Names bound to `Annotated[…, Depends(…)]` anywhere in the project, with what they stand for."""
    return {
        target.id: ast.unparse(node.value)
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript) and injects(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def uses(function, name):
    """Whether the body of a function reads a variable."""
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    return any(isinstance(node, ast.Name) and node.id == name for node in nodes)


def removals(text, known):
    """Spans of a module's text that each hold one dependency, with what is left there, the function whose
    parameter it is, and whether its body reads it.

    An attribute of a class is one as well: views in classes ask for dependencies like this.
    """
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))

    def span(first, last):
        return starts[first.lineno - 1] + first.col_offset, starts[last.end_lineno - 1] + last.end_col_offset

    for node in ast.walk(parsed(text.encode())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            positional = node.args.posonlyargs + node.args.args
            defaults = [None] * (len(positional) - len(node.args.defaults)) + node.args.defaults
            for parameter, default in [*zip(positional, defaults), *zip(node.args.kwonlyargs, node.args.kw_defaults)]:
                annotation = parameter.annotation
                alias = isinstance(annotation, ast.Name) and annotation.id in known
                if alias or any(part is not None and injects(part) for part in (annotation, default)):
                    yield *span(parameter, default or annotation or parameter), "", node.name, uses(node, parameter.arg)
        elif isinstance(node, ast.keyword) and node.arg == "dependencies" and isinstance(node.value, ast.List):
            for item in node.value.elts:
                yield *span(item, item), "", None, False
        elif isinstance(node, ast.ClassDef):
            for statement in node.body:
                alias = isinstance(statement, ast.AnnAssign) and getattr(statement.annotation, "id", None) in known
                if alias or (isinstance(statement, ast.AnnAssign) and any(
                    part is not None and injects(part) for part in (statement.annotation, statement.value)
                )):
                    # What is left may be all that its class holds.
                    yield *span(statement, statement), "pass", None, False


def without(text, start, end, left):
    data = text.encode()
    rest = data[end:].lstrip()
    end = len(data) - len(rest) + 1 if rest.startswith(b",") else end
    return (data[:start] + left.encode() + data[end:]).decode()


def reported(authlens, root):
    """Routes of every application by file: (path, methods, handler) to status and verifying callables."""
    report = json.loads(subprocess.run([authlens, "routes", root, "--format", "json"], capture_output=True, check=True).stdout)
    routes, verifying = {}, set()
    for app in report["apps"]:
        for route in app["routes"]:
            handler = route["handler"] or {}
            key = (app["file"], route["path"], tuple(route["methods"]), handler.get("qualname"))
            routes[key] = route["status"]
            verifies = [dependency["verdict"] == "verifies the caller" for dependency in route["dependencies"]]
            # What asks for one that verifies only hands on whom that one let in.
            asking = {dependency["parent"] for dependency, does in zip(route["dependencies"], verifies) if does}
            for index, dependency in enumerate(route["dependencies"]):
                if verifies[index] and index not in asking:
                    verifying.add(f"{dependency.get('file')}:{dependency['qualname']}")
    return routes, verifying


def known(root):
    """What FastAPI knows of the applications below a folder, or None when one can't be imported."""
    sys.path.insert(0, str(root))
    routes = {}
    try:
        for path in sorted(root.rglob("*.py")):
            if "FastAPI(" not in path.read_text():
                continue
            file = path.relative_to(root)
            answer = truth.import_in_child(str(file.with_suffix("")).replace("/", "."), root)
            if isinstance(answer, str):
                return None
            for served in answer.values():
                for path_, methods, handler, used in served:
                    routes[(str(file), path_, tuple(methods), (handler or "").split(":")[-1])] = set(used)
    finally:
        sys.path.remove(str(root))
    return routes


class Tally:
    """What came of the mutants of some projects."""

    def __init__(self):
        self.right = self.total = self.opened = 0

    def share(self):
        return self.right / max(self.total, 1)

    def good(self):
        return bool(self.total and self.opened and self.share() >= 0.98)

    def __str__(self):
        return f"{self.total} mutants, {self.opened} routes opened: {self.share():.2%} judged right"


def everything(mutants, _aliased, _verifying):
    return mutants


def judge(authlens, root, name, tally, served_by, choose=everything):
    """Judges the mutants of the project in the folder ROOT, whose files are written over and restored.

    `served_by` tells what FastAPI serves of a folder, and `choose` which of all mutants are made.
    """
    modules = sorted(root.rglob("*.py"))
    aliased = aliases(parsed(path.read_bytes()) for path in modules)
    (before, verifying), served = reported(authlens, root), served_by(root)
    if served is None:
        print(f"{name} can't be imported")
        return
    mutants = [(path, *removal) for path in modules for removal in removals(path.read_text(), aliased)]
    for path, start, end, left, function, used in choose(mutants, aliased, verifying):
        text = path.read_text()
        path.write_text(without(text, start, end, left))
        try:
            after, routes = reported(authlens, root)[0], served_by(root)
        finally:
            path.write_text(text)
        if routes is None:
            continue
        lost = {key for key in served.keys() & routes.keys() if (served[key] - routes[key]) & verifying}
        # A verifier without its credential is broken code, which FastAPI has no word for.
        if not lost and f"{path.relative_to(root)}:{function}" in verifying:
            continue
        wrong = [
            f"{key[2]} {key[1]}: {status}, FastAPI runs {sorted(routes[key])}"
            for key, status in after.items()
            if key in lost and before.get(key) == "guarded" and (status == "guarded") != bool(routes[key] & verifying)
        ]
        moved = [
            f"{key[1]}: {before[key]} to {status}"
            for key, status in after.items()
            if served.get(key) == routes.get(key) and before.get(key, status) != status
            # What a function does that reads a variable which is gone can't be known.
            and not (used and status == "unknown")
        ]
        tally.opened += sum(before.get(key) == "guarded" and status != "guarded" for key, status in after.items())
        tally.total += 1
        tally.right += not wrong and not moved
        for one in wrong + moved:
            print(f"{name}, {path.name} without `{text.encode()[start:end].decode()}`: {one}")


def main(authlens, folder, *sources):
    folder = pathlib.Path(folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    tally = Tally()
    for number, source in enumerate(map(pathlib.Path, sources)):
        original = folder / f"{number}"
        if source.is_dir():
            shutil.copytree(source, original)
        else:
            original.mkdir(parents=True)
            shutil.copy(source, original)
        judge(authlens, original, source.name, tally, known)
    print(tally)
    return 0 if tally.good() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
