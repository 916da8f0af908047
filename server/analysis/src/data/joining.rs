//! Paths that become one.
//!
//! Code that sets seven columns, each under a condition, has 128 paths that
//! differ in nothing that is asked of them. Paths are joined at once where they
//! hold the same evidence, and where what else they hold can be none. Others
//! are kept apart up to a bound, and joined beyond it so that the result claims
//! what both claim.

use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Exit;
use super::later::Later;
use super::perhaps::{one_row, rejoined};
use super::roles;
use super::shared::Shared;
use super::value::{Abs, Made, Mix, Object, Path, Predicate, Row, Statement};

/// Paths kept apart; more are joined into one that claims the least.
const MAX_PATHS: usize = 12;
/// Ends of a function kept apart.
const MAX_EXITS: usize = 8;
/// Lists inside of each other that are looked into.
const MAX_NESTED: u32 = 4;

/// Joins paths that are alike, and those beyond the bound.
pub(super) fn bounded(paths: Vec<Path>) -> Vec<Path> {
    let mut kept: Vec<Path> = Vec::with_capacity(paths.len().min(MAX_PATHS));
    for path in paths {
        let same = kept.iter().position(|known| alike(known, &path));
        let partner = same.or_else(|| (kept.len() >= MAX_PATHS).then(|| nearest(&kept, &path)));
        match partner {
            Some(at) => {
                let known = std::mem::take(&mut kept[at]);
                kept[at] = join(known, path);
            }
            None => kept.push(path),
        }
    }
    kept
}

/// Keeps one end of a function more, or joins it with one that is alike.
pub(super) fn keep_exit(kept: &mut Vec<Exit>, exit: Exit) {
    let same =
        kept.iter().position(|(path, value)| alike_values(path, &exit.0, value, &exit.1, 0) && alike(path, &exit.0));
    let perhaps = || kept.iter().enumerate().find_map(|(at, known)| Some((at, rejoined(known, &exit)?)));
    if let Some((at, joined)) = same.is_none().then(perhaps).flatten() {
        kept[at] = joined;
        return;
    }
    match same {
        Some(at) => {
            let known = std::mem::replace(&mut kept[at], (Path::default(), Abs::Nothing));
            kept[at] = join_exits(known, exit);
        }
        None if kept.len() < MAX_EXITS => kept.push(exit),
        None => {
            if let Some(known) = kept.pop() {
                kept.push(join_exits(known, exit));
            }
        }
    }
}

/// The path that loses least by being joined with another: one with the same
/// evidence, if there is one.
fn nearest(kept: &[Path], path: &Path) -> usize {
    kept.iter().rposition(|known| same_evidence(known, path)).unwrap_or(kept.len().saturating_sub(1))
}

/// Two ends of a function as one.
pub(super) fn join_exits((a, x): Exit, (b, y): Exit) -> Exit {
    let idle = Idle::of(&a, &b);
    let value = idle.joined(x, y);
    (join(a, b), value)
}

/// The ends of a function that answers with yes or no, where it has seen on the way to one what it
/// has not seen on the way to the other.
pub(super) fn answers_apart(exits: &[Exit]) -> Option<Vec<Exit>> {
    let of = |answer: bool| {
        let paths = exits.iter().filter(|(_, value)| *value == Abs::Constant(Some(answer)));
        paths.map(|(path, _)| path.clone()).reduce(join)
    };
    if !exits.iter().all(|(_, value)| matches!(value, Abs::Constant(Some(_)))) {
        return None;
    }
    let (yes, no) = (of(true)?, of(false)?);
    let apart = !same_evidence(&yes, &no);
    apart.then(|| vec![(yes, Abs::Constant(Some(true))), (no, Abs::Constant(Some(false)))])
}

/// Whether two paths differ in nothing that could make a difference.
pub(super) fn alike(a: &Path, b: &Path) -> bool {
    same_evidence(a, b) && alike_objects(a, b) && alike_variables(a, b)
}

/// Whether the same is known on two paths of who asks, and of the same rows.
fn same_evidence(a: &Path, b: &Path) -> bool {
    a.privileged == b.privileged
        && a.modest == b.modest
        && a.refused == b.refused
        && a.doubt == b.doubt
        && a.dead == b.dead
        && a.stranger.is_some() == b.stranger.is_some()
        && a.authorised == b.authorised
        && a.declined == b.declined
        && a.left == b.left
        && a.doubted == b.doubted
        && a.yielded == b.yielded
        && (Shared::is(&a.rows, &b.rows) || same_rows(a, b))
}

fn same_rows(a: &Path, b: &Path) -> bool {
    let idle = Idle::of(a, b);
    a.rows.len() == b.rows.len()
        && a.rows
            .iter()
            .zip(b.rows.iter())
            .all(|((one, row), (other, with))| one == other && (Shared::is(row, with) || alike_rows(row, with, &idle)))
}

