"""What every frontend sends, and what every backend makes of it.

`matrix.py SCRATCH` runs every pair and compares what happens with `expected.json`: with `--record` it writes that file
instead. `--only TEXT` takes the frontends whose names hold a text, and compares only those.
"""

import argparse
import base64
import contextlib
import json
import multiprocessing
import os
import pathlib
import re
import sys
import warnings

# Imported here once, and not in every backend.
import fastapi  # noqa: F401
import httpx  # noqa: F401
import jose.jwt  # noqa: F401
import joserfc.jwe  # noqa: F401
import joserfc.jwt  # noqa: F401
import sqlalchemy.orm  # noqa: F401
import uvicorn  # noqa: F401

import forgeries
import halves

with warnings.catch_warnings(record=True):  # it says that joserfc is to be used instead
    import authlib.jose  # noqa: F401

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = HERE / "expected.json"
DATA, TOKEN = "better-auth.session_data", "better-auth.session_token"
MARK = {"frontends": "package.json", "backends": "requirements.txt"}


def folders(kind):
    return sorted(path for path in (HERE / kind).iterdir() if (path / MARK[kind]).exists())


def pins():
    """The versions that folders say, with those that are installed; these have to be the same."""
    installed = json.loads((HERE / "node/package.json").read_text())["dependencies"]
    for folder in folders("frontends"):
        for name, version in json.loads((folder / "package.json").read_text())["dependencies"].items():
            # Next.js only stands there for whom it concerns: nothing of it runs.
            yield folder, name, version, installed.get(name, version if name == "next" else None)
    installed = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split())
    for folder in folders("backends"):
        for line in (folder / "requirements.txt").read_text().split():
            name, version = line.split("==")
            yield folder, name, version, installed.get(name.partition("[")[0])


def reads_cookies(backend):
    return backend.name.startswith("cookie-")


def sends_cookies(frontend):
    return 'credentials: "include"' in (frontend / "lib/api.ts").read_text()


def pairs():
    """Frontends, each with the backends that look for a token where it sends one."""
    for frontend in folders("frontends"):
        yield frontend, [one for one in folders("backends") if reads_cookies(one) == sends_cookies(frontend)]


def cookies_of(visit):
    return dict(pair.split("=", 1) for pair in visit.cookie.split("; ")) if visit.cookie else {}


def described(token):
    """The form of a token: a JWT or JWE by its algorithm, or how it looks."""
    if head := re.match(r"[\w-]+(?=\.)", token):
        with contextlib.suppress(ValueError):
            head = json.loads(base64.urlsafe_b64decode(head[0] + "=="))
            return f"JWE {head['alg']} {head['enc']}" if "enc" in head else f"JWT {head['alg']}"
    if re.fullmatch(r"\w{32}", token):
        return "32 characters"
    return "32 characters, a dot and a signature" if re.match(r"\w{32}\.", token) else "other text"


def sent_by(visit):
    if not visit.sent:
        return f"nothing ({', '.join(sorted(set(visit.failures)))})"
    if visit.authorization:
        return f"Authorization: {described(visit.authorization.removeprefix('Bearer '))}"
    cookies = cookies_of(visit)
    return f"Cookie: {', '.join(f'{name} {described(cookies[name])}' for name in sorted(cookies))}"


def request_of(visit):
    """The headers of the request for the tasks that say who asks."""
    return {"Authorization": visit.authorization} if visit.authorization else {"Cookie": visit.cookie}


def request_with(token, visit):
    """The headers of a request that somebody makes up."""
    return {"Cookie": f"{TOKEN}={token}; {DATA}={token}"} if visit.cookie else {"Authorization": f"Bearer {token}"}


def token_of(visit):
    """The token that tells a backend who asks; in cookies, the one that may be more than a number."""
    return visit.authorization.removeprefix("Bearer ") if visit.authorization else cookies_of(visit).get(DATA, "")


def mail_links(visit):
    return [found for mail in visit.mails for found in re.findall(r"[?&]token=([^&\s]+)", mail["text"])]


def told(backend, visit, others):
    """One cell: what a backend answers, and which tokens that nobody may use it accepts."""
    if visit.sent:
        status, user, reason = backend.ask(request_of(visit))
    if not visit.sent:
        text = "the frontend fails"
    elif status != 200:
        text = f"{status} {reason}" if reason else str(status)
    else:
        # Some backends let in without asking who it is.
        text = "works" if user in (visit.user, None) else f"takes the user for {user}"
    accepted = accepted_by(backend, visit, others)
    return text + (f"; accepts {', '.join(accepted)}" if accepted else "")


def accepted_by(backend, visit, others):
    """Which kinds of tokens that nobody may use a backend accepts."""
    return [
        name
        for name, tokens in others.items()
        if any(backend.ask(request_with(one, visit))[0] == 200 for one in tokens)
    ]


def row(frontend, backends, scratch):
    with halves.Frontend(frontend, scratch / "run" / frontend.name) as served:
        visit = served.visit()
        cells = {"sends": sent_by(visit)}
        others = forgeries.forged(token_of(visit), served.published_keys(), served.url)
        others["mail link"] = mail_links(visit)
        with contextlib.ExitStack() as stack:
            # All are started before the first is asked: they get ready side by side.
            running = [stack.enter_context(halves.Backend(one, served, served.scratch)) for one in backends]
            for backend in running:
                cells[backend.folder.name] = told(backend, visit, others)
        return cells


def rows(chosen, scratch):
    """The rows of these frontends by name; as many are worked on at a time as there are processors."""
    count = os.cpu_count() or 1
    places = [scratch / f"found-{number}.json" for number in range(count)]
    processes = []
    for number, place in enumerate(places):
        place.unlink(missing_ok=True)
        process = multiprocessing.get_context("fork").Process(
            target=share, args=(chosen[number::count], scratch, place, os.getpid()), daemon=True
        )
        process.start()
        processes.append(process)
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        sys.exit("a frontend could not be run")
    found = {}
    for place in places:
        found.update(json.loads(place.read_text()))
    return dict(sorted(found.items()))


def share(chosen, scratch, place, parent):
    """Works on some of the rows and writes them to a file."""
    halves.end_with(parent)
    found = {}
    for frontend, backends in chosen:
        found[frontend.name] = row(frontend, backends, scratch)
        print(f"{frontend.name}: {found[frontend.name]['sends']}", flush=True)
    place.write_text(json.dumps(found))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    scratch = arguments.scratch.resolve()

    wrong = [f"{folder.name}: {name} {said}, not {real}" for folder, name, said, real in pins() if said != real]
    if wrong:
        sys.exit("\n".join(wrong))
    found = rows([pair for pair in pairs() if arguments.only in pair[0].name], scratch)
    count = sum(len(cells) - 1 for cells in found.values())
    (scratch / "found.json").write_text(json.dumps(found, indent=2) + "\n")
    if arguments.record:
        EXPECTED.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    expected = {name: cells for name, cells in json.loads(EXPECTED.read_text()).items() if arguments.only in name}
    differences = [
        f"{name} with {cell}: expected {expected.get(name, {}).get(cell)!r}, but {found.get(name, {}).get(cell)!r}"
        for name in sorted({*expected, *found})
        for cell in sorted({*expected.get(name, {}), *found.get(name, {})})
        if expected.get(name, {}).get(cell) != found.get(name, {}).get(cell)
    ]
    for difference in differences:
        print(difference)
    print(f"{count - len(differences)} passed, {len(differences)} failed")
    return 1 if differences or not count else 0


if __name__ == "__main__":
    sys.exit(main())
