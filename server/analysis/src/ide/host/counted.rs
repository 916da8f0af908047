//! What a key has to judge again, counted: a benchmark would see it as time, and only on a quiet machine.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::data::RouteData;
use crate::ide::{Analysis, AnalysisHost, Change, FileContent};

const DEPS: &str = r#"
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

KEY = load_key()
bearer = HTTPBearer()


def current_user(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> dict:
    try:
        return jwt.decode(credentials.credentials, KEY, algorithms=["HS256"])
    except jwt.PyJWTError:
        raise HTTPException(401)


CurrentUser = Annotated[dict, Depends(current_user)]
"#;

const MODELS: &str = r#"
from sqlmodel import Field, Session, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)


class Item(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    owner_id: int = Field(foreign_key="user.id")


def get_session():
    with Session(engine) as session:
        yield session
"#;

const HEAD: &str = r#"
from fastapi import Depends, FastAPI, HTTPException
from sqlmodel import Session, select

from deps import CurrentUser, current_user
from models import Item, get_session

try:
    from tracing import traced
except ImportError:
    traced = None

app = FastAPI()
page = 20
page = max(page, 10)
"#;

/// Groups of a service function, a route that calls it, one that is open, and one that is guarded by a default.
const GROUPS: usize = 12;

/// Routes of a group.
const ROUTES: usize = 3;

fn items() -> String {
    let mut text = HEAD.to_owned();
    for n in 0..GROUPS {
        _ = write!(
            text,
            r#"

def rename_{n}(session: Session, item: Item, title: str) -> Item:
    changed_{n} = title
    item.title = changed_{n}
    session.commit()
    return item


@app.patch("/kind{n}/{{item_id}}")
def change_{n}(item_id: int, title: str, user: CurrentUser, session: Session = Depends(get_session)) -> Item:
    item = session.get(Item, item_id)
    if item is None or item.owner_id != user["sub"]:
        raise HTTPException(404)
    wanted_{n} = title
    return rename_{n}(session, item, wanted_{n})


@app.get("/open{n}")
def open_{n}(session: Session = Depends(get_session)) -> list[Item]:
    found_{n} = select(Item).limit(page)
    return session.exec(found_{n}).all()


@app.get("/kind{n}")
def list_{n}(user: dict = Depends(current_user), session: Session = Depends(get_session)) -> list[Item]:
    owned_{n} = select(Item).where(Item.owner_id == user["sub"])
    return session.exec(owned_{n}).all()
"#
        );
    }
    text
}

/// A project whose module of routes is open in an editor.
fn project() -> AnalysisHost {
    let mut host = AnalysisHost::new();
    let disk = |name: &str, text: &str| (format!("/p/{name}.py"), FileContent::Text(text.into()));
    host.apply(Change {
        roots: Some(vec!["/p".to_owned()]),
        disk: vec![disk("deps", DEPS), disk("models", MODELS), disk("items", &items())],
        ..Change::default()
    });
    host.apply(opened("items", &items()));
    host
}

fn opened(name: &str, text: &str) -> Change {
    Change { open: vec![(format!("/p/{name}.py"), Some(text.into()))], ..Change::default() }
}

/// What is known of each route's data: it is another object where the route was judged again.
fn data(analysis: &Analysis) -> Vec<Arc<RouteData>> {
    let judged = analysis.state.guards.applications.iter().flat_map(|judged| judged.iter());
    judged.map(|judged| Arc::clone(&judged.data)).collect()
}

/// Names of functions whose verdict is another object.
fn judged_again(before: &Analysis, after: &Analysis) -> BTreeSet<(u32, u32)> {
    let (before, after) = (&before.state.memo, &after.state.memo);
    let is_known = |key, verdict| before.get(key).is_some_and(|known| Arc::ptr_eq(known, verdict));
    after.iter().filter(|(key, verdict)| !is_known(key, verdict)).map(|(key, _)| (key.0.file.0, key.0.item)).collect()
}

/// Types a letter behind a text of a file; gives how many routes and how many functions were judged again.
fn key(host: &mut AnalysisHost, name: &str, source: &str, behind: &str) -> (usize, usize) {
    let before = host.snapshot();
    assert_eq!(source.matches(behind).count(), 1, "{behind}");
    host.apply(opened(name, &source.replace(behind, &format!("{behind}x"))));
    let after = host.snapshot();
    let (routes, were) = (data(&after), data(&before));
    assert_eq!((routes.len(), were.len()), (GROUPS * ROUTES, GROUPS * ROUTES));
    let again = routes.iter().zip(&were).filter(|(now, before)| !Arc::ptr_eq(now, before)).count();
    host.apply(opened(name, source));
    (again, judged_again(&before, &after).len())
}

#[test]
fn a_key_in_a_body_judges_again_what_rests_on_it() {
    let mut host = project();
    let items = items();
    let bodies = [
        // Handlers behind a dependency: what they do themselves is not asked for.
        ("    wanted_7 = title", (1, 0)),
        ("    owned_7 = select(Item", (1, 0)),
        // A function that one handler calls.
        ("    changed_7 = title", (1, 0)),
        // An open handler may verify callers itself.
        ("    found_7 = select(Item", (1, 1)),
    ];
    let counted = bodies.map(|(behind, _)| (behind, key(&mut host, "items", &items, behind)));
    assert_eq!(counted, bodies);
}

#[test]
fn a_key_in_a_dependency_judges_again_whom_it_guards() {
    let mut host = project();
    let (routes, functions) = key(&mut host, "deps", DEPS, "        raise HTTPException(401");
    assert_eq!((routes, functions), (2 * GROUPS, 1));
}

/// Modules that are executed again by an edit of one.
fn executed_again(host: &mut AnalysisHost, name: &str, text: &str) -> Vec<String> {
    let before = host.snapshot();
    host.apply(opened(name, text));
    let after = host.snapshot();
    let (before, after) = (&before.state, &after.state);
    let is_known = |file, run| before.runs.get(file).is_some_and(|known| Arc::ptr_eq(known, run));
    let again = after.runs.iter().filter(|(file, run)| !is_known(*file, *run));
    let mut paths: Vec<String> =
        again.filter_map(|(file, _)| after.sources.file(*file)).map(|file| file.path.to_string()).collect();
    paths.sort();
    paths
}

#[test]
fn a_key_in_a_module_executes_again_who_read_what_is_other_than_before() {
    const SETTINGS: &str = "class Settings:\n    def __init__(self, prefix):\n        self.prefix = prefix\n\n\nsettings = Settings(\"/v1\")\nsize = \"a\"\n";
    let router =
        "from fastapi import APIRouter\nfrom settings import settings\n\nrouter = APIRouter(prefix=settings.prefix)\n";
    let main = "from fastapi import FastAPI\nfrom routes import router\nfrom settings import size\n\napp = FastAPI()\napp.include_router(router, prefix=\"/\" + size)\n";
    let mut host = AnalysisHost::new();
    let disk = |name: &str, text: &str| (format!("/p/{name}.py"), FileContent::Text(text.into()));
    host.apply(Change {
        roots: Some(vec!["/p".to_owned()]),
        disk: vec![disk("settings", SETTINGS), disk("routes", router), disk("main", main)],
        ..Change::default()
    });
    let again = |host: &mut AnalysisHost, from: &str, to: &str| {
        let again = executed_again(host, "settings", &SETTINGS.replace(from, to));
        host.apply(opened("settings", SETTINGS));
        again
    };
    assert_eq!(again(&mut host, "a\"\n", "a\"\n\n"), [""; 0]);
    assert_eq!(again(&mut host, "\"a\"", "\"b\""), ["/p/main.py", "/p/settings.py"]);
    assert_eq!(again(&mut host, "/v1", "/v2"), ["/p/routes.py", "/p/settings.py"]);
}

#[test]
fn a_key_in_a_method_judges_again_who_calls_it() {
    let mut text = String::from(
        "from fastapi import Depends, FastAPI\nfrom sqlmodel import Session, select\n\nfrom deps import current_user\nfrom models import Item, get_session\n\napp = FastAPI()\n\n\nclass Items:\n    limit = 20\n",
    );
    for n in 0..GROUPS {
        _ = write!(
            text,
            "\n    def found_{n}(self, session, owner):\n        query_{n} = select(Item).where(Item.owner_id == owner)\n        return session.exec(query_{n}).all()\n"
        );
    }
    text.push_str("\n\nitems = Items()\n");
    for n in 0..GROUPS {
        _ = write!(
            text,
            "\n\n@app.get(\"/items{n}\")\ndef list_{n}(user: dict = Depends(current_user), session: Session = Depends(get_session)):\n    return items.found_{n}(session, user[\"sub\"])\n"
        );
    }
    let mut host = AnalysisHost::new();
    let disk = |name: &str, text: &str| (format!("/p/{name}.py"), FileContent::Text(text.into()));
    host.apply(Change {
        roots: Some(vec!["/p".to_owned()]),
        disk: vec![disk("deps", DEPS), disk("models", MODELS), disk("items", &text)],
        ..Change::default()
    });
    host.apply(opened("items", &text));
    let before = host.snapshot();
    host.apply(opened("items", &text.replace("query_3 = select(Item)", "query_3x = select(Item)")));
    let after = host.snapshot();
    let again = |(now, before): (&Arc<RouteData>, &Arc<RouteData>)| !Arc::ptr_eq(now, before);
    let (now, were) = (data(&after), data(&before));
    assert_eq!((now.len(), now.iter().zip(&were).filter(|pair| again(*pair)).count()), (GROUPS, 1));
    let is_known = |file, run| before.state.runs.get(file).is_some_and(|known| Arc::ptr_eq(known, run));
    assert!(after.state.runs.iter().all(|(file, run)| is_known(file, run)), "a module was executed again");
}
