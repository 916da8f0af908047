//! What calls of a function come to, remembered.
//!
//! A function is executed once for each combination of what its parameters
//! hold, however many paths and callers lead to it. The ends of a call depend
//! on nothing else, so that a remembered one is as good as a new one.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::given::Given;
use super::{Abs, Exit, Findings, Flow, MAX_STEPS, Path};
use crate::index::looked_at::RestsOn;
use crate::index::value::{FunctionRef, Instance, Site, Value};

/// Calls that were executed, by what they depend on.
#[derive(Debug, Default)]
pub(in crate::auth) struct Summaries {
    calls: RefCell<FxHashMap<Key, Rc<Summary>>>,
}

/// How a call ended, and what was met in it.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) exits: Vec<Exit>,
    found: Findings,
    /// Steps that it takes when nothing is remembered.
    steps: u32,
    rests_on: Arc<RestsOn>,
}

impl Summary {
    /// A call that ended so, in which nothing else was met.
    pub(super) fn of(exits: Vec<Exit>) -> Self {
        Self { exits, ..Self::default() }
    }
}

/// Everything that the ends of a call depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    function: Site,
    /// How deep the call is nested: the bound counts from the outermost function.
    depth: usize,
    /// What middlewares leave on `request.state`.
    fingerprint: u64,
    around: bool,
    /// Whether the handler leaves its socket to it.
    is_left_socket: bool,
    variables: Vec<(SmolStr, Kind)>,
    /// Which of these are there for certain.
    given: Vec<(SmolStr, Given)>,
    state: Vec<(SmolStr, Kind)>,
}

/// An abstract value, as far as it makes a difference to what is done with it.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Nothing,
    Constant,
    Credential,
    Secret,
    Identity,
    Named(Option<Site>),
    Users,
    Verified(bool),
    Check,
    Failure,
    Status,
    Outcome(Vec<(SmolStr, Kind)>, Option<Vec<(SmolStr, bool)>>),
    Request(SmolStr),
    Peer,
    Granted(Option<Vec<SmolStr>>),
    Unknown(SmolStr),
    Other,
    Package(SmolStr, bool),
    Class(Site),
    Function(Site),
    /// Its class, where it is made, and the flags that it was made with, as a factory may make several there.
    Instance(Site, Site, Vec<(SmolStr, bool)>),
}

impl Flow<'_, '_> {
    /// Executes a called function, or remembers how that went.
    pub(super) fn call_summary(&mut self, entry: Path, function: &FunctionRef) -> Rc<Summary> {
        let key = self.key(&entry, function);
        let known = key.as_ref().and_then(|key| self.judge.summaries.calls.borrow().get(key).cloned());
        let mut remembered = known.is_some();
        let summary = known.unwrap_or_else(|| {
            let summary = Rc::new(self.execute_call(entry, function));
            // What was cut short because of who called is true only there.
            if let Some(key) = key.filter(|_| !summary.found.cycle) {
                self.judge.summaries.calls.borrow_mut().insert(key, Rc::clone(&summary));
                remembered = true;
            }
            summary
        });
        self.judge.resolve.count(&summary.rests_on);
        self.found.absorb(&summary.found);
        // The address stays its own as long as it is remembered.
        if !remembered || self.charged.insert(Rc::as_ptr(&summary)) {
            self.budget = self.budget.saturating_sub(summary.steps);
        }
        summary
    }

    fn execute_call(&mut self, entry: Path, function: &FunctionRef) -> Summary {
        let of_caller = std::mem::take(&mut self.found);
        let budget = std::mem::replace(&mut self.budget, MAX_STEPS);
        let charged = std::mem::take(&mut self.charged);
        let outer = self.judge.resolve.begin();
        self.stack.push(function.clone());
        let exits = self.ends(entry, function);
        self.stack.pop();
        let rests_on = self.judge.resolve.end(outer);
        let left = std::mem::replace(&mut self.budget, budget);
        self.charged = charged;
        let found = std::mem::replace(&mut self.found, of_caller);
        Summary { exits, found, steps: MAX_STEPS - left, rests_on }
    }

    /// What a call depends on; `None` when that can't be written down: closures,
    /// exact values, and a request on its way to what comes next.
    fn key(&self, entry: &Path, function: &FunctionRef) -> Option<Key> {
        if !function.closure.is_empty() || !entry.known.is_empty() {
            return None;
        }
        let around = self.around.is_some();
        if around && entry.vars.values().any(|value| matches!(value, Abs::Request(_))) {
            return None;
        }
        Some(Key {
            function: function.site,
            depth: self.stack.len(),
            fingerprint: self.judge.fingerprint.get(),
            around,
            is_left_socket: matches!(self.stack.as_slice(), [handler] if self.is_left_socket(handler, function)),
            variables: kinds(&entry.vars)?,
            given: entry.given.clone(),
            state: kinds(&entry.state)?,
        })
    }
}

