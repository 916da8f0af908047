//! What every fix promises, over many layouts: afterwards the code parses, the
//! finding is gone, and nothing else is found.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use authlens_analysis::fix::apply;
use authlens_analysis::ide::{Analysis, AnalysisHost, Applicability, Change, Diagnostic, FileContent, Fix, FixKind};
use authlens_analysis::syntax::{Grammar, parse};
use serde_json::{Value, json};

use crate::editor::{Editor, project, uri};

pub(crate) const ROOT: &str = "/project";

pub(crate) type Files = BTreeMap<String, String>;

/// A project with findings that have fixes.
pub(crate) struct Case {
    name: String,
    pub(crate) files: Files,
    /// Whether every finding has a fix.
    fixable: bool,
}

pub(crate) fn case(name: impl Into<String>, files: &[(&str, &str)]) -> Case {
    let files = files.iter().map(|(path, text)| (format!("{ROOT}/{path}"), (*text).to_owned())).collect();
    Case { name: name.into(), files, fixable: true }
}

pub(crate) fn host(files: &Files) -> AnalysisHost {
    let mut host = AnalysisHost::new();
    let disk = files.iter().map(|(path, text)| (path.clone(), FileContent::Text(text.as_str().into()))).collect();
    host.apply(Change { roots: Some(vec![ROOT.to_owned()]), disk, ..Change::default() });
    host
}

/// What a finding is about, without counts and places, which fixes of others change.
fn subject(analysis: &Analysis, diagnostic: &Diagnostic) -> String {
    let what = diagnostic.message.split(": ").next().unwrap();
    format!("{} {} {what}", diagnostic.rule, analysis.path(diagnostic.location.file))
}

fn subjects(analysis: &Analysis) -> Vec<String> {
    let files = analysis.files_with_diagnostics();
    files.iter().flat_map(|file| analysis.diagnostics(*file).to_vec()).map(|d| subject(analysis, &d)).collect()
}

/// The files after one fix.
pub(crate) fn fixed(analysis: &Analysis, files: &Files, fix: &Fix) -> Files {
    let mut after = files.clone();
    for (file, edits) in &fix.change.edits {
        let text = apply(&analysis.text(*file).unwrap(), edits);
        after.insert(analysis.path(*file).to_owned(), text);
    }
    for file in &fix.change.created {
        assert!(after.insert(file.path.clone(), file.text.clone()).is_none(), "{} was there", file.path);
    }
    after
}

pub(crate) fn repairs(analysis: &Analysis, diagnostic: &Diagnostic) -> Vec<Fix> {
    analysis.fixes(diagnostic).0.into_iter().filter(|fix| fix.kind == FixKind::Repair).collect()
}

/// Makes each fix of each finding alone, checks what it promises, and gives
/// the files after it.
pub(crate) fn each_fix(case: &Case) -> Vec<(String, Files)> {
    let analysis = host(&case.files).snapshot();
    let before = subjects(&analysis);
    assert!(!before.is_empty(), "{}: nothing is found", case.name);
    let mut outcomes = Vec::new();
    for file in analysis.files_with_diagnostics() {
        for diagnostic in analysis.diagnostics(file).iter() {
            let fixes = repairs(&analysis, diagnostic);
            let refusals = analysis.fixes(diagnostic).1;
            assert!(!fixes.is_empty() || !case.fixable, "{}: no fix: {refusals:?}", case.name);
            assert!(fixes.iter().filter(|fix| fix.preferred).count() == usize::from(!fixes.is_empty()));
            for fix in fixes {
                let name = format!("{} | {}", case.name, fix.title);
                let after = fixed(&analysis, &case.files, &fix);
                for (path, text) in after.iter().filter(|(path, text)| case.files.get(*path) != Some(text)) {
                    let tree = parse(Grammar::Python, text, None).unwrap();
                    assert!(!tree.root_node().has_error(), "{name}: {path} does not parse\n{text}");
                }
                let left = subjects(&host(&after).snapshot());
                let shown = || after.values().cloned().collect::<Vec<_>>().join("\n----\n");
                let count = |all: &[String], subject: &String| all.iter().filter(|other| *other == subject).count();
                let own = subject(&analysis, diagnostic);
                assert!(count(&left, &own) < count(&before, &own), "{name}: still found\n{}", shown());
                for other in &left {
                    let new = count(&left, other) > count(&before, other);
                    assert!(!new, "{name}: new finding {other}\n{}", shown());
                }
                outcomes.push((name, after));
            }
        }
    }
    outcomes
}

/// The files after fixing everything, the preferred fix of each finding first.
fn fix_all(files: &Files) -> Files {
    let mut files = files.clone();
    for _ in 0..200 {
        let analysis = host(&files).snapshot();
        let all = analysis.files_with_diagnostics();
        let mut found = all.iter().flat_map(|file| analysis.diagnostics(*file).to_vec());
        let Some(fix) = found.find_map(|diagnostic| repairs(&analysis, &diagnostic).into_iter().next()) else {
            return files;
        };
        files = fixed(&analysis, &files, &fix);
    }
    panic!("fixing does not end");
}

const DEPS: &str = "import os\nfrom typing import Annotated\n\nimport jwt\nfrom fastapi import Depends, HTTPException, Request\n\nfrom app.models import User\n\n\ndef get_current_user(request: Request) -> User:\n    try:\n        claims = jwt.decode(request.headers[\"Authorization\"], os.environ[\"KEY\"], algorithms=[\"HS256\"], options={\"require\": [\"sub\"]})\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n    return User(claims[\"sub\"])\n";
const ALIAS: &str = "\n\nCurrentUser = Annotated[User, Depends(get_current_user)]\nMe = CurrentUser\n";
const MODELS: &str = "class User:\n    def __init__(self, id): ...\n\n\ndef get_session(): ...\n";

/// A router module in an application with a verifier in `app/deps.py`.
fn routed(name: impl Into<String>, module: &str, deps: &str) -> Case {
    let main = "from fastapi import FastAPI\nfrom app.routes import router\n\napp = FastAPI()\napp.include_router(router, prefix=\"/api\")\n";
    case(
        name,
        &[
            ("app/__init__.py", ""),
            ("app/main.py", main),
            ("app/models.py", MODELS),
            ("app/deps.py", deps),
            ("app/routes.py", module),
        ],
    )
}

fn signature_cases() -> Vec<Case> {
    let signatures = [
        "def handler():",
        "def handler(a):",
        "def handler(a, b=1):",
        "def handler(a=1, b=2):",
        "async def handler(a: int, *, b: int, c: int = 3) -> dict:",
        "def handler(*, a, b=1):",
        "def handler(a, *args, **kwargs):",
        "def handler(**kwargs):",
        "def handler(a, /, b):",
        "def handler(a: dict[str, int] = {}, b: str = \"x, y\"):",
        "def handler(\n    a,\n    b=1,\n):",
        "def handler(\n    a,\n    b=1\n):",
        "def handler(\n    a,  # the first\n    b=1,  # the second, with a comma\n):",
        "def handler(\n    a  # the only one\n):",
        "def handler(\n    a,\n    # about b\n    b=1,\n    # the end\n):",
        "def handler(a,\n            b=1):",
        "def handler(\n        a, b,\n        c=1, d=2):",
        "def handler(\n\ta,\n\tb=dict(\n\t\tx=1,\n\t),\n):",
        "def handler(größe: int, ключ: str = \"ж\"):",
        "def handler(current_user: int):",
        "def handler(a=lambda x, y: (x, y), *, b):",
        "def handler(a_long_parameter_name: dict[str, int], another_long_name: str = \"a default value\", third: int = 3):",
        "def handler(user_id: int, owner_id: str = \"\"):",
        "def handler(a: \"int\", b: \"str | None\" = None) -> \"dict\":  # type: ignore",
    ];
    let siblings = [
        (
            "default",
            DEPS.to_owned(),
            "@router.get(\"/other\")\ndef other(user: User = Depends(get_current_user)): ...\n",
        ),
        (
            "annotated",
            DEPS.to_owned(),
            "@router.get(\"/other\")\ndef other(user: Annotated[User, Depends(get_current_user)]): ...\n",
        ),
        ("alias", format!("{DEPS}{ALIAS}"), ""),
        ("none", DEPS.to_owned(), ""),
    ];
    let mut cases = Vec::new();
    for (style, deps, other) in &siblings {
        for signature in signatures {
            let imports = if other.is_empty() {
                ""
            } else {
                "from typing import Annotated\nfrom fastapi import Depends\nfrom app.deps import get_current_user\nfrom app.models import User\n"
            };
            let module = format!(
                "from fastapi import APIRouter\n{imports}\nrouter = APIRouter()\n\n{other}\n@router.get(\"/x\")\n{signature}\n    return {{}}\n"
            );
            cases.push(routed(format!("{style}: {signature}"), &module, deps));
        }
    }
    cases
}

