"""What FastAPI knows of one real application.

`known.py NAME ROOT` imports the application that `applications.toml` describes from the folder ROOT, without network,
and prints its routes on one line in the shape of `tests/oracle/truth.py`, or `{"error": …}`. It does so again, in a new process
that has all packages but the application loaded, for every further line of its standard input.
"""

import __future__

import importlib
import importlib.machinery
import json
import os
import pathlib
import socket
import sys
import tomllib
import traceback
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))
import truth  # noqa: E402

import stand_ins  # noqa: E402

def applications():
    return tomllib.loads((HERE / "applications.toml").read_text())


def read_as_newer_python(root):
    """Compiles what is below ROOT as Python 3.14 does: annotations are not evaluated when they are met."""
    original = importlib.machinery.SourceFileLoader.source_to_code

    def source_to_code(self, data, path, *, _optimize=-1):
        if not str(path).startswith(str(root)):
            return original(self, data, path, _optimize=_optimize)
        flags = __future__.annotations.compiler_flag
        return compile(truth.parenthesised(data), path, "exec", flags, True, _optimize)

    importlib.machinery.SourceFileLoader.source_to_code = source_to_code


def without_network():
    def refuse(*_, **__):
        raise OSError("no network here")

    socket.socket.connect = socket.socket.connect_ex = refuse
    socket.getaddrinfo = socket.create_connection = refuse


def prepare(settings, root):
    """Makes the application importable."""
    stand_ins.install(settings.get("stand_ins", []))
    without_network()
    if settings.get("newer_python"):
        read_as_newer_python(root)
    sys.path.insert(0, str(root / settings.get("imports_from", "")))


def routes(settings, root):
    """The routes of the application that the settings of `applications.toml` describe."""
    variable = settings["application"].partition(":")[2]
    module = importlib.import_module(settings["module"])
    # The arguments of a factory may name anything of its module, and a value of which nothing is known.
    names = {**vars(module), "unknown": stand_ins.StandIn("unknown")}
    app = eval(settings.get("expression", variable), names)
    return sorted([*truth.described(app.routes, root), *truth.frontends(app.router)], key=json.dumps)


def ask(settings, root):
    """Imports the application in a child: what it knows, and which modules it loaded that are not its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            known = {settings["application"]: routes(settings, root)}
        except BaseException as error:  # whatever the application does while it is imported
            traceback.print_exc()
            known = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]}
        loaded = [name for name, module in list(sys.modules.items()) if is_of_others(module, root)]
        with os.fdopen(writer, "w") as pipe:
            json.dump([known, loaded], pipe)
        # Threads that the application started are not waited for.
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else [{"error": "died"}, []]


def is_of_others(module, root):
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and not file.startswith(f"{root}{os.sep}")


def main(name, root):
    root = pathlib.Path(root).resolve()
    settings = applications()[name]
    os.environ.update(settings.get("environment", {}))
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    prepare(settings, root)
    preloaded = False
    for _ in sys.stdin:
        known, loaded = ask(settings, root)
        answers.write(json.dumps(known) + "\n")
        answers.flush()
        if not preloaded:
            preloaded = True
            for module in loaded:
                try:
                    importlib.import_module(module)
                except BaseException:  # the child imports it again, and meets the failure where it belongs
                    continue


if __name__ == "__main__":
    main(*sys.argv[1:3])
