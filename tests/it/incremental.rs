//! Incremental equals from scratch: random edits over several files, with
//! broken code in between. `AUTHLENS_RANDOM_EDITS` sets how many.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use authlens_analysis::facts::python::lower::lower_file;
use authlens_analysis::facts::typescript::lower as typescript;
use authlens_analysis::ide::{Analysis, AnalysisHost, Change, FileContent};
use authlens_analysis::syntax;

const SPEC: &str = "# Endpoints\n\nAll endpoints except `/health` require a JWT.\n\n- GET /tasks/\n- DELETE /tasks/{id} (public)\n\n### GET /me\n**Auth**: None\n";
const SETTINGS: &str = "protect = [\"/notes/**\"]\n\n[rules]\nunused-ignore = \"info\"\n\n[[public]]\npath = \"/tasks/\"\nreason = \"list\"\n";

type Texts = BTreeMap<String, String>;

const MAIN: &str = "from fastapi import FastAPI, Depends\nfrom api import tasks, notes, rows, signing\nfrom deps import current_user\n\napp = FastAPI()\napp.include_router(tasks.router, prefix=\"/tasks\")\napp.include_router(notes.router, dependencies=[Depends(current_user)])\napp.include_router(rows.router)\napp.include_router(signing.router)\n\n@app.get(\"/health\")\ndef health():\n    return {}\n\n@app.get(\"/me\")\ndef me(user=Depends(current_user)):\n    return user\n";
const TASKS: &str = "from fastapi import APIRouter, Depends\nfrom deps import current_user, CurrentUser\n\nrouter = APIRouter()\n\n@router.get(\"/\")\ndef all_tasks(user: CurrentUser):\n    return []\n\n@router.post(\"/\")\ndef create(user=Depends(current_user)):\n    return {}\n\n@router.delete(\"/{id}\")\ndef delete(id: int):\n    return id\n";
const NOTES: &str = "from fastapi import APIRouter\n\nrouter = APIRouter(prefix=\"/notes\")\n\n@router.get(\"/{id}\")\nasync def note(id: int):\n    value = id\n    return value\n";
const DEPS: &str = "from typing import Annotated\nfrom fastapi import Depends, HTTPException\nfrom fastapi.security import HTTPBearer\nimport jwt\nfrom keys import KEY\n\nbearer = HTTPBearer()\n\ndef decode(token):\n    try:\n        return jwt.decode(token, KEY, algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        return None\n\ndef current_user(credentials=Depends(bearer)):\n    payload = decode(credentials.credentials)\n    if payload is None:\n        raise HTTPException(401)\n    return payload\n\nCurrentUser = Annotated[dict, Depends(current_user)]\n";

