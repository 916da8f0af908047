//! Functions that call themselves: what a call inside gives is one of the ends of the function itself.
//!
//! At first nothing is known to come back from such a call. The ends that are found without it are what it may give when
//! the function is executed again, until there are no others.

use std::sync::Arc;

use smol_str::SmolStr;

use super::summary::{Kind, kind, kinds};
use super::{Abs, Exit, Flow, Path};
use crate::facts::python::idioms::callees;
use crate::facts::python::tree::ExprKind;
use crate::index::value::{FunctionRef, Site, Value};

/// How often a function is executed until its ends are all that its own calls may give.
const MAX_ROUNDS: usize = 4;

/// Executions of one function inside each other, with other arguments each.
const MAX_NESTED: usize = 3;

/// What is said of what can't be told in a bounded number of steps.
pub(super) const TOO_DEEP: &str = "calls nest deeper than authlens follows";

/// A function that is being executed and calls itself.
pub(super) struct Within {
    function: Site,
    entry: Path,
    variables: Vec<(SmolStr, Kind)>,
    /// The ends that were found so far.
    ends: Vec<Exit>,
    /// Whether the function called itself with the same arguments.
    is_asked: bool,
}

impl Flow<'_, '_> {
    /// Executes the body of a function that was called.
    pub(super) fn ends(&mut self, entry: Path, function: &FunctionRef) -> Vec<Exit> {
        let variables = if calls_itself(function) { kinds(&entry.vars) } else { None };
        let Some(variables) = variables else { return self.body(entry, function) };
        let depth = self.within.len();
        let within =
            Within { function: function.site, entry: entry.clone(), variables, ends: Vec::new(), is_asked: false };
        self.within.push(within);
        let mut exits = Vec::new();
        let mut is_known = false;
        for _ in 0..MAX_ROUNDS {
            exits = self.body(entry.clone(), function);
            let Some(within) = self.within.get_mut(depth) else { break };
            let is_new = |exit: &Exit| !within.ends.iter().any(|known| is_same(known, exit));
            is_known = !within.is_asked || (!exits.is_empty() && !exits.iter().any(is_new));
            if is_known || exits.is_empty() {
                break;
            }
            within.ends.clone_from(&exits);
            within.is_asked = false;
        }
        self.within.truncate(depth);
        if !is_known {
            let reason = SmolStr::new_static(TOO_DEEP);
            exits = vec![Path { unknown: Some(reason.clone()), ..entry }.exit(Abs::Unknown(reason))];
        }
        exits
    }

    /// Whether a function that is being executed may be looked into once more: it calls itself, and no other function in
    /// between.
    pub(super) fn may_look_again(&self, function: &FunctionRef) -> bool {
        let is_own = self.stack.last().is_some_and(|caller| caller.site == function.site);
        is_own && self.within.last().is_some_and(|within| within.function == function.site)
    }

    /// Forgets of arguments how they were made of what packages gave, where a function calls itself with what it made of its
    /// own: `for part in data.values(): look(part)` would go on with others each time.
    pub(super) fn widen(&self, entry: &mut Path) {
        let Some(within) = self.within.last() else { return };
        for (name, value) in &mut entry.vars {
            let before = within.entry.vars.get(name).filter(|before| is_of_package(before));
            if before.is_some_and(|before| is_of_package(value) && kind(before) != kind(value)) {
                *value = Abs::Other;
            }
        }
    }

    /// The ends of a function that is being executed with the same arguments, as far as they were found. None where the
    /// arguments are others, or where these are too many.
    pub(super) fn own_ends(&mut self, entry: &Path, function: &FunctionRef) -> Result<Option<Vec<Exit>>, SmolStr> {
        let too_deep = || SmolStr::new_static(TOO_DEEP);
        let variables = kinds(&entry.vars).ok_or_else(too_deep)?;
        let of_function = |within: &&mut Within| within.function == function.site;
        let is_same = |within: &Within| {
            within.variables == variables && within.entry.given == entry.given && knows_the_same(&within.entry, entry)
        };
        let nested = self.within.iter_mut().rev().take_while(of_function).count();
        let found = self.within.iter_mut().rev().take(nested).enumerate().find(|(_, within)| is_same(within));
        match found {
            Some((at, within)) => {
                within.is_asked = true;
                // What rests on what is not known yet is true only there.
                self.found.cycle |= at > 0;
                Ok(Some(within.ends.clone()))
            }
            None if nested < MAX_NESTED => Ok(None),
            None => Err(too_deep()),
        }
    }
}

/// Whether a value is what something of a package gave.
fn is_of_package(value: &Abs) -> bool {
    matches!(kind(value), Some(Kind::Package(..)))
}

/// Whether a function calls one of its own name.
fn calls_itself(function: &FunctionRef) -> bool {
    let own = &function.def.name.name;
    callees(&function.def.body).any(|callee| match &callee.kind {
        ExprKind::Name(name) => name == own,
        ExprKind::Attribute { name, .. } => name.name == *own,
        _ => false,
    })
}

/// Whether the exact values that are known on two paths are the same.
fn knows_the_same(one: &Path, other: &Path) -> bool {
    let same = |one: &Value, other: &Value| match (one, other) {
        (Value::Instance(one), Value::Instance(other)) => Arc::ptr_eq(one, other),
        (Value::Str(one), Value::Str(other)) => one == other,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        _ => false,
    };
    let pairs = || one.known.iter().zip(&other.known);
    one.known.len() == other.known.len() && pairs().all(|((a, one), (b, other))| a == b && same(one, other))
}

/// Whether two ends are the same to whoever called.
fn is_same(one: &Exit, other: &Exit) -> bool {
    let same = |one: &Abs, other: &Abs| kind(one).is_some_and(|one| kind(other) == Some(one));
    let parts = || one.parts.iter().zip(&other.parts);
    one.verified == other.verified
        && one.unknown.is_some() == other.unknown.is_some()
        && one.chosen == other.chosen
        && one.acts == other.acts
        && one.shape == other.shape
        && one.switches == other.switches
        && same(&one.value, &other.value)
        && one.parts.len() == other.parts.len()
        && parts().all(|((a, one), (b, other))| a == b && same(one, other))
        && kinds(&one.state).is_some_and(|state| kinds(&other.state) == Some(state))
}
