//! Expressions, arguments and annotations.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::super::tree::{Arg, Comprehension, ComprehensionClause, Expr, ExprKind, Ident, Spread};
use super::{Lower, field, field_children, named_children};
use crate::syntax::python::{Kind, fields, kind};
use crate::syntax::{Grammar, parse};
use crate::text::TextRange;

impl Lower<'_> {
    pub(super) fn expr(&mut self, node: Node<'_>) -> Expr {
        let range = self.range(node);
        let kind = self.nested(|lower| lower.expr_kind(node)).unwrap_or(ExprKind::Unknown);
        // Parentheses leave no trace but the wider range of what they hold.
        Expr { range, kind }
    }

    pub(super) fn boxed(&mut self, node: Node<'_>, id: Option<std::num::NonZeroU16>) -> Box<Expr> {
        Box::new(match field(node, id) {
            Some(child) => self.expr(child),
            None => Expr { range: self.range(node), kind: ExprKind::Unknown },
        })
    }

    fn exprs(&mut self, nodes: Vec<Node<'_>>) -> Vec<Expr> {
        nodes.into_iter().map(|node| self.expr(node)).collect()
    }

    fn expr_kind(&mut self, node: Node<'_>) -> ExprKind {
        let f = fields();
        match kind(node.kind_id()) {
            Kind::Identifier => ExprKind::Name(self.name(node)),
            Kind::DottedName => self.dotted(node),
            Kind::Attribute => {
                let value = self.boxed(node, f.object);
                let attribute = field(node, f.attribute).unwrap_or(node);
                ExprKind::Attribute { value, name: Ident { name: self.name(attribute), range: self.range(attribute) } }
            }
            Kind::Call => {
                let func = self.boxed(node, f.function);
                let args = field(node, f.arguments).map(|list| self.args(list)).unwrap_or_default();
                called(func, args)
            }
            Kind::Subscript => self.subscript(node),
            Kind::GenericType => self.generic_type(node),
            Kind::Type | Kind::ParenthesizedExpression | Kind::ParenthesizedListSplat | Kind::Interpolation => {
                let inner = field(node, f.expression).or_else(|| named_children(node).into_iter().next());
                inner.map_or(ExprKind::Unknown, |inner| self.expr(inner).kind)
            }
            Kind::UnionType => self.union_type(node),
            Kind::String => self.string(node),
            Kind::ConcatenatedString => self.concatenated(node),
            Kind::Integer => match self.source(node).replace('_', "").parse() {
                Ok(value) => ExprKind::Int(value),
                Err(_) => ExprKind::Number,
            },
            Kind::Float => ExprKind::Number,
            Kind::True => ExprKind::Bool(true),
            Kind::False => ExprKind::Bool(false),
            Kind::None => ExprKind::None,
            Kind::Ellipsis => ExprKind::Ellipsis,
            Kind::List | Kind::ListPattern => ExprKind::List(self.exprs(named_children(node))),
            Kind::Tuple | Kind::TuplePattern | Kind::ExpressionList | Kind::PatternList => {
                ExprKind::Tuple(self.exprs(named_children(node)))
            }
            Kind::Set => ExprKind::Set(self.exprs(named_children(node))),
            Kind::Dictionary => self.dictionary(node),
            Kind::BinaryOperator => ExprKind::Binary {
                op: field(node, f.operator).map(|op| self.name(op)).unwrap_or_default(),
                left: self.boxed(node, f.left),
                right: self.boxed(node, f.right),
            },
            Kind::BooleanOperator => self.boolean(node),
            Kind::NotOperator => ExprKind::Not(self.boxed(node, f.argument)),
            Kind::UnaryOperator => ExprKind::Unary(self.boxed(node, f.argument)),
            Kind::ComparisonOperator => self.comparison(node),
            Kind::ConditionalExpression => match named_children(node).as_slice() {
                [body, test, or_else] => ExprKind::IfExp {
                    test: Box::new(self.expr(*test)),
                    body: Box::new(self.expr(*body)),
                    or_else: Box::new(self.expr(*or_else)),
                },
                _ => ExprKind::Unknown,
            },
            Kind::Lambda => ExprKind::Lambda {
                params: field(node, f.parameters).map(|list| self.params(list)).unwrap_or_default(),
                body: self.boxed(node, f.body),
            },
            Kind::Await => match named_children(node).first() {
                Some(inner) => ExprKind::Await(Box::new(self.expr(*inner))),
                None => ExprKind::Unknown,
            },
            Kind::Yield => ExprKind::Yield(named_children(node).first().map(|n| Box::new(self.expr(*n)))),
            Kind::ListSplat | Kind::ListSplatPattern | Kind::SplatType => match named_children(node).first() {
                Some(inner) => ExprKind::Starred(Box::new(self.expr(*inner))),
                None => ExprKind::Unknown,
            },
            Kind::NamedExpression => {
                let name = field(node, f.name).unwrap_or(node);
                ExprKind::Walrus {
                    name: Ident { name: self.name(name), range: self.range(name) },
                    value: self.boxed(node, f.value),
                }
            }
            Kind::ListComprehension
            | Kind::SetComprehension
            | Kind::GeneratorExpression
            | Kind::DictionaryComprehension => self.comprehension(node),
            Kind::Slice => ExprKind::Slice(self.exprs(named_children(node))),
            _ => ExprKind::Unknown,
        }
    }

    /// A dotted name in a pattern.
    fn dotted(&mut self, node: Node<'_>) -> ExprKind {
        let range = self.range(node);
        let mut parts = named_children(node).into_iter();
        let Some(first) = parts.next() else { return ExprKind::Unknown };
        let mut kind = ExprKind::Name(self.name(first));
        for part in parts {
            let name = Ident { name: self.name(part), range: self.range(part) };
            kind = ExprKind::Attribute { value: Box::new(Expr { range, kind }), name };
        }
        kind
    }

    fn subscript(&mut self, node: Node<'_>) -> ExprKind {
        let value = self.boxed(node, fields().value);
        let index = self.exprs(field_children(node, fields().subscript));
        let trailing_comma = self.source(node).trim_end_matches(']').trim_end().ends_with(',');
        ExprKind::Subscript { value, index: Box::new(self.index(node, index, trailing_comma)) }
    }

    /// `X[a, b]` in an annotation, which the grammar keeps apart.
    fn generic_type(&mut self, node: Node<'_>) -> ExprKind {
        let children = named_children(node);
        let [value, parameters] = children.as_slice() else { return ExprKind::Unknown };
        let value = Box::new(self.expr(*value));
        let index = self.exprs(named_children(*parameters));
        ExprKind::Subscript { value, index: Box::new(self.index(*parameters, index, false)) }
    }

    fn index(&mut self, node: Node<'_>, mut index: Vec<Expr>, tuple: bool) -> Expr {
        match (index.len(), tuple) {
            (1, false) => index.remove(0),
            _ => Expr { range: self.range(node), kind: ExprKind::Tuple(index) },
        }
    }

    fn union_type(&mut self, node: Node<'_>) -> ExprKind {
        let range = self.range(node);
        let mut parts = self.exprs(named_children(node)).into_iter();
        let Some(first) = parts.next() else { return ExprKind::Unknown };
        let joined = parts.fold(first, |left, right| Expr {
            range,
            kind: ExprKind::Binary { op: SmolStr::new_static("|"), left: Box::new(left), right: Box::new(right) },
        });
        joined.kind
    }

    fn dictionary(&mut self, node: Node<'_>) -> ExprKind {
        let children = named_children(node);
        let mut entries = Vec::with_capacity(children.len());
        for child in children {
            match kind(child.kind_id()) {
                Kind::Pair => {
                    let key = *self.boxed(child, fields().key);
                    entries.push((Some(key), *self.boxed(child, fields().value)));
                }
                Kind::DictionarySplat => {
                    if let Some(inner) = named_children(child).first() {
                        entries.push((None, self.expr(*inner)));
                    }
                }
                _ => {}
            }
        }
        ExprKind::Dict(entries)
    }

    /// `a and b and c`, which the grammar nests to the left, as one list.
    fn boolean(&mut self, node: Node<'_>) -> ExprKind {
        let operator = |node: Node<'_>| field(node, fields().operator).map(|op| self.source(op)).unwrap_or_default();
        let own = operator(node);
        let mut operands = Vec::new();
        let mut current = node;
        loop {
            operands.extend(field(current, fields().right));
            match field(current, fields().left) {
                Some(left) if kind(left.kind_id()) == Kind::BooleanOperator && operator(left) == own => {
                    current = left;
                }
                Some(left) => {
                    operands.push(left);
                    break;
                }
                None => break,
            }
        }
        operands.reverse();
        ExprKind::BoolOp { and: own == "and", values: self.exprs(operands) }
    }

    fn comparison(&mut self, node: Node<'_>) -> ExprKind {
        let mut operands = named_children(node).into_iter();
        let Some(first) = operands.next() else { return ExprKind::Unknown };
        let first = Box::new(self.expr(first));
        let operands: Vec<_> = operands.collect();
        let mut previous_end = first.range.end.wrapping_add(self.base);
        let mut rest = Vec::with_capacity(operands.len());
        for operand in operands {
            let between = TextRange::new(previous_end, operand.start_byte() as u32).slice(self.text);
            let op: Vec<&str> = between.split_whitespace().filter(|word| *word != "\\").collect();
            previous_end = operand.end_byte() as u32;
            rest.push((SmolStr::new(op.join(" ")), self.expr(operand)));
        }
        ExprKind::Compare { first, rest }
    }

    fn comprehension(&mut self, node: Node<'_>) -> ExprKind {
        let f = fields();
        let Some(body) = field(node, f.body) else { return ExprKind::Unknown };
        let (element, value) = if kind(body.kind_id()) == Kind::Pair {
            (*self.boxed(body, f.key), Some(*self.boxed(body, f.value)))
        } else {
            (self.expr(body), None)
        };
        let mut clauses: Vec<ComprehensionClause> = Vec::with_capacity(1);
        for child in named_children(node) {
            match kind(child.kind_id()) {
                Kind::ForInClause => clauses.push(ComprehensionClause {
                    target: *self.boxed(child, f.left),
                    iter: *self.boxed(child, f.right),
                    conditions: Vec::new(),
                }),
                Kind::IfClause => {
                    if let (Some(clause), Some(test)) = (clauses.last_mut(), named_children(child).first()) {
                        clause.conditions.push(self.expr(*test));
                    }
                }
                _ => {}
            }
        }
        ExprKind::Comprehension(Box::new(Comprehension { element, value, clauses }))
    }

    /// The arguments of a call or class statement.
    pub(super) fn args(&mut self, list: Node<'_>) -> Vec<Arg> {
        if kind(list.kind_id()) == Kind::GeneratorExpression {
            return vec![Arg { name: None, spread: Spread::No, value: self.expr(list) }];
        }
        let nodes = named_children(list);
        let mut args = Vec::with_capacity(nodes.len());
        for node in nodes {
            let inner = || named_children(node).into_iter().next();
            let (name, spread, value) = match kind(node.kind_id()) {
                Kind::KeywordArgument => {
                    let name = field(node, fields().name).unwrap_or(node);
                    let ident = Ident { name: self.name(name), range: self.range(name) };
                    (Some(ident), Spread::No, field(node, fields().value))
                }
                Kind::ListSplat => (None, Spread::Iterable, inner()),
                Kind::DictionarySplat => (None, Spread::Mapping, inner()),
                _ => (None, Spread::No, Some(node)),
            };
            if let Some(value) = value {
                args.push(Arg { name, spread, value: self.expr(value) });
            }
        }
        args
    }

    /// An annotation; one written as a string is parsed.
    pub(super) fn annotation(&mut self, node: Node<'_>) -> Expr {
        let expr = self.expr(node);
        let ExprKind::Str(source) = &expr.kind else { return expr };
        match parse_expression(source, expr.range) {
            Some(parsed) => parsed,
            None => expr,
        }
    }

    fn concatenated(&mut self, node: Node<'_>) -> ExprKind {
        let parts = self.exprs(named_children(node));
        if parts.iter().all(|part| matches!(part.kind, ExprKind::Str(_))) {
            let text: String = parts.iter().filter_map(|part| part.as_str().map(SmolStr::as_str)).collect();
            return ExprKind::Str(text.into());
        }
        if parts.iter().any(|part| matches!(part.kind, ExprKind::Bytes)) {
            return ExprKind::Bytes;
        }
        let flat = parts.into_iter().flat_map(|part| match part.kind {
            ExprKind::FString(inner) => inner,
            _ => vec![part],
        });
        ExprKind::FString(flat.collect())
    }

    fn string(&mut self, node: Node<'_>) -> ExprKind {
        let mut prefix = "";
        let mut parts: Vec<Expr> = Vec::new();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            match kind(child.kind_id()) {
                Kind::StringStart => prefix = self.source(child),
                Kind::StringContent => {
                    let raw = prefix.contains(['r', 'R']);
                    let formatted = prefix.contains(['f', 'F', 't', 'T']);
                    let text = unescape(self.source(child), raw, formatted);
                    parts.push(Expr { range: self.range(child), kind: ExprKind::Str(text.into()) });
                }
                Kind::Interpolation => parts.push(self.expr(child)),
                _ => {}
            }
        }
        let flags = prefix.trim_end_matches(['"', '\'']);
        if flags.contains(['b', 'B']) {
            return ExprKind::Bytes;
        }
        if flags.contains(['f', 'F', 't', 'T']) {
            return ExprKind::FString(parts);
        }
        let text: String = parts.iter().filter_map(|part| part.as_str().map(SmolStr::as_str)).collect();
        ExprKind::Str(text.into())
    }
}

