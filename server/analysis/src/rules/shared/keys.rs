//! Variables that hold keys, and where these are used.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::frontend;
use crate::auth::keys::{Key, Purpose, Source};
use crate::auth::tokens::KeySource;
use crate::facts::deployment::is_chart;
use crate::facts::environment::{AskedValues, Variable, asks_for};
use crate::frontend::issuers::Setting;
use crate::frontend::outcome::Place;
use crate::ide::{Diagnostic, Related, Severity};
use crate::index::value::Site;
use crate::rules::missing_auth_dependency::is_test;
use crate::rules::{RuleInfo, State, related, report};
use crate::verdicts::agreement::issued::secret_variable;
use crate::verdicts::environments::shared_folders;
use crate::vfs::{FileId, Location};

/// Uses named in a finding.
const SHOWN_USES: usize = 3;

/// Findings at the origins of keys, one for each, with the uses of the key:
/// `said` gives severity and message by the first of those that `picks` takes.
pub(in crate::rules) fn at_origins(
    state: &State,
    is_wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
    picks: &dyn Fn(&Key) -> bool,
    said: &dyn Fn(&Key) -> Option<(Severity, String)>,
) {
    let mut by_origin: BTreeMap<Site, Vec<&Key>> = BTreeMap::new();
    let compared = state.tokens.items().flat_map(|(_, tokens)| tokens.compared_keys.iter());
    for key in state.keys.values().flat_map(|file| file.iter()).chain(compared).filter(|key| picks(key)) {
        by_origin.entry(key.origin).or_default().push(key);
    }
    for (origin, mut keys) in by_origin {
        if !is_wanted(origin.file) || is_test(state, origin.file) || state.sources.is_ghost(origin) {
            continue;
        }
        keys.sort_by_key(|key| key.used);
        let Some((severity, message)) = keys.first().and_then(|first| said(first)) else { continue };
        let step = |key: &&Key| related(state, key.used, format!("it {} here", key.purpose.verb()));
        let uses = keys.iter().take(SHOWN_USES).map(step).collect();
        found.push(report(state, info, severity, origin, message, uses));
    }
}

/// A variable of the environment that holds a key, by what code does with it.
#[derive(Debug, Clone)]
pub(in crate::rules) struct UsedVariable {
    name: SmolStr,
    /// What it is for.
    purpose: Purpose,
    /// Where the backend uses it.
    site: Option<Site>,
    /// Where the frontend does.
    place: Option<Place>,
}

/// The use of the variable of that name which lies nearest to a file: settings read theirs in any case.
pub(in crate::rules) fn used_near<'u>(
    state: &State,
    used: &'u [UsedVariable],
    name: &str,
    file: FileId,
    to_frontend: bool,
) -> Option<&'u UsedVariable> {
    let own = used.iter().filter(|one| one.name.eq_ignore_ascii_case(name));
    // What a chart or a composition gives to its frontend no backend gets.
    let own = own.filter(|one| !to_frontend || one.site.is_none());
    // Of several that lie as near, the first.
    own.rev().max_by_key(|one| one.file().map(|used| shared_folders(state, used, file)))
}

/// What the templates of the chart ask for that a file holds values of; none where it is not seen whose these are, or
/// what they ask for.
fn templates_of(state: &State, file: FileId) -> Option<Vec<&AskedValues>> {
    let path = state.sources.file(file).map_or("", |source| source.path.as_str());
    let (chart, _) = path.rsplit_once('/').filter(|(chart, _)| is_chart(chart))?;
    let is_template = |other: FileId| {
        let within = state.sources.file(other).and_then(|source| source.path.strip_prefix(chart));
        within.is_some_and(|rest| rest.starts_with("/templates/"))
    };
    let templates = state.environments.iter().filter(|(other, _)| is_template(**other));
    let asked: Vec<&AskedValues> = templates.map(|(_, template)| &template.asked).collect();
    asked.iter().any(|asked| **asked != AskedValues::default()).then_some(asked)
}

/// Whether a template of its chart asks for a value, or it can't be told: not all templates are seen.
pub(in crate::rules) fn is_given_on(state: &State, file: FileId, variable: &Variable) -> bool {
    templates_of(state, file).is_none_or(|templates| templates.iter().any(|asked| is_put_somewhere(asked, variable)))
}

/// Whether the templates of its chart only name another object of the cluster by a value: the secret that holds the key.
pub(in crate::rules) fn is_name_of_object(state: &State, file: FileId, variable: &Variable) -> bool {
    let Some(templates) = templates_of(state, file) else { return false };
    templates.iter().any(|asked| asked.names.contains(&variable.way))
        && !templates.iter().any(|asked| is_put_somewhere(asked, variable))
}

