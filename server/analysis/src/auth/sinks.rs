//! Calls that can tell a good credential from a bad one.

use super::tokens::is_of_text;

/// What a package's callable does with a credential that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    /// Verifies it, and raises when it is bad.
    Raises,
    /// Verifies it; the result is false or `None` when it is bad.
    Answers,
    /// Signs somebody in with the password, code or token in it, and raises when that is bad.
    SignsIn,
    /// Sends it to somebody who verifies: the response tells.
    Forwards,
    /// Reads it without verifying.
    Reads,
    /// Has nothing to do with verification: the result holds what went in.
    Passes,
    /// Not known.
    Unknown,
}

/// Packages that send HTTP requests.
const HTTP_CLIENTS: &[&str] = &["httpx", "requests", "aiohttp", "urllib3"];

/// Whether a dotted path leads into a package that sends HTTP requests.
pub(super) fn is_http_client(path: &str) -> bool {
    path.split('.').next().is_some_and(|package| HTTP_CLIENTS.contains(&package))
}

/// Whether a dotted path is that of a class whose objects send HTTP requests.
pub(super) fn is_http_client_class(path: &str) -> bool {
    let class = path.rsplit('.').next().unwrap_or(path);
    is_http_client(path) && matches!(class, "AsyncClient" | "Client" | "ClientSession" | "Session")
}

/// Whether a callable that sends a request raises by itself where the answer is a refusal.
pub(super) fn raises_for_status(path: &str) -> bool {
    path == "urllib.request.urlopen"
}

/// Packages that ask databases.
pub(super) const DATABASES: &[&str] = &[
    "redis",
    "sqlalchemy",
    "sqlmodel",
    "motor",
    "pymongo",
    "asyncpg",
    "databases",
    "psycopg",
    "psycopg2",
    "sqlite3",
    "tortoise",
    "beanie",
    "prisma",
    "aiosqlite",
];

/// What the callable of that dotted path does. `method` is its last part.
pub(super) fn classify(path: &str) -> Sink {
    let method = path.rsplit('.').next().unwrap_or(path);
    let package = path.split('.').next().unwrap_or(path);
    match package {
        // PyJWT 2, python-jose 3, authlib 1, joserfc 1.
        "jwt" | "jose" | "authlib" | "joserfc" | "python_jose" => match method {
            _ if is_of_text(path) => Sink::Passes,
            "decode" | "verify" | "decode_complete" | "deserialize_compact" | "validate" => Sink::Raises,
            _ if method.contains("unverified") => Sink::Reads,
            "get_signing_key_from_jwt" | "get_signing_key" => Sink::Reads,
            _ => Sink::Passes,
        },
        // fastapi-users 15: PyJWT's `decode` with a key and an audience.
        "fastapi_users" if path == "fastapi_users.jwt.decode_jwt" => Sink::Raises,
        // jwcrypto 1: a token that is read together with a key is verified.
        "jwcrypto" => match method {
            "JWT" | "deserialize" => Sink::Raises,
            _ => Sink::Passes,
        },
        // python-keycloak 5: `introspect` answers `active: false`, `userinfo` raises through its own request.
        "keycloak" => match method {
            "decode_token" | "a_decode_token" | "userinfo" | "a_userinfo" => Sink::Raises,
            "introspect" | "a_introspect" => Sink::Forwards,
            _ => Sink::Passes,
        },
        "pyseto" | "paseto" if method == "decode" => Sink::Raises,
        // Signatures and what is encrypted with them: cryptography 46, PyNaCl 1, ecdsa 0.19.
        "cryptography" | "nacl" | "ecdsa" if method == "verify" => Sink::Raises,
        "cryptography" if method == "decrypt" && path.contains(".fernet.") => Sink::Raises,
        "itsdangerous" => match method {
            "loads" | "unsign" => Sink::Raises,
            _ => Sink::Passes,
        },
        "firebase_admin" if method.starts_with("verify_") => Sink::Raises,
        "google" if method.starts_with("verify_") => Sink::Raises,
        _ if SENDERS.contains(&package) => of_sender(package, method),
        "hmac" | "secrets" if method == "compare_digest" => Sink::Answers,
        "passlib" | "bcrypt" | "argon2" | "pwdlib" | "werkzeug" => match method {
            "verify" | "checkpw" | "verify_and_update" | "check_password_hash" => Sink::Answers,
            _ => Sink::Passes,
        },
        // Raises where the answer is a refusal (Python 3.14), see `raises_for_status`.
        "urllib" if method == "urlopen" => Sink::Forwards,
        _ if HTTP_CLIENTS.contains(&package) => match method {
            "get" | "post" | "request" | "send" | "fetch" | "urlopen" => Sink::Forwards,
            _ => Sink::Passes,
        },
        _ if PROVIDERS.contains(&package) => of_provider(package, method),
        _ if DATABASES.contains(&package) => {
            if is_lookup(method) {
                Sink::Forwards
            } else {
                Sink::Passes
            }
        }
        "base64" | "json" | "re" | "urllib" | "logging" | "hashlib" | "hmac" | "uuid" | "datetime" | "time"
        | "structlog" | "loguru" | "builtins" | "fastapi" | "starlette" | "pydantic" | "typing" | "os" | "binascii"
        | "collections" | "orjson" | "asyncio" | "anyio" | "secrets" | "functools" | "traceback" | "sentry_sdk"
        | "opentelemetry" | "string" | "contextvars" | "bson" => Sink::Passes,
        // Metrics, limits of rates, tracing: they count callers and let them pass.
        "prometheus_client"
        | "statsd"
        | "datadog"
        | "ddtrace"
        | "elasticapm"
        | "newrelic"
        | "posthog"
        | "limits"
        | "slowapi"
        | "fastapi_limiter"
        | "asgi_correlation_id"
        | "starlette_context"
        | "user_agents"
        | "geoip2" => Sink::Passes,
        _ => Sink::Unknown,
    }
}

