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
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
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
    std::fs::write(project.0.join("latin.py"), b"# \xe9\nfrom fastapi import FastAPI\n").unwrap();
    std::os::unix::fs::symlink(&project.0, project.0.join("loop")).unwrap();
    let output = authlens(&project.0, &["check", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["summary"]["not_fully_analysed"], 1);
    assert_eq!(report["summary"]["routes"], 1);
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
