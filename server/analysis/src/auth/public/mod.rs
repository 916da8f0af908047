//! Routes that are public by nature: the default policy where neither the
//! project's specification nor its configuration says what must be guarded.
//!
//! Whole normalised paths, never a suffix, never below `/admin`.

use smol_str::SmolStr;

use account::{account, is_identity_provider};
use path::normalised;

use crate::index::routes::Route;

mod account;
mod library;
mod meant;
mod path;

pub use meant::{
    is_delivery, is_for_machines, is_named_form, is_named_offer, is_named_public, is_named_search, speaks_of_strangers,
};
pub use path::is_base_of_api;

/// Why a route is public by nature, if it is: by the package that made it, wherever it is included, or by its path.
pub fn by_nature(route: &Route) -> Option<&'static str> {
    library::by_library(&route.handler).or_else(|| by_path(&route.path, &route.methods))
}

/// Why a path is public by nature, if it is.
fn by_path(path: &str, methods: &[SmolStr]) -> Option<&'static str> {
    if !methods.is_empty() && methods.iter().all(|method| method == "OPTIONS") {
        return Some("OPTIONS requests carry no credentials");
    }
    if is_internal(path) {
        return None;
    }
    let mut segments = normalised(path);
    // `/auth/auth/login`: a router's prefix, given once more where it is included.
    segments.dedup_by(|second, first| second == "auth" && first == "auth");
    let parts: Vec<&str> = segments.iter().map(SmolStr::as_str).collect();
    let reason = match parts.as_slice() {
        // What is sent there does something.
        [] if methods.iter().all(|method| method == "GET" || method == "HEAD") => "root of the service",
        ["users", "open"] => "signing up",
        ["auth" | "login" | "oauth" | "oauth2" | "sso", provider] if is_identity_provider(provider) => BY_PROVIDER,
        ["auth" | "session", "status"] if methods.iter().all(|method| method == "GET" || method == "HEAD") => {
            "whether somebody is signed in"
        }
        ["auth" | "oauth" | "oauth2" | "sso", "providers"] | ["auth", "oauth" | "sso", "providers"]
            if methods.iter().all(|method| method == "GET" || method == "HEAD") =>
        {
            "list of the identity providers"
        }
        // The framework's own paths; below others a project keeps documents of its own.
        ["docs" | "redoc" | "openapi.json" | "openapi"]
            if methods.iter().all(|method| method == "GET" || method == "HEAD") && path.matches('/').count() == 1 =>
        {
            "documentation of the API"
        }
        ["csrf" | "csrftoken" | "xsrftoken"] | ["auth", "csrf" | "csrftoken" | "xsrftoken"]
            if methods.iter().all(|method| method == "GET" || method == "HEAD") =>
        {
            "a token against requests across sites"
        }
        [one] => single(one)?,
        // `/auth/sso/{provider}/start`, `/oauth/callback/{provider}`, `/auth/oauth/google/callback`
        ["auth", rest @ ..] | rest if at_provider(rest).is_some() => at_provider(rest)?,
        [rest @ .., "{}"] if names_address(path) && is_asked_for_mail(within_group(rest)) => RECOVERING,
        [group, rest @ ..] if is_account_group(group) => account(rest)?,
        // `/{tenant}/auth/login`: below the path of a tenant, what is called authentication.
        ["{}", "auth" | "authentication" | "oauth" | "oauth2", rest @ ..] => account(rest)?,
        ["health" | "healthz" | "healthcheck" | "status", kind] if is_kind_of_probe(kind) => HEALTH_CHECK,
        ["utils" | "monitoring" | "system" | "internal" | "meta" | "probes", "health" | "healthcheck" | "ping"] => {
            HEALTH_CHECK
        }
        // What Dapr's sidecar asks for: a fixed path of its protocol.
        ["dapr", "subscribe" | "config"] => "what Dapr's sidecar asks an application",
        parts if is_well_known(parts) => "well-known document",
        rest => account(rest)?,
    };
    // What deletes something needs somebody; signing out ends only one's own session.
    let deletes = methods.iter().any(|method| method == "DELETE");
    (!deletes || reason == "signing out").then_some(reason)
}

/// Whether a path ends in an address of the caller's: `/forgot_password/{email}`.
fn names_address(path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = last.trim_matches(['{', '}']).to_ascii_lowercase().replace('_', "");
    last.starts_with('{')
        && matches!(name.as_str(), "email" | "mail" | "useremail" | "emailaddress" | "phone" | "phonenumber")
}

