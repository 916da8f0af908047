//! Methods of the principal and of dumped request models, and how arguments become parameters.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::{Given, Spread};
use super::engine::{Engine, Exit};
use super::execution::element;
use super::joining::answers_apart;
use super::models::last_name;
use super::names;
use super::value::{Abs, Dump, Made, Mix, Path, Vars};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, ParamKind};
use crate::index::value::FunctionRef;

/// Paths on which the arguments of one call may differ.
const MAX_WAYS: usize = 4;

impl Engine<'_, '_> {
    /// A method of what is the principal's.
    pub(super) fn principal_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        receiver: &Abs,
        name: &str,
        given: &[Given],
    ) -> Option<Abs> {
        match (name, given.first().map(|one| &one.value)) {
            ("get", Some(Abs::Text(key))) => Some(Abs::Principal(key.clone())),
            // What is left of it is not all of it.
            ("dict" | "model_dump", _)
                if given.iter().any(|one| matches!(one.name.as_deref(), Some("exclude" | "include"))) =>
            {
                Some(Mix::of([receiver]).into_abs())
            }
            // `authorization.startswith("Bearer ")`
            ("startswith" | "endswith", _) if matches!(receiver, Abs::Principal(part) if names::is_credential(part)) => {
                Some(Abs::Other)
            }
            (
                "strip" | "lower" | "upper" | "encode" | "decode" | "hex" | "copy" | "dict" | "model_dump" | "items"
                | "values" | "to_dict" | "split" | "removeprefix" | "replace",
                _,
            ) => Some(receiver.clone()),
            ("sqlmodel_update" | "update_from_dict", Some(copied)) => {
                let copied = copied.clone();
                let (dump, site) = (self.as_dump(path, &copied, expr), self.site(expr));
                if let Some(dump) = dump {
                    let dump = match given.iter().find(|one| one.name.as_deref() == Some("update")) {
                        Some(Given { value: Abs::Map(entries), .. }) => {
                            entries.iter().fold(dump, |dump, (key, _)| dump.without(key))
                        }
                        _ => dump,
                    };
                    self.copy_fields(path, receiver, &Arc::new(dump), site);
                }
                Some(receiver.clone())
            }
            _ => self.session_method(path, expr, name, given),
        }
    }

    /// A method of a request model as a dictionary.
    pub(super) fn dump_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        target: &Expr,
        dump: &Arc<Dump>,
        name: &str,
        given: &[Given],
    ) -> Abs {
        let key = given.first().and_then(|one| match &one.value {
            Abs::Text(key) => Some(key.clone()),
            _ => None,
        });
        let mut next = Dump::clone(dump);
        let value = match (name, key) {
            ("get", Some(key)) => return self.dump_field(path, expr, dump, &key),
            ("pop", Some(key)) => {
                next = next.without(&key);
                self.dump_field(path, expr, dump, &key)
            }
            ("pop", None) => {
                next.fields.clear();
                Abs::Unknown
            }
            ("update", _) => {
                for one in given {
                    match (&one.name, &one.value) {
                        (Some(name), value) => next = next.with([&(name.clone(), value.clone())]),
                        (None, Abs::Map(entries)) => next = next.with(entries.iter()),
                        // Whatever it holds may be the owner.
                        _ => {
                            next.fields.clear();
                            next.set.clear();
                        }
                    }
                }
                Abs::Nothing
            }
            ("keys", _) => return Abs::DumpKey(Arc::clone(dump)),
            ("items" | "copy" | "isoformat", _) => return Abs::Dump(Arc::clone(dump)),
            _ => return Abs::Unknown,
        };
        if let Some(variable) = target.as_name() {
            path.vars.insert(variable.clone(), Abs::Dump(Arc::new(next)));
        }
        value
    }

    /// The arguments of a call, on each path that comes out of evaluating them.
    pub(super) fn arguments(&mut self, path: Path, args: &[Arg]) -> Vec<(Path, Vec<Given>)> {
        let mut ways = vec![(path, Vec::with_capacity(args.len()))];
        for arg in args {
            let may_fork = ways.len() < MAX_WAYS;
            let mut next = Vec::with_capacity(ways.len());
            for (path, given) in ways {
                for (path, value) in self.argument(path, &arg.value, may_fork) {
                    if arg.name.as_ref().is_some_and(|name| self.is_owner_name(&name.name)) {
                        // `user_id=me.id`
                        self.note_spelling(&Abs::Client(0), &arg.value, &value);
                    }
                    let mut given: Vec<Given> = given.clone();
                    let name = arg.name.as_ref().map(|name| name.name.clone());
                    given.push(Given { name, spread: arg.spread, value });
                    next.push((path, given));
                }
            }
            ways = next;
        }
        ways
    }

    /// An argument. What a function answers with yes or no keeps what was seen on the way to either:
    /// `deny_unless(allowed=may(me.role, "notes"))`.
    fn argument(&mut self, mut path: Path, expr: &Expr, may_fork: bool) -> Vec<Exit> {
        if !may_fork || expr.as_call().is_none() {
            let value = self.eval(&mut path, expr);
            return vec![(path, value)];
        }
        let exits = self.fork(path.clone(), expr);
        match answers_apart(&exits) {
            Some(apart) => apart,
            None => {
                let value = self.settle(&mut path, exits);
                vec![(path, value)]
            }
        }
    }

    /// The parameters of a function with the arguments of a call.
    pub(super) fn bind(&mut self, function: &FunctionRef, receiver: Option<Abs>, given: Vec<Given>) -> Vars {
        let mut vars = Vars::default();
        let is_static = function.def.decorators.iter().any(|decorator| last_name(decorator) == Some("staticmethod"));
        let mut positional: Vec<Abs> = receiver.into_iter().filter(|_| !is_static).collect();
        let mut named: Vec<(SmolStr, Abs)> = Vec::new();
        let mut open_ended = false;
        let mut rest = Mix::default();
        let mut spread = Abs::Unknown;
        for one in given {
            match (one.name, one.spread, one.value) {
                (Some(name), _, value) => named.push((name, value)),
                (None, Spread::No, value) => positional.push(value),
                (None, Spread::Iterable, Abs::Items(items)) => positional.extend(items.iter().cloned()),
                (None, Spread::Mapping, Abs::Map(entries)) => named.extend(entries.iter().cloned()),
                (None, Spread::Mapping, value) => {
                    open_ended = true;
                    spread = value.clone();
                    rest.unclear = true;
                    rest.add(&value);
                }
                _ => open_ended = true,
            }
        }
        let mut positional = positional.into_iter();
        for param in &function.def.params {
            let name = &param.name.name;
            let value = match param.kind {
                ParamKind::VarArgs => Abs::Items(Arc::new(positional.by_ref().collect())),
                // Which names there are is not known.
                ParamKind::KwArgs if rest.unclear => {
                    named.iter().for_each(|(_, value)| rest.add(value));
                    std::mem::take(&mut rest).into_abs()
                }
                ParamKind::KwArgs => Abs::Map(Arc::new(std::mem::take(&mut named))),
                _ => {
                    let by_name = named.iter().position(|(known, _)| known == name).map(|at| named.remove(at).1);
                    let by_place = if by_name.is_none() && param.kind != ParamKind::KeywordOnly {
                        positional.next()
                    } else {
                        None
                    };
                    match by_name.or(by_place) {
                        Some(value) => value,
                        None if open_ended => self.spread_over(&spread, name),
                        None => self.default(function, param),
                    }
                }
            };
            vars.insert(name.clone(), value);
        }
        vars
    }

    fn default(&self, function: &FunctionRef, param: &Param) -> Abs {
        match &param.default {
            Some(default) => self.as_abs(self.interpreter.eval_signature(function, default)),
            None => Abs::Unknown,
        }
    }
}

