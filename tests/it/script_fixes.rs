//! Fixes of scripts that are not the first choice: the pages of the rules show
//! those that are.

use authlens_analysis::fix::apply;
use authlens_analysis::ide::{AnalysisHost, Change, FileContent, Fix};

const BACKEND: &str = "import os\n\nimport jwt\nfrom fastapi import Depends, FastAPI, HTTPException\nfrom fastapi.security import HTTPBearer\n\napp = FastAPI()\n\n\ndef current_user(credentials=Depends(HTTPBearer())):\n    try:\n        return jwt.decode(credentials.credentials, os.environ[\"KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        raise HTTPException(401)\n\n\n@app.get(\"/api/tasks\")\ndef tasks(user=Depends(current_user)):\n    return []\n";
const AUTH_CLIENT: &str = "import { createAuthClient } from \"better-auth/react\";\nimport { jwtClient } from \"better-auth/client/plugins\";\n\nexport const authClient = createAuthClient({ plugins: [jwtClient()] });\n";
const LOAD: &str = "import { authClient } from \"../lib/auth-client\";\n\nexport const signedIn = () => authClient.getSession();\n\nexport async function load() {\n  return fetch(`${process.env.NEXT_PUBLIC_API_URL}/api/tasks`);\n}\n";

fn host(files: &[(&str, &str)]) -> AnalysisHost {
    let mut host = AnalysisHost::new();
    let disk =
        files.iter().map(|(path, text)| (format!("/project/{path}"), FileContent::Text((*text).into()))).collect();
    host.apply(Change { roots: Some(vec!["/project".to_owned()]), disk, ..Change::default() });
    host
}

/// The fixes of requests without a token.
fn offered(host: &AnalysisHost) -> Vec<Fix> {
    let analysis = host.snapshot();
    let files = analysis.files_with_diagnostics();
    let all: Vec<_> = files.iter().flat_map(|file| analysis.diagnostics(*file).to_vec()).collect();
    let missing = all.iter().filter(|found| found.rule == "missing-bearer");
    missing.flat_map(|found| analysis.fixes(found).0).collect()
}

/// Where no request goes through a module of the project's own, one can be made.
#[test]
fn a_central_client_is_made_where_there_is_none() {
    let files = [("backend/main.py", BACKEND), ("web/lib/auth-client.ts", AUTH_CLIENT), ("web/app/load.ts", LOAD)];
    let mut host = host(&files);
    let fixes = offered(&host);
    let central = fixes.iter().find(|fix| !fix.change.created.is_empty()).expect("it is offered");
    assert!(!central.preferred);
    let [created] = central.change.created.as_slice() else { panic!("one module is made") };
    assert_eq!(created.path, "/project/web/lib/api-client.ts");
    for part in [
        "import { authClient } from \"./auth-client\";",
        "export async function apiFetch(",
        "const { data } = await authClient.token();",
        "if (!data) throw new Error(\"not signed in\");",
        "if (response.status === 401) throw new Error(\"not signed in\");",
    ] {
        assert!(created.text.contains(part), "{part}\n{}", created.text);
    }
    let analysis = host.snapshot();
    let mut disk = vec![(created.path.clone(), FileContent::Text(created.text.as_str().into()))];
    for (file, edits) in &central.change.edits {
        let after = apply(&analysis.text(*file).unwrap(), edits);
        assert!(
            after.contains("import { apiFetch } from \"../lib/api-client\";") && after.contains("return apiFetch(`")
        );
        disk.push((analysis.path(*file).to_owned(), FileContent::Text(after.as_str().into())));
    }
    host.apply(Change { disk, ..Change::default() });
    let left = host.snapshot();
    let rules: Vec<&str> = left
        .files_with_diagnostics()
        .iter()
        .flat_map(|file| left.diagnostics(*file).iter().map(|found| found.rule).collect::<Vec<_>>())
        .filter(|rule| *rule != "long-lived-token")
        .collect();
    assert!(!rules.contains(&"missing-bearer") && !rules.contains(&"undefined-bearer"), "{rules:?}");
    // A module that others ask already is the client: no second one is made.
    let wrapper = "export const ask = (path: string) => fetch(`http://localhost:8000${path}`);\n";
    let caller =
        "import { ask } from \"../lib/ask\";\n\nexport const tasks = async () => (await ask(\"/api/tasks\")).ok;\n";
    let others = [&files[..], &[("web/lib/ask.ts", wrapper), ("web/app/tasks.ts", caller)]].concat();
    assert!(offered(&self::host(&others)).iter().all(|fix| fix.change.created.is_empty()));
}

/// What the code does about a request that fails would not run behind a `throw`.
#[test]
fn a_request_that_is_met_where_it_fails_is_left_alone() {
    let request = "fetch(\"/api/out\", { headers: { Authorization: `Bearer ${localStorage.getItem(\"page\")}` } })";
    let fixes = |script: &str| {
        let host = host(&[("web/lib/out.ts", script)]);
        let analysis = host.snapshot();
        let files = analysis.files_with_diagnostics();
        let all: Vec<_> = files.iter().flat_map(|file| analysis.diagnostics(*file).to_vec()).collect();
        let bearer = all.iter().find(|found| found.rule == "undefined-bearer").expect("it is found");
        let (fixes, refusals) = analysis.fixes(bearer);
        (fixes.iter().any(|fix| fix.title.contains("Stop")), refusals.len())
    };
    assert_eq!(
        fixes(&format!("export function out(leave) {{\n  {request}.catch(console.error).finally(leave);\n}}\n")),
        (false, 1)
    );
    assert_eq!(fixes(&format!("export function out(leave) {{\n  {request}.then(leave);\n}}\n")), (true, 0));
}

/// A comment that accepts a finding stands where it is read as one: behind the line, above it where something is
/// behind it already, and in braces where JSX draws what stands there.
#[test]
fn a_comment_stands_where_it_is_read() {
    let address = "`${process.env.NEXT_PUBLIC_API_URL}/api/tasks`";
    let places = [
        ("load.ts", format!("export const load = () =>\n  fetch({address});\n"), format!("  fetch({address});  // ")),
        (
            "behind.ts",
            format!("export const load = () =>\n  fetch({address}); // all of them\n"),
            format!("  // authlens: ignore[missing-bearer] say why here\n  fetch({address}); // all"),
        ),
        (
            "drawn.tsx",
            format!(
                "export default function Page() {{\n  return (\n    <p>\n      Tasks & notes\n      <b onClick={{() => fetch({address})}}>\n        Go\n      </b>\n    </p>\n  );\n}}\n"
            ),
            "      {/* authlens: ignore[missing-bearer] say why here */}\n      <b onClick=".to_owned(),
        ),
    ];
    for (name, script, expected) in places {
        let path = format!("web/app/{name}");
        let files = [("backend/main.py", BACKEND), ("web/lib/auth-client.ts", AUTH_CLIENT), (&*path, &*script)];
        let mut host = host(&files);
        let fixes = offered(&host);
        let comment = fixes.iter().find(|fix| fix.title.starts_with("Ignore")).expect("it is offered");
        let after = apply(&script, &comment.change.edits[0].1);
        assert!(after.contains(&expected), "{after}");
        let disk = vec![(format!("/project/{path}"), FileContent::Text(after.as_str().into()))];
        host.apply(Change { disk, ..Change::default() });
        assert!(offered(&host).is_empty(), "{after}");
    }
}
