//! The bodies of a file, one by one, and how what stands in them is looked up.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use smol_str::SmolStr;

use crate::facts::python::file::{Binding, each_bound_name};
use crate::facts::python::tree::{Arg, Class, Expr, ExprKind, Function, Param, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::modules::Module;
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Unknown, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

/// Assignments that a name is followed through.
const MAX_DEPTH: u32 = 8;

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(super) enum Scope<'s> {
    /// At the top of a module, in that item.
    Module(FileId, u32),
    /// In a function.
    Function(&'s FunctionRef),
    /// In the body of a class.
    Class(&'s Arc<ClassRef>),
}

impl Scope<'_> {
    /// The site of a range of the same item.
    pub(super) fn site(&self, range: TextRange) -> Site {
        match self {
            Self::Module(file, item) => Site { file: *file, item: *item, range },
            Self::Function(function) => Site { range, ..function.site },
            Self::Class(class) => Site { range, ..class.site },
        }
    }

    /// The file.
    pub(super) fn file(&self) -> FileId {
        self.site(TextRange::default()).file
    }

    /// The value of an expression that stands there.
    pub(super) fn eval(&self, interpreter: &Interpreter<'_>, expr: &Expr) -> Value {
        match self {
            Self::Module(file, item) => interpreter.eval_in_module(*file, *item, expr),
            Self::Function(function) => interpreter.eval(function, expr),
            Self::Class(class) => interpreter.eval_in_class(class, expr),
        }
    }
}

/// Calls `look` with every body of an item that is `worth` it by the range of
/// its statement: of its functions and methods, or the statement itself.
/// Functions inside of functions are left to `look`.
pub(super) fn each_body(
    interpreter: &Interpreter<'_>,
    file: FileId,
    index: u32,
    item: &Stmt,
    worth: &dyn Fn(TextRange) -> bool,
    look: &mut dyn FnMut(Scope<'_>, &[Stmt]),
) {
    match &item.kind {
        StmtKind::Function(def) => match interpreter.lookup(file, &def.name.name) {
            Value::Function(function) if function.site.item == index => {
                let function = interpreter.current(&function);
                look(Scope::Function(&function), &function.def.body);
            }
            _ => {}
        },
        StmtKind::Class(def) => {
            if let Value::Class(class) = interpreter.lookup(file, &def.name.name)
                && class.site.item == index
            {
                each_method(interpreter, &class, def, worth, look);
            }
        }
        _ => look(Scope::Module(file, index), std::slice::from_ref(item)),
    }
}

fn each_method(
    interpreter: &Interpreter<'_>,
    class: &ClassRef,
    def: &Class,
    worth: &dyn Fn(TextRange) -> bool,
    look: &mut dyn FnMut(Scope<'_>, &[Stmt]),
) {
    let methods = def.body.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Function(method) if worth(stmt.range) => Some(method),
        _ => None,
    });
    for method in methods {
        let found = interpreter.method(class, &method.name.name).filter(|found| found.site.file == class.site.file);
        if let Some(function) = found {
            let function = interpreter.current(&function);
            look(Scope::Function(&function), &function.def.body);
        }
    }
}

/// Whether a class is one of settings, which the environment fills (pydantic-settings 2).
pub(crate) fn is_settings(resolve: &dyn Resolve, class: &ClassRef) -> bool {
    resolve.package_bases(class).iter().any(|base| base.ends_with("BaseSettings"))
}

/// What a name is assigned in a block: the values of plain assignments, and
/// nothing for whatever else binds it.
pub(super) fn bindings_of<'b>(block: &'b [Stmt], name: &str) -> Vec<Option<&'b Expr>> {
    let mut found = Vec::new();
    let mut blocks = vec![block];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            match &stmt.kind {
                StmtKind::Assign(assign) if assign.targets.len() == 1 && assign.targets[0].as_name().is_some() => {
                    if assign.targets[0].as_name().is_some_and(|target| target == name) {
                        found.push(assign.value.as_ref());
                    }
                }
                _ => each_bound_name(stmt, &mut |bound| {
                    if bound == name {
                        found.push(None);
                    }
                }),
            }
            blocks.extend(stmt.blocks());
        }
    }
    found
}

