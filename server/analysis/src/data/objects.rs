//! Objects that a handler makes: instances of classes, and rows to be added.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::{Given, Spread};
use super::engine::{Engine, Exit};
use super::privileges::gives_more;
use super::value::{Abs, Dump, Made, Mix, Object, Path, RowId};
use crate::facts::python::tree::Expr;
use crate::index::value::{ClassRef, Resolve};

/// Where an object keeps what it was made of under names that are not known.
pub(super) const REST: SmolStr = SmolStr::new_static("**");

impl Engine<'_, '_> {
    /// `Model.model_validate(body, update=…)` and its kin.
    pub(super) fn class_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        class: &Arc<ClassRef>,
        name: &str,
        given: &[Given],
    ) -> Option<Abs> {
        if !matches!(
            name,
            "model_validate"
                | "from_orm"
                | "parse_obj"
                | "construct"
                | "model_construct"
                | "validate"
                | "model_validate_json"
        ) || self.interpreter.method(class, name).is_some()
        {
            return None;
        }
        let first = given.first().map_or(Abs::Unknown, |one| one.value.clone());
        let Some(model) = self.model(class) else { return Some(first.parts(path).into_abs()) };
        let mut fields = BTreeMap::new();
        if let Some(Given { value: Abs::Map(entries), .. }) =
            given.iter().find(|one| one.name.as_deref() == Some("update"))
        {
            fields.extend(entries.iter().cloned());
        }
        let mut spread = self.as_dump(path, &first, expr);
        if let Abs::Map(entries) = &first {
            fields.extend(entries.iter().cloned());
        }
        // Values for the update that can't be told apart.
        if given.iter().any(|one| one.name.as_deref() == Some("update") && !matches!(one.value, Abs::Map(_))) {
            spread = None;
        }
        Some(self.new_row(path, expr, model, fields, spread))
    }

    fn new_row(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        model: Arc<super::models::Model>,
        mut fields: BTreeMap<SmolStr, Abs>,
        spread: Option<Dump>,
    ) -> Abs {
        let (site, name) = (self.site(expr), model.name.clone());
        let set = spread.iter().flat_map(|dump| dump.set.clone()).filter(|(column, _)| !fields.contains_key(column));
        let set: Vec<(SmolStr, Abs)> = set.collect();
        fields.extend(set);
        let spread = spread.map(Arc::new);
        let object = Object { fields, spread, ..Object::new(Made::Row(model), name, site) };
        Abs::Object(self.add_object(path, object))
    }

    /// Calls a class of the project.
    pub(super) fn construct(
        &mut self,
        mut path: Path,
        expr: &Expr,
        class: &Arc<ClassRef>,
        given: Vec<Given>,
    ) -> Vec<Exit> {
        if let Some(value) = self.converted(class, &given) {
            return vec![(path, value)];
        }
        let mut fields: BTreeMap<SmolStr, Abs> = BTreeMap::new();
        let mut spread = None;
        let mut rest = Mix::default();
        for one in &given {
            if let (None, Spread::Mapping, Some(row)) = (&one.name, one.spread, only_row(&one.value)) {
                let parts = self.interpreter.fields_of(class);
                fields.extend(parts.into_iter().map(|part| (part.clone(), Abs::Part(row, part))));
                rest.add(&one.value);
                continue;
            }
            match (&one.name, one.spread, &one.value) {
                (Some(name), _, value) => {
                    fields.insert(name.clone(), value.clone());
                }
                (None, Spread::Mapping, Abs::Dump(dump)) => spread = Some(Dump::clone(dump)),
                (None, Spread::Mapping, Abs::Map(entries)) => fields.extend(entries.iter().cloned()),
                (None, _, value) => rest.add(value),
            }
        }
        if let Some(model) = self.model(class) {
            let value = self.new_row(&mut path, expr, model, fields, spread);
            return vec![(path, value)];
        }
        let spread_out = std::mem::take(&mut rest).into_abs();
        rest.add(&spread_out);
        rest.add(&Mix::of(fields.values()).into_abs());
        let object = Object { principal: rest.principal, site: self.site(expr), ..Object::instance(class) };
        let Some(init) = self.interpreter.method(class, "__init__") else {
            // `Answer(**row)`: what it was made of is in it.
            if spread_out != Abs::Other {
                fields.insert(REST, spread_out);
            }
            let id = self.add_object(&mut path, Object { fields, ..object });
            return vec![(path, Abs::Object(id))];
        };
        let id = self.add_object(&mut path, object);
        let exits = self.follow(path, expr, &init, Some(Abs::Object(id)), given);
        exits.into_iter().map(|(path, _)| (path, Abs::Object(id))).collect()
    }

    /// `Role(body.role)`: the member of an enumeration is whatever was asked for.
    fn converted(&self, class: &Arc<ClassRef>, given: &[Given]) -> Option<Abs> {
        match given {
            [Given { name: None, spread: Spread::No, value }] if self.is_enum(class) => {
                Some(named_member(class, value))
            }
            _ => None,
        }
    }
}

/// The row of which a value holds all columns, and nothing else: `**user.model_dump()`, `**document`.
fn only_row(value: &Abs) -> Option<RowId> {
    let mix = match value {
        Abs::Row(row) => return Some(*row),
        Abs::Mix(mix) => mix,
        _ => return None,
    };
    let is_plain = !mix.principal && !mix.unclear && mix.clients.is_empty();
    mix.rows.iter().next().copied().filter(|_| is_plain && mix.rows.len() == 1)
}

/// The member of an enumeration that a value names: what the client names is
/// the client's choice, if there is anything to choose.
pub(super) fn named_member(class: &ClassRef, value: &Abs) -> Abs {
    match value {
        Abs::Client(_) if !gives_more(&class.def) => Abs::Constant(None),
        value => value.clone(),
    }
}