/// Packages of identity providers.
const PROVIDERS: &[&str] = &[
    "supabase",
    "gotrue",
    "supabase_auth",
    "clerk_backend_api",
    "workos",
    "stytch",
    "descope",
    "propelauth_py",
    "propelauth_fastapi",
    "boto3",
    "aioboto3",
    "auth0",
    "okta_jwt_verifier",
    "cognitojwt",
    "pycognito",
];

/// Whether a dotted path leads into the package of an identity provider, of whose objects a credential is asked.
pub(super) fn is_of_provider(path: &str) -> bool {
    path.split('.').next().is_some_and(|package| PROVIDERS.contains(&package))
}

/// Packages of services that sign what they send to webhooks.
const SENDERS: &[&str] = &[
    "Adyen",
    "braintree",
    "coinbase_commerce",
    "linebot",
    "livekit",
    "openai",
    "paddle_billing",
    "polar_sdk",
    "qstash",
    "razorpay",
    "replicate",
    "resend",
    "sendgrid",
    "slack",
    "slack_sdk",
    "square",
    "standardwebhooks",
    "stripe",
    "svix",
    "twilio",
];

/// Whether a dotted path leads into a package that verifies what a service sends to webhooks.
pub(super) fn is_of_sender(path: &str) -> bool {
    path.split('.').next().is_some_and(|package| SENDERS.contains(&package))
}

/// Whether a function of such a package is given all that a service sends, and raises where that is not signed by it. Of a
/// payment, the payer's browser sends what was signed, with whatever else it likes; so does who takes part in a meeting.
pub(super) fn takes_message(path: &str) -> bool {
    let is_of_payer = path.ends_with(".verify_payment_signature");
    let is_of_participant = path.starts_with("livekit.") && path.ends_with(".verify");
    is_of_sender(path) && classify(path) == Sink::Raises && !is_of_payer && !is_of_participant
}

