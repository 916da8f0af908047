//! How a project asks for its dependencies: aliases, annotations or defaults.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::layout::line_limit;
use crate::facts::python::file::{Binding, PythonFile};
use crate::facts::python::tree::{Expr, ExprKind, Function, Param, Stmt, StmtKind};
use crate::ide::State;
use crate::index::interpreter::Interpreter;
use crate::index::modules::Module;
use crate::index::value::Value;
use crate::vfs::FileId;

/// Files whose lines are measured.
const MAX_SAMPLES: usize = 200;

/// A module-level name for `Annotated[…, Depends(…)]`.
#[derive(Debug)]
pub(super) struct Alias {
    pub(super) name: SmolStr,
    pub(super) file: FileId,
    /// What its `Depends` is given.
    pub(super) callable: Value,
    /// Written as `type X = …`.
    pub(super) statement: bool,
    /// How many files import it.
    pub(super) imports: usize,
}

/// What the whole project does.
#[derive(Debug, Default)]
pub(super) struct ProjectStyle {
    /// Aliases, the most imported ones first.
    pub(super) aliases: Vec<Alias>,
    /// Longest line that the project's formatter leaves.
    pub(super) line_limit: usize,
    names: FxHashSet<SmolStr>,
    total: Count,
}

/// Parameters that ask for a dependency.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    annotated: usize,
    defaults: usize,
}

impl Count {
    fn majority(self) -> Option<bool> {
        (self.annotated != self.defaults).then_some(self.annotated > self.defaults)
    }
}

impl ProjectStyle {
    pub(super) fn of(state: &State, interpreter: &Interpreter<'_>) -> Self {
        let mut style = Self::default();
        for (file, source) in state.sources.iter() {
            let Some(facts) = source.facts.as_ref().filter(|_| source.relevant && !source.test) else { continue };
            for item in &facts.items {
                let (name, value) = match &item.placed.item.stmt.kind {
                    StmtKind::Assign(assign) => (assign.targets.first().and_then(Expr::as_name), assign.value.as_ref()),
                    StmtKind::TypeAlias { name, value } => (Some(&name.name), Some(value)),
                    _ => continue,
                };
                let (Some(name), Some(value)) = (name, value) else { continue };
                let statement = matches!(item.placed.item.stmt.kind, StmtKind::TypeAlias { .. });
                // FastAPI resolves `type X = Annotated[…]`, but not a `type` of a `type`.
                let spells = is_annotated(value)
                    || !statement && matches!(value.kind, ExprKind::Name(_) | ExprKind::Attribute { .. });
                if let Some(callable) = spells.then(|| asked_for(interpreter, file, name)).flatten() {
                    style.names.insert(name.clone());
                    let statement = matches!(interpreter.lookup(file, name), Value::Alias(_));
                    style.aliases.push(Alias { name: name.clone(), file, callable, statement, imports: 0 });
                }
            }
        }
        style.count(state);
        let relevant =
            state.sources.iter().filter(|(_, source)| source.relevant && source.facts.is_some() && !source.test);
        let texts = relevant.filter_map(|(file, _)| state.parsed(file)).take(MAX_SAMPLES);
        style.line_limit = line_limit(texts.map(|parsed| parsed.text()));
        let path = |alias: &Alias| state.sources.file(alias.file).map(|file| file.path.clone());
        style.aliases.sort_by(|a, b| {
            let order = b.imports.cmp(&a.imports).then(a.statement.cmp(&b.statement));
            order.then_with(|| path(a).cmp(&path(b))).then_with(|| a.name.cmp(&b.name))
        });
        style
    }

