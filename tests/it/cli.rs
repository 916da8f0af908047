//! The command line as a user meets it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn authlens(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_authlens")).args(args).current_dir(folder).output().unwrap()
}

/// A fresh folder with these files, removed when the test ends.
struct Project(PathBuf);

impl Project {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        Self::below(Path::new(env!("CARGO_TARGET_TMPDIR")), name, files)
    }

    /// One that no checkout is around, as there is around what is built.
    fn outside(name: &str, files: &[(&str, &str)]) -> Self {
        Self::below(&std::env::temp_dir(), &format!("authlens-{name}"), files)
    }

    fn below(folder: &Path, name: &str, files: &[(&str, &str)]) -> Self {
        let folder = folder.join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        for (path, text) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const MAIN: &str =
    "from fastapi import FastAPI\nfrom deps import key\n\napp = FastAPI()\n\n@app.post(\"/a\")\ndef a(): ...\n";
const DEPS: &str = "from fastapi import Header, HTTPException\n\ndef key(x_api_key: str = Header()):\n    if x_api_key != open(\"/run/secrets/key\").read():\n        raise HTTPException(401)\n";

#[test]
fn exit_codes_tell_clean_from_findings_from_failure() {
    let project = Project::new("codes", &[("app/main.py", MAIN), ("app/deps.py", DEPS), ("empty/x.txt", "")]);
    let code = |args: &[&str]| authlens(&project.0, args).status.code();
    assert_eq!(code(&["check", "empty"]), Some(0));
    assert_eq!(code(&["check", "app"]), Some(1));
    for bad in [
        &["check", "nowhere"][..],
        &["check", "--select", "no-rule"],
        &["explain", "no-rule"],
        &["frobnicate"],
        &["explain", "GET", "/none"],
    ] {
        let output = authlens(&project.0, bad);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(!message.is_empty() && !message.contains("panicked"), "{bad:?}: {message}");
    }
    assert_eq!(code(&["rules"]), Some(0));
    assert_eq!(code(&["explain", "missing-auth-dependency"]), Some(0));
    assert_eq!(code(&["explain", "POST", "/a", "--root", "app"]), Some(0));
    assert_eq!(code(&["explain", "POST", "/a", "app"]), Some(0));
}

#[test]
fn a_list_of_packages_may_be_utf_16() {
    let project = Project::new("utf-16", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let list = "\u{feff}fastapi==0.104.1\r\n";
    let bytes: Vec<u8> = list.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(project.0.join("requirements.txt"), bytes).unwrap();
    let told = String::from_utf8(authlens(&project.0, &["explain", "POST", "/a"]).stdout).unwrap();
    assert!(told.contains("FastAPI 0.104.1 (requirements.txt)"), "{told}");
}

/// A wrong path is no clean project.
#[test]
fn a_folder_without_anything_to_look_at_says_so() {
    let package = r#"{"dependencies": {"next": "^15.0.0"}}"#;
    let files =
        [("notes/a.py", "x = 1\n"), ("web/package.json", package), ("back/main.py", MAIN), ("back/deps.py", DEPS)];
    let project = Project::new("nothing", &files);
    let checked = |args: &[&str]| {
        let output = authlens(&project.0, &[&["check"], args].concat());
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), texts.concat())
    };
    let nothing = "no FastAPI application and no Next.js code was found here\n";
    assert_eq!(checked(&["notes"]), (Some(0), format!("no findings: {nothing}")));
    assert_eq!(checked(&["notes", "--format", "github"]), (Some(0), format!("authlens: {nothing}")));
    assert_eq!(checked(&["notes", "--quiet"]), (Some(0), String::new()));
    assert!(!checked(&["web"]).1.contains(nothing));
    assert!(!checked(&["back"]).1.contains(nothing));
}

