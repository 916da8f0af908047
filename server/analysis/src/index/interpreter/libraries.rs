//! Routers that libraries make, as their published versions make them.

use smol_str::SmolStr;

use super::super::value::{Arguments, ClassRef, Instance, Site, Value};
use super::expressions::UNSUPPORTED;
use super::{Execution, Scope};
use crate::facts::python::tree::Arg;
use std::sync::Arc;

impl Execution<'_, '_> {
    /// What calling something of a package gives.
    pub(super) fn library_call(&mut self, path: &SmolStr, arguments: Arguments, site: Site) -> Value {
        self.package_instance(path, arguments, site)
    }

    /// An attribute of an instance of a package's class.
    pub(super) fn library_attribute(&mut self, _instance: &Arc<Instance>, _name: &SmolStr) -> Value {
        UNSUPPORTED
    }

    /// A method of an instance of a package's class, when it is known.
    pub(super) fn library_method(
        &mut self,
        _instance: &Arc<Instance>,
        _class: &SmolStr,
        _name: &SmolStr,
        _args: &[Arg],
        _scope: &mut Scope,
        _site: Site,
    ) -> Option<Value> {
        None
    }

    /// What the constructors of package bases do to a new instance.
    pub(super) fn library_instance(&mut self, _class: &Arc<ClassRef>, _instance: &Value) {}
}