fn import_cases() -> Vec<Case> {
    let heads = [
        "from fastapi import APIRouter\n",
        "from fastapi import APIRouter, HTTPException, status\n",
        "from fastapi import status, APIRouter\n",
        "from fastapi import (\n    APIRouter,\n    HTTPException,\n)\n",
        "from fastapi import (\n    APIRouter,\n    HTTPException  # raised\n)\n",
        "from fastapi import (APIRouter, HTTPException)\n",
        "from fastapi import (\n    APIRouter, HTTPException,\n    status\n)\n",
        "from fastapi import APIRouter, \\\n    HTTPException\n",
        "from fastapi import APIRouter as APIRouter, Depends as Needs\n",
        "import fastapi\nfrom fastapi.routing import APIRouter\n",
        "import fastapi as fa\n\nAPIRouter = fa.APIRouter\n",
        "\"\"\"Docstring.\"\"\"\n\nfrom fastapi import APIRouter\n",
        "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n# Licence: MIT\n\n\"\"\"Docstring.\"\"\"\nfrom __future__ import annotations\n\nfrom fastapi import APIRouter\n",
        "from __future__ import annotations\nfrom fastapi import APIRouter\n",
        "from __future__ import annotations\n\nimport fastapi.routing\n\nAPIRouter = fastapi.routing.APIRouter\n",
        "import os\nimport sys\n\nfrom fastapi import APIRouter\n\nfrom app.models import User\n",
        "import os\nfrom fastapi import APIRouter\nfrom app.models import User\nimport logging\n",
        "from typing import TYPE_CHECKING\n\nfrom fastapi import APIRouter\n\nif TYPE_CHECKING:\n    from app.models import User\n",
        "try:\n    import orjson\nexcept ImportError:\n    orjson = None\nfrom fastapi import APIRouter\n",
        "from fastapi import APIRouter\n\nfrom .models import User\n",
        "from fastapi import APIRouter\n\nfrom .models import User, get_session\nfrom . import models\n",
        "from fastapi import APIRouter\n\nfrom app import deps\n",
        "from fastapi import APIRouter\n\nimport app.deps\n",
        "from fastapi import APIRouter\n\nimport app.deps as d\n",
        "from fastapi import APIRouter\nfrom app.deps import get_current_user as me\n",
        "from fastapi import APIRouter; import os\n",
        "from fastapi import APIRouter\nfrom app.models import *\n",
        "\nfrom fastapi import APIRouter\n\n\nclass Body: ...\n\n\nfrom fastapi import Query\n",
        "from fastapi import APIRouter, BackgroundTasks, Cookie, Form, Header, HTTPException, Path\n",
    ];
    let mut cases = Vec::new();
    for (style, deps) in [("plain", DEPS.to_owned()), ("alias", format!("{DEPS}{ALIAS}"))] {
        for head in heads {
            let module = format!(
                "{head}\nrouter = APIRouter()\n\n\n@router.get(\"/x\")\ndef handler(q: str = \"\"):\n    return q\n"
            );
            cases.push(routed(format!("{style} {head:?}"), &module, &deps));
            let crlf = module.replace('\n', "\r\n");
            cases.push(routed(format!("crlf {style} {head:?}"), &crlf, &deps));
            cases.push(routed(format!("bom {style} {head:?}"), &format!("\u{feff}{module}"), &deps));
            cases.push(routed(format!("form feed {style} {head:?}"), &module.replace("\n@", "\n\x0c\n@"), &deps));
            cases.push(routed(format!("no end {style} {head:?}"), module.trim_end(), &deps));
        }
    }
    cases
}

fn decorator_cases() -> Vec<Case> {
    let registrations = [
        "@router.delete(\"/x\")\ndef handler(): ...\n",
        "@router.delete(\n    \"/x\",\n    tags=[\"a\"],\n)\ndef handler(): ...\n",
        "@router.delete(\n    \"/x\",\n    tags=[\"a\"]  # why\n)\ndef handler(): ...\n",
        "@router.delete(\"/x\", dependencies=[])\ndef handler(): ...\n",
        "@router.delete(\"/x\", dependencies=[Depends(get_session)])\ndef handler(): ...\n",
        "@router.delete(\"/x\", dependencies=[Depends(get_session),])\ndef handler(): ...\n",
        "@router.delete(\"/x\", dependencies=(Depends(get_session),))\ndef handler(): ...\n",
        "shared = [Depends(get_session)]\n\n@router.delete(\"/x\", dependencies=shared)\ndef handler(): ...\n",
        "@router.delete(\n    \"/x\",\n    dependencies=[\n        # one connection\n        Depends(get_session),\n    ],\n)\ndef handler(): ...\n",
        "@router.delete(\"/x\")\n@router.post(\"/x\")\ndef handler(): ...\n",
        "@router.delete(\"/x\")\n@router.put(\n    \"/y\",\n    tags=[\"a\"],\n)\nasync def handler(): ...\n",
        "@router.api_route(\"/x\", methods=[\"GET\", \"POST\"])\ndef handler(): ...\n",
        "def handler(): ...\n\nrouter.add_api_route(\"/x\", handler)\n",
        "def handler(): ...\n\nrouter.add_api_route(\n    \"/x\",\n    handler,\n    methods=[\"PUT\"],\n)\n",
        "def handler(): ...\n\nfor path in [\"/x\", \"/y\"]:\n    router.add_api_route(path, handler)\n",
        "class View:\n    def __init__(self):\n        router.add_api_route(\"/x\", self.read)\n\n    def read(self, q: str = \"\"): ...\n\nView()\n",
        "class View:\n    @router.delete(\"/x\")\n    def read(self): ...\n",
        "@router.delete(\"/x\", response_model=dict[str, list[int]], summary=\"A rather long summary\", tags=[\"some\", \"tags\"])\ndef handler(): ...\n",
        "@router.delete(\"/{current_user}/x\")\ndef handler(): ...\n",
        "@router.delete(\"/x\")\ndef handler():\n    current_user = 1\n    return current_user\n",
        "if True:\n    @router.delete(\"/x\")\n    def handler():\n        return 1\n",
        "@router.delete(\"/x\")\ndef handler(): ...\n\n@router.delete(\"/y\")\ndef second(): ...\n",
        "@router.get(\"/health\")\ndef health(): ...\n\n@router.get(\"/y\")\ndef second(): ...\n",
    ];
    let head = "from fastapi import APIRouter, Depends\n\nfrom app.models import User, get_session\n\nrouter = APIRouter()\n\n";
    let mut cases = Vec::new();
    for registration in registrations {
        cases.push(routed(registration, &format!("{head}{registration}"), &format!("{DEPS}{ALIAS}")));
        cases.push(routed(format!("plain {registration}"), &format!("{head}{registration}"), DEPS));
    }
    cases
}