/// A router class of the project's own, an instance that adds its methods, views in a class, a loop and a factory.
const SERVER: &str = "from fastapi import APIRouter, Depends, FastAPI\nfrom deps import current_user\n\nclass Both(APIRouter):\n    def add_api_route(self, path, endpoint, **kwargs):\n        super().add_api_route(path, endpoint, **kwargs)\n        super().add_api_route(path + \"/\", endpoint, **kwargs)\n\nrouter = Both(prefix=\"/both\")\n\n@router.get(\"/x\")\ndef x(): ...\n\nclass Service:\n    def __init__(self, prefix, guard):\n        self.router = APIRouter(prefix=prefix, dependencies=[guard])\n        self.router.add_api_route(\"/run\", self.run)\n\n    def run(self): ...\n\ndef view(router):\n    return lambda cls: cls\n\n@view(router)\nclass Views:\n    user: dict = Depends(current_user)\n\n    @router.get(\"/mine\")\n    def mine(self): ...\n\ndef routers():\n    return [Service(\"/a\", Depends(current_user)).router, router]\n\ndef create_app(prefix=\"/v1\"):\n    app = FastAPI()\n    for one in routers():\n        app.include_router(one, prefix=prefix)\n    @router.get(\"/late\")\n    def late(): ...\n    return app\n";
/// Tables with an owner, and handlers that keep to the caller's rows or do not.
const MODELS: &str = "from sqlmodel import Field, SQLModel\n\nclass User(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n    role: str = \"user\"\n\nclass Profile(SQLModel):\n    role: str\n\nclass Note(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n    user_id: int = Field(foreign_key=\"user.id\")\n\nclass UserSession(SQLModel, table=True):\n    token: str = Field(primary_key=True)\n    expires_at: int\n";
const ROWS: &str = "from fastapi import APIRouter, Depends, HTTPException\nfrom sqlmodel import Session, select\nfrom deps import current_user\nfrom models import Note, Profile, User\n\nrouter = APIRouter(prefix=\"/rows\")\n\ndef session(): ...\n\ndef own(db, owner):\n    return db.exec(select(Note).where(Note.user_id == owner)).all()\n\n@router.get(\"/\")\ndef mine(user=Depends(current_user), db: Session = Depends(session)):\n    return own(db, user[\"sub\"])\n\n@router.get(\"/of/{user_id}\")\ndef of(user_id: int, user=Depends(current_user), db: Session = Depends(session)):\n    return db.exec(select(Note).where(Note.user_id == user_id)).all()\n\n@router.get(\"/all\")\ndef every(user=Depends(current_user), db: Session = Depends(session)):\n    return db.exec(select(Note)).all()\n\nlast = None\n\n@router.patch(\"/me\")\ndef change(body: Profile, user=Depends(current_user), db: Session = Depends(session)):\n    global last\n    last = user\n    row = db.get(User, user[\"sub\"])\n    for key, value in body.model_dump().items():\n        setattr(row, key, value)\n    return row\n\n@router.get(\"/kept\")\ndef kept(user=Depends(current_user)):\n    if user[\"role\"] != \"admin\":\n        raise HTTPException(403)\n    return 1\n";
/// A key with a default that stands in the code, and a look at another one.
const KEYS: &str = "import os\n\nOTHER = \"a\"\nKEY = os.getenv(\"KEY\", \"development\")\n\nif OTHER == \"b\":\n    raise RuntimeError()\n";
/// A client of the frontend with a helper for headers, a page that uses it, and what imports mean there.
const CLIENT: &str = "import { KEY } from \"./keys\";\n\nconst API = process.env.NEXT_PUBLIC_API_URL;\nlet last = null;\n\nexport function headers() {\n  const token = localStorage.getItem(KEY);\n  if (!token) return {};\n  return { Authorization: `Bearer ${token}` };\n}\n\nexport async function api(path, options = {}) {\n  last = path;\n  return fetch(`${API}${path}`, { ...options, headers: headers() });\n}\n\nexport class Client {\n  constructor(base) {\n    this.base = base;\n  }\n  get(path) {\n    return fetch(this.base + path);\n  }\n}\n\nexport const client = new Client(API);\n";
const PAGE: &str = "import { api, client } from \"@/lib/client\";\nimport { KEY } from \"@/lib/keys\";\n\nexport default function Page() {\n  const load = async () => {\n    await api(\"/tasks/\", { method: \"POST\" });\n    await client.get(\"/me\");\n    await client.get(\"/rows/\");\n    const answer = await fetch(`${process.env.NEXT_PUBLIC_API_URL}/me`);\n    const data = await answer.json();\n    localStorage.setItem(KEY, data.access_token);\n    await fetch(`${process.env.NEXT_PUBLIC_API_URL}/me`, { headers: { Authorization: `Bearer ${localStorage.getItem(\"x\")}` } });\n  };\n  return <button onClick={load} title=\"Q&A\">Save & go</button>;\n}\n";
/// Endpoints of the frontend's server, what they use, and a rewrite that takes requests from one of them.
const ACTIONS: &str = "\"use server\";\nimport { cookies } from \"next/headers\";\nimport { ask, keep } from \"@/lib/server\";\n\nexport async function all() {\n  return ask(\"/me\");\n}\n\nexport async function enter(form) {\n  const answer = await fetch(\"/login\", { method: \"POST\", body: form });\n  const data = await answer.json();\n  (await cookies()).set(\"page\", data.access_token);\n  await keep();\n}\n";
const SERVER_LIB: &str = "import { auth } from \"./auth\";\n\nlet cached = null;\n\nexport function ask(path) {\n  return fetch(process.env.NEXT_PUBLIC_API_URL + path, { headers: { Authorization: `Bearer ${process.env.SERVICE_TOKEN}` } });\n}\n\nexport async function keep() {\n  const session = await auth.api.getSession();\n  cached = session.token;\n  return process.env.NEXT_PUBLIC_MAIL_SECRET;\n}\n";
const PANEL: &str = "\"use client\";\nimport { authClient } from \"../lib/auth-client\";\nimport { keep } from \"../lib/server\";\n\nexport function Panel() {\n  const leave = async () => {\n    await authClient.signOut();\n    await keep();\n    await fetch(`${process.env.NEXT_PUBLIC_API_URL}/me`, { credentials: \"include\" });\n    await fetch(`/tasks/?token=${localStorage.getItem(\"page\")}`);\n  };\n  return <button onClick={leave} />;\n}\n";
/// What issues tokens, and what sends them to routes that verify others.
const AUTH: &str = "import { betterAuth } from \"better-auth\";\nimport { bearer, jwt } from \"better-auth/plugins\";\n\nconst claims = { audience: \"tasks\", algorithm: \"HS256\" };\n\nexport const auth = betterAuth({\n  database: {},\n  secret: process.env.KEY,\n  trustedOrigins: [\"*\"],\n  plugins: [jwt({ jwt: claims })],\n});\n";
const SENDER: &str = "import { createAuthClient } from \"better-auth/react\";\n\nexport const client = createAuthClient();\nconst API = process.env.NEXT_PUBLIC_API_URL;\n\nexport async function mine() {\n  const { data } = await client.token();\n  if (!data) return null;\n  return fetch(`${API}/me`, { headers: { Authorization: `Bearer ${data.token}` } });\n}\n\nexport async function signing() {\n  const { data } = await client.getSession();\n  if (!data) return null;\n  return fetch(`${API}/signing/me`, { headers: { Authorization: `Bearer ${data.session.token}` } });\n}\n";
/// Applications that share nothing with the others, one of which mounts the other.
const APART: &str = "from fastapi import APIRouter, Depends, FastAPI\nfrom apart import port\nfrom apart.deps import caller\n\napp = FastAPI()\ninner = FastAPI()\nrouter = APIRouter()\n\n@router.get(\"/open\")\ndef opened():\n    return 1\n\n@router.get(\"/kept\")\ndef kept(user=Depends(caller)):\n    return user\n\n@inner.get(\"/in\")\ndef within():\n    return 2\n\napp.include_router(router)\napp.include_router(port.router)\napp.mount(\"/inner\", inner)\n";
const APART_DEPS: &str = "import jwt\nfrom fastapi import Depends, HTTPException\nfrom fastapi.security import HTTPBearer\n\ndef caller(token=Depends(HTTPBearer())):\n    try:\n        return jwt.decode(token.credentials, \"k\", algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\ndef pretended(token=Depends(HTTPBearer())):\n    return token.credentials\n";
/// An interface, what asks for it, and a class behind it that nothing names.
const PORT: &str = "from abc import ABC, abstractmethod\nfrom fastapi import APIRouter, Depends\nfrom fastapi.security import HTTPBearer\n\nclass Tokens(ABC):\n    @abstractmethod\n    def read(self, token): ...\n\ndef tokens() -> Tokens:\n    return registered\n\ndef through(token=Depends(HTTPBearer())):\n    return tokens().read(token.credentials)\n\nrouter = APIRouter()\n\n@router.get(\"/behind\")\ndef behind(user=Depends(through)):\n    return user\n";
const SIGNED: &str = "import jwt\nfrom fastapi import HTTPException\nfrom apart.port import Tokens\n\nclass Signed(Tokens):\n    def read(self, token):\n        try:\n            return jwt.decode(token, \"k\", algorithms=[\"HS256\"])\n        except jwt.PyJWTError:\n            raise HTTPException(401)\n";
/// Tokens that are issued, read, logged and refused, with helpers and settings in another file.
const SIGNING: &str = "import logging\nimport jwt\nfrom fastapi import APIRouter, Depends, HTTPException, Request\nfrom fastapi.security import HTTPBearer\nfrom verify import Settings, claims_of_token, settings\nfrom models import UserSession\nfrom sqlmodel import Session, select\n\nlog = logging.getLogger(__name__)\nrouter = APIRouter(prefix=\"/signing\")\n\ndef issue(data: dict):\n    return jwt.encode(data.copy(), settings.jwt_secret, algorithm=settings.algorithm)\n\n@router.post(\"/login\")\ndef login(request: Request):\n    token = issue({\"sub\": \"a\"})\n    log.info(\"%s\", token)\n    return settings\n\ndef caller(credentials=Depends(HTTPBearer())):\n    token = credentials.credentials\n    print(token[:20])\n    if not token:\n        raise HTTPException(403)\n    return claims_of_token(token)\n\n@router.get(\"/me\")\ndef me(request: Request, db: Session, user=Depends(caller)):\n    row = db.exec(select(UserSession).where(UserSession.token == request.cookies[\"session_token\"])).first()\n    if not row:\n        return {\"error\": \"none\"}\n    return row\n";
const VERIFY: &str = "import jwt\nfrom fastapi import HTTPException\nfrom pydantic_settings import BaseSettings\n\nOPTIONS = {\"verify_aud\": False}\n\nclass Settings(BaseSettings):\n    jwt_secret: str\n    algorithm: str = \"HS256\"\n\nsettings = Settings()\n\ndef claims_of_token(token):\n    try:\n        return jwt.decode(token, settings.jwt_secret, algorithms=[settings.algorithm, \"RS256\"], options=OPTIONS, leeway=3600)\n    except jwt.ExpiredSignatureError as error:\n        raise HTTPException(401, str(error))\n";
/// Classes of which methods decide: a guard, what it raises and reads, an interface, a service, columns and validators.
const GUARDS: &str = "import os\nimport jwt\nfrom fastapi import Depends, HTTPException, Request\nfrom fastapi.security import HTTPBearer\nfrom pydantic import BaseModel, field_validator\nfrom sqlalchemy import ForeignKey\nfrom sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column\n\nclass Refused(HTTPException):\n    def __init__(self, detail):\n        super().__init__(401, detail)\n\nclass Keys:\n    def __init__(self):\n        self.leeway = 5\n\n    @property\n    def secret(self):\n        return os.environ[\"SERVICE_KEY\"]\n\n    def unused(self):\n        return None\n\nkeys = Keys()\n\nclass Guard:\n    def __init__(self, strict=True):\n        self.strict = strict\n\n    def read(self, token):\n        try:\n            return jwt.decode(token, keys.secret, algorithms=[\"HS256\"])\n        except jwt.PyJWTError:\n            return None\n\n    def __call__(self, request: Request, token=Depends(HTTPBearer())):\n        claims = self.read(token.credentials)\n        if claims is None:\n            raise Refused(\"no\")\n        return claims\n\n    def show(self, token):\n        print(token)\n\nguard = Guard()\n\nclass Base(DeclarativeBase):\n    pass\n\nclass Owned:\n    @declared_attr\n    def user_id(cls) -> Mapped[int]:\n        return mapped_column(ForeignKey(\"users.id\"))\n\nclass Account(Base):\n    __tablename__ = \"users\"\n    id: Mapped[int] = mapped_column(primary_key=True)\n    role: Mapped[str]\n\nclass Paper(Owned, Base):\n    __tablename__ = \"papers\"\n    id: Mapped[int] = mapped_column(primary_key=True)\n\nclass NewAccount(BaseModel):\n    role: str\n\n    @field_validator(\"role\")\n    def known(cls, value):\n        if value == \"admin\":\n            raise ValueError(\"no\")\n        return value\n";
const SERVICE: &str = "from abc import ABC, abstractmethod\nfrom fastapi import Depends, FastAPI, HTTPException\nfrom sqlalchemy import select\nfrom sqlalchemy.orm import Session\nfrom guards import Account, NewAccount, Paper, guard\n\nclass Papers(ABC):\n    @abstractmethod\n    def of(self, db, owner): ...\n\nclass StoredPapers(Papers):\n    def of(self, db, owner):\n        return db.scalars(select(Paper).where(Paper.user_id == owner)).all()\n\nclass Service:\n    def __init__(self, papers: Papers):\n        self.papers = papers\n\n    def mine(self, db, owner):\n        return self.papers.of(db, owner)\n\n    def one(self, db, key, owner):\n        paper = db.get(Paper, key)\n        if paper is None or paper.user_id != owner:\n            raise HTTPException(404)\n        return paper\n\n    def remove(self, db, key, owner):\n        db.delete(self.one(db, key, owner))\n        db.commit()\n\n    def enter(self, db, data):\n        account = Account(**data.model_dump())\n        db.add(account)\n        db.commit()\n        return account\n\ndef get_db(): ...\ndef get_service() -> Service:\n    return Service(StoredPapers())\n\napp = FastAPI()\n\n@app.get(\"/papers\")\ndef papers(db: Session = Depends(get_db), user=Depends(guard), service: Service = Depends(get_service)):\n    return service.mine(db, user[\"sub\"])\n\n@app.get(\"/papers/{key}\")\ndef paper(key: int, db: Session = Depends(get_db), user=Depends(guard), service: Service = Depends(get_service)):\n    return service.one(db, key, user[\"sub\"])\n\n@app.delete(\"/papers/{key}\")\ndef remove(key: int, db: Session = Depends(get_db), user=Depends(guard), service: Service = Depends(get_service)):\n    return service.remove(db, key, user[\"sub\"])\n\n@app.post(\"/accounts\")\ndef enter(data: NewAccount, db: Session = Depends(get_db), user=Depends(guard), service: Service = Depends(get_service)):\n    return service.enter(db, data)\n";
const MANIFEST: &str = "fastapi==0.136.3\npyjwt==2.3.0\n";

