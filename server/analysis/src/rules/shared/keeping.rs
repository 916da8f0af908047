//! To keep a token is one decision, however many places carry it out.

use rustc_hash::FxHashMap;

use crate::frontend::outcome::{TokenSource, What};
use crate::ide::{Diagnostic, Location, Related, Severity};
use crate::rules::State;
use crate::rules::sign_out_keeps_token::root_of;
use crate::vfs::FileId;

/// Other places that a finding shows.
const SHOWN_PLACES: usize = 5;
/// Bytes of code, some eight lines: what stands nearer is seen at one glance.
const NEAR: u32 = 400;

/// A place at which a token is kept.
pub(in crate::rules) struct Keeping<'s> {
    /// What is wrong there, where several things may be.
    pub(in crate::rules) fault: &'static str,
    /// The name under which it is kept.
    pub(in crate::rules) key: Option<&'s str>,
    /// What it is.
    pub(in crate::rules) what: &'s What,
    /// Where it comes from.
    pub(in crate::rules) sources: &'s [TokenSource],
    /// What would be said of this place alone.
    pub(in crate::rules) finding: Diagnostic,
}

/// By what a kept token is known in one package: two places that share one of these keep the same.
#[derive(PartialEq, Eq, Hash)]
enum Mark<'s> {
    Key(&'s str, &'static str, &'s str),
    Flow(&'s str, &'static str, &'s str, &'s [TokenSource]),
}

impl<'s> Keeping<'s> {
    fn marks(&self, state: &'s State) -> impl Iterator<Item = Mark<'s>> + use<'s> {
        let root = root_of(state, self.finding.location.file);
        let name = match self.what {
            What::Token(name) => Some(name.as_str()),
            _ => None,
        };
        // Without a key it is known by what is kept.
        let key = self.key.or(name).map(|key| Mark::Key(root, self.fault, key));
        let is_known = !self.sources.is_empty() && !self.sources.contains(&TokenSource::Other);
        let flow = name.filter(|_| is_known).map(|name| Mark::Flow(root, self.fault, name, self.sources));
        key.into_iter().chain(flow)
    }
}

/// What is said of each token: a finding at the place that tells most of it, where it is seen that it is a token,
/// and of those the first. The others are related; those that stand out of its sight are a hint, as each has to go.
pub(in crate::rules) fn one_per_token(state: &State, places: Vec<Keeping<'_>>) -> Vec<Diagnostic> {
    let path = |file: FileId| state.sources.file(file).map_or("", |source| source.path.as_str());
    let mut tokens = together(state, places);
    for places in &mut tokens {
        let is_seen = |place: &Keeping<'_>| matches!(place.what, What::Token(_));
        places.sort_by_key(|place| {
            let location = place.finding.location;
            (!is_seen(place), path(location.file), location.range)
        });
        places.dedup_by_key(|place| place.finding.location);
    }
    tokens.into_iter().flat_map(|places| told(places.into_iter().map(|place| place.finding).collect())).collect()
}

/// Places that keep the same token.
fn together<'s>(state: &'s State, places: Vec<Keeping<'s>>) -> Vec<Vec<Keeping<'s>>> {
    let mut groups: Vec<Vec<Keeping<'s>>> = Vec::new();
    let mut group_of: FxHashMap<Mark<'s>, usize> = FxHashMap::default();
    for place in places {
        let marks: Vec<Mark<'s>> = place.marks(state).collect();
        let mut known: Vec<usize> = marks.iter().filter_map(|mark| group_of.get(mark).copied()).collect();
        known.sort_unstable();
        known.dedup();
        let at = known.first().copied().unwrap_or(groups.len());
        // A place that shares something with two groups makes one of them.
        let moved: Vec<Keeping<'s>> =
            known.iter().skip(1).flat_map(|other| std::mem::take(&mut groups[*other])).collect();
        group_of.values_mut().filter(|group| known.contains(group)).for_each(|group| *group = at);
        group_of.extend(marks.into_iter().map(|mark| (mark, at)));
        if at == groups.len() {
            groups.push(Vec::new());
        }
        groups[at].extend(moved.into_iter().chain([place]));
    }
    groups
}

/// The first finding, with the places of the others, and a word at each that is not near one of which something is said.
fn told(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut findings = findings.into_iter();
    let Some(mut first) = findings.next() else { return Vec::new() };
    let others: Vec<Diagnostic> = findings.collect();
    match others.len() {
        0 => {}
        1 => first.message.push_str(" It is kept in one other place too."),
        count => first.message.push_str(&format!(" It is kept in {count} other places too.")),
    }
    let shown = others.iter().take(SHOWN_PLACES).map(|other| other.location);
    first.related.extend(shown.map(|location| Related { location, message: "it is kept here too".to_owned() }));
    let mut told = vec![first];
    for other in others {
        if !told.iter().any(|known| is_near(known.location, other.location)) {
            let related = vec![Related { location: told[0].location, message: "it is kept here first".to_owned() }];
            let message = "The same token is kept here too.".to_owned();
            told.push(Diagnostic { severity: Severity::Hint, message, related, ..other });
        }
    }
    told
}

fn is_near(one: Location, other: Location) -> bool {
    one.file == other.file && one.range.start.abs_diff(other.range.start) <= NEAR
}