/// "0 routes" of a backend would read as if nobody could call it.
#[test]
fn of_other_frameworks_and_ignored_code_it_is_told_that_no_route_was_read() {
    let flask = "from flask import Flask\n\napp = Flask(__name__)\n\n@app.get(\"/a\")\ndef a():\n    return {}\n";
    let mentions = "# flask\nnames = ['flask', 'django']\n";
    let django = "import os\n\ntry:\n    from django.urls import path\nexcept ImportError:\n    path = None\n";
    let files = [
        ("flask_app/server.py", flask),
        ("flask_app/models.py", "import flask\n"),
        ("words/names.py", mentions),
        ("words/flask/own.py", "from .flask import a\n"),
        ("django_app/urls.py", django),
        ("ignored/.gitignore", "*.py\n"),
        ("ignored/main.py", MAIN),
        ("ignored/deps.py", DEPS),
        ("ignored/venv/lib/a.py", "import fastapi\n"),
        ("both/main.py", MAIN),
        ("both/deps.py", DEPS),
        ("both/server.py", flask),
    ];
    let project = Project::new("frameworks", &files);
    let told = |command: &str, args: &[&str]| {
        let output = authlens(&project.0, &[&[command], args].concat());
        String::from_utf8(output.stderr).unwrap()
    };
    let of_flask = "authlens: no FastAPI route was found: models.py and another file import Flask, the routes of which are not read\n";
    let of_django = "authlens: no FastAPI route was found: urls.py imports Django, the routes of which are not read\n";
    assert_eq!(told("check", &["flask_app"]), of_flask);
    assert_eq!(told("routes", &["flask_app"]), of_flask);
    assert_eq!(told("check", &["flask_app", "--quiet"]), "");
    assert_eq!(told("check", &["django_app"]), of_django);
    assert_eq!(told("check", &["words"]), "");
    assert_eq!(told("check", &["both"]), "");
    assert_eq!(told("routes", &["both"]), "");
    std::fs::create_dir(project.0.join("ignored/.git")).unwrap();
    let ignored = "authlens: no FastAPI route was found: deps.py and another file import FastAPI, and that is left out of what is read\n";
    assert_eq!(told("check", &["ignored"]), ignored);
    assert_eq!(told("routes", &["ignored"]), ignored);
}

/// "0 routes, no findings" of a frontend would read as if nothing had been looked at.
#[test]
fn of_a_frontend_it_is_told_what_was_looked_at() {
    let package = r#"{"dependencies": {"next": "^16.0.0"}}"#;
    let handler = "export async function GET() {\n  return Response.json(await (await fetch(`${process.env.API}/a`)).json());\n}\n";
    let actions = "'use server';\nexport async function a() {}\nexport async function b() {}\n";
    let files = [("web/package.json", package), ("web/app/a/route.ts", handler), ("web/app/actions.ts", actions)];
    let project = Project::new("frontend", &files);
    let checked = || String::from_utf8(authlens(&project.0, &["check"]).stdout).unwrap();
    let looked_at = "1 route handler, 2 server actions and 1 request in 2 modules of the frontend\n";
    assert_eq!(checked(), format!("no findings: {looked_at}"));
    std::fs::write(project.0.join("main.py"), MAIN).unwrap();
    std::fs::write(project.0.join("deps.py"), DEPS).unwrap();
    let both = checked();
    assert!(both.ends_with(&format!("0 unknown; {looked_at}")), "{both}");
    let report = authlens(&project.0, &["check", "--format", "json"]).stdout;
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["summary"]["actions"], 2, "{report}");
}

/// An application that two modules have a factory make is one to whoever reads the table.
#[test]
fn applications_of_one_factory_are_shown_once() {
    let factory = "import os\nfrom fastapi import APIRouter, Depends, FastAPI\nfrom deps import key\n\nrouter = APIRouter()\n\n@router.get(\"/a\")\ndef a(name: str):\n    return open(name).read()\n\n@router.get(\"/b\", dependencies=[Depends(key)])\ndef b(): ...\n\ndef create_app(admin=False):\n    app = FastAPI()\n    app.include_router(router)\n    if admin:\n        @app.delete(\"/c\")\n        def c(name: str):\n            os.remove(name)\n    return app\n";
    let make = "from factory import create_app\n\napp = create_app()\n";
    let admin = "from factory import create_app\n\napp = create_app(admin=True)\n";
    let files = [("deps.py", DEPS), ("factory.py", factory), ("main.py", make), ("wsgi.py", make)];
    let project = Project::new("factory", &files);
    let run = |args: &[&str]| String::from_utf8(authlens(&project.0, args).stdout).unwrap();
    let routes = run(&["routes"]);
    assert_eq!(routes.matches("/a").count(), 1, "{routes}");
    assert!(routes.contains("2 routes: 1 guarded, 1 open"), "{routes}");
    let report: serde_json::Value = serde_json::from_str(&run(&["check", "--format", "json"])).unwrap();
    assert_eq!(report["diagnostics"].as_array().map(Vec::len), Some(1), "{report}");
    assert_eq!(report["summary"]["routes"], 2);
    // One that serves more is another one.
    std::fs::write(project.0.join("wsgi.py"), admin).unwrap();
    let routes = run(&["routes"]);
    assert_eq!(routes.matches("/a").count(), 2, "{routes}");
    assert!(routes.contains("3 routes: 1 guarded, 2 open"), "{routes}");
}

