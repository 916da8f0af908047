//! What modules give each other.

use std::rc::Rc;

use smol_str::SmolStr;

use super::{MAX_EXPORTS, Session};
use crate::facts::typescript::file::Export;
use crate::frontend::libraries::prisma;
use crate::frontend::modules::Resolved;
use crate::frontend::value::{Origin, ScopeId, Symbol, Value};
use crate::vfs::FileId;

impl Session<'_> {
    /// What a file exports under a name.
    pub(in crate::frontend) fn export(&mut self, file: FileId, name: &str) -> Value {
        if self.exports >= MAX_EXPORTS {
            return Value::Unknown;
        }
        self.exports += 1;
        let value = self.export_here(file, name);
        self.exports -= 1;
        value.unwrap_or(Value::Unknown)
    }

    fn export_here(&mut self, file: FileId, name: &str) -> Option<Value> {
        let scope = self.module(file)?;
        let facts = self.script(file)?;
        match facts.exports.get(name) {
            Some(Export::Local(local)) => Some(self.module_variable(file, scope, local)),
            Some(Export::Default(_)) => self.store.variable(scope, "default"),
            Some(Export::From(module, there)) => Some(self.imported(file, module, there)),
            None => {
                let from: Vec<SmolStr> = facts.exports_all.clone();
                from.iter().find_map(|module| match self.resolve(file, module) {
                    Resolved::File(other) if other != file => {
                        self.exports += 1;
                        let value = if self.exports < MAX_EXPORTS { self.export_here(other, name) } else { None };
                        self.exports -= 1;
                        value
                    }
                    _ => None,
                })
            }
        }
    }

    pub(in crate::frontend) fn resolve(&mut self, importer: FileId, module: &str) -> Resolved {
        let key = (importer, SmolStr::new(module));
        if let Some(resolved) = self.resolved.get(&key) {
            return resolved.clone();
        }
        let path = self.sources.file(importer).map(|file| file.path.as_str()).unwrap_or_default();
        let resolved = self.configurations.resolve(self.sources, path, module);
        self.resolved.insert(key, resolved.clone());
        resolved
    }

    /// What an import of a file gives.
    fn imported(&mut self, file: FileId, module: &str, name: &str) -> Value {
        match self.resolve(file, module) {
            Resolved::Package(path) if is_of_project(&path) => {
                self.rests_on.is_unresolved = true;
                if let Some(client) = prisma::generated(name) {
                    return client;
                }
                // What a module gives by default is called like the module.
                let stem = if name == "default" { path.rsplit('/').next().unwrap_or(name) } else { name };
                let path = Rc::from([SmolStr::new(stem)]);
                Value::Symbol(Rc::new(Symbol { origin: Origin::Unresolved, path, may_be_missing: false }))
            }
            Resolved::File(other) if name == "*" => Value::Module(other),
            Resolved::File(other) if self.is_generated(other) && prisma::generated(name).is_some() => {
                prisma::generated(name).unwrap_or(Value::Unknown)
            }
            Resolved::File(other) => self.export(other, name),
            Resolved::Package(package) if name == "*" => Value::package(&package, ""),
            Resolved::Package(package) => Value::package(&package, name),
        }
    }

    /// Whether a module stands where generators write.
    fn is_generated(&self, file: FileId) -> bool {
        self.sources.file(file).is_some_and(|source| source.path.contains("/generated/"))
    }

    /// A variable of a module: declared, or imported.
    pub(super) fn module_variable(&mut self, file: FileId, scope: ScopeId, name: &SmolStr) -> Value {
        if let Some(value) = self.store.variable(scope, name) {
            return value;
        }
        let import = self.script(file).and_then(|facts| facts.imports.get(name).cloned());
        match import {
            Some((module, there)) => self.imported(file, &module, &there),
            None => Value::platform(name),
        }
    }

    /// `module.exports = value`.
    pub(in crate::frontend) fn set_exports(&mut self, value: Value) {
        let scope = self.frames.first().map(|frame| frame.scope);
        if let Some(scope) = scope {
            self.store.declare(scope, &SmolStr::new_static("default"), value);
        }
    }
}

/// Whether the name of a module is a path in the project: relative, or below an alias that projects give themselves.
pub(in crate::frontend) fn is_of_project(module: &str) -> bool {
    module.starts_with(['.', '~']) || module.starts_with("@/")
}
