//! Guards that are offered for open routes: which of them may be put there without a look.

use authlens_analysis::ide::{Analysis, Applicability, Diagnostic, Fix};

use crate::fixes::{Files, ROOT, host, repairs};

/// A project of these files, whose routes and guards are in the first.
struct Project {
    analysis: Analysis,
    found: Vec<Diagnostic>,
}

impl Project {
    fn of(files: &[(&str, &str)]) -> Self {
        let path = |name: &str| format!("{ROOT}/{name}");
        let texts: Files = files.iter().map(|(name, text)| (path(name), (*text).to_owned())).collect();
        let analysis = host(&texts).snapshot();
        let file = analysis.file_id(&path(files[0].0)).unwrap();
        let found = analysis.diagnostics(file).to_vec();
        Self { analysis, found }
    }

    /// The first guard that is offered for an open route alone. None where none is.
    fn guard(&self, route: &str) -> Option<Fix> {
        repairs(&self.analysis, self.finding(route)).into_iter().find(|fix| fix.title.starts_with("Guard the route"))
    }

    /// What the repairs of an open route are called.
    fn titles(&self, route: &str) -> Vec<String> {
        repairs(&self.analysis, self.finding(route)).into_iter().map(|fix| fix.title).collect()
    }

    fn finding(&self, route: &str) -> &Diagnostic {
        let named = |diagnostic: &&Diagnostic| diagnostic.message.contains(&format!("{route} is open"));
        self.found.iter().find(named).unwrap_or_else(|| panic!("{route}: {:?}", self.found))
    }

    /// Whether that guard is safe. None where none is offered.
    fn is_safe(&self, route: &str) -> Option<bool> {
        self.guard(route).map(|fix| fix.applicability == Applicability::Safe)
    }
}

