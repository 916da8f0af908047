//! What applications keep on their `state` for those who ask a request for it: `app.state.pool = create_pool()`, when they
//! start mostly. Which application that is is not asked: of one name, a project keeps one kind of thing.

use std::sync::Arc;

use super::Interpreter;
use super::scope::Scope;
use crate::facts::python::idioms::{assigned, without_none};
use crate::facts::python::tree::{Expr, ExprKind, Function, Stmt, StmtKind};
use crate::index::looked_at::{HIERARCHY, name_of_state};
use crate::index::value::{FunctionRef, Resolve, Site, Unknown, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

/// Items that are looked through for what is kept under one name.
const MAX_ITEMS: usize = 8;

/// Variables and calls that are looked through for what a value is.
const MAX_DEPTH: u32 = 3;

impl Interpreter<'_> {
    /// What applications of the project keep under a name, or its class.
    pub(super) fn find_kept_on_state(&self, name: &str) -> Value {
        self.count_name(HIERARCHY, &name_of_state(name));
        let items = self.sources.kept(name);
        if items.len() > MAX_ITEMS {
            return Value::Unknown(Unknown::Bound);
        }
        let mut found = Vec::new();
        for (file, item) in items {
            self.count_body(Site { file, item, range: TextRange::default() });
            self.keep_of_item(file, item, name, &mut found);
        }
        // `app.state.pool = None`, until it starts or when it ends.
        found.retain(|value| !matches!(value, Value::None));
        match found.as_slice() {
            [first, others @ ..] if others.iter().all(|other| is_alike(first, other)) => first.clone(),
            _ => Value::Unknown(Unknown::Ambiguous),
        }
    }

    /// What an item keeps under a name.
    fn keep_of_item(&self, file: FileId, item: u32, name: &str, found: &mut Vec<Value>) {
        let Some(stmt) = self.facts(file).and_then(|facts| facts.stmt(item)) else { return };
        let scope = Scope::module(file, item);
        match &stmt.kind {
            StmtKind::Function(def) => self.keep_of_function(&self.function(def, &scope), name, found),
            StmtKind::Class(def) => {
                let class = self.class(def, &scope, 0);
                let methods = def.body.iter().filter_map(|stmt| match &stmt.kind {
                    StmtKind::Function(method) => Some(&method.name.name),
                    _ => None,
                });
                for method in methods.filter_map(|method| self.method(&class, method)) {
                    self.keep_of_function(&method, name, found);
                }
            }
            _ => each_kept(std::slice::from_ref(stmt), name, &mut |value| {
                found.push(self.force(self.eval_in_module(file, item, value)));
            }),
        }
    }

    /// What a function keeps under a name, or one that is defined in it.
    fn keep_of_function(&self, function: &FunctionRef, name: &str, found: &mut Vec<Value>) {
        let function = &self.current(function);
        each_kept(&function.def.body, name, &mut |value| found.push(self.made(function, value, 0)));
        for inner in inner_functions(&function.def.body) {
            let scope = Scope::module(function.site.file, function.site.item);
            self.keep_of_function(&self.function(inner, &scope), name, found);
        }
    }

    /// What an expression of a function makes, or the class of that.
    fn made(&self, function: &FunctionRef, expr: &Expr, depth: u32) -> Value {
        if depth > MAX_DEPTH {
            return Value::Unknown(Unknown::Bound);
        }
        match &expr.kind {
            ExprKind::Await(inner) => self.made(function, inner, depth),
            ExprKind::Name(name) => {
                let param = function.def.params.iter().find(|param| param.name.name == *name);
                match (assigned(&function.def.body, name).as_slice(), param) {
                    ([value], None) => self.made(function, value, depth + 1),
                    ([], Some(param)) => match &param.annotation {
                        Some(annotation) => self.eval_type(function, without_none(annotation)),
                        None => Value::Unknown(Unknown::Local),
                    },
                    ([], None) => self.eval(function, expr),
                    _ => Value::Unknown(Unknown::Ambiguous),
                }
            }
            ExprKind::Call { func, .. } => match (self.eval(function, expr), self.eval(function, func)) {
                (Value::Unknown(_), Value::Function(maker)) => {
                    let maker = self.current(&maker);
                    match &maker.def.returns {
                        Some(returns) => self.eval_type(&maker, without_none(returns)),
                        None => Value::Unknown(Unknown::Unsupported),
                    }
                }
                (value, _) => value,
            },
            _ => self.eval(function, expr),
        }
    }
}

/// Whether two values are of one class.
fn is_alike(one: &Value, other: &Value) -> bool {
    let class = |value: &Value| match value {
        Value::Instance(instance) => instance.class.clone(),
        value => value.clone(),
    };
    match (class(one), class(other)) {
        (Value::Class(one), Value::Class(other)) => one.site == other.site,
        (Value::Package(one), Value::Package(other)) => one == other,
        _ => false,
    }
}

/// Calls `look` with what a block keeps under a name on something's `state`.
fn each_kept<'b>(block: &'b [Stmt], name: &str, look: &mut dyn FnMut(&'b Expr)) {
    for stmt in block {
        if let StmtKind::Assign(assign) = &stmt.kind
            && let Some(value) = &assign.value
            && assign.targets.iter().any(|target| is_kept(target, name))
        {
            look(value);
        }
        stmt.blocks().into_iter().for_each(|inner| each_kept(inner, name, look));
    }
}

/// `….state.name`
fn is_kept(target: &Expr, name: &str) -> bool {
    let ExprKind::Attribute { value, name: kept } = &target.kind else { return false };
    kept.name == name && matches!(&value.kind, ExprKind::Attribute { name, .. } if name.name == "state")
}

/// The functions that are defined in a block.
fn inner_functions(block: &[Stmt]) -> Vec<&Arc<Function>> {
    let (mut found, mut pending) = (Vec::new(), vec![block]);
    while let Some(block) = pending.pop() {
        for stmt in block {
            pending.extend(stmt.blocks());
            if let StmtKind::Function(def) = &stmt.kind {
                found.push(def);
            }
        }
    }
    found
}