fn alike_rows(a: &Row, b: &Row, idle: &Idle<'_>) -> bool {
    a.checked == b.checked
        && a.absent == b.absent
        && a.found == b.found
        && a.unclear == b.unclear
        && a.by_key == b.by_key
        && a.changed.is_some() == b.changed.is_some()
        && a.public == b.public
        && a.timed == b.timed
        && (a.changed.is_none() || a.upkeep == b.upkeep)
        && a.written.is_some() == b.written.is_some()
        && a.overwritten == b.overwritten
        && a.site == b.site
        && a.model == b.model
        && idle.agree(&a.predicates, &b.predicates)
}

/// Objects that only one path made are nothing that the other knows of.
fn alike_objects(a: &Path, b: &Path) -> bool {
    if Shared::is(&a.objects, &b.objects) {
        return true;
    }
    let mut others = b.objects.iter().peekable();
    a.objects.iter().all(|(id, object)| {
        while others.next_if(|(other, _)| *other < id).is_some() {}
        match others.next_if(|(other, _)| *other == id) {
            Some((_, other)) => Shared::is(object, other) || alike_object(a, b, object, other),
            None => true,
        }
    })
}

fn alike_object(a: &Path, b: &Path, object: &Object, other: &Object) -> bool {
    let is_row = matches!(object.made, Made::Row(_));
    object.made == other.made
        && object.spread == other.spread
        && object.principal == other.principal
        && object.fields.len() == other.fields.len()
        && object.fields.iter().zip(&other.fields).all(|((name, value), (named, with))| {
            name == named && (value == with || is_row && alike_values(a, b, value, with, 0))
        })
}

/// Variables that only one path has are none that code asks for on the other.
fn alike_variables(a: &Path, b: &Path) -> bool {
    Shared::is(&a.vars, &b.vars)
        || a.vars.iter().all(|(name, value)| match b.vars.get(name) {
            Some(other) => alike_values(a, b, value, other, 0),
            None => true,
        })
}

fn alike_values(a: &Path, b: &Path, value: &Abs, other: &Abs, depth: u32) -> bool {
    if value == other {
        return true;
    }
    match (value, other) {
        _ if depth > MAX_NESTED => false,
        (Abs::Statement(one), Abs::Statement(with)) => {
            one.verb == with.verb
                && one.model == with.model
                && one.unclear == with.unclear
                && one.plain == with.plain
                && one.sets == with.sets
                && one.spread == with.spread
                && Idle::of(a, b).agree(&one.predicates, &with.predicates)
        }
        (Abs::Items(one), Abs::Items(with)) if one.len() == with.len() => {
            one.iter().zip(with.iter()).all(|(one, with)| alike_values(a, b, one, with, depth + 1))
        }
        (Abs::Map(one), Abs::Map(with)) => Idle::of(a, b).entries_agree(one, with),
        (Abs::Items(one), Abs::Items(with)) => {
            let idle = Idle::of(a, b);
            idle.weighty(one) == idle.weighty(with)
        }
        _ => {
            let idle = Idle::of(a, b);
            idle.value(value, depth) && idle.value(other, depth)
        }
    }
}

/// What is no evidence on either of two paths.
pub(super) struct Idle<'p> {
    pub(super) paths: [&'p Path; 2],
    /// Whether both hold the same evidence, so that a client's value which was
    /// compared with nothing is none.
    pub(super) same: bool,
}

impl<'p> Idle<'p> {
    fn of(a: &'p Path, b: &'p Path) -> Self {
        let same = a.privileged == b.privileged && a.doubt == b.doubt && a.authorised == b.authorised;
        Self { paths: [a, b], same }
    }

    /// Whether a value says nothing of whose anything is, and decides no branch.
    pub(super) fn value(&self, value: &Abs, depth: u32) -> bool {
        match value {
            Abs::Text(_) | Abs::Constant(None) | Abs::Other | Abs::Clock => true,
            Abs::Items(items) if depth <= MAX_NESTED => items.iter().all(|item| self.value(item, depth + 1)),
            Abs::Predicates(predicates) => predicates.iter().all(|predicate| self.predicate(predicate)),
            _ => false,
        }
    }

    /// Whether a condition of a query narrows it to nobody's rows.
    fn predicate(&self, predicate: &Predicate) -> bool {
        if !predicate.equal {
            return true;
        }
        let plain = predicate.column.as_ref().is_none_or(|(model, column)| {
            !model.is_owner(column)
                && !model.is_key(column)
                && model.parent(column).is_none()
                && !model.columns.is_empty()
                && !column.ends_with("_id")
        });
        plain
            && match &predicate.value {
                Abs::Text(_) | Abs::Constant(_) | Abs::Nothing | Abs::Other | Abs::Clock => true,
                Abs::Client(client) => self.no_evidence(*client, predicate),
                Abs::Mix(mix) => {
                    !mix.principal
                        && !mix.unclear
                        && mix.rows.is_empty()
                        && mix.clients.iter().all(|client| self.no_evidence(*client, predicate))
                }
                _ => false,
            }
    }

