//! The text of the new module.

use super::own::Own;
use super::{Tokens, Wanted};

/// How a dependency refuses, in a block of its function.
const REFUSE: &str =
    r#"        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Not authenticated", {"WWW-Authenticate": "Bearer"})"#;

/// How it refuses what a verification threw out as `error`.
const REFUSE_FAILED: &str = r#"        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "Not authenticated", {"WWW-Authenticate": "Bearer"}
        ) from error"#;

/// What every module imports of FastAPI.
const FASTAPI: &str = "from fastapi import Depends, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer";

/// The module's whole text, with lines that end in `\n`.
pub(super) fn text(wanted: &Wanted) -> String {
    let base = &wanted.base_path;
    let text = match &wanted.tokens {
        Tokens::Session => session(wanted),
        Tokens::Own(own) => with_own_key(wanted, own),
        Tokens::Jwt(algorithm) => with_key_set(wanted, &better_auth(base, algorithm, false)),
        Tokens::WithoutPlugin => with_key_set(wanted, &better_auth(base, "EdDSA", true)),
        Tokens::Unknown => with_key_set(wanted, &of_anyone()),
    };
    let alias =
        if wanted.annotated { "\n\nCurrentUser = Annotated[dict[str, Any], Depends(get_current_user)]\n" } else { "" };
    text + alias
}

fn typing(wanted: &Wanted) -> &'static str {
    if wanted.annotated { "from typing import Annotated, Any" } else { "from typing import Any" }
}

fn parameter(wanted: &Wanted) -> &'static str {
    if wanted.annotated {
        "credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]"
    } else {
        "credentials: HTTPAuthorizationCredentials | None = Depends(bearer)"
    }
}

fn session(wanted: &Wanted) -> String {
    let (base, typing, parameter) = (&wanted.base_path, typing(wanted), parameter(wanted));
    format!(
        r#""""Who is calling: sessions of Better Auth's `bearer()` plugin, checked by asking Better Auth."""

import os
{typing}

import httpx
{FASTAPI}

# Where this service reaches the frontend; inside a network that may be http://web:3000.
SESSION_URL = os.environ["BETTER_AUTH_INTERNAL_URL"] + "{base}/get-session"

bearer = HTTPBearer(auto_error=False)


def get_current_user({parameter}) -> dict[str, Any]:
    if credentials is None:
{REFUSE}
    headers = {{"Authorization": f"Bearer {{credentials.credentials}}"}}
    response = httpx.get(SESSION_URL, headers=headers, timeout=5)
    # Without a session the answer is 200 with the body `null`.
    session = response.json() if response.status_code == 200 else None
    if not session:
{REFUSE}
    return session["user"]
"#
    )
}

/// Whose tokens a key set verifies, and where the settings come from.
struct KeySet {
    /// What the tokens are.
    tokens: &'static str,
    /// Lines that read the settings.
    settings: String,
    /// The algorithms, as items of a list.
    algorithms: String,
}

fn better_auth(base: &str, algorithm: &str, without_plugin: bool) -> KeySet {
    let needed = if without_plugin {
        "# The frontend has to use Better Auth's `jwt()` plugin, and to send its token as `Authorization: Bearer`.\n"
    } else {
        ""
    };
    let settings = format!(
        r#"{needed}# Where this service fetches the keys; inside a network that may be http://web:3000{base}/jwks.
JWKS_URL = os.environ["BETTER_AUTH_JWKS_URL"]
# What tokens name as issuer and audience: the public origin of the frontend.
ISSUER = os.environ["BETTER_AUTH_URL"]
AUDIENCE = os.environ.get("BETTER_AUTH_AUDIENCE", ISSUER)"#
    );
    KeySet { tokens: "tokens of Better Auth's `jwt()` plugin", settings, algorithms: format!("\"{algorithm}\"") }
}