/// Parses the text of a string annotation; every node gets the string's range.
fn parse_expression(source: &str, range: TextRange) -> Option<Expr> {
    if source.len() > 2_000 {
        return None;
    }
    let tree = parse(Grammar::Python, source, None)?;
    let root = tree.root_node();
    if root.has_error() || root.named_child_count() != 1 {
        return None;
    }
    let statement = root.named_child(0)?;
    if kind(statement.kind_id()) != Kind::ExpressionStatement {
        return None;
    }
    let mut expr = Lower::over(source).expr(statement.named_child(0)?);
    place(&mut expr, range);
    Some(expr)
}

/// Gives an expression and the parts that annotations consist of one range.
fn place(expr: &mut Expr, range: TextRange) {
    expr.range = range;
    match &mut expr.kind {
        ExprKind::Attribute { value, name } => {
            name.range = range;
            place(value, range);
        }
        ExprKind::Subscript { value, index } => {
            place(value, range);
            place(index, range);
        }
        ExprKind::Binary { left, right, .. } => {
            place(left, range);
            place(right, range);
        }
        ExprKind::Tuple(parts) | ExprKind::List(parts) => parts.iter_mut().for_each(|part| place(part, range)),
        ExprKind::Call { func, args } => {
            place(func, range);
            for arg in args {
                if let Some(name) = &mut arg.name {
                    name.range = range;
                }
                place(&mut arg.value, range);
            }
        }
        _ => {}
    }
}

