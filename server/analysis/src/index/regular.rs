//! Regular expressions of Python's `re` (3.14), as far as middlewares compare paths with them. What is not known here
//! (look-around, back references, flags) has no answer.

use std::collections::BTreeSet;

/// What stands for the value of a parameter of a path: any text without a slash.
pub const PARAMETER: char = '\u{2026}';

/// Longest text, longest expression, and deepest nesting that are looked at.
const MAX_TEXT: usize = 512;
const MAX_PATTERN: usize = 512;
const MAX_DEPTH: u32 = 16;

/// How often something may have to be repeated.
const MAX_COUNT: u32 = 64;

/// Where an expression has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the beginning: `re.match`.
    Start,
    /// From the beginning to the end: `re.fullmatch`.
    Whole,
    /// Anywhere: `re.search`.
    Anywhere,
}

/// Whether an expression matches a text; none where that is not known, or hangs on what stands for a parameter.
pub fn matches(pattern: &str, text: &str, place: Place) -> Option<bool> {
    const VALUES: &[&str] = &["x", "7", "a-b_C.9"];
    if pattern.len() > MAX_PATTERN || text.len() > MAX_TEXT {
        return None;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let mut reader = Reader { pattern: &pattern, at: 0 };
    let node = reader.alternatives(0).filter(|_| reader.at == pattern.len())?;
    let answer = |value: &str| {
        let text: Vec<char> = text.replace(PARAMETER, value).chars().collect();
        let starts = if place == Place::Anywhere { (0..=text.len()).collect() } else { BTreeSet::from([0]) };
        let ends = node.ends(&text, &starts);
        if place == Place::Whole { ends.contains(&text.len()) } else { !ends.is_empty() }
    };
    let mut answers = VALUES.iter().map(|value| answer(value));
    let first = answers.next()?;
    answers.all(|other| other == first).then_some(first)
}

/// A part of an expression.
enum Node {
    /// A character that is one of these, or none of them.
    One(bool, Vec<Class>),
    Start,
    End,
    All(Vec<Node>),
    Any(Vec<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
}

/// Characters.
#[derive(Clone, Copy)]
enum Class {
    Range(char, char),
    Digit(bool),
    Word(bool),
    Space(bool),
    /// All but the end of a line.
    Dot,
}

impl Class {
    fn has(self, character: char) -> bool {
        match self {
            Self::Range(first, last) => (first..=last).contains(&character),
            Self::Digit(is) => character.is_numeric() == is,
            Self::Word(is) => (character.is_alphanumeric() || character == '_') == is,
            Self::Space(is) => character.is_whitespace() == is,
            Self::Dot => character != '\n',
        }
    }
}

impl Node {
    /// Where a match may end that begins at one of these places.
    fn ends(&self, text: &[char], from: &BTreeSet<usize>) -> BTreeSet<usize> {
        match self {
            Self::One(negated, classes) => {
                let fits = |at: &&usize| {
                    text.get(**at).is_some_and(|one| classes.iter().any(|class| class.has(*one)) != *negated)
                };
                from.iter().filter(fits).map(|at| at + 1).collect()
            }
            Self::Start => from.iter().copied().filter(|at| *at == 0).collect(),
            Self::End => from.iter().copied().filter(|at| *at == text.len()).collect(),
            Self::All(parts) => parts.iter().fold(from.clone(), |from, part| part.ends(text, &from)),
            Self::Any(parts) => parts.iter().flat_map(|part| part.ends(text, from)).collect(),
            Self::Repeat(part, least, most) => {
                let (mut here, mut found) = (from.clone(), BTreeSet::new());
                let mut count = 0;
                loop {
                    let before = found.len();
                    if count >= *least {
                        found.extend(here.iter().copied());
                    }
                    let is_done = most.is_some_and(|most| count >= most) || here.is_empty();
                    if is_done || count > *least && found.len() == before {
                        return found;
                    }
                    here = part.ends(text, &here);
                    count += 1;
                }
            }
        }
    }
}

/// Reads an expression.
struct Reader<'p> {
    pattern: &'p [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.pattern.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn takes(&mut self, text: &str) -> bool {
        let wanted: Vec<char> = text.chars().collect();
        let takes = self.pattern[self.at..].starts_with(&wanted);
        self.at += if takes { wanted.len() } else { 0 };
        takes
    }

    fn alternatives(&mut self, depth: u32) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut ways = vec![self.sequence(depth)?];
        while self.takes("|") {
            ways.push(self.sequence(depth)?);
        }
        Some(Node::Any(ways))
    }

    fn sequence(&mut self, depth: u32) -> Option<Node> {
        let mut parts = Vec::new();
        while let Some(next) = self.peek().filter(|next| !matches!(next, '|' | ')')) {
            let part = match next {
                '(' => self.group(depth)?,
                _ => self.one()?,
            };
            parts.push(self.repeated(part)?);
        }
        Some(Node::All(parts))
    }

    fn group(&mut self, depth: u32) -> Option<Node> {
        self.next()?;
        if self.takes("?P<") {
            while self.next()? != '>' {}
        } else if !self.takes("?:") && self.peek() == Some('?') {
            return None;
        }
        let inner = self.alternatives(depth + 1)?;
        self.takes(")").then_some(inner)
    }

    fn one(&mut self) -> Option<Node> {
        let class = |class: Class| Some(Node::One(false, vec![class]));
        match self.next()? {
            '^' => Some(Node::Start),
            '$' => Some(Node::End),
            '.' => class(Class::Dot),
            '[' => self.set(),
            '\\' => match self.peek()? {
                'A' | 'Z' => Some(if self.next()? == 'A' { Node::Start } else { Node::End }),
                _ => class(self.escaped()?),
            },
            '*' | '+' | '?' => None,
            plain => class(Class::Range(plain, plain)),
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Option<Class> {
        Some(match self.next()? {
            'd' => Class::Digit(true),
            'D' => Class::Digit(false),
            'w' => Class::Word(true),
            'W' => Class::Word(false),
            's' => Class::Space(true),
            'S' => Class::Space(false),
            plain if !plain.is_alphanumeric() => Class::Range(plain, plain),
            _ => return None,
        })
    }

    /// `[^/]`, `[a-f0-9-]`.
    fn set(&mut self) -> Option<Node> {
        let negated = self.takes("^");
        let mut classes = Vec::new();
        loop {
            let first = match self.next()? {
                ']' if !classes.is_empty() => return Some(Node::One(negated, classes)),
                '\\' => match self.escaped()? {
                    Class::Range(plain, _) => plain,
                    class => {
                        classes.push(class);
                        continue;
                    }
                },
                plain => plain,
            };
            let is_range = self.peek() == Some('-') && self.pattern.get(self.at + 1).is_some_and(|last| *last != ']');
            let last = match is_range {
                true => {
                    self.next()?;
                    self.next().filter(|last| *last != '\\')?
                }
                false => first,
            };
            classes.push(Class::Range(first, last));
        }
    }

    fn repeated(&mut self, part: Node) -> Option<Node> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => return self.counted(part),
            _ => return Some(part),
        };
        self.next()?;
        self.lazily(Node::Repeat(Box::new(part), least, most))
    }

    /// `{2}`, `{2,}`, `{2,4}`.
    fn counted(&mut self, part: Node) -> Option<Node> {
        self.next()?;
        let least = self.number()?;
        let most = match self.takes(",") {
            true if self.peek() == Some('}') => None,
            true => Some(self.number()?),
            false => Some(least),
        };
        if !self.takes("}") || most.is_some_and(|most| most < least) {
            return None;
        }
        self.lazily(Node::Repeat(Box::new(part), least, most))
    }

    /// How much is taken at once changes nothing of whether anything matches.
    fn lazily(&mut self, node: Node) -> Option<Node> {
        self.takes("?");
        (!matches!(self.peek(), Some('*' | '+' | '?' | '{'))).then_some(node)
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = None;
        while let Some(digit) = self.peek().and_then(|next| next.to_digit(10)) {
            self.next();
            number = Some(number.unwrap_or(0) * 10 + digit).filter(|number| *number <= MAX_COUNT);
            number?;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, matches};

    #[test]
    fn expressions_match_paths() {
        for (pattern, text, place, answer) in [
            (r"/api/v1/oauth/[^/]+/callback", "/api/v1/oauth/…/callback", Place::Whole, Some(true)),
            (r"/api/v1/oauth/[^/]+/callback", "/api/v1/oauth/…/callback/more", Place::Whole, Some(false)),
            (r"^/public/", "/public/a", Place::Start, Some(true)),
            (r"^/public/", "/private/public/a", Place::Anywhere, Some(false)),
            (r"health$", "/api/health", Place::Anywhere, Some(true)),
            (r"^/(docs|redoc)(/.*)?$", "/docs/x", Place::Start, Some(true)),
            (r"^/(docs|redoc)(/.*)?$", "/documents", Place::Start, Some(false)),
            (r"^/items/\d+$", "/items/…", Place::Start, None),
            (r"^/items/\d{2,3}$", "/items/1234", Place::Start, Some(false)),
            (r"^/items/(?P<id>[\w.-]+)/?$", "/items/…", Place::Start, Some(true)),
            (r"^(?!/admin).*", "/a", Place::Start, None),
            (r"(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaa", Place::Start, Some(false)),
        ] {
            assert_eq!(matches(pattern, text, place), answer, "{pattern} {text}");
        }
    }
}
