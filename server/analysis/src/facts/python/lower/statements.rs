//! Statements and functions.

use std::sync::Arc;

use memchr::memmem;
use smol_str::SmolStr;
use tree_sitter::Node;

use super::super::body::{Body, BodySource};
use super::super::item::{ItemSource, LoweredStmt};
use super::super::said_public::calls_public;
use super::super::tree::{
    Assign, AugAssign, Expr, ExprKind, Function, Handler, Ident, ImportFrom, ImportedModule, ImportedName, MatchCase,
    Param, ParamKind, Stmt, StmtKind,
};
use super::{Lower, field, field_children, hash, named_children, starts_line};
use crate::syntax::python::{Kind, fields, kind};
use crate::text::{KeptText, TextRange};

/// `elif` clauses of one `if` that are followed; each is a level of nesting.
const MAX_ELIFS: usize = 100;

/// The nesting of what a top-level statement is.
pub(super) const TOP_LEVEL: u32 = 1;

impl Lower<'_> {
    /// A top-level statement.
    pub(super) fn item(&mut self, node: Node<'_>) -> LoweredStmt {
        let mut stmt = self.stmt(node);
        // Room was left on the way to its end.
        stmt.range.end = self.range(node).end;
        LoweredStmt { stmt, rooms: std::mem::take(&mut self.rooms) }
    }

    pub(super) fn stmt(&mut self, node: Node<'_>) -> Stmt {
        let range = self.range(node);
        let kind = self.nested(|lower| lower.stmt_kind(node)).unwrap_or(StmtKind::Unknown);
        Stmt { range, kind }
    }

    fn stmt_kind(&mut self, node: Node<'_>) -> StmtKind {
        let f = fields();
        match kind(node.kind_id()) {
            Kind::ExpressionStatement => self.expression_statement(node),
            Kind::FunctionDefinition => StmtKind::Function(Arc::new(self.function(node, Vec::new()))),
            Kind::ClassDefinition => StmtKind::Class(Arc::new(self.class(node, Vec::new()))),
            Kind::DecoratedDefinition => self.decorated(node),
            Kind::ImportStatement => StmtKind::Import(self.imported_modules(node)),
            Kind::ImportFromStatement => StmtKind::ImportFrom(Box::new(self.import_from(node))),
            // `from __future__ import …` changes nothing that is looked at here.
            Kind::FutureImportStatement | Kind::PassStatement => StmtKind::Pass,
            Kind::ReturnStatement => StmtKind::Return(self.first_expr(node)),
            Kind::RaiseStatement => {
                let cause = field(node, f.cause);
                let exc = named_children(node).into_iter().find(|child| Some(*child) != cause);
                StmtKind::Raise { exc: exc.map(|n| self.expr(n)), cause: cause.map(|n| Box::new(self.expr(n))) }
            }
            Kind::IfStatement => self.if_statement(node),
            Kind::ForStatement => StmtKind::For {
                target: self.boxed(node, f.left),
                iter: self.boxed(node, f.right),
                body: self.block_field(node, f.body),
                or_else: self.else_block(node),
            },
            Kind::WhileStatement => StmtKind::While {
                test: self.boxed(node, f.condition),
                body: self.block_field(node, f.body),
                or_else: self.else_block(node),
            },
            Kind::TryStatement => self.try_statement(node),
            Kind::WithStatement => self.with_statement(node),
            Kind::MatchStatement => self.match_statement(node),
            Kind::AssertStatement => match self.first_expr(node) {
                Some(test) => StmtKind::Assert(test),
                None => StmtKind::Unknown,
            },
            Kind::DeleteStatement => StmtKind::Delete(named_children(node).into_iter().map(|n| self.expr(n)).collect()),
            Kind::GlobalStatement | Kind::NonlocalStatement => {
                StmtKind::Global(named_children(node).into_iter().map(|n| self.name(n)).collect())
            }
            Kind::BreakStatement => StmtKind::Break,
            Kind::ContinueStatement => StmtKind::Continue,
            Kind::TypeAliasStatement => self.type_alias(node),
            _ => StmtKind::Unknown,
        }
    }

    fn first_expr(&mut self, node: Node<'_>) -> Option<Expr> {
        named_children(node).first().map(|n| self.expr(*n))
    }

    fn expr_field(&mut self, node: Node<'_>, id: Option<std::num::NonZeroU16>) -> Expr {
        match field(node, id) {
            Some(child) => self.expr(child),
            None => Expr { range: self.range(node), kind: ExprKind::Unknown },
        }
    }

    pub(super) fn block(&mut self, node: Node<'_>) -> Vec<Stmt> {
        self.statements(node).into_iter().map(|n| self.stmt(n)).collect()
    }

    pub(super) fn statements<'n>(&mut self, block: Node<'n>) -> Vec<Node<'n>> {
        let statements: Vec<Node<'n>> = named_children(block).into_iter().filter(|n| !n.is_error()).collect();
        self.note_columns(&statements);
        statements
    }

    /// Notes the statements of a block that stand at another column than its first.
    fn note_columns(&mut self, statements: &[Node<'_>]) {
        let column = statements.first().map(|first| first.start_position().column);
        for statement in statements.iter().skip(1) {
            if Some(statement.start_position().column) != column && starts_line(self.text, statement.start_byte()) {
                self.misplaced.push(TextRange::new(statement.start_byte() as u32, statement.end_byte() as u32));
            }
        }
    }

    fn block_field(&mut self, node: Node<'_>, id: Option<std::num::NonZeroU16>) -> Vec<Stmt> {
        field(node, id).map(|block| self.block(block)).unwrap_or_default()
    }

    fn else_block(&mut self, node: Node<'_>) -> Vec<Stmt> {
        let alternative = field_children(node, fields().alternative).into_iter().next_back();
        alternative.map(|clause| self.block_field(clause, fields().body)).unwrap_or_default()
    }

    fn expression_statement(&mut self, node: Node<'_>) -> StmtKind {
        let children = named_children(node);
        let [child] = children.as_slice() else {
            // `a, b` without parentheses.
            let parts = children.into_iter().map(|n| self.expr(n)).collect();
            return StmtKind::Expr(Expr { range: self.range(node), kind: ExprKind::Tuple(parts) });
        };
        match kind(child.kind_id()) {
            Kind::Assignment => self.assignment(*child),
            Kind::AugmentedAssignment => {
                let operator = field(*child, fields().operator).map(|op| self.source(op)).unwrap_or_default();
                StmtKind::AugAssign(Box::new(AugAssign {
                    target: self.expr_field(*child, fields().left),
                    op: SmolStr::new(operator.trim_end_matches('=')),
                    value: self.expr_field(*child, fields().right),
                }))
            }
            Kind::Ellipsis => StmtKind::Pass,
            _ => match self.expr(*child) {
                expr if ends_process(&expr) => StmtKind::Raise { exc: Some(expr), cause: None },
                expr => StmtKind::Expr(expr),
            },
        }
    }

    fn assignment(&mut self, node: Node<'_>) -> StmtKind {
        let f = fields();
        let annotation = field(node, f.ty).map(|ty| self.annotation(ty));
        let mut targets = Vec::with_capacity(1);
        let mut current = node;
        loop {
            if targets.len() >= MAX_ELIFS {
                return StmtKind::Unknown;
            }
            targets.push(self.expr_field(current, f.left));
            match field(current, f.right) {
                Some(right) if kind(right.kind_id()) == Kind::Assignment => current = right,
                Some(right) => {
                    let value = Some(self.expr(right));
                    return StmtKind::Assign(Box::new(Assign { targets, annotation, value }));
                }
                None => return StmtKind::Assign(Box::new(Assign { targets, annotation, value: None })),
            }
        }
    }

    fn imported_modules(&mut self, node: Node<'_>) -> Vec<ImportedModule> {
        let clauses = field_children(node, fields().name).into_iter();
        clauses
            .map(|clause| {
                let (name, alias) = self.import_clause(clause);
                ImportedModule { module: name, alias, range: self.range(clause) }
            })
            .collect()
    }

    fn import_clause(&self, clause: Node<'_>) -> (SmolStr, Option<SmolStr>) {
        let dotted = |node: Node<'_>| SmolStr::new(self.source(node).split_whitespace().collect::<String>());
        if kind(clause.kind_id()) == Kind::AliasedImport {
            let name = field(clause, fields().name).map(dotted).unwrap_or_default();
            return (name, field(clause, fields().alias).map(|n| self.name(n)));
        }
        (dotted(clause), None)
    }

    fn import_from(&mut self, node: Node<'_>) -> ImportFrom {
        let mut import = ImportFrom { level: 0, module: SmolStr::default(), names: Vec::new(), star: false };
        if let Some(module) = field(node, fields().module_name) {
            let source: String = self.source(module).split_whitespace().collect();
            let name = source.trim_start_matches('.');
            import.level = (source.len() - name.len()) as u32;
            import.module = SmolStr::new(name);
        }
        let clauses = field_children(node, fields().name);
        import.names.reserve_exact(clauses.len());
        for clause in clauses {
            let (name, alias) = self.import_clause(clause);
            import.names.push(ImportedName { name, alias, range: self.range(clause) });
        }
        import.star = named_children(node).iter().any(|n| kind(n.kind_id()) == Kind::WildcardImport);
        import
    }

    fn type_alias(&mut self, node: Node<'_>) -> StmtKind {
        let (Some(left), Some(right)) = (field(node, fields().left), field(node, fields().right)) else {
            return StmtKind::Unknown;
        };
        let left = self.annotation(left);
        let name = match &left.kind {
            ExprKind::Name(name) => name.clone(),
            ExprKind::Subscript { value, .. } => value.as_name().cloned().unwrap_or_default(),
            _ => return StmtKind::Unknown,
        };
        StmtKind::TypeAlias { name: Ident { name, range: left.range }, value: self.annotation(right) }
    }

    fn decorated(&mut self, node: Node<'_>) -> StmtKind {
        let mut decorators = Vec::with_capacity(1);
        for child in named_children(node) {
            match kind(child.kind_id()) {
                Kind::Decorator => decorators.extend(self.first_expr(child)),
                Kind::FunctionDefinition => {
                    return StmtKind::Function(Arc::new(self.function(child, decorators)));
                }
                Kind::ClassDefinition => return StmtKind::Class(Arc::new(self.class(child, decorators))),
                _ => {}
            }
        }
        StmtKind::Unknown
    }

    pub(super) fn ident(&self, node: Option<Node<'_>>, fallback: Node<'_>) -> Ident {
        let node = node.unwrap_or(fallback);
        Ident { name: self.name(node), range: self.range(node) }
    }

    fn function(&mut self, node: Node<'_>, decorators: Vec<Expr>) -> Function {
        let f = fields();
        let body_node = field(node, f.body);
        let parameters = field(node, f.parameters);
        let params = parameters.map(|list| self.params(list)).unwrap_or_default();
        let body = body_node.map(|block| self.function_body(node, block)).unwrap_or_default();
        let header_end = body_node.and_then(|body| colon_before(node, body)).unwrap_or(node.end_byte());
        let base = self.base;
        let relative = |byte: usize| (byte as u32).wrapping_sub(base);
        let docstring = body_node.and_then(docstring).filter(|_| !decorators.is_empty());
        Function {
            name: self.ident(field(node, f.name), node),
            is_async: self.source(node).starts_with("async"),
            decorators,
            params,
            params_range: parameters.map(|list| self.range(list)).unwrap_or_default(),
            returns: field(node, f.return_type).map(|ty| self.annotation(ty)),
            header: TextRange::new(relative(node.start_byte()), relative(header_end)),
            body_hash: body_node.map_or(0, |body| hash(self.source(body).as_bytes())),
            says_public: docstring.is_some_and(|text| calls_public(self.source(text))),
            is_generator: body_node.is_some_and(|body| self.source(body).contains("yield") && has_yield(body)),
            body,
        }
    }

    /// The body of a function. One that may make an application is part of its
    /// module's outline, and not left for later.
    fn function_body(&mut self, function: Node<'_>, block: Node<'_>) -> Body {
        let Some(text) = self.shared.filter(|_| !names_applications(self.source(block))) else {
            let mut body = self.block(block);
            take_docstring(&mut body);
            return Body::new(body);
        };
        self.note_misplaced(block);
        Body::later(BodySource {
            text: text.clone(),
            function: TextRange::new(function.start_byte() as u32, function.end_byte() as u32).shifted(self.offset),
            item: self.base.wrapping_add(self.offset),
            nesting: self.nesting,
        })
    }

    /// Leaves a definition for later, unless it may make an application.
    pub(super) fn definition_for_later(&mut self, node: Node<'_>, text: &KeptText) -> Option<ItemSource> {
        let definition = match kind(node.kind_id()) {
            Kind::FunctionDefinition | Kind::ClassDefinition => node,
            Kind::DecoratedDefinition => field(node, fields().definition)?,
            _ => return None,
        };
        let name = field(definition, fields().name)?;
        if names_applications(self.source(node)) {
            return None;
        }
        self.note_misplaced(node);
        let range = TextRange::new(node.start_byte() as u32, node.end_byte() as u32);
        let bases = field(definition, fields().superclasses).map(|list| self.base_names(list)).unwrap_or_default();
        Some(ItemSource { name: Some(self.name(name)), bases, text: text.clone(), range })
    }

    /// The last names of what a class derives from.
    fn base_names(&self, list: Node<'_>) -> Box<[SmolStr]> {
        let last = |base: Node<'_>| {
            let mut text = self.source(base);
            if kind(base.kind_id()) == Kind::KeywordArgument {
                return None;
            }
            text = text.split('[').next().unwrap_or(text).trim_end();
            let name = text.rsplit('.').next().unwrap_or(text).trim();
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_name.then(|| SmolStr::new(name))
        };
        named_children(list).into_iter().filter_map(last).collect()
    }

    /// Notes the misplaced statements below a block, as [`Lower::block`] does.
    fn note_misplaced(&mut self, block: Node<'_>) {
        let mut pending = vec![block];
        while let Some(node) = pending.pop() {
            let children = named_children(node);
            if kind(node.kind_id()) == Kind::Block {
                self.note_columns(&children);
            }
            // A block with two statements on lines of their own spans several.
            pending.extend(children.into_iter().filter(|child| child.start_position().row < child.end_position().row));
        }
    }

    pub(super) fn params(&mut self, list: Node<'_>) -> Vec<Param> {
        let f = fields();
        let nodes = named_children(list);
        let mut params: Vec<Param> = Vec::with_capacity(nodes.len());
        let mut kind_now = ParamKind::Normal;
        for node in nodes {
            let mut name_node = None;
            match kind(node.kind_id()) {
                Kind::PositionalSeparator => {
                    params.iter_mut().for_each(|param| param.kind = ParamKind::PositionalOnly);
                    continue;
                }
                Kind::KeywordSeparator => {
                    kind_now = ParamKind::KeywordOnly;
                    continue;
                }
                Kind::Identifier => name_node = Some(node),
                Kind::DefaultParameter | Kind::TypedDefaultParameter => name_node = field(node, f.name),
                Kind::TypedParameter => name_node = named_children(node).into_iter().next(),
                Kind::ListSplatPattern | Kind::DictionarySplatPattern => name_node = Some(node),
                _ => {}
            }
            let Some(name_node) = name_node else { continue };
            let mut kind_here = kind_now;
            let mut ident_node = name_node;
            match kind(name_node.kind_id()) {
                Kind::ListSplatPattern => kind_here = ParamKind::VarArgs,
                Kind::DictionarySplatPattern => kind_here = ParamKind::KwArgs,
                _ => {}
            }
            if matches!(kind_here, ParamKind::VarArgs | ParamKind::KwArgs) {
                ident_node = named_children(name_node).into_iter().next().unwrap_or(name_node);
            }
            if kind_here == ParamKind::VarArgs {
                kind_now = ParamKind::KeywordOnly;
            }
            params.push(Param {
                name: self.ident(Some(ident_node), node),
                kind: kind_here,
                annotation: field(node, f.ty).map(|ty| self.annotation(ty)),
                default: field(node, f.value).map(|value| self.expr(value)),
                range: self.range(node),
            });
        }
        params
    }

    fn if_statement(&mut self, node: Node<'_>) -> StmtKind {
        let f = fields();
        let mut clauses = field_children(node, f.alternative);
        let mut or_else = Vec::new();
        if clauses.last().is_some_and(|last| kind(last.kind_id()) == Kind::ElseClause)
            && let Some(last) = clauses.pop()
        {
            or_else = self.block_field(last, f.body);
        }
        if clauses.len() > MAX_ELIFS {
            return StmtKind::Unknown;
        }
        for clause in clauses.into_iter().rev() {
            let nested = StmtKind::If {
                test: self.boxed(clause, f.condition),
                body: self.block_field(clause, f.consequence),
                or_else,
            };
            or_else = vec![Stmt { range: self.range(clause), kind: nested }];
        }
        StmtKind::If { test: self.boxed(node, f.condition), body: self.block_field(node, f.consequence), or_else }
    }

    fn try_statement(&mut self, node: Node<'_>) -> StmtKind {
        let f = fields();
        let (mut handlers, mut or_else, mut finally) = (Vec::new(), Vec::new(), Vec::new());
        for clause in named_children(node) {
            match kind(clause.kind_id()) {
                Kind::ExceptClause => handlers.push(self.handler(clause)),
                Kind::ElseClause => or_else = self.block_field(clause, f.body),
                Kind::FinallyClause => {
                    let block = named_children(clause).into_iter().find(|n| kind(n.kind_id()) == Kind::Block);
                    finally = block.map(|block| self.block(block)).unwrap_or_default();
                }
                _ => {}
            }
        }
        StmtKind::Try { body: self.block_field(node, f.body), handlers, or_else, finally }
    }

    /// An `except` clause. `except A, B:` is Python 3.14 (PEP 758).
    fn handler(&mut self, node: Node<'_>) -> Handler {
        let mut handler = Handler { types: Vec::new(), name: None, body: Vec::new(), range: self.range(node) };
        for value in field_children(node, fields().value) {
            let mut class = value;
            if kind(value.kind_id()) == Kind::AsPattern {
                let children = named_children(value);
                handler.name = children.get(1).map(|alias| self.name(*alias));
                class = children.first().copied().unwrap_or(value);
            }
            let class = self.expr(class);
            match class.kind {
                ExprKind::Tuple(classes) => handler.types.extend(classes),
                _ => handler.types.push(class),
            }
        }
        if let Some(block) = named_children(node).into_iter().find(|n| kind(n.kind_id()) == Kind::Block) {
            handler.body = self.block(block);
        }
        handler
    }

    fn with_statement(&mut self, node: Node<'_>) -> StmtKind {
        let mut items = Vec::new();
        let clause = named_children(node).into_iter().find(|n| kind(n.kind_id()) == Kind::WithClause);
        for item in clause.map(named_children).unwrap_or_default() {
            let Some(value) = field(item, fields().value) else { continue };
            if kind(value.kind_id()) == Kind::AsPattern {
                let parts = named_children(value);
                let target = parts.get(1).and_then(|target| named_children(*target).into_iter().next());
                if let Some(context) = parts.first() {
                    items.push((self.expr(*context), target.map(|target| self.expr(target))));
                }
            } else {
                items.push((self.expr(value), None));
            }
        }
        StmtKind::With { items, body: self.block_field(node, fields().body) }
    }

    fn match_statement(&mut self, node: Node<'_>) -> StmtKind {
        let f = fields();
        let clauses = field(node, f.body).map(|body| field_children(body, f.alternative)).unwrap_or_default();
        let cases = clauses.into_iter().map(|clause| self.case(clause)).collect();
        StmtKind::Match { subject: self.expr_field(node, f.subject), cases }
    }

    fn case(&mut self, node: Node<'_>) -> MatchCase {
        let f = fields();
        let patterns: Vec<_> =
            named_children(node).into_iter().filter(|n| kind(n.kind_id()) == Kind::CasePattern).collect();
        let guard = field(node, f.guard).and_then(|guard| self.first_expr(guard));
        let mut binds = Vec::new();
        let mut value = None;
        let mut irrefutable = false;
        if let [pattern] = patterns.as_slice() {
            let source = self.source(*pattern).trim();
            let bare = source.chars().all(|c| c.is_alphanumeric() || c == '_');
            let starts_as_name = source.starts_with(|c: char| c.is_alphabetic() || c == '_');
            irrefutable = guard.is_none() && bare && starts_as_name && !matches!(source, "None" | "True" | "False");
            let inner = named_children(*pattern);
            if !irrefutable
                && let [inner] = inner.as_slice()
                && matches!(
                    kind(inner.kind_id()),
                    Kind::String | Kind::Integer | Kind::None | Kind::True | Kind::False | Kind::DottedName
                )
            {
                value = Some(self.expr(*inner));
            }
        }
        for pattern in patterns {
            self.pattern_names(pattern, &mut binds);
        }
        MatchCase { binds, irrefutable, value, guard, body: self.block_field(node, f.consequence) }
    }

    /// Names that a pattern may bind: single identifiers that are no class or attribute.
    fn pattern_names(&self, pattern: Node<'_>, names: &mut Vec<SmolStr>) {
        let mut pending = vec![pattern];
        while let Some(node) = pending.pop() {
            let source = self.source(node);
            if matches!(kind(node.kind_id()), Kind::DottedName | Kind::Identifier) {
                if !source.contains('.') && source != "_" {
                    names.push(SmolStr::new(source));
                }
                continue;
            }
            pending.extend(named_children(node));
        }
        names.sort_unstable();
        names.dedup();
    }
}

