//! `better-auth-misconfiguration`: defences of Better Auth that are switched off.

use super::shared::domains::shared_domain;
use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::issuers::{Given, Issuer, Setting};
use crate::frontend::outcome::Place;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "better-auth-misconfiguration",
    summary: "a defence of Better Auth that its configuration switches off",
    cwe: "CWE-1188",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/better-auth-misconfiguration.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (file, outcome) in state.frontend.outcomes() {
        for issuer in outcome.issuers.iter().filter(|issuer| issuer.place.file == file) {
            let plugins = issuer.plugins.iter().filter(|plugin| plugin.name == "jwt");
            let of_plugins = plugins.flat_map(|plugin| plugin.options.given.iter().map(|given| (plugin.place, given)));
            let all = issuer.options.given.iter().map(|given| (issuer.place, given)).chain(of_plugins);
            for (place, given) in all {
                let of_function = || trusted(issuer).filter(|_| given.path == "trustedOrigins");
                let stated = fault(given).map(|(severity, message)| (severity, message.to_owned()));
                let of_domain = || shared(given).filter(|_| given.path == "trustedOrigins");
                let Some((severity, message)) = stated.or_else(of_domain).or_else(of_function) else { continue };
                let place: Place = given.place.unwrap_or(place);
                if wanted(place.file) {
                    found.extend(frontend::report(state, &INFO, severity, place, message, Vec::new()));
                }
            }
        }
    }
}

/// What is said of a function that trusts the origin of the request.
fn trusted(issuer: &Issuer) -> Option<(Severity, String)> {
    let message = match issuer.trusts.as_deref()? {
        "" => "The origin of the request is trusted, whichever it is: any page can send requests to Better Auth in the name of a visitor who is signed in, and be redirected to. Name the origins.".to_owned(),
        beginning => format!(
            "Every origin is trusted that begins with `{beginning}`, that of `{beginning}.example.com` too: a page there can send requests to Better Auth in the name of a visitor who is signed in. Compare the host as a whole, or end the text with `:` before a port."
        ),
    };
    Some((Severity::Error, message))
}

/// What is said of a pattern that trusts all sites of a domain on which anybody can put one.
fn shared(given: &Given) -> Option<(Severity, String)> {
    let Setting::List(all) = &given.value else { return None };
    let domain = all.iter().find_map(|one| match one {
        Setting::Text(pattern) => {
            let host = pattern.split_once("://").map_or(pattern.as_str(), |(_, host)| host);
            let host = host.strip_suffix(":*").unwrap_or(host);
            shared_domain(host.strip_prefix("*.").or_else(|| host.strip_prefix("**."))?)
        }
        _ => None,
    })?;
    let message = format!(
        "Every site on `{domain}` is trusted, where anybody can put one: a page there can send requests to Better Auth in the name of a visitor who is signed in, and be redirected to. Name the origins."
    );
    Some((Severity::Warning, message))
}

/// Whether a pattern of origins takes every one.
fn takes_all(setting: &Setting) -> bool {
    matches!(setting, Setting::Text(text) if matches!(text.as_str(), "*" | "**" | "*://*" | "http://*" | "https://*"))
}

/// Which attribute of the cookies with a session in them an option sets (Better Auth 1.0–1.7: `session_data` holds the
/// token, too).
fn session_attribute(path: &str) -> Option<&str> {
    let of_all = path.strip_prefix("advanced.defaultCookieAttributes.");
    let of_one =
        |cookie: &str| path.strip_prefix("advanced.cookies.")?.strip_prefix(cookie)?.strip_prefix(".attributes.");
    of_all.or_else(|| of_one("session_token")).or_else(|| of_one("session_data"))
}

fn fault(given: &Given) -> Option<(Severity, &'static str)> {
    const OVER_PLAIN_HTTP: &str = "Session cookies go over plain HTTP, too: whoever listens has the session. Leave the option out: cookies are secure where the base URL is.";
    let on = given.value == Setting::Bool(true);
    let off = given.value == Setting::Bool(false);
    if off && let Some(attribute) = session_attribute(&given.path) {
        return match attribute {
            "httpOnly" => Some((
                Severity::Warning,
                "Every script on the page can read the session's cookie: one hole for foreign scripts gives the account away. Leave the option out, and have the client ask for a token where it needs one.",
            )),
            "secure" => Some((Severity::Warning, OVER_PLAIN_HTTP)),
            _ => None,
        };
    }
    Some(match given.path.as_str() {
        "trustedOrigins" if matches!(&given.value, Setting::List(all) if all.iter().any(takes_all)) => (
            Severity::Error,
            "Every origin is trusted: any page can send requests to Better Auth in the name of a visitor who is signed in, and be redirected to. Name the origins.",
        ),
        "advanced.disableCSRFCheck" if on => (
            Severity::Error,
            "Requests from other origins are not refused any more: any page can act in the name of a visitor who is signed in. Leave the check on, and name trusted origins.",
        ),
        "advanced.disableOriginCheck" if on => (
            Severity::Error,
            "Addresses to redirect to are not checked any more: a link can send who signs in to any page, with a token. Leave the check on, and name trusted origins.",
        ),
        "advanced.useSecureCookies" if off => (Severity::Warning, OVER_PLAIN_HTTP),
        "jwks.disablePrivateKeyEncryption" if on => (
            Severity::Warning,
            "The private keys that sign tokens lie in the database as they are: whoever reads the table can sign a token for any user. Leave the option out.",
        ),
        _ => return None,
    })
}
