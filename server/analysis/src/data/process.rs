//! Who is calling, written where all requests of the process find it.

use smol_str::SmolStr;

use super::engine::Engine;
use super::names;
use super::value::{Abs, Known, Path};
use crate::facts::python::tree::{Expr, Stmt, StmtKind};
use crate::index::value::{Site, Value};

/// The identity of a caller in a variable of the process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// The assignment.
    pub site: Site,
    /// What the code calls the variable.
    pub variable: SmolStr,
    /// The calls that lead there from the handler, outermost first.
    pub calls: Vec<Site>,
}

impl Engine<'_, '_> {
    /// A name is assigned to: it may be one of the module.
    pub(super) fn note_global(&mut self, path: &Path, target: &Expr, name: &SmolStr, value: &Abs) {
        if !self.is_identity(path, value) {
            return;
        }
        let global = self.stack.last().is_some_and(|function| declares_global(&function.def.body, name));
        if global {
            self.note_kept(target, name.clone());
        }
    }

    /// `os.environ["USER_ID"] = …`.
    pub(super) fn note_environment(&mut self, path: &Path, target: &Expr, container: &Abs, key: &Abs, value: &Abs) {
        let environment = matches!(container, Abs::Known(Known(Value::Package(package))) if package == "os.environ");
        if environment && self.is_identity(path, value) {
            let key = match key {
                Abs::Text(key) => format!("os.environ[\"{key}\"]"),
                _ => "os.environ".to_owned(),
            };
            self.note_kept(target, key.into());
        }
    }

    /// Whether a value says who is calling.
    fn is_identity(&self, path: &Path, value: &Abs) -> bool {
        let of_caller = |client: &u32| self.clients.get(*client as usize).is_some_and(|client| client.says_caller);
        match value {
            Abs::Principal(part) => part.is_empty() || names::is_identity(part),
            Abs::Client(client) => of_caller(client),
            Abs::Object(_) | Abs::Mix(_) => value.parts(path).principal,
            _ => false,
        }
    }

    fn note_kept(&mut self, target: &Expr, variable: SmolStr) {
        let site = self.site(target);
        // The first of the calls is FastAPI's own.
        let calls = self.calls.iter().skip(1 + self.wrappers).copied().collect();
        if !self.data.kept.iter().any(|known| known.site == site) {
            self.data.kept.push(Kept { site, variable, calls });
        }
    }
}

/// Whether a function says that a name is the module's.
fn declares_global(body: &[Stmt], name: &SmolStr) -> bool {
    let mut blocks = vec![body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            if matches!(&stmt.kind, StmtKind::Global(names) if names.contains(name)) {
                return true;
            }
            blocks.extend(stmt.blocks());
        }
    }
    false
}
