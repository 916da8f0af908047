//! Expressions made of several: comprehensions, `and` and `or`, dictionaries.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::{Given, Spread};
use super::closures::Closure;
use super::engine::Engine;
use super::execution::element;
use super::joining::{join, joined};
use super::names;
use super::value::{Abs, Dump, Mix, Path, Predicate};
use super::{Fault, Use};
use crate::facts::python::tree::{Arg, Comprehension, ComprehensionClause, Expr, ExprKind};

/// The paths behind a condition as one. Those on which nothing can be wrong say nothing where
/// another goes on: `[task for task in tasks if me.is_admin or task.user_id == me.id]`.
pub(super) fn one_of(paths: Vec<Path>) -> Option<Path> {
    let counts = |path: &Path| !path.privileged && !path.doubt;
    let some = paths.iter().any(counts);
    paths.into_iter().filter(|path| !some || counts(path)).reduce(join)
}

/// What was selected out of several: it was looked at, and rows stay rows.
pub(super) fn selected(path: &mut Path, inner: Path, value: Abs) -> Abs {
    let for_some = inner.privileged && !path.privileged;
    path.rows = inner.rows;
    path.objects = inner.objects;
    path.doubt |= inner.doubt;
    if for_some {
        let rows = value.parts(path).rows;
        path.doubted.0.extend(rows);
    }
    match value {
        Abs::Dump(_) | Abs::DumpKey(_) | Abs::Row(_) => value,
        // `[role.name for role in me.roles]`
        Abs::Principal(part) if names::is_privilege(&part) => Abs::Principal(part),
        value => value.parts(path).into_abs(),
    }
}

impl Engine<'_, '_> {
    /// `filter(lambda task: …, tasks)`.
    pub(super) fn filtered(&mut self, path: &mut Path, expr: &Expr, closure: &Arc<Closure>, items: &Abs) -> Abs {
        let value = element(items);
        let given = vec![Given { name: None, spread: Spread::No, value: value.clone() }];
        let exits = self.call_closure(path.clone(), self.site(expr), closure, given);
        let kept = exits.into_iter().filter_map(|(path, answer)| self.truth(path, &answer).0).collect();
        match one_of(kept) {
            Some(inner) => selected(path, inner, value),
            None => Abs::Items(Arc::default()),
        }
    }

    /// What a comprehension collects. A function of the caller that answers with yes or no asks what the caller has:
    /// `all(has_group(me, group) for group in groups)`.
    pub(super) fn asked_for_each(&mut self, path: &mut Path, element: &Expr) -> Abs {
        let value = self.eval(path, element);
        let asked = element.as_call().map(|(_, args)| args).unwrap_or_default();
        if !matches!(value, Abs::Other | Abs::Constant(_)) {
            return value;
        }
        let is_plain = |arg: &&Arg| matches!(arg.value.kind, ExprKind::Name(_) | ExprKind::Attribute { .. });
        let given: Vec<Abs> = asked.iter().filter(is_plain).map(|arg| self.eval(path, &arg.value)).collect();
        let given = Mix::of(&given);
        if given.is_of_caller() { Mix { principal: true, ..Mix::default() }.into_abs() } else { value }
    }

    /// A comprehension over the entries of a dictionary that is known.
    pub(super) fn each_entry(
        &mut self,
        path: &mut Path,
        around: &Path,
        comprehension: &Comprehension,
        clause: &ComprehensionClause,
        entries: &[Abs],
    ) -> Abs {
        let mut values = Vec::with_capacity(entries.len());
        let mut next = around.clone();
        for entry in entries {
            let mut inner = next.clone();
            self.assign(&mut inner, &clause.target, entry);
            let outer = self.enter_entry(entry);
            for condition in &clause.conditions {
                let (yes, _) = self.branch(inner.clone(), condition);
                match one_of(yes) {
                    Some(one) => inner = one,
                    None => inner.dead = true,
                }
            }
            if !inner.dead {
                values.push(self.asked_for_each(&mut inner, &comprehension.element));
                next = Path { vars: next.vars, ..inner };
            }
            self.gone_through.truncate(outer);
        }
        *path = Path { vars: path.vars.clone(), ..next };
        Abs::Items(Arc::new(values))
    }

