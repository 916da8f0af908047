//! What values are bound to, and parameters.

use tree_sitter::Node;

use super::{Lower, field};
use crate::facts::typescript::tree::{ObjectPattern, Parameter, Pattern};
use crate::syntax::typescript::Kind;

impl Lower<'_> {
    pub(super) fn pattern(&mut self, node: Node<'_>) -> Pattern {
        let range = self.range(node);
        match self.nested(|lower| lower.pattern_here(node)) {
            Some(pattern) => pattern,
            None => Pattern::Name("".into(), range),
        }
    }

    fn pattern_here(&mut self, node: Node<'_>) -> Pattern {
        match self.kind(node) {
            Kind::ObjectPattern => self.object_pattern(node),
            Kind::ArrayPattern => self.array_pattern(node),
            Kind::AssignmentPattern | Kind::ObjectAssignmentPattern => {
                let left = field(node, self.fields().left).map(|left| self.pattern(left));
                let right = field(node, self.fields().right).map(|right| self.expr(right));
                match (left, right) {
                    (Some(left), Some(right)) => Pattern::Default(Box::new((left, right))),
                    (Some(left), None) => left,
                    _ => Pattern::Name("".into(), self.range(node)),
                }
            }
            Kind::RestPattern => match self.named(node).first() {
                Some(inner) => Pattern::Rest(Box::new(self.pattern(*inner))),
                None => Pattern::Name("".into(), self.range(node)),
            },
            Kind::MemberExpression | Kind::SubscriptExpression => Pattern::Place(Box::new(self.expr(node))),
            Kind::ParenthesizedExpression | Kind::NonNullExpression => match self.named(node).first() {
                Some(inner) => self.pattern(*inner),
                None => Pattern::Name("".into(), self.range(node)),
            },
            _ => Pattern::Name(self.name(node), self.range(node)),
        }
    }

    fn object_pattern(&mut self, node: Node<'_>) -> Pattern {
        let mut properties = Vec::new();
        let mut rest = None;
        for child in self.named(node) {
            match self.kind(child) {
                Kind::RestPattern => {
                    rest = self.named(child).first().map(|inner| self.pattern(*inner));
                }
                Kind::PairPattern => {
                    let key = field(child, self.fields().key).and_then(|key| self.property_name(key));
                    if let Some(value) = field(child, self.fields().value) {
                        properties.push((key, self.pattern(value)));
                    }
                }
                Kind::ObjectAssignmentPattern => {
                    let name = field(child, self.fields().left).map(|left| self.name(left));
                    properties.push((name, self.pattern(child)));
                }
                _ => properties.push((Some(self.name(child)), self.pattern(child))),
            }
        }
        Pattern::Object(Box::new(ObjectPattern { properties: properties.into(), rest }))
    }

    fn array_pattern(&mut self, node: Node<'_>) -> Pattern {
        let mut elements = Vec::new();
        let mut empty = true;
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        for child in children {
            if child.is_named() && self.kind(child) != Kind::Comment {
                elements.push(Some(self.pattern(child)));
                empty = false;
            } else if child.kind() == "," {
                if empty {
                    elements.push(None);
                }
                empty = true;
            }
        }
        Pattern::Array(elements.into())
    }

    pub(super) fn parameters(&mut self, node: Node<'_>) -> Box<[Parameter]> {
        self.named(node)
            .into_iter()
            .filter_map(|child| match self.kind(child) {
                Kind::RequiredParameter | Kind::OptionalParameter => {
                    let pattern = field(child, self.fields().pattern)?;
                    let mut target = self.pattern(pattern);
                    let value = field(child, self.fields().value).map(|value| self.expr(value));
                    if let Some(value) = value {
                        target = Pattern::Default(Box::new((target, value)));
                    }
                    let before = &self.text[child.start_byte()..pattern.start_byte()];
                    let is_property =
                        ["public", "private", "protected", "readonly"].iter().any(|word| before.contains(word));
                    Some(Parameter { target, is_property })
                }
                _ => Some(Parameter { target: self.pattern(child), is_property: false }),
            })
            .collect()
    }
}
