//! A new module with a verifying dependency, where a project has none.
//!
//! What it verifies is what the frontend issues: tokens that Better Auth's
//! `jwt()` plugin signs are checked against its key set, session tokens of its
//! `bearer()` plugin by asking Better Auth. The settings come from the
//! environment, without defaults: a service that lacks them does not start.

use std::collections::BTreeMap;

use super::calls::{Guard as Asked, Level, NewModule, guard_calls};
use super::guard::{keep, registrations};
use super::imports::Imports;
use super::{Fixer, Served};
use crate::auth::guard::Guard;
use crate::ide::{Applicability, Fix, NewFile, Refusal, RouteKind, State};
use crate::index::modules::parent;
use crate::verdicts::source_root;

/// Names that the new file may get, the first that is free.
const NAMES: &[&str] = &["auth", "authentication", "current_user"];

/// Signature algorithms of Better Auth's key pairs.
const ALGORITHMS: &[&str] = &["EdDSA", "ES256", "ES512", "PS256", "RS256"];

/// What a frontend sends as credential.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tokens {
    /// JWTs of the `jwt()` plugin, signed with this algorithm.
    Jwt(&'static str),
    /// Session tokens of the `bearer()` plugin.
    Session,
    /// It is not known: a frontend without plugins, or none in the workspace.
    Unknown,
}

struct Frontend {
    tokens: Tokens,
    base_path: String,
}

/// Appends the fix that makes the module and guards open routes of one
/// application with it.
pub(super) fn fixes(fixer: &Fixer<'_>, open: &[Served<'_>], fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let Some(first) = open.first() else { return };
    // Where a route is guarded, or may be, the project has its own way.
    let bare = |one: &Served<'_>| matches!(one.judged.guard, Guard::Open(_) | Guard::Public(_));
    let mut whole = fixer.all_served().filter(|one| one.application.router == first.application.router);
    let root = source_root(fixer.state, first.application);
    let has_one = fixer
        .state
        .verifiers
        .iter()
        .any(|verifier| fixer.state.sources.file(verifier.file).is_some_and(|file| file.path.starts_with(&root)));
    if has_one || !whole.all(|one| bare(&one)) {
        return;
    }
    keep(module_and_guards(fixer, open), fixes, refusals);
}

fn module_and_guards(fixer: &Fixer<'_>, open: &[Served<'_>]) -> Result<Fix, Refusal> {
    if open.iter().any(|one| one.route.kind == RouteKind::WebSocket) {
        return Err(Refusal("a new dependency would read an HTTP request, which a WebSocket does not have".into()));
    }
    if open.iter().any(|one| !one.route.injects) {
        return Err(Refusal("Starlette runs no dependencies for one of the routes".into()));
    }
    let module = module(fixer, open)?;
    let calls = registrations(fixer, open)?;
    let edits = guard_calls(fixer, Level::Registration, &calls, Asked::New(&module))?;
    let name = module.file.path.rsplit('/').next().unwrap_or_default();
    let routes = if open.len() == 1 { "the route".to_owned() } else { format!("the {} open routes", open.len()) };
    let title = format!("Create `{name}` with a dependency that verifies tokens, and guard {routes}");
    fixer.checked(edits, vec![module.file], title, Applicability::Unsafe)
}

fn module(fixer: &Fixer<'_>, open: &[Served<'_>]) -> Result<NewModule, Refusal> {
    let no_place = || Refusal("there is no place for a new module".into());
    let application = open.first().ok_or_else(no_place)?.application;
    let sources = &fixer.state.sources;
    let main = sources.file(application.site.file).ok_or_else(no_place)?;
    let folder = parent(&main.path);
    let has_files = |folder: &str| sources.iter().any(|(_, file)| file.path.starts_with(&format!("{folder}/")));
    let core = format!("{folder}/core");
    let folder = if has_files(&core) { core } else { folder.to_owned() };
    let free =
        |name: &&&str| sources.id(&format!("{folder}/{name}.py")).is_none() && !has_files(&format!("{folder}/{name}"));
    let name = NAMES.iter().find(free).ok_or_else(no_place)?;
    let path = format!("{folder}/{name}.py");
    let mut spellings = BTreeMap::new();
    for one in open {
        let file = one.route.registration.file;
        let imports = Imports::new(fixer, &fixer.source(file)?, None)?;
        spellings.insert(file, imports.spelling_of_new(&path).ok_or_else(no_place)?);
    }
    let facts = sources.facts(application.site.file).ok_or_else(no_place)?;
    let ending = fixer.source(application.site.file)?.layout.ending;
    let text = text(&frontend(fixer.state), fixer.style().annotates(facts)).replace('\n', ending);
    Ok(NewModule { file: NewFile { path, text }, spellings, name: "get_current_user" })
}

/// What the frontend of the workspace sends, by a plain look at the text of
/// its Better Auth configuration.
fn frontend(state: &State) -> Frontend {
    let configurations = state.sources.iter().filter_map(|(file, source)| {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        let script = [".ts", ".tsx", ".js", ".mjs", ".mts"].iter().any(|ending| name.ends_with(ending));
        let text = state.documents.get(file).filter(|_| script)?.text()?;
        calls(&text, "betterAuth").then(|| without_comments(&text))
    });
    let mut found = Frontend { tokens: Tokens::Unknown, base_path: "/api/auth".to_owned() };
    for text in configurations {
        if let Some(path) = quoted_after(&text, "basePath") {
            found.base_path = path.to_owned();
        }
        if calls(&text, "jwt") {
            let written = quoted_after(&text, "alg").and_then(|alg| ALGORITHMS.iter().find(|known| **known == alg));
            found.tokens = Tokens::Jwt(written.unwrap_or(&"EdDSA"));
            return found;
        }
        if calls(&text, "bearer") {
            found.tokens = Tokens::Session;
        }
    }
    found
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| match line.find("//") {
        Some(at) if !line[..at].ends_with(':') => line[..at].to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

/// Whether a text calls a function by its bare name.
fn calls(text: &str, name: &str) -> bool {
    text.match_indices(&format!("{name}("))
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '.'))
}

