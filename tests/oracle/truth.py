"""What FastAPI itself knows of the applications below a folder.

`truth.py ROOT FOLDER...` imports every module below ROOT/FOLDER that mentions `FastAPI(`, each in a forked child, and
prints one JSON object: for each application (`file:variable`) its routes with handler and dependencies, taken from
FastAPI's own route objects, and the modules that can't be imported. A callable is named `file:qualname` when its code
is below ROOT, else by its class name. Works with FastAPI before 0.137, whose applications hold flat lists of routes,
and from 0.137, whose applications hold included routers.
"""

import functools
import importlib
import inspect
import json
import os
import pathlib
import re
import sys
import warnings

import fastapi
import fastapi.testclient  # noqa: F401  imported once here, not in every child
from fastapi import routing
from fastapi.routing import APIWebSocketRoute
from starlette.routing import Mount, Route, WebSocketRoute

INCLUDED = getattr(routing, "_IncludedRouter", ())
CONTEXT = getattr(routing, "_EffectiveRouteContext", ())


# `except A, B:`, which Python takes from 3.14 on.
UNPARENTHESISED = re.compile(rb"^(\s*except\s+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)[ \t]*:", re.MULTILINE)


def parenthesised(source):
    """A module's bytes in the syntax of every Python; each line keeps its number."""
    return UNPARENTHESISED.sub(rb"\1(\2):", source)


def name_of(callable_, root):
    target = callable_
    while True:
        if isinstance(target, functools.partial):
            target = target.func
        elif hasattr(target, "__wrapped__") and not inspect.isclass(target):
            target = target.__wrapped__
        else:
            break
    if not (inspect.isfunction(target) or inspect.isclass(target) or inspect.ismethod(target)):
        target = type(target)
    try:
        file = pathlib.Path(inspect.getsourcefile(target)).resolve().relative_to(root)
    except (TypeError, ValueError):
        return target.__qualname__
    return f"{file}:{target.__qualname__}"


def dependencies(dependant, root):
    for child in dependant.dependencies:
        yield name_of(child.call, root)
        yield from dependencies(child, root)


def served(routes):
    """Routes as they are served, those of included routers among them."""
    for route in routes:
        if INCLUDED and isinstance(route, INCLUDED):
            yield from served(route.effective_candidates())
        else:
            yield getattr(route, "starlette_route", None) or route


def described(routes, root, prefix=""):
    for route in served(routes):
        if isinstance(route, routing.APIRoute) or (CONTEXT and isinstance(route, CONTEXT)):
            used = sorted(set(dependencies(route.dependant, root)))
            yield [prefix + route.path, sorted(route.methods or []), name_of(route.endpoint, root), used]
        elif isinstance(route, APIWebSocketRoute):
            used = sorted(set(dependencies(route.dependant, root)))
            yield [prefix + route.path, [], name_of(route.endpoint, root), used]
        elif isinstance(route, Mount):
            yield [prefix + route.path, ["MOUNT"], None, []]
            yield from described(getattr(route.app, "routes", []), root, prefix + route.path)
        elif isinstance(route, (Route, WebSocketRoute)) and "FastAPI.setup" not in route.endpoint.__qualname__:
            methods = sorted(set(getattr(route, "methods", None) or []) - {"HEAD"})
            yield [prefix + route.path, methods, name_of(route.endpoint, root), []]


def frontends(router, root):
    """Folders of built frontends, served where nothing else answers (from 0.138), with what runs before each file."""
    served = list(getattr(router, "_low_priority_routes", []))
    for route in router.routes:
        if INCLUDED and isinstance(route, INCLUDED):
            served.extend(route.effective_low_priority_routes())
    for group in served:
        prefix = getattr(group, "frontend_prefix", "")
        used = sorted(set(dependencies(group.dependant, root)))
        for route in getattr(group, "original_route", group).routes:
            yield [(prefix + route.path.rstrip("/")) or "/", ["FRONTEND"], None, used]


def applications(module, root):
    for variable, value in vars(module).items():
        if isinstance(value, fastapi.FastAPI):
            yield variable, sorted([*described(value.routes, root), *frontends(value.router, root)], key=json.dumps)


def import_in_child(name, root):
    """The applications of a module, or why it can't be imported."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            answer = json.dumps(dict(applications(importlib.import_module(name), root)))
        except BaseException as error:  # whatever a module does, the others go on
            answer = json.dumps(f"{type(error).__name__}: {' '.join(str(error).split())}"[:110])
        with os.fdopen(writer, "w") as pipe:
            pipe.write(answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = json.loads(pipe.read() or '"died"')
    os.waitpid(child, 0)
    return answer


def main(root, folders):
    root = pathlib.Path(root).resolve()
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(root))
    truth, failed = {}, {}
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*.py")):
        if "FastAPI(" not in path.read_text():
            continue
        file = path.relative_to(root)
        answer = import_in_child(str(file.with_suffix("")).replace(os.sep, "."), root)
        if isinstance(answer, str):
            failed[str(file)] = answer
        else:
            truth.update({f"{file}:{variable}": routes for variable, routes in answer.items()})
    json.dump({"truth": truth, "failed": failed}, sys.stdout, indent=0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
