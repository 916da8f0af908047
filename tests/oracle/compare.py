"""Compares `authlens routes --format json` with what FastAPI knows.

`compare.py TRUTH OURS EXPLAINED` prints every difference and the shares. The exit code is 1 when a difference is not
listed in EXPLAINED (one a line, with a reason behind ` # `), or a listed one is gone.
"""

import json
import sys


def ours_of(report):
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
            methods = ["MOUNT"] if route["kind"] == "mount" else route["methods"]
            handler = None if route["kind"] == "mount" else name(route["handler"])
            used = {d["security"] if d.get("security") else name(d) for d in route["dependencies"]}
            routes.append([route["path"], methods, handler, sorted(used)])
        apps[f"{app['file']}:{app['app'].split(':')[-1]}"] = routes
    return apps


def main(truth_path, ours_path, explained_path):
    truth = json.load(open(truth_path))
    ours = ours_of(json.load(open(ours_path)))
    explained = {line.split(" # ")[0].strip() for line in open(explained_path) if line.strip() and line[0] != "#"}
    differences = []
    wanted = found = right_routes = right_dependencies = 0
    for app, routes in truth["truth"].items():
        own = list(ours.get(app, []))
        wanted += len(routes)
        found += len(own)
        for route in routes:
            same = [other for other in own if other[:3] == route[:3]]
            if not same:
                differences.append(f"{app} misses {' '.join(route[1])} {route[0]} -> {route[2]}")
                continue
            best = next((other for other in same if other[3] == route[3]), same[0])
            own.remove(best)
            right_routes += 1
            if best[3] == route[3]:
                right_dependencies += 1
            else:
                differences.append(f"{app} {' '.join(route[1])} {route[0]}: {best[3]} instead of {route[3]}")
        differences += [f"{app} has {' '.join(other[1])} {other[0]} -> {other[2]} too much" for other in own]
    for failure in truth["failed"]:
        print(f"not imported: {failure}")
    for difference in differences:
        print(("explained: " if difference in explained else "DIFFERENT: ") + difference)
    print(f"{len(truth['truth'])} applications, {wanted} routes: recall {right_routes / max(wanted, 1):.2%}, "
          f"precision {right_routes / max(found, 1):.2%}, dependency sets {right_dependencies / max(right_routes, 1):.2%}")
    stale = explained - set(differences)
    for difference in stale:
        print(f"no longer different: {difference}")
    return 1 if stale or set(differences) - explained else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