    /// `a and b`, `a or b` as a value. Of two conditions for a query, Python keeps one.
    pub(super) fn bool_op(&mut self, path: &mut Path, and: bool, values: &[Expr]) -> Abs {
        let evaluated: Vec<Abs> = values.iter().map(|value| self.eval(path, value)).collect();
        evaluated.iter().for_each(|value| path.look_at(value));
        let conditions = evaluated.iter().filter(|value| matches!(value, Abs::Predicates(_))).count();
        if conditions >= 2 && conditions == evaluated.len() {
            let kept = if and { 0 } else { evaluated.len() - 1 };
            let mut said = false;
            for (at, (expr, value)) in values.iter().zip(&evaluated).enumerate() {
                if at == kept {
                    continue;
                }
                let Abs::Predicates(predicates) = value else { continue };
                let lost = predicates.iter().find(|predicate| {
                    let owner = predicate.column.as_ref().is_some_and(|(model, column)| model.is_owner(column));
                    let parts = predicate.value.parts(path);
                    owner && (parts.principal || !parts.clients.is_empty())
                });
                if let Some((model, _)) = lost.and_then(|predicate| predicate.column.clone()) {
                    said = true;
                    let word = if and { "Python's `and`" } else { "Python's `or`" };
                    let site = self.site(expr);
                    self.fault(path, Fault::Ineffective, Use::Reads, site, &model, None, word);
                }
            }
            return match &evaluated[kept] {
                // What it does to the query is said once.
                Abs::Predicates(predicates) if said => {
                    let unclear = Predicate { column: None, equal: true, value: Abs::Unknown };
                    Abs::Predicates(Arc::new(predicates.iter().cloned().chain([unclear]).collect()))
                }
                value => value.clone(),
            };
        }
        // `row and row.data and row.data.get("is_admin")`: what the row says, where there is one.
        if let (true, [rows @ .., Abs::Part(id, _)]) = (and, evaluated.as_slice())
            && rows.iter().all(|value| matches!(value, Abs::Row(row) if row == id))
            && let Some(part) = evaluated.last()
        {
            return part.clone();
        }
        // `x or default`
        let mut evaluated = evaluated.into_iter();
        let first = evaluated.next().unwrap_or(Abs::Other);
        if !and && (matches!(first, Abs::Principal(_)) || self.is_segment(&first)) {
            return first;
        }
        evaluated.fold(first, |a, b| match (&a, &b) {
            // `today or date.today()`, of a parameter that is not given.
            (Abs::Nothing, _) if !and => b,
            (Abs::Client(client), _) if !and && path.sent.contains_key(client) => {
                if path.sent.get(client) == Some(&true) { a } else { b }
            }
            (Abs::Client(_) | Abs::Row(_), Abs::Text(_) | Abs::Constant(_) | Abs::Nothing | Abs::Other) => a,
            // `rows or []`
            (Abs::Client(_) | Abs::Row(_), Abs::Items(items)) if items.is_empty() => a,
            (Abs::Client(_) | Abs::Row(_), Abs::Map(entries)) if entries.is_empty() => a,
            _ => joined(a, b),
        })
    }

    pub(super) fn dict(&mut self, path: &mut Path, entries: &[(Option<Expr>, Expr)]) -> Abs {
        let mut known: Vec<(SmolStr, Abs)> = Vec::new();
        let mut dump: Option<Dump> = None;
        let mut others = Vec::new();
        for (key, value) in entries {
            let value = self.eval(path, value);
            match key.as_ref().map(|key| self.eval(path, key)) {
                Some(Abs::Text(key)) => {
                    dump = dump.map(|dump| dump.without(&key));
                    known.retain(|(name, _)| *name != key);
                    known.push((key, value));
                }
                Some(_) => others.push(value),
                None => match value {
                    Abs::Dump(inner) => {
                        known.retain(|(name, _)| !inner.fields.contains(name));
                        dump = Some(Dump::clone(&inner));
                    }
                    Abs::Map(inner) => {
                        for (key, value) in inner.iter() {
                            dump = dump.map(|dump| dump.without(key));
                            known.retain(|(name, _)| name != key);
                            known.push((key.clone(), value.clone()));
                        }
                    }
                    value => others.push(value),
                },
            }
        }
        if let Some(dump) = dump {
            // What could not be told apart may be any of them.
            return Abs::Dump(Arc::new(if others.is_empty() { dump.with(&known) } else { dump }));
        }
        if !others.is_empty() {
            others.extend(known.into_iter().map(|(_, value)| value));
            return Mix::of(&others).into_abs();
        }
        if let Some(answer) = told_to_model(&known) {
            let rows = answer.parts(path).rows;
            path.handed_out.extend(rows);
        }
        Abs::Map(Arc::new(known))
    }
}

/// What a message tells a language model that has called a function: the model answers the caller with it. The APIs of
/// OpenAI (Chat Completions, Responses) and Anthropic (Messages) have these forms.
fn told_to_model(message: &[(SmolStr, Abs)]) -> Option<&Abs> {
    let held = |key: &str| message.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let says = |key: &str, text: &str| matches!(held(key), Some(Abs::Text(said)) if said == text);
    if says("role", "tool") || says("role", "function") || says("type", "tool_result") {
        return held("content");
    }
    held("output").filter(|_| says("type", "function_call_output"))
}
