//! Rows that are put under any of another table, where somebody should look whose that one is.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::customs::{AllCustoms, Custom, Customs};
use crate::data::{Link, Table, Within};
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::rules::{RuleInfo, State, for_each_served, related, report};
use crate::vfs::FileId;

/// A link with the route that makes it.
struct Made<'s> {
    route: &'s Route,
    guarded: bool,
    link: &'s Link,
    /// What the route does for those who have the right that it asks for.
    within: Option<&'s Within>,
}

/// Findings on rows that are put under any of another table: where other routes
/// look whose that one is, or where none touches another than the caller's.
pub(in crate::rules) fn check(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
) {
    let mut all: Vec<Made<'_>> = Vec::new();
    for_each_served(state, |_, route, judged| {
        let (guarded, within) = (judged.guard.is_guarded(), judged.data.within.as_ref());
        all.extend(judged.data.links.iter().map(|link| Made { route, guarded, link, within }));
    });
    if all.is_empty() {
        return;
    }
    let customs = AllCustoms::of(state);
    // What is put under several rows is one finding, which names each.
    let mut told: BTreeMap<Site, Vec<Told<'_>>> = BTreeMap::new();
    for made in &all {
        let link = made.link;
        let is_test = state.sources.file(link.entry.file).is_some_and(|file| file.test);
        if link.looked || link.excused || !made.guarded || made.route.conditional || is_test {
            continue;
        }
        let of_right = made.within.filter(|_| link.in_right).and_then(|within| customs.within(made.route, within));
        let said = match of_right {
            Some(of_right) if of_right.are_of_everybody() => usual(state, of_right, &all, link),
            Some(of_right) => usual_within(state, of_right, link),
            None if link.in_right => None,
            None => usual(state, &customs.plain, &all, link),
        };
        let Some((parent, usual)) = said else { continue };
        if wanted(link.entry.file) && !state.sources.is_ghost(link.entry) {
            let here = told.entry(link.entry).or_default();
            if here.iter().all(|told| told.link.column != link.column) {
                here.push(Told { link, parent, usual });
            }
        }
    }
    found.extend(told.values().filter_map(|told| finding(state, info, told)));
}

/// A link that nobody looked at, and what says that somebody should.
struct Told<'s> {
    link: &'s Link,
    parent: &'s Table,
    usual: String,
}

/// The other table, and what is usual about it, where a link is not.
fn usual<'s>(state: &State, customs: &Customs<'s>, all: &[Made<'_>], link: &Link) -> Option<(&'s Table, String)> {
    let parent = customs.table(state, &link.parent, link.table)?;
    let mut like = FxHashSet::default();
    let mut looking = FxHashSet::default();
    for other in all.iter().map(|made| made.link) {
        if other.table == link.table && other.column == link.column {
            like.insert(other.entry);
            if other.looked {
                looking.insert(other.entry);
            }
        }
    }
    let custom: Custom = customs.of(parent.site);
    let private = parent.personal && (custom.is_private() || custom.is_kept_but_for_looks());
    let words = match looking.is_empty() {
        false => format!("({} of {} places that set `{}` do)", looking.len(), like.len(), link.column),
        true if private => {
            format!("(all {} routes that use a `{}` keep to the caller's)", custom.scoped(), parent.name)
        }
        true => return None,
    };
    Some((parent, words))
}

/// The same among routes that ask for one and the same right.
fn usual_within<'s>(state: &State, customs: &Customs<'s>, link: &Link) -> Option<(&'s Table, String)> {
    let parent = customs.table(state, &link.parent, link.table)?;
    let custom = customs.of(parent.site);
    let words = custom.words(&parent.name).trim_start().to_owned();
    (parent.personal && custom.keeps_within()).then_some((parent, words))
}

fn finding(state: &State, info: &RuleInfo, told: &[Told<'_>]) -> Option<Diagnostic> {
    let (Told { link, parent, usual }, others) = told.split_first()?;
    let principal = match link.principal.as_str() {
        "" => "the verified caller".to_owned(),
        name => format!("`{name}`"),
    };
    let owner = if parent.guessed { "owner".to_owned() } else { format!("`{}`", parent.owner) };
    let more: Vec<String> =
        others.iter().map(|other| format!("`{}` (`{}`)", other.link.client.name, other.parent.name)).collect();
    let more = if more.is_empty() { String::new() } else { format!(" The same goes for {}.", more.join(", ")) };
    let message = format!(
        "`{}` from the {} puts a `{}` under any `{}`, and nothing looks whose that is {usual}: fetch the `{3}` first, compare its {owner} with {principal} and raise 403.{more}",
        link.client.name,
        link.client.place.word(),
        link.name,
        parent.name,
    );
    let steps = told.iter().flat_map(|Told { link, .. }| {
        [
            related(state, link.client.site, format!("`{}` comes from the request", link.client.name)),
            related(state, link.site, format!("`{}.{}` is written here", link.name, link.column)),
        ]
    });
    Some(report(state, info, Severity::Warning, link.entry, message, steps.collect()))
}
