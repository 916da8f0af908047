//! `token-in-web-storage`: a token that every script on the page can read.

use std::collections::BTreeMap;

use super::shared::frontend;
use super::sign_out_keeps_token::root_of;
use super::{RuleInfo, State};
use crate::frontend::outcome::{Area, Kept, What};
use crate::ide::{Diagnostic, Related, Severity};
use crate::vfs::{FileId, Location};

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "token-in-web-storage",
    summary: "a token that every script on the page can read",
    cwe: "CWE-922",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/token-in-web-storage.md"),
};

/// Places of one key that a finding shows.
const SHOWN_PLACES: usize = 5;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    // To keep a token is one decision, however many functions carry it out.
    let mut decided: BTreeMap<(&str, &str, &str), Vec<Diagnostic>> = BTreeMap::new();
    for (file, outcome) in state.frontend.outcomes() {
        for kept in outcome.kept.iter().filter(|kept| kept.place.file == file) {
            let Some((area, diagnostic)) = area(kept.area).and_then(|area| Some((area, finding(state, kept, area)?)))
            else {
                continue;
            };
            // Without a key it is known by what is kept.
            let key = match (&kept.key, &kept.what) {
                (Some(key), _) | (None, What::Token(key)) => key.as_str(),
                _ => "",
            };
            decided.entry((root_of(state, file), area, key)).or_default().push(diagnostic);
        }
    }
    let path = |file: FileId| state.sources.file(file).map_or("", |source| source.path.as_str());
    for mut places in decided.into_values() {
        places.sort_by_key(|place| (path(place.location.file), place.location.range));
        places.dedup_by_key(|place| place.location);
        let Some((first, others)) = places.split_first_mut() else { continue };
        let others_at: Vec<Location> = others.iter().map(|other| other.location).collect();
        for other in others {
            // What was decided is said once; the places that carry it out are named.
            other.severity = Severity::Info;
            other.message = "The same token is kept here too.".to_owned();
            other.related = vec![Related { location: first.location, message: "it is kept here first".to_owned() }];
        }
        if !others_at.is_empty() {
            let and = match others_at.len() {
                1 => "one other place".to_owned(),
                count => format!("{count} other places"),
            };
            first.message.push_str(&format!(" It is kept in {and} too."));
        }
        let shown = others_at.into_iter().take(SHOWN_PLACES);
        first.related.extend(shown.map(|location| Related { location, message: "it is kept here too".to_owned() }));
        found.extend(places.into_iter().filter(|place| wanted(place.location.file)));
    }
}

fn area(area: Area) -> Option<&'static str> {
    match area {
        Area::Local => Some("localStorage"),
        Area::Session => Some("sessionStorage"),
        Area::Cookie => None,
    }
}

fn finding(state: &State, kept: &Kept, area: &str) -> Option<Diagnostic> {
    let sent = kept.key.as_ref().map(|key| frontend::sent_from(state, kept.area, key)).unwrap_or_default();
    let is_sent = kept.key.as_ref().is_some_and(|key| frontend::is_sent(state, kept.area, key));
    let what = match (&kept.what, is_sent) {
        (What::Token(name), _) => format!("the `{name}` that a sign-in gave"),
        (What::Unknown, true) => "what is sent as the bearer token".to_owned(),
        _ => return None,
    };
    let message = format!(
        "`{area}` keeps {what}, where every script on the page can read it: one hole for foreign scripts gives the account away. Keep it in memory and ask for it again, or leave it in an `httpOnly` cookie."
    );
    frontend::report(state, &INFO, Severity::Warning, kept.place, message, sent)
}
