//! The tokens that a frontend's configuration and code issue. Better Auth 1.0 to 1.7.

use smol_str::SmolStr;

use crate::frontend::issuers::{Claim, Issuer, Mint, Options, Plugin, Setting};
use crate::frontend::outcome::Place;

/// Claims of every token of `jwt()`, whatever its payload is.
const ALWAYS: &[&str] = &["sub", "iat", "exp", "iss", "aud"];
/// Columns of a user that are claims where nothing defines the payload.
const USER: &[&str] = &["id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt"];
/// Plugins that add no columns to a user.
const PLAIN_PLUGINS: &[&str] = &["jwt", "bearer", "nextCookies", "openAPI", "customSession"];
/// Algorithms that Better Auth signs tokens with.
const KEY_PAIRS: &[&str] = &["EdDSA", "ES256", "ES512", "PS256", "RS256"];
/// A number of seconds since 1970 that lies long ago: what a span was meant to be.
const LONG_AGO: f64 = 1_000_000_000.0;

/// A token, by what issues it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Token<'s> {
    /// What `authClient.token()` gives.
    Jwt(&'s Issuer, &'s Plugin),
    /// The token of a session: 32 characters.
    Session(&'s Issuer),
    /// The cookie of a session: its token with a signature behind it.
    Cookie(&'s Issuer),
    /// The cookie that caches a session.
    Cached(&'s Issuer),
    /// What code signs itself.
    Minted(&'s Mint),
    /// `token()` of a server that has no such endpoint.
    Nothing(&'s Issuer),
}

/// What can be told of a token from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// It is no JWT.
    Opaque,
    /// It is encrypted: a JWE.
    Encrypted,
    /// There is none.
    Nothing,
    /// It is signed.
    Signed(Signed),
    /// It can't be told.
    Unknown,
}

/// A signed token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The algorithm, where it is known.
    pub(crate) algorithm: Option<SmolStr>,
    /// The key that signs it.
    pub(crate) key: Key,
    /// The audience.
    pub(crate) audience: Claim,
    /// The issuer.
    pub(crate) issuer: Claim,
    /// Whether it has ended when it is issued.
    pub(crate) is_expired: bool,
    /// Its claims, where all are known.
    pub(crate) claims: Option<Vec<SmolStr>>,
    /// Whether a set of public keys is served that holds its key; unknown where it is served elsewhere.
    pub(crate) has_jwks: Option<bool>,
}

/// The key of a signed token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// A pair, whose public half is served.
    Pair,
    /// A secret: the variable of the environment, where it is known.
    Secret(Option<SmolStr>),
    /// It can't be told.
    Unknown,
}

impl<'s> Token<'s> {
    /// Where it is decided what it is.
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Jwt(_, plugin) => plugin.place,
            Self::Session(issuer) | Self::Cookie(issuer) | Self::Cached(issuer) | Self::Nothing(issuer) => issuer.place,
            Self::Minted(mint) => mint.place,
        }
    }

    /// The configuration that issues it.
    pub(crate) fn issuer(&self) -> Option<&'s Issuer> {
        match self {
            Self::Jwt(issuer, _)
            | Self::Session(issuer)
            | Self::Cookie(issuer)
            | Self::Cached(issuer)
            | Self::Nothing(issuer) => Some(issuer),
            Self::Minted(_) => None,
        }
    }

    /// What can be told of it from outside; `mints` is what the code signs itself.
    pub(crate) fn form(&self, mints: &[&'s Mint]) -> Form {
        match self {
            Self::Session(_) | Self::Cookie(_) => Form::Opaque,
            Self::Nothing(_) => Form::Nothing,
            Self::Jwt(issuer, plugin) => jwt(issuer, plugin, mints),
            Self::Cached(issuer) => cached(issuer),
            Self::Minted(mint) => Form::Signed(Signed {
                algorithm: mint.algorithm.clone(),
                key: match &mint.algorithm {
                    Some(name) if name.starts_with("HS") => secret(&mint.key),
                    _ => Key::Unknown,
                },
                audience: mint.audience.clone(),
                issuer: mint.issuer.clone(),
                is_expired: false,
                claims: mint.claims.clone(),
                has_jwks: None,
            }),
        }
    }
}

fn secret(setting: &Setting) -> Key {
    match setting {
        Setting::Environment(name) => Key::Secret(Some(name.clone())),
        Setting::Text(_) => Key::Secret(None),
        _ => Key::Unknown,
    }
}

/// The variable of the environment that holds the secret of a configuration;
/// none where it is not known to be one.
pub(crate) fn secret_variable(issuer: &Issuer) -> Option<SmolStr> {
    match issuer.options.get("secret").map(|given| &given.value) {
        Some(Setting::Environment(name)) => Some(name.clone()),
        Some(_) => None,
        None if issuer.options.is_absent("secret") => Some("BETTER_AUTH_SECRET".into()),
        None => None,
    }
}