/// Whether an address is all that is needed there, as what proves the rest is sent to it.
fn is_asked_for_mail(rest: &[&str]) -> bool {
    const ASKS: &[&str] = &["forgot", "forget", "resend", "resent", "request", "recover"];
    rest.last().is_some_and(|last| ASKS.iter().any(|word| last.starts_with(word))) && account(rest) == Some(RECOVERING)
}

/// The parts of a path below the group that says that it is about accounts.
fn within_group<'p, 's>(parts: &'p [&'s str]) -> &'p [&'s str] {
    match parts {
        [group, rest @ ..] if is_account_group(group) => rest,
        parts => parts,
    }
}

/// What happens at an identity provider that the path names, or a parameter of it.
fn at_provider(parts: &[&str]) -> Option<&'static str> {
    let (protocol, provider, step) = match parts {
        [protocol, "callback", provider] => (protocol, *provider, "callback"),
        [protocol, provider, step] => (protocol, *provider, *step),
        _ => return None,
    };
    if provider != "{}" && !is_identity_provider(provider) {
        return None;
    }
    if !matches!(*protocol, "oauth" | "oauth2" | "oidc" | "openid" | "sso" | "social" | "saml" | "providers") {
        return None;
    }
    match step {
        "callback" | "acs" => Some(CALLBACK),
        "start" | "login" | "authorize" | "init" | "initiate" | "begin" | "url" | "redirect" => Some(BY_PROVIDER),
        _ => None,
    }
}

/// The reason of routes where callers sign in.
pub const SIGNING_IN: &str = "signing in";

/// The reason of those whose handler was seen to compare a password.
pub const BY_PASSWORD: &str = "signing in with a password";

/// The reason of those to which an identity provider sends callers back.
pub(crate) const CALLBACK: &str = "callback of an identity provider";

/// The reason of those that lead to an identity provider.
pub const BY_PROVIDER: &str = "signing in at an identity provider";

/// The reason of routes that a dependency lets callers into without a credential, too.
pub(crate) const OPTIONAL: &str = "authentication is optional";

/// The reason of those of which the handler itself looks whether there is one.
pub(crate) const TELLS_APART: &str = "its handler tells who is signed in from who is not";

/// The reason of those that give a token for a token.
pub const REFRESHING: &str = "refreshing a token";

/// The reason of probes of the service.
pub const HEALTH_CHECK: &str = "health check";

/// The reason of those who can't sign in, or have to confirm an address.
pub const RECOVERING: &str = "recovering or confirming an account";

/// Whether a path is that of a page which asks for what `account_at_end` takes: `/reset_password_form`, too.
pub(super) fn is_page_of_account(path: &str) -> bool {
    let page =
        |suffix: &str| path.trim_end_matches('/').strip_suffix(suffix).is_some_and(|own| account_at_end(own).is_some());
    account_at_end(path).is_some() || ["form", "page"].iter().any(|suffix| page(suffix))
}

/// Whether a path ends in a parameter that is called the provider at which somebody signs in: `/login/{provider}`. That
/// alone is no reason to leave it open: the handler must take the code that the provider gives.
pub(super) fn is_sign_in_at_provider(path: &str) -> bool {
    let mut segments = path.trim_end_matches('/').rsplit('/');
    let is_provider = segments.next().is_some_and(|last| last == "{provider}");
    let step = segments.next().map(|step| step.replace(['-', '_'], "").to_ascii_lowercase());
    is_provider && step.is_some_and(|step| matches!(step.as_str(), "login" | "signin" | "callback" | "authorize"))
}

/// Whether a path is one to which somebody is sent back, by a segment of it: `/integrations/calendar/callback`. That alone
/// is no reason to leave it open: the handler must take the code, and the state that the provider was given.
pub(super) fn is_callback(path: &str) -> bool {
    normalised(path).iter().any(|segment| segment.ends_with("callback"))
}

/// Whether tokens are revoked at a path, by its end. That alone is no reason to leave it open: the handler must take what
/// OAuth 2.0 has clients send there (RFC 7009, section 2.1).
pub(super) fn revokes(path: &str) -> bool {
    normalised(path).last().is_some_and(|last| matches!(last.as_str(), "revoke" | "revocation"))
}