/// Whether code may make an application: then it is part of its module's outline.
fn names_applications(source: &str) -> bool {
    memmem::find(source.as_bytes(), b"FastAPI").is_some()
}

/// Removes the docstring from the front of a body.
pub(super) fn take_docstring(body: &mut Vec<Stmt>) {
    if matches!(body.first().map(|stmt| &stmt.kind), Some(StmtKind::Expr(Expr { kind: ExprKind::Str(_), .. }))) {
        body.remove(0);
    }
}

/// The docstring of a body.
fn docstring(body: Node<'_>) -> Option<Node<'_>> {
    let first = body.named_child(0).filter(|first| first.kind() == "expression_statement")?;
    first.named_child(0).filter(|text| text.kind() == "string")
}

/// Whether a statement is the end of the process, behind which nothing is done: `sys.exit(1)` raises `SystemExit`.
fn ends_process(expr: &Expr) -> bool {
    let Some((func, _)) = expr.as_call() else { return false };
    let ExprKind::Attribute { value, name } = &func.kind else { return false };
    matches!(
        (value.as_name().map(SmolStr::as_str), name.name.as_str()),
        (Some("sys"), "exit") | (Some("os"), "_exit" | "abort")
    )
}

/// Offset behind the colon that ends a header.
fn colon_before(definition: Node<'_>, body: Node<'_>) -> Option<usize> {
    let mut cursor = definition.walk();
    let colons = definition.children(&mut cursor).filter(|child| child.kind() == ":");
    colons.filter(|colon| colon.end_byte() <= body.start_byte()).last().map(|colon| colon.end_byte())
}

/// Whether a body holds `yield` outside of nested functions.
fn has_yield(body: Node<'_>) -> bool {
    let mut pending = vec![body];
    while let Some(node) = pending.pop() {
        match kind(node.kind_id()) {
            Kind::Yield => return true,
            Kind::FunctionDefinition | Kind::Lambda | Kind::ClassDefinition => {}
            _ => {
                let mut cursor = node.walk();
                pending.extend(node.named_children(&mut cursor));
            }
        }
    }
    false
}
