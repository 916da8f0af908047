//! Statements.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::{Lower, field};
use crate::facts::typescript::tree::{
    Case, Declarator, ExportNames, Expr, ExprKind, If, Import, Loop, Stmt, StmtKind, Switch, Try,
};
use crate::syntax::typescript::Kind;

impl Lower<'_> {
    pub(super) fn stmt(&mut self, node: Node<'_>) -> Stmt {
        let range = self.range(node);
        let kind = self.nested(|lower| lower.stmt_kind(node)).unwrap_or(StmtKind::Nothing);
        Stmt { range, kind }
    }

    fn stmt_kind(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        match self.kind(node) {
            Kind::ExpressionStatement => match self.named(node).first() {
                Some(value) => StmtKind::Expr(self.expr(*value)),
                None => StmtKind::Nothing,
            },
            Kind::LexicalDeclaration | Kind::VariableDeclaration => self.declaration(node),
            Kind::FunctionDeclaration | Kind::GeneratorFunctionDeclaration => StmtKind::Function(self.function(node)),
            Kind::ClassDeclaration | Kind::AbstractClassDeclaration | Kind::Class => StmtKind::Class(self.class(node)),
            Kind::ReturnStatement => StmtKind::Return(self.named(node).first().map(|value| self.expr(*value))),
            Kind::ThrowStatement => match self.named(node).first() {
                Some(value) => StmtKind::Throw(self.expr(*value)),
                None => StmtKind::Nothing,
            },
            Kind::BreakStatement | Kind::ContinueStatement => StmtKind::Leave,
            Kind::IfStatement => self.if_statement(node),
            Kind::ForStatement | Kind::WhileStatement | Kind::DoStatement => self.loop_statement(node),
            Kind::ForInStatement => self.for_in(node),
            Kind::TryStatement => self.try_statement(node),
            Kind::SwitchStatement => self.switch(node),
            Kind::StatementBlock => StmtKind::Block(self.block(node)),
            Kind::LabeledStatement => match field(node, fields.body) {
                Some(body) => self.stmt(body).kind,
                None => StmtKind::Nothing,
            },
            Kind::ImportStatement => self.import(node),
            Kind::ExportStatement => self.export(node),
            Kind::EnumDeclaration => self.enumeration(node),
            _ => StmtKind::Nothing,
        }
    }

    /// The statements of a block, or the one statement that stands for one.
    pub(super) fn block(&mut self, node: Node<'_>) -> Box<[Stmt]> {
        match self.kind(node) {
            Kind::StatementBlock => {
                let children = self.named(node);
                children.into_iter().map(|child| self.stmt(child)).collect()
            }
            _ => Box::new([self.stmt(node)]),
        }
    }

    fn declaration(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        let declared = self
            .named(node)
            .into_iter()
            .filter(|child| self.names.kind(child.kind_id()) == Kind::VariableDeclarator)
            .collect::<Vec<_>>();
        let declared = declared.into_iter().filter_map(|child| {
            let target = self.pattern(field(child, fields.name)?);
            let value = field(child, fields.value).map(|value| self.expr(value));
            Some(Declarator { target, value })
        });
        StmtKind::Declare(declared.collect())
    }

    fn condition(&mut self, node: Node<'_>) -> Expr {
        match field(node, self.fields().condition) {
            Some(test) => self.expr(test),
            None => Expr { range: self.range(node), kind: ExprKind::Other(Box::default()) },
        }
    }

    fn if_statement(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        let test = self.condition(node);
        let then = field(node, fields.consequence).map(|then| self.block(then)).unwrap_or_default();
        let otherwise = field(node, fields.alternative).and_then(|clause| self.named(clause).first().copied());
        let otherwise = otherwise.map(|otherwise| self.block(otherwise)).unwrap_or_default();
        StmtKind::If(Box::new(If { test, then, otherwise }))
    }

    fn loop_statement(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        let before = match field(node, fields.initializer) {
            Some(before) if matches!(self.kind(before), Kind::LexicalDeclaration | Kind::VariableDeclaration) => {
                Box::new([self.stmt(before)]) as Box<[Stmt]>
            }
            _ => Box::default(),
        };
        let test = [fields.condition, fields.increment]
            .into_iter()
            .filter_map(|name| field(node, name))
            .filter(Node::is_named)
            .collect::<Vec<_>>();
        let test = test.into_iter().map(|test| self.expr(test)).collect();
        let body = field(node, fields.body).map(|body| self.block(body)).unwrap_or_default();
        StmtKind::Loop(Box::new(Loop { before, each: None, test, body }))
    }

    fn for_in(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        let target = field(node, fields.left).map(|left| self.pattern(left));
        let values = field(node, fields.right).map(|right| self.expr(right));
        let body = field(node, fields.body).map(|body| self.block(body)).unwrap_or_default();
        StmtKind::Loop(Box::new(Loop { before: Box::default(), each: target.zip(values), test: Box::default(), body }))
    }

    fn try_statement(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        let body = field(node, fields.body).map(|body| self.block(body)).unwrap_or_default();
        let handler = field(node, fields.handler);
        let failure = handler.and_then(|handler| field(handler, fields.parameter)).map(|failure| self.pattern(failure));
        let handler =
            handler.map(|handler| field(handler, fields.body).map(|body| self.block(body)).unwrap_or_default());
        let finally = field(node, fields.finalizer).and_then(|clause| field(clause, fields.body));
        let finally = finally.map(|finally| self.block(finally)).unwrap_or_default();
        StmtKind::Try(Box::new(Try { body, failure, handler, finally }))
    }

    fn switch(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        let Some(value) = field(node, fields.value).map(|value| self.expr(value)) else { return StmtKind::Nothing };
        let cases = field(node, fields.body).map(|body| self.named(body)).unwrap_or_default();
        let cases = cases.into_iter().map(|case| {
            let value = field(case, fields.value);
            let body = self.named(case).into_iter().filter(|child| Some(child.id()) != value.map(|value| value.id()));
            let body = body.collect::<Vec<_>>();
            Case {
                value: value.map(|value| self.expr(value)),
                body: body.into_iter().map(|stmt| self.stmt(stmt)).collect(),
            }
        });
        StmtKind::Switch(Box::new(Switch { value, cases: cases.collect() }))
    }

    fn import(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        let Some(module) = field(node, fields.source).map(|source| self.string(source)) else {
            return StmtKind::Nothing;
        };
        let mut names = Vec::new();
        // `import type` leaves nothing at run time.
        let is_type = Self::has_token(node, "type");
        let clause = self.named(node).into_iter().find(|child| self.kind(*child) == Kind::ImportClause);
        for part in clause.filter(|_| !is_type).map(|clause| self.named(clause)).unwrap_or_default() {
            match self.kind(part) {
                Kind::Identifier => names.push((SmolStr::new_static("default"), self.name(part))),
                Kind::NamespaceImport => {
                    let name = self.named(part).first().map(|name| self.name(*name));
                    names.extend(name.map(|name| (SmolStr::new_static("*"), name)));
                }
                Kind::NamedImports => {
                    for specifier in self.named(part) {
                        if Self::has_token(specifier, "type") {
                            continue;
                        }
                        let Some(there) = field(specifier, fields.name) else { continue };
                        let here = field(specifier, fields.alias).unwrap_or(there);
                        names.push((self.export_name(there), self.name(here)));
                    }
                }
                _ => {}
            }
        }
        if clause.is_some() && names.is_empty() {
            // Nothing but types.
            return StmtKind::Nothing;
        }
        StmtKind::Import(Box::new(Import { module, names: names.into() }))
    }

    /// A name of an export, which may be written as a string.
    fn export_name(&self, node: Node<'_>) -> SmolStr {
        match self.kind(node) {
            Kind::String => self.string(node),
            _ => self.name(node),
        }
    }

    fn export(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        let module = field(node, fields.source).map(|source| self.string(source));
        let is_default = Self::has_token(node, "default");
        if Self::has_token(node, "type") && field(node, fields.declaration).is_none() {
            return StmtKind::Nothing;
        }
        if let Some(value) = field(node, fields.value) {
            return StmtKind::ExportDefault(self.expr(value));
        }
        if let Some(declaration) = field(node, fields.declaration) {
            let declared = self.stmt(declaration);
            return match declared.kind {
                StmtKind::Function(function) if is_default => {
                    StmtKind::ExportDefault(Expr { range: declared.range, kind: ExprKind::Function(function) })
                }
                StmtKind::Class(class) if is_default => {
                    StmtKind::ExportDefault(Expr { range: declared.range, kind: ExprKind::Class(class) })
                }
                _ => StmtKind::Export(Box::new(declared)),
            };
        }
        let mut names = Vec::new();
        for child in self.named(node) {
            match self.kind(child) {
                Kind::ExportClause => {
                    for specifier in self.named(child) {
                        let Some(there) = field(specifier, fields.name) else { continue };
                        let here = field(specifier, fields.alias).unwrap_or(there);
                        names.push((self.export_name(there), self.export_name(here)));
                    }
                }
                Kind::NamespaceExport => {
                    let name = self.named(child).first().map(|name| self.export_name(*name));
                    names.extend(name.map(|name| (SmolStr::new_static("*"), name)));
                }
                _ => {}
            }
        }
        if names.is_empty() && module.is_some() && Self::has_token(node, "*") {
            names.push((SmolStr::new_static("*"), SmolStr::new_static("*")));
        }
        StmtKind::ExportNames(Box::new(ExportNames { module, names: names.into() }))
    }

    fn enumeration(&mut self, node: Node<'_>) -> StmtKind {
        let fields = self.fields();
        let Some(name) = field(node, fields.name).map(|name| self.name(name)) else { return StmtKind::Nothing };
        let members = field(node, fields.body).map(|body| self.named(body)).unwrap_or_default();
        let members = members.into_iter().filter_map(|member| match self.kind(member) {
            Kind::EnumAssignment => {
                let name = field(member, fields.name).and_then(|name| self.property_name(name))?;
                Some((name, field(member, fields.value).map(|value| self.expr(value))))
            }
            _ => Some((self.property_name(member)?, None)),
        });
        StmtKind::Enum(name, members.collect())
    }
}
