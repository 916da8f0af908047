//! Files that name no framework are not read before something imports them:
//! no finding is lost by that. The command line, which leaves them out, is
//! compared with an analysis that was given every text. `AUTHLENS_TREES`
//! names more folders to compare, separated as in `PATH`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use authlens_analysis::facts::typescript::imports::Imports;
use authlens_analysis::facts::{manifests, roles};
use authlens_analysis::ide::{AnalysisHost, Change, FileContent};
use authlens_analysis::syntax::typescript;
use authlens_analysis::text::PositionEncoding;
use ignore::WalkBuilder;
use serde_json::Value;

// All but `MAIN` name no framework, and all of them matter.
const SERVICES: &str =
    "import registry\n\nVERSION = \"v1\"\n\n\ndef fetch(token):\n    return registry.lookup(token)\n";
const REGISTRY: &str =
    "KNOWN = {}\n\n\ndef lookup(token):\n    if token not in KNOWN:\n        return None\n    return KNOWN[token]\n";
const CONSTANTS: &str = "PREFIX = \"/api\"\nPATHS = [\"/a\", \"/b\"]\n";
const VIEWS: &str = "from .base import Base\n\n\nclass Own(Base):\n    pass\n";
const BASE: &str = "class Base:\n    def __init__(self, router):\n        self.router = router\n        self.router.add_api_route(\"/made\", self.run)\n\n    def run(self): ...\n";
const MAIN: &str = "from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException\nimport services\nfrom constants import PATHS, PREFIX\nfrom package.views import Own\n\n\ndef user(x_token: str = Header()):\n    found = services.fetch(x_token)\n    if found is None:\n        raise HTTPException(401)\n    return found\n\n\nrouter = APIRouter(prefix=PREFIX + \"/\" + services.VERSION)\n\n\ndef read(): ...\n\n\nfor path in PATHS:\n    router.add_api_route(path, read)\n\n\n@router.delete(\"/{id}\")\ndef delete(id: int, who=Depends(user)): ...\n\n\n@router.put(\"/{id}\")\ndef put(id: int): ...\n\n\napp = FastAPI()\napp.include_router(router)\napp.include_router(Own(APIRouter()).router)\n";

// `Shell` and `Bar` name nothing that sends: they are not read, and lead to what sends.
const GUARDED: &str = "from typing import Annotated\n\nimport jwt\nfrom fastapi import Depends, FastAPI, HTTPException\nfrom fastapi.security import HTTPBearer\n\n\ndef user(token: Annotated[str, Depends(HTTPBearer())]):\n    try:\n        return jwt.decode(token.credentials, KEY, algorithms=[\"HS256\"], options={\"require\": [\"exp\", \"sub\"]})[\"sub\"]\n    except jwt.PyJWTError:\n        raise HTTPException(401, headers={\"WWW-Authenticate\": \"Bearer\"})\n\n\napp = FastAPI()\n\n\n@app.get(\"/api/tasks\")\ndef tasks(who: Annotated[str, Depends(user)]): ...\n";
const PACKAGE: &str =
    "{\"name\": \"web\", \"dependencies\": {\"react\": \"19.0.0\"}, \"devDependencies\": {\"vite\": \"7.0.0\"}}";
const PAGE: &str = "import { createRoot } from 'react-dom/client';\nimport { Shell } from './shell';\n\ncreateRoot(document.body).render(<Shell />);\n";
const SHELL: &str =
    "import { Bar } from './parts';\n\nexport const Shell = () => <Bar />; // import { Gone } from './gone';\n";
const PARTS: &str = "export { Bar } from './parts/bar';\n";
const BAR: &str = "import { Tasks } from '../tasks';\n\nexport const Bar = () => <Tasks />;\n";
const UNDRAWN: &str = "import { Gone } from './gone';\n\nexport const Undrawn = () => <Gone />;\n";
const TASKS: &str = "import { useEffect } from 'react';\n\nexport function Tasks() {\n  useEffect(() => {\n    fetch('/api/tasks');\n  }, []);\n  return <ul />;\n}\n";