/// The other places of a file that set a variable to the same value, of which the first is where that is said: services
/// that share a key. None for those that are not the first.
pub(in crate::rules) fn copies_in_file(file: FileId, set: &[Variable], variable: &Variable) -> Option<Vec<Related>> {
    let is_same = |other: &&Variable| {
        (&other.name, other.value.fingerprint, other.to_frontend, &other.when)
            == (&variable.name, variable.value.fingerprint, variable.to_frontend, &variable.when)
    };
    let mut all = set.iter().filter(is_same);
    all.next().filter(|first| first.range == variable.range)?;
    let step = |other: &Variable| Related {
        location: Location { file, range: other.range },
        message: "the same value is set here too".to_owned(),
    };
    Some(all.map(step).collect())
}

fn is_put_somewhere(asked: &AskedValues, variable: &Variable) -> bool {
    asked.given_on.iter().any(|asked| asks_for(asked, &variable.way))
}

impl UsedVariable {
    fn file(&self) -> Option<FileId> {
        self.site.map(|site| site.file).or(self.place.map(|place| place.file))
    }

    /// Whether it is a key of tokens, and what it is for as a verb.
    pub(in crate::rules) fn verb(&self) -> (bool, &'static str) {
        match self.purpose {
            Purpose::Encrypts | Purpose::SignsValues | Purpose::LetsIn => (false, self.purpose.verb()),
            _ => (true, Purpose::SignsTokens.verb()),
        }
    }

    /// What code does with it, in a word or two.
    pub(in crate::rules) fn does(&self) -> &'static str {
        match self.purpose {
            Purpose::Encrypts => "encrypts",
            Purpose::SignsValues => "signs",
            Purpose::LetsIn => "lets callers in",
            _ => "signs or verifies",
        }
    }

    /// What whoever has the key can do.
    pub(in crate::rules) fn power(&self) -> &'static str {
        match self.purpose {
            Purpose::Encrypts => "can read what is encrypted with it",
            Purpose::SignsValues => "can sign whatever clients are given that is signed with it",
            Purpose::LetsIn => "is let in where it is asked for",
            _ => "can sign a token for any user",
        }
    }

    /// The step of a proof that says where it is used.
    pub(in crate::rules) fn related(&self, state: &State) -> Vec<Related> {
        let by_backend = self.site.map(|site| related(state, site, "the key is used here".to_owned()));
        let by_frontend = || frontend::related(state, self.place?, "the key is used here");
        by_backend.or_else(by_frontend).into_iter().collect()
    }
}

/// Variables that code signs or verifies tokens with, those that the backend uses first. One that only holds the public
/// half of a key pair is none: nobody signs with that.
pub(in crate::rules) fn used_variables(state: &State) -> Vec<UsedVariable> {
    let mut used = Vec::new();
    let mut add = |name: &SmolStr, purpose: Purpose, site: Option<Site>, place: Option<Place>| {
        used.push(UsedVariable { name: name.clone(), purpose, site, place });
    };
    // What a constant is called says nothing of where its value is from, if that stands in the code.
    let keys = || state.keys.values().flat_map(|file| file.iter());
    let compared = || state.tokens.items().flat_map(|(_, tokens)| tokens.compared_keys.iter());
    let literal: FxHashSet<Site> = keys().filter(|key| key.source == Source::Literal).map(|key| key.used).collect();
    let decodes = || state.tokens.items().flat_map(|(_, tokens)| tokens.decodes.iter());
    let public: FxHashSet<Site> = decodes().filter(|decode| decode.by_key_pair).map(|decode| decode.site).collect();
    for (_, tokens) in state.tokens.items() {
        let decodes = tokens.decodes.iter().filter(|decode| !literal.contains(&decode.site) && !decode.by_key_pair);
        for decode in decodes.filter(|decode| decode.unverified.is_none()) {
            if let KeySource::Secret(Some(name)) = &decode.key {
                add(name, Purpose::VerifiesTokens, Some(decode.site), None);
            }
        }
        for encode in tokens.encodes.iter().filter(|encode| !literal.contains(&encode.site)) {
            if let KeySource::Secret(Some(name)) = &encode.key {
                add(name, Purpose::SignsTokens, Some(encode.site), None);
            }
        }
    }
    for key in keys().filter(|key| !public.contains(&key.used)).chain(compared()) {
        if let Source::Environment(name) | Source::Setting(name) = &key.source {
            add(name, key.purpose, Some(key.used), None);
        }
    }
    for (_, outcome) in state.frontend.outcomes() {
        for issuer in &outcome.issuers {
            if let Some(name) = secret_variable(issuer) {
                add(&name, Purpose::SignsTokens, None, Some(issuer.place));
            }
        }
        for mint in &outcome.mints {
            if let Setting::Environment(name) = &mint.key {
                add(name, Purpose::SignsTokens, None, Some(mint.place));
            }
        }
    }
    used.sort_by_key(|one| (one.site.is_none(), one.site, one.place));
    used
}