pub(super) fn kinds(values: &FxHashMap<SmolStr, Abs>) -> Option<Vec<(SmolStr, Kind)>> {
    let kinds = values.iter().map(|(name, value)| Some((name.clone(), kind(value)?)));
    let mut kinds: Vec<(SmolStr, Kind)> = kinds.collect::<Option<_>>()?;
    kinds.sort_unstable();
    Some(kinds)
}

pub(super) fn kind(value: &Abs) -> Option<Kind> {
    Some(match value {
        Abs::Nothing => Kind::Nothing,
        Abs::Constant => Kind::Constant,
        Abs::Credential => Kind::Credential,
        Abs::Secret => Kind::Secret,
        Abs::Identity => Kind::Identity,
        Abs::Named(class) => Kind::Named(class.as_ref().map(|class| class.site)),
        Abs::Users => Kind::Users,
        Abs::Verified { checked } => Kind::Verified(*checked),
        Abs::Check => Kind::Check,
        Abs::Failure => Kind::Failure,
        Abs::Status => Kind::Status,
        Abs::Outcome(outcome) => {
            let kinds = outcome.told.iter().map(|(name, part)| Some((name.clone(), kind(part)?)));
            Kind::Outcome(kinds.collect::<Option<_>>()?, outcome.entries.clone())
        }
        Abs::Request(part) => Kind::Request(part.clone()),
        Abs::Peer => Kind::Peer,
        Abs::Granted(scopes) => Kind::Granted(scopes.as_deref().cloned()),
        Abs::Unknown(reason) => Kind::Unknown(reason.clone()),
        Abs::Other => Kind::Other,
        Abs::Object(object) => match &**object {
            Value::Instance(instance) => match &instance.class {
                Value::Package(path) => Kind::Package(path.clone(), true),
                // What was assigned to it follows from where it is made.
                Value::Class(class) if class.closure.is_empty() => {
                    Kind::Instance(class.site, instance.site, flags_of(instance))
                }
                _ => return None,
            },
            Value::Package(path) => Kind::Package(path.clone(), false),
            Value::Class(class) if class.closure.is_empty() => Kind::Class(class.site),
            Value::Function(function) if function.closure.is_empty() => Kind::Function(function.site),
            _ => return None,
        },
    })
}

/// What tells instances apart that are made in one place.
fn flags_of(instance: &Instance) -> Vec<(SmolStr, bool)> {
    let kept = instance.attributes.all();
    let given = instance.args.named.iter().cloned();
    let positional = instance.args.positional.iter().enumerate();
    let all = kept
        .into_iter()
        .chain(given)
        .chain(positional.map(|(at, value)| (SmolStr::new(at.to_string()), value.clone())));
    all.filter_map(|(name, value)| match value {
        Value::Bool(flag) => Some((name, flag)),
        _ => None,
    })
    .collect()
}

impl Path {
    /// Whether nothing that comes can tell two paths apart.
    pub(super) fn is_same(&self, other: &Path) -> bool {
        let same = |a: &FxHashMap<SmolStr, Abs>, b: &FxHashMap<SmolStr, Abs>| {
            a.len() == b.len() && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| value.is_same(other)))
        };
        self.verified == other.verified
            && self.unknown.is_some() == other.unknown.is_some()
            && self.known.is_empty()
            && other.known.is_empty()
            && same(&self.vars, &other.vars)
            && same(&self.state, &other.state)
    }
}

impl Abs {
    /// Whether nothing that is done with two values can tell them apart.
    fn is_same(&self, other: &Abs) -> bool {
        match (self, other) {
            (Abs::Verified { checked: a }, Abs::Verified { checked: b }) => a == b,
            (Abs::Request(a), Abs::Request(b)) => a == b,
            // One reason is as good as the other.
            (Abs::Unknown(_), Abs::Unknown(_)) => true,
            (Abs::Object(_), Abs::Object(_))
            | (Abs::Outcome(_), Abs::Outcome(_))
            | (Abs::Named(_), Abs::Named(_))
            | (Abs::Granted(_), Abs::Granted(_)) => {
                matches!((kind(self), kind(other)), (Some(a), Some(b)) if a == b)
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}
