//! How the guard analysis looks at code: the interpreter's answers.

use std::sync::Arc;

use smol_str::SmolStr;

use super::scope::Scope;
use super::{Execution, Interpreter};
use crate::facts::python::idioms::{assigned_to_self, is_stub};
use crate::facts::python::tree::{Expr, ExprKind, Function, Stmt, StmtKind};
use crate::index::bodies::LookedInto;
use crate::index::looked_at::{HIERARCHY, LookedAt, RestsOn};
use crate::index::value::{Arguments, ClassRef, FunctionRef, Implementations, Resolve, Site, Unknown, Value};
use crate::text::TextRange;
use crate::vfs::Location;

/// Classes that may stand behind an interface. Of more, who gets which is decided elsewhere.
const MAX_IMPLEMENTATIONS: usize = 6;
/// Classes that are looked at for them.
const MAX_HEIRS: usize = 24;

/// Whether a decorator gives a class an initialiser that fills its annotated fields (attrs 25).
fn makes_records(path: &str) -> bool {
    matches!(path, "dataclasses.dataclass" | "attrs.define" | "attrs.frozen" | "attr.define" | "attr.s" | "attr.frozen")
}

impl Resolve for Interpreter<'_> {
    fn eval(&self, function: &FunctionRef, expr: &Expr) -> Value {
        // What a factory makes has its own variables around it, and names may change while modules are executed.
        if !function.closure.is_empty() || !self.running.borrow().is_empty() {
            return self.eval_knowing(function, expr, &[]);
        }
        // The map keeps the definition alive, so its address stays its own.
        let key = (Arc::as_ptr(&function.def), expr.range);
        if let Some((_, value, rests_on)) = self.evaluated.borrow().get(&key) {
            self.count(rests_on);
            return value.clone();
        }
        let outer = self.begin();
        let value = self.eval_knowing(function, expr, &[]);
        let rests_on = self.end(outer);
        self.evaluated.borrow_mut().insert(key, (Arc::clone(&function.def), value.clone(), rests_on));
        value
    }

    fn eval_signature(&self, function: &FunctionRef, expr: &Expr) -> Value {
        Interpreter::eval_signature(self, function, expr)
    }

    fn eval_type(&self, function: &FunctionRef, annotation: &Expr) -> Value {
        Interpreter::eval_type(self, function, annotation)
    }

    fn eval_knowing(&self, function: &FunctionRef, expr: &Expr, known: &[(SmolStr, Value)]) -> Value {
        let mut scope = Scope::around(function);
        scope.around = Some(self.local_names(function));
        scope.locals = Some(known.iter().cloned().collect());
        let mut execution = Execution::detached(self, function.site.file);
        let mut value = execution.expr(&mut scope, expr);
        if execution.guesses > 0 {
            value = Value::Unknown(Unknown::Ambiguous);
        }
        self.look_through(function.site.file, self.force(execution.leave(value)))
    }

    fn eval_by_default(&self, function: &FunctionRef, expr: &Expr, known: &[(SmolStr, Value)]) -> Value {
        let mut scope = Scope::around(function);
        scope.around = Some(self.local_names(function));
        scope.locals = Some(known.iter().cloned().collect());
        let mut execution = Execution::detached(self, function.site.file);
        let outer = self.keeps_defaults.replace(true);
        let value = execution.expr(&mut scope, expr).by_default().clone();
        self.keeps_defaults.set(outer);
        execution.leave(value)
    }

    fn names_environment(&self, function: &FunctionRef, expr: &Expr) -> bool {
        Interpreter::names_environment(self, function, expr)
    }

    fn is_vouched(&self, module: &str, name: &str) -> bool {
        self.sources.is_vouched(module, name)
    }

    fn instance(&self, class: &Arc<ClassRef>, arguments: Arguments, site: Site) -> Value {
        let mut execution = Execution::detached(self, class.site.file);
        let value = execution.construct(class, arguments, site);
        execution.leave(value)
    }

    fn method(&self, class: &ClassRef, name: &str) -> Option<Arc<FunctionRef>> {
        self.linearised(class).into_iter().find_map(|class| {
            let scope = Scope::of_class(&class);
            // The last one counts: those before it are `@overload`s.
            class.def.body.iter().rev().find_map(|stmt| match &stmt.kind {
                StmtKind::Function(def) if def.name.name == name && !sets_property(&def.decorators) => {
                    Some(self.function(def, &scope))
                }
                _ => None,
            })
        })
    }

    fn record_fields(&self, class: &ClassRef) -> Vec<(SmolStr, Value)> {
        let fields = |class: Arc<ClassRef>| {
            let is_field = |stmt: &&Stmt| matches!(&stmt.kind, StmtKind::Assign(assign) if assign.annotation.is_some());
            let of = |stmt: &Stmt| {
                let StmtKind::Assign(assign) = &stmt.kind else { return None };
                let name = assign.targets.first().and_then(|target| target.as_name())?;
                match self.eval_in_class(&class, assign.annotation.as_ref()?) {
                    Value::Annotated(annotated) => Some((name.clone(), annotated.ty.clone())),
                    ty => Some((name.clone(), ty)),
                }
            };
            class.def.body.iter().filter(is_field).filter_map(of).collect::<Vec<_>>()
        };
        let is_record = |class: &Arc<ClassRef>| {
            class.def.decorators.iter().any(|decorator| {
                let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
                matches!(self.eval_around_class(class, callee), Value::Package(path) if makes_records(&path))
            })
        };
        self.linearised(class).into_iter().filter(is_record).flat_map(fields).collect()
    }

    fn implementations(&self, class: &ClassRef, name: &str) -> Implementations {
        // While modules are being executed, names may still change.
        if !self.running.borrow().is_empty() {
            return self.find_implementations(class, name).into();
        }
        let key = (class.site, SmolStr::new(name));
        if let Some((found, rests_on)) = self.implemented.borrow().get(&key) {
            self.count(rests_on);
            return Arc::clone(found);
        }
        let outer = self.begin();
        let found: Implementations = self.find_implementations(class, name).into();
        let rests_on = self.end(outer);
        self.implemented.borrow_mut().insert(key, (Arc::clone(&found), rests_on));
        found
    }

    fn stays(&self, class: &ClassRef, name: &str) -> bool {
        let key = (class.site, SmolStr::new(name));
        if let Some((answer, rests_on)) = self.staying.borrow().get(&key) {
            self.count(rests_on);
            return *answer;
        }
        let outer = self.begin();
        let assigns = |class: &Arc<ClassRef>| {
            class.def.body.iter().any(|stmt| match &stmt.kind {
                StmtKind::Function(def) if def.name.name != "__init__" => {
                    let method = self.method(class, &def.name.name).map(|method| self.current(&method));
                    method.is_some_and(|method| !assigned_to_self(&method.def, name).is_empty())
                }
                _ => false,
            })
        };
        let answer = !self.linearised(class).iter().any(assigns);
        let rests_on = self.end(outer);
        if self.running.borrow().is_empty() {
            self.staying.borrow_mut().insert(key, (answer, rests_on));
        }
        answer
    }

    fn handed_over(&self, class: &ClassRef, name: &str, at: usize) -> Vec<(FunctionRef, Expr)> {
        self.find_handed_over(class, name, at)
    }

    fn kept_on_state(&self, name: &str) -> Value {
        self.find_kept_on_state(name)
    }

    fn package_bases(&self, class: &ClassRef) -> Vec<SmolStr> {
        let mut bases = Vec::new();
        for class in self.linearised(class) {
            for base in &class.bases {
                match base {
                    Value::Class(_) => {}
                    Value::Package(name) if name == "builtins.object" => {}
                    Value::Package(name) => bases.push(name.clone()),
                    _ => bases.push(SmolStr::new_static("?")),
                }
            }
        }
        bases
    }

    fn current(&self, function: &FunctionRef) -> FunctionRef {
        self.count_body(function.site);
        FunctionRef { def: self.looked_into(function), ..function.clone() }
    }

    fn begin(&self) -> LookedAt {
        self.looked_at.take()
    }

    fn end(&self, before: LookedAt) -> Arc<RestsOn> {
        let looked_at = self.looked_at.replace(before);
        let rests_on = looked_at.into_rests_on(&self.remembered.shared);
        self.count(&rests_on);
        rests_on
    }

    fn count(&self, rests_on: &Arc<RestsOn>) {
        self.looked_at.borrow_mut().add_answer(rests_on);
    }

    fn count_body(&self, site: Site) {
        self.looked_at.borrow_mut().add_body(site);
    }

    fn count_outline(&self, site: Site) {
        self.looked_at.borrow_mut().add_outline(site);
    }

    fn locate(&self, site: Site) -> Location {
        self.sources.locate(site)
    }
}

