//! Where a request's credentials and identities come from.

use super::Proof;
use crate::index::value::{Arguments, Value};

/// What a piece of the request is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// Something only a legitimate caller knows: a token, key or signature.
    Credential,
    /// A statement of who the caller is, which anybody can write.
    Identity,
    /// Any other data of the client.
    Data,
}

/// The worth of a header, cookie or parameter by the name it travels under.
/// This decides what kind of thing the client sends, never whether it is verified.
pub(super) fn worth_of(name: &str) -> Worth {
    let name = spelled_out(name);
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    let has = |set: &[&str]| words.iter().any(|word| set.contains(word));
    if name == "x_request_id" || name == "x_correlation_id" || name == "user_agent" {
        return Worth::Data;
    }
    // `max_tokens` counts words of a language model.
    if has(&["max", "min", "limit", "count", "num", "total", "usage"]) {
        return Worth::Data;
    }
    // These tell that a browser, or a human, sent the request: not who did. Anybody can fetch one.
    if words.iter().any(|word| word.starts_with("csrf") || word.starts_with("xsrf") || word.contains("captcha")) {
        return Worth::Data;
    }
    // With it a device asks for its token (RFC 8628, section 3.4).
    if name == "device_code" {
        return Worth::Credential;
    }
    const SECRET: &[&str] = &[
        "authorization",
        "auth",
        "token",
        "tokens",
        "jwt",
        "bearer",
        "secret",
        "apikey",
        "signature",
        "sig",
        "session",
        "sessionid",
        "sid",
        "sso",
        "password",
        "credential",
        "credentials",
        "hmac",
        "otp",
        "ticket",
        "cookie",
        "accesstoken",
        "idtoken",
        "svix",
        "passphrase",
    ];
    if has(SECRET)
        || (has(&["key"]) && (has(&["api", "x", "access", "service", "admin", "internal"]) || words.len() == 1))
    {
        return Worth::Credential;
    }
    const IDENTITY: &[&str] = &[
        "user",
        "userid",
        "username",
        "uid",
        "email",
        "account",
        "owner",
        "role",
        "roles",
        "identity",
        "principal",
        "actor",
    ];
    if has(IDENTITY) { Worth::Identity } else { Worth::Data }
}

/// A name in lower case with underscores between its words: `refreshToken`, `X-Refresh-Token`.
fn spelled_out(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len() + 2);
    let mut before = '_';
    for character in name.chars() {
        if character.is_ascii_uppercase() && before.is_ascii_lowercase() {
            spelled.push('_');
        }
        spelled.push(if character == '-' { '_' } else { character.to_ascii_lowercase() });
        before = character;
    }
    spelled
}

/// The worth of a parameter of the path, query or body. `session_id` and
/// `ticket_id` say there which object is meant: nobody proves anything by them.
/// Who sends a token's identifier may well have got it with a link.
pub(super) fn worth_of_parameter(name: &str) -> Worth {
    let lower = spelled_out(name);
    let words: Vec<&str> = lower.split('_').collect();
    let names_object = match words.last() {
        Some(&("id" | "ids" | "uuid" | "name")) => !words.iter().any(|word| matches!(*word, "token" | "auth")),
        Some(&("session" | "sid" | "sessionid" | "type")) => true,
        _ => false,
    };
    match worth_of(name) {
        Worth::Credential if names_object => Worth::Data,
        worth => worth,
    }
}

/// Whether a parameter is only called `key`: that is the name of an entry as often as what opens a door. Compared with a
/// secret it proves something, looked up it does not.
pub(super) fn is_bare_key(name: &str) -> bool {
    name.eq_ignore_ascii_case("key")
}