/// A variable of a module, and the only value that it is assigned.
pub(super) struct ModuleVariable<'a> {
    pub(super) file: FileId,
    pub(super) item: u32,
    pub(super) value: &'a Expr,
}

/// The variable of a module that a name means there, wherever it is imported
/// from, if it is assigned once.
pub(super) fn module_variable<'a>(
    interpreter: &Interpreter<'a>,
    file: FileId,
    name: &SmolStr,
) -> Option<ModuleVariable<'a>> {
    let (file, name) = assigned_in(interpreter, file, name)?;
    let facts = interpreter.sources().facts(file)?;
    let mut values = facts.plain_statements().flat_map(|(item, stmt)| {
        bindings_of(std::slice::from_ref(stmt), &name).into_iter().map(move |value| (item, value))
    });
    let (item, value) = values.next()?;
    let Some(value) = value.filter(|_| values.next().is_none()) else {
        // After an edit of any item it may be assigned once.
        interpreter.count_items(file);
        return None;
    };
    drop(values);
    interpreter.count_statements(file);
    interpreter.count_body(Site { file, item, range: value.range });
    Some(ModuleVariable { file, item, value })
}

/// The module that assigns a variable which a name means, wherever it is imported from, and its name there.
pub(super) fn assigned_in(interpreter: &Interpreter<'_>, file: FileId, name: &SmolStr) -> Option<(FileId, SmolStr)> {
    let (mut file, mut name) = (file, name.clone());
    for _ in 0..MAX_DEPTH {
        // Makes an answer rest on what the name means.
        interpreter.lookup(file, &name);
        let facts = interpreter.sources().facts(file)?;
        match facts.bindings.get(&name)? {
            Binding::Computed => return Some((file, name)),
            Binding::ImportFrom(item, at) => {
                let import = facts.import_from(*item)?;
                let imported = import.names.get(*at as usize)?.name.clone();
                let Module::File(target) = interpreter.sources().resolve_name(file, import, &imported) else {
                    return None;
                };
                (file, name) = (target, imported);
            }
            _ => return None,
        }
    }
    None
}

/// Compound statements around a statement, outermost first, and in which of
/// their blocks it stands.
pub(super) type Around<'b> = Arc<Vec<(&'b Stmt, usize)>>;

/// A body, as those look at it who search it for something.
pub(super) struct Body<'b, 'i, 'a> {
    pub(super) interpreter: &'i Interpreter<'a>,
    pub(super) scope: Scope<'b>,
    /// The innermost function.
    pub(super) def: Option<&'b Function>,
    pub(super) block: &'b [Stmt],
    /// The functions around it with their bodies, innermost first.
    outer: Vec<(Option<&'b Function>, &'b [Stmt])>,
    /// Its statements and calls, once they were asked for: they are, over and over.
    statements: OnceCell<Vec<(&'b Stmt, Around<'b>)>>,
    calls: OnceCell<Vec<Found<'b>>>,
    /// Steps that are left for following one value.
    pub(super) steps: Cell<u32>,
}

/// An expression in a body, with the statements around it.
pub(super) struct Found<'b> {
    /// The expression.
    pub(super) expr: &'b Expr,
    /// The statement that it is a part of.
    pub(super) stmt: &'b Stmt,
    /// What is around that one.
    pub(super) around: Around<'b>,
}

impl<'b> Found<'b> {
    /// What is called, and with what.
    pub(super) fn call(&self) -> Option<(&'b Expr, &'b [Arg])> {
        self.expr.as_call()
    }
}

impl<'b, 'i, 'a> Body<'b, 'i, 'a> {
    /// The body of a scope.
    pub(super) fn new(interpreter: &'i Interpreter<'a>, scope: Scope<'b>, block: &'b [Stmt]) -> Self {
        let def = match scope {
            Scope::Function(function) => Some(&*function.def),
            _ => None,
        };
        Self {
            interpreter,
            scope,
            def,
            block,
            outer: Vec::new(),
            statements: OnceCell::new(),
            calls: OnceCell::new(),
            steps: Cell::new(0),
        }
    }