fn application_cases() -> Vec<Case> {
    let key = "from fastapi import Header, HTTPException\n\n\ndef key(x_api_key: str = Header()):\n    if x_api_key != open(\"/run/secrets/key\").read():\n        raise HTTPException(401)\n";
    let flat = |name: &str, main: &str| case(name, &[("main.py", main), ("deps.py", key)]);
    let mut cases = vec![
        flat(
            "one application",
            "from fastapi import FastAPI\n\napp = FastAPI()\n\n@app.get(\"/a\")\ndef a(): ...\n\n@app.get(\"/b\")\ndef b(): ...\n",
        ),
        flat(
            "websocket",
            "from fastapi import FastAPI\n\napp = FastAPI()\n\n@app.websocket(\"/a\")\nasync def a(websocket): ...\n",
        ),
        flat(
            "factory",
            "from fastapi import FastAPI\n\n\ndef create_app() -> FastAPI:\n    app = FastAPI(\n        title=\"x\",\n    )\n\n    @app.get(\"/a\")\n    def a(\n        q: str = \"\",\n    ): ...\n\n    return app\n",
        ),
        flat(
            "route objects",
            "from fastapi import FastAPI\nfrom fastapi.routing import APIRoute\n\n\ndef a(): ...\n\n\napp = FastAPI(routes=[APIRoute(\"/a\", a)])\n",
        ),
        flat(
            "nested routers",
            "from fastapi import APIRouter, FastAPI\n\ninner = APIRouter(prefix=\"/inner\")\nouter = APIRouter()\n\n@inner.get(\"/a\")\ndef a(): ...\n\n@inner.post(\"/a\")\ndef b(): ...\n\nouter.include_router(inner)\napp = FastAPI()\napp.include_router(outer, prefix=\"/api\")\n",
        ),
        // A handler is no dependency, even where nothing serves it.
        case(
            "a handler that verifies",
            &[
                ("main.py", "from fastapi import FastAPI\n\napp = FastAPI()\n\n@app.get(\"/a\")\ndef a(): ...\n"),
                (
                    "hooks.py",
                    "from fastapi import APIRouter, HTTPException, Request\nimport os\nimport jwt\n\nrouter = APIRouter()\n\n@router.post(\"/hook\")\ndef hook(request: Request):\n    try:\n        return jwt.decode(request.headers[\"x\"], os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n",
                ),
            ],
        ),
        flat(
            "several verifiers",
            "from fastapi import Depends, FastAPI, HTTPException, Request\nfrom deps import key\nimport os\nimport jwt\n\napp = FastAPI()\n\ndef me(request: Request) -> dict:\n    try:\n        return jwt.decode(request.headers[\"x\"], os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n@app.get(\"/a\", dependencies=[Depends(key)])\ndef a(): ...\n\n@app.get(\"/b\")\ndef b(user: dict = Depends(me)): ...\n\n@app.get(\"/c\")\ndef c(): ...\n",
        ),
        case(
            "no verifier",
            &[
                ("app/__init__.py", ""),
                ("app/core/__init__.py", ""),
                ("app/core/config.py", "x = 1\n"),
                (
                    "app/main.py",
                    "from fastapi import FastAPI\n\nfrom app.core.config import x\n\napp = FastAPI()\n\n\n@app.get(\"/a\")\ndef a(): ...\n",
                ),
            ],
        ),
        case(
            "no verifier, one file",
            &[("main.py", "import fastapi\n\napp = fastapi.FastAPI()\n\n\n@app.get(\"/a\")\ndef a(): ...\n")],
        ),
        case(
            "no verifier, relative imports",
            &[
                ("app/__init__.py", ""),
                (
                    "app/routes.py",
                    "from fastapi import APIRouter\n\nfrom .db import x\n\nrouter = APIRouter()\n\n@router.get(\"/a\")\ndef a(): ...\n\n@router.get(\"/b\")\ndef b(): ...\n",
                ),
                ("app/db.py", "x = 1\n"),
                (
                    "app/main.py",
                    "from fastapi import FastAPI\n\nfrom .routes import router\n\napp = FastAPI()\napp.include_router(router)\n",
                ),
            ],
        ),
        flat(
            "scheme alone",
            "from fastapi import Depends, FastAPI\nfrom fastapi.security import HTTPAuthorizationCredentials, HTTPBearer\nfrom deps import key\n\napp = FastAPI()\n\n@app.get(\"/ok\", dependencies=[Depends(key)])\ndef ok(): ...\n\n@app.get(\"/a\")\ndef a(token: HTTPAuthorizationCredentials = Depends(HTTPBearer())): ...\n\n@app.get(\"/b\", dependencies=[Depends(HTTPBearer())])\ndef b(): ...\n\n@app.get(\"/c\")\ndef c(token=Depends(HTTPBearer())):\n    return token.credentials\n",
        ),
    ];
    let below = "from fastapi import FastAPI, HTTPException, Request\nimport os\nimport jwt\n\napp = FastAPI()\n\n@app.get(\"/a\")\ndef a(): ...\n\ndef me(request: Request):\n    try:\n        return jwt.decode(request.headers[\"x\"], os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n";
    let refused = |name: &str, files: &[(&str, &str)]| Case { fixable: false, ..case(name, files) };
    cases.push(refused("defined below", &[("main.py", below)]));
    let cycle = "from fastapi import HTTPException, Request\nimport jwt\nfrom main import settings\n\ndef me(request: Request):\n    return jwt.decode(request.headers[\"x\"], settings.key, algorithms=[\"HS256\"])\n";
    let main =
        "from fastapi import FastAPI\n\napp = FastAPI()\nsettings = object()\n\n@app.get(\"/a\")\ndef a(): ...\n";
    cases.push(refused("cycle", &[("main.py", main), ("me.py", cycle)]));
    let taken = "from fastapi import FastAPI\n\napp = FastAPI()\n\ndef key(): ...\n\n@app.get(\"/a\")\ndef a(): ...\n";
    cases.push(refused("name taken", &[("main.py", taken), ("deps.py", key)]));
    cases
}

/// A module is imported from the folder that its neighbours' imports begin at.
#[test]
fn imports_begin_where_the_files_own_imports_begin() {
    let routes = "from fastapi import APIRouter\nfrom models import User\n\nrouter = APIRouter()\n\n\n@router.get(\"/a\")\ndef a(): ...\n";
    let main =
        "from fastapi import FastAPI\nfrom api.routes import router\n\napp = FastAPI()\napp.include_router(router)\n";
    let deps = DEPS.replace("from app.models", "from models");
    let below = |path: &str| format!("{ROOT}/backend/src/{path}");
    let mut files = Files::new();
    for (path, text) in [("api/routes.py", routes), ("main.py", main), ("deps.py", &deps), ("models.py", MODELS)] {
        files.insert(below(path), text.to_owned());
    }
    let after = fix_all(&files);
    assert!(after[&below("api/routes.py")].contains("from deps import get_current_user\n"), "{after:#?}");
    // A file of the same name stands nearer, and the right one can't be named.
    files.insert(below("api/deps.py"), "x = 1\n".to_owned());
    let analysis = host(&files).snapshot();
    let found = analysis.files_with_diagnostics();
    let diagnostic = analysis.diagnostics(found[0])[0].clone();
    let (fixes, refusals) = analysis.fixes(&diagnostic);
    let edits_routes = |fix: &Fix| fix.title.starts_with("Guard the route") || fix.title.starts_with("Take");
    assert!(!fixes.iter().any(edits_routes), "{fixes:#?}");
    assert!(refusals.iter().any(|refusal| refusal.0.contains("no import")), "{refusals:?}");
}