/// Whether a column of that name holds what only those know whom it was given to. A password is nothing to find a row
/// by, and where messages are pushed to is no secret.
pub(super) fn holds_token(column: &str) -> bool {
    let name = spelled_out(column);
    let has = |set: &[&str]| name.split('_').any(|word| set.contains(&word));
    has(&["token", "tokens", "code", "secret", "hash", "jwt", "otp", "nonce", "ticket"])
        && !has(&["password", "passwd", "pwd", "push", "fcm", "apns", "expo", "registration", "api"])
        && !(has(&["device"]) && has(&["token"]))
}

/// Whether a column of that name may hold a code that was sent to who is to show it: no code of a product or country.
pub(super) fn is_code_of_caller(column: &str) -> bool {
    const KINDS: &[&str] = &[
        "verification",
        "verify",
        "confirmation",
        "confirm",
        "reset",
        "login",
        "otp",
        "email",
        "sms",
        "hash",
        "activation",
    ];
    let name = spelled_out(column);
    let has = |set: &[&str]| name.split('_').any(|word| set.contains(&word));
    has(&["otp", "pin", "passcode"]) || has(&["code"]) && has(KINDS)
}

/// Whether a column of that name says which user is meant: a secret is none of these.
pub(super) fn names_user(column: &str) -> bool {
    const COLUMNS: &[&str] = &[
        "id",
        "pk",
        "uuid",
        "uid",
        "guid",
        "userid",
        "useruuid",
        "accountid",
        "email",
        "emailaddress",
        "mail",
        "useremail",
        "username",
        "login",
        "name",
        "nickname",
        "handle",
        "phone",
        "phonenumber",
        "mobile",
    ];
    let plain: String = column.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    COLUMNS.contains(&plain.as_str())
}

/// Whether a table or class of that name holds users: `users`, `UserInDB`, `app_user`.
pub(crate) fn is_user_table(name: &str) -> bool {
    let held = held_by_table(name);
    held.ends_with("user") || held.ends_with("users") || is_account_table(name)
}

/// Whether it is only called after accounts, which may be those of a bank or a ledger.
pub(crate) fn is_account_table(name: &str) -> bool {
    matches!(held_by_table(name).as_str(), "account" | "accounts")
}

/// What a table or class of that name holds, in lower case and without anything but letters and digits.
fn held_by_table(name: &str) -> String {
    // What kind of class it is says nothing of what it holds.
    const KINDS: &[&str] = &["indb", "db", "model", "table", "entity", "orm", "document"];
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    KINDS.iter().find_map(|kind| plain.strip_suffix(kind)).map_or_else(|| plain.clone(), str::to_owned)
}

/// Whether a parameter of that name carries what a caller proves itself with.
pub(crate) fn is_credential_parameter(name: &str) -> bool {
    worth_of_parameter(name) == Worth::Credential
}

/// Whether a package class, called, is a security scheme of FastAPI (0.165):
/// it reads a credential and verifies nothing.
pub(super) fn is_scheme(path: &str) -> bool {
    const SCHEMES: &[&str] = &[
        "HTTPBearer",
        "HTTPBasic",
        "HTTPDigest",
        "OAuth2",
        "OAuth2PasswordBearer",
        "OAuth2AuthorizationCodeBearer",
        "APIKeyHeader",
        "APIKeyCookie",
        "APIKeyQuery",
        "OpenIdConnect",
    ];
    let name = path.rsplit('.').next().unwrap_or(path);
    path.starts_with("fastapi.security") && SCHEMES.contains(&name)
}