    /// Whether nothing is known of a client's value that would make it the principal's.
    fn no_evidence(&self, client: u32, predicate: &Predicate) -> bool {
        self.same
            && self.paths.iter().all(|path| {
                let names_row = |row: &Row| {
                    row.predicates.iter().any(|known| {
                        known.equal && known.column != predicate.column && known.value == Abs::Client(client)
                    })
                };
                !path.authorised.contains(&client)
                    && !path.doubted.1.contains(&client)
                    && !path.rows.values().any(|row| names_row(row))
            })
    }

    /// Whether two lists of conditions differ only in such. Those that share none ask for rows in different ways: what is
    /// left of both would ask for any.
    fn agree(&self, a: &[Predicate], b: &[Predicate]) -> bool {
        if a == b {
            return true;
        }
        if !a.is_empty() && !b.is_empty() && !a.iter().any(|one| b.contains(one)) {
            return false;
        }
        let weighty = |list: &[Predicate], other: &[Predicate]| -> Vec<Predicate> {
            list.iter().filter(|one| other.contains(one) || !self.predicate(one)).cloned().collect()
        };
        weighty(a, b) == weighty(b, a)
    }

    /// The conditions that two queries share; whether they differ in more than idle ones.
    fn shared(&self, a: &[Predicate], b: &[Predicate]) -> (Vec<Predicate>, bool) {
        let agree = self.agree(a, b);
        let kept = if agree { a.iter().filter(|one| b.contains(one)).cloned().collect() } else { a.to_vec() };
        (kept, agree)
    }

    /// A value that is one of two.
    fn joined(&self, a: Abs, b: Abs) -> Abs {
        match (&a, &b) {
            _ if a == b => a,
            (Abs::Nothing, _) => b,
            (_, Abs::Nothing) => a,
            (Abs::Statement(one), Abs::Statement(with))
                if one.verb == with.verb
                    && one.model == with.model
                    && one.plain == with.plain
                    && one.sets == with.sets
                    && one.spread == with.spread =>
            {
                let (predicates, agree) = self.shared(&one.predicates, &with.predicates);
                let unclear = one.unclear || with.unclear || !agree;
                let whole = one.whole && with.whole;
                Abs::Statement(Arc::new(Statement { predicates, unclear, whole, ..Statement::clone(one) }))
            }
            (Abs::Items(one), Abs::Items(with)) if one.len() == with.len() => {
                let items = one.iter().zip(with.iter()).map(|(one, with)| self.joined(one.clone(), with.clone()));
                Abs::Items(Arc::new(items.collect()))
            }
            (Abs::Map(one), Abs::Map(with)) if self.entries_agree(one, with) => {
                Abs::Map(Arc::new(one.iter().filter(|entry| with.contains(entry)).cloned().collect()))
            }
            (Abs::Items(one), Abs::Items(with)) if self.weighty(one) == self.weighty(with) => {
                Abs::Items(Arc::new(one.iter().filter(|item| with.contains(item)).cloned().collect()))
            }
            (Abs::Predicates(one), Abs::Predicates(with)) if self.agree(one, with) => {
                Abs::Predicates(Arc::new(self.shared(one, with).0))
            }
            _ => one_row(&a, &b).unwrap_or_else(|| mixed(&a, &b)),
        }
    }

    /// What of a list could make a difference.
    fn weighty(&self, items: &[Abs]) -> Vec<Abs> {
        items.iter().filter(|item| !self.value(item, 0)).cloned().collect()
    }
}

/// A value of which nothing is known but what is in both.
fn mixed(a: &Abs, b: &Abs) -> Abs {
    let mut mix = Mix::of([a, b]);
    mix.unclear |= [a, b].iter().any(|value| {
        matches!(value, Abs::Statement(_) | Abs::Object(_) | Abs::Known(_) | Abs::Dump(_) | Abs::Predicates(_))
    });
    mix.into_abs()
}

/// A value that is one of two, wherever they come from.
pub(super) fn joined(a: Abs, b: Abs) -> Abs {
    match (&a, &b) {
        _ if a == b => a,
        (Abs::Nothing, _) => b,
        (_, Abs::Nothing) => a,
        _ => one_row(&a, &b).unwrap_or_else(|| mixed(&a, &b)),
    }
}