fn jwt(issuer: &Issuer, plugin: &Plugin, mints: &[&Mint]) -> Form {
    if !plugin.is_sure {
        return Form::Unknown;
    }
    let options = &plugin.options;
    let (mut algorithm, mut key) = (None, Key::Pair);
    let mut has_jwks = Some(true);
    if let Some(sign) = options.get("jwt.sign") {
        // What the function signs with, if that is seen in it.
        let inside = |mint: &&&Mint| {
            sign.place.is_some_and(|place| {
                place.file == mint.place.file
                    && place.item == mint.place.item
                    && place.range.contains_range(mint.place.range)
            })
        };
        let Some(mint) = mints.iter().find(inside) else { return Form::Unknown };
        algorithm.clone_from(&mint.algorithm);
        key = secret(&mint.key);
        // The endpoint is gone: keys are served elsewhere, if at all.
        has_jwks = Some(false);
    } else if options.is_absent("jwks.keyPairConfig.alg") && options.is_absent("jwt.sign") {
        algorithm = Some(SmolStr::new_static("EdDSA"));
    } else if let Some(name) = options.text("jwks.keyPairConfig.alg") {
        if !KEY_PAIRS.contains(&name) {
            // It signs nothing, and signing in fails.
            return Form::Nothing;
        }
        algorithm = Some(name.into());
    }
    Form::Signed(Signed {
        algorithm,
        key,
        audience: expected(issuer, options, "jwt.audience"),
        issuer: expected(issuer, options, "jwt.issuer"),
        is_expired: matches!(
            options.get("jwt.expirationTime").map(|given| &given.value),
            Some(Setting::Number(number)) if number.parse().is_ok_and(|seconds: f64| seconds < LONG_AGO)
        ),
        claims: claims(issuer, options),
        has_jwks,
    })
}

/// `iss` and `aud`: what the options say, and else the origin of the server.
fn expected(issuer: &Issuer, options: &Options, path: &str) -> Claim {
    match options.get(path).map(|given| &given.value) {
        Some(Setting::Text(text)) if text.is_empty() => Claim::Unknown,
        Some(Setting::Text(text)) => Claim::Text(text.clone()),
        Some(_) => Claim::Given,
        None => match issuer.options.get("baseURL").map(|given| &given.value) {
            // For several hosts there is none.
            Some(Setting::Object) => Claim::Unknown,
            Some(Setting::Text(url)) if options.is_absent(path) => origin(url).map_or(Claim::Given, Claim::Text),
            _ => Claim::Given,
        },
    }
}

/// The origin of a URL.
fn origin(url: &str) -> Option<SmolStr> {
    let start = url.find("://")? + 3;
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    Some(SmolStr::new(&url[..end]))
}

fn claims(issuer: &Issuer, options: &Options) -> Option<Vec<SmolStr>> {
    let mut names: Vec<SmolStr> = ALWAYS.iter().map(|name| SmolStr::new_static(name)).collect();
    match options.get("jwt.definePayload").map(|given| &given.value) {
        Some(Setting::Function(Some(own))) => names.extend(own.iter().cloned()),
        Some(_) => return None,
        None if options.is_absent("jwt.definePayload") => {
            let is_plain = |plugin: &Plugin| PLAIN_PLUGINS.contains(&plugin.name.as_str());
            let is_open = |path: &str| issuer.options.open.iter().any(|open| open.is_empty() || open.starts_with(path));
            if issuer.may_have_more || !issuer.plugins.iter().all(is_plain) || is_open("user") {
                return None;
            }
            names.extend(USER.iter().map(|name| SmolStr::new_static(name)));
            let added = issuer.options.given.iter().filter_map(|given| {
                given.path.strip_prefix("user.additionalFields.").filter(|rest| !rest.contains('.'))
            });
            names.extend(added.map(SmolStr::new));
        }
        None => return None,
    }
    Some(names)
}

/// The cookie `session_data`.
fn cached(issuer: &Issuer) -> Form {
    let options = &issuer.options;
    if options.is_absent("database") {
        return Form::Encrypted;
    }
    if options.get("session.cookieCache.enabled").map(|given| &given.value) != Some(&Setting::Bool(true)) {
        return if options.is_absent("session.cookieCache.enabled") { Form::Nothing } else { Form::Unknown };
    }
    match options.text("session.cookieCache.strategy") {
        Some("jwt") => {}
        Some("jwe") => return Form::Encrypted,
        Some("compact") => return Form::Opaque,
        None if options.is_absent("session.cookieCache.strategy") => return Form::Opaque,
        _ => return Form::Unknown,
    }
    let signed_by_pair = issuer.plugin("jwt").filter(|plugin| {
        plugin.options.get("sessionCookieCache").is_some_and(|given| given.value == Setting::Bool(true))
    });
    if let Some(plugin) = signed_by_pair {
        let Form::Signed(like) = jwt(issuer, plugin, &[]) else { return Form::Unknown };
        return Form::Signed(Signed {
            audience: Claim::Text("better-auth:session-cache".into()),
            claims: None,
            is_expired: false,
            ..like
        });
    }
    let names = ["session", "user", "updatedAt", "version", "iat", "exp"];
    Form::Signed(Signed {
        algorithm: Some("HS256".into()),
        key: match secret_variable(issuer) {
            Some(variable) => Key::Secret(Some(variable)),
            None => Key::Unknown,
        },
        audience: Claim::Absent,
        issuer: Claim::Absent,
        is_expired: false,
        claims: Some(names.map(SmolStr::new_static).to_vec()),
        has_jwks: Some(issuer.plugin("jwt").is_some()),
    })
}