/// What an instance of a package's class, or the result of a package's
/// function, proves as a dependency; `arguments` are those that it was made with.
pub(super) fn package_instance(path: &str, arguments: &Arguments) -> Proof {
    if is_scheme(path) {
        return Proof::ExtractsOnly;
    }
    // fastapi-users 15: `current_user(optional=True)` gives `None` for nobody.
    if path.ends_with("FastAPIUsers.current_user") {
        return match arguments.get("optional", Some(0)) {
            None if arguments.open_ended => Proof::Unknown("how `current_user` is made is not known".into()),
            None | Some(Value::Bool(false)) => Proof::Verifies,
            Some(Value::Bool(true)) => Proof::Optional,
            Some(_) => Proof::Unknown("whether `current_user` is optional is not known".into()),
        };
    }
    // supertokens-python 0.30: a session is asked for unless that is switched off.
    if path.starts_with("supertokens_python.recipe.session.") && path.ends_with(".verify_session") {
        return match arguments.get("session_required", None) {
            None if arguments.open_ended => Proof::Unknown("how `verify_session` is made is not known".into()),
            None | Some(Value::Bool(true)) => Proof::Verifies,
            Some(Value::Bool(false)) => Proof::Optional,
            Some(_) => Proof::Unknown("whether `verify_session` asks for a session is not known".into()),
        };
    }
    if verifies_itself(path) {
        return Proof::Verifies;
    }
    if is_harmless(path) {
        return Proof::NotAuth;
    }
    Proof::Unknown(format!("{path} is a package that authlens does not know").into())
}

/// What a package's callable proves as a dependency, uncalled.
pub(super) fn package_callable(path: &str) -> Proof {
    // `Depends(HTTPBearer)`: FastAPI makes a new scheme object for every
    // request and never calls it (run on 0.165: the handler answers 200).
    if is_scheme(path) {
        return Proof::ChecksNothing;
    }
    if is_harmless(path) || path.ends_with("PasswordRequestForm") || path.ends_with("PasswordRequestFormStrict") {
        return Proof::NotAuth;
    }
    if verifies_itself(path) {
        return Proof::Verifies;
    }
    if path == "propelauth_fastapi.init_auth.optional_user" {
        return Proof::Optional;
    }
    // It looks at nothing before a handler asks it to.
    if jwt_auth_method(path) == Some("") {
        return Proof::NotAuth;
    }
    Proof::Unknown(format!("{path} is a package that authlens does not know").into())
}

/// The method of `AuthJWT`, the dependency of fastapi-jwt-auth 0.5 and those who
/// carry it on; empty for the class itself.
pub(super) fn jwt_auth_method(path: &str) -> Option<&str> {
    const PACKAGES: &[&str] =
        &["fastapi_jwt_auth", "fastapi_jwt_auth2", "async_fastapi_jwt_auth", "another_fastapi_jwt_auth"];
    let (package, rest) = path.split_once('.')?;
    let (_, method) = rest.split_once("AuthJWT").filter(|_| PACKAGES.contains(&package))?;
    Some(method.trim_start_matches("Bearer").trim_start_matches('.'))
}

/// Packages whose dependencies verify by themselves: fastapi-users 15
/// (`FastAPIUsers.current_user()`), fastapi-nextauth-jwt, fastapi-better-auth,
/// fastapi-login, fastapi-azure-auth, fastapi-cloudauth, fastapi-auth0, PropelAuth, Clerk, AuthX 1, fastapi-jwt 0.3.
fn verifies_itself(path: &str) -> bool {
    const CALLS: &[&str] = &[
        "fastapi_users.FastAPIUsers.current_user",
        "fastapi_users.fastapi_users.FastAPIUsers.current_user",
        "fastapi_nextauth_jwt.NextAuthJWT",
        "fastapi_better_auth.BetterAuth.current_session",
        "fastapi_login.LoginManager",
        "fastapi_azure_auth.SingleTenantAzureAuthorizationCodeBearer",
        "fastapi_azure_auth.MultiTenantAzureAuthorizationCodeBearer",
        "fastapi_azure_auth.B2CAuthorizationCodeBearer",
        "fastapi_cloudauth.Cognito",
        "fastapi_cloudauth.Auth0",
        "fastapi_cloudauth.FirebaseCurrentUser",
        "fastapi_clerk_auth.ClerkHTTPBearer",
        "propelauth_fastapi.init_auth.require_user",
        "authx.AuthX.access_token_required",
        "authx.AuthX.fresh_token_required",
        "fastapi_jwt.JwtAccessBearer",
        "fastapi_jwt.JwtAccessCookie",
        "fastapi_jwt.JwtAccessBearerCookie",
    ];
    CALLS.contains(&path)
}

