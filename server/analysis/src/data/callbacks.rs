//! Objects of the project in the hands of a package: it calls the methods that
//! the project's class overrides, with what it was given.

use smol_str::SmolStr;

use super::buffers;
use super::calls::{Given, MAX_DEPTH, Spread};
use super::engine::Engine;
use super::value::{Abs, Made, ObjectId, Path};
use crate::facts::python::tree::StmtKind;
use crate::index::value::Resolve;

/// Steps that must be left to go into an object's methods.
const MIN_BUDGET: u32 = 600;
/// Objects of one call that are gone into.
const MAX_OBJECTS: usize = 4;

impl Engine<'_, '_> {
    /// Something out of reach is given values: objects of the project among
    /// them that continue a class of a package will be called back.
    pub(super) fn hand_out(&mut self, path: &mut Path, receiver: Option<&Abs>, given: &[Given]) {
        buffers::written_to(path, receiver, given);
        self.offer_tools(path, given);
        // What is called back calls nothing back itself.
        if self.in_dependency || self.in_callback || self.budget < MIN_BUDGET || self.stack.len() + 1 >= MAX_DEPTH {
            return;
        }
        let mut objects: Vec<ObjectId> = Vec::new();
        let mut add = |value: &Abs| match value {
            Abs::Object(id) if !objects.contains(id) && objects.len() < MAX_OBJECTS => objects.push(*id),
            _ => {}
        };
        for value in receiver.into_iter().chain(given.iter().map(|one| &one.value)) {
            add(value);
            if let Abs::Object(id) = value
                && let Some(object) = path.objects.get(id)
            {
                object.fields.values().for_each(&mut add);
            }
        }
        self.in_callback = true;
        for id in objects {
            self.call_back(path, id, given);
        }
        self.in_callback = false;
    }

    fn call_back(&mut self, path: &mut Path, id: ObjectId, given: &[Given]) {
        let Some(Made::Instance(class)) = path.objects.get(&id).map(|object| object.made.clone()) else { return };
        let bases = self.interpreter.package_bases(&class);
        let plain = ["builtins", "pydantic", "abc", "typing", "enum", "dataclasses"];
        if bases.iter().all(|base| plain.iter().any(|name| base.starts_with(name))) {
            return;
        }
        let names: Vec<SmolStr> = class
            .def
            .body
            .iter()
            .filter_map(|stmt| match &stmt.kind {
                StmtKind::Function(def) if !def.name.name.starts_with("__") => Some(def.name.name.clone()),
                _ => None,
            })
            .collect();
        for name in names {
            let Some(method) = self.interpreter.method(&class, &name) else { continue };
            // What has the same name is the same thing.
            let bound = method.def.params.iter().filter_map(|param| {
                let one = given.iter().find(|one| one.name.as_ref() == Some(&param.name.name))?;
                Some(Given { name: one.name.clone(), spread: Spread::No, value: one.value.clone() })
            });
            let bound: Vec<Given> = bound.collect();
            let exits = self.follow_from(path.clone(), self.at, &method, Some(Abs::Object(id)), bound);
            if exits.is_empty() {
                continue;
            }
            let outer = path.vars.clone();
            let value = self.settle(path, exits);
            path.vars = outer;
            let rows = value.parts(path).rows;
            path.handed_out.extend(rows);
        }
    }
}
