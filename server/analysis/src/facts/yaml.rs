//! YAML and JSON as trees in which mappings keep the lines of their keys.

use saphyr_parser::{Event, Parser};
use smol_str::SmolStr;

/// Nesting that is read; a contract needs eight levels up to its operations.
const MAX_DEPTH: usize = 64;
/// Events that are read.
const MAX_EVENTS: usize = 500_000;

/// A YAML node. Mappings keep the one-based line of each key.
#[derive(Debug)]
pub(super) enum Node {
    Text(SmolStr),
    List(Vec<Node>),
    Map(Vec<(SmolStr, usize, Node)>),
}

impl Node {
    pub(super) fn entries(&self) -> &[(SmolStr, usize, Node)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Node] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<(usize, &Node)> {
        self.entries().iter().find(|(name, _, _)| name == key).map(|(_, line, node)| (*line, node))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A collection that is being read.
enum Open {
    List(Vec<Node>),
    Map(Vec<(SmolStr, usize, Node)>, Option<(SmolStr, usize)>),
}

/// The first document of a text, unless it is broken or has no end.
pub(super) fn first_document(text: &str) -> Option<Node> {
    let mut first = None;
    each_document(text, &mut |node| {
        first = Some(node);
        false
    });
    first
}

/// Calls `take` with each document of a text, up to one that is broken, while `take` wants more.
pub(super) fn each_document(text: &str, take: &mut dyn FnMut(Node) -> bool) {
    let mut open: Vec<Open> = Vec::new();
    let mut is_done = false;
    for (count, event) in Parser::new_from_str(text).enumerate() {
        let Ok((event, span)) = event else { return };
        if count > MAX_EVENTS || open.len() > MAX_DEPTH {
            return;
        }
        let node = match event {
            Event::DocumentStart(..) => {
                is_done = false;
                continue;
            }
            _ if is_done => continue,
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                continue;
            }
            Event::Scalar(value, ..) => Node::Text(SmolStr::new(&*value)),
            // An anchor is not followed: what it stands for is not known.
            Event::Alias(_) => Node::Text(SmolStr::default()),
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Node::List(items),
                Some(Open::Map(entries, _)) => Node::Map(entries),
                None => return,
            },
            _ => continue,
        };
        match open.last_mut() {
            None => {
                is_done = true;
                if !take(node) {
                    return;
                }
            }
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map(entries, key)) => match key.take() {
                Some((name, line)) => entries.push((name, line, node)),
                None => {
                    let name = node.text().map(SmolStr::new).unwrap_or_default();
                    *key = Some((name, span.start.line()));
                }
            },
        }
    }
}
