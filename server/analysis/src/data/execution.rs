//! Statements, path by path.

use std::sync::Arc;

use super::calls::is_dotted;
use super::counters;
use super::drivers::cursor_of;
use super::engine::{Engine, Exit};
use super::exemptions::compares_below;
use super::joining::bounded;
use super::rejections::{asks_for_a_right, ends_by_raising, forbids};
use super::requests::with_entries;
use super::roles::RoleAsked;
use super::value::{Abs, Path};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};

/// Entries of a dictionary that are gone through one by one.
const MAX_ENTRIES: usize = 12;
/// The same of texts in a list.
const MAX_TEXTS: usize = 6;

impl Engine<'_, '_> {
    /// Executes the body of the innermost function.
    pub(super) fn body(&mut self, path: Path, body: &[Stmt]) -> Vec<Exit> {
        let mut exits = Vec::new();
        let outer = std::mem::take(&mut self.jumps);
        for path in self.block(vec![path], body, &mut exits) {
            exits.push((path, Abs::Nothing));
        }
        self.jumps = outer;
        exits
    }

    fn block(&mut self, mut paths: Vec<Path>, body: &[Stmt], exits: &mut Vec<Exit>) -> Vec<Path> {
        for (at, stmt) in body.iter().enumerate() {
            let mut after = Vec::new();
            for path in paths {
                if self.spend() {
                    let (exempt, known) = (self.lets_pass(&path, body, at), exits.len());
                    self.step(path, stmt, exits, &mut after);
                    if let Some(row) = exempt {
                        exits[known..].iter_mut().for_each(|(path, _)| path.pass_by(row));
                    }
                } else {
                    after.push(Path { doubt: true, ..path });
                }
            }
            paths = bounded(after);
            if paths.is_empty() {
                break;
            }
        }
        paths
    }