/// Of two paths one of which nothing can be wrong on, what the other claims: rows that only the first knows are nobody's
/// business.
fn leave_to_other(privileged: &mut Path, other: &Path) {
    privileged.authorised.clone_from(&other.authorised);
    let ids: Vec<u32> = privileged.rows.keys().copied().collect();
    for id in ids {
        match (other.rows.get(&id), privileged.rows.get_mut(&id)) {
            (Some(known), Some(row)) => {
                (row.checked, row.absent, row.found) = (known.checked, known.absent, known.found)
            }
            (None, Some(row)) => row.checked = true,
            _ => {}
        }
    }
}

/// One path that claims what both claim.
pub(super) fn join(mut a: Path, mut b: Path) -> Path {
    match (a.privileged, b.privileged) {
        (true, false) => leave_to_other(&mut a, &b),
        (false, true) => leave_to_other(&mut b, &a),
        _ => {}
    }
    let idle = Idle::of(&a, &b);
    let rows: Vec<(u32, Shared<Row>)> = b
        .rows
        .iter()
        .filter_map(|(id, row)| match a.rows.get(id) {
            Some(known) if Shared::is(known, row) => None,
            Some(known) => Some((*id, join_rows(known, row, &idle))),
            None => Some((*id, row.clone())),
        })
        .collect();
    let objects: Vec<(u32, Shared<Object>)> = b
        .objects
        .iter()
        .filter_map(|(id, object)| match a.objects.get(id) {
            Some(known) if Shared::is(known, object) => None,
            Some(known) => Some((*id, join_objects(known, object, &idle))),
            None => Some((*id, object.clone())),
        })
        .collect();
    let mut vars: Vec<(SmolStr, Abs)> = Vec::new();
    if !Shared::is(&a.vars, &b.vars) {
        vars.extend(b.vars.iter().filter_map(|(name, value)| match a.vars.get(name) {
            Some(old) if old == value => None,
            Some(old) => Some((name.clone(), idle.joined(old.clone(), value.clone()))),
            None => Some((name.clone(), value.clone())),
        }));
    }
    if !rows.is_empty() {
        a.rows.extend(rows);
    }
    if !objects.is_empty() {
        a.objects.extend(objects);
    }
    if !vars.is_empty() {
        a.vars.extend(vars);
    }
    roles::join(&mut a, &b);
    a.privileged &= b.privileged;
    a.refused &= b.refused;
    a.doubt |= b.doubt;
    a.dead &= b.dead;
    if !Shared::is(&a.declined, &b.declined) {
        a.declined = Shared::new(a.declined.intersection(&b.declined).copied().collect());
    }
    if !Shared::is(&a.sent, &b.sent) && a.sent != b.sent {
        a.sent.retain(|client, sent| b.sent.get(client) == Some(sent));
    }
    if !Shared::is(&a.authorised, &b.authorised) {
        a.authorised = Shared::new(a.authorised.intersection(&b.authorised).copied().collect());
    }
    if !b.handed_out.is_subset(&a.handed_out) {
        a.handed_out.extend(b.handed_out.iter());
    }
    if !Shared::is(&a.later, &b.later) {
        let more: Vec<Later> = b.later.iter().filter(|task| !a.later.contains(task)).cloned().collect();
        a.later.extend(more);
    }
    if !Shared::is(&a.doubted, &b.doubted) {
        a.doubted.0.extend(&b.doubted.0);
        a.doubted.1.extend(&b.doubted.1);
    }
    a.stranger = a.stranger.filter(|_| b.stranger.is_some());
    a.yielded = match (a.yielded, b.yielded) {
        (Some(one), Some(other)) => Some(joined(one, other)),
        (one, other) => one.or(other),
    };
    a
}

fn join_rows(known: &Shared<Row>, row: &Row, idle: &Idle<'_>) -> Shared<Row> {
    let mut known = known.clone();
    known.checked &= row.checked;
    known.compared = known.compared.take().or_else(|| row.compared.clone());
    known.hangs_on.retain(|value| row.hangs_on.contains(value));
    known.absent &= row.absent;
    known.found &= row.found;
    known.there &= row.there;
    known.looked |= row.looked;
    known.unclear |= row.unclear;
    known.touched |= row.touched;
    known.public &= row.public;
    known.timed &= row.timed;
    known.upkeep = (known.upkeep || known.changed.is_none()) && (row.upkeep || row.changed.is_none());
    known.changed = known.changed.or(row.changed);
    known.written = known.written.or(row.written);
    if known.predicates != row.predicates {
        let (predicates, agree) = idle.shared(&known.predicates, &row.predicates);
        known.predicates = predicates;
        known.unclear |= !agree;
    }
    known
}

fn join_objects(known: &Shared<Object>, object: &Object, idle: &Idle<'_>) -> Shared<Object> {
    let mut known = known.clone();
    known.properties.clear();
    for (name, value) in &object.fields {
        let joined = match known.fields.remove(name) {
            Some(old) => idle.joined(old, value.clone()),
            None => value.clone(),
        };
        known.fields.insert(name.clone(), joined);
    }
    known
}
