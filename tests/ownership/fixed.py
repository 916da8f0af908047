"""Applies the fixes of the ownership rules to handlers that give out and change the notes of others, and asks the
served application before and after: somebody else gets 403 or 404 afterwards, the owner what they got before.

`fixed.py AUTHLENS FOLDER` works on a copy in FOLDER. The exit code is 1 when an answer is another one.
"""

import json
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
RULES = (
    "check-after-change,client-trusted-identity,ineffective-scope,missing-ownership-check,owner-mass-assignment,"
    "query-not-scoped,wrong-ownership-status"
)
# Method, path, body; `None` where a list or a row of somebody else is what must not come.
REQUESTS = {
    "named": ("GET", "/flawed/ann/named", None),
    "everything": ("GET", "/flawed/all", None),
    "unasked": ("GET", "/flawed/unasked/{note}", None),
    "unchecked": ("GET", "/flawed/unchecked/{note}", None),
    "both": ("GET", "/flawed/both/{note}", None),
    "discarded": ("GET", "/flawed/discarded/{note}", None),
    "made": ("POST", "/flawed/made", {"title": "made", "user_id": "ann"}),
    "given": ("PUT", "/flawed/given/{note}", {"title": "given", "user_id": "bob"}),
    "late": ("DELETE", "/flawed/late/{note}", None),
    "status": ("GET", "/flawed/status/{note}", None),
}


def ask(folder):
    """What owner and stranger are answered, by handler; asked in a process of its own."""
    script = f"{pathlib.Path(__file__).resolve()}"
    run = subprocess.run([sys.executable, script, "--ask"], cwd=folder, capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stderr)
    return json.loads(run.stdout)


def answers():
    import os
    import time

    os.environ["NOTES_SECRET"] = "a-secret-of-more-than-thirty-two-letters"
    sys.path.insert(0, ".")
    import jwt
    from app.main import app
    from app.models import Note, User, engine
    from fastapi.testclient import TestClient
    from sqlmodel import Session, select

    client = TestClient(app, raise_server_exceptions=False)

    def headers(name):
        claims = {"sub": name, "exp": int(time.time()) + 60}
        return {"Authorization": "Bearer " + jwt.encode(claims, os.environ["NOTES_SECRET"], algorithm="HS256")}

    with Session(engine) as session:
        session.add_all([User(id="ann"), User(id="bob")])
        session.commit()
    found = {}
    for handler, (method, path, body) in REQUESTS.items():
        found[handler] = {}
        for who in ["bob", "ann"]:
            with Session(engine) as session:
                note = Note(user_id="ann", title=f"of ann for {handler}")
                session.add(note)
                session.commit()
                number = note.id
            answer = client.request(method, path.format(note=number), json=body, headers=headers(who))
            with Session(engine) as session:
                kept = session.get(Note, number)
                owner = kept.user_id if kept else None
                made = session.exec(select(Note).where(Note.title == "made")).all()
                owners = sorted(note.user_id for note in made)
                for note in made:
                    session.delete(note)
                session.commit()
            found[handler][who] = {
                "status": answer.status_code,
                "sees": "of ann" in answer.text,
                "owner": owner,
                "made": owners,
            }
    print(json.dumps(found))


def main(authlens, folder):
    folder = pathlib.Path(folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "notes", folder)
    shutil.copy(HERE / "flawed" / "flawed.py", folder / "app" / "flawed.py")
    main_module = folder / "app" / "main.py"
    text = main_module.read_text()
    text = text.replace("from app.models", "from app.flawed import router as flawed\nfrom app.models")
    main_module.write_text(text + "app.include_router(flawed)\n")
    before = ask(folder)
    for _ in range(3):
        subprocess.run(
            [authlens, "check", "--fix", "--unsafe-fixes", "--select", RULES, folder], capture_output=True, check=False
        )
    after = ask(folder)
    wrong = []

    def expect(handler, who, is_right, what):
        if not is_right:
            wrong.append(f"{handler}: {who} {what}: {before[handler][who]} before, {after[handler][who]} after")

    for handler in REQUESTS:
        stranger, owner = after[handler]["bob"], after[handler]["ann"]
        if handler == "everything":
            expect(handler, "bob", before[handler]["bob"]["sees"], "sees nothing of ann before")
            expect(handler, "bob", stranger["status"] == 200 and not stranger["sees"], "sees notes of ann")
        elif handler == "made":
            expect(handler, "bob", before[handler]["bob"]["made"] == ["ann"], "makes no note of ann before")
            expect(handler, "bob", stranger["made"] == ["bob"], "makes notes of ann")
        elif handler == "given":
            expect(handler, "ann", before[handler]["ann"]["owner"] == "bob", "gives nothing away before")
            expect(handler, "ann", owner["owner"] == "ann", "gives a note to bob")
        else:
            expect(handler, "bob", before[handler]["bob"]["status"] not in (403, 404) or handler == "late", "is let in")
            expect(handler, "bob", stranger["status"] in (403, 404) and not stranger["sees"], "is let in")
            expect(handler, "bob", stranger["owner"] == "ann", "deletes a note of ann")
        expect(handler, "ann", owner["status"] == before[handler]["ann"]["status"] == 200, "is turned away")
    print(*wrong, sep="\n")
    report = subprocess.run([authlens, "check", "--select", RULES, folder], capture_output=True, text=True)
    if report.returncode:
        wrong.append(report.stdout)
        print(report.stdout)
    print(f"{len(REQUESTS) - len({line.split(':')[0] for line in wrong})} of {len(REQUESTS)} handlers repaired")
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--ask"]:
        answers()
    else:
        sys.exit(main(*sys.argv[1:]))