/// The value of a string literal's content (Python reference 2.4.1.1). Escapes
/// that name characters (`\N{…}`) and octal ones are kept as they are written.
fn unescape(content: &str, raw: bool, formatted: bool) -> String {
    let content = if formatted { content.replace("{{", "{").replace("}}", "}") } else { content.to_owned() };
    if raw || !content.contains('\\') {
        return content;
    }
    let mut out = String::with_capacity(content.len());
    let mut chars = content.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(escape) = chars.next() else {
            out.push('\\');
            break;
        };
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        match escape {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(escape),
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            _ if digits > 0 => {
                let code: String = chars.clone().take(digits).collect();
                match u32::from_str_radix(&code, 16).ok().and_then(char::from_u32) {
                    Some(c) if code.len() == digits => {
                        out.push(c);
                        chars.nth(digits - 1);
                    }
                    _ => out.extend(['\\', escape]),
                }
            }
            _ => out.extend(['\\', escape]),
        }
    }
    out
}

/// A call; what is handed to a thread is called there: `asyncio.to_thread(f, x)` is `f(x)`, and so is
/// `loop.run_in_executor(None, f, x)`; a function without parameters that is written there (`lambda: f(x)`) is what it gives. What is waited for is called as well: `asyncio.wait_for(f(x), timeout=5)` is `f(x)`.
fn called(func: Box<Expr>, mut args: Vec<Arg>) -> ExprKind {
    let last = |expr: &Expr| match &expr.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Attribute { name, .. } => Some(name.name.clone()),
        _ => None,
    };
    let of = match &func.kind {
        ExprKind::Attribute { value, .. } => last(value),
        _ => None,
    };
    let before = match (of.as_deref(), last(&func).as_deref()) {
        (None | Some("asyncio"), Some("wait_for" | "shield")) => {
            let is_call = |arg: &Arg| arg.name.is_none() && arg.spread == Spread::No && arg.value.as_call().is_some();
            return match args.first().is_some_and(is_call) {
                true => args.swap_remove(0).value.kind,
                false => ExprKind::Call { func, args },
            };
        }
        (_, Some("to_thread" | "run_in_threadpool")) | (Some("to_thread"), Some("run_sync")) => 0,
        (_, Some("run_in_executor")) => 1,
        _ => return ExprKind::Call { func, args },
    };
    let is_plain = |arg: &Arg| arg.name.is_none() && arg.spread == Spread::No;
    if args.len() <= before || !args[..=before].iter().all(is_plain) {
        return ExprKind::Call { func, args };
    }
    // `asyncio.to_thread(lambda: f(x))`
    if args.len() == before + 1
        && matches!(&args[before].value.kind, ExprKind::Lambda { params, .. } if params.is_empty())
        && let Some(Expr { kind: ExprKind::Lambda { body, .. }, .. }) = args.pop().map(|arg| arg.value)
    {
        return body.kind;
    }
    if args.get(before).is_none_or(|arg| last(&arg.value).is_none()) {
        return ExprKind::Call { func, args };
    }
    let rest = args.split_off(before + 1);
    let func = args.pop().map_or(func, |arg| Box::new(arg.value));
    ExprKind::Call { func, args: rest }
}
