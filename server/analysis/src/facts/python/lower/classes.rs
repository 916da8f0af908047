//! Classes, and the room that their members have.

use tree_sitter::Node;

use super::super::room;
use super::super::tree::{Class, Expr, Stmt, StmtKind};
use super::statements::{TOP_LEVEL, take_docstring};
use super::{Lower, field};
use crate::syntax::python::fields;

impl Lower<'_> {
    pub(super) fn class(&mut self, node: Node<'_>, decorators: Vec<Expr>) -> Class {
        let f = fields();
        let name = self.ident(field(node, f.name), node);
        let bases = field(node, f.superclasses).map(|list| self.args(list)).unwrap_or_default();
        let mut body = match field(node, f.body) {
            Some(block) if self.nesting == TOP_LEVEL => self.members(block),
            Some(block) => self.block(block),
            None => Vec::new(),
        };
        take_docstring(&mut body);
        Class { name, decorators, bases, body }
    }

    /// The body of a top-level class. Its members have room to grow in, and so has what stands between them.
    fn members(&mut self, block: Node<'_>) -> Vec<Stmt> {
        let statements = self.statements(block);
        let mut members: Vec<Stmt> = Vec::with_capacity(statements.len());
        let mut end = None;
        for node in statements {
            let start = self.range(node).start;
            if let Some(between) = end.and_then(|end| start.checked_sub(end)).filter(|between| *between > 0) {
                self.leave_room(between, start - 1, room::LINE);
            }
            let member = self.stmt(node);
            let multiple = match member.kind {
                StmtKind::Function(_) | StmtKind::Class(_) => room::METHOD,
                _ => room::LINE,
            };
            let range = self.range(node);
            self.leave_room(range.len(), range.end, multiple);
            end = Some(self.range(node).end);
            members.push(member);
        }
        members
    }

    fn leave_room(&mut self, length: u32, end: u32, multiple: u32) {
        let room = self.rooms.leave(length, end, multiple);
        self.base = self.base.wrapping_sub(room);
    }
}