    /// Counts imports of aliases, and what parameters are written like.
    fn count(&mut self, state: &State) {
        let mut by_name: FxHashMap<SmolStr, Vec<usize>> = FxHashMap::default();
        for (at, alias) in self.aliases.iter().enumerate() {
            by_name.entry(alias.name.clone()).or_default().push(at);
        }
        for (file, source) in state.sources.iter() {
            let Some(facts) = source.facts.as_ref().filter(|_| source.relevant && !source.test) else { continue };
            let own = self.of_functions(facts);
            self.total.annotated += own.annotated;
            self.total.defaults += own.defaults;
            for (name, aliases) in &by_name {
                let Some(Binding::ImportFrom(item, _)) = facts.bindings.get(name) else { continue };
                let Some(import) = facts.import_from(*item) else { continue };
                let module = state.sources.resolve(file, import.level, &import.module);
                for at in aliases {
                    // A package may hand it on: then the name has to do.
                    let same = module == Module::File(self.aliases[*at].file);
                    self.aliases[*at].imports += usize::from(same || aliases.len() == 1);
                }
            }
        }
    }

    fn of_functions(&self, facts: &PythonFile) -> Count {
        let mut count = Count::default();
        let mut pending: Vec<&Stmt> = facts.items.iter().map(|item| &*item.placed.item.stmt).collect();
        while let Some(stmt) = pending.pop() {
            match &stmt.kind {
                StmtKind::Function(def) => {
                    self.of_function(def, &mut count);
                    pending.extend(&def.body);
                }
                StmtKind::Class(class) => pending.extend(&class.body),
                _ => {}
            }
        }
        count
    }

    fn of_function(&self, def: &Function, count: &mut Count) {
        for param in &def.params {
            count.defaults += usize::from(param.default.as_ref().is_some_and(is_depends));
            let annotated = param.annotation.as_ref().is_some_and(|ty| self.is_annotation(ty));
            count.annotated += usize::from(annotated);
        }
    }

    fn is_annotation(&self, ty: &Expr) -> bool {
        match &ty.kind {
            ExprKind::Name(name) => self.names.contains(name),
            ExprKind::Attribute { name, .. } => self.names.contains(&name.name),
            ExprKind::Subscript { index, .. } if is_annotated(ty) => match &index.kind {
                ExprKind::Tuple(parts) => parts.iter().any(is_depends),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether dependencies are asked for in annotations: by the majority of
    /// the file, then of the project, then as FastAPI recommends.
    pub(super) fn annotates(&self, facts: &PythonFile) -> bool {
        self.of_functions(facts).majority().or_else(|| self.total.majority()).unwrap_or(true)
    }
}

/// What an alias asks for.
fn asked_for(interpreter: &Interpreter<'_>, file: FileId, name: &str) -> Option<Value> {
    asked_by(interpreter, &interpreter.lookup(file, name))
}

/// What the last `Depends` of an alias's value is given.
pub(super) fn asked_by(interpreter: &Interpreter<'_>, value: &Value) -> Option<Value> {
    let annotated = match value {
        Value::Annotated(annotated) => annotated,
        Value::Alias(inner) => match &**inner {
            Value::Annotated(annotated) => annotated,
            _ => return None,
        },
        _ => return None,
    };
    let depends = annotated.metadata.iter().rev().find_map(|value| match value {
        Value::Depends(depends) => Some(depends),
        _ => None,
    })?;
    Some(interpreter.force(depends.dependency.clone().unwrap_or_else(|| annotated.ty.clone())))
}

fn is_annotated(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Subscript { value, .. } if last_name(value) == Some("Annotated"))
}

fn is_depends(expr: &Expr) -> bool {
    expr.as_call().is_some_and(|(func, _)| matches!(last_name(func), Some("Depends" | "Security")))
}

fn last_name(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name),
        ExprKind::Attribute { name, .. } => Some(&name.name),
        _ => None,
    }
}

/// Whether two values are the same callable of the project.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Function(a), Value::Function(b)) => a.site == b.site,
        (Value::Class(a), Value::Class(b)) => a.site == b.site,
        (Value::Instance(a), Value::Instance(b)) => a.site == b.site,
        _ => false,
    }
}

/// The type that a parameter gives to its dependency's value.
pub(super) fn given_type(param: &Param) -> Option<&Expr> {
    let ty = param.annotation.as_ref()?;
    match &ty.kind {
        ExprKind::Subscript { index, .. } if is_annotated(ty) => match &index.kind {
            ExprKind::Tuple(parts) => parts.first(),
            _ => None,
        },
        _ => param.default.as_ref().map(|_| ty),
    }
}
