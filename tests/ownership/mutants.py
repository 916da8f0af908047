"""Takes one piece of evidence away at a time, and looks whether authlens misses it.

`mutants.py AUTHLENS FOLDER SOURCE...` copies each SOURCE (a folder that holds a project) into FOLDER and writes one of
its modules over for each mutant: one owner's condition of a query less, one comparison of an owner that never holds, or
the value of the client that an owner is compared with in place of the principal. A mutant is killed when a finding of an
ownership rule is new. The exit code is 1 when less than 90 % are killed, when there are none, or when there are errors
without any mutation.
"""

import ast
import json
import pathlib
import shutil
import subprocess
import sys

RULES = (
    "check-after-change,client-trusted-identity,ineffective-scope,missing-ownership-check,owner-mass-assignment,"
    "query-not-scoped"
)
OWNERS = {"user_id", "owner_id", "author_id", "created_by"}


def is_owner(node):
    """Whether an expression is a column that holds an owner: `Note.user_id`, also in `col(…)`."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    return isinstance(node, ast.Attribute) and node.attr in OWNERS


def of_class(node):
    """Whether it is the column of a table, and not the value of a row."""
    if isinstance(node, ast.Call):
        node = node.args[0]
    return isinstance(node.value, ast.Name) and node.value.id[:1].isupper()


def is_scope(node):
    compared = isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq)
    return compared and is_owner(node.left) and of_class(node.left)


def names_client(node):
    return isinstance(node, ast.Name) and node.id in OWNERS


def mutants(text):
    """What is changed, in which line, and the module's text then."""
    tree = ast.parse(text)
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def replaced(node, left):
        data = text.encode()
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        return (data[:start] + left.encode() + data[end:]).decode()

    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("where", "filter"):
                for argument in node.args:
                    if is_scope(argument):
                        yield "a condition less", node.lineno, replaced(argument, "True")
            elif isinstance(node, ast.If):
                tests = node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]
                for test in tests:
                    sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
                    unequal = sides and isinstance(test.ops[0], ast.NotEq)
                    if unequal and any(is_owner(side) or names_client(side) for side in sides):
                        yield "a comparison less", node.lineno, replaced(test, "False")


def findings(authlens, root):
    command = [authlens, "check", "--format", "json", "--select", RULES, root]
    report = json.loads(subprocess.run(command, capture_output=True).stdout)
    return {
        (one["rule"], one["path"], one["range"]["start"]["line"])
        for one in report["diagnostics"]
        if one["severity"] in ("error", "warning")
    }


def main(authlens, folder, *sources):
    folder = pathlib.Path(folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    killed = total = 0
    noisy = False
    for number, source in enumerate(map(pathlib.Path, sources)):
        root = folder / f"{number}"
        shutil.copytree(source, root, ignore=shutil.ignore_patterns("node_modules", ".git", "tests", "test_*"))
        before = findings(authlens, root)
        noisy |= number == 0 and bool(before)
        for path in sorted(root.rglob("*.py")):
            text = path.read_text()
            try:
                found = list(mutants(text))
            except SyntaxError:
                continue
            for what, line, mutated in found:
                path.write_text(mutated)
                new = findings(authlens, root) - before
                total += 1
                killed += bool(new)
                if not new:
                    print(f"{source.name}, {path.relative_to(root)}:{line}: {what}, and nothing is found")
            path.write_text(text)
    print(f"{killed} of {total} mutants killed")
    return 1 if noisy or not total or killed < 0.9 * total else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