impl Interpreter<'_> {
    /// What stands behind a method of an interface.
    fn find_implementations(&self, class: &ClassRef, name: &str) -> Vec<(Arc<ClassRef>, Arc<FunctionRef>)> {
        let mut found: Vec<(Arc<ClassRef>, Arc<FunctionRef>)> = Vec::new();
        let mut bases = vec![class.def.name.name.clone()];
        let (mut at, mut looked_at) = (0, 0);
        while let Some(base) = bases.get(at).cloned() {
            at += 1;
            self.count_name(HIERARCHY, &base);
            for (file, heir) in self.sources.heirs(&base) {
                looked_at += 1;
                if looked_at > MAX_HEIRS || found.len() > MAX_IMPLEMENTATIONS {
                    return Vec::new();
                }
                let Value::Class(heir) = self.lookup(file, &heir) else { continue };
                if !self.linearised(&heir).iter().any(|one| one.site == class.site) {
                    continue;
                }
                if !bases.contains(&heir.def.name.name) {
                    bases.push(heir.def.name.name.clone());
                }
                let method = self.method(&heir, name).filter(|method| !is_stub(&self.current(method).def));
                let is_known = |method: &Arc<FunctionRef>| found.iter().any(|(_, one)| one.site == method.site);
                found.extend(method.filter(|method| !is_known(method)).map(|method| (heir, method)));
            }
        }
        found
    }

    /// The definition that a function has now. Bodies that were left for later
    /// are lowered in copies, which go when there are too many: most are looked
    /// at once, and would stay as long as the workspace.
    fn looked_into(&self, function: &FunctionRef) -> Arc<Function> {
        if let Some(def) = self.looked_into.borrow().get(&function.site) {
            return Arc::clone(def);
        }
        let stmt = self.sources.facts(function.site.file).and_then(|facts| facts.stmt(function.site.item));
        // What is not there any more is still what it was when it was met.
        let Some(def) = stmt.and_then(|stmt| function_at(stmt, function.site.range)) else {
            return Arc::clone(&function.def);
        };
        let LookedInto { def, made_room } = self.sources.bodies().of(&def);
        if made_room {
            self.looked_into.borrow_mut().clear();
            self.local_names.borrow_mut().clear();
            self.evaluated.borrow_mut().clear();
        }
        self.looked_into.borrow_mut().insert(function.site, Arc::clone(&def));
        def
    }
}

/// The function whose name stands at `range`, in a statement or below it.
fn function_at(stmt: &Stmt, range: TextRange) -> Option<Arc<Function>> {
    let mut pending = vec![stmt];
    while let Some(stmt) = pending.pop() {
        match &stmt.kind {
            StmtKind::Function(def) if def.name.range == range => return Some(Arc::clone(def)),
            // A body that was left for later is lowered only for what stands in it.
            StmtKind::Function(_) | StmtKind::Class(_) if !stmt.range.contains_range(range) => {}
            StmtKind::Function(def) => pending.extend(&def.body),
            StmtKind::Class(class) => pending.extend(&class.body),
            _ => pending.extend(stmt.blocks().into_iter().flatten()),
        }
    }
    None
}

/// Whether decorators make a function what is called where a property is set or deleted.
fn sets_property(decorators: &[Expr]) -> bool {
    decorators.iter().any(|decorator| {
        matches!(&decorator.kind, ExprKind::Attribute { name, .. } if matches!(name.name.as_str(), "setter" | "deleter"))
    })
}