/// Whether callers sign up at the end of a path, wherever that stands: `/companies/register`. That alone is no reason to
/// leave it open: the handler must hash a password.
pub(super) fn signs_up_at_end(path: &str) -> bool {
    account_at_end(path).is_some_and(|(reason, _)| reason == "signing up")
}

/// What happens at the end of a path, wherever that stands, before a caller can have a token. That alone is no
/// reason to leave it open: the handler must take one of the fields that belong to it, which are given in lower case
/// and without underscores.
pub(super) fn account_at_end(path: &str) -> Option<(&'static str, &'static [&'static str])> {
    const PASSWORD: &[&str] = &["password", "passwd", "pwd", "pin", "passcode"];
    const REFRESH: &[&str] = &["refreshtoken", "refresh"];
    const MAILED: &[&str] =
        &["email", "mail", "token", "code", "otp", "resettoken", "verificationcode", "newpassword", "password"];
    // What administrators set for other people comes without any of these.
    let proven = &MAILED[..MAILED.len() - 2];
    let segments = normalised(path);
    if segments.iter().any(|segment| segment == "{}") && !is_below_auth(path) {
        return None;
    }
    let last = segments.last()?.as_str();
    if matches!(last, "verify" | "activate" | "callback") {
        return None;
    }
    let of_admins = authenticates_admins(&segments);
    let steps = of_admins.map(|steps| steps.iter().map(SmolStr::as_str).collect::<Vec<_>>());
    let reason = account(&[last]).or_else(|| account(&steps?))?;
    match reason {
        SIGNING_IN => Some((reason, PASSWORD)),
        // What administrators do to other people's accounts is called the same.
        _ if is_internal(path) && of_admins.is_none() => None,
        "signing up" => Some((reason, PASSWORD)),
        REFRESHING => Some((reason, REFRESH)),
        RECOVERING => Some((reason, if of_admins.is_some_and(|steps| steps.len() == 1) { proven } else { MAILED })),
        _ => None,
    }
}

/// The steps at the end of a path, one or two, by which administrators themselves sign in, or get their own accounts back:
/// `/admin/auth/password-reset/confirm`.
fn authenticates_admins(segments: &[SmolStr]) -> Option<&[SmolStr]> {
    let is_group = |admin: &str, group: &str| admin == "admin" && matches!(group, "auth" | "authentication");
    let steps = match segments {
        [.., admin, group, _, _] if is_group(admin, group) => &segments[segments.len() - 2..],
        [.., admin, group, _] if is_group(admin, group) => &segments[segments.len() - 1..],
        _ => return None,
    };
    steps.iter().all(|step| step != "{}").then_some(steps)
}

/// Whether a path ends in one step of what is called authentication, whatever that belongs to:
/// `/shops/{shop_id}/auth/login`.
pub(super) fn is_below_auth(path: &str) -> bool {
    let segments = normalised(path);
    matches!(segments.as_slice(), [.., group, step] if matches!(group.as_str(), "auth" | "authentication") && step != "{}")
}

/// Whether callers sign out at the end of a path, wherever that stands. That alone is no reason to leave it open: the
/// handler must look whose session it ends.
pub(super) fn signs_out_at_end(path: &str) -> bool {
    let segments = normalised(path);
    let is_fixed = segments.iter().all(|segment| segment != "{}");
    is_fixed && !is_internal(path) && matches!(segments.last().map(SmolStr::as_str), Some("logout" | "signout"))
}

/// Whether a path is where accounts are made: `POST /users`. That alone is no
/// reason to leave it open: the handler must hash a password.
pub(super) fn makes_accounts(path: &str, methods: &[SmolStr]) -> bool {
    let segments = normalised(path);
    let posts = !methods.is_empty() && methods.iter().all(|method| method == "POST");
    let group = match segments.as_slice() {
        [group] => group,
        [group, verb] if matches!(verb.as_str(), "create" | "new") => group,
        _ => return false,
    };
    posts && matches!(group.as_str(), "users" | "user" | "accounts" | "account")
}

/// Whether a path is below `/admin`, where nothing is for everybody.
pub fn is_internal(path: &str) -> bool {
    normalised(path).iter().any(|segment| segment == "admin")
}

/// Whether a path is that of a probe of some part of the service,
/// `/api/{user_id}/chat/health`, `/health/kafka`, `/metrics`. That alone is no reason to leave it open: the
/// handler must give away nothing, and then a parameter that it does not take
/// changes nothing.
pub fn is_probe(path: &str, methods: &[SmolStr]) -> bool {
    let segments = normalised(path);
    let reads = !methods.is_empty() && methods.iter().all(|method| method == "GET" || method == "HEAD");
    let probes = |segment: &SmolStr| matches!(single(segment), Some(HEALTH_CHECK | "version of the service"));
    let is_named = match segments.as_slice() {
        [.., last] if probes(last) || last == "metrics" => true,
        // A part of the service by its name, and no row by its key.
        [probe, part] => matches!(probe.as_str(), "health" | "healthz" | "healthcheck") && part != "{}",
        _ => false,
    };
    reads && !is_internal(path) && is_named
}

/// Whether a path is any below the root that no other route has: `/{path:path}`.
pub(super) fn is_fallback(path: &str) -> bool {
    path.strip_prefix("/{").is_some_and(|rest| rest.ends_with(":path}") && !rest.contains('/'))
}

/// Whether a path ends in a confirmation, of an address perhaps. That alone is no reason to leave it open: the
/// handler must take a mailed token, and nothing beside it.
pub(super) fn is_confirmation_of_mail(path: &str) -> bool {
    const STEPS: &[&str] = &["verify", "confirm", "activate", "unsubscribe", "optout"];
    normalised(path).last().is_some_and(|last| STEPS.contains(&last.as_str()))
}

/// `/.well-known/openid-configuration`, below the path of a tenant perhaps.
fn is_well_known(parts: &[&str]) -> bool {
    let folder = parts.iter().position(|part| *part == ".wellknown");
    folder.is_some_and(|folder| folder + 1 < parts.len() && !parts[folder..].contains(&"{}"))
}

/// The second part of `/health/live`.
fn is_kind_of_probe(segment: &str) -> bool {
    matches!(
        segment,
        "live"
            | "liveness"
            | "livez"
            | "ready"
            | "readiness"
            | "readyz"
            | "startup"
            | "check"
            | "ping"
            | "simple"
            | "basic"
            | "db"
            | "database"
            | "redis"
            | "cache"
            | "detailed"
            | "full"
            | "status"
            | "version"
            | "info"
    )
}

fn single(segment: &str) -> Option<&'static str> {
    Some(match segment {
        "health" | "healthz" | "healthcheck" | "livez" | "readyz" | "live" | "ready" | "liveness" | "readiness"
        | "ping" | "status" | "heartbeat" | "alive" => HEALTH_CHECK,
        "version" | "info" => "version of the service",
        "favicon.ico" | "robots.txt" | "sitemap.xml" | "manifest.json" => "static file that browsers ask for",
        other => return account(&[other]),
    })
}