/// A method of a list or set that the code makes; one that fills it is seen by whoever holds it.
pub(super) fn list_method(path: &mut Path, target: &Expr, items: &Arc<Vec<Abs>>, name: &str, given: &[Given]) -> Abs {
    match name {
        "append" | "add" | "extend" | "insert" => {
            let mut items = Vec::clone(items);
            match given.last().map(|one| &one.value) {
                Some(Abs::Items(more)) if name == "extend" => items.extend(more.iter().cloned()),
                Some(value) => items.push(value.clone()),
                None => {}
            }
            keep(path, target, Abs::Items(Arc::new(items)));
            Abs::Nothing
        }
        "copy" => Abs::Items(Arc::clone(items)),
        _ => element(&Abs::Items(Arc::clone(items))),
    }
}

/// Keeps what became of a list in the variable, or in the field of an object, that it was looked up by.
fn keep(path: &mut Path, target: &Expr, list: Abs) {
    match &target.kind {
        ExprKind::Name(variable) => {
            path.vars.insert(variable.clone(), list);
        }
        ExprKind::Attribute { value: holder, name } => {
            let holder = holder.as_name().and_then(|variable| path.vars.get(variable));
            let Some(&Abs::Object(id)) = holder else { return };
            if let Some(object) = path.objects.get_mut(&id).filter(|object| matches!(object.made, Made::Instance(_))) {
                object.fields.insert(name.name.clone(), list);
                object.properties.clear();
            }
        }
        _ => {}
    }
}

/// What a method of the principal gives is of the principal, where it says nothing else. A table or list that seems empty
/// was filled out of sight, by functions that it was handed to.
pub(super) fn filled_by_principal(value: Abs, method: &SmolStr) -> Abs {
    match &value {
        Abs::Other => Abs::Principal(method.clone()),
        Abs::Map(entries) if entries.is_empty() => Abs::Principal(method.clone()),
        Abs::Items(items) if items.is_empty() => Abs::Principal(method.clone()),
        _ => value,
    }
}
