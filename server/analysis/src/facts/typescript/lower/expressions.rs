//! Expressions, functions and classes.

use std::sync::Arc;

use smol_str::SmolStr;
use tree_sitter::Node;

use super::{Lower, directive_of, field};
use crate::facts::typescript::tree::{
    Assign, Binary, Call, Class, Conditional, Element, Expr, ExprKind, Function, Index, Jsx, Member, Method, Operator,
    Parameter, Pattern, Property, Stmt, StmtKind, TemplatePart, Written, WrittenPart,
};
use crate::syntax::typescript::Kind;
use crate::text::TextRange;

impl Lower<'_> {
    pub(super) fn expr(&mut self, node: Node<'_>) -> Expr {
        // What only says something about types is what it holds.
        let mut node = node;
        while matches!(
            self.kind(node),
            Kind::ParenthesizedExpression | Kind::AsExpression | Kind::SatisfiesExpression | Kind::NonNullExpression
        ) {
            let Some(inner) = self.named(node).first().copied() else { break };
            node = inner;
        }
        let range = self.range(node);
        let kind = self.nested(|lower| lower.expr_kind(node)).unwrap_or(ExprKind::Other(Box::default()));
        Expr { range, kind }
    }

    fn expr_kind(&mut self, node: Node<'_>) -> ExprKind {
        let fields = self.fields();
        match self.kind(node) {
            Kind::Identifier | Kind::ShorthandProperty => ExprKind::Name(self.name(node)),
            // `import.meta`: no other name has a dot.
            Kind::MetaProperty => ExprKind::Name(self.name(node)),
            Kind::This => ExprKind::This,
            Kind::Super => ExprKind::Super,
            Kind::Null => ExprKind::Null,
            Kind::Undefined => ExprKind::Undefined,
            Kind::True => ExprKind::Bool(true),
            Kind::False => ExprKind::Bool(false),
            Kind::Number => ExprKind::Number(self.name(node)),
            Kind::String => ExprKind::Text(self.string(node)),
            Kind::TemplateString => ExprKind::Template(self.template(node)),
            Kind::Object => ExprKind::Object(self.object(node)),
            Kind::Array => ExprKind::Array(self.elements(node)),
            Kind::ArrowFunction
            | Kind::FunctionExpression
            | Kind::GeneratorFunction
            | Kind::FunctionDeclaration
            | Kind::GeneratorFunctionDeclaration
            | Kind::MethodDefinition => ExprKind::Function(self.function(node)),
            Kind::Class | Kind::ClassDeclaration => ExprKind::Class(self.class(node)),
            Kind::MemberExpression => {
                let (Some(object), Some(property)) = (field(node, fields.object), field(node, fields.property)) else {
                    return self.other(node);
                };
                let optional = field(node, fields.optional_chain).is_some();
                ExprKind::Member(Box::new(Member {
                    object: self.expr(object),
                    property: self.name(property),
                    optional,
                }))
            }
            Kind::SubscriptExpression => {
                let (Some(object), Some(index)) = (field(node, fields.object), field(node, fields.index)) else {
                    return self.other(node);
                };
                let optional = field(node, fields.optional_chain).is_some();
                ExprKind::Index(Box::new(Index { object: self.expr(object), index: self.expr(index), optional }))
            }
            Kind::CallExpression => self.call(node),
            Kind::NewExpression => {
                let Some(callee) = field(node, fields.constructor) else { return self.other(node) };
                let callee = self.expr(callee);
                let arguments = field(node, fields.arguments).map(|list| self.elements(list)).unwrap_or_default();
                ExprKind::Call(Box::new(Call { callee, arguments, new: true, optional: false }))
            }
            Kind::UnaryExpression => {
                let Some(argument) = field(node, fields.argument) else { return self.other(node) };
                match field(node, fields.operator).map(|operator| operator.kind()) {
                    Some("!") => ExprKind::Not(Box::new(self.expr(argument))),
                    Some("typeof") => ExprKind::TypeOf(Box::new(self.expr(argument))),
                    Some("delete") => ExprKind::Delete(Box::new(self.expr(argument))),
                    Some("void") => ExprKind::Other(Box::new([self.expr(argument)])),
                    Some("-") => match self.expr(argument).kind {
                        ExprKind::Number(number) => ExprKind::Number(SmolStr::new(format!("-{number}"))),
                        _ => self.other(node),
                    },
                    _ => self.other(node),
                }
            }
            Kind::AwaitExpression => match self.named(node).first() {
                Some(inner) => ExprKind::Await(Box::new(self.expr(*inner))),
                None => self.other(node),
            },
            Kind::BinaryExpression => self.binary(node),
            Kind::AssignmentExpression | Kind::AugmentedAssignment => self.assign(node),
            Kind::TernaryExpression => {
                let parts = [fields.condition, fields.consequence, fields.alternative].map(|name| field(node, name));
                let [Some(test), Some(then), Some(otherwise)] = parts else { return self.other(node) };
                ExprKind::Conditional(Box::new(Conditional {
                    test: self.expr(test),
                    then: self.expr(then),
                    otherwise: self.expr(otherwise),
                }))
            }
            Kind::SequenceExpression => ExprKind::Sequence(self.parts(node)),
            Kind::JsxElement | Kind::JsxSelfClosingElement => self.jsx(node),
            Kind::JsxExpression => match self.named(node).first() {
                Some(inner) => self.expr(*inner).kind,
                None => ExprKind::Undefined,
            },
            _ => self.other(node),
        }
    }

    /// What is not followed, with its parts.
    fn other(&mut self, node: Node<'_>) -> ExprKind {
        ExprKind::Other(self.parts(node))
    }

    fn parts(&mut self, node: Node<'_>) -> Box<[Expr]> {
        let children = self.named(node);
        children.into_iter().map(|child| self.expr(child)).collect()
    }

    /// The value of a string literal.
    pub(super) fn string(&self, node: Node<'_>) -> SmolStr {
        let source = self.source(node);
        let inner = source.get(1..source.len().saturating_sub(1)).unwrap_or_default();
        unescaped(inner)
    }

    fn template(&mut self, node: Node<'_>) -> Box<[TemplatePart]> {
        let mut parts = Vec::new();
        // Text is what stands between the substitutions: older grammars have no node for it.
        let mut at = node.start_byte() + 1;
        for child in self.named(node) {
            if self.kind(child) != Kind::TemplateSubstitution {
                continue;
            }
            self.push_text(at, child.start_byte(), &mut parts);
            at = child.end_byte();
            if let Some(value) = self.named(child).first() {
                parts.push(TemplatePart::Value(self.expr(*value)));
            }
        }
        self.push_text(at, node.end_byte().saturating_sub(1), &mut parts);
        parts.into()
    }

    fn push_text(&self, start: usize, end: usize, parts: &mut Vec<TemplatePart>) {
        if let Some(text) = self.text.get(start..end).filter(|text| !text.is_empty()) {
            parts.push(TemplatePart::Text(unescaped(text)));
        }
    }

    /// The name of a property; none if it is computed.
    pub(super) fn property_name(&self, node: Node<'_>) -> Option<SmolStr> {
        match self.kind(node) {
            Kind::String => Some(self.string(node)),
            Kind::ComputedPropertyName => {
                let inner = self.named(node).first().copied()?;
                (self.kind(inner) == Kind::String).then(|| self.string(inner))
            }
            _ => Some(self.name(node)),
        }
    }

    fn object(&mut self, node: Node<'_>) -> Box<[Property]> {
        let fields = self.fields();
        let children = self.named(node);
        let mut properties = Vec::with_capacity(children.len());
        for child in children {
            match self.kind(child) {
                Kind::Pair => {
                    let (Some(key), Some(value)) = (field(child, fields.key), field(child, fields.value)) else {
                        continue;
                    };
                    let value = self.expr(value);
                    properties.push(match self.property_name(key) {
                        Some(name) => Property::Named(name, value),
                        None => Property::Computed(self.computed(key), value),
                    });
                }
                Kind::ShorthandProperty => properties.push(Property::Named(self.name(child), self.expr(child))),
                Kind::SpreadElement => {
                    if let Some(inner) = self.named(child).first() {
                        properties.push(Property::Spread(self.expr(*inner)));
                    }
                }
                Kind::MethodDefinition => {
                    if let Some(name) = field(child, fields.name).and_then(|name| self.property_name(name)) {
                        properties.push(Property::Named(name, self.expr(child)));
                    }
                }
                _ => {}
            }
        }
        properties.into()
    }

    fn computed(&mut self, key: Node<'_>) -> Expr {
        let inner = self.named(key).first().copied().unwrap_or(key);
        self.expr(inner)
    }

    fn elements(&mut self, node: Node<'_>) -> Box<[Element]> {
        let children = self.named(node);
        let elements = children.into_iter().filter_map(|child| match self.kind(child) {
            Kind::SpreadElement => {
                let inner = self.named(child).first().copied()?;
                Some(Element { spread: true, value: self.expr(inner) })
            }
            _ => Some(Element { spread: false, value: self.expr(child) }),
        });
        elements.collect()
    }

    fn call(&mut self, node: Node<'_>) -> ExprKind {
        let fields = self.fields();
        let Some(callee) = field(node, fields.function) else { return self.other(node) };
        let Some(list) = field(node, fields.arguments) else { return self.other(node) };
        if self.kind(callee) == Kind::Import {
            return match self.named(list).first() {
                Some(module) if self.kind(*module) == Kind::String => ExprKind::Import(self.string(*module)),
                // Which module that is shows when it runs: no other function has the name.
                _ => ExprKind::Call(Box::new(Call {
                    callee: Expr { range: self.range(callee), kind: ExprKind::Name(SmolStr::new_static("import")) },
                    arguments: self.elements(list),
                    new: false,
                    optional: false,
                })),
            };
        }
        // `await f<T>()`: the grammar takes the call for one of what is awaited.
        let awaited = self.named(callee).first().copied().filter(|_| self.kind(callee) == Kind::AwaitExpression);
        let callee = self.expr(awaited.unwrap_or(callee));
        let arguments = match self.kind(list) {
            // A tagged template.
            Kind::TemplateString => Box::new([Element { spread: false, value: self.expr(list) }]),
            _ => self.elements(list),
        };
        let optional = Self::has_token(node, "?.");
        let call = ExprKind::Call(Box::new(Call { callee, arguments, new: false, optional }));
        match awaited {
            Some(_) => ExprKind::Await(Box::new(Expr { range: self.range(node), kind: call })),
            None => call,
        }
    }

    fn binary(&mut self, node: Node<'_>) -> ExprKind {
        let fields = self.fields();
        let (Some(left), Some(right)) = (field(node, fields.left), field(node, fields.right)) else {
            return self.other(node);
        };
        let operator = operator(field(node, fields.operator));
        ExprKind::Binary(Box::new(Binary { operator, left: self.expr(left), right: self.expr(right) }))
    }

    fn assign(&mut self, node: Node<'_>) -> ExprKind {
        let fields = self.fields();
        let (Some(left), Some(right)) = (field(node, fields.left), field(node, fields.right)) else {
            return self.other(node);
        };
        let operator = field(node, fields.operator).map(|token| operator(Some(token)));
        let name = match self.kind(left) {
            Kind::Identifier => Some(left),
            Kind::MemberExpression => field(left, fields.property),
            _ => None,
        };
        let is_own = |left: Node<'_>| field(left, fields.object).is_some_and(|object| self.kind(object) == Kind::This);
        let is_first = self.constructs && self.kind(left) == Kind::MemberExpression && is_own(left);
        if let Some(name) = name.filter(|_| self.functions > 0 && !is_first) {
            self.assigned.push(self.name(name));
        }
        let target = self.pattern(left);
        if self.functions > 0 {
            add_written(&target, &mut self.writes);
        }
        ExprKind::Assign(Box::new(Assign { target, operator, value: self.expr(right) }))
    }

    fn jsx(&mut self, node: Node<'_>) -> ExprKind {
        let fields = self.fields();
        let tag = field(node, fields.open_tag).unwrap_or(node);
        let mut cursor = tag.walk();
        let attributes: Vec<Node<'_>> = match fields.attribute {
            Some(attribute) => tag.children_by_field_id(attribute, &mut cursor).collect(),
            None => Vec::new(),
        };
        let attributes = attributes.into_iter().filter_map(|attribute| match self.kind(attribute) {
            Kind::JsxAttribute => {
                let parts = self.named(attribute);
                let name = self.name(*parts.first()?);
                let value = match parts.get(1) {
                    Some(value) => self.expr(*value),
                    None => Expr { range: self.range(attribute), kind: ExprKind::Bool(true) },
                };
                Some(Property::Named(name, value))
            }
            _ => {
                let inner = self.named(attribute).first().copied()?;
                let spread = self.named(inner).first().copied().filter(|_| self.kind(inner) == Kind::SpreadElement);
                Some(Property::Spread(self.expr(spread.unwrap_or(inner))))
            }
        });
        let attributes = attributes.collect();
        let tag_name = field(tag, fields.name).map(|name| self.expr(name));
        let children = match self.kind(node) {
            Kind::JsxElement => self.named(node),
            _ => Vec::new(),
        };
        let children = children.into_iter().filter(|child| {
            matches!(
                self.names.kind(child.kind_id()),
                Kind::JsxElement | Kind::JsxSelfClosingElement | Kind::JsxExpression
            )
        });
        let children: Vec<Node<'_>> = children.collect();
        let children = children.into_iter().map(|child| self.expr(child)).collect();
        ExprKind::Jsx(Box::new(Jsx { tag: tag_name, attributes, children }))
    }

    pub(super) fn function(&mut self, node: Node<'_>) -> Arc<Function> {
        let fields = self.fields();
        let range = self.range(node);
        let name = field(node, fields.name);
        let body_node = field(node, fields.body);
        let outermost = self.bodies.last().is_none_or(|last| last.end <= range.start);
        if let Some(body) = body_node.filter(|_| outermost) {
            self.bodies.push(self.range(body));
        }
        self.functions += 1;
        let constructs = Self::is_constructor(name.map(|name| self.source(name)), self.kind(node));
        let constructs = std::mem::replace(&mut self.constructs, constructs);
        let (around, nested) = (std::mem::take(&mut self.writes), std::mem::take(&mut self.captured));
        let mut parameters = match field(node, fields.parameters) {
            Some(list) => self.parameters(list),
            None => Box::default(),
        };
        if let Some(only) = field(node, fields.parameter) {
            let target = Pattern::Name(self.name(only), self.range(only));
            parameters = Box::new([Parameter { target, is_property: false }]);
        }
        let mut directive = None;
        let body = match body_node {
            Some(body) if self.kind(body) == Kind::StatementBlock => {
                let first = self.named(body).first().copied();
                directive = first.and_then(|first| directive_of(self.text, self.names, first)).flatten();
                self.block(body)
            }
            Some(body) => {
                let value = self.expr(body);
                Box::new([Stmt { range: value.range, kind: StmtKind::Return(Some(value)) }]) as Box<[Stmt]>
            }
            None => Box::default(),
        };
        self.functions -= 1;
        self.constructs = constructs;
        let captured = in_order(std::mem::replace(&mut self.captured, nested));
        let own = std::mem::replace(&mut self.writes, around);
        let writes = in_order(own.into_iter().chain(captured.iter().cloned()).collect());
        self.captured.extend(writes.iter().cloned());
        Arc::new(Function {
            name: name.and_then(|name| self.property_name(name)),
            range,
            name_range: name.map_or(TextRange::empty(range.start), |name| self.range(name)),
            is_async: Self::has_token(node, "async"),
            is_arrow: self.kind(node) == Kind::ArrowFunction,
            parameters,
            body,
            directive,
            writes,
            captured,
        })
    }

    fn is_constructor(name: Option<&str>, kind: Kind) -> bool {
        kind == Kind::MethodDefinition && name == Some("constructor")
    }

    pub(super) fn class(&mut self, node: Node<'_>) -> Arc<Class> {
        let fields = self.fields();
        let heritage = self.named(node).into_iter().find(|child| self.kind(*child) == Kind::ClassHeritage);
        let extends = heritage.and_then(|heritage| {
            self.named(heritage).into_iter().find(|clause| self.kind(*clause) == Kind::ExtendsClause)
        });
        let base = extends.and_then(|clause| field(clause, fields.value)).map(|base| self.expr(base));
        let mut methods = Vec::new();
        let mut own_fields = Vec::new();
        for member in field(node, fields.body).map(|body| self.named(body)).unwrap_or_default() {
            let Some(name) = field(member, fields.name).and_then(|name| self.property_name(name)) else { continue };
            let is_static = Self::has_token(member, "static");
            match self.kind(member) {
                Kind::MethodDefinition => {
                    let is_getter = Self::has_token(member, "get");
                    methods.push(Method { name, is_static, is_getter, function: self.function(member) });
                }
                Kind::PublicFieldDefinition => {
                    let value = field(member, fields.value).map(|value| self.expr(value));
                    own_fields.push((name, is_static, value));
                }
                _ => {}
            }
        }
        Arc::new(Class {
            name: field(node, fields.name).map(|name| self.name(name)),
            range: self.range(node),
            base,
            methods: methods.into(),
            fields: own_fields.into(),
        })
    }
}