/// A guard on the decorator turns nobody away who sends a credential: of others nothing is known, or better.
#[test]
fn guards_are_unsafe_where_callers_have_no_credential() {
    let main = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, Header, HTTPException\n\napp = FastAPI()\n\n\ndef key(authorization: str = Header()):\n    try:\n        return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n\n@app.get(\"/a\", dependencies=[Depends(key)])\ndef a(): ...\n\n\n@app.post(\"/sent\")\ndef sent(text: str):\n    return open(text).read()\n\n\n@app.post(\"/bare\")\ndef bare(text: str):\n    return open(text).read()\n\n\n@app.post(\"/stream\")\ndef stream(text: str):\n    return open(text).read()\n\n\n@app.post(\"/webhooks/mail\")\ndef hook(text: str):\n    return open(text).read()\n\n\n@app.post(\"/people/new-password\")\ndef password(text: str):\n    return open(text).read()\n";
    let page = "import { fetchEventSource } from \"@microsoft/fetch-event-source\";\nexport const stream = () => fetchEventSource(\"http://localhost:8000/stream\", { method: \"POST\" });\nexport const bare = () => fetch(\"http://localhost:8000/bare\", { method: \"POST\" });\nexport const sent = (token: string) =>\n  fetch(\"http://localhost:8000/sent\", { method: \"POST\", headers: { Authorization: `Bearer ${token}` } });\n";
    let project = Project::of(&[("main.py", main), ("web/page.ts", page)]);
    assert_eq!(project.is_safe("POST /sent"), Some(true));
    assert_eq!(project.is_safe("POST /bare"), Some(false));
    assert_eq!(project.is_safe("POST /stream"), Some(false));
    // A service that delivers there has no user's token at all.
    assert_eq!(project.is_safe("POST /webhooks/mail"), None);
    // Its path speaks of what callers do who have no token.
    assert_eq!(project.is_safe("POST /people/new-password"), Some(false));
}

/// Whoever makes an account has none: the route that does so may be where callers sign up.
#[test]
fn a_guard_of_what_makes_accounts_is_unsafe() {
    let main = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, Header, HTTPException\nfrom db import Task, User, session\n\napp = FastAPI()\n\n\ndef key(authorization: str = Header()):\n    try:\n        return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n\n@app.get(\"/a\", dependencies=[Depends(key)])\ndef a(): ...\n\n\n@app.post(\"/members\")\ndef member(name: str, db=Depends(session)):\n    db.add(User(name=name))\n\n\n@app.post(\"/tasks\")\ndef task(name: str, db=Depends(session)):\n    db.add(Task(name=name))\n";
    let db = "from sqlmodel import Field, Session, SQLModel\n\n\nclass User(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n    name: str\n\n\nclass Task(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n    name: str\n\n\ndef session():\n    with Session() as one:\n        yield one\n";
    let project = Project::of(&[("main.py", main), ("db.py", db)]);
    assert_eq!(project.is_safe("POST /tasks"), Some(true));
    assert_eq!(project.is_safe("POST /members"), Some(false));
}

/// The one guarded route of a router is no measure of who may call those beside it, where the application has
/// other guards: of a payment, a student starts it and an administrator confirms it.
#[test]
fn a_guard_of_one_sibling_is_safe_only_where_the_application_has_no_other() {
    let shared = "import os\nimport jwt\nfrom fastapi import APIRouter, Depends, FastAPI, Header, HTTPException\n\napp = FastAPI()\npayments = APIRouter(prefix=\"/payments\")\n\n\ndef claims(authorization: str) -> dict:\n    try:\n        return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n\ndef student(authorization: str = Header()):\n    return claims(authorization)\n\n\ndef admin(authorization: str = Header()):\n    if claims(authorization)[\"role\"] != \"admin\":\n        raise HTTPException(403)\n\n\n@payments.post(\"/start\", dependencies=[Depends(student)])\ndef start(): ...\n\n\n@payments.post(\"/success\")\ndef success(text: str):\n    return open(text).read()\n\n\n@app.post(\"/courses\", dependencies=[Depends(GUARD)])\ndef courses(): ...\n\n\napp.include_router(payments)\n";
    for (other, safe) in [("student", true), ("admin", false)] {
        let guard =
            Project::of(&[("main.py", &shared.replace("GUARD", other))]).guard("POST /payments/success").unwrap();
        assert_eq!(guard.title, "Guard the route with `student`");
        assert_eq!(guard.applicability == Applicability::Safe, safe, "{other}");
    }
}

/// Who may read where changes ask for a right is not known: perhaps everybody who is signed in.
#[test]
fn a_guard_that_asks_for_a_right_is_unsafe_for_what_only_reads() {
    let main = "import os\nimport jwt\nfrom fastapi import APIRouter, Depends, FastAPI, Header, HTTPException\nfrom sqlmodel import Field, SQLModel\nfrom db import rows\n\n\nclass User(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n\n\napp = FastAPI()\nkinds = APIRouter(prefix=\"/kinds\")\n\n\ndef caller(authorization: str = Header()):\n    try:\n        return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n\ndef guard(claims=Depends(caller)):\n    RIGHT\n    return claims\n\n\n@kinds.get(\"/one\", dependencies=[Depends(guard)])\ndef one(name: str):\n    return rows(name)\n\n\n@kinds.put(\"/one\", dependencies=[Depends(guard)])\ndef change(name: str):\n    return rows(name)\n\n\n@kinds.get(\"\")\ndef every(name: str):\n    return rows(name)\n\n\n@kinds.delete(\"\")\ndef remove(name: str):\n    return rows(name)\n\n\napp.include_router(kinds)\n";
    let asks = "if claims[\"role\"] != \"admin\":\n        raise HTTPException(403)";
    for (right, route, safe) in [(asks, "GET", false), (asks, "DELETE", true), ("print(claims)", "GET", true)] {
        let project = Project::of(&[("main.py", &main.replace("RIGHT", right))]);
        assert_eq!(project.is_safe(&format!("{route} /kinds")), Some(safe), "{right} {route}");
    }
}

/// Behind a guard it counts whose rows a route touches, and that the frontend understands a refusal: who puts one there
/// is told so, and `--fix` leaves it to him.
#[test]
fn a_guard_that_leaves_something_to_do_is_unsafe_and_says_so() {
    let main = r#"import os
import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from db import Note, Tag, session

app = FastAPI()


def user(authorization: str = Header()) -> str:
    try:
        return jwt.decode(authorization, os.environ["KEY"], algorithms=["HS256"])["sub"]
    except jwt.PyJWTError:
        raise HTTPException(401)


@app.get("/notes")
def notes(me: str = Depends(user), db=Depends(session)):
    return db.query(Note).filter(Note.user_id == me).all()


@app.put("/notes/{id}")
def change(id: int, text: str, me: str = Depends(user), db=Depends(session)):
    note = db.query(Note).filter(Note.id == id, Note.user_id == me).first()
    note.text = text
    db.commit()


@app.delete("/notes/{id}")
def remove(id: int, db=Depends(session)):
    db.delete(db.get(Note, id))
    db.commit()


@app.delete("/users/{user_id}/notes")
def remove_all(user_id: str, db=Depends(session)):
    db.query(Note).filter(Note.user_id == user_id).delete()
    db.commit()


@app.delete("/notes")
def remove_each(db=Depends(session)):
    db.query(Note).delete()
    db.commit()


@app.delete("/tags/{id}")
def remove_tag(id: int, db=Depends(session)):
    db.delete(db.get(Tag, id))
    db.commit()


@app.post("/tags")
def make_tag(name: str, db=Depends(session)):
    db.add(Tag(name=name))
    db.commit()
"#;
    let db = r#"from sqlmodel import Field, Session, SQLModel


class Note(SQLModel, table=True):
    id: int = Field(primary_key=True)
    user_id: str
    text: str


class Tag(SQLModel, table=True):
    id: int = Field(primary_key=True)
    name: str


def session():
    with Session() as one:
        yield one
"#;
    let page = r#"const headers = (token: string) => ({ Authorization: `Bearer ${token}` });
export async function makeTag(token: string) {
  const answer = await fetch("http://localhost:8000/tags", { method: "POST", headers: headers(token) });
  return (await answer.json()).name;
}
"#;
    let project = Project::of(&[("main.py", main), ("db.py", db), ("web/page.ts", page)]);
    let guard = "Guard the route with `user`";
    let (data, refusal) = ("whose data is touched is still to be checked", "the frontend has to expect 401 then");
    for (route, left) in [
        ("DELETE /notes/{id}", Some(data)),
        ("DELETE /users/{user_id}/notes", Some(data)),
        ("DELETE /notes", Some(data)),
        ("POST /tags", Some(refusal)),
        ("DELETE /tags/{id}", None),
    ] {
        let fix = project.guard(route).unwrap_or_else(|| panic!("{route}"));
        assert_eq!(fix.title, left.map_or(guard.to_owned(), |left| format!("{guard}; {left}")), "{route}");
        assert_eq!(fix.applicability == Applicability::Safe, left.is_none(), "{route}");
    }
}

/// Where guests are served beside it, a route may be meant for them.
#[test]
fn a_guard_beside_routes_for_guests_is_unsafe() {
    let main = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, Header, HTTPException\n\napp = FastAPI()\n\n\ndef user(authorization: str = Header()):\n    try:\n        return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n\ndef perhaps(authorization: str | None = Header(None)):\n    return user(authorization) if authorization else None\n\n\n@app.get(\"/a\")\ndef a(me=Depends(user)): ...\n\n\n@app.post(\"/played\")\ndef played(text: str, me=Depends(BESIDE)):\n    return open(text).read() if me else open(\"guests\").read()\n\n\n@app.post(\"/tried\")\ndef tried(text: str):\n    return open(text).read()\n";
    for (beside, safe) in [("user", true), ("perhaps", false)] {
        let project = Project::of(&[("main.py", &main.replace("BESIDE", beside))]);
        assert_eq!(project.is_safe("POST /tried"), Some(safe), "{beside}");
    }
}

/// What guards more than one route, or makes the dependency first, says the same.
#[test]
fn wider_guards_say_what_they_leave_to_do() {
    let verifier = "import os\nimport jwt\nfrom fastapi import APIRouter, Depends, FastAPI, Header, HTTPException\nfrom sqlmodel import Field, Session, SQLModel\n\napp = FastAPI()\nnotes = APIRouter(prefix=\"/notes\")\n\n\nclass Note(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n    user_id: str\n\n\ndef session():\n    with Session() as one:\n        yield one\n\n\ndef user(authorization: str = Header()) -> str:\n    try:\n        return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])[\"sub\"]\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n\n@app.get(\"/mine\")\ndef mine(me: str = Depends(user), db=Depends(session)):\n    return db.query(Note).filter(Note.user_id == me).all()\n\n\n@notes.delete(\"/{user_id}\")\ndef remove(user_id: str, db=Depends(session)):\n    db.query(Note).filter(Note.user_id == user_id).delete()\n    db.commit()\n\n\n@notes.put(\"/{user_id}\")\ndef change(user_id: str, db=Depends(session)):\n    db.query(Note).filter(Note.user_id == user_id).update({})\n    db.commit()\n\n\napp.include_router(notes)\n";
    let project = Project::of(&[("main.py", verifier)]);
    let titles = project.titles("DELETE /notes/{user_id}");
    let wider = "Guard all 2 routes of this include with `user`; whose data is touched is still to be checked";
    assert!(titles.iter().any(|title| title == wider), "{titles:?}");

    let open = "import pathlib\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.post(\"/files\")\ndef keep(name: str):\n    pathlib.Path(name).touch()\n";
    let auth = "export const auth = betterAuth({ plugins: [jwt()] });\n";
    let page = "export const keep = () => fetch(\"http://localhost:8000/files\", { method: \"POST\" });\n";
    let project = Project::of(&[("main.py", open), ("web/lib/auth.ts", auth), ("web/page.ts", page)]);
    let titles = project.titles("1 route");
    let made = "Create `auth.py` with a dependency that verifies tokens, and guard the route; the frontend has to send its token then";
    assert!(titles.iter().any(|title| title == made), "{titles:?}");
}