/// What a method of the package of a service does that signs what it sends to webhooks: twilio 9, sendgrid 6, squareup 43,
/// Adyen 13, paddle-python-sdk 1, livekit-api 1, razorpay 1.4, line-bot-sdk 3, braintree 4, polar-sdk 0.27, openai 2,
/// replicate 1, slack-sdk 3, stripe 12, svix 1, qstash 2.0.
fn of_sender(package: &str, method: &str) -> Sink {
    match (package, method) {
        ("twilio", "validate" | "compare")
        | ("sendgrid", "verify_signature")
        | ("square", "is_valid_webhook_event_signature" | "verify_signature")
        | ("Adyen", "is_valid_hmac_notification")
        | ("paddle_billing", "verify")
        | ("linebot", "validate") => Sink::Answers,
        ("slack_sdk" | "slack", _) if method.starts_with("is_valid") => Sink::Answers,
        ("livekit", "receive" | "verify")
        | ("razorpay", "verify_webhook_signature" | "verify_payment_signature")
        | ("linebot", "parse" | "handle")
        | ("braintree", "parse")
        | ("polar_sdk", "validate_event")
        | ("openai", "unwrap" | "verify_signature")
        | ("replicate", "validate")
        | ("qstash", "verify")
        | ("stripe" | "coinbase_commerce", "construct_event")
        | ("svix" | "standardwebhooks" | "resend", "verify") => Sink::Raises,
        _ => Sink::Unknown,
    }
}

/// What a method of an identity provider's own package does: supabase 2, clerk-backend-api 1, stytch 5, descope 1,
/// propelauth-py 4, auth0-python 4, okta-jwt-verifier 0.2, cognitojwt 1, pycognito 2024, boto3 1. Others hand the
/// credential to the provider, whose answer tells.
fn of_provider(package: &str, method: &str) -> Sink {
    let raises = match package {
        "supabase" | "gotrue" | "supabase_auth" => match method {
            "get_user" | "get_claims" => true,
            "sign_in_with_password"
            | "sign_in_with_id_token"
            | "verify_otp"
            | "exchange_code_for_session"
            | "refresh_session" => return Sink::SignsIn,
            _ => return Sink::Unknown,
        },
        "boto3" | "aioboto3" => match method {
            "initiate_auth"
            | "admin_initiate_auth"
            | "respond_to_auth_challenge"
            | "admin_respond_to_auth_challenge"
            | "confirm_sign_up"
            | "confirm_forgot_password" => {
                return Sink::SignsIn;
            }
            _ => false,
        },
        // `authenticate_jwt_local` gives `None` for a token that is too old.
        "stytch" => {
            matches!(method, "authenticate" | "authenticate_async" | "authenticate_jwt" | "authenticate_jwt_async")
        }
        "descope" => matches!(method, "validate_session" | "validate_and_refresh_session" | "refresh_session" | "me"),
        "propelauth_py" | "propelauth_fastapi" => method == "validate_access_token_and_get_user",
        "clerk_backend_api" => matches!(method, "verify_token" | "verify_token_async"),
        "auth0" => method == "verify",
        "okta_jwt_verifier" => match method {
            "verify_access_token" | "verify_id_token" | "verify" => true,
            _ => return Sink::Reads,
        },
        "cognitojwt" => matches!(method, "decode" | "decode_async"),
        "pycognito" => matches!(method, "verify_token" | "verify_tokens" | "authenticate"),
        _ => false,
    };
    if raises { Sink::Raises } else { Sink::Forwards }
}

/// Methods of database sessions, collections and caches that look something up.
pub(super) fn is_lookup(method: &str) -> bool {
    const METHODS: &[&str] = &[
        "execute",
        "exec",
        "scalar",
        "scalars",
        "scalar_one_or_none",
        "query",
        "get",
        "get_or_none",
        "find_one",
        "find_one_and_update",
        "find_one_and_delete",
        "update_one",
        "delete_one",
        "find",
        "find_first",
        "find_unique",
        "fetchrow",
        "fetch_one",
        "fetchone",
        "fetchval",
        "fetch",
        "fetch_val",
        "first",
        "one",
        "one_or_none",
        "hget",
        "hgetall",
        "filter",
        "filter_by",
        "where",
        "table",
        "eq",
        "select",
        "single",
        "maybe_single",
        "limit",
        "getdel",
        "exists",
        "sismember",
    ];
    METHODS.contains(&method)
}

/// Whether a literal is only the name of an authentication scheme, or too
/// short to be a secret: comparing with it verifies nothing.
pub(super) fn is_scheme_word(literal: &str) -> bool {
    let literal = literal.trim().to_ascii_lowercase();
    literal.len() < 6
        || matches!(literal.as_str(), "bearer" | "basic" | "digest" | "apikey" | "token" | "undefined" | "negotiate")
}