/// Guards that are written where FastAPI does not see them.
fn unapplied_cases() -> Vec<Case> {
    let head = "from typing import Annotated, Optional\n\nfrom fastapi import APIRouter, Depends\n\nfrom app.deps import CurrentUser, get_current_user\nfrom app.models import User\n\nrouter = APIRouter()\n\n\n";
    let annotated = "@router.get(\"/ok\")\ndef ok(user: Annotated[User, Depends(get_current_user)]): ...\n\n\n";
    let default = "@router.get(\"/ok\")\ndef ok(user: User = Depends(get_current_user)): ...\n\n\n";
    let signatures = [
        "def handler(user: CurrentUser | None):",
        "def handler(user: CurrentUser | None = None):",
        "def handler(q: str = \"\", user: CurrentUser | None = None):",
        "def handler(q: str = \"\", *, user: CurrentUser | None = None, r: int = 3):",
        "async def handler(a: int, user: Optional[CurrentUser] = None) -> dict:",
        "def handler(user: None | CurrentUser = None, q: str = \"\"):",
        "def handler(user: \"CurrentUser | None\" = None):",
        "def handler(\n    user: Optional[CurrentUser] = None,  # who asks\n    q: str = \"\",\n):",
        "def handler(user: Annotated[User, Depends(get_current_user)] | None = None):",
        "def handler(user: User = get_current_user):",
        "def handler(user=get_current_user):",
        "def handler(q: str = \"\", user: User = get_current_user):",
        "def handler(\n    q: str,\n    user: User = get_current_user,\n):",
        "def handler(user: \"User\" = get_current_user):",
        "def handler(user: Annotated[User, get_current_user]):",
        "def handler(q: str, user: Annotated[User, get_current_user], r: int = 1):",
        "def handler(\n    user: Annotated[\n        User,\n        get_current_user,\n    ],\n):",
    ];
    let mut cases = Vec::new();
    let deps = format!("{DEPS}{ALIAS}");
    for (style, sibling) in [("annotated", annotated), ("default", default)] {
        for signature in signatures {
            let module = format!("{head}{sibling}@router.get(\"/x\")\n{signature}\n    return {{}}\n");
            cases.push(routed(format!("{style} {signature}"), &module, &deps));
            cases.push(routed(format!("crlf {style} {signature}"), &module.replace('\n', "\r\n"), &deps));
        }
    }
    let bare = "from fastapi import APIRouter\n\nfrom app.deps import get_current_user\nfrom app.models import User\n\nrouter = APIRouter()\n\n\n@router.get(\"/x\")\ndef handler(user: User = get_current_user): ...\n";
    cases.push(routed("no import of Depends", bare, &deps));
    let optional = "\n\ndef get_optional_user(request: Request) -> User | None:\n    if \"Authorization\" not in request.headers:\n        return None\n    return get_current_user(request)\n";
    for signature in [
        "def handler(user: CurrentUser | None = None):",
        "def handler(q: int = 1, user: Optional[CurrentUser] = None):",
    ] {
        let module = format!("{head}@router.get(\"/x\")\n{signature}\n    return {{\"user\": user}}\n");
        cases.push(routed(format!("optional {signature}"), &module, &format!("{deps}{optional}")));
    }
    let blocks = [
        "if TYPE_CHECKING:\n    from app.deps import CurrentUser\n",
        "if TYPE_CHECKING:\n    from app.deps import CurrentUser, get_current_user\n",
        "if TYPE_CHECKING:\n    from app.deps import get_current_user, CurrentUser\n",
        "if TYPE_CHECKING:\n    from app.models import User\n    from app.deps import CurrentUser\n",
        "if TYPE_CHECKING:\n    from .deps import CurrentUser\n\n",
    ];
    for block in blocks {
        let module = format!(
            "from typing import TYPE_CHECKING\n\nfrom fastapi import APIRouter\n\n{block}\nrouter = APIRouter()\n\n\n@router.get(\"/x\")\ndef handler(user: \"CurrentUser\" = None): ...\n"
        );
        cases.push(routed(block, &module, &deps));
    }
    let renamed = "from typing import TYPE_CHECKING\n\nfrom fastapi import APIRouter\n\nif TYPE_CHECKING:\n    from app.deps import CurrentUser as Caller\n\nrouter = APIRouter()\n\n\n@router.get(\"/x\")\ndef handler(user: \"Caller\" = None): ...\n";
    cases.push(routed("renamed", renamed, &deps));
    let decorator = "import functools\nimport os\n\nimport jwt\nfrom fastapi import APIRouter, HTTPException, Request\n\nrouter = APIRouter()\n\n\ndef login_required(handler):\n    @functools.wraps(handler)\n    def wrapper(request: Request):\n        try:\n            jwt.decode(request.headers[\"Authorization\"], os.environ[\"KEY\"], algorithms=[\"HS256\"])\n        except jwt.PyJWTError:\n            raise HTTPException(401)\n        return handler(request)\n\n    return wrapper\n\n\n";
    for decorators in [
        "@login_required\n@router.get(\"/x\")\n",
        "@login_required  # first\n@router.get(\n    \"/x\",\n    tags=[\"a\"],\n)\n",
        "@login_required\n@router.get(\"/x\")\n@router.post(\"/x\")\n",
    ] {
        let module = format!("{decorator}{decorators}def handler(request: Request): ...\n");
        cases.push(routed(decorators, &module, DEPS));
        cases.push(routed(format!("crlf {decorators}"), &module.replace('\n', "\r\n"), DEPS));
        let without = module.replace("    @functools.wraps(handler)\n", "");
        cases.push(Case { fixable: false, ..routed(format!("no wraps {decorators}"), &without, DEPS) });
        let other = module.replace("handler(request: Request): ...", "handler(q: str = \"\"): ...");
        cases.push(Case { fixable: false, ..routed(format!("other parameters {decorators}"), &other, DEPS) });
        let awaits = module
            .replace("    def wrapper", "    async def wrapper")
            .replace("return handler", "return await handler");
        cases.push(Case { fixable: false, ..routed(format!("awaits {decorators}"), &awaits, DEPS) });
    }
    cases
}

const JWT_MIDDLEWARE: &str = "    try:\n        jwt.decode(request.headers[\"Authorization\"], os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        REJECT\n    return await call_next(request)\n";

/// Middlewares that reject with an exception, or stand around CORS.
fn middleware_cases() -> Vec<Case> {
    let raises = [
        "raise HTTPException(401)",
        "raise HTTPException(401, \"no\")",
        "raise HTTPException(status_code=403, detail={\"code\": 3})",
        "raise HTTPException(status_code=401, detail=\"no\", headers={\"WWW-Authenticate\": \"Basic\"})",
        "raise HTTPException(status.HTTP_401_UNAUTHORIZED, detail=\"A rather long sentence about what is missing here, and why\") from None",
        "raise HTTPException(\n            status_code=status.HTTP_401_UNAUTHORIZED,\n            detail=\"no\",\n        )",
    ];
    let route = "\n\n@app.get(\"/a\")\ndef a(): ...\n";
    let mut cases = Vec::new();
    for imports in [
        "from fastapi import FastAPI, HTTPException, status\n",
        "from fastapi import FastAPI, HTTPException, status\nfrom starlette.responses import JSONResponse, Response\n",
    ] {
        for raise in raises {
            let body = JWT_MIDDLEWARE.replace("REJECT", raise);
            let function = format!(
                "import os\n\nimport jwt\n{imports}\napp = FastAPI()\n\n\n@app.middleware(\"http\")\nasync def check(request, call_next):\n{body}{route}"
            );
            cases.push(case(format!("function {raise}"), &[("main.py", &function)]));
            cases.push(case(format!("crlf {raise}"), &[("main.py", &function.replace('\n', "\r\n"))]));
            let method: String = body.lines().map(|line| format!("    {line}\n")).collect();
            let class = format!(
                "import os\n\nimport jwt\n{imports}from starlette.middleware.base import BaseHTTPMiddleware\n\n\nclass Check(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next):\n{method}\n\napp = FastAPI()\napp.add_middleware(Check)\n{route}"
            );
            cases.push(case(format!("class {raise}"), &[("main.py", &class)]));
        }
    }
    for raise in ["raise HTTPException(*args)", "raise HTTPException(401, **more)", "raise HTTPException(418)"] {
        let body = JWT_MIDDLEWARE.replace("REJECT", raise);
        let function = format!(
            "import os\n\nimport jwt\nfrom fastapi import FastAPI, HTTPException\n\napp = FastAPI()\nargs, more = (401,), {{}}\n\n\n@app.middleware(\"http\")\nasync def check(request, call_next):\n{body}{route}"
        );
        cases.push(Case { fixable: false, ..case(raise, &[("main.py", &function)]) });
    }
    let head = "import os\n\nimport jwt\nfrom fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\nfrom fastapi.responses import JSONResponse\nfrom starlette.middleware.base import BaseHTTPMiddleware\n\n\nclass Check(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next):\n";
    let body = JWT_MIDDLEWARE.replace("REJECT", "return JSONResponse({}, status_code=401)");
    let method: String = body.lines().map(|line| format!("    {line}\n")).collect();
    let orders = [
        (true, "app = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins=[\"https://example.org\"])\napp.add_middleware(Check)\n".to_owned()),
        (true, "app = FastAPI()\n\n# Who may call\n# from a browser.\napp.add_middleware(\n    CORSMiddleware,\n    allow_origins=[\"*\"],\n)  # all\n\napp.add_middleware(Check)\n".to_owned()),
        (true, "app = FastAPI()\norigins = [\"*\"]\napp.add_middleware(CORSMiddleware, allow_origins=origins)\nx = 1\napp.add_middleware(Check)\n".to_owned()),
        (true, format!("app = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins=[\"*\"])\n\n\n@app.middleware(\"http\")\nasync def check(request, call_next):\n{body}")),
        (false, "app = FastAPI()\norigins = [\"*\"]\napp.add_middleware(CORSMiddleware, allow_origins=origins)\norigins = []\napp.add_middleware(Check)\n".to_owned()),
        (false, "app = FastAPI()\nif app:\n    app.add_middleware(CORSMiddleware, allow_origins=[\"*\"])\napp.add_middleware(Check)\n".to_owned()),
        (false, "app = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins=[\"*\"]); x = 1\napp.add_middleware(Check)\n".to_owned()),
    ];
    for (fixable, order) in orders {
        let module = format!("{head}{method}\n\n{order}{route}");
        cases.push(Case { fixable, ..case(order.as_str(), &[("main.py", &module)]) });
        cases.push(Case { fixable, ..case(format!("crlf {order}"), &[("main.py", &module.replace('\n', "\r\n"))]) });
    }
    let call = format!(
        "{head}{method}\n\nasync def check(request, call_next):\n{body}\n\napp = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins=[\"*\"])\napp.middleware(\"http\")(check)\n{route}"
    );
    cases.push(case("cors before the call form", &[("main.py", &call)]));
    let factory = format!(
        "{head}{method}\n\ndef create_app():\n    app = FastAPI()\n    app.add_middleware(CORSMiddleware, allow_origins=[\"*\"])\n    app.add_middleware(Check)\n\n    @app.get(\"/a\")\n    def a(): ...\n\n    return app\n\n\napp = create_app()\n"
    );
    cases.push(case("cors in a factory", &[("main.py", &factory)]));
    cases
}