/// Whether what a package's callable gives in a `with` is what it was given (Python 3.14, `contextlib`).
pub(crate) fn only_wraps(path: &str) -> bool {
    matches!(path, "contextlib.closing" | "contextlib.aclosing" | "contextlib.nullcontext")
}

/// Whether a package's callable is no authentication: of Python's library, or
/// of a package that gives data, connections, pages or limits.
fn is_harmless(path: &str) -> bool {
    /// Modules of Python 3.14. `hmac`, `secrets` and `hashlib` are left out:
    /// they may be part of a check.
    const LIBRARY: &[&str] = &[
        "abc",
        "asyncio",
        "builtins",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "functools",
        "io",
        "itertools",
        "json",
        "logging",
        "math",
        "operator",
        "os",
        "pathlib",
        "queue",
        "random",
        "re",
        "string",
        "tempfile",
        "threading",
        "time",
        "types",
        "typing",
        "uuid",
        "zoneinfo",
    ];
    const PACKAGES: &[&str] = &[
        "aioboto3",
        "aiohttp",
        "aiokafka",
        "aioredis",
        "aiosqlite",
        "anthropic",
        "arq",
        "asyncpg",
        "beanie",
        "boto3",
        "celery",
        "chromadb",
        "databases",
        "elasticsearch",
        "fastapi_cache",
        "fastapi_filter",
        "fastapi_limiter",
        "fastapi_mail",
        "fastapi_pagination",
        "httpx",
        "jinja2",
        "motor",
        "openai",
        "psycopg",
        "psycopg2",
        "psycopg_pool",
        "pydantic",
        "pydantic_settings",
        "pymongo",
        "qdrant_client",
        "redis",
        "requests",
        "slowapi",
        "sqlalchemy",
        "sqlmodel",
        "starlette",
        "structlog",
        "tortoise",
        "typing_extensions",
    ];
    let first = path.split('.').next().unwrap_or(path);
    LIBRARY.contains(&first)
        || PACKAGES.contains(&first)
        // dependency-injector 4.48: a marker that stands for an object of the container.
        || path.starts_with("dependency_injector.wiring.")
        || matches!(path, "fastapi.Request" | "fastapi.Response" | "fastapi.BackgroundTasks" | "fastapi.WebSocket")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_kind_of_thing_travels() {
        for name in ["Authorization", "x-token", "X-API-Key", "api_key", "session", "access_token", "stripe-signature"]
        {
            assert_eq!(worth_of(name), Worth::Credential, "{name}");
        }
        for name in ["X-User-Id", "user_id", "x-user-email", "username"] {
            assert_eq!(worth_of(name), Worth::Identity, "{name}");
        }
        for name in ["X-CSRF-Token", "csrftoken", "XSRF-TOKEN", "Prefect-Csrf-Client", "captcha_token"] {
            assert_eq!(worth_of(name), Worth::Data, "{name}");
        }
        for name in ["session_id", "api_key_id", "ticket_id", "token_type"] {
            assert_eq!(worth_of_parameter(name), Worth::Data, "{name}");
        }
        for name in ["refreshToken", "X-RefreshToken", "apiKey"] {
            assert_eq!(worth_of(name), Worth::Credential, "{name}");
        }
        for name in ["sessionId", "maxTokens"] {
            assert_eq!(worth_of_parameter(name), Worth::Data, "{name}");
        }
        for name in ["session_token", "token_id"] {
            assert_eq!(worth_of_parameter(name), Worth::Credential, "{name}");
        }
        for name in ["max_tokens", "user-agent", "X-Request-ID", "limit", "q", "sort_key", "accept-language"] {
            assert_eq!(worth_of(name), Worth::Data, "{name}");
        }
    }
}
