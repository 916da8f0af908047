"""Applies the fixes for pairs that never work, and runs them again.

`rewrite.py AUTHLENS SCRATCH` lets authlens repair a copy of each pair with `--fix --unsafe-fixes`. Afterwards the token
that the frontend really sends is accepted, and a forged one, an expired one and one for somebody else get 401, although
the frontend's own key signed the latter two. The exit code is 1 when a request is answered otherwise.
"""

import argparse
import pathlib
import subprocess
import sys
import time

import forgeries
import halves
import matrix
import verdicts

PAIRS = [
    ("jwt-default", "hs256"),
    ("jwt-default", "hs256-authlib"),
    ("jwt-default", "hs256-jose"),
    ("jwt-default", "hs256-joserfc"),
    ("jwt-default", "hs256-audience"),
    ("jwt-default", "jwks-no-audience"),
    ("jwt-default", "jwks-es256"),
    ("jwt-default", "jwks-jose"),
    ("jwt-es256", "hs256"),
    ("jwt-es256", "hs256-joserfc"),
    ("jwt-numeric-expiration", "jwks"),
    ("jwt-own-audience", "jwks"),
    ("jwt-own-audience", "jwks-authlib"),
    ("jwt-own-audience", "jwks-joserfc"),
    ("session-token", "jwks"),
    ("bearer-session-token", "jwks-any-algorithm"),
]


def repaired(authlens, pair, folder):
    """A project of both halves after authlens's fixes."""
    project = verdicts.composed(*pair, folder)
    select = [part for rule in sorted({*verdicts.REFUSED, verdicts.OPTION}) for part in ("--select", rule)]
    run = subprocess.run(
        [authlens, "check", "--fix", "--unsafe-fixes", *select, project], capture_output=True, text=True, timeout=60
    )
    if run.returncode not in (0, 1):
        sys.exit(f"{project}: {run.stderr}")
    return project


def answered(project, scratch):
    """What is wrong with the answers of a repaired pair."""
    with halves.Frontend(project / "frontend", scratch) as served:
        visit = served.visit()
        if not visit.sent:
            return [f"the frontend sends nothing: {visit.failures}"]
        token = matrix.token_of(visit)
        claims = forgeries.claims_of(token)
        if not claims:
            return [f"the frontend still sends {matrix.sent_by(visit)}"]
        now = int(time.time())
        refused = forgeries.forged(token, served.published_keys(), served.url)
        refused["expired"] = [served.sign({**claims, "iat": now - 7200, "exp": now - 3600})]
        refused["foreign audience"] = [served.sign({**claims, "aud": "https://elsewhere.example.com"})]
        refused["foreign issuer"] = [served.sign({**claims, "iss": "https://elsewhere.example.com"})]
        refused["nobody named"] = [served.sign({"email": claims.get("email"), "sub": ""})]
        with halves.Backend(project / "backend", served, scratch) as backend:
            status, user, reason = backend.ask(matrix.request_of(visit))
            wrong = [] if (status, user) == (200, visit.user) else [f"the real token: {status} {reason or user}"]
            for name, tokens in refused.items():
                statuses = {backend.ask(matrix.request_with(one, visit))[0] for one in tokens}
                if statuses != {401}:
                    wrong.append(f"{name}: {', '.join(map(str, sorted(statuses)))}")
        return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("authlens")
    parser.add_argument("scratch", type=pathlib.Path)
    arguments = parser.parse_args()
    scratch = arguments.scratch.resolve()
    failed = 0
    for pair in PAIRS:
        name = "+".join(pair)
        project = repaired(arguments.authlens, pair, scratch / "repaired" / name)
        wrong = answered(project, scratch / "run" / name)
        print(f"{name}: {'; '.join(wrong) or 'repaired'}", flush=True)
        failed += bool(wrong)
    print(f"{len(PAIRS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