/// What can't be repaired is refused with the reason, in each of these ways.
#[test]
fn refusals_name_their_reason() {
    let mut reasons = Vec::new();
    for case in [unapplied_cases(), middleware_cases()].into_iter().flatten().filter(|case| !case.fixable) {
        let analysis = host(&case.files).snapshot();
        let all = analysis.files_with_diagnostics();
        let found: Vec<Diagnostic> = all.iter().flat_map(|file| analysis.diagnostics(*file).to_vec()).collect();
        for diagnostic in &found {
            assert!(repairs(&analysis, diagnostic).is_empty(), "{}", case.name);
            let refusals = analysis.fixes(diagnostic).1;
            assert_eq!(refusals.len(), 1, "{}: {refusals:?}", case.name);
            reasons.push(refusals[0].0.clone());
        }
    }
    for reason in [
        "does not use `functools.wraps`",
        "needs `request`, which the handler does not take",
        "awaits handlers",
        "no detail",
        "plain way",
        "`origins`",
        "statements of one block",
    ] {
        assert!(reasons.iter().any(|other| other.contains(reason)), "{reason}: {reasons:#?}");
    }
}

/// Guards of one include or application that another lacks.
fn elsewhere_cases() -> Vec<Case> {
    let includes = [
        "app.include_router(router, prefix=\"/v1\", dependencies=[Depends(get_current_user)])\napp.include_router(router, prefix=\"/v2\")\n",
        "app.include_router(router, prefix=\"/v2\", tags=[\"old\"], dependencies=[])\napp.include_router(\n    router,\n    prefix=\"/v1\",\n    dependencies=[Depends(get_current_user)],\n)\n",
        "guarded = APIRouter(dependencies=[Depends(get_current_user)])\nguarded.include_router(router)\napp.include_router(guarded, prefix=\"/v1\")\napp.include_router(router, prefix=\"/v2\")\n",
    ];
    let routes = "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n@router.get(\"/a\")\ndef a(): ...\n\n\n@router.post(\"/a\")\ndef b(): ...\n";
    let project = |name: &str, main: &str, sub: &str| {
        let files = [
            ("app/__init__.py", ""),
            ("app/main.py", main),
            ("app/models.py", MODELS),
            ("app/deps.py", DEPS),
            ("app/routes.py", routes),
            ("app/sub.py", sub),
        ];
        case(name, &files)
    };
    let mut cases = Vec::new();
    for include in includes {
        let main = format!(
            "from fastapi import APIRouter, Depends, FastAPI\n\nfrom app.deps import get_current_user\nfrom app.routes import router\n\napp = FastAPI()\n{include}"
        );
        cases.push(project(include, &main, ""));
    }
    let mounted = ["sub = FastAPI()", "sub = FastAPI(\n    title=\"inner\",\n)", "sub = FastAPI(dependencies=[])"];
    for made in mounted {
        let sub = format!("from fastapi import FastAPI\n\n{made}\n\n\n@sub.get(\"/b\")\ndef b(): ...\n");
        let main = "from fastapi import Depends, FastAPI\n\nfrom app.deps import get_current_user\nfrom app.sub import sub\n\napp = FastAPI(dependencies=[Depends(get_current_user)])\n\n\n@app.get(\"/a\")\ndef a(): ...\n\n\napp.mount(\"/sub\", sub)\n";
        cases.push(project(made, main, &sub));
    }
    cases
}

/// Handlers that touch what is not the caller's, between two that keep to it.
fn ownership_cases() -> Vec<Case> {
    const OWNED: &str = "import os\n\nimport jwt\nfrom fastapi import Header, HTTPException\nfrom pydantic import BaseModel\nfrom sqlmodel import Field, Session, SQLModel\n\n\nclass Me(BaseModel):\n    id: str\n\n\nclass User(SQLModel, table=True):\n    id: str = Field(primary_key=True)\n\n\nclass Task(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n    user_id: str = Field(foreign_key=\"user.id\")\n    title: str\n\n\ndef session():\n    with Session() as one:\n        yield one\n\n\ndef current_user(authorization: str = Header()) -> Me:\n    try:\n        claims = jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"], options={\"require\": [\"sub\"]})\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n    return Me(id=claims[\"sub\"])\n";
    const SIBLINGS: &str = "from fastapi import Depends, FastAPI\nfrom sqlmodel import Session, select\n\nfrom app.owned import Me, Task, current_user, session\n\napp = FastAPI()\n\n\n@app.get(\"/mine\")\ndef mine(me: Me = Depends(current_user), db: Session = Depends(session)):\n    return db.exec(select(Task).where(Task.user_id == me.id)).all()\n\n\n@app.get(\"/titles\")\ndef titles(title: str, me: Me = Depends(current_user), db: Session = Depends(session)):\n    return db.exec(select(Task).where(Task.user_id == me.id, Task.title == title)).all()\n\n\n";
    let handlers = [
        "@app.get(\"/{user_id}/tasks\")\ndef of(user_id: str, me: Me = Depends(current_user), db: Session = Depends(session)):\n    \"\"\"The tasks.\"\"\"\n    return db.exec(select(Task).where(Task.user_id == user_id)).all()\n",
        "@app.get(\"/{user_id}/tasks\")\nasync def of(\n    user_id: int,\n    me: Me = Depends(current_user),\n    db: Session = Depends(session),\n):\n    # All of them.\n    query = select(Task).where(Task.user_id == user_id)\n    return db.exec(query).all()\n",
        "@app.post(\"/tasks\")\ndef make(title: str, user_id: str, me: Me = Depends(current_user), db: Session = Depends(session)):\n    task = Task(title=title, user_id=user_id)\n    db.add(task)\n    db.commit()\n    return task\n",
        "@app.get(\"/tasks/{task_id}\")\ndef one(task_id: int, me: Me = Depends(current_user), db: Session = Depends(session)):\n    task = db.get(Task, task_id)\n    return task\n",
        "@app.delete(\"/tasks/{task_id}\")\ndef remove(task_id: int, me: Me = Depends(current_user), db: Session = Depends(session)):\n    task = db.exec(\n        select(Task).where(Task.id == task_id)\n    ).first()\n    if not task:\n        raise ValueError(\n            \"none\"\n        )\n    db.delete(task)\n    db.commit()\n",
        "@app.get(\"/all\")\ndef everything(me: Me = Depends(current_user), db: Session = Depends(session)):\n    return db.exec(select(Task).order_by(Task.title)).all()\n",
        "@app.get(\"/all\")\ndef everything(me: Me = Depends(current_user), db: Session = Depends(session)):\n    return db.query(Task).order_by(Task.title).all()\n",
    ];
    let project = |handler: &str| {
        let main = format!("{SIBLINGS}{handler}");
        case(handler, &[("app/__init__.py", ""), ("app/owned.py", OWNED), ("app/main.py", &main)])
    };
    handlers.into_iter().map(project).collect()
}

fn all_cases() -> Vec<Case> {
    let groups = [signature_cases(), import_cases(), decorator_cases(), application_cases(), mutants()];
    let groups =
        groups.into_iter().chain([unapplied_cases(), middleware_cases(), elsewhere_cases(), ownership_cases()]);
    groups.flatten().collect()
}