/// Whoever signs users in, it publishes its keys as RFC 7517 has it.
fn of_anyone() -> KeySet {
    let settings = r#"# Where the service that signs users in publishes its keys (JWKS), and what its tokens name as issuer and audience.
JWKS_URL = os.environ["AUTH_JWKS_URL"]
ISSUER = os.environ["AUTH_ISSUER"]
AUDIENCE = os.environ["AUTH_AUDIENCE"]"#;
    KeySet {
        tokens: "tokens of the service that signs users in",
        settings: settings.to_owned(),
        algorithms: r#""EdDSA", "ES256", "RS256""#.to_owned(),
    }
}

fn with_key_set(wanted: &Wanted, keys: &KeySet) -> String {
    let KeySet { tokens, settings, algorithms } = keys;
    let (typing, parameter) = (typing(wanted), parameter(wanted));
    format!(
        r#""""Who is calling: {tokens}, verified through its key set."""

import os
{typing}

import jwt
{FASTAPI}

{settings}

# Needs PyJWT with its `crypto` extra.
jwks = jwt.PyJWKClient(JWKS_URL)
bearer = HTTPBearer(auto_error=False)


def get_current_user({parameter}) -> dict[str, Any]:
    if credentials is None:
{REFUSE}
    token = credentials.credentials
    try:
        return jwt.decode(
            token,
            jwks.get_signing_key_from_jwt(token).key,
            algorithms=[{algorithms}],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={{"require": ["exp", "sub"]}},
        )
    except jwt.PyJWTError as error:
{REFUSE_FAILED}
"#
    )
}

fn with_own_key(wanted: &Wanted, own: &Own) -> String {
    let Own { imports, key, algorithm, required, mark, jose } = own;
    let (typing, parameter) = (typing(wanted), parameter(wanted));
    let (library, error, options) = if *jose {
        let options = required.iter().map(|claim| format!("\"require_{claim}\": True")).collect::<Vec<_>>();
        ("from jose import JWTError, jwt", "JWTError", options.join(", "))
    } else {
        let required = required.iter().map(|claim| format!("\"{claim}\"")).collect::<Vec<_>>().join(", ");
        let options = if required.is_empty() { required } else { format!("\"require\": [{required}]") };
        ("import jwt", "jwt.PyJWTError", options)
    };
    let options = if options.is_empty() { options } else { format!("            options={{{options}}},\n") };
    let mark = mark.as_ref().map_or_else(String::new, |(claim, value)| {
        format!("    if claims.get(\"{claim}\") != \"{value}\":\n{REFUSE}\n")
    });
    let (first, second) = if *jose { (FASTAPI, library) } else { (library, FASTAPI) };
    format!(
        r#""""Who is calling: tokens that this service signs itself."""

{typing}

{first}
{second}

{imports}

bearer = HTTPBearer(auto_error=False)


def get_current_user({parameter}) -> dict[str, Any]:
    if credentials is None:
{REFUSE}
    try:
        claims = jwt.decode(
            credentials.credentials,
            {key},
            algorithms=[{algorithm}],
{options}        )
    except {error} as error:
{REFUSE_FAILED}
{mark}    return claims
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Grammar, parse};

    #[test]
    fn every_module_parses() {
        let own = Own {
            imports: "from app.config import settings".into(),
            key: "settings.SECRET_KEY".into(),
            algorithm: "\"HS256\"".into(),
            required: vec!["exp", "sub"],
            mark: Some(("type".into(), "access".into())),
            jose: false,
        };
        let of_jose = Own { jose: true, required: Vec::new(), mark: None, ..own.clone() };
        let owns = [Tokens::Own(own), Tokens::Own(of_jose)];
        for tokens in
            [Tokens::Jwt("ES256"), Tokens::Session, Tokens::WithoutPlugin, Tokens::Unknown].iter().chain(&owns)
        {
            for annotated in [true, false] {
                let wanted = Wanted { tokens: tokens.clone(), base_path: "/api/auth".into(), annotated };
                let made = text(&wanted);
                let tree = parse(Grammar::Python, &made, None).unwrap();
                assert!(!tree.root_node().has_error(), "{made}");
                assert!(made.ends_with('\n') && made.lines().all(|line| line.len() <= 120), "{made}");
            }
        }
    }
}