/// The string literal behind `key:`.
fn quoted_after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let at = text.match_indices(&format!("{key}:")).next()?.0 + key.len() + 1;
    let rest = text[at..].trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    rest[1..].split(quote).next()
}

fn text(frontend: &Frontend, annotated: bool) -> String {
    let base = &frontend.base_path;
    let typing = if annotated { "from typing import Annotated, Any" } else { "from typing import Any" };
    let parameter = if annotated {
        "credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]"
    } else {
        "credentials: HTTPAuthorizationCredentials | None = Depends(bearer)"
    };
    let alias = if annotated { "\n\nCurrentUser = Annotated[dict[str, Any], Depends(get_current_user)]\n" } else { "" };
    let refuse = "        raise HTTPException(status.HTTP_401_UNAUTHORIZED, \"Not authenticated\", {\"WWW-Authenticate\": \"Bearer\"})";
    let algorithm = match frontend.tokens {
        Tokens::Session => {
            return format!(
                "\"\"\"Who is calling: sessions of Better Auth's `bearer()` plugin, checked by asking Better Auth.\"\"\"\n\n\
                 import os\n{typing}\n\n\
                 import httpx\n\
                 from fastapi import Depends, HTTPException, status\n\
                 from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer\n\n\
                 # Where this service reaches the frontend; inside a network that may be http://web:3000.\n\
                 SESSION_URL = os.environ[\"BETTER_AUTH_INTERNAL_URL\"] + \"{base}/get-session\"\n\n\
                 bearer = HTTPBearer(auto_error=False)\n\n\n\
                 def get_current_user({parameter}) -> dict[str, Any]:\n    \
                 if credentials is None:\n{refuse}\n    \
                 headers = {{\"Authorization\": f\"Bearer {{credentials.credentials}}\"}}\n    \
                 response = httpx.get(SESSION_URL, headers=headers, timeout=5)\n    \
                 # Without a session the answer is 200 with the body `null`.\n    \
                 session = response.json() if response.status_code == 200 else None\n    \
                 if not session:\n{refuse}\n    \
                 return session[\"user\"]\n{alias}"
            );
        }
        Tokens::Jwt(algorithm) => algorithm,
        Tokens::Unknown => "EdDSA",
    };
    let needed = if frontend.tokens == Tokens::Unknown {
        "# The frontend has to use Better Auth's `jwt()` plugin, and to send its token as `Authorization: Bearer`.\n"
    } else {
        ""
    };
    format!(
        "\"\"\"Who is calling: tokens of Better Auth's `jwt()` plugin, verified through its key set.\"\"\"\n\n\
         import os\n{typing}\n\n\
         import jwt\n\
         from fastapi import Depends, HTTPException, status\n\
         from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer\n\n\
         {needed}\
         # Where this service fetches the keys; inside a network that may be http://web:3000{base}/jwks.\n\
         JWKS_URL = os.environ[\"BETTER_AUTH_JWKS_URL\"]\n\
         # What tokens name as issuer and audience: the public origin of the frontend.\n\
         ISSUER = os.environ[\"BETTER_AUTH_URL\"]\n\
         AUDIENCE = os.environ.get(\"BETTER_AUTH_AUDIENCE\", ISSUER)\n\n\
         # Needs PyJWT with its `crypto` extra.\n\
         jwks = jwt.PyJWKClient(JWKS_URL)\n\
         bearer = HTTPBearer(auto_error=False)\n\n\n\
         def get_current_user({parameter}) -> dict[str, Any]:\n    \
         if credentials is None:\n{refuse}\n    \
         token = credentials.credentials\n    \
         try:\n        \
         return jwt.decode(\n            \
         token,\n            \
         jwks.get_signing_key_from_jwt(token).key,\n            \
         algorithms=[\"{algorithm}\"],\n            \
         audience=AUDIENCE,\n            \
         issuer=ISSUER,\n            \
         options={{\"require\": [\"exp\", \"sub\"]}},\n        \
         )\n    \
         except jwt.PyJWTError as error:\n        \
         raise HTTPException(\n            \
         status.HTTP_401_UNAUTHORIZED, \"Not authenticated\", {{\"WWW-Authenticate\": \"Bearer\"}}\n        \
         ) from error\n{alias}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Grammar, parse};

    #[test]
    fn every_module_parses() {
        for tokens in [Tokens::Jwt("ES256"), Tokens::Session, Tokens::Unknown] {
            for annotated in [true, false] {
                let made = text(&Frontend { tokens: tokens.clone(), base_path: "/api/auth".into() }, annotated);
                let tree = parse(Grammar::Python, &made, None).unwrap();
                assert!(!tree.root_node().has_error(), "{made}");
                assert!(made.ends_with('\n') && made.lines().all(|line| line.len() <= 120), "{made}");
            }
        }
    }

    #[test]
    fn calls_are_told_from_other_names() {
        assert!(calls("plugins: [jwt(), x]", "jwt") && calls("[jwt({a: 1})]", "jwt"));
        assert!(!calls("myjwt()", "jwt") && !calls("auth.jwt()", "jwt") && !calls("jwt", "jwt"));
        assert_eq!(quoted_after("keyPairConfig: { alg: \"ES256\" }", "alg"), Some("ES256"));
        assert_eq!(quoted_after("alg: variable", "alg"), None);
        assert!(!calls(&without_comments("// jwt()\nplugins: [bearer()]"), "jwt"));
    }
}