    /// Calls `look` with this body and those of the functions in it.
    pub(super) fn each_nested(&self, look: &mut dyn FnMut(&Body<'_, 'i, 'a>)) {
        look(self);
        let mut blocks = vec![self.block];
        while let Some(block) = blocks.pop() {
            for stmt in block {
                if let StmtKind::Function(nested) = &stmt.kind {
                    let around = std::iter::once((self.def, self.block)).chain(self.outer.iter().copied());
                    let inner = Body {
                        def: Some(nested),
                        outer: around.collect(),
                        ..Body::new(self.interpreter, self.scope, &nested.body)
                    };
                    inner.each_nested(look);
                }
                blocks.extend(stmt.blocks());
            }
        }
    }

    /// The site of a range.
    pub(super) fn site(&self, range: TextRange) -> Site {
        self.scope.site(range)
    }

    /// The value of an expression; what a nested function binds itself is not known.
    pub(super) fn eval(&self, expr: &Expr) -> Value {
        let mut root = expr;
        loop {
            root = match &root.kind {
                ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => value,
                ExprKind::Call { func, .. } => func,
                _ => break,
            };
        }
        if let Some(name) = root.as_name()
            && self.is_nested()
            && self.own(name)
        {
            return Value::Unknown(Unknown::Local);
        }
        self.scope.eval(self.interpreter, expr)
    }

    /// The dotted path of the package's thing that an expression is.
    pub(super) fn package(&self, expr: &Expr) -> Option<SmolStr> {
        match self.eval(expr) {
            Value::Package(path) => Some(path),
            _ => None,
        }
    }

    /// Whether what the function takes comes from requests: a decorator that is called registers it.
    pub(super) fn takes_requests(&self) -> bool {
        self.def.is_some_and(|def| def.decorators.iter().any(|decorator| decorator.as_call().is_some()))
    }

    /// Whether it is a function inside of another one.
    pub(super) fn is_nested(&self) -> bool {
        !self.outer.is_empty()
    }

    fn own(&self, name: &str) -> bool {
        param_of(self.def, name).is_some() || !bindings_of(self.block, name).is_empty()
    }

    /// This function and those around it, innermost first.
    fn functions(&self) -> impl Iterator<Item = (Option<&'b Function>, &'b [Stmt])> {
        std::iter::once((self.def, self.block)).chain(self.outer.iter().copied())
    }

    /// The parameter of that name, of this function or of one around it.
    pub(super) fn param(&self, name: &str) -> Option<&'b Param> {
        for (def, block) in self.functions() {
            match param_of(def, name) {
                Some(param) => return Some(param),
                None if !bindings_of(block, name).is_empty() => return None,
                None => {}
            }
        }
        None
    }

