"""What FastAPI itself knows of the applications below a folder.

`truth.py ROOT FOLDER` imports every module below ROOT/FOLDER that mentions `FastAPI(`, each in a forked child, and
prints one JSON object: for each application (`file:variable`) its routes with handler and dependencies, taken from
FastAPI's own route objects. A callable is named `file:qualname` when its code is below ROOT, else by its class name.
"""

import importlib
import inspect
import json
import os
import pathlib
import sys

import fastapi
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import Mount, Route, WebSocketRoute


def name_of(callable_, root):
    target = inspect.unwrap(callable_)
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


def routes(app, root):
    for route in app.routes:
        if isinstance(route, (APIRoute, APIWebSocketRoute)):
            methods = sorted(getattr(route, "methods", None) or [])
            yield [route.path, methods, name_of(route.endpoint, root), sorted(set(dependencies(route.dependant, root)))]
        elif isinstance(route, Mount):
            yield [route.path, ["MOUNT"], None, []]
        elif isinstance(route, (Route, WebSocketRoute)) and "FastAPI.setup" not in route.endpoint.__qualname__:
            methods = sorted(set(getattr(route, "methods", None) or []) - {"HEAD"})
            yield [route.path, methods, name_of(route.endpoint, root), []]


def applications(module, root):
    for variable, value in vars(module).items():
        if isinstance(value, fastapi.FastAPI):
            yield variable, sorted(routes(value, root), key=json.dumps)


def main(root, folder):
    root = pathlib.Path(root).resolve()
    sys.path.insert(0, str(root))
    truth, failed = {}, []
    for path in sorted((root / folder).rglob("*.py")):
        if "FastAPI(" not in path.read_text():
            continue
        file = path.relative_to(root)
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.chdir(os.environ.get("ORACLE_SCRATCH", "/tmp"))
            try:
                module = importlib.import_module(str(file.with_suffix("")).replace(os.sep, "."))
                answer = json.dumps(dict(applications(module, root)))
            except BaseException as error:  # whatever a module does, the others go on
                answer = json.dumps(f"{type(error).__name__}: {error}")
            with os.fdopen(writer, "w") as pipe:
                pipe.write(answer)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            answer = json.loads(pipe.read() or '"died"')
        os.wait()
        if isinstance(answer, str):
            failed.append(f"{file}: {answer}")
            continue
        for variable, found in answer.items():
            truth[f"{file}:{variable}"] = found
    json.dump({"truth": truth, "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:3])
