//! Files that judging will ask for, told before it begins.
//!
//! A verdict that meets a module which was not read yet is made again when it was. So the names are looked up first that
//! the code behind routes uses, function by function; nothing is executed for that. What is foreseen in vain was read in
//! vain, and what is not foreseen is asked for by the verdict: neither changes an answer.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::ide::State;
use crate::index::interpreter::{Interpreter, Session};
use crate::index::routes::Route;
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Unknown, Value};
use crate::vfs::FileId;

/// Calls inside each other that are followed: as many as where rows are judged.
const MAX_DEPTH: u32 = 7;

/// What was seen of the code that routes reach. It goes on where it was left when more has been read.
#[derive(Debug, Default)]
pub(crate) struct Foresight {
    functions: FxHashSet<Site>,
    classes: FxHashSet<Site>,
    /// Names of modules that were looked up.
    names: FxHashSet<(FileId, SmolStr)>,
    /// Names of methods that something calls.
    called: FxHashSet<SmolStr>,
    /// Methods of classes that are used, which nothing is seen to call yet.
    methods: FxHashMap<SmolStr, Vec<(FunctionRef, u32)>>,
    /// Functions that were reached and not gone through.
    pending: Vec<(FunctionRef, u32)>,
    /// Names that led to a file which was not read, or to a class with such a base.
    waiting: Vec<(FileId, SmolStr, u32)>,
    /// Functions that import such a name for themselves.
    importing: Vec<(FunctionRef, u32)>,
}

impl Foresight {
    /// Looks at what the routes of the table reach; the session says which files that needs.
    pub(crate) fn look(&mut self, state: &State) -> Session {
        let interpreter = Interpreter::new(&state.sources, &state.runs);
        let mut look = Look { interpreter: &interpreter, seen: self };
        look.take_up();
        let applications = state.table.applications.iter().filter(|application| !application.test);
        let served = applications.flat_map(|application| application.routes.iter());
        let orphans = state.table.orphans.iter().flat_map(|routes| routes.iter());
        served.chain(orphans).for_each(|route| look.route(route));
        while let Some((function, depth)) = look.seen.pending.pop() {
            look.body(&interpreter.current(&function), depth);
        }
        interpreter.finish()
    }
}

/// Looks names up.
struct Look<'l, 'a> {
    interpreter: &'l Interpreter<'a>,
    seen: &'l mut Foresight,
}

/// Where expressions stand.
#[derive(Clone, Copy)]
struct Place<'p> {
    file: FileId,
    depth: u32,
    /// The function, and the names that it imports for itself.
    within: Option<(&'p FunctionRef, &'p FxHashSet<SmolStr>)>,
}

impl Look<'_, '_> {
    /// Goes on with what waited for files.
    fn take_up(&mut self) {
        for (file, name, depth) in std::mem::take(&mut self.seen.waiting) {
            self.look_up(file, name, depth);
        }
        self.seen.pending.append(&mut self.seen.importing);
    }

    fn route(&mut self, route: &Route) {
        self.value(&route.handler, 0);
        route.dependencies.iter().chain(&route.perhaps).for_each(|node| {
            self.value(&node.callable, 0);
        });
    }

    /// Goes into what is called or made, perhaps, where a value is named. Tells whether all of that has been read.
    fn value(&mut self, value: &Value, depth: u32) -> bool {
        match value {
            Value::Function(function) => self.function(function, depth),
            Value::Bound(bound) => self.function(&bound.1, depth),
            Value::Class(class) => return self.class(class, depth),
            Value::Instance(instance) => return self.value(&instance.class, depth),
            Value::Annotated(annotated) => {
                let metadata = annotated.metadata.iter();
                return metadata.fold(self.value(&annotated.ty, depth), |read, one| self.value(one, depth) && read);
            }
            Value::Unknown(Unknown::Import(_)) => return false,
            _ => {}
        }
        true
    }

    fn function(&mut self, function: &FunctionRef, depth: u32) {
        if depth < MAX_DEPTH && self.seen.functions.insert(function.site) {
            self.seen.pending.push((function.clone(), depth));
        }
    }