fn is_account_group(segment: &str) -> bool {
    matches!(
        segment,
        "auth"
            | "authentication"
            | "user"
            | "users"
            | "account"
            | "accounts"
            | "login"
            | "oauth"
            | "oauth2"
            | "jwt"
            | "session"
            | "sessions"
            | "security"
            | "token"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_paths_only() {
        let get = [SmolStr::new_static("GET")];
        let public = [
            "/",
            "/health",
            "/api/health",
            "/api/v1/healthz",
            "/api/v1/login/access-token",
            "/auth/login",
            "/api/auth/sign-in/email",
            "/auth/magic-link",
            "/auth/google/url",
            "/api/auth/register",
            "/users/signup",
            "/api/v1/password-recovery/{email}",
            "/auth/refresh-token",
            "/api/v1/utils/health-check/",
            "/logout",
            "/token",
            "/auth/google/callback",
            "/auth/callback/discord",
            "/auth/login/github",
            "/auth/providers",
            "/api/auth/oauth/{provider}",
            "/api/auth/oauth/{provider}/callback",
            "/api/auth/auth/signup",
            "/api/users/auth/login",
            "/auth/captcha",
            "/dapr/subscribe",
            "/health/live",
            "/api/v1/health/db",
            "/api2/health",
            "/.well-known/openid-configuration",
            "/{tenant}/.well-known/jwks.json",
            "/auth/forgot-pin",
            "/auth/forgot-pin/verify",
            "/auth/password-reset/confirm",
            "/auth/password/reset/send-code",
            "/auth/register/send-code",
            "/users/signup/verify",
            "/api/oauth/openid",
            "/auth/status",
            "/{organization}/auth/register",
            "/login/openid",
            "/auth/oidc/logout",
            "/auth/login-with-google",
            "/auth/google-auth",
            "/auth/google-callback",
            "/auth/password-reset-request",
            "/auth/verify-email-code",
            "/auth/confirm-signup",
            "/auth/resend-otp",
            "/auth/resend-confirmation",
            "/auth/verification/confirm",
            "/v1/verification/resend",
            "/verify-reset-token/{token}",
            "/users/validate-reset-token/{token}",
            "/reset-token/verify/{token}",
            "/auth/verify-password-reset-token",
            "/auth/password-reset-token/check",
            "/api/otp/send",
            "/auth/sso/{provider}/start",
            "/auth/oauth/google/callback",
            "/auth/sso/{provider}/callback",
            "/oauth/callback/{provider}",
            "/oauth/providers",
            "/auth/new_access_token",
            "/auth/csrf-token",
            "/docs",
            "/auth/jwt/logout",
            "/auth/forgot_password/{email}",
            "/auth/resent_activation_token/{email}",
        ];
        for path in public {
            assert!(by_path(path, &get).is_some(), "{path}");
        }
        let guarded = [
            "/api/tasks",
            "/admin/login",
            "/api/admin/health",
            "/users/{user_id}",
            "/tasks/health",
            "/users",
            "/api/{user_id}/login",
            "/api/tasks/login",
            "/items/{id}/token",
            "/users/me",
            "/auth/users",
            "/auth/login/{user_id}",
            "/users/{user_id}/callback",
            "/tasks/callback/discord",
            "/dapr/secrets",
            "/status/orders",
            "/health/{user_id}",
            "/.well-known/{user_id}",
            "/apiary/login",
            "/users/status",
            "/{organization}/auth/users",
            "/{user_id}/token",
            "/auth/register/{user_id}",
            "/auth/password/change",
            "/auth/send-email",
            "/auth/verify-payment",
            "/auth/check-password",
            "/auth/reset-token/{id}/owner",
            "/auth/reset-token",
            "/auth/verify-code/{user_id}",
            "/users/reset-token/{user_id}",
            "/auth/change-password",
            "/auth/google-settings",
            "/api/docs",
            "/docs/{id}",
            "/social/{user_id}/posts",
            "/sso/{provider}/settings",
            "/auth/oauth/tasks/callback",
            "/auth/forgot-password/{user_id}",
            "/users/{email}",
        ];
        for path in guarded {
            assert!(by_path(path, &get).is_none(), "{path}");
        }
        assert!(by_path("/api/tasks", &[SmolStr::new_static("OPTIONS")]).is_some());
        let post = [SmolStr::new_static("POST")];
        assert!(by_path("/api/v1", &get).is_some() && by_path("/api/v1", &post).is_none());
        let delete = [SmolStr::new_static("DELETE")];
        assert!(by_path("/auth/token", &delete).is_none() && by_path("/auth/logout", &delete).is_some());
    }

    #[test]
    fn ends_of_paths_tell_of_accounts_apart_from_what_administrators_do() {
        let reason = |path: &str| account_at_end(path).map(|(reason, _)| reason);
        assert_eq!(reason("/api/system/login"), Some("signing in"));
        assert_eq!(reason("/admin/login"), Some("signing in"));
        assert_eq!(reason("/portal/forgot-password"), Some("recovering or confirming an account"));
        assert_eq!(reason("/shops/{id}/auth/login"), Some("signing in"));
        assert_eq!(reason("/admin/auth/password-reset/confirm"), Some("recovering or confirming an account"));
        assert_eq!(reason("/admin/auth/request-password-reset"), Some("recovering or confirming an account"));
        for path in [
            "/admin/users/password-reset/confirm",
            "/admin/reset-password",
            "/admin/register",
            "/orders/{id}/login",
            "/orders/verify",
        ] {
            assert_eq!(reason(path), None, "{path}");
        }
    }

    #[test]
    fn probes_are_read_only_and_fixed() {
        let get = [SmolStr::new_static("GET")];
        assert!(is_probe("/api/chat/health", &get) && is_probe("/api/{user}/ping", &get));
        assert!(is_probe("/health/kafka", &get) && is_probe("/metrics", &get));
        for path in ["/health/{id}", "/tasks", "/chat/health/users"] {
            assert!(!is_probe(path, &get), "{path}");
        }
        assert!(!is_probe("/chat/health", &[SmolStr::new_static("POST")]) && !is_probe("/chat/health", &[]));
    }
}
