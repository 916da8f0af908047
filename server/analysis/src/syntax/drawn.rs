//! Where a bare `&` is a character that JSX draws.
//!
//! This walks over the bytes of a script and knows only so much of the language as it takes to tell code
//! from the text of elements: strings, templates, comments, regular expressions, braces and tags. Who asks
//! looks into the tree whether it was right.

/// The longest name of a character reference that the grammar knows.
const MAX_NAME: usize = 30;

/// Words behind which an operand comes.
const BEFORE_OPERANDS: &[&[u8]] = &[
    b"await",
    b"case",
    b"default",
    b"delete",
    b"do",
    b"else",
    b"in",
    b"instanceof",
    b"new",
    b"of",
    b"return",
    b"throw",
    b"typeof",
    b"void",
    b"yield",
];

/// Offsets of ampersands that stand for themselves in the text of elements, or in quoted attributes.
pub(super) fn bare_ampersands(text: &str) -> Vec<usize> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return Vec::new();
    }
    let mut walk =
        Walk { bytes: text.as_bytes(), at: 0, operand: false, around: vec![Around::Code], found: Vec::new() };
    while walk.at < walk.bytes.len() {
        match walk.around.last().copied().unwrap_or(Around::Code) {
            Around::Code => walk.code(),
            Around::Template => walk.template(),
            Around::Tag { closing } => walk.tag(closing),
            Around::Element => walk.element(),
        }
    }
    walk.found
}

/// What the walk is in.
#[derive(Debug, Clone, Copy)]
enum Around {
    Code,
    Template,
    Tag {
        closing: bool,
    },
    /// Between an opening and a closing tag.
    Element,
}

struct Walk<'t> {
    bytes: &'t [u8],
    at: usize,
    /// Whether the token before ends an operand: `<` and `/` are operators behind it.
    operand: bool,
    around: Vec<Around>,
    found: Vec<usize>,
}

impl Walk<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or_default()
    }

    fn code(&mut self) {
        match self.peek(0) {
            b'/' if self.comment() => {}
            b'/' if !self.operand => {
                self.regex();
                self.operand = true;
            }
            quote @ (b'"' | b'\'') => {
                self.string(quote);
                self.operand = true;
            }
            b'`' => self.enter(Around::Template, 1),
            b'{' => self.enter(Around::Code, 1),
            b'}' => self.leave(1),
            b'<' if !self.operand && self.opens_element() => self.enter(Around::Tag { closing: false }, 1),
            byte if is_word(byte) => self.word(),
            byte => {
                if !byte.is_ascii_whitespace() {
                    self.operand = matches!(byte, b')' | b']');
                }
                self.at += 1;
            }
        }
    }

    fn template(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (b'\\', _) => self.at += 2,
            (b'`', _) => self.leave(1),
            (b'$', b'{') => self.enter(Around::Code, 2),
            _ => self.at += 1,
        }
    }

    fn tag(&mut self, closing: bool) {
        match (self.peek(0), self.peek(1)) {
            (b'/', b'>') => self.leave(2),
            (b'/', _) if self.comment() => {}
            (b'>', _) if closing => {
                self.around.pop();
                self.leave(1);
            }
            (b'>', _) => {
                self.around.pop();
                self.enter(Around::Element, 1);
            }
            (b'{', _) => self.enter(Around::Code, 1),
            (quote @ (b'"' | b'\''), _) => {
                let from = self.at + 1;
                let end = memchr::memchr(quote, &self.bytes[from..]).map_or(self.bytes.len(), |at| from + at);
                for at in memchr::memchr_iter(b'&', &self.bytes[from..end]) {
                    self.note(from + at);
                }
                self.at = end + 1;
            }
            _ => self.at += 1,
        }
    }

    fn element(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (b'{', _) => self.enter(Around::Code, 1),
            (b'<', b'/') => self.enter(Around::Tag { closing: true }, 2),
            (b'<', _) => self.enter(Around::Tag { closing: false }, 1),
            (b'&', _) => {
                self.note(self.at);
                self.at += 1;
            }
            _ => self.at += 1,
        }
    }

    fn enter(&mut self, inner: Around, length: usize) {
        self.around.push(inner);
        self.operand = false;
        self.at += length;
    }

    /// Goes on around what ends here, which was an operand.
    fn leave(&mut self, length: usize) {
        if self.around.len() > 1 {
            self.around.pop();
        }
        self.operand = true;
        self.at += length;
    }

    fn note(&mut self, at: usize) {
        if is_bare(self.bytes, at) {
            self.found.push(at);
        }
    }

    /// Skips a comment, if there is one.
    fn comment(&mut self) -> bool {
        let (from, end) = match self.peek(1) {
            b'/' => (self.at, memchr::memchr(b'\n', &self.bytes[self.at..])),
            b'*' => (self.at + 2, memchr::memmem::find(&self.bytes[(self.at + 2).min(self.bytes.len())..], b"*/")),
            _ => return false,
        };
        self.at = end.map_or(self.bytes.len(), |end| from + end + if from > self.at { 2 } else { 0 });
        true
    }

    /// Skips a string, or what is left of its line.
    fn string(&mut self, quote: u8) {
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 1,
                b'\n' => return,
                byte if byte == quote => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
    }

    fn regex(&mut self) {
        let mut class = false;
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 1,
                b'\n' => return,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
    }

    fn word(&mut self) {
        let from = self.at;
        self.at += self.word_length(0);
        self.operand = !BEFORE_OPERANDS.contains(&&self.bytes[from..self.at]);
    }

    fn word_length(&self, ahead: usize) -> usize {
        let rest = self.bytes.get(self.at + ahead..).unwrap_or_default();
        rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len())
    }

    /// Whether a `<` opens an element, where an operand may stand, and no list of type parameters.
    fn opens_element(&self) -> bool {
        let name = self.word_length(1);
        if name == 0 {
            return self.peek(1) == b'>';
        }
        let behind = self.bytes.get(self.at + 1 + name..).unwrap_or_default();
        let told = behind.trim_ascii_start();
        let of_function = name == 1 && self.peek(1).is_ascii_uppercase() && behind.starts_with(b">(");
        !(of_function || told.starts_with(b",") || told.starts_with(b"extends ") || self.peek(1).is_ascii_digit())
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// Whether the `&` at an offset begins no character reference that the grammar knows: it takes numbers of so many digits
/// (tree-sitter-typescript 0.23), and pictures have longer ones (`&#128190;`).
fn is_bare(bytes: &[u8], at: usize) -> bool {
    let behind = bytes.get(at + 1..).unwrap_or_default();
    let Some(end) = behind.iter().take(MAX_NAME + 1).position(|&byte| byte == b';') else { return true };
    let refers = match &behind[..end] {
        [b'#', b'x' | b'X', digits @ ..] => (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit),
        [b'#', digits @ ..] => (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        name => !name.is_empty() && name.iter().all(u8::is_ascii_alphabetic),
    };
    !refers
}