/// Folders that the command line does not enter.
const VENDORED: &[&str] = &[".git", ".venv", "venv", "site-packages", "node_modules", "dist", "build", "__pycache__"];

/// Every file of a tree that the command line could read, with its text.
fn everything(root: &Path) -> Vec<(String, FileContent)> {
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false).require_git(false);
    walk.filter_entry(|entry| entry.depth() == 0 || !VENDORED.iter().any(|name| entry.file_name() == *name));
    let mut files = Vec::new();
    for entry in walk.build().flatten() {
        let path = entry.path().to_str().unwrap().to_owned();
        let matters = path.ends_with(".py")
            || typescript::grammar(&path).is_some()
            || roles::configures_modules(&path)
            || roles::role(&path).is_some()
            || manifests::rank(&path).is_some();
        if matters
            && entry.file_type().is_some_and(|kind| kind.is_file())
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            files.push((path, FileContent::Text(text.into())));
        }
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    files
}

/// What an analysis says that was given all texts: findings and routes.
fn with_everything(root: &Path) -> BTreeSet<String> {
    let mut host = AnalysisHost::new();
    let root = root.to_str().unwrap();
    let disk = everything(Path::new(root));
    host.apply(Change { roots: Some(vec![root.to_owned()]), disk, ..Change::default() });
    let analysis = host.snapshot();
    let shown = |path: &str| path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').to_owned();
    let mut said = BTreeSet::new();
    for file in analysis.files_with_diagnostics() {
        let (text, lines) = (analysis.text(file).unwrap(), analysis.line_index(file).unwrap());
        for found in analysis.diagnostics(file).iter() {
            let line = lines.line_col(found.location.range.start, &text, PositionEncoding::Utf8).line + 1;
            said.insert(format!("{}:{line} {} {}", shown(analysis.path(file)), found.rule, found.message));
        }
    }
    for app in analysis.apps() {
        for route in app.routes.into_iter().filter(|route| route.path_known) {
            let handler = route.handler.map_or_else(String::new, |handler| handler.qualname);
            said.insert(format!("{:?} {handler} {}", route.methods, route.status.word()));
        }
    }
    said
}

/// What the command line says of the same tree.
fn with_prefilter(root: &Path) -> BTreeSet<String> {
    let report = |arguments: &[&str]| -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_authlens")).args(arguments).arg(root).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let mut said = BTreeSet::new();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for found in report(&["check", "--format", "json"])["diagnostics"].as_array().unwrap() {
        let (path, line) = (text(&found["path"]), &found["range"]["start"]["line"]);
        said.insert(format!("{path}:{line} {} {}", text(&found["rule"]), text(&found["message"])));
    }
    for app in report(&["routes", "--format", "json"])["apps"].as_array().unwrap() {
        for route in app["routes"].as_array().unwrap() {
            let methods: Vec<String> = route["methods"].as_array().unwrap().iter().map(text).collect();
            // The report repeats routes of mounted applications below their parents: paths differ.
            let handler = route["handler"]["qualname"].as_str().unwrap_or_default();
            said.insert(format!("{methods:?} {handler} {}", text(&route["status"])));
        }
    }
    said
}

fn compare(root: &Path) -> BTreeSet<String> {
    let (all, filtered) = (with_everything(root), with_prefilter(root));
    let lost: Vec<_> = all.difference(&filtered).collect();
    let more: Vec<_> = filtered.difference(&all).collect();
    assert!(lost.is_empty() && more.is_empty(), "{}: lost {lost:#?}, more {more:#?}", root.display());
    all
}

