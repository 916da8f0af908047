//! Configuration: what it changes, its schema and its page.

use std::path::Path;

use authlens_analysis::facts::configuration::{self, KEYS, LEVELS, METHODS, PUBLIC_KEYS};
use authlens_analysis::ide::{Analysis, AnalysisHost, Change, FileContent, RouteStatus};
use authlens_analysis::rules;
use serde_json::Value;

const MAIN: &str = "from fastapi import Depends, FastAPI, Request\nfrom app.security import verify, read\n\napp = FastAPI()\n\n@app.get(\"/api/items\")\ndef items(): ...\n\n@app.post(\"/api/hooks/pay\")\ndef pay(): ...\n\n@app.get(\"/api/health\")\ndef health(): ...\n\n@app.get(\"/api/me\", dependencies=[Depends(verify)])\ndef me(): ...\n\n@app.get(\"/api/you\")\ndef you(who=Depends(read)): ...\n";
const SECURITY: &str = "from fastapi import Depends, Header\nfrom company import check\n\ndef verify(token: str = Header(alias=\"Authorization\")):\n    check(token)\n\ndef read(token: str = Header(alias=\"Authorization\")):\n    verify(token)\n    return token\n";

fn change(files: &[(&str, &str)]) -> Change {
    let disk = files.iter().map(|(path, text)| (format!("/p/{path}"), FileContent::Text((*text).into()))).collect();
    Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() }
}

fn host(files: &[(&str, &str)]) -> AnalysisHost {
    let mut host = AnalysisHost::new();
    host.apply(change(&[("app/main.py", MAIN), ("app/__init__.py", ""), ("app/security.py", SECURITY)]));
    host.apply(change(files));
    host
}

fn statuses(analysis: &Analysis) -> Vec<(String, RouteStatus, String)> {
    let apps = analysis.apps();
    let routes = apps.iter().flat_map(|app| &app.routes);
    routes
        .filter(|route| route.path.starts_with("/api"))
        .map(|route| (route.path.clone(), route.status, route.status_detail.clone()))
        .collect()
}

fn status_of(analysis: &Analysis, path: &str) -> (RouteStatus, String) {
    let found = statuses(analysis).into_iter().find(|(other, ..)| other == path);
    found.map(|(_, status, detail)| (status, detail)).unwrap()
}

fn codes(analysis: &Analysis) -> Vec<String> {
    let files = analysis.files_with_diagnostics();
    let all = files.iter().flat_map(|file| analysis.diagnostics(*file).to_vec());
    all.map(|d| format!("{:?} {} {}", d.severity, d.rule, analysis.path(d.location.file))).collect()
}

#[test]
fn every_setting_has_its_effect_and_loses_it_with_the_file() {
    let mut host = host(&[]);
    let plain = host.snapshot();
    assert_eq!(status_of(&plain, "/api/health").0, RouteStatus::Public);
    assert_eq!(status_of(&plain, "/api/me").0, RouteStatus::Unknown);
    let text = "protect = [\"/api/**\"]\nsinks = [\"app.security.verify\"]\n[rules]\nmissing-auth-dependency = \"warning\"\n[[public]]\npath = \"/api/hooks/*\"\nmethods = [\"POST\"]\nreason = \"signed\"\n";
    host.apply(change(&[("authlens.toml", text)]));
    let configured = host.snapshot();
    assert_eq!(
        status_of(&configured, "/api/hooks/pay"),
        (RouteStatus::Public, "public by authlens.toml: signed".into())
    );
    assert_eq!(status_of(&configured, "/api/health").0, RouteStatus::Open, "protect is stronger than nature");
    assert_eq!(status_of(&configured, "/api/me").0, RouteStatus::Guarded);
    assert_eq!(status_of(&configured, "/api/you").0, RouteStatus::Guarded, "a call of it counts too");
    let expected = ["Warning missing-auth-dependency /p/app/main.py"; 2];
    assert_eq!(codes(&configured), expected);
    let file = configured.file_id("/p/app/main.py").unwrap();
    let quoted = configured
        .diagnostics(file)
        .iter()
        .all(|d| d.related.iter().any(|step| step.message.contains("the configuration says: \"/api/**\"")));
    assert!(quoted, "a verdict that rests on the configuration shows its line");
    host.apply(change(&[("authlens.toml", "exclude = [\"app/main.py\"]\n")]));
    assert_eq!(codes(&host.snapshot()), [""; 0]);
    host.apply(Change { disk: vec![("/p/authlens.toml".into(), FileContent::Removed)], ..Change::default() });
    let again = host.snapshot();
    assert_eq!((statuses(&again), codes(&again)), (statuses(&plain), codes(&plain)));
}

#[test]
fn the_nearest_configuration_holds_alone() {
    let off = "[rules]\nmissing-auth-dependency = \"off\"\n";
    let pyproject = "[tool.authlens.rules]\nmissing-auth-dependency = \"error\"\n";
    let far = host(&[("authlens.toml", off), ("app/pyproject.toml", pyproject)]);
    assert!(!codes(&far.snapshot()).is_empty());
    let beside = host(&[("app/authlens.toml", off), ("app/pyproject.toml", pyproject)]);
    assert!(codes(&beside.snapshot()).is_empty());
    let mut named = host(&[("app/authlens.toml", off), ("ci/strict.toml", "protect = [\"/api/**\"]\n")]);
    named.apply(Change { configuration: Some("/p/ci/strict.toml".into()), ..Change::default() });
    assert_eq!(status_of(&named.snapshot(), "/api/health").0, RouteStatus::Open);
}

#[test]
fn the_schema_says_what_the_reader_takes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/formats");
    let schema = std::fs::read_to_string(folder.join("authlens.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let keys = |pointer: &str| -> Vec<String> {
        let object = schema.pointer(pointer).and_then(Value::as_object);
        let mut keys: Vec<String> = object.unwrap_or_else(|| panic!("no {pointer}")).keys().cloned().collect();
        keys.sort();
        keys
    };
    let strings = |pointer: &str| -> Vec<String> {
        let list = schema.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no {pointer}"));
        list.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys("/properties"), KEYS);
    assert_eq!(keys("/properties/public/items/properties"), PUBLIC_KEYS);
    assert_eq!(strings("/properties/public/items/properties/methods/items/enum"), METHODS);
    assert_eq!(strings("/definitions/level/enum"), LEVELS);
    let rules: Vec<&str> = rules::all().iter().map(|rule| rule.code).collect();
    assert_eq!(keys("/properties/rules/properties"), rules);
    assert_eq!(strings("/properties/public/items/required"), ["path", "reason"]);
    // VS Code takes the same in its settings.
    let package = std::fs::read_to_string(folder.join("../../editors/vscode/package.json")).unwrap();
    let package: Value = serde_json::from_str(&package).unwrap();
    let policy = &package["contributes"]["configuration"]["properties"]["authlens.policy"]["properties"];
    let mut settings: Vec<&String> = policy.as_object().unwrap().keys().collect();
    settings.sort();
    assert_eq!(settings, KEYS);
    // The example of the page is one that the reader takes as a whole.
    let page = std::fs::read_to_string(folder.join("configuration.md")).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let read = configuration::read(example, false).unwrap();
    assert_eq!(read.problems, []);
    for key in KEYS {
        assert!(example.contains(key), "the page does not show `{key}`");
    }
}
