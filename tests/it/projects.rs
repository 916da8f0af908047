//! The example project that the README checks.

use std::path::Path;
use std::process::Command;

#[test]
fn the_example_gives_what_the_readme_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run =
        |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_authlens")).args(args).current_dir(root).output().unwrap();
    let output = run(&["check", "tests/projects/todo-app", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found: Vec<String> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| {
            format!("{} {}:{}", d["rule"].as_str().unwrap(), d["path"].as_str().unwrap(), d["range"]["start"]["line"])
        })
        .collect();
    let expected = [
        "missing-auth-dependency backend/app/api/admin.py:9",
        "missing-auth-dependency backend/app/api/admin.py:14",
        "unused-ignore backend/app/api/reports.py:13",
        "spec-auth-drift backend/app/api/tasks.py:21",
        "unverified-auth-dependency backend/app/core/auth.py:46",
        "unverified-auth-dependency backend/app/core/auth.py:53",
        "missing-bearer frontend/lib/tasks.ts:12",
        "undefined-bearer frontend/lib/tasks.ts:19",
        "rewrite-captures-auth frontend/next.config.ts:9",
    ];
    assert_eq!(found, expected);
    assert_eq!(report["summary"]["unknown"], 0);
    let text = String::from_utf8(run(&["check", "tests/projects/todo-app"]).stdout).unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let shown = readme.split("```\n").nth(1).unwrap();
    assert!(text.contains(shown), "the README shows\n{shown}\nbut the output is\n{text}");
}

/// The routes of the application in a folder.
fn routes_of(folder: &str) -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_authlens"))
        .args(["routes", folder, "--format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["apps"][0]["routes"].as_array().unwrap().clone()
}

/// What the example says of each of its routes: an optional caller guards nothing, though strangers get an empty list.
#[test]
fn the_example_guards_what_it_says() {
    let routes = routes_of("tests/projects/todo-app");
    let told: Vec<String> = routes
        .iter()
        .map(|route| {
            let (method, path) = (route["methods"][0].as_str().unwrap(), route["path"].as_str().unwrap());
            format!("{} {method} {path}", route["status"].as_str().unwrap())
        })
        .collect();
    let expected = [
        "public GET /health",
        "guarded GET /api/v1/tasks",
        "guarded POST /api/v1/tasks",
        "open DELETE /api/v1/tasks/{task_id}",
        "guarded GET /api/v1/tasks/all",
        "public GET /api/v1/tasks/featured",
        "open GET /api/v1/profile",
        "open PUT /api/v1/profile",
        "guarded POST /api/v1/webhooks/payment",
        "guarded GET /reports/daily",
        "guarded GET /reports/monthly",
        "open GET /admin/users",
        "open DELETE /admin/users/{user_id}",
    ];
    assert_eq!(told, expected);
}

/// What counts as proof: each guard of `guarded.py` verifies, each of `open.py` has a hole.
#[test]
fn proofs_are_told_from_pretences() {
    let routes = routes_of("tests/projects/proofs");
    let status = |route: &serde_json::Value| route["status"].as_str().unwrap().to_owned();
    let below = |prefix: &str| -> Vec<&serde_json::Value> {
        routes.iter().filter(|route| route["path"].as_str().unwrap().starts_with(prefix)).collect()
    };
    let (guarded, open) = (below("/guarded/"), below("/open/"));
    assert_eq!((guarded.len(), open.len()), (39, 18));
    for route in guarded {
        assert_eq!(status(route), "guarded", "{route:#}");
    }
    for route in &open {
        assert_ne!(status(route), "guarded", "{route:#}");
    }
    // Where the hole is in plain sight, it is said.
    assert_eq!(open.iter().filter(|route| status(route) == "open").count(), 10);
}

/// A path that may be for mailed tokens is guarded where its handler verifies what the caller is signed in with.
#[test]
fn a_session_is_told_from_a_mailed_token() {
    let routes = routes_of("tests/projects/mailed");
    for route in &routes {
        let path = route["path"].as_str().unwrap();
        let wanted = if path.starts_with("/v") { "guarded" } else { "public" };
        assert_eq!(route["status"], wanted, "{route:#}");
    }
    assert_eq!(routes.len(), 8);
}

/// What looks at an optional login and answers everybody leaves a route public; what may say who gets in is not known.
#[test]
fn an_optional_login_is_looked_at_in_what_answers() {
    let routes = routes_of("tests/projects/optional");
    let status = |at: usize| (routes[at]["path"].as_str().unwrap(), routes[at]["status"].as_str().unwrap());
    assert_eq!(status(0), ("/public/recipes/{recipe_id}", "public"));
    assert_eq!(status(1), ("/unknown/recipes/{recipe_id}", "unknown"));
    assert_eq!(routes.len(), 2);
}

/// What a switch decides is conditional, and judged like any other where the switch is left on.
#[test]
fn what_a_switch_leaves_in_is_conditional() {
    let routes = routes_of("tests/projects/switched");
    let text = |route: &serde_json::Value, key: &str| route[key].as_str().unwrap_or_default().to_owned();
    let shown: Vec<(String, String)> =
        routes.iter().map(|route| (text(route, "path"), text(route, "certainty"))).collect();
    let wanted = [("/", "exact"), ("/notes", "conditional"), ("/reports", "conditional")];
    assert_eq!(shown, wanted.map(|(path, certainty)| (path.to_owned(), certainty.to_owned())));
}

/// What is imported in the place of a module that may be missing is served where that is none of the project's.
#[test]
fn an_import_that_works_is_not_tried_again() {
    let routes = routes_of("tests/projects/fallback");
    let shown: Vec<(&str, &str)> =
        routes.iter().map(|route| (route["path"].as_str().unwrap(), route["certainty"].as_str().unwrap())).collect();
    assert_eq!(shown, [("/api/notes", "exact"), ("/reports/notes", "conditional")]);
}