    /// Goes into a class and those that it derives from. Tells whether all of these have been read.
    fn class(&mut self, class: &Arc<ClassRef>, depth: u32) -> bool {
        let mut read = true;
        for class in self.interpreter.linearised(class) {
            read &= !class.bases.iter().any(|base| matches!(base, Value::Unknown(Unknown::Import(_))));
            if !self.seen.classes.insert(class.site) {
                continue;
            }
            for stmt in &class.def.body {
                let StmtKind::Function(def) = &stmt.kind else {
                    self.exprs(Place { file: class.site.file, depth, within: None }, stmt.exprs());
                    continue;
                };
                let name = &def.name.name;
                let Some(method) = self.interpreter.method(&class, name) else { continue };
                if matches!(name.as_str(), "__init__" | "__call__") || self.seen.called.contains(name) {
                    self.function(&method, depth);
                } else {
                    let methods = self.seen.methods.entry(name.clone()).or_default();
                    methods.push((FunctionRef::clone(&method), depth));
                }
            }
        }
        read
    }

    fn body(&mut self, function: &FunctionRef, depth: u32) {
        let (def, file) = (&function.def, function.site.file);
        let params = def.params.iter().flat_map(|param| param.annotation.iter().chain(&param.default));
        self.exprs(Place { file, depth, within: None }, params.chain(&def.decorators).collect());
        let mut imported = FxHashSet::default();
        let mut read = true;
        let mut blocks: Vec<&[Stmt]> = vec![&def.body];
        while let Some(block) = blocks.pop() {
            for stmt in block {
                if let StmtKind::ImportFrom(import) = &stmt.kind {
                    imported.extend(import.names.iter().map(|name| name.bound().clone()));
                }
                read &= self.exprs(Place { file, depth, within: Some((function, &imported)) }, stmt.exprs());
                blocks.extend(stmt.blocks());
                if let StmtKind::Function(inner) = &stmt.kind {
                    blocks.push(&inner.body);
                }
            }
        }
        if !read {
            self.seen.importing.push((function.clone(), depth));
        }
    }

    /// Looks up what expressions name. Tells whether what their function imports for itself has been read.
    fn exprs(&mut self, place: Place<'_>, exprs: Vec<&Expr>) -> bool {
        let (mut pending, mut read) = (exprs, true);
        while let Some(expr) = pending.pop() {
            match (&expr.kind, place.within) {
                (ExprKind::Name(name), Some((function, imported))) if imported.contains(name) => {
                    let value = self.interpreter.eval(function, expr);
                    read &= self.value(&value, place.depth + 1);
                }
                (ExprKind::Name(name), _) => self.name(place.file, name, place.depth),
                (ExprKind::Attribute { value, name }, _) => {
                    self.calls(&name.name);
                    if let Some(module) = self.module(place.file, value) {
                        self.name(module, &name.name, place.depth);
                    }
                }
                _ => {}
            }
            pending.extend(expr.children());
        }
        read
    }

    /// The module that an expression is: `models`, `models.users`.
    fn module(&self, file: FileId, expr: &Expr) -> Option<FileId> {
        let value = match &expr.kind {
            ExprKind::Name(name) => self.interpreter.lookup(file, name),
            ExprKind::Attribute { value, name } => self.interpreter.lookup(self.module(file, value)?, &name.name),
            _ => return None,
        };
        match value {
            Value::Module(module) => Some(module),
            _ => None,
        }
    }

    fn name(&mut self, file: FileId, name: &SmolStr, depth: u32) {
        if self.seen.names.insert((file, name.clone())) {
            self.look_up(file, name.clone(), depth);
        }
    }

    fn look_up(&mut self, file: FileId, name: SmolStr, depth: u32) {
        let value = self.interpreter.lookup(file, &name);
        if !self.value(&value, depth + 1) {
            self.seen.waiting.push((file, name, depth));
        }
    }

    /// A method of that name is called, of whatever class.
    fn calls(&mut self, name: &SmolStr) {
        if self.seen.called.insert(name.clone()) {
            for (method, depth) in self.seen.methods.remove(name).unwrap_or_default() {
                self.function(&method, depth);
            }
        }
    }
}
