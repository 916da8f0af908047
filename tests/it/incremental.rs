//! Incremental equals from scratch: random edits over several files, with
//! broken code in between. `AUTHLENS_RANDOM_EDITS` sets how many.

use std::collections::BTreeMap;

use authlens_analysis::facts::python::lower::lower_file;
use authlens_analysis::ide::{Analysis, AnalysisHost, Change, FileContent};
use authlens_analysis::syntax;

const SPEC: &str = "# Endpoints\n\nAll endpoints except `/health` require a JWT.\n\n- GET /tasks/\n- DELETE /tasks/{id} (public)\n\n### GET /me\n**Auth**: None\n";
const SETTINGS: &str = "protect = [\"/notes/**\"]\n\n[rules]\nunused-ignore = \"info\"\n\n[[public]]\npath = \"/tasks/\"\nreason = \"list\"\n";

type Texts = BTreeMap<String, String>;

const MAIN: &str = "from fastapi import FastAPI, Depends\nfrom api import tasks, notes\nfrom deps import current_user\n\napp = FastAPI()\napp.include_router(tasks.router, prefix=\"/tasks\")\napp.include_router(notes.router, dependencies=[Depends(current_user)])\n\n@app.get(\"/health\")\ndef health():\n    return {}\n\n@app.get(\"/me\")\ndef me(user=Depends(current_user)):\n    return user\n";
const TASKS: &str = "from fastapi import APIRouter, Depends\nfrom deps import current_user, CurrentUser\n\nrouter = APIRouter()\n\n@router.get(\"/\")\ndef all_tasks(user: CurrentUser):\n    return []\n\n@router.post(\"/\")\ndef create(user=Depends(current_user)):\n    return {}\n\n@router.delete(\"/{id}\")\ndef delete(id: int):\n    return id\n";
const NOTES: &str = "from fastapi import APIRouter\n\nrouter = APIRouter(prefix=\"/notes\")\n\n@router.get(\"/{id}\")\nasync def note(id: int):\n    value = id\n    return value\n";
const DEPS: &str = "from typing import Annotated\nfrom fastapi import Depends, HTTPException\nfrom fastapi.security import HTTPBearer\nimport jwt\n\nbearer = HTTPBearer()\n\ndef decode(token):\n    try:\n        return jwt.decode(token, \"k\", algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        return None\n\ndef current_user(credentials=Depends(bearer)):\n    payload = decode(credentials.credentials)\n    if payload is None:\n        raise HTTPException(401)\n    return payload\n\nCurrentUser = Annotated[dict, Depends(current_user)]\n";

fn start() -> Texts {
    [
        ("/p/main.py", MAIN),
        ("/p/api/tasks.py", TASKS),
        ("/p/api/notes.py", NOTES),
        ("/p/deps.py", DEPS),
        ("/p/specs/api.md", SPEC),
        ("/p/authlens.toml", SETTINGS),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into()
}

fn fresh(texts: &Texts) -> Analysis {
    let mut host = AnalysisHost::new();
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
    if !path.ends_with(".py") {
        return true;
    }
    let tree = syntax::parse(syntax::Grammar::Python, text, None).unwrap();
    lower_file(text, &tree, None).errors.is_empty()
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

#[test]
fn incremental_equals_from_scratch() {
    let edits: usize = std::env::var("AUTHLENS_RANDOM_EDITS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut texts = start();
    let mut host = AnalysisHost::new();
    let disk = texts.iter().map(|(path, text)| (path.clone(), FileContent::Text(text.as_str().into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let mut open: BTreeMap<String, bool> = BTreeMap::new();
    let mut compared = 0;
    for number in 0..edits {
        let path = texts.keys().nth(random.below(texts.len())).unwrap().clone();
        let before = host.snapshot();
        let was_clean = texts.iter().all(|(path, text)| parses(path, text));
        let mut change = Change::default();
        match random.below(20) {
            // A file comes, or goes.
            0 => {
                let name = format!("/p/extra{}.py", random.below(3));
                if texts.remove(&name).is_none() {
                    texts.insert(name.clone(), "from fastapi import APIRouter\nrouter = APIRouter()\n".into());
                }
                let content =
                    texts.get(&name).map_or(FileContent::Removed, |text| FileContent::Text(text.as_str().into()));
                change.disk.push((name.clone(), content));
                if open.remove(&name).is_some() {
                    change.open.push((name, None));
                }
            }
            // Back to the start, as an undo would.
            1 | 2 => {
                for (path, text) in start() {
                    change.open.push((path.clone(), Some(text.as_str().into())));
                    open.insert(path.clone(), true);
                    texts.insert(path, text);
                }
            }
            // Saved and closed.
            3 if open.contains_key(&path) => {
                open.remove(&path);
                change.disk.push((path.clone(), FileContent::Text(texts[&path].as_str().into())));
                change.open.push((path.clone(), None));
            }
            _ => {
                let text = edit(&mut random, &texts[&path]);
                change.open.push((path.clone(), Some(text.as_str().into())));
                open.insert(path.clone(), true);
                texts.insert(path.clone(), text);
            }
        }
        let typed = change.disk.is_empty() && change.open.len() == 1;
        host.apply(change);
        let analysis = host.snapshot();
        let broken: Vec<&String> =
            texts.iter().filter(|(path, text)| !parses(path, text)).map(|(path, _)| path).collect();
        if broken.is_empty() {
            compared += 1;
            assert_eq!(all(&analysis), all(&fresh(&texts)), "edit {number} of {path}:\n{}", texts[&path]);
        } else if typed && was_clean {
            for other in texts.keys().filter(|other| **other != path) {
                let (now, then) = (messages(&analysis, other), messages(&before, other));
                assert_eq!(now, then, "edit {number} broke {path} and moved {other}:\n{}", texts[&path]);
            }
        }
    }
    assert!(compared > edits / 20, "only {compared} of {edits} states could be compared");
}
