//! Methods of interfaces: classes of the project stand behind them, and which one is decided when the program starts.

use std::sync::Arc;

use super::calls::Given;
use super::engine::{Engine, Exit};
use super::value::{Abs, Made, Object, Path};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site};

/// Classes that are executed in the place of one interface; behind more are stores of all kinds.
const MAX_IMPLEMENTATIONS: usize = 3;

impl Engine<'_, '_> {
    /// Executes a method that is only declared in each class that has it; `None` where there is none, or there are many.
    pub(super) fn implemented(
        &mut self,
        path: &Path,
        site: Site,
        declared: &FunctionRef,
        receiver: Option<&Abs>,
        given: &[Given],
    ) -> Option<Vec<Exit>> {
        let class = receiver.and_then(|receiver| class_of(path, receiver)).or_else(|| declared.class.clone())?;
        let all = self.interpreter.implementations(&class, &declared.def.name.name);
        if all.is_empty() || all.len() > MAX_IMPLEMENTATIONS {
            return None;
        }
        let mut exits = Vec::new();
        for (class, method) in all.iter() {
            let mut path = path.clone();
            let object = self.add_object(&mut path, Object { site, ..Object::instance(class) });
            exits.extend(self.follow_from(path, site, method, Some(Abs::Object(object)), given.to_vec()));
        }
        Some(exits)
    }
}

/// The class of an object of the project.
fn class_of(path: &Path, receiver: &Abs) -> Option<Arc<ClassRef>> {
    let Abs::Object(id) = receiver else { return None };
    match &path.objects.get(id)?.made {
        Made::Instance(class) => Some(Arc::clone(class)),
        _ => None,
    }
}
