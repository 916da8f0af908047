//! What words of a path say of who is meant to call it. That is what somebody meant, and no more: it makes no route
//! public, and a finding or a fix more careful.

use smol_str::SmolStr;

use super::is_internal;
use super::path::normalised;

/// What callers do who have no token.
const OF_STRANGERS: &[&str] = &[
    "login",
    "signin",
    "logout",
    "signout",
    "register",
    "registration",
    "signup",
    "refresh",
    "token",
    "password",
    "forgot",
    "forget",
    "reset",
    "recover",
    "recovery",
    "verify",
    "verification",
    "confirm",
    "confirmation",
    "activate",
    "activation",
    "otp",
    "invite",
    "invitation",
    "guest",
    "anonymous",
    "branding",
    "contact",
    "newsletter",
    "unsubscribe",
];

/// What programs call which have no user: probes, deliveries of events, timers.
const OF_MACHINES: &[&str] = &[
    "metrics",
    "webhook",
    "webhooks",
    "hook",
    "hooks",
    "ipn",
    "postback",
    "callback",
    "callbacks",
    "cron",
    "jobs",
    "job",
    "events",
    "event",
];

/// Whether a word of a path speaks of what callers do who have no token, or of what other machines do.
pub fn speaks_of_strangers(path: &str) -> bool {
    has_word(path, |word| OF_STRANGERS.contains(&word)) || is_for_machines(path)
}

/// Whether a word of a path speaks of what other machines do.
pub fn is_for_machines(path: &str) -> bool {
    has_word(path, |word| OF_MACHINES.contains(&word))
}

/// Whether a path is one to which another service delivers events: `POST /stripe/webhook`, `POST /webhooks/github`,
/// `POST /webhook/payments/github`, `POST /webhooks/incoming/orders/{id}`. Below `/webhooks` callers may also keep where theirs
/// are delivered to: that is a path by itself, or with a key.
pub fn is_delivery(path: &str, methods: &[SmolStr]) -> bool {
    let segments = normalised(path);
    let segments: Vec<&str> = segments.iter().map(SmolStr::as_str).collect();
    let is_hook = |segment: &str| matches!(segment, "webhook" | "webhooks" | "hook" | "hooks");
    let is_fixed = |segment: &&str| !segment.starts_with('{');
    let comes_in = |pair: &[&str]| matches!(pair, [hook, to] if is_hook(hook) && matches!(*to, "incoming" | "inbound" | "receive" | "receiver"));
    let delivers = match segments.as_slice() {
        [.., before, last] if is_hook(before) => is_fixed(last),
        ["webhook" | "hook", below @ ..] if below.iter().all(is_fixed) => true,
        _ => ends_in_delivery(path) || segments.windows(2).any(comes_in),
    };
    delivers && !is_internal(path) && !methods.is_empty() && methods.iter().all(|method| method == "POST")
}

/// Whether the last word of a path says that something is delivered there: `/shop/webhook`, `/twilio-callback`; instant
/// payment notifications, as payment services call them: `/ipn`.
fn ends_in_delivery(path: &str) -> bool {
    let last_word = path.trim_end_matches('/').rsplit(['/', '-', '_']).next().unwrap_or_default();
    matches!(last_word.to_ascii_lowercase().as_str(), "webhook" | "hook" | "ipn" | "callback")
}

/// Whether a path calls what it leads to public: `/public/images`, `/images/public-list`, `/vapid-public-key`.
pub fn is_named_public(path: &str) -> bool {
    // Readers of feeds have no account, and browsers subscribe with a key that is for all (RFC 8292, section 3.2).
    has_word(path, |word| word.starts_with("public") || matches!(word, "rss" | "atom" | "sitemap" | "vapid"))
}

/// Whether a word of a path, in lower case, is such a one.
fn has_word(path: &str, is: impl Fn(&str) -> bool) -> bool {
    path.split(['/', '-', '_', '.']).any(|word| is(&word.to_ascii_lowercase()))
}

/// Whether a path is where something is asked for that the body says: `POST /products/search`. What it takes is too long
/// for an address.
pub fn is_named_search(path: &str) -> bool {
    const SEARCHES: &[&str] = &["search", "query", "filter", "lookup", "compare", "autocomplete"];
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    SEARCHES.contains(&last.to_ascii_lowercase().as_str())
}

/// Whether a path is where is said what something costs: `GET /billing/plans`. Whoever thinks of signing up wants to know.
pub fn is_named_offer(path: &str, methods: &[SmolStr]) -> bool {
    const OFFERS: &[&str] = &["plans", "pricing", "pricingplans", "subscriptionplans", "tiers"];
    let reads = !methods.is_empty() && methods.iter().all(|method| method == "GET" || method == "HEAD");
    let segments = normalised(path);
    let is_offer = segments.last().is_some_and(|last| OFFERS.contains(&last.as_str()));
    reads && !is_internal(path) && is_offer
}

/// Whether a path is that of a form which strangers send: `POST /contact`, `POST /contact-form/submit`.
pub fn is_named_form(path: &str, methods: &[SmolStr]) -> bool {
    const FORMS: &[&str] = &[
        "contact",
        "contactus",
        "newsletter",
        "subscribe",
        "unsubscribe",
        "waitlist",
        "enquiry",
        "inquiry",
        "demorequest",
    ];
    let posts = !methods.is_empty() && methods.iter().all(|method| method == "POST");
    let segments = normalised(path);
    let is_form = match segments.iter().map(SmolStr::as_str).collect::<Vec<_>>().as_slice() {
        [.., form, "submit" | "send"] => FORMS.contains(form) || form.ends_with("form"),
        [.., last] => FORMS.contains(last),
        [] => false,
    };
    posts && !is_internal(path) && is_form
}