/// Adds what an assignment to a pattern writes. Nesting was bounded when it was lowered.
fn add_written(target: &Pattern, writes: &mut Vec<Written>) {
    match target {
        Pattern::Name(name, _) => writes.push(Written { variable: name.clone(), part: WrittenPart::Whole }),
        Pattern::Object(object) => {
            object.properties.iter().for_each(|(_, target)| add_written(target, writes));
            object.rest.iter().for_each(|rest| add_written(rest, writes));
        }
        Pattern::Array(elements) => elements.iter().flatten().for_each(|element| add_written(element, writes)),
        Pattern::Default(with) => add_written(&with.0, writes),
        Pattern::Rest(rest) => add_written(rest, writes),
        Pattern::Place(place) => writes.extend(written_place(place)),
    }
}

/// The variable that holds a place, and its property on the way there.
fn written_place(place: &Expr) -> Option<Written> {
    let (mut at, mut part) = (place, WrittenPart::Whole);
    loop {
        match &at.kind {
            ExprKind::Member(member) => {
                part = WrittenPart::Property(member.property.clone());
                at = &member.object;
            }
            ExprKind::Index(index) => {
                part = match &index.index.kind {
                    ExprKind::Text(name) => WrittenPart::Property(name.clone()),
                    _ => WrittenPart::Any,
                };
                at = &index.object;
            }
            ExprKind::Name(variable) => return Some(Written { variable: variable.clone(), part }),
            _ => return None,
        }
    }
}

fn in_order(mut writes: Vec<Written>) -> Box<[Written]> {
    writes.sort_unstable();
    writes.dedup();
    writes.into()
}

fn operator(token: Option<Node<'_>>) -> Operator {
    match token.map(|token| token.kind()) {
        Some("+" | "+=") => Operator::Add,
        Some("&&" | "&&=") => Operator::And,
        Some("||" | "||=") => Operator::Or,
        Some("??" | "??=") => Operator::Coalesce,
        Some("===" | "==") => Operator::Equal,
        Some("!==" | "!=") => Operator::Unequal,
        Some("<" | "<=") => Operator::Less,
        Some(">" | ">=") => Operator::Greater,
        _ => Operator::Other,
    }
}

/// A string's text with its escapes resolved. What matters here are quotes and
/// slashes: others stay as they are.
fn unescaped(text: &str) -> SmolStr {
    if !text.contains('\\') {
        return SmolStr::new(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some(next)) => out.push(next),
            (other, _) => {
                out.push(other);
                continue;
            }
        }
        characters.next();
    }
    SmolStr::new(out)
}