    /// What a local variable is assigned, in this function or in the one around it that has it.
    pub(super) fn bindings(&self, name: &str) -> Vec<Option<&'b Expr>> {
        for (def, block) in self.functions() {
            let bound = bindings_of(block, name);
            if !bound.is_empty() || param_of(def, name).is_some() {
                return bound;
            }
        }
        Vec::new()
    }

    /// What `with` opens under a name: `with SMTP(host) as server:`.
    pub(super) fn opened(&self, name: &str) -> impl Iterator<Item = &'b Expr> {
        let items = self.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
            StmtKind::With { items, .. } => Some(items),
            _ => None,
        });
        let is_it =
            move |target: &Option<Expr>| target.as_ref().and_then(Expr::as_name).is_some_and(|found| found == name);
        items.flatten().filter(move |(_, target)| is_it(target)).map(|(opened, _)| opened)
    }

    /// The expression that a local variable holds, if it is assigned once and
    /// not changed afterwards; else the expression itself.
    pub(super) fn traced<'e>(&self, expr: &'e Expr) -> &'e Expr
    where
        'b: 'e,
    {
        let mut expr = expr;
        for _ in 0..MAX_DEPTH {
            let Some(name) = expr.as_name().filter(|name| self.param(name).is_none()) else { return expr };
            match self.bindings(name).as_slice() {
                [Some(value)] => expr = value,
                _ => return expr,
            }
        }
        expr
    }

    /// Whether a statement changes what a variable holds in place: an item is
    /// assigned, or one of its methods that change it is called.
    pub(super) fn is_changed(&self, name: &str) -> bool {
        let is_it = |expr: &Expr| expr.as_name().is_some_and(|found| found == name);
        self.statements().iter().any(|(stmt, _)| match &stmt.kind {
            StmtKind::Assign(assign) => assign.targets.iter().any(|target| match &target.kind {
                ExprKind::Subscript { value, .. } => is_it(value),
                _ => false,
            }),
            StmtKind::AugAssign(assign) => is_it(&assign.target),
            StmtKind::Expr(expr) => expr.as_call().is_some_and(|(func, _)| match &func.kind {
                ExprKind::Attribute { value, name } => {
                    is_it(value)
                        && matches!(
                            name.name.as_str(),
                            "update" | "setdefault" | "append" | "extend" | "pop" | "insert"
                        )
                }
                _ => false,
            }),
            _ => false,
        })
    }

    /// All statements of the body, in source order, with what is around them.
    /// Nested functions are statements, their bodies are not looked into.
    pub(super) fn statements(&self) -> &[(&'b Stmt, Around<'b>)] {
        self.statements.get_or_init(|| statements_of(self.block))
    }

    /// All expressions of the body that `wanted` picks.
    pub(super) fn find(&self, wanted: &dyn Fn(&Expr) -> bool) -> Vec<Found<'b>> {
        let mut found = Vec::new();
        for (stmt, around) in self.statements() {
            for root in stmt.exprs() {
                let mut pending = vec![root];
                while let Some(expr) = pending.pop() {
                    if wanted(expr) {
                        found.push(Found { expr, stmt, around: Arc::clone(around) });
                    }
                    pending.extend(parts(expr));
                }
            }
        }
        found
    }

    /// All calls of the body.
    pub(super) fn calls(&self) -> &[Found<'b>] {
        self.calls.get_or_init(|| self.find(&|expr| expr.as_call().is_some()))
    }
}

fn param_of<'b>(def: Option<&'b Function>, name: &str) -> Option<&'b Param> {
    def?.params.iter().find(|param| param.name.name == name)
}

/// All statements of a block, in source order, with what is around them.
fn statements_of(block: &[Stmt]) -> Vec<(&Stmt, Around<'_>)> {
    let mut found = Vec::new();
    let mut pending: Vec<(&[Stmt], Around<'_>)> = vec![(block, Arc::default())];
    while let Some((block, around)) = pending.pop() {
        for stmt in block {
            found.push((stmt, Arc::clone(&around)));
            for (index, block) in stmt.blocks().into_iter().enumerate() {
                let mut inside = around.to_vec();
                inside.push((stmt, index));
                pending.push((block, Arc::new(inside)));
            }
        }
    }
    found.sort_by_key(|(stmt, _)| (stmt.range.start, std::cmp::Reverse(stmt.range.end)));
    found
}

/// The parts of an expression, those of comprehensions included.
pub(super) fn parts(expr: &Expr) -> Vec<&Expr> {
    let mut parts = expr.children();
    if let ExprKind::Comprehension(comprehension) = &expr.kind {
        parts.push(&comprehension.element);
        parts.extend(&comprehension.value);
        parts.extend(comprehension.clauses.iter().flat_map(|clause| &clause.conditions));
    }
    parts
}

/// The last name of what is called: `decode` of `jwt.decode`.
pub(super) fn last_name(func: &Expr) -> Option<&SmolStr> {
    match &func.kind {
        ExprKind::Name(name) => Some(name),
        ExprKind::Attribute { name, .. } => Some(&name.name),
        _ => None,
    }
}

/// The text behind `text.encode()`, `text.strip()`, `str(text)`.
pub(super) fn plain_text(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Call { func, args } => match (&func.kind, args.as_slice()) {
            (ExprKind::Attribute { value, name }, _) if matches!(name.name.as_str(), "encode" | "strip") => {
                plain_text(value)
            }
            (ExprKind::Name(name), [only]) if matches!(name.as_str(), "str" | "bytes") => plain_text(&only.value),
            _ => expr,
        },
        _ => expr,
    }
}

/// Whether an expression, or a part of it, is that variable.
pub(super) fn mentions(expr: &Expr, name: &str) -> bool {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        if expr.as_name().is_some_and(|found| found == name) {
            return true;
        }
        pending.extend(parts(expr));
    }
    false
}
