//! The statement of a top-level item, lowered when somebody looks at it.
//!
//! Most definitions of a large workspace are never looked at: a package is
//! imported for a few of its names. Those of files that no editor has open stay
//! source until then, and other long statements become source again once it is
//! known which names they bind: long tables, mostly, of modules that nobody executes.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use smol_str::SmolStr;

use super::lower::lower_stmt;
use super::outline::outline_hash;
use super::room::Rooms;
use super::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::text::{KeptText, TextRange};

/// A top-level statement.
pub struct ItemStmt {
    /// In a box: most are never there.
    stmt: OnceLock<Box<LoweredStmt>>,
    outline: OnceLock<u64>,
    later: Option<ItemSource>,
}

/// A statement, and how places in it are counted.
#[derive(Debug)]
pub(super) struct LoweredStmt {
    pub(super) stmt: Stmt,
    pub(super) rooms: Rooms,
}

/// Where a statement that can be lowered again stands.
#[derive(Debug)]
pub(super) struct ItemSource {
    /// What it defines; none of other statements.
    pub(super) name: Option<SmolStr>,
    /// Of a class, the last names of its bases.
    pub(super) bases: Box<[SmolStr]>,
    /// The text of the file.
    pub(super) text: KeptText,
    /// The statement in it, its decorators included.
    pub(super) range: TextRange,
}

impl ItemStmt {
    /// A statement that is lowered already.
    pub(super) fn new(stmt: LoweredStmt) -> Self {
        Self { stmt: OnceLock::from(Box::new(stmt)), outline: OnceLock::new(), later: None }
    }

    /// A definition that is lowered when it is looked at.
    pub(super) fn later(source: ItemSource) -> Self {
        Self { stmt: OnceLock::new(), outline: OnceLock::new(), later: Some(source) }
    }

    /// A statement that is lowered already, and may be forgotten.
    pub(super) fn for_now(stmt: LoweredStmt, source: ItemSource) -> Self {
        Self { stmt: OnceLock::from(Box::new(stmt)), outline: OnceLock::new(), later: Some(source) }
    }

    /// Forgets what can be lowered again.
    pub(super) fn forget(&mut self) {
        if self.later.is_some() {
            self.stmt = OnceLock::new();
        }
    }

    /// The name that it defines, if it was left for later.
    pub(super) fn defines(&self) -> Option<&SmolStr> {
        self.later.as_ref()?.name.as_ref()
    }

    /// Whether its text holds a word; none where that is not kept.
    pub(crate) fn text_holds(&self, word: &str) -> Option<bool> {
        let later = self.later.as_ref()?;
        let text = later.text.text();
        let own = text.get(later.range.start as usize..later.range.end as usize)?;
        Some(memchr::memmem::find(own.as_bytes(), word.as_bytes()).is_some())
    }

    /// The class that it defines, and the last names of what that derives from: `class A(b.B)`.
    pub(super) fn heir(&self) -> Option<(&SmolStr, Vec<&SmolStr>)> {
        if let Some(later) = self.later.as_ref()
            && let Some(name) = &later.name
        {
            return (!later.bases.is_empty()).then(|| (name, later.bases.iter().collect()));
        }
        let class = match &self.stmt.get()?.stmt.kind {
            StmtKind::Class(class) => class,
            _ => return None,
        };
        let bases = class.bases.iter().filter(|base| base.name.is_none()).filter_map(|base| last_name(&base.value));
        let bases: Vec<&SmolStr> = bases.collect();
        (!bases.is_empty()).then_some((&class.name.name, bases))
    }

    /// Hash of everything but the bodies of functions: signatures, decorators,
    /// assignments, calls, classes, and where they stand. Equal outlines of all
    /// items mean that no other file can see a difference, unless it executed
    /// one of the bodies.
    pub fn outline_hash(&self) -> u64 {
        *self.outline.get_or_init(|| outline_hash(self))
    }

    /// How places in it are counted.
    pub fn rooms(&self) -> &Rooms {
        &self.lowered().rooms
    }

    fn lowered(&self) -> &LoweredStmt {
        let nothing = || LoweredStmt {
            stmt: Stmt { range: TextRange::default(), kind: StmtKind::Unknown },
            rooms: Rooms::default(),
        };
        self.stmt.get_or_init(|| Box::new(self.later.as_ref().map_or_else(nothing, lower_stmt)))
    }
}

/// `B` of `B`, `b.B` and `B[T]`.
fn last_name(base: &Expr) -> Option<&SmolStr> {
    match &base.kind {
        ExprKind::Name(name) => Some(name),
        ExprKind::Attribute { name, .. } => Some(&name.name),
        ExprKind::Subscript { value, .. } => last_name(value),
        _ => None,
    }
}

impl Deref for ItemStmt {
    type Target = Stmt;

    fn deref(&self) -> &Stmt {
        &self.lowered().stmt
    }
}

impl fmt::Debug for ItemStmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