/// Writes files into a new folder.
fn tree(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

#[test]
fn scripts_that_are_not_read_lead_to_others() {
    let gone = TASKS.replace("Tasks", "Gone");
    let files = [
        ("main.py", GUARDED),
        ("web/package.json", PACKAGE),
        ("web/src/start.tsx", PAGE),
        ("web/src/shell.tsx", SHELL),
        ("web/src/parts/index.ts", PARTS),
        ("web/src/parts/bar.tsx", BAR),
        ("web/src/tasks.tsx", TASKS),
        ("web/src/undrawn.tsx", UNDRAWN),
        ("web/src/gone.tsx", &gone),
    ];
    let root = tree("unread", &files);
    let said = compare(&root);
    std::fs::remove_dir_all(&root).unwrap();
    let about = |path: &str| -> Vec<&String> {
        said.iter().filter(|said| said.starts_with(path) && said.contains("missing-bearer")).collect()
    };
    assert!(about("web/src/tasks.tsx").iter().all(|said| !said.contains("No page leads")), "{said:#?}");
    assert!(about("web/src/gone.tsx").iter().all(|said| said.contains("No page leads")), "{said:#?}");
    assert_eq!((about("web/src/tasks.tsx").len(), about("web/src/gone.tsx").len()), (1, 1), "{said:#?}");
}

/// What a script that is not read imports may change while an editor shows the others.
#[test]
fn imports_of_scripts_that_are_not_read_are_followed_as_they_change() {
    let unread = |text: &str| FileContent::Script(Imports::of(text).into());
    let text = |text: &str| FileContent::Text(text.into());
    let of = |path: &str| format!("/p/{path}");
    let mut host = AnalysisHost::new();
    let disk = vec![
        (of("main.py"), text(GUARDED)),
        (of("web/package.json"), text(PACKAGE)),
        (of("web/src/start.tsx"), unread(PAGE)),
        (of("web/src/shell.tsx"), unread(BAR)),
        (of("web/src/tasks.tsx"), text(TASKS)),
    ];
    host.apply(Change { roots: Some(vec!["/p".to_owned()]), disk, ..Change::default() });
    let is_unused = |host: &AnalysisHost| {
        let analysis = host.snapshot();
        let found = analysis.diagnostics(analysis.file_id(&of("web/src/tasks.tsx")).unwrap());
        let finding = found.iter().find(|found| found.rule == "missing-bearer").unwrap();
        finding.message.contains("No page leads")
    };
    assert!(!is_unused(&host));
    for (shell, unused) in [("export const Shell = () => null;\n", true), (BAR, false)] {
        host.apply(Change { disk: vec![(of("web/src/shell.tsx"), unread(shell))], ..Change::default() });
        assert_eq!(is_unused(&host), unused, "{shell}");
    }
    host.apply(Change { disk: vec![(of("web/src/shell.tsx"), FileContent::Removed)], ..Change::default() });
    assert!(is_unused(&host));
}

#[test]
fn the_prefilter_loses_no_finding() {
    let files = [
        ("main.py", MAIN),
        ("services.py", SERVICES),
        ("registry.py", REGISTRY),
        ("constants.py", CONSTANTS),
        ("package/__init__.py", ""),
        ("package/views.py", VIEWS),
        ("package/base.py", BASE),
        ("unrelated.py", "print(1)\n"),
        ("once.py", &format!("KEY = \"AIza{}\"\n", "SyD3kq9Zx7Lw2Vb8Nc4Rt6Yp1Mf5Hj0GsUe")),
    ];
    let root = tree("prefilter", &files);
    let said = compare(&root);
    std::fs::remove_dir_all(&root).unwrap();
    for wanted in ["[\"GET\"] read open", "[\"GET\"] Base.run open", "[\"DELETE\"] delete guarded"] {
        assert!(said.contains(wanted), "{wanted}: {said:#?}");
    }
    assert!(said.iter().any(|said| said.starts_with("once.py:1 hardcoded-secret")), "{said:#?}");
    assert!(compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/todo-app")).len() > 10);
    let named = std::env::var_os("AUTHLENS_TREES").unwrap_or_default();
    for root in std::env::split_paths(&named).filter(|root| !root.as_os_str().is_empty()) {
        println!("{}: the same {} findings and routes", root.display(), compare(&root.canonicalize().unwrap()).len());
    }
}