/// In an archive nobody tells what is tracked: `lib/` of the Python template may hide the frontend's code.
#[test]
fn without_git_nothing_is_ignored() {
    let root = std::env::temp_dir().join(format!("authlens-archive-{}", std::process::id()));
    let files =
        [(".gitignore", "lib/\n"), ("lib/main.py", MAIN), ("lib/deps.py", DEPS), ("lib/node_modules/main.py", MAIN)];
    let write = |folder: &str| {
        for (path, text) in files {
            let path = root.join(folder).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    };
    write("archive");
    write("checkout");
    std::fs::create_dir_all(root.join("checkout/.git")).unwrap();
    let routes = |folder: &str| String::from_utf8(authlens(&root.join(folder), &["routes"]).stdout).unwrap();
    let (archive, checkout) = (routes("archive"), routes("checkout"));
    std::fs::remove_dir_all(&root).unwrap();
    assert!(archive.contains("1 routes: 0 guarded, 1 open"), "{archive}");
    assert!(checkout.contains("0 routes"), "{checkout}");
}

/// What a package of JavaScript imports from its own `lib/` runs, though the Python template hides it from git.
#[test]
fn folders_for_libraries_of_javascript_are_read_though_git_ignores_them() {
    let auth = "import { betterAuth } from \"better-auth\";\n\nexport const auth = betterAuth({ secret: process.env.BETTER_AUTH_SECRET || \"development-only\" });\n";
    let page = "import { headers } from \"next/headers\";\nimport { auth } from \"@/lib/auth\";\n\nexport default async function Page() {\n  await auth.api.getSession({ headers: await headers() });\n}\n";
    let files = [
        (".gitignore", "lib/\n*.json\n"),
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("web/package.json", r#"{"dependencies": {"next": "^15.0.0", "better-auth": "1.3.0"}}"#),
        ("web/app/page.tsx", page),
        ("web/tsconfig.json", r#"{"compilerOptions": {"paths": {"@/*": ["./*"]}}}"#),
        ("web/lib/auth.ts", auth),
        ("web/lib/node_modules/auth.ts", auth),
        ("lib/python/auth.ts", auth),
    ];
    let project = Project::new("ignored-lib", &files);
    let output = authlens(&project.0, &["check", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = report["diagnostics"].as_array().unwrap();
    let places: Vec<_> = found.iter().map(|one| (one["rule"].as_str(), one["path"].as_str())).collect();
    assert_eq!(places, [(Some("hardcoded-secret"), Some("web/lib/auth.ts"))], "{report}");
}

#[test]
fn configuration_is_found_above_and_named() {
    let project = Project::new(
        "config",
        &[
            ("back/main.py", MAIN),
            ("back/deps.py", DEPS),
            (".git/HEAD", "ref: refs/heads/main\n"),
            ("authlens.toml", "[[public]]\npath = \"/a\"\nreason = \"prices\"\n"),
            ("specs/api.md", "- GET /b (public)\n"),
            ("ci/loud.toml", "protects = []\n"),
        ],
    );
    let run = |args: &[&str]| authlens(&project.0, args);
    assert_eq!(run(&["check", "back"]).status.code(), Some(0));
    assert_eq!(run(&["check"]).status.code(), Some(0));
    let routes = String::from_utf8(run(&["routes", "back"]).stdout).unwrap();
    assert!(routes.contains("public by authlens.toml: prices"), "{routes}");
    let named = run(&["check", "back", "--config", "ci/loud.toml", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&named.stdout).unwrap();
    let mut rules: Vec<_> = report["diagnostics"].as_array().unwrap().iter().map(|d| d["rule"].as_str()).collect();
    rules.sort_unstable();
    assert_eq!(rules, [Some("invalid-configuration"), Some("missing-auth-dependency")]);
    let missing = run(&["check", "back", "--config", "none.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("none.toml"));
    std::fs::write(project.0.join("specs/api.md"), "- POST /a (auth required)\n").unwrap();
    let drift = String::from_utf8(run(&["check", "back"]).stdout).unwrap();
    assert!(drift.contains("error[spec-auth-drift]: POST /a") && drift.contains("specs/api.md:1:3"), "{drift}");
}

#[test]
fn json_is_complete_and_stable() {
    let project = Project::new("json", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let first = authlens(&project.0, &["check", "--format", "json"]).stdout;
    assert_eq!(first, authlens(&project.0, &["check", "--format", "json"]).stdout);
    let report: serde_json::Value = serde_json::from_slice(&first).unwrap();
    let finding = &report["diagnostics"][0];
    assert_eq!(finding["rule"], "missing-auth-dependency");
    assert_eq!(finding["path"], "main.py");
    assert_eq!(finding["range"]["start"], serde_json::json!({"line": 7, "column": 5}));
    assert_eq!(finding["fixes"][0]["applicability"], "safe");
    assert_eq!(report["summary"]["open"], 1);
    let routes = authlens(&project.0, &["routes", "--format", "json"]).stdout;
    let routes: serde_json::Value = serde_json::from_slice(&routes).unwrap();
    assert_eq!(routes["schema"], "fastapi-routes/1");
    assert_eq!(routes["apps"][0]["routes"][0]["path"], "/a");
    assert_eq!(routes["apps"][0]["routes"][0]["protected"], false);
}

/// An error, a warning, and a route of each kind.
const MIXED: &str = "# é😀\nfrom fastapi import Depends, FastAPI\nfrom deps import key\n\napp = FastAPI()\n\n@app.post(\"/a\")\ndef a(): ...\n\n@app.get(\"/b\", dependencies=[Depends(key)])\ndef b(): ...\n\n@app.get(\"/health\")\ndef health(): ...\n\nx = \"😀\"  # authlens: ignore[token-logged] nothing\n";

#[test]
fn json_says_all_of_a_finding() {
    let project = Project::new("all", &[("app/main.py", MIXED), ("app/deps.py", DEPS)]);
    let report = authlens(&project.0, &["check", "app", "--format", "json"]).stdout;
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let place = |line: u32, from: u32, to: u32| serde_json::json!({"start": {"line": line, "column": from}, "end": {"line": line, "column": to}});
    let [open, unused] = report["diagnostics"].as_array().unwrap().as_slice() else { panic!("{report:#}") };
    for (finding, severity, confidence, range, begins) in [
        (open, "error", "medium", place(8, 5, 6), "POST /a is open to everybody: "),
        // Columns are characters: the wide one is one of them.
        (unused, "warning", "high", place(16, 10, 50), "This comment accepts no finding: "),
    ] {
        assert_eq!((&finding["severity"], &finding["confidence"]), (&severity.into(), &confidence.into()));
        assert_eq!(finding["range"], range);
        assert!(finding["message"].as_str().unwrap().starts_with(begins), "{finding:#}");
    }
    let related = serde_json::json!([
        {"path": "main.py", "range": place(7, 2, 16), "message": "POST /a is registered here"},
        {"path": "main.py", "range": place(5, 7, 16), "message": "served by `main:app`"},
    ]);
    assert_eq!((&open["related"], &unused["related"]), (&related, &serde_json::json!([])));
    let fix = &open["fixes"][0];
    assert_eq!((&fix["kind"], &fix["preferred"]), (&"repair".into(), &true.into()));
    assert_eq!(fix["edits"][0]["path"], "main.py");
    let counts = ["files", "routes", "guarded", "open", "public", "unknown", "not_included", "not_fully_analysed"];
    assert_eq!(counts.map(|key| report["summary"][key].as_u64().unwrap()), [2, 3, 1, 1, 1, 0, 0, 0]);
}

#[test]
fn findings_below_the_least_severity_are_left_out_and_do_not_fail() {
    let project = Project::new("least", &[("main.py", MIXED), ("deps.py", DEPS)]);
    let checked = |args: &[&str]| {
        let output = authlens(&project.0, &[&["check", "--format", "github"], args].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    // The path is that of the checkout that the project is in.
    let open = (
        "::error file=",
        "main.py,line=8,endLine=8,col=5,endColumn=6,title=authlens missing-auth-dependency::POST /a is open to everybody: ",
    );
    let unused = (
        "::warning file=",
        "main.py,line=16,endLine=16,col=10,endColumn=50,title=authlens unused-ignore::This comment accepts no finding: ",
    );
    for (least, shown) in
        [("hint", [true, true]), ("info", [true, true]), ("warning", [true, true]), ("error", [true, false])]
    {
        let (code, text) = checked(&["--min-severity", least]);
        let is_shown =
            |(kind, said): (&str, &str)| text.lines().any(|line| line.starts_with(kind) && line.contains(said));
        assert_eq!((code, [open, unused].map(is_shown)), (Some(1), shown), "{text}");
        assert_eq!(text.lines().count(), shown.iter().filter(|shown| **shown).count());
    }
    let (code, text) = checked(&["--min-severity", "error", "--ignore", "missing-auth-dependency"]);
    assert_eq!((code, text.as_str()), (Some(0), ""));
}

#[test]
fn colours_are_for_terminals_or_who_asks_for_them() {
    let project = Project::new("colours", &[("main.py", MIXED), ("deps.py", DEPS)]);
    let text = |args: &[&str]| String::from_utf8(authlens(&project.0, &[&["check"], args].concat()).stdout).unwrap();
    let plain = text(&["--color", "never"]);
    assert!(
        plain.starts_with("error[missing-auth-dependency]: POST /a is open") && !plain.contains('\u{1b}'),
        "{plain}"
    );
    // A pipe is no terminal, and a file that another program reads has no colours in it.
    assert_eq!(text(&[]), plain);
    let coloured = text(&["--color", "always"]);
    assert!(coloured.starts_with("\u{1b}[1;31merror[missing-auth-dependency]\u{1b}[0m"), "{coloured}");
    let bare: String = coloured
        .split("\u{1b}[")
        .enumerate()
        .map(|(at, part)| if at == 0 { part } else { part.split_once('m').unwrap().1 })
        .collect();
    assert_eq!(bare, plain);
    assert!(!text(&["--color", "always", "--format", "json"]).contains('\u{1b}'));
}

#[test]
fn fixing_twice_changes_nothing_more() {
    let project = Project::new("fix", &[("main.py", MAIN), ("deps.py", DEPS)]);
    let diff = authlens(&project.0, &["check", "--diff"]);
    assert_eq!(diff.status.code(), Some(1));
    assert!(String::from_utf8(diff.stdout).unwrap().contains("+@app.post(\"/a\", dependencies=[Depends(key)])"));
    assert_eq!(std::fs::read_to_string(project.0.join("main.py")).unwrap(), MAIN);
    assert_eq!(authlens(&project.0, &["check", "--fix"]).status.code(), Some(0));
    let fixed = std::fs::read_to_string(project.0.join("main.py")).unwrap();
    assert_eq!(authlens(&project.0, &["check", "--fix"]).status.code(), Some(0));
    assert_eq!(fixed, std::fs::read_to_string(project.0.join("main.py")).unwrap());
}

#[cfg(unix)]
#[test]
fn unreadable_things_are_told_not_died_of() {
    let project =
        Project::new("odd", &[("main.py", MAIN), ("deps.py", DEPS), ("broken.py", "from fastapi import (\n")]);
    // Python does not read it either: it says nothing of its encoding.
    std::fs::write(project.0.join("latin.py"), b"# \xe9\nfrom fastapi import FastAPI\n").unwrap();
    std::os::unix::fs::symlink(&project.0, project.0.join("loop")).unwrap();
    let output = authlens(&project.0, &["check", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    // The one that does not parse, and the one whose encoding nothing tells.
    assert_eq!(report["summary"]["not_fully_analysed"], 2);
    assert_eq!(report["summary"]["routes"], 1);
    let told: Vec<_> = report["diagnostics"].as_array().unwrap().iter().map(|found| &found["path"]).collect();
    assert!(told.contains(&&serde_json::json!("latin.py")), "{report}");
}

/// Python says in which encoding it is; a fix leaves that as it is.
#[test]
fn what_python_can_read_is_read() {
    let project = Project::new("latin", &[("deps.py", DEPS), ("web/package.json", "{}")]);
    let text = format!("# -*- coding: latin-1 -*-\n# \u{e9}\n{MAIN}");
    let bytes = |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect::<Vec<u8>>();
    let main = project.0.join("main.py");
    std::fs::write(&main, bytes(&text)).unwrap();
    std::fs::write(project.0.join("web/load.ts"), b"// \xe9\nexport const load = () => fetch('/a');\n").unwrap();
    let output = authlens(&project.0, &["check", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let summary = |name: &str| report["summary"][name].as_u64().unwrap();
    assert_eq!((summary("routes"), summary("open"), summary("not_fully_analysed")), (1, 1, 1), "{report}");
    let found: Vec<_> = report["diagnostics"].as_array().unwrap().iter().map(|d| (&d["rule"], &d["path"])).collect();
    let expected = [("missing-auth-dependency", "main.py"), ("not-fully-analysed", "web/load.ts")];
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(expected.iter().all(|(rule, path)| found.contains(&(&(*rule).into(), &(*path).into()))), "{found:?}");
    assert_eq!(authlens(&project.0, &["check", "main.py", "--fix", "--quiet"]).status.code(), Some(0));
    let fixed = std::fs::read(&main).unwrap();
    assert!(fixed.starts_with(b"# -*- coding: latin-1 -*-\n# \xe9\n"));
    assert!(fixed.windows(12).any(|part| part == b"Depends(key)"));
}

/// What is closed to whoever runs the check is told of.
#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_told_of() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new(
        "closed",
        &[("main.py", MAIN), ("deps.py", DEPS), ("routes.py", MAIN), ("more/admin.py", MAIN), ("authlens.toml", "")],
    );
    let set = |mode: u32| {
        for name in ["routes.py", "more", "authlens.toml"] {
            let path = project.0.join(name);
            let mode = if name == "more" && mode != 0 { 0o755 } else { mode };
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0);
    // Nothing is closed to root.
    let is_closed = std::fs::read(project.0.join("routes.py")).is_err();
    let output = authlens(&project.0, &["check", "--format", "json"]);
    set(0o644);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = report["diagnostics"].as_array().unwrap().iter().filter(|found| found["rule"] == "not-fully-analysed");
    let told: Vec<&str> = told.map(|found| found["path"].as_str().unwrap()).collect();
    if is_closed {
        assert_eq!(told, ["authlens.toml", "more", "routes.py"]);
        assert_eq!(report["summary"]["not_fully_analysed"], 3);
    }
}

/// A router, and the application that includes it.
const ROUTER: &str = "import os\nfrom fastapi import APIRouter\n\nrouter = APIRouter()\n\n@router.delete(\"/{name}\")\ndef remove(name: str):  # authlens: ignore[missing-auth-dependency] behind the VPN\n    os.remove(name)\n\n@router.post(\"/{name}\")\ndef make(name: str):\n    open(name, \"w\").write(name)\n";
const INCLUDING: &str = "from fastapi import Depends, FastAPI\nfrom app.api.files import router\nfrom app.deps import key\n\napp = FastAPI()\napp.include_router(router, prefix=\"/files\")\n\n@app.get(\"/a\", dependencies=[Depends(key)])\ndef a(): ...\n";

/// What is named belongs to a project: it decides what is found in it.
#[test]
fn files_and_folders_are_checked_with_the_project_around_them() {
    for git in [true, false] {
        let mut files = vec![
            ("back/app/main.py", INCLUDING),
            ("back/app/deps.py", DEPS),
            ("back/app/api/files.py", ROUTER),
            ("back/pyproject.toml", ""),
            ("back/broken.py", "from fastapi import FastAPI\napp = FastAPI()\n"),
        ];
        files.extend(git.then_some((".git/HEAD", "ref: refs/heads/main\n")));
        let name = format!("around-{git}");
        let project = if git { Project::new(&name, &files) } else { Project::outside(&name, &files) };
        let check = |folder: &str, args: &[&str]| authlens(&project.0.join(folder), &[&["check"], args].concat());
        let json = |folder: &str, args: &[&str]| -> serde_json::Value {
            serde_json::from_slice(&check(folder, &[args, &["--format", "json"]].concat()).stdout).unwrap()
        };
        let whole = json("", &["back"]);
        let of = |report: &serde_json::Value| {
            let found = report["diagnostics"].as_array().unwrap().iter();
            found.map(|d| (d["rule"].clone(), d["message"].clone(), d["range"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(of(&whole).len(), 1, "{whole}");
        for named in ["back/app/api/files.py", "back/app/api"] {
            let part = json("", &[named]);
            assert_eq!(of(&part), of(&whole), "{named}");
            assert_eq!(part["summary"]["routes"], 2);
            assert_eq!(part["summary"]["python_files"], 1);
        }
        assert_eq!(of(&json("", &["back/app/main.py"])), []);
        // Paths are seen from the folder that was named; what is around it, from there, too.
        let text = String::from_utf8(check("back", &["app/api"]).stdout).unwrap();
        assert!(text.contains("--> files.py:11:5") && text.contains("../main.py:5:7"), "{text}");
        assert!(text.contains("2 routes in 1 Python file: 0 guarded, 2 open"), "{text}");
        // GitHub looks from the top of the checkout, `git apply` from where it runs.
        let github = String::from_utf8(check("back", &["app/api", "--format", "github"]).stdout).unwrap();
        let shown = if git { "file=back/app/api/files.py," } else { "file=app/api/files.py," };
        assert!(github.contains(shown), "{github}");
        let diff = check("back", &["app/api", "--diff"]);
        let text = String::from_utf8(diff.stdout.clone()).unwrap();
        assert!(text.contains("--- a/app/api/files.py\n+++ b/app/api/files.py\n"), "{text}");
        let patch = project.0.join("fix.patch");
        std::fs::write(&patch, diff.stdout).unwrap();
        let mut git = Command::new("git");
        git.args(["apply", "--check"]).arg(&patch).current_dir(project.0.join("back"));
        // Without a checkout of its own, git looks for the one around.
        let applied = git.env("GIT_CEILING_DIRECTORIES", &project.0).env("GIT_DIR", "/nonexistent").output().unwrap();
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        assert_eq!(check("back", &["--diff", "--format", "json"]).status.code(), Some(2));
    }
}

/// Routes, requests and proofs of a part are those that the whole project has.
#[test]
fn parts_are_listed_and_explained_with_the_project_around_them() {
    let outer = "from fastapi import FastAPI\nfrom app.main import app\n\nouter = FastAPI()\nouter.mount(\"/inner\", app)\n\n@outer.get(\"/up\")\ndef up(): ...\n";
    let load = "const API = process.env.NEXT_PUBLIC_API_URL;\nexport const remove = (name: string) => fetch(`${API}/files/${name}`, { method: \"DELETE\" });\nexport const list = () => fetch(`${API}/elsewhere`);\n";
    let files = [
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("back/app/main.py", INCLUDING),
        ("back/app/deps.py", DEPS),
        ("back/app/api/files.py", ROUTER),
        ("back/outer.py", outer),
        ("back/pyproject.toml", ""),
        ("web/package.json", r#"{"dependencies": {"next": "^15.0.0"}}"#),
        ("web/load.ts", load),
    ];
    let project = Project::new("parts", &files);
    let run = |args: &[&str]| {
        let output = authlens(&project.0, args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let paths = |named: &str| -> Vec<String> {
        let report: serde_json::Value = serde_json::from_str(&run(&["routes", named, "--format", "json"])).unwrap();
        let apps = report["apps"].as_array().unwrap().iter();
        apps.flat_map(|app| app["routes"].as_array().unwrap())
            .map(|route| route["path"].as_str().unwrap().into())
            .collect()
    };
    let inner = ["/files/{name}", "/files/{name}", "/a"];
    let mounted = ["/inner/files/{name}", "/inner/files/{name}", "/inner/a"];
    let whole = [&inner[..], &["/inner"], &mounted, &["/up"]].concat();
    let sorted = |mut paths: Vec<String>| {
        paths.sort_unstable();
        paths
    };
    let strings = |paths: &[&str]| sorted(paths.iter().map(|path| (*path).to_owned()).collect());
    assert_eq!(sorted(paths(".")), strings(&whole));
    // All of an application where it is made.
    assert_eq!(sorted(paths("back/app/main.py")), strings(&[&inner[..], &mounted].concat()));
    // What is written in the part, where clients find it.
    for part in ["back/app/api", "back/app/api/files.py"] {
        assert_eq!(sorted(paths(part)), strings(&[&inner[..2], &mounted[..2]].concat()), "{part}");
        let table = run(&["routes", part]);
        assert!(table.contains("OPEN") && !table.contains("/up"), "{table}");
        assert!(table.contains("mounted at /inner") && table.contains("2 routes: 0 guarded, 2 open"), "{table}");
        assert!(run(&["explain", "DELETE", "/files/x", part]).starts_with("DELETE /files/{name} of main:app is open"));
        let missing = authlens(&project.0, &["explain", "GET", "/a", part]);
        assert_eq!(missing.status.code(), Some(2));
        // Who asks for it.
        let calls = run(&["calls", part]);
        assert!(calls.contains("DELETE") && calls.contains("1 requests: 1 reach"), "{calls}");
    }
    assert!(run(&["calls", "web/load.ts"]).contains("2 requests: 1 reach a route"));
}

/// Files that FastAPI serves where nothing else answers; what the routers ask for runs before each.
#[test]
fn frontends_are_listed_as_such() {
    let main = "from fastapi import APIRouter, Depends, FastAPI\nfrom deps import key\n\napp = FastAPI()\napp.frontend(\"/\", directory=\"dist\")\ninner = APIRouter(prefix=\"/admin\", dependencies=[Depends(key)])\ninner.frontend(\"/ui/\", directory=\"admin\")\napp.include_router(inner, prefix=\"/v1\")\n";
    let project = Project::new("frontend", &[("main.py", main), ("deps.py", DEPS)]);
    let table = String::from_utf8(authlens(&project.0, &["routes"]).stdout).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let row = |path: &str| rows.iter().find(|row| row.get(1) == Some(&path)).map(|row| row.join(" "));
    assert_eq!(row("/").as_deref(), Some("FRONTEND / public: files of the frontend main.py:5"), "{table}");
    assert_eq!(row("/v1/admin/ui").as_deref(), Some("FRONTEND /v1/admin/ui guarded: key main.py:7"), "{table}");
    assert!(table.contains("0 routes: 0 guarded"), "{table}");
    let json = authlens(&project.0, &["routes", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let [top, admin] = [&json["apps"][0]["routes"][0], &json["apps"][0]["routes"][1]];
    assert_eq!((&top["kind"], &top["path"]), (&"frontend".into(), &"/".into()));
    assert_eq!((&admin["kind"], &admin["protected"]), (&"frontend".into(), &true.into()));
    assert_eq!(admin["dependencies"][0]["qualname"], "key");
}

/// What a checkout keeps among its tests is a project by itself.
#[test]
fn a_file_of_a_project_among_tests_is_checked_in_that_project() {
    let files = [
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("main.py", "from fastapi import FastAPI\napp = FastAPI()\n"),
        ("tests/shop/pyproject.toml", ""),
        ("tests/shop/app/main.py", INCLUDING),
        ("tests/shop/app/deps.py", DEPS),
        ("tests/shop/app/api/files.py", ROUTER),
    ];
    let project = Project::new("fixture", &files);
    let report = authlens(&project.0, &["check", "tests/shop/app/api/files.py", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["summary"]["routes"], 2, "{report}");
    assert_eq!(report["diagnostics"].as_array().unwrap().len(), 1, "{report}");
}

/// Whether a comment is needed, only all of the project tells.
#[test]
fn comments_that_are_needed_stay() {
    let old = ROUTER.replace("os.remove(name)", "os.remove(name)\n\nx = 1  # authlens: ignore[weak-secret] old");
    let project = Project::new(
        "needed",
        &[
            (".git/HEAD", "ref: refs/heads/main\n"),
            ("app/main.py", INCLUDING),
            ("app/deps.py", DEPS),
            ("app/api/files.py", &old),
        ],
    );
    let file = project.0.join("app/api/files.py");
    let main = project.0.join("app/main.py");
    // Something that can't be read may be what a comment is needed for.
    std::fs::write(&main, INCLUDING.replace("app = FastAPI()", "app = FastAPI(")).unwrap();
    authlens(&project.0, &["check", ".", "--fix"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), old);
    std::fs::write(&main, INCLUDING).unwrap();
    authlens(&project.0.join("app/api"), &["check", "files.py", "--fix", "--select", "unused-ignore"]);
    let fixed = std::fs::read_to_string(&file).unwrap();
    assert_eq!(fixed, old.replace("  # authlens: ignore[weak-secret] old", ""));
    for named in ["app/api", "app/api/files.py", "."] {
        authlens(&project.0, &["check", named, "--fix", "--select", "unused-ignore"]);
        assert_eq!(fixed, std::fs::read_to_string(&file).unwrap(), "{named}");
    }
}

/// Routes are asked for by what a client, a browser or a table shows.
#[test]
fn explain_helps_to_name_a_route() {
    let main = "from fastapi import FastAPI\n\nsub = FastAPI()\n\n@sub.delete(\"/z\")\ndef z(name: str):\n    return open(name).read()\n\napp = FastAPI()\napp.mount(\"/sub\", sub)\n\n@app.get(\"/tasks/{id}\")\ndef tasks(id: int):\n    return open(str(id)).read()\n\n@app.websocket(\"/ws\")\nasync def ws(socket): ...\n";
    let project = Project::new("explain", &[("main.py", main)]);
    let explain = |args: &[&str]| {
        let output = authlens(&project.0, &[&["explain"], args].concat());
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    for (args, begins) in [
        (&["get", "http://localhost:8000/tasks/7?sort=name#top"][..], "GET /tasks/{id} of main:app is open"),
        (&["DELETE", "/sub/z"], "DELETE /z of main:sub is open"),
        (&["DELETE", "/z"], "DELETE /z of main:sub is open"),
        (&["WS", "/ws"], "WS /ws of main:app is "),
        (&["FETCH", "/tasks/{id}"], "authlens: no route answers FETCH /tasks/{id}; it answers GET\n"),
        (&["GET", "/task/{id}"], "authlens: no route answers GET /task/{id}; did you mean /tasks/{id}?\n"),
        (&["missing-auth"], "authlens: there is no rule `missing-auth`; did you mean missing-auth-dependency?\n"),
    ] {
        let said = explain(args);
        assert!(said.starts_with(begins), "{args:?}: {said}");
    }
}

/// Reports are kept, and read by many: no value of a secret is in them.
#[test]
fn no_output_holds_a_secret() {
    const PLANTED: &str = "planted-4f1c9e-planted-4f1c9e-planted";
    let module = |text: &str| text.replace("PLANTED", PLANTED);
    let project = Project::new(
        "secrets",
        &[
            (
                "main.py",
                &module(
                    "import os\nimport jwt\nfrom fastapi import FastAPI\nfrom settings import settings\n\nKEY = \"PLANTED\"\nOTHER = os.getenv(\"JWT_SECRET\", \"PLANTED\")\napp = FastAPI()\n\n@app.get(\"/a\")\ndef a(token: str):\n    print(OTHER, jwt.encode({\"sub\": token}, KEY, algorithm=\"HS256\"))\n    return settings, jwt.decode(token, OTHER, algorithms=[\"HS256\", \"RS256\"])\n\n@app.get(\"/b\")\ndef b(token: str):\n    return jwt.decode(token, settings.jwt_secret, algorithms=[\"HS256\"])\n",
                ),
            ),
            (
                "settings.py",
                &module(
                    "from pydantic_settings import BaseSettings\n\nclass Settings(BaseSettings):\n    jwt_secret: str = \"PLANTED\"\n    database_url: str = \"postgresql://app:PLANTED@db.tasks.dev/app\"\n\nsettings = Settings()\n",
                ),
            ),
            (".env", &module("JWT_SECRET=change-me-PLANTED\n")),
            (".env.example", &module("DATABASE_URL=postgresql://app:PLANTED@db.tasks.dev/app\n")),
            ("alembic.ini", &module("sqlalchemy.url = postgresql://app:PLANTED@db.tasks.dev/app\n")),
        ],
    );
    for args in [
        &["check"][..],
        &["check", "--format", "json"],
        &["check", "--format", "github"],
        &["check", "--diff", "--unsafe-fixes"],
        &["routes"],
        &["routes", "--format", "json"],
        &["explain", "GET", "/a"],
    ] {
        let output = authlens(&project.0, args);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(!said.is_empty() && !said.contains(PLANTED), "{args:?}: {said}");
    }
    let found = String::from_utf8(authlens(&project.0, &["check"]).stdout).unwrap();
    assert!(found.matches("hardcoded-secret").count() >= 4 && found.contains("\"***\""), "{found}");
    assert!(found.contains("weak-secret"), "{found}");
}
