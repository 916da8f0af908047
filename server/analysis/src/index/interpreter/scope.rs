//! Where code stands while it is executed, and the variables that it sees.

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::names::dotted;
use crate::facts::python::idioms::returned;
use crate::facts::python::tree::{Expr, Function};
use crate::index::value::{ClassRef, Frame, FunctionRef, Site, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

/// Where code stands while it is executed.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) file: FileId,
    pub(super) item: u32,
    /// Variables of the function or class body; `None` for the module itself.
    pub(super) locals: Option<FxHashMap<SmolStr, Value>>,
    /// Variables of a function that is not executed, below `locals`.
    pub(super) around: Option<Rc<FxHashMap<SmolStr, Value>>>,
    pub(super) closure: Vec<Arc<Frame>>,
    /// What the qualified names of definitions made here begin with.
    pub(super) qualifier: Qualifier,
    /// The class whose body this is.
    pub(super) class: Option<Arc<ClassRef>>,
    /// The object whose method this is, and the class that defines the method.
    pub(super) receiver: Option<(Value, Arc<ClassRef>)>,
    /// Names that stand for the module's variables (`global`).
    pub(super) globals: Vec<SmolStr>,
}

/// What a qualified name begins with. Few scopes are asked for one.
#[derive(Debug, Clone)]
pub(super) enum Qualifier {
    Module,
    Class(SmolStr),
    Function(SmolStr, Arc<Function>),
}

impl Scope {
    pub(super) fn module(file: FileId, item: u32) -> Self {
        Self {
            file,
            item,
            locals: None,
            around: None,
            closure: Vec::new(),
            qualifier: Qualifier::Module,
            class: None,
            receiver: None,
            globals: Vec::new(),
        }
    }

    /// The scope of a class body.
    pub(super) fn of_class(class: &Arc<ClassRef>) -> Self {
        Self {
            closure: class.closure.clone(),
            qualifier: Qualifier::Class(class.qualname.clone()),
            class: Some(Arc::clone(class)),
            ..Self::module(class.site.file, class.site.item)
        }
    }

    /// The scope in which a function was defined.
    pub(super) fn around(function: &FunctionRef) -> Self {
        Self {
            closure: function.closure.clone(),
            qualifier: Qualifier::Function(function.qualname.clone(), Arc::clone(&function.def)),
            ..Self::module(function.site.file, function.site.item)
        }
    }

    /// A scope inside this one that shares its variables by value, as
    /// comprehensions have.
    pub(super) fn nested(&self) -> Self {
        Self {
            file: self.file,
            item: self.item,
            locals: Some(self.locals.clone().unwrap_or_default()),
            around: self.around.clone(),
            closure: self.closure.clone(),
            qualifier: self.qualifier.clone(),
            class: self.class.clone(),
            receiver: self.receiver.clone(),
            globals: Vec::new(),
        }
    }

    pub(super) fn qualified(&self, name: &str) -> SmolStr {
        match &self.qualifier {
            Qualifier::Module => SmolStr::new(name),
            Qualifier::Class(class) => dotted(class, name),
            Qualifier::Function(function, _) => SmolStr::new(format!("{function}.<locals>.{name}")),
        }
    }

    /// Whether the function that is executed here returns what a definition in it binds, as it is or wrapped up:
    /// `return checker`, `return Depends(checker)`.
    pub(super) fn gives(&self, name: &SmolStr) -> bool {
        let Qualifier::Function(_, outer) = &self.qualifier else { return false };
        let is_it = |value: &Expr| value.as_name() == Some(name);
        returned(&outer.body).into_iter().any(|value| {
            is_it(value) || value.as_call().is_some_and(|(_, args)| args.iter().any(|arg| is_it(&arg.value)))
        })
    }

    /// The variables that a definition made here can see besides the module's.
    pub(super) fn captured(&self) -> Vec<Arc<Frame>> {
        let mut frames = self.closure.clone();
        // The names of a class body are not visible in its methods.
        if let (Some(locals), None) = (&self.locals, &self.class) {
            let vars = locals.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            frames.push(Arc::new(Frame { vars }));
        }
        frames
    }

    pub(super) fn site(&self, range: TextRange) -> Site {
        Site { file: self.file, item: self.item, range }
    }
}
