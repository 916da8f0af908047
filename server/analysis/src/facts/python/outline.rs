//! The outline of an item: everything that can be seen of it without looking
//! into function bodies.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;

use super::body::Body;
use super::tree::{Class, Expr, ExprKind, Stmt, StmtKind};

/// Hash of a statement with the bodies of its functions left out, wherever
/// they are nested. Ranges count, so a body that grows moves what follows it
/// in the same item and changes the outline; what follows in other items
/// stays as it is.
pub fn outline_hash(stmt: &Stmt) -> u64 {
    let mut hasher = FxHasher::default();
    hash_stmt(stmt, &mut hasher);
    hasher.finish()
}

/// Whether two classes differ in nothing but bodies of functions.
pub fn same_class(a: &Arc<Class>, b: &Arc<Class>) -> bool {
    let outline = |class: &Class| {
        let mut hasher = FxHasher::default();
        hash_class(class, &mut hasher);
        hasher.finish()
    };
    Arc::ptr_eq(a, b) || (a.name == b.name && outline(a) == outline(b))
}

fn hash_class(class: &Class, hasher: &mut FxHasher) {
    (&class.name, &class.decorators, &class.bases).hash(hasher);
    hash_block(&class.body, hasher);
}

fn hash_block(block: &[Stmt], hasher: &mut FxHasher) {
    block.len().hash(hasher);
    block.iter().for_each(|stmt| hash_stmt(stmt, hasher));
}

fn hash_stmt(stmt: &Stmt, hasher: &mut FxHasher) {
    std::mem::discriminant(&stmt.kind).hash(hasher);
    // Where a function ends is no matter of its outline.
    stmt.range.start.hash(hasher);
    match &stmt.kind {
        StmtKind::Function(def) => {
            (&def.name, def.is_async, &def.decorators, &def.params, def.params_range).hash(hasher);
            (&def.returns, def.header, def.is_generator, def.says_public).hash(hasher);
            // A function that makes an application is executed though nothing calls it.
            makes_application(&def.body).hash(hasher);
        }
        StmtKind::Class(class) => hash_class(class, hasher),
        StmtKind::If { test, body, or_else } => {
            test.hash(hasher);
            hash_block(body, hasher);
            hash_block(or_else, hasher);
        }
        StmtKind::For { target, iter, body, or_else } => {
            (target, iter).hash(hasher);
            hash_block(body, hasher);
            hash_block(or_else, hasher);
        }
        StmtKind::While { test, body, or_else } => {
            test.hash(hasher);
            hash_block(body, hasher);
            hash_block(or_else, hasher);
        }
        StmtKind::Try { body, handlers, or_else, finally } => {
            hash_block(body, hasher);
            for handler in handlers {
                (&handler.types, &handler.name).hash(hasher);
                hash_block(&handler.body, hasher);
            }
            hash_block(or_else, hasher);
            hash_block(finally, hasher);
        }
        StmtKind::With { items, body } => {
            items.hash(hasher);
            hash_block(body, hasher);
        }
        StmtKind::Match { subject, cases } => {
            subject.hash(hasher);
            for case in cases {
                (&case.binds, case.irrefutable, &case.value, &case.guard).hash(hasher);
                hash_block(&case.body, hasher);
            }
        }
        other => other.hash(hasher),
    }
}

/// Whether statements hold a call of something named `FastAPI` or an
/// assignment to a variable annotated so: a cheap test before a function is
/// executed as a factory.
pub fn makes_application(body: &Body) -> bool {
    !body.is_later() && holds_application(body)
}

fn holds_application(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Assign(assign) => assign.value.as_ref().is_some_and(calls_fastapi),
        StmtKind::Return(Some(value)) | StmtKind::Expr(value) => calls_fastapi(value),
        StmtKind::If { body, or_else, .. } => holds_application(body) || holds_application(or_else),
        StmtKind::With { body, .. } | StmtKind::Try { body, .. } => holds_application(body),
        _ => false,
    })
}

fn calls_fastapi(expr: &Expr) -> bool {
    let Some((func, _)) = expr.as_call() else { return false };
    match &func.kind {
        ExprKind::Name(name) => name.ends_with("FastAPI"),
        ExprKind::Attribute { name, .. } => name.name == "FastAPI",
        _ => false,
    }
}