    fn step(&mut self, mut path: Path, stmt: &Stmt, exits: &mut Vec<Exit>, after: &mut Vec<Path>) {
        if let Some(told) = self.told_by_sending(&path, stmt) {
            return told.into_iter().for_each(|path| self.step(path, stmt, exits, after));
        }
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                self.note_discarded(&mut path, expr);
                let cursor = cursor_of(expr);
                after.extend(self.fork(path, expr).into_iter().map(|(mut path, value)| {
                    if let (Some(cursor), Abs::Row(id)) = (cursor, &value)
                        && path.vars.contains_key(cursor)
                        && path.rows.get(id).is_some_and(|row| row.changed.is_none())
                    {
                        path.vars.insert(cursor.clone(), value);
                    }
                    path
                }));
            }
            StmtKind::Assign(assign) if counters::counts(assign) => after.push(path),
            StmtKind::AugAssign(assign) if counters::counts_on(assign) => after.push(path),
            StmtKind::Assign(assign) => {
                let Some(value) = &assign.value else { return after.push(path) };
                for (mut path, value) in self.fork(path, value) {
                    for target in &assign.targets {
                        self.assign(&mut path, target, &value);
                    }
                    after.push(path);
                }
            }
            StmtKind::AugAssign(assign) => {
                let value = self.eval(&mut path, &assign.value);
                let old = self.eval(&mut path, &assign.target);
                let joined = match (&old, &value) {
                    (Abs::Items(a), Abs::Items(b)) => Abs::Items(Arc::new(a.iter().chain(b.iter()).cloned().collect())),
                    _ => super::value::Mix::of([&old, &value]).into_abs(),
                };
                self.assign(&mut path, &assign.target, &joined);
                after.push(path);
            }
            // Who is given a row may look at it.
            StmtKind::Return(Some(value)) if value.as_name().is_some_and(|name| path.vars.contains_key(name)) => {
                let value = value.as_name().and_then(|name| path.vars.get(name)).cloned();
                exits.push((path, value.unwrap_or(Abs::Nothing)));
            }
            StmtKind::Return(value) => match value {
                Some(value) => exits.extend(self.fork(path, value)),
                None => exits.push((path, Abs::Nothing)),
            },
            StmtKind::Raise { exc, .. } => {
                if let Some(exc) = exc {
                    self.eval(&mut path, exc);
                    self.judge_rejection(&path, exc);
                }
            }
            StmtKind::If { test, body, or_else } => match self.both(&path, test, body, or_else) {
                Some((both, inner)) => self.decide(path, (&both, inner, &[]), exits, after),
                None => self.decide(path, (test, body, or_else), exits, after),
            },
            StmtKind::Assert(test) => after.extend(self.branch(path, test).0),
            StmtKind::While { test, body, or_else } => {
                let (yes, no) = self.branch(path, test);
                self.jumps.push(Vec::new());
                let through = self.block(bounded(yes), body, exits);
                let jumped = self.jumps.pop().unwrap_or_default();
                after.extend(self.block(no, or_else, exits));
                after.extend(through);
                after.extend(jumped);
            }
            StmtKind::For { target, iter, body, or_else } => {
                let items = self.eval_awaited(&mut path, iter);
                let items = self.fetched_by_iterating(&mut path, items);
                if path.dead {
                    return;
                }
                if let Some(entries) = entries(&items) {
                    let mut paths = vec![path];
                    for entry in entries {
                        self.jumps.push(Vec::new());
                        for path in &mut paths {
                            self.assign(path, target, entry);
                        }
                        let outer = self.enter_entry(entry);
                        paths = self.block(paths, body, exits);
                        self.gone_through.truncate(outer);
                        paths.extend(self.jumps.pop().unwrap_or_default());
                    }
                    return after.extend(self.block(bounded(paths), or_else, exits));
                }
                self.note_cut(&items);
                let element = element(&items);
                // Rows that there are none of need no check.
                // Nor is there a need for rights that nobody asks for, and who has none is given none.
                let may_be_empty = !matches!(items, Abs::Row(_) | Abs::Part(..) | Abs::Dump(_) | Abs::Principal(_))
                    && !body.iter().any(asks_for_a_right);
                let mut inside = path.clone();
                self.assign(&mut inside, target, &element);
                self.jumps.push(Vec::new());
                let mut through = self.block(vec![inside], body, exits);
                through.extend(self.jumps.pop().unwrap_or_default());
                if may_be_empty || through.is_empty() {
                    through.push(path);
                }
                after.extend(self.block(bounded(through), or_else, exits));
            }
            StmtKind::Try { body, handlers, or_else, finally } => {
                let before = path.clone();
                let mut ends = Vec::new();
                let through = self.block(vec![path], body, exits);
                ends.extend(self.block(through, or_else, exits));
                for handler in handlers {
                    let mut caught = before.clone();
                    if let Some(name) = &handler.name {
                        caught.vars.insert(name.clone(), Abs::Other);
                    }
                    ends.extend(self.block(vec![caught], &handler.body, exits));
                }
                after.extend(self.block(bounded(ends), finally, exits));
            }
            StmtKind::With { items, body } => {
                for (context, target) in items {
                    let value = self.eval(&mut path, context);
                    if let Some(target) = target {
                        self.assign(&mut path, target, &value);
                    }
                }
                after.extend(self.block(vec![path], body, exits));
            }
            StmtKind::Match { subject, cases } => {
                self.eval(&mut path, subject);
                let told_apart = self.told_apart(&path, subject, cases);
                let mut exhaustive = false;
                for case in cases {
                    let mut inside = path.clone();
                    if let Some(row) = told_apart.filter(|_| !case.body.iter().any(compares_below)) {
                        inside.pass_by(row);
                    }
                    for name in &case.binds {
                        inside.vars.insert(name.clone(), Abs::Unknown);
                    }
                    after.extend(self.block(vec![inside], &case.body, exits));
                    exhaustive |= case.irrefutable;
                }
                if !exhaustive {
                    after.push(path);
                }
            }
            StmtKind::Break | StmtKind::Continue => {
                if let Some(jumps) = self.jumps.last_mut() {
                    jumps.push(path);
                }
            }
            StmtKind::Delete(targets) => {
                targets.iter().for_each(|target| self.take_out(&mut path, target));
                after.push(path);
            }
            StmtKind::Global(_) | StmtKind::Pass | StmtKind::TypeAlias { .. } => after.push(path),
            StmtKind::Import(_) | StmtKind::ImportFrom(_) => after.push(path),
            StmtKind::Function(def) => {
                self.define(&mut path, def);
                after.push(path);
            }
            StmtKind::Class(class) => {
                path.vars.insert(class.name.name.clone(), Abs::Unknown);
                after.push(path);
            }
            StmtKind::Unknown => after.push(Path { doubt: true, ..path }),
        }
        after.retain(|path| !path.dead);
    }

    /// Goes both ways of an `if`.
    fn decide(
        &mut self,
        mut path: Path,
        (test, body, or_else): (&Expr, &[Stmt], &[Stmt]),
        exits: &mut Vec<Exit>,
        after: &mut Vec<Path>,
    ) {
        path.stranger = None;
        self.note_condition(&path, test, [body, or_else]);
        // Who is answered 403 lacks a right: whoever goes on has it, as far as can be told.
        let forbids = forbids(body);
        let lacks = forbids && self.asks_what_is_missing(test);
        let of_caller = forbids && self.in_root;
        let lacks_right = lacks && self.asks_missing_right(&path, test);
        let is_right = lacks_right
            || self.in_root && lacks
            || of_caller && (self.is_found_of_caller(&path, test) || self.asks_whether_listed(&path, test));
        let is_doubtful = !lacks_right && (lacks || forbids && self.is_unclear(&path, test));
        let is_for_some = self.narrows_for_some(&path, test, body);
        let before = is_doubtful.then(|| path.clone());
        let asked = path.clone();
        let had_right = path.privileged;
        let exempt = self.passes_by(&path, test, body, or_else);
        let (mut yes, mut no) = self.branch(path, test);
        if let Some((row, holds)) = exempt {
            let passing = if holds { &mut yes } else { &mut no };
            passing.iter_mut().for_each(|path| path.pass_by(row));
        }
        let yes = bounded(yes);
        let role = if had_right { None } else { RoleAsked::of(&yes, forbids) };
        let ends = self.block(yes, body, exits);
        if ends.is_empty() && ends_by_raising(body) {
            self.forget_time(&asked, &mut no);
        }
        for path in &mut no {
            // Who is no stranger was compared with somebody, however much of that is not clear.
            path.doubt |= before.as_ref().is_some_and(|before| !path.knows_more_than(before));
            path.privileged |= is_right || is_for_some;
            if let Some(role) = &role {
                role.passed_by(path, &ends);
            }
        }
        after.extend(ends);
        after.extend(self.block(bounded(no), or_else, exits));
    }

    /// Assigns to a name, a tuple, an attribute or an item.
    pub(super) fn assign(&mut self, path: &mut Path, target: &Expr, value: &Abs) {
        match &target.kind {
            ExprKind::Name(name) => {
                self.note_global(path, target, name, value);
                path.vars.insert(name.clone(), value.clone());
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    let one = match value {
                        Abs::Items(items) if items.len() == parts.len() => items[at].clone(),
                        // `for key, value in body.model_dump().items()`
                        Abs::Dump(dump) if at == 0 => Abs::DumpKey(Arc::clone(dump)),
                        other => element(other),
                    };
                    self.assign(path, part, &one);
                }
            }
            ExprKind::Starred(part) => self.assign(path, part, value),
            ExprKind::Attribute { value: object, name } => {
                let object = self.eval(path, object);
                self.set_attribute(path, target, &object, &name.name, value);
            }
            ExprKind::Subscript { value: container, index } => {
                if is_dotted(container) {
                    let table = self.eval(&mut path.clone(), container);
                    self.note_cut(&table);
                }
                if container.as_name().is_none_or(|name| !path.vars.contains_key(name)) {
                    let (of, key) = (self.eval(path, container), self.eval(path, index));
                    self.note_environment(path, target, &of, &key, value);
                }
                let key = match index.as_str() {
                    Some(key) => Some(key.clone()),
                    // `copy[key] = value`, of entries that are gone through one by one.
                    None => index.as_name().and_then(|name| match path.vars.get(name) {
                        Some(Abs::Text(key)) => Some(key.clone()),
                        _ => None,
                    }),
                };
                if let (Some(key), Some(name)) = (key, container.as_name()) {
                    let changed = match path.vars.get(name) {
                        Some(Abs::Dump(dump)) => Some(Abs::Dump(Arc::new(dump.with([&(key.clone(), value.clone())])))),
                        Some(table) => with_entries(table, &[(key.clone(), value.clone())]),
                        None => None,
                    };
                    if let Some(changed) = changed {
                        path.vars.insert(name.clone(), changed);
                    }
                } else if let Some(name) = container.as_name()
                    && matches!(path.vars.get(name), Some(Abs::Map(entries)) if entries.is_empty())
                {
                    // Whatever the keys are, they come from the same as what they lead to.
                    let key = self.eval(path, index);
                    let held = super::value::Mix::of([&key, value]);
                    if let (Abs::DumpKey(of), Abs::Dump(dump)) = (&key, value)
                        && of == dump
                    {
                        // A copy, entry by entry.
                        path.vars.insert(name.clone(), value.clone());
                    } else if held.principal || !held.rows.is_empty() || !held.clients.is_empty() {
                        path.vars.insert(name.clone(), held.into_abs());
                    }
                }
            }
            _ => {}
        }
    }
}

/// What iterating over a value gives.
pub(super) fn element(value: &Abs) -> Abs {
    match value {
        Abs::Items(items) => match items.as_slice() {
            [] => Abs::Other,
            [first, rest @ ..] if rest.iter().all(|other| other == first) => first.clone(),
            items => super::value::Mix::of(items).into_abs(),
        },
        Abs::Map(_) | Abs::Text(_) | Abs::Constant(_) | Abs::Nothing => Abs::Other,
        Abs::Known(_) | Abs::Statement(_) | Abs::Local(_) => Abs::Unknown,
        other => other.clone(),
    }
}

/// What to go through one by one: the entries of a small dictionary that is known, or a few texts.
pub(super) fn entries(value: &Abs) -> Option<&[Abs]> {
    let Abs::Items(items) = value else { return None };
    let known = |item: &Abs| match item {
        Abs::Text(_) => true,
        Abs::Items(pair) => matches!(pair.as_slice(), [Abs::Text(_), _]),
        _ => false,
    };
    let most = if matches!(items.first(), Some(Abs::Text(_))) { MAX_TEXTS } else { MAX_ENTRIES };
    (1..=most).contains(&items.len()).then_some(items.as_slice()).filter(|items| items.iter().all(known))
}