/// Projects in six styles. What stands between `«` and `»` is a guard.
const STYLES: [(&str, &str); 6] = [
    (
        "default",
        "from fastapi import APIRouter, Depends\n\nfrom app.deps import get_current_user\nfrom app.models import User\n\nrouter = APIRouter()\n\n\n@router.get(\"/a\")\ndef a(«user: User = Depends(get_current_user)»): ...\n\n\n@router.post(\"/a/{a}\")\ndef b(a: int«, user: User = Depends(get_current_user)»): ...\n\n\n@router.put(\"/c\")\ndef c(\n    q: str = \"\",\n«    user: User = Depends(get_current_user),\n»): ...\n",
    ),
    (
        "annotated",
        "from typing import Annotated\n\nfrom fastapi import APIRouter, Depends\n\nfrom app.deps import get_current_user\nfrom app.models import User\n\nrouter = APIRouter()\n\n\n@router.get(\"/a\")\ndef a(«user: Annotated[User, Depends(get_current_user)]»): ...\n\n\n@router.post(\"/a/{a}\")\ndef b(a: int«, user: Annotated[User, Depends(get_current_user)]», q: str = \"\"): ...\n",
    ),
    (
        "alias",
        "from fastapi import APIRouter\n\nfrom app.deps import CurrentUser\n\nrouter = APIRouter()\n\n\n@router.get(\"/a\")\ndef a(«user: CurrentUser»): ...\n\n\n@router.delete(\"/a/{a}\")\nasync def b(a: int«, user: CurrentUser») -> None: ...\n",
    ),
    (
        "decorators",
        "from fastapi import APIRouter, Depends\n\nfrom app.deps import get_current_user\n\nrouter = APIRouter()\n\n\n@router.get(\"/a\"«, dependencies=[Depends(get_current_user)]»)\ndef a(): ...\n\n\n@router.post(\n    \"/b\",\n«    dependencies=[Depends(get_current_user)],\n»)\ndef b(): ...\n",
    ),
    (
        "router",
        "from fastapi import APIRouter, Depends\n\nfrom app.deps import get_current_user\n\nrouter = APIRouter(«dependencies=[Depends(get_current_user)]»)\n\n\n@router.get(\"/a\")\ndef a(): ...\n\n\n@router.post(\"/b\")\ndef b(): ...\n",
    ),
    (
        "class",
        "from fastapi import APIRouter, Depends\nfrom fastapi_utils.cbv import cbv\n\nfrom app.deps import get_current_user\nfrom app.models import User\n\nrouter = APIRouter()\n\n\n@cbv(router)\nclass Things:\n«    user: User = Depends(get_current_user)\n»\n    @router.get(\"/a\")\n    def a(self): ...\n\n    @router.post(\"/a/{a}\")\n    def b(self, a: int, q: str = \"\"): ...\n",
    ),
];

/// Each project without one of its guards.
fn mutants() -> Vec<Case> {
    let mut cases = Vec::new();
    for (style, marked) in STYLES {
        let count = marked.matches('«').count();
        for gone in 0..count {
            let mut module = String::new();
            for (index, part) in marked.split('«').enumerate() {
                let (guard, rest) = part.split_once('»').unwrap_or(("", part));
                module.push_str(if index > 0 && index - 1 == gone { "" } else { guard });
                module.push_str(rest);
            }
            cases.push(routed(format!("{style} without guard {gone}"), &module, &format!("{DEPS}{ALIAS}")));
        }
    }
    cases
}

/// What FastAPI does not read yet is not written.
#[test]
fn the_version_of_fastapi_decides_the_form() {
    let alias = format!("{DEPS}\n\nCurrentUser = Annotated[User, Depends(get_current_user)]\n");
    let statement = format!("{DEPS}\n\ntype CurrentUser = Annotated[User, Depends(get_current_user)]\n");
    let cases = [
        (&alias, "0.115.0", "current_user: CurrentUser"),
        (&alias, "0.94.1", "current_user: User = Depends(get_current_user)"),
        (&statement, "0.130.0", "current_user: CurrentUser"),
        (&statement, "0.128.1", "current_user: Annotated[User, Depends(get_current_user)]"),
        (&statement, "0.90.0", "current_user: User = Depends(get_current_user)"),
    ];
    let module = "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n@router.get(\"/{user_id}\")\ndef one(user_id: str): ...\n";
    for (deps, version, expected) in cases {
        let mut files = routed(version, module, deps).files;
        files.insert(format!("{ROOT}/requirements.txt"), format!("fastapi=={version}\n"));
        let after = fix_all(&files);
        let text = &after[&format!("{ROOT}/app/routes.py")];
        assert!(text.contains(expected), "{version}\n{text}");
    }
}

#[test]
fn whole_projects_have_no_finding() {
    for (style, marked) in STYLES {
        let module = marked.replace(['«', '»'], "");
        let case = routed(style, &module, &format!("{DEPS}{ALIAS}"));
        assert_eq!(subjects(&host(&case.files).snapshot()), [""; 0], "{style}");
    }
}

/// Every fix of every case, made and checked once, and the texts that it changed.
static OUTCOMES: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| {
    let outcomes = |case: Case| {
        let changed = |(name, after): (String, Files)| {
            let new = after.into_iter().filter(|(path, text)| case.files.get(path) != Some(text));
            (name, new.map(|(_, text)| text).collect())
        };
        each_fix(&case).into_iter().map(changed).collect::<Vec<_>>()
    };
    all_cases().into_iter().flat_map(outcomes).collect()
});

#[test]
fn a_fix_removes_its_finding_and_makes_no_other() {
    assert!(all_cases().len() > 400);
    assert!(OUTCOMES.len() > 1000, "{} fixes", OUTCOMES.len());
}

#[test]
fn fixing_everything_ends_without_findings() {
    for case in all_cases().iter().filter(|case| case.fixable) {
        let after = fix_all(&case.files);
        assert_eq!(subjects(&host(&after).snapshot()), [""; 0], "{}\n{after:#?}", case.name);
    }
}

