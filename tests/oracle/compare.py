"""Compares `authlens routes --format json` with what FastAPI knows.

`compare.py TRUTH OURS EXPECTED` prints every difference and the shares. EXPECTED is a folder with `differences.txt` and
`not-imported.txt`: what is known to differ, and what can't be imported, one a line with the reason behind ` # `, and
with `counts.json`: how much FastAPI knows of each folder. The exit code is 1 when something is not listed there, or
something listed is no longer so, when FastAPI knew of another number of routes (nothing compared is nothing proven), and
when a share is below what the project promises, whatever is listed.
"""

import json
import pathlib
import sys

#: What no list excuses, by folder: shares of routes found, of found ones that are there, and of right dependency sets.
PROMISED = {"docs_src": (1.0, 1.0, 0.995), "tests": (0.98, 0.98, 0.995)}


def key_of(app):
    """The name of an application, as truth.py gives it."""
    return f"{app['file']}:{app['app'].split(':')[-1]}"


def ours_of(report):
    """Routes by application, in the shape that truth.py gives them, mounted applications below their parents.

    Behind what truth.py knows stands how certain a route is.
    """

    def name(callable_):
        if callable_ is None:
            return None
        if callable_.get("file"):
            return f"{callable_['file']}:{callable_['qualname']}"
        return callable_.get("security") or callable_["qualname"]

    apps = {}
    for app in report["apps"]:
        routes = []
        for route in app["routes"]:
            mounted = route["kind"] in ("mount", "frontend")
            methods = [route["kind"].upper()] if mounted else route["methods"]
            handler = None if mounted else name(route["handler"])
            used = {d["security"] if d.get("security") else name(d) for d in route["dependencies"]}
            routes.append([route["path"], methods, handler, sorted(used), route["certainty"]])
        apps[key_of(app)] = routes
    return apps


def listed(path):
    """The lines of a list without their reasons; a line without a reason is an error."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    for line in lines:
        if " # " not in line:
            sys.exit(f"{path}: no reason in: {line}")
    return {line.split(" # ")[0].strip() for line in lines}


def differences(truth, ours):
    """Differences below each top folder, and its counts: routes of truth, of ours, right ones, right dependency sets."""
    found, counts = [], {}
    for app, routes in truth.items():
        own = list(ours.get(app, []))
        count = counts.setdefault(app.split("/")[0], [0, 0, 0, 0])
        count[0] += len(routes)
        count[1] += len(own)
        for route in routes:
            same = [other for other in own if other[:3] == route[:3]]
            if not same:
                found.append(f"{app} misses {' '.join(route[1])} {route[0]} -> {route[2]}")
                continue
            best = next((other for other in same if other[3] == route[3]), same[0])
            own.remove(best)
            count[2] += 1
            if best[3] == route[3]:
                count[3] += 1
            else:
                found.append(f"{app} {' '.join(route[1])} {route[0]}: {best[3]} instead of {route[3]}")
        found += [f"{app} has {' '.join(other[1])} {other[0]} -> {other[2]} too much" for other in own]
    return found, counts


def check(what, found, expected):
    for one in found:
        print(f"{'known' if one in expected else 'NEW'} {what}: {one}")
    gone = expected - set(found)
    for one in sorted(gone):
        print(f"GONE {what}: {one}")
    return not gone and set(found) <= expected


def counted(truth):
    """Applications and routes of each top folder."""
    counts = {}
    for app, routes in truth.items():
        count = counts.setdefault(app.split("/")[0], {"applications": 0, "routes": 0})
        count["applications"] += 1
        count["routes"] += len(routes)
    return counts


def main(truth_path, ours_path, expected):
    truth = json.load(open(truth_path))
    expected = pathlib.Path(expected)
    found, counts = differences(truth["truth"], ours_of(json.load(open(ours_path))))
    right = check("difference", found, listed(expected / "differences.txt"))
    right &= check("module that can't be imported", list(truth["failed"]), listed(expected / "not-imported.txt"))
    known, expected_counts = counted(truth["truth"]), json.loads((expected / "counts.json").read_text())
    if known != expected_counts:
        print(f"NEW counts: FastAPI knows of {known}, and knew of {expected_counts}")
        right = False
    for folder, (wanted, given, routes, sets) in counts.items():
        shares = routes / max(wanted, 1), routes / max(given, 1), sets / max(routes, 1)
        kept = all(share >= promised for share, promised in zip(shares, PROMISED[folder]))
        print(f"{folder}: {wanted} routes, recall {shares[0]:.2%}, precision {shares[1]:.2%}, "
              f"dependency sets {shares[2]:.2%}{'' if kept else ': LESS THAN PROMISED'}")
        right &= kept
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