fn start() -> Texts {
    [
        ("/p/main.py", MAIN),
        ("/p/api/tasks.py", TASKS),
        ("/p/api/notes.py", NOTES),
        ("/p/deps.py", DEPS),
        ("/p/keys.py", KEYS),
        ("/p/specs/api.md", SPEC),
        ("/p/authlens.toml", SETTINGS),
        ("/p/server.py", SERVER),
        ("/p/models.py", MODELS),
        ("/p/api/rows.py", ROWS),
        ("/p/api/signing.py", SIGNING),
        ("/p/verify.py", VERIFY),
        ("/p/requirements.txt", MANIFEST),
        ("/p/web/lib/client.ts", CLIENT),
        ("/p/web/lib/keys.ts", "export const KEY = \"page\";\n"),
        ("/p/web/app/page.tsx", PAGE),
        ("/p/web/tsconfig.json", "{ \"compilerOptions\": { \"paths\": { \"@/*\": [\"./*\"] } } }\n"),
        ("/p/web/app/actions.ts", ACTIONS),
        ("/p/web/app/panel.tsx", PANEL),
        ("/p/web/lib/server.ts", SERVER_LIB),
        ("/p/web/lib/auth-client.ts", "import { createAuthClient } from \"better-auth/react\";\nexport const authClient = createAuthClient();\n"),
        ("/p/web/app/api/auth/[...all]/route.ts", "import { toNextJsHandler } from \"better-auth/next-js\";\nimport { auth } from \"@/lib/auth\";\nexport const { GET, POST } = toNextJsHandler(auth);\n"),
        ("/p/web/next.config.js", "module.exports = {\n  env: { PAGE_SECRET: process.env.PAGE_SECRET },\n  rewrites: async () => [{ source: \"/api/:path*\", destination: \"http://localhost:8000/:path*\" }],\n};\n"),
        ("/p/web/proxy.ts", "export function proxy(request) {\n  return request.nextUrl;\n}\nexport const config = { matcher: [\"/tasks\"] };\n"),
        ("/p/web/lib/auth.ts", AUTH),
        ("/p/web/lib/sender.ts", SENDER),
        ("/p/.env", "KEY=q7f3\nJWT_SECRET=q7f3\n"),
        ("/p/apart/app.py", APART),
        ("/p/apart/deps.py", APART_DEPS),
        ("/p/apart/port.py", PORT),
        ("/p/apart/signed.py", SIGNED),
        ("/p/office/guards.py", GUARDS),
        ("/p/office/service.py", SERVICE),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into()
}

/// The project as several threads find it at once.
fn fresh(texts: &Texts) -> Analysis {
    found_by(3, texts)
}

fn found_by(threads: usize, texts: &Texts) -> Analysis {
    let mut host = AnalysisHost::new();
    host.set_threads(NonZeroUsize::new(threads).unwrap());
    let disk = texts.iter().map(|(path, text)| (path.clone(), FileContent::Text(text.as_str().into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    host.snapshot()
}

/// Everything that is said of the project, by path: ids differ between hosts.
fn all(analysis: &Analysis) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    let place =
        |location: authlens_analysis::ide::Location| format!("{}@{:?}", analysis.path(location.file), location.range);
    for file in analysis.files_with_diagnostics() {
        said.insert(analysis.path(file).to_owned(), of_file(analysis, analysis.path(file)));
    }
    let mut routes = String::new();
    for app in analysis.apps() {
        routes.push_str(&format!("{} {}\n", app.name, place(app.location)));
        for route in app.routes {
            let dependencies: Vec<_> =
                route.dependencies.iter().map(|d| (&d.callable.qualname, d.via, &d.verdict)).collect();
            routes.push_str(&format!(
                "{:?} {} {} {:?} {} {dependencies:?}\n",
                route.methods,
                route.path,
                place(route.registration),
                route.status,
                route.status_detail
            ));
        }
    }
    said.insert("routes".into(), routes);
    said.insert("summary".into(), format!("{:?}", analysis.summary()));
    said
}

fn of_file(analysis: &Analysis, path: &str) -> String {
    let Some(file) = analysis.file_id(path) else { return String::new() };
    let show = |d: &authlens_analysis::ide::Diagnostic| {
        let related: Vec<_> = d
            .related
            .iter()
            .map(|r| format!("{}@{:?} {}", analysis.path(r.location.file), r.location.range, r.message))
            .collect();
        format!("{} {:?} {:?} {} {related:?}\n", d.rule, d.severity, d.location.range, d.message)
    };
    analysis.diagnostics(file).iter().map(show).collect()
}

/// Messages of a file's findings, without places: these may move.
fn messages(analysis: &Analysis, path: &str) -> Vec<String> {
    let Some(file) = analysis.file_id(path) else { return Vec::new() };
    analysis.diagnostics(file).iter().map(|d| d.message.clone()).collect()
}

/// Specifications and settings are never broken: what can't be read says nothing.
fn parses(path: &str, text: &str) -> bool {
    let Some(grammar) = syntax::Grammar::of_path(path) else { return true };
    let tree = syntax::mending::read(grammar, text, None).unwrap().tree;
    match grammar {
        syntax::Grammar::Python => lower_file(text, &tree, None).errors.is_empty(),
        _ => typescript::lower_file(text, &tree, grammar, None).errors.is_empty(),
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// One random edit of a text.
fn edit(random: &mut Random, text: &str) -> String {
    const SCRAPS: &[&str] = &[
        "x",
        " ",
        "\n",
        "(",
        ")",
        ":",
        "\"",
        "#",
        "    pass\n",
        "# a\n# b\n# c\n# d\n# e\n\n    # f\n# \"g\"\n# h\n# i\n# {j}\n# it's k\n",
        "@router.get(\"/new\")\ndef new(): ...\n",
        ", dependencies=[Depends(current_user)]",
        "user=Depends(current_user)",
        "from deps import current_user\n",
        "# authlens: public because\n",
        "  # authlens: ignore\n",
        "\"\"\"",
        "router = APIRouter()\n",
        "raise HTTPException(401)\n",
        "**Auth**: Required\n",
        "### GET /new\n",
        "// authlens: ignore\n",
        "await api(\"/me\");\n",
        "`",
        "export ",
        "<p>&",
        "{",
        "}",
        "[[public]]\n",
    ];
    let boundary = |text: &str, mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let at = boundary(text, random.below(text.len() + 1));
    match random.below(4) {
        0 => {
            let end = boundary(text, (at + 1 + random.below(6)).min(text.len()));
            format!("{}{}", &text[..at], &text[end.max(at)..])
        }
        1 => {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let gone = random.below(lines.len());
            lines.iter().enumerate().filter(|(n, _)| *n != gone).map(|(_, line)| *line).collect()
        }
        2 => {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let twice = random.below(lines.len());
            lines.iter().enumerate().flat_map(|(n, line)| vec![*line; if n == twice { 2 } else { 1 }]).collect()
        }
        _ => format!("{}{}{}", &text[..at], SCRAPS[random.below(SCRAPS.len())], &text[at..]),
    }
}

/// Edits of what other files rest on, each with its way back.
const EXPORTED: &[(&str, &str)] = &[
    ("    app = FastAPI()\n", "    app = None\n"),
    ("        raise HTTPException(401)", "        return None"),
    ("algorithms=[\"HS256\"]", "options={\"verify_signature\": False}"),
    ("def current_user(", "def user_now("),
    ("Annotated[dict, Depends(current_user)]", "Annotated[dict, Depends(bearer)]"),
    ("return jwt.decode(token.credentials", "return dict(token.credentials"),
    ("app.include_router(router)\n", "app.include_router(router, dependencies=[Depends(caller)])\n"),
    ("    return token.credentials\n", "    raise HTTPException(401)\n"),
    ("import caller\n", "import pretended as caller\n"),
    ("class Signed(Tokens):", "class Signed:"),
    ("class Signed(Tokens):", "class Signed(apart.port.Tokens):"),
    ("    def read(self, token): ...", "    def read(self, token): return token"),
    ("credentials=Depends(bearer)", "credentials: dict = Depends(bearer), extra=None"),
    ("HTTPBearer()", "HTTPBearer(auto_error=False)"),
    ("router = APIRouter()", "router = APIRouter(dependencies=[Depends(current_user)])"),
    ("prefix=\"/tasks\"", "prefix=\"/jobs\""),
    ("import tasks, notes", "import notes, tasks"),
    ("jwt.ExpiredSignatureError", "jwt.PyJWTError"),
    ("\"verify_aud\": False", "\"verify_exp\": False"),
    ("algorithm: str = \"HS256\"", "algorithm: str = \"RS256\""),
    ("    jwt_secret: str\n", "    jwt_secret: SecretStr\n"),
    ("{\"sub\": \"a\"}", "{\"sub\": \"a\", \"exp\": 5}"),
    ("    expires_at: int\n", "    made_at: int\n"),
    ("pyjwt==2.3.0", "pyjwt==2.14.0"),
    (".where(Note.user_id == owner)", ".where(Note.id == owner)"),
    ("Note.user_id == user_id", "Note.user_id == user[\"sub\"]"),
    ("    user_id: int = Field(foreign_key", "    maker: int = Field(foreign_key"),
    ("    return own(db, user[\"sub\"])", "    return own(db, 7)"),
    ("router = APIRouter(prefix=\"/notes\")", "router = APIRouter(prefix=\"/notes\")  # authlens: ignore"),
    ("headers: headers()", "headers: {}"),
    ("KEY = \"page\"", "KEY = \"token\""),
    ("return fetch(this.base + path)", "return fetch(this.base + path, { headers: headers() })"),
    ("export function headers", "export function none"),
    ("if (!token) return {};", "last = token;"),
    ("\"./*\"", "\"./src/*\""),
    ("\"use server\";\n", "\"use strict\";\n"),
    ("\"use client\";\n", "// everywhere\n"),
    ("getSession()", "getSession({ headers: given })"),
    ("import { keep } from \"../lib/server\";\n", "import { keep } from \"../lib/nothing\";\n"),
    ("process.env.SERVICE_TOKEN", "last"),
    ("return request.nextUrl;", "return request.cookies;"),
    ("matcher: [\"/tasks\"]", "matcher: [\"/:path*\"]"),
    ("\"/api/:path*\"", "\"/files/:path*\""),
    ("  cached = session.token;\n", "  const own = session.token;\n"),
    ("NEXT_PUBLIC_MAIL_SECRET", "NEXT_PUBLIC_MAIL_NAME"),
    ("await authClient.signOut();", "localStorage.removeItem(\"page\");"),
    ("plugins: [jwt(", "plugins: [bearer("),
    ("client.token()", "client.getSession()"),
    ("audience: \"tasks\"", "issuer: \"tasks\""),
    ("secret: process.env.KEY", "secret: process.env.OTHER"),
    ("os.getenv(\"KEY\"", "os.getenv(\"BETTER_AUTH_SECRET\""),
    ("algorithms=[\"HS256\"]", "algorithms=[\"EdDSA\"]"),
    ("KEY=q7f3", "KEY="),
    ("            raise Refused(\"no\")", "            return claims"),
    ("super().__init__(401, detail)", "super().__init__(500, detail)"),
    ("        return os.environ[\"SERVICE_KEY\"]", "        return \"q7f3\""),
    ("            raise ValueError(\"no\")", "            return \"none\""),
    (".where(Paper.user_id == owner)", ".where(Paper.id > 0)"),
    (" or paper.user_id != owner:", ":"),
    (
        "    def of(self, db, owner): ...",
        "    def of(self, db, owner):\n        return db.scalars(select(Paper)).all()",
    ),
    ("mapped_column(ForeignKey(\"users.id\"))", "mapped_column()"),
    ("        self.leeway = 5\n", "        self.leeway = 5\n        self.key = \"a\"\n"),
];

fn exchange(random: &mut Random, text: &str) -> String {
    let (there, back) = EXPORTED[random.below(EXPORTED.len())];
    if text.contains(there) { text.replace(there, back) } else { text.replace(back, there) }
}

/// What is on disk and what is open: the open text wins.
#[derive(Default)]
struct World {
    disk: Texts,
    open: Texts,
}

impl World {
    fn texts(&self) -> Texts {
        let mut texts = self.disk.clone();
        texts.extend(self.open.clone());
        texts
    }

    fn write(&mut self, path: &str, text: Option<String>, change: &mut Change) {
        let content = text.as_deref().map_or(FileContent::Removed, |text| FileContent::Text(text.into()));
        change.disk.push((path.to_owned(), content));
        match text {
            Some(text) => self.disk.insert(path.to_owned(), text),
            None => self.disk.remove(path),
        };
    }

    fn show(&mut self, path: &str, text: Option<String>, change: &mut Change) {
        change.open.push((path.to_owned(), text.as_deref().map(Into::into)));
        match text {
            Some(text) => self.open.insert(path.to_owned(), text),
            None => self.open.remove(path),
        };
    }

    /// One random thing that a user, a tool or git does.
    fn happen(&mut self, random: &mut Random) -> Change {
        let mut change = Change::default();
        let texts = self.texts();
        let path = texts.keys().nth(random.below(texts.len())).unwrap().clone();
        let text = texts[&path].clone();
        match random.below(40) {
            // A file comes, or goes.
            0 | 1 => {
                let name = format!("/p/extra{}.py", random.below(3));
                let new = "from fastapi import APIRouter\nrouter = APIRouter()\n".to_owned();
                let there = self.disk.contains_key(&name);
                self.write(&name, (!there).then_some(new), &mut change);
                if self.open.contains_key(&name) {
                    self.show(&name, None, &mut change);
                }
            }
            // A document that is not on disk, and may never be.
            2 => {
                let name = "/p/api/scratch.py";
                let text = (!self.open.contains_key(name)).then(|| NOTES.to_owned());
                self.show(name, text, &mut change);
            }
            // A module goes by another name, and later by its own again.
            3 => {
                let (a, b) = [
                    ("/p/api/notes.py", "/p/api/memos.py"),
                    ("/p/deps.py", "/p/api/deps.py"),
                    ("/p/web/lib/client.ts", "/p/web/lib/client/index.ts"),
                ][random.below(3)];
                let (from, to) = if texts.contains_key(a) { (a, b) } else { (b, a) };
                if let Some(text) = texts.get(from).cloned() {
                    if self.open.contains_key(from) {
                        self.show(from, None, &mut change);
                        self.show(to, Some(text.clone()), &mut change);
                    }
                    self.write(from, None, &mut change);
                    self.write(to, Some(text), &mut change);
                }
            }
            // Everything back to the start, as a checkout would.
            4 | 5 => {
                for path in texts.keys() {
                    if self.open.contains_key(path) {
                        self.show(path, None, &mut change);
                    }
                    self.write(path, start().get(path).cloned(), &mut change);
                }
                for (path, text) in start() {
                    self.write(&path, Some(text), &mut change);
                }
            }
            // Saved, and perhaps closed; or closed without saving.
            6 | 7 if self.open.contains_key(&path) => {
                self.write(&path, Some(text), &mut change);
                if random.below(2) == 0 {
                    self.show(&path, None, &mut change);
                }
            }
            8 if self.disk.contains_key(&path) => self.show(&path, None, &mut change),
            // Line breaks of the other kind.
            9 => {
                let text = if text.contains('\r') { text.replace("\r\n", "\n") } else { text.replace('\n', "\r\n") };
                self.show(&path, Some(text), &mut change);
            }
            // Several files at once, by a rename in the editor.
            10 | 11 => {
                for (path, text) in &texts {
                    let text = if random.below(2) == 0 { edit(random, text) } else { exchange(random, text) };
                    self.show(path, Some(text), &mut change);
                }
            }
            12..=19 => {
                let text = exchange(random, &text);
                self.show(&path, Some(text), &mut change);
            }
            _ => {
                let text = edit(random, &text);
                self.show(&path, Some(text), &mut change);
            }
        }
        change
    }

    /// The change that takes this state back to `before`.
    fn back_to(&mut self, before: World) -> Change {
        let mut change = Change::default();
        let paths: std::collections::BTreeSet<String> = [&self.disk, &self.open, &before.disk, &before.open]
            .iter()
            .flat_map(|texts| texts.keys().cloned())
            .collect();
        for path in paths {
            self.write(&path, before.disk.get(&path).cloned(), &mut change);
            self.show(&path, before.open.get(&path).cloned(), &mut change);
        }
        change
    }
}

#[test]
fn incremental_equals_from_scratch() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let edits = setting("AUTHLENS_RANDOM_EDITS").unwrap_or(2_000) as usize;
    let mut random = Random(setting("AUTHLENS_RANDOM_SEED").unwrap_or(0x9e37_79b9_7f4a_7c15));
    let mut world = World::default();
    let mut host = AnalysisHost::packing();
    let mut change = Change { roots: Some(vec!["/p".into()]), ..Change::default() };
    for (path, text) in start() {
        world.write(&path, Some(text), &mut change);
    }
    host.apply(change);
    let (mut compared, mut undone) = (0, 0);
    for number in 0..edits {
        let earlier = World { disk: world.disk.clone(), open: world.open.clone() };
        let before = host.snapshot();
        let was_clean = earlier.texts().iter().all(|(path, text)| parses(path, text));
        let change = world.happen(&mut random);
        let typed = change.disk.is_empty()
            && matches!(change.open.as_slice(), [(path, Some(_))] if earlier.texts().contains_key(path));
        let what = format!("edit {number}: {change:#?}");
        host.apply(change);
        let analysis = host.snapshot();
        let texts = world.texts();
        if texts.iter().all(|(path, text)| parses(path, text)) {
            compared += 1;
            assert_eq!(all(&analysis), all(&fresh(&texts)), "{what}");
        } else if typed && was_clean {
            for path in
                texts.iter().filter(|(path, text)| earlier.texts().get(*path) == Some(text)).map(|(path, _)| path)
            {
                assert_eq!(messages(&analysis, path), messages(&before, path), "{path} moved by {what}");
            }
        }
        if was_clean && random.below(4) == 0 {
            undone += 1;
            host.apply(world.back_to(earlier));
            assert_eq!(all(&host.snapshot()), all(&before), "undone: {what}");
        }
    }
    assert!(compared > edits / 10 && undone > edits / 30, "{compared} of {edits} states compared, {undone} undone");
}

#[test]
fn several_threads_find_what_one_does() {
    let mut texts = start();
    let more = ["more", "others", "last"];
    for name in more {
        texts.insert(format!("/p/api/{name}.py"), ROWS.replace("/rows", &format!("/{name}")));
    }
    let main = more.iter().fold(MAIN.replace("import tasks", "import more, others, last, tasks"), |main, name| {
        main + &format!("\napp.include_router({name}.router)\n")
    });
    texts.insert("/p/main.py".to_owned(), main);
    let one = found_by(1, &texts);
    assert_eq!(messages(&one, "/p/api/last.py"), messages(&one, "/p/api/rows.py"));
    assert_ne!(messages(&one, "/p/api/last.py"), [""; 0]);
    for threads in [2, 5] {
        assert_eq!(all(&found_by(threads, &texts)), all(&one));
    }
}

/// What a module's execution left behind holds the definitions of then.
#[test]
fn a_body_is_read_anew_behind_a_name_that_is_bound_twice() {
    let of = |line_break: &str| {
        let text = "import jwt\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\ndef decode(token): ...\n\ndef decode(token):\n    try:\n        return jwt.decode(token, \"k\", algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        return None\n";
        text.replace('\n', line_break)
    };
    let disk = |text: &str| Texts::from([("/p/main.py".to_owned(), text.to_owned())]);
    let mut host = AnalysisHost::new();
    let written = vec![("/p/main.py".to_owned(), FileContent::Text(of("\n").into()))];
    host.apply(Change { roots: Some(vec!["/p".into()]), disk: written, ..Change::default() });
    host.apply(Change { open: vec![("/p/main.py".into(), Some(of("\r\n").into()))], ..Change::default() });
    let now = all(&host.snapshot());
    assert!(now["/p/main.py"].contains("hardcoded-secret"), "{now:?}");
    assert_eq!(now, all(&fresh(&disk(&of("\r\n")))));
}

/// What leads around a verification by default is another module's to say.
#[test]
fn the_default_of_a_setting_is_read_anew() {
    let settings = "import os\n\nDEV = os.getenv(\"DEV\", \"yes\") == \"yes\"\n";
    let main = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, Header, HTTPException\nfrom settings import DEV\n\napp = FastAPI()\n\ndef user(authorization: str = Header()):\n    if DEV:\n        return {\"sub\": \"x\"}\n    try:\n        return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n@app.get(\"/a\")\ndef a(me=Depends(user)): ...\n";
    let mut host = AnalysisHost::new();
    let mut set = |settings: &str| {
        let disk = [("/p/settings.py", settings), ("/p/main.py", main)];
        let disk = disk.map(|(path, text)| (path.to_owned(), FileContent::Text(text.into())));
        host.apply(Change { roots: Some(vec!["/p".into()]), disk: disk.into(), ..Change::default() });
        messages(&host.snapshot(), "/p/main.py").join("\n")
    };
    assert!(set(settings).contains("unless this setting says otherwise"));
    assert!(set(&settings.replace("\"DEV\", \"yes\"", "\"DEV\", \"no\"")).contains("when this setting says so"));
    assert!(set(settings).contains("unless this setting says otherwise"));
}

/// What is said of an application follows an import that tells what it is for.
#[test]
fn an_application_that_is_tried_out_is_looked_at_again() {
    let guarded = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, Header\n\napp = FastAPI()\n\ndef caller(authorization: str = Header()):\n    return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n\n@app.get(\"/rows\")\ndef rows(me=Depends(caller)): ...\n";
    let tried = "from fastapi import FastAPI\nfrom fastapi.testclient import TestClient\n\napp = FastAPI()\n\n@app.post(\"/rows\")\ndef add(row: dict): ...\n";
    let served = tried.replace("from fastapi.testclient import TestClient\n", "\n");
    let texts = |other: &str| {
        Texts::from([("/p/main.py".to_owned(), guarded.to_owned()), ("/p/other.py".to_owned(), other.to_owned())])
    };
    let mut host = AnalysisHost::new();
    let written = texts(tried).into_iter().map(|(path, text)| (path, FileContent::Text(text.into())));
    host.apply(Change { roots: Some(vec!["/p".into()]), disk: written.collect(), ..Change::default() });
    for (text, severity) in [(&*served, "Warning"), (tried, "Info"), (&*served, "Warning")] {
        host.apply(Change { open: vec![("/p/other.py".into(), Some(text.into()))], ..Change::default() });
        let found = all(&host.snapshot());
        assert_eq!(found, all(&fresh(&texts(text))), "{text}");
        assert!(found["/p/other.py"].contains(&format!("missing-auth-dependency {severity}")), "{found:?}");
    }
}

/// What derives from an interface is asked of all files, also of those that nobody imports.
#[test]
fn an_interface_is_looked_at_again_when_something_else_derives_from_it() {
    let mut texts = start();
    let mut host = AnalysisHost::new();
    let disk = texts.iter().map(|(path, text)| (path.clone(), FileContent::Text(text.as_str().into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let guards = |analysis: &Analysis| {
        let apps = analysis.apps();
        let behind = apps.iter().flat_map(|app| &app.routes).find(|route| route.path == "/behind");
        behind.map(|route| format!("{:?}", route.status))
    };
    let mut show = |text: &str| {
        texts.insert("/p/apart/signed.py".into(), text.into());
        host.apply(Change { open: vec![("/p/apart/signed.py".into(), Some(text.into()))], ..Change::default() });
        let now = guards(&host.snapshot());
        assert_eq!(now, guards(&fresh(&texts)), "{text}");
        now
    };
    assert_eq!(show(SIGNED).as_deref(), Some("Guarded"));
    assert_eq!(show(&SIGNED.replace("(Tokens)", "")).as_deref(), Some("Unknown"));
    assert_eq!(show(SIGNED).as_deref(), Some("Guarded"));
    let second = format!("{SIGNED}\nclass Plain(Tokens):\n    def read(self, token):\n        return token\n");
    assert_eq!(show(&second).as_deref(), Some("Unknown"));
}

/// What an application keeps on its state is asked of all files, and looked for in bodies.
#[test]
fn what_an_application_keeps_is_looked_at_again_when_something_else_is_kept() {
    let service = "import os\nimport jwt\n\nclass Tokens:\n    def read(self, token):\n        return jwt.decode(token, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n\nclass Unread:\n    def read(self, token):\n        return token\n";
    let main = "from fastapi import Depends, FastAPI, Request\nfrom start import start\n\napp = FastAPI()\nstart(app)\n\ndef caller(request: Request):\n    return request.app.state.tokens.read(request.headers[\"Authorization\"])\n\n@app.get(\"/rows\")\ndef rows(me=Depends(caller)): ...\n";
    let start = "from service import Tokens, Unread\n\ndef start(app):\n    app.state.tokens = Tokens()\n";
    let texts = Texts::from([
        ("/p/service.py".to_owned(), service.to_owned()),
        ("/p/main.py".to_owned(), main.to_owned()),
        ("/p/start.py".to_owned(), start.to_owned()),
    ]);
    let mut show = status_of_rows(texts);
    assert_eq!(show("/p/main.py", main), "Guarded");
    assert_eq!(show("/p/start.py", &start.replace("Tokens()", "Unread()")), "Open");
    assert_eq!(show("/p/start.py", &start.replace("    app.state.tokens = Tokens()", "    pass")), "Unknown");
    assert_eq!(show("/p/start.py", start), "Guarded");
    let other = "from service import Unread\n\ndef stop(app):\n    app.state.tokens = Unread()\n";
    assert_eq!(show("/p/stop.py", other), "Unknown");
    assert_eq!(show("/p/stop.py", &other.replace(".tokens", ".others")), "Guarded");
}

/// A module that did not look at what is other than before is not executed again: what it holds of another module's
/// values comes from an earlier run, and is there all the same.
#[test]
fn what_a_module_holds_of_others_stays_while_these_are_edited() {
    let guards = "import os\nimport jwt\nfrom fastapi import Header\n\nclass Box: ...\n\nbox = Box()\nbox.inner = Box()\nbox.inner.path = \"/rows\"\nsize = 1\n\ndef caller(authorization: str = Header()):\n    return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n";
    let held = "import guards\n\ninner = guards.box.inner\n";
    let main = "from fastapi import Depends, FastAPI\nfrom guards import caller\nfrom held import inner\n\napp = FastAPI()\n\n@app.get(inner.path)\ndef rows(me=Depends(caller)): ...\n";
    let texts = Texts::from([
        ("/p/guards.py".to_owned(), guards.to_owned()),
        ("/p/held.py".to_owned(), held.to_owned()),
        ("/p/main.py".to_owned(), main.to_owned()),
    ]);
    let mut show = status_of_rows(texts);
    assert_eq!(show("/p/main.py", main), "Guarded");
    let larger = guards.replace("size = 1", "size = 2");
    assert_eq!(show("/p/guards.py", &larger), "Guarded");
    assert_eq!(show("/p/main.py", &main.replace("app = FastAPI()", "app = FastAPI(title=\"x\")")), "Guarded");
    // What it did look at.
    assert_eq!(show("/p/guards.py", &larger.replace("\"/rows\"", "\"/others\"")), "");
    assert_eq!(show("/p/guards.py", guards), "Guarded");
}

/// What an application keeps on its `state` is read anew.
#[test]
fn the_value_that_an_application_keeps_is_read_anew() {
    let app = "from fastapi import FastAPI\n\napp = FastAPI()\napp.state.skip = False\n";
    let guards = "import os, jwt\nfrom fastapi import Header, Request\n\ndef guard(request: Request, authorization: str = Header()):\n    if request.app.state.skip:\n        return None\n    return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n";
    let main = "from fastapi import Depends\nfrom app import app\nfrom guards import guard\n\n@app.get(\"/rows\")\ndef rows(me=Depends(guard)):\n    return open(\"rows\").read()\n";
    let texts = Texts::from([
        ("/p/app.py".to_owned(), app.to_owned()),
        ("/p/guards.py".to_owned(), guards.to_owned()),
        ("/p/main.py".to_owned(), main.to_owned()),
    ]);
    let mut show = status_of_rows(texts);
    assert_eq!(show("/p/main.py", main), "Guarded");
    assert_ne!(show("/p/app.py", &app.replace("False", "True")), "Guarded");
    assert_eq!(show("/p/app.py", app), "Guarded");
}

/// What is said of methods follows their bodies, those of other modules too, and its places move with what grows before
/// it in the class.
#[test]
fn bodies_of_methods_are_read_anew() {
    let long = format!("        return None\n{}", "        # a note that takes the room of the method\n".repeat(40));
    let edits: &[(&str, &str, &str)] = &[
        ("guards", "            raise Refused(\"no\")", "            return claims"),
        ("guards", "super().__init__(401, detail)", "super().__init__(500, detail)"),
        ("guards", "        return os.environ[\"SERVICE_KEY\"]", "        kept = 1\n        return \"q7f3\""),
        ("guards", "            raise ValueError(\"no\")", "            return \"admin\""),
        (
            "guards",
            "        return mapped_column(ForeignKey(\"users.id\"))",
            "        made = mapped_column()\n        return made",
        ),
        ("guards", "        self.strict = strict", "        self.strict = strict\n        self.more = 1"),
        ("guards", "        print(token)", "        return token"),
        ("service", "(select(Paper).where(Paper.user_id == owner))", "(select(Paper).order_by(Paper.id).limit(5))"),
        ("service", " or paper.user_id != owner:", " or not paper:"),
        ("service", "def of(self, db, owner): ...", "def of(self, db, owner): return db.scalars(select(Paper)).all()"),
        ("service", "        self.papers = papers", "        self.papers = papers\n        self.more = 1"),
        ("service", "        return self.papers.of(db, owner)", &long),
    ];
    let told = told_by_edits(&[("guards", GUARDS), ("service", SERVICE)], edits);
    assert_eq!(told.len(), 7, "{told:?}");
}

/// Makes edits of a project, takes each back, and compares with a fresh start each time. Gives the new texts of those after
/// which something else is said.
fn told_by_edits<'e>(files: &[(&str, &str)], edits: &[(&str, &str, &'e str)]) -> Vec<&'e str> {
    let path = |name: &str| format!("/p/{name}.py");
    let texts: Texts = files.iter().map(|(name, text)| (path(name), (*text).to_owned())).collect();
    let start = all(&fresh(&texts));
    let mut told = Vec::new();
    let mut host = AnalysisHost::packing();
    let disk = texts.iter().map(|(path, text)| (path.clone(), FileContent::Text(text.as_str().into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    for (name, from, to) in edits {
        let mut edited = texts.clone();
        let text = edited.get_mut(&path(name)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        *text = text.replace(from, to);
        let wanted = all(&fresh(&edited));
        told.extend((wanted != start).then_some(*to));
        let open = |text: &str| Change { open: vec![(path(name), Some(text.into()))], ..Change::default() };
        host.apply(open(&edited[&path(name)]));
        assert_eq!(all(&host.snapshot()), wanted, "{to}");
        host.apply(open(&texts[&path(name)]));
        assert_eq!(all(&host.snapshot()), start, "{from}");
    }
    told
}

/// What is said of items follows those that come and go beside them, and rests on which there are where all are asked.
#[test]
fn items_come_and_go() {
    const SETTINGS: &str = r#"
import os

KEY = os.getenv("KEY", "q8Rf2LxN5vTw7Zb1")
KINDS = ["a", "b"]


def key():
    return KEY


class Papers:
    # What is kept of one.
    limit: int = 20

    def kinds(self):
        return KINDS
"#;
    // Nothing ever executes this module.
    const CHECKS: &str = r#"
import jwt


def read(token, key):
    return jwt.decode(token, key, algorithms=["HS256"])
"#;
    const MAIN: &str = r#"
import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

from checks import read
from settings import KEY, KINDS, Papers, key

app = FastAPI()
bearer = OAuth2PasswordBearer(tokenUrl="token")


def caller(token: str = Depends(bearer)):
    try:
        return jwt.decode(token, key(), algorithms=["HS256"])
    except jwt.PyJWTError:
        raise HTTPException(401)


def reader(token: str = Depends(bearer)):
    try:
        return read(token, key())
    except jwt.PyJWTError:
        raise HTTPException(401)


@app.get("/read")
def own(me=Depends(reader)):
    return me


@app.get("/kinds")
def kinds():
    return KINDS


@app.get("/mine")
def mine(me=Depends(caller)):
    return Papers().kinds()


@app.get("/papers/{paper_id}")
def paper(paper_id: int):
    return load(paper_id)
"#;
    let edits: &[(&str, &str, &str)] = &[
        // Nothing is said of these.
        ("settings", "KINDS = [", "SIZE = 3\nKINDS = ["),
        ("settings", "import os\n", "import os\nimport sys\n"),
        ("settings", "    # What is kept of one.\n", "    # What is kept of one, and for how long.\n    # Not much.\n"),
        ("main", "@app.get(\"/mine\")", "def other(token):\n    return None\n\n\n@app.get(\"/mine\")"),
        // A second value, a check of the first, and one that is behind all.
        ("settings", "KINDS = [", "KEY = os.environ[\"OTHER\"]\nKINDS = ["),
        ("settings", "KINDS = [", "if KEY == \"q8Rf2LxN5vTw7Zb1\":\n    raise RuntimeError(\"no key\")\nKINDS = ["),
        ("settings", "        return KINDS\n", "        return KINDS\n\n\nKEY = os.environ[\"KEY\"]\n"),
        // A name that is bound twice.
        ("checks", "def read(", "jwt = None\n\n\ndef read("),
        ("checks", "[\"HS256\"])\n", "[\"HS256\"])\n\n\ndef read(token, key):\n    return {}\n"),
        // Who else changes a table.
        ("settings", "def key():", "def add(kind):\n    KINDS.append(kind)\n\n\ndef key():"),
        // What is gone, and what others bind.
        ("settings", "def key():\n    return KEY\n", ""),
        ("settings", "class Papers:", "def key():\n    return \"open-to-all\"\n\n\nclass Papers:"),
        ("settings", "class Papers:", "if os.getenv(\"DEV\"):\n    key = None\n\n\nclass Papers:"),
        ("settings", "def key():\n    return KEY\n", "def __getattr__(name):\n    return KEY\n"),
        ("main", "@app.get(\"/mine\")", "def caller(token: str = \"\"):\n    return token\n\n\n@app.get(\"/mine\")"),
        (
            "main",
            "@app.get(\"/mine\")",
            "@app.get(\"/all\")\ndef all_kinds(kind: str):\n    return KINDS.index(kind)\n\n\n@app.get(\"/mine\")",
        ),
        ("main", "@app.get(\"/mine\")\ndef mine(me=Depends(caller)):\n    return Papers().kinds()\n", ""),
    ];
    let told = told_by_edits(&[("settings", SETTINGS), ("checks", CHECKS), ("main", MAIN)], edits);
    assert_eq!(told.len(), 15, "{told:?}");
}

/// Puts texts into files of a project, one after the other, and tells how the route `/rows` is guarded then. Each time a
/// fresh start has to say the same.
fn status_of_rows(mut texts: Texts) -> impl FnMut(&str, &str) -> String {
    let mut host = AnalysisHost::new();
    let disk = texts.iter().map(|(path, text)| (path.clone(), FileContent::Text(text.as_str().into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let status = |analysis: &Analysis| {
        let apps = analysis.apps();
        let rows = apps.iter().flat_map(|app| &app.routes).find(|route| route.path == "/rows");
        rows.map(|route| format!("{:?}", route.status))
    };
    move |path, text| {
        texts.insert(path.into(), text.into());
        host.apply(Change { open: vec![(path.into(), Some(text.into()))], ..Change::default() });
        let now = status(&host.snapshot());
        assert_eq!(now, status(&fresh(&texts)), "{path}: {text}");
        now.unwrap_or_default()
    }
}

/// Which of two modules an import means is asked again when the other one binds what it asks for, and what a signature
/// sees when something before the function binds its name.
#[test]
fn an_import_is_looked_at_again_when_another_module_binds_what_it_asks_for() {
    let guard = "import os\nimport jwt\n\ndef caller(token: str):\n    return jwt.decode(token, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n";
    let main =
        "from fastapi import FastAPI\nfrom routes import rows\n\napp = FastAPI()\napp.include_router(rows.router)\n";
    let rows = "from fastapi import APIRouter, Depends, Header\nfrom auth import caller\n\nrouter = APIRouter()\n\n@router.get(\"/rows\")\ndef caller(me=Depends(caller)): ...\n";
    let texts = Texts::from([
        ("/p/auth.py".to_owned(), guard.to_owned()),
        ("/p/main.py".to_owned(), main.to_owned()),
        ("/p/routes/auth.py".to_owned(), "def other(): ...\n".to_owned()),
        ("/p/routes/rows.py".to_owned(), rows.to_owned()),
    ]);
    let mut show = status_of_rows(texts);
    let renamed = guard.replace("def caller", "def verified");
    let first = show("/p/auth.py", guard);
    let lacking = show("/p/auth.py", &renamed);
    assert_ne!(first, lacking);
    assert_eq!(show("/p/auth.py", guard), first);
    let open = show("/p/routes/auth.py", "def caller(): ...\n");
    assert_ne!(open, first);
    assert_eq!(show("/p/routes/auth.py", "def other(): ...\n"), first);
    let between = rows.replace("\nrouter =", "\ncaller = made()\nrouter =");
    assert_ne!(show("/p/routes/rows.py", &between), first);
    assert_eq!(show("/p/routes/rows.py", rows), first);
}

/// What a docstring says of who may call is read anew.
#[test]
fn a_docstring_that_calls_a_route_public_is_looked_at_again() {
    let main = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, Header\n\napp = FastAPI()\n\ndef caller(authorization: str = Header()):\n    return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n\n@app.post(\"/rows\")\ndef add(me=Depends(caller)): ...\n\n@app.get(\"/rows\")\ndef rows(me=Depends(caller)): ...\n\n@app.get(\"/rows/figures\")\ndef figures(row: int):\n    \"\"\"All of them.\"\"\"\n    return open(str(row)).read()\n";
    let public = main.replace("All of them.", "All of them (public).");
    let texts = |main: &str| Texts::from([("/p/main.py".to_owned(), main.to_owned())]);
    let mut host = AnalysisHost::new();
    host.apply(Change { roots: Some(vec!["/p".into()]), ..Change::default() });
    for text in [main, &*public, main] {
        host.apply(Change { open: vec![("/p/main.py".into(), Some(text.into()))], ..Change::default() });
        let found = all(&host.snapshot());
        assert_eq!(found, all(&fresh(&texts(text))), "{text}");
        assert_eq!(found["/p/main.py"].contains("its docstring calls it public"), text == public, "{found:?}");
    }
}

/// What the tags of a router call its routes is read anew in the files of these.
#[test]
fn tags_that_call_routes_public_are_looked_at_again() {
    let router = |tag: &str| format!("from fastapi import APIRouter\n\nrouter = APIRouter(tags=[\"{tag}\"])\n");
    let main = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, Header\nfrom offers import router\n\napp = FastAPI()\n\ndef caller(authorization: str = Header()):\n    return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n\n@app.post(\"/rows\")\ndef add(me=Depends(caller)): ...\n\napp.include_router(router)\n";
    let offers = "import fastapi\nfrom rooms import router\n\n@router.post(\"/offers\")\ndef offer(row: int):\n    return open(str(row)).read()\n\n@router.get(\"/offers\")\ndef offers(row: int):\n    return open(str(row)).read()\n";
    let texts = |tag: &str| {
        Texts::from([
            ("/p/main.py".to_owned(), main.to_owned()),
            ("/p/offers.py".to_owned(), offers.to_owned()),
            ("/p/rooms.py".to_owned(), router(tag)),
        ])
    };
    let mut host = AnalysisHost::new();
    let disk =
        texts("rooms").iter().map(|(path, text)| (path.clone(), FileContent::Text(text.as_str().into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    for tag in ["rooms", "public", "rooms"] {
        host.apply(Change {
            open: vec![("/p/rooms.py".into(), Some(router(tag).as_str().into()))],
            ..Change::default()
        });
        let found = all(&host.snapshot());
        assert_eq!(found, all(&fresh(&texts(tag))), "{tag}");
        assert_eq!(found["/p/offers.py"].contains("the tags of its router"), tag == "public", "{found:?}");
    }
}

/// A check that nothing asks for is told of where it stands, which is in no application: that is read anew when a route
/// asks for it, when a handler looks at its caller, and when the check itself is another one.
#[test]
fn a_check_that_nothing_asks_for_is_looked_at_again_with_the_routes() {
    let people = "import os\nimport jwt\nfrom fastapi import Header\nfrom sqlmodel import Field, SQLModel\n\nclass Team(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n\ndef caller(authorization: str = Header()):\n    return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n";
    let check = "from fastapi import Depends, HTTPException\nfrom people import caller\nfrom company import belongs\n\ndef may_see(team_id: int, me=Depends(caller)):\n    if not belongs(team_id, me):\n        raise HTTPException(403)\n";
    let main = "from fastapi import Depends, FastAPI\nfrom people import Team, caller\nfrom company import find, note\n\napp = FastAPI()\n\n@app.get(\"/teams/{team_id}\")\ndef team(team_id: int, me=Depends(caller)):\n    return find(team_id)\n";
    let other =
        "from fastapi import FastAPI\nfrom rooms import router\n\napp = FastAPI()\napp.include_router(router)\n";
    let rooms = "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n@router.get(\"/rooms\")\ndef rooms():\n    return []\n";
    let mut texts = Texts::from([
        ("/p/checks.py".to_owned(), check.to_owned()),
        ("/p/main.py".to_owned(), main.to_owned()),
        ("/p/other.py".to_owned(), other.to_owned()),
        ("/p/people.py".to_owned(), people.to_owned()),
        ("/p/rooms.py".to_owned(), rooms.to_owned()),
    ]);
    let mut host = AnalysisHost::new();
    let disk = texts.iter().map(|(path, text)| (path.clone(), FileContent::Text(text.as_str().into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let asking = main
        .replace("import Team, caller", "import Team, caller\nfrom checks import may_see")
        .replace("{team_id}\")", "{team_id}\", dependencies=[Depends(may_see)])");
    let looking = main.replace("find(team_id)", "find(team_id, me)");
    let moved = check.replace("def may_see", "LIMIT = 1\n\ndef may_see");
    let lenient = check.replace("raise HTTPException(403)", "print(403)");
    for (path, text, is_told) in [
        ("/p/checks.py", &*moved, true),
        ("/p/main.py", &*asking, false),
        ("/p/main.py", main, true),
        ("/p/main.py", &*looking, false),
        ("/p/main.py", main, true),
        ("/p/checks.py", &*lenient, false),
        ("/p/checks.py", check, true),
    ] {
        texts.insert(path.into(), text.into());
        host.apply(Change { open: vec![(path.into(), Some(text.into()))], ..Change::default() });
        let found = all(&host.snapshot());
        assert_eq!(found, all(&fresh(&texts)), "{path}: {text}");
        let told = messages(&host.snapshot(), "/p/checks.py");
        assert_eq!(
            told.iter().any(|message| message.contains("nothing asks for it")),
            is_told,
            "{path}: {text}: {told:?}"
        );
    }
}

/// What is said of a whole application does not hang on the text of one route.
#[test]
fn a_finding_on_an_application_stays_while_its_only_open_route_is_broken() {
    let main =
        "from fastapi import FastAPI\nfrom things import router\n\napp = FastAPI()\napp.include_router(router)\n";
    let things = "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n@router.delete(\"/{id}\")\ndef delete(id: int):\n    return id\n";
    let mut host = AnalysisHost::new();
    let disk = [("/p/main.py", main), ("/p/things.py", things)];
    let disk = disk.map(|(path, text)| (path.to_owned(), FileContent::Text(text.into()))).into();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let before = messages(&host.snapshot(), "/p/main.py");
    assert_eq!(before.len(), 1, "{before:?}");
    let broken = things.replace("def delete(id: int):", "def delete(id: int = rou\nter):");
    host.apply(Change { open: vec![("/p/things.py".into(), Some(broken.into()))], ..Change::default() });
    assert_eq!(messages(&host.snapshot(), "/p/main.py"), before);
}

/// The frontend is looked at again where a request may lead to a route that is other than before, or where all count.
#[test]
fn requests_follow_the_routes_that_they_may_lead_to() {
    let main = "import os\nimport jwt\nfrom fastapi import Depends, FastAPI, HTTPException\nfrom fastapi.security import HTTPBearer\n\napp = FastAPI()\n\ndef caller(token=Depends(HTTPBearer())):\n    try:\n        return jwt.decode(token.credentials, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n@app.get(\"/me\")\ndef me(user=Depends(caller)): ...\n\n@app.get(\"/other\")\ndef other(user=Depends(caller)): ...\n";
    let page = "const API = process.env.NEXT_PUBLIC_API_URL;\n\nexport default function Page({ id }) {\n  const load = async () => {\n    await fetch(`${API}/me`);\n    await fetch(`${API}/rows/${id}`);\n    await fetch(`${API}/${id}/stats`);\n  };\n  return <button onClick={load} />;\n}\n";
    let leaving = "  const leave = async () => {\n    const answer = await fetch(\"/x\");\n    if (answer.status === 401 || answer.status === 403) localStorage.removeItem(\"token\");\n  };\n  return";
    for page in [page.to_owned(), page.replace("  return", leaving)] {
        let texts = |main: &str| {
            Texts::from([("/p/main.py".to_owned(), main.to_owned()), ("/p/web/app/page.tsx".to_owned(), page.clone())])
        };
        let mut host = AnalysisHost::new();
        let written = texts(main).into_iter().map(|(path, text)| (path, FileContent::Text(text.into())));
        host.apply(Change { roots: Some(vec!["/p".into()]), disk: written.collect(), ..Change::default() });
        let mut said = BTreeSet::new();
        for (from, to) in [
            ("/other", "/others"),
            ("/me", "/mine"),
            ("def me(user=Depends(caller))", "def me()"),
            ("def other(user=Depends(caller))", "def other()"),
            ("/other", "/rows/all"),
            ("/other", "/teams/stats"),
            ("/other", "/{rest:path}"),
            ("get(\"/me\")", "post(\"/me\")"),
            ("return jwt", "return token or jwt"),
            ("HTTPBearer())", "HTTPBearer(auto_error=False))"),
        ] {
            for text in [main.replace(from, to), main.to_owned()] {
                host.apply(Change {
                    open: vec![("/p/main.py".into(), Some(text.as_str().into()))],
                    ..Change::default()
                });
                assert_eq!(all(&host.snapshot()), all(&fresh(&texts(&text))), "{from} became {to}");
                said.insert(messages(&host.snapshot(), "/p/web/app/page.tsx"));
            }
        }
        assert!(said.len() > 1, "{said:?}");
    }
}

/// What a parameter takes is asked of the backend by what the frontend is told: so are routes of sockets.
#[test]
fn paths_follow_what_parameters_take() {
    let ids = "import uuid\n\nRowId = int\n";
    let main = "from fastapi import FastAPI, WebSocket\nfrom ids import RowId\n\napp = FastAPI()\n\n@app.get(\"/rows\")\ndef rows(): ...\n\n@app.get(\"/rows/{row}\")\ndef row(row: RowId): ...\n\n@app.websocket(\"/listen\")\nasync def listen(socket: WebSocket): ...\n";
    let page = "const API = \"http://localhost:8000\";\n\nexport default function Page({ id }) {\n  const load = async () => {\n    await fetch(`${API}/rows`);\n    await fetch(`${API}/rows?all=1`);\n    await fetch(`${API}/rows/mine`);\n    new WebSocket(\"ws://localhost:8000/listen\");\n  };\n  return <button onClick={load}>Rows & more</button>;\n}\n";
    let paths = ["/p/ids.py", "/p/main.py", "/p/web/app/page.tsx"];
    let texts = [ids, main, page].map(str::to_owned);
    let all_texts = |texts: &[String]| -> Texts {
        paths.iter().zip(texts).map(|(path, text)| ((*path).to_owned(), text.clone())).collect()
    };
    let mut host = AnalysisHost::new();
    let disk = all_texts(&texts).into_iter().map(|(path, text)| (path, FileContent::Text(text.into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let mut said = BTreeSet::new();
    for (at, from, to) in [
        (0, "RowId = int", "RowId = str"),
        (0, "RowId = int", "RowId = uuid.UUID"),
        (1, "row: RowId", "row: str"),
        (1, "{row}", "{row:int}"),
        (1, "/listen", "/hear"),
        (1, "websocket(", "get("),
        (2, "Rows & more", "{Rows & more}"),
        (2, "Rows & more", "Rows & more &amp; & all"),
        (2, "/rows/mine", "/rows/7 "),
    ] {
        let mut edited = texts.clone();
        edited[at] = edited[at].replacen(from, to, 1);
        for now in [&edited, &texts] {
            let open = vec![(paths[at].to_owned(), Some(now[at].as_str().into()))];
            host.apply(Change { open, ..Change::default() });
            assert_eq!(all(&host.snapshot()), all(&fresh(&all_texts(now))), "{from} became {to}");
            said.insert(messages(&host.snapshot(), paths[2]));
        }
    }
    assert!(said.len() > 3, "{said:?}");
}

/// What stands in a broken text tells nothing of whether the module matters: its last good text counts.
#[test]
fn a_broken_module_matters_as_much_as_it_did() {
    let good = "export function proxy(request) {\n  return request.cookies;\n}\nexport const config = { matcher: [\"/tasks\"] };\n";
    let broken = good.replace("export function", "export funct@router.get(\"/new\")\nion");
    let disk = start().into_iter().map(|(path, text)| (path, FileContent::Text(text.into()))).collect();
    let mut host = AnalysisHost::packing();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let mut said = Vec::new();
    for text in [good, &broken, good] {
        let open = vec![("/p/web/proxy.ts".into(), Some(text.into()))];
        host.apply(Change { open, ..Change::default() });
        said.push(messages(&host.snapshot(), "/p/web/app/actions.ts"));
    }
    assert_eq!(said[0], said[1]);
    assert_eq!(said[0], said[2]);
}