/// Has CPython read texts: 3.11 where it is there, the last one that is strict about quotes in f-strings.
pub(crate) fn compile(texts: &[(&str, &str)]) {
    let script = "import json, sys, warnings\nwarnings.simplefilter('ignore')\nfor name, text in json.load(sys.stdin):\n    try:\n        compile(text.encode(), '<fix>', 'exec')\n    except SyntaxError as error:\n        print(name, error, text, sep='\\n')\n";
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let python = ["python3.11", "python3"].into_iter().find(runs).expect("this test needs python3");
    let python = Command::new(python).args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = python.unwrap();
    python.stdin.take().unwrap().write_all(json!(texts).to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

/// CPython reads every text that a fix makes.
#[test]
fn python_compiles_what_fixes_make() {
    let texts: Vec<(&str, &str)> = OUTCOMES
        .iter()
        .flat_map(|(name, texts)| texts.iter().map(move |text| (name.as_str(), text.as_str())))
        .collect();
    compile(&texts);
    assert!(texts.len() > 900);
}

/// The example project without each of its guards in turn.
#[test]
fn the_example_project_gets_its_guards_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/todo-app/backend");
    let mut files = Files::new();
    let mut pending = vec![root.clone()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                let below = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                files.insert(format!("{ROOT}/{below}"), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let before = subjects(&host(&files).snapshot());
    let guards = [
        ("app/api/tasks.py", "list_tasks(user: CurrentUser)", "list_tasks()"),
        ("app/api/tasks.py", ", user: CurrentUser", ""),
        ("app/api/tasks.py", ", dependencies=[Depends(RequireRole(\"admin\"))]", ""),
        ("app/main.py", ", dependencies=[Depends(require_api_key)]", ""),
    ];
    for (path, guard, without) in guards {
        let mut mutant = files.clone();
        let text = mutant.get_mut(&format!("{ROOT}/{path}")).unwrap();
        assert!(text.contains(guard), "{guard}");
        *text = text.replacen(guard, without, 1);
        let case = Case { name: guard.to_owned(), files: mutant, fixable: false };
        let found = subjects(&host(&case.files).snapshot());
        assert!(found.iter().any(|subject| !before.contains(subject)), "{guard}: {found:?}");
        assert!(each_fix(&case).len() > before.len());
    }
}

/// What an editor is given is what the command line writes.
#[test]
fn the_editor_and_the_command_line_agree() {
    let decorators = decorator_cases().into_iter().take(12).map(|case| (case, "app/routes.py", true));
    let signatures = unapplied_cases().into_iter().step_by(5).map(|case| (case, "app/routes.py", false));
    let middlewares = middleware_cases().into_iter().step_by(5).map(|case| (case, "main.py", false));
    let includes = elsewhere_cases().into_iter().take(1).map(|case| (case, "app/main.py", false));
    let (mut fixed, mut kept) = (0, 0);
    for (at, (case, path, ends_clean)) in decorators.chain(signatures).chain(middlewares).chain(includes).enumerate() {
        let below = |path: &str| path.strip_prefix(&format!("{ROOT}/")).unwrap().to_owned();
        let files: Vec<(String, &str)> = case.files.iter().map(|(path, text)| (below(path), text.as_str())).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let root = project(&format!("agree-{at}"), &files);
        let document = uri(&root, path);
        let text = &case.files[&format!("{ROOT}/{path}")];
        let mut editor = Editor::start();
        editor.initialize(Some(&root), json!({"general": {"positionEncodings": ["utf-8"]}}));
        editor.open(&document, text);
        let found = editor.published(&document, 1, |found| !found.is_empty());
        assert_eq!(found.len(), 1, "{}", case.name);
        let params = json!({
            "textDocument": {"uri": document},
            "range": found[0]["range"],
            "context": {"diagnostics": [], "only": ["source.fixAll.authlens"]},
        });
        let actions = editor.request(1, "textDocument/codeAction", params);
        let edits = actions[0]["edit"]["changes"][&document].as_array().cloned().unwrap_or_default();
        let edited = edited(text, &edits);
        editor.quit();
        let status = authlens(&root, &["check", "--fix"]).status.code();
        assert!(status == Some(0) || !ends_clean, "{}", case.name);
        assert_eq!(std::fs::read_to_string(root.join(path)).unwrap(), edited, "{}", case.name);
        // A second run finds nothing to change.
        authlens(&root, &["check", "--fix"]);
        assert_eq!(std::fs::read_to_string(root.join(path)).unwrap(), edited, "{}", case.name);
        // What is unsafe is not made by "all safe fixes".
        let analysis = host(&case.files).snapshot();
        let file = analysis.file_id(&format!("{ROOT}/{path}")).unwrap();
        let all = analysis.diagnostics(file);
        let mut offered = all.iter().flat_map(|diagnostic| repairs(&analysis, diagnostic));
        let safe = offered.any(|fix| fix.applicability == Applicability::Safe);
        assert_eq!(edited != *text, safe, "{}", case.name);
        *if safe { &mut fixed } else { &mut kept } += 1;
        let _ = std::fs::remove_dir_all(root);
    }
    assert!(fixed > 20 && kept > 5, "{fixed} {kept}");
}

#[test]
fn defaults_of_other_look_ups_are_left_alone() {
    let main = "import os\nimport jwt\n\nKEY = os.getenv(\"KEY\", os.getenv(\"OLD_KEY\", \"a-key-that-everybody-knows\"))\n\n\ndef sign(user: str):\n    return jwt.encode({\"sub\": user, \"exp\": 900}, KEY, algorithm=\"HS256\")\n";
    let files = Files::from([(format!("{ROOT}/main.py"), main.to_owned())]);
    let analysis = host(&files).snapshot();
    let file = analysis.file_id(&format!("{ROOT}/main.py")).unwrap();
    let found = analysis.diagnostics(file).to_vec();
    let finding = found.iter().find(|diagnostic| diagnostic.rule == "hardcoded-secret").unwrap();
    let (fixes, refusals) = analysis.fixes(finding);
    assert!(!fixes.iter().any(|fix| fix.title.starts_with("Fail when")), "{fixes:?}");
    assert!(refusals.iter().any(|refusal| refusal.0.contains("another look-up")), "{refusals:?}");
}

fn authlens(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_authlens")).args(args).current_dir(folder).output().unwrap()
}

/// Texts below a folder by path.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(at) = pending.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let below = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                texts.insert(below, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}

const OPEN: &str = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.post(\"/a\")\ndef a(): ...";
const KEY: &str = "from fastapi import Header, HTTPException\n\n\ndef key(x_api_key: str = Header()):\n    if x_api_key != open(\"/run/secrets/key\").read():\n        raise HTTPException(401)\n";

/// What a diff can't show it does not ask to be applied, and the rest of it can be.
#[test]
fn a_diff_with_a_secret_is_a_patch_of_all_other_files() {
    let secret = "q7Zf3n5Xw9Kd2Lr8Tb4Mv6Hy1Js0Pc";
    let settings = format!(
        "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    secret_key: str = \"{secret}\"\n\n\nsettings = Settings()\n"
    );
    let tokens = "import jwt\nfrom fastapi import FastAPI\n\nfrom settings import settings\n\napp = FastAPI()\n\n\n@app.post(\"/login\")\ndef sign(user: str):\n    return jwt.encode({\"sub\": user, \"exp\": 900}, settings.secret_key, algorithm=\"HS256\")\n";
    let lines = format!(
        "import jwt\nfrom fastapi import FastAPI\n\nKEY = \"\"\"first-line-{secret}\nsecond-line-{secret}\n\"\"\"\napp = FastAPI()\n\n\n@app.post(\"/login\")\ndef sign(user: str):\n    return jwt.encode({{\"sub\": user, \"exp\": 900}}, KEY, algorithm=\"HS256\")\n"
    );
    let files = [("a/main.py", OPEN), ("settings.py", &*settings), ("tokens.py", tokens), ("b/lines.py", &*lines)];
    let folder = project("secret-diff", &files);
    let before = texts(&folder);
    let diff = authlens(&folder, &["check", "--unsafe-fixes", "--diff"]);
    let shown = String::from_utf8(diff.stdout.clone()).unwrap();
    assert!(shown.contains("# settings.py: a secret in it is not shown"), "{shown}");
    assert!(shown.contains("# -    secret_key: str = \"***\""), "{shown}");
    assert!(shown.contains("# b/lines.py: a secret in it is not shown"), "{shown}");
    assert!(!shown.contains(secret), "{shown}");
    let mut patch = Command::new("git")
        .args(["apply", "-p1", "--whitespace=nowarn", "-"])
        .current_dir(&folder)
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    patch.stdin.take().unwrap().write_all(&diff.stdout).unwrap();
    assert!(patch.wait().unwrap().success(), "{shown}");
    let after = texts(&folder);
    assert_eq!(after["settings.py"], before["settings.py"]);
    assert_ne!(after["a/main.py"], before["a/main.py"]);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_diff_can_be_applied_and_writes_nothing() {
    let windows = OPEN.replace('\n', "\r\n");
    let files = [("one/main.py", OPEN), ("two/main.py", windows.as_str()), ("two/deps.py", KEY), ("a b/main.py", OPEN)];
    let (by_diff, by_fix) = (project("by-diff", &files), project("by-fix", &files));
    let before = texts(&by_diff);
    let diff = authlens(&by_diff, &["check", "--unsafe-fixes", "--diff"]);
    assert_eq!(diff.status.code(), Some(1));
    assert_eq!(texts(&by_diff), before);
    let patch = Command::new("git")
        .args(["apply", "-p1", "--whitespace=nowarn", "-"])
        .current_dir(&by_diff)
        .env("GIT_CEILING_DIRECTORIES", by_diff.parent().unwrap())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut patch = patch.expect("this test needs git");
    patch.stdin.take().unwrap().write_all(&diff.stdout).unwrap();
    let patched = patch.wait_with_output().unwrap();
    assert!(patched.status.success(), "{}", String::from_utf8_lossy(&patched.stderr));
    assert_eq!(authlens(&by_fix, &["check", "--unsafe-fixes"]).status.code(), Some(0));
    assert_eq!(texts(&by_diff), texts(&by_fix));
    assert!(texts(&by_fix).contains_key("one/auth.py"));
    assert_eq!(authlens(&by_fix, &["check", "--unsafe-fixes", "--diff"]).stdout, b"");
    let _ = (std::fs::remove_dir_all(by_diff), std::fs::remove_dir_all(by_fix));
}

#[test]
fn a_fix_keeps_what_it_does_not_change() {
    let text = format!("\u{feff}{}", OPEN.replace('\n', "\r\n"));
    let root = project("keeps", &[("main.py", &text), ("deps.py", KEY), ("other.py", "x = 1\r\n")]);
    let code = |args: &[&str]| authlens(&root, args).status.code();
    // What is not selected is not fixed.
    assert_eq!(code(&["check", "--fix", "--ignore", "missing-auth-dependency"]), Some(0));
    assert_eq!(code(&["check", "--fix", "--select", "unused-ignore"]), Some(0));
    assert_eq!(std::fs::read_to_string(root.join("main.py")).unwrap(), text);
    assert_eq!(code(&["check"]), Some(1));
    assert_eq!(code(&["check", "--fix"]), Some(0));
    let fixed = std::fs::read_to_string(root.join("main.py")).unwrap();
    assert!(fixed.starts_with('\u{feff}') && fixed.ends_with("def a(): ..."), "{fixed:?}");
    assert_eq!(fixed.matches('\n').count(), fixed.matches("\r\n").count());
    assert!(fixed.contains("@app.post(\"/a\", dependencies=[Depends(key)])"), "{fixed}");
    assert_eq!(code(&["check", "--fix"]), Some(0));
    assert_eq!(std::fs::read_to_string(root.join("main.py")).unwrap(), fixed);
    let _ = std::fs::remove_dir_all(root);
}

/// What a decorator asks for is written once: a fix that has the handler ask for it itself takes it off there.
#[test]
fn a_dependency_is_asked_for_once() {
    let deps = "import os\nimport jwt\nfrom fastapi import Header, HTTPException\n\n\ndef current_user(authorization: str = Header()):\n    try:\n        return jwt.decode(authorization, os.environ[\"KEY\"], algorithms=[\"HS256\"], options={\"require\": [\"exp\", \"sub\"]})\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n\ndef limit():\n    return None\n";
    let models = "from sqlmodel import Field, Session, SQLModel\n\n\nclass User(SQLModel, table=True):\n    id: str = Field(primary_key=True)\n\n\nclass Task(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n    user_id: str = Field(foreign_key=\"user.id\")\n\n\ndef session():\n    with Session() as one:\n        yield one\n";
    let main = "from fastapi import Depends, FastAPI\nfrom sqlmodel import Session, select\n\nfrom deps import current_user, limit\nfrom models import Task, session\n\napp = FastAPI()\n\n\n@app.get(\"/tasks\")\ndef tasks(user=Depends(current_user), db: Session = Depends(session)):\n    return db.exec(select(Task).where(Task.user_id == user[\"sub\"])).all()\n\n\n@app.get(\"/tasks/first\")\ndef first(user=Depends(current_user), db: Session = Depends(session)):\n    return db.exec(select(Task).where(Task.user_id == user[\"sub\"])).first()\n\n\n@app.get(\"/export\", dependencies=[Depends(limit)])\ndef export(db: Session = Depends(session)):\n    return db.exec(select(Task)).all()\n\n\n@app.get(\"/export/all\", tags=[\"export\"])\ndef export_all(db: Session = Depends(session)):\n    return db.exec(select(Task)).all()\n";
    let root = project("once", &[("main.py", main), ("deps.py", deps), ("models.py", models)]);
    let text = || std::fs::read_to_string(root.join("main.py")).unwrap();
    authlens(&root, &["check", "--unsafe-fixes"]);
    let fixed = text();
    let handler = "def export_all(db: Session = Depends(session), current_user=Depends(current_user)):";
    assert!(fixed.contains(&format!("@app.get(\"/export/all\", tags=[\"export\"])\n{handler}")), "{fixed}");
    assert!(fixed.contains("@app.get(\"/export\", dependencies=[Depends(limit)])\ndef export("), "{fixed}");
    authlens(&root, &["check", "--unsafe-fixes"]);
    assert_eq!(text(), fixed);
    let _ = std::fs::remove_dir_all(root);
}

/// A new module that fits what the frontend issues.
#[test]
fn a_new_module_verifies_what_the_frontend_sends() {
    let frontends = [
        ("plugins: [jwt()]", "algorithms=[\"EdDSA\"]"),
        ("plugins: [jwt({ jwks: { keyPairConfig: { alg: \"ES256\" } } })]", "algorithms=[\"ES256\"]"),
        ("plugins: [bearer()]", "/api/auth/get-session"),
        ("// plugins: [bearer()]", "The frontend has to use"),
    ];
    for (at, (configuration, expected)) in frontends.iter().enumerate() {
        let configuration = format!("export const auth = betterAuth({{\n  {configuration}\n}});\n");
        let files = [("backend/main.py", OPEN), ("frontend/lib/auth.ts", configuration.as_str())];
        let root = project(&format!("frontend-{at}"), &files);
        assert_eq!(authlens(&root, &["check", "--unsafe-fixes"]).status.code(), Some(0));
        let made = std::fs::read_to_string(root.join("backend/auth.py")).unwrap();
        assert!(made.contains(expected), "{configuration}\n{made}");
        let routes = String::from_utf8(authlens(&root, &["routes"]).stdout).unwrap();
        assert!(routes.contains("get_current_user"), "{routes}");
        let _ = std::fs::remove_dir_all(root);
    }
}

/// An editor that can make files is offered the new module, another is not.
#[test]
fn a_new_module_is_offered_to_those_who_can_make_it() {
    let root = project("create", &[("main.py", OPEN)]);
    let document = uri(&root, "main.py");
    let able = json!({"workspace": {"workspaceEdit": {"documentChanges": true, "resourceOperations": ["create"]}}});
    for (capabilities, wanted) in [(able, true), (json!({}), false)] {
        let mut editor = Editor::start();
        editor.initialize(Some(&root), capabilities);
        editor.open(&document, OPEN);
        let found = editor.published(&document, 1, |found| !found.is_empty());
        let params =
            json!({"textDocument": {"uri": document}, "range": found[0]["range"], "context": {"diagnostics": []}});
        let actions = editor.request(1, "textDocument/codeAction", params);
        let creates = |action: &Value| action["edit"]["documentChanges"][0]["kind"] == "create";
        assert_eq!(actions.as_array().unwrap().iter().any(creates), wanted, "{actions:#}");
        editor.quit();
    }
    let _ = std::fs::remove_dir_all(root);
}

/// A client that names findings is offered fixes of these only.
#[test]
fn a_named_finding_gets_no_fix_of_another() {
    let root = project("named", &[("main.py", OPEN), ("deps.py", KEY)]);
    let document = uri(&root, "main.py");
    let mut editor = Editor::start();
    editor.initialize(Some(&root), json!({}));
    editor.open(&document, OPEN);
    let found = editor.published(&document, 1, |found| !found.is_empty());
    let mut foreign = found[0].clone();
    foreign["code"] = json!("E501");
    let own = found[0].clone();
    for (id, named, wanted) in
        [(1, json!([]), true), (2, json!([own]), true), (3, json!([foreign]), false), (4, json!([foreign, own]), true)]
    {
        let params =
            json!({"textDocument": {"uri": document}, "range": found[0]["range"], "context": {"diagnostics": named}});
        let actions = editor.request(id, "textDocument/codeAction", params);
        assert_eq!(!actions.as_array().unwrap().is_empty(), wanted, "{actions:#}");
    }
    editor.quit();
    let _ = std::fs::remove_dir_all(root);
}

/// A text after edits in the protocol's form, with columns in bytes.
fn edited(text: &str, edits: &[Value]) -> String {
    let offset = |position: &Value| {
        let line = position["line"].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        start + position["character"].as_u64().unwrap() as usize
    };
    let mut edits: Vec<(usize, usize, &str)> = edits
        .iter()
        .map(|edit| (offset(&edit["range"]["start"]), offset(&edit["range"]["end"]), edit["newText"].as_str().unwrap()))
        .collect();
    edits.sort_by_key(|(start, ..)| *start);
    let mut out = text.to_owned();
    for (start, end, new) in edits.into_iter().rev() {
        out.replace_range(start..end, new);
    }
    out
}

/// What is found out of a file for one of its routes is not found out again for the next.
#[test]
fn fixes_of_many_routes_take_linear_time() {
    let project = |routers: usize| {
        let mut main = "import os\nfrom fastapi import APIRouter, Depends, FastAPI, Header, HTTPException\n\ndef key(x_api_key: str = Header()):\n    if x_api_key != os.environ[\"KEY\"]:\n        raise HTTPException(401)\n\napp = FastAPI()\n\n@app.get(\"/\", dependencies=[Depends(key)])\ndef all(): return os.listdir(\"/\")\n\n".to_owned();
        for router in 0..routers {
            main.push_str(&format!("r{router} = APIRouter(prefix=\"/r{router}\")\n\n"));
            for route in 0..20 {
                main.push_str(&format!(
                    "@r{router}.delete(\"/{route}/{{name}}\")\ndef f{router}_{route}(name: str):\n    os.remove(name)\n\n"
                ));
            }
            main.push_str(&format!("app.include_router(r{router})\n"));
        }
        case("many", &[("main.py", &main)])
    };
    let took = |routers: usize| {
        let analysis = host(&project(routers).files).snapshot();
        let file = analysis.file_id(&format!("{ROOT}/main.py")).unwrap();
        let found = analysis.diagnostics(file);
        let open: Vec<_> = found.iter().filter(|d| d.rule == "missing-auth-dependency").collect();
        assert_eq!(open.len(), routers * 20);
        let times = (0..3).map(|_| {
            let (start, fixer) = (Instant::now(), analysis.fixer());
            assert!(open.iter().all(|diagnostic| fixer.fixes(diagnostic).0.len() > 3));
            start.elapsed()
        });
        times.min().unwrap().as_secs_f64()
    };
    let (few, many) = (took(10), took(40));
    assert!(many < few.max(0.05) * 8.0, "{few} s, {many} s");
}
