//! The statement of a top-level item, lowered when somebody looks at it.
//!
//! Most definitions of a large workspace are never looked at: a package is
//! imported for a few of its names. Those of files that no editor has open stay
//! source until then.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use smol_str::SmolStr;

use super::lower::lower_stmt;
use super::outline::outline_hash;
use super::tree::{Stmt, StmtKind};
use crate::text::{KeptText, TextRange};

/// A top-level statement.
pub struct ItemStmt {
    stmt: OnceLock<Stmt>,
    outline: OnceLock<u64>,
    later: Option<ItemSource>,
}

/// Where a definition that has not been lowered stands.
#[derive(Debug)]
pub(super) struct ItemSource {
    /// What it defines.
    pub(super) name: SmolStr,
    /// The text of the file.
    pub(super) text: KeptText,
    /// The definition in it, its decorators included.
    pub(super) range: TextRange,
}

impl ItemStmt {
    /// A statement that is lowered already.
    pub(super) fn new(stmt: Stmt) -> Self {
        Self { stmt: OnceLock::from(stmt), outline: OnceLock::new(), later: None }
    }

    /// A definition that is lowered when it is looked at.
    pub(super) fn later(source: ItemSource) -> Self {
        Self { stmt: OnceLock::new(), outline: OnceLock::new(), later: Some(source) }
    }

    /// The name that it defines, if it was left for later.
    pub(super) fn defines(&self) -> Option<&SmolStr> {
        self.later.as_ref().map(|source| &source.name)
    }

    /// Hash of everything but the bodies of functions: signatures, decorators,
    /// assignments, calls, classes, and where they stand. Equal outlines of all
    /// items mean that no other file can see a difference, unless it executed
    /// one of the bodies.
    pub fn outline_hash(&self) -> u64 {
        *self.outline.get_or_init(|| outline_hash(self))
    }
}

impl Deref for ItemStmt {
    type Target = Stmt;

    fn deref(&self) -> &Stmt {
        let nothing = || Stmt { range: TextRange::default(), kind: StmtKind::Unknown };
        self.stmt.get_or_init(|| self.later.as_ref().map_or_else(nothing, lower_stmt))
    }
}

impl fmt::Debug for ItemStmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
