//! What a script imports, told without reading it otherwise: of scripts that name nothing that matters, that is all
//! that is kept.
//!
//! Where a text could mean two things, it imports what it may import.

use super::bundled::is_bundled;

/// What a script imports that is not read otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imports {
    /// Modules as they are written, one a line.
    modules: Box<str>,
    /// Whether it imports modules that it does not name: `import.meta.glob`, `` import(`./${name}`) ``.
    pub any: bool,
    /// Whether it gives anything to others.
    pub exports: bool,
}

impl Imports {
    /// What a text imports. A bundle imports nothing: what it does stands in the sources that it was made of.
    pub fn of(text: &str) -> Self {
        if is_bundled(text) {
            return Self::default();
        }
        let mut scan = Scan { text: text.as_bytes(), ..Scan::default() };
        scan.run();
        scan.found.sort_unstable();
        scan.found.dedup();
        let modules: Vec<&str> = scan.found.iter().filter_map(|(start, end)| text.get(*start..*end)).collect();
        let mut modules: Vec<&str> = modules.into_iter().filter(|module| !module.contains('\n')).collect();
        modules.sort_unstable();
        modules.dedup();
        Self { modules: modules.join("\n").into(), any: scan.any, exports: scan.exports }
    }

    /// The modules, as they are written.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.lines()
    }
}

/// A statement that may name a module behind `from`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Clause {
    #[default]
    None,
    Values,
    /// Types lead nowhere.
    Types,
}

/// Goes through a text once, over comments, texts and regular expressions.
#[derive(Debug, Default)]
struct Scan<'t> {
    text: &'t [u8],
    at: usize,
    clause: Clause,
    /// Brackets that are open inside of `${…}`, for each template around.
    templates: Vec<usize>,
    /// Where names of modules stand.
    found: Vec<(usize, usize)>,
    any: bool,
    exports: bool,
    /// The last byte of code that is no space: it tells a division from a regular expression.
    before: u8,
}

impl Scan<'_> {
    fn run(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'/' if self.comment() => {}
                b'/' if self.is_operand_expected() && self.regular_expression() => self.before = b')',
                b'\'' | b'"' => {
                    self.quoted();
                    self.before = byte;
                }
                b'`' => self.template(),
                b'}' if self.templates.last() == Some(&0) => {
                    self.templates.pop();
                    self.at += 1;
                    self.rest_of_template(self.at - 1);
                }
                byte if is_of_name(byte) => self.word(),
                byte => self.sign(byte),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn sign(&mut self, byte: u8) {
        match (byte, self.templates.last_mut()) {
            (b'{', Some(open)) => *open += 1,
            (b'}', Some(open)) => *open -= 1,
            _ => {}
        }
        if matches!(byte, b';' | b'(' | b')' | b'=' | b'<' | b'[' | b'.') {
            self.clause = Clause::None;
        }
        if !byte.is_ascii_whitespace() {
            self.before = byte;
        }
        self.at += 1;
    }

    /// Goes over a comment, if one begins here. One that has no end is none.
    fn comment(&mut self) -> bool {
        let rest = &self.text[self.at..];
        if rest.starts_with(b"//") {
            self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            return true;
        }
        let end = rest.strip_prefix(b"/*").and_then(|inside| memchr::memmem::find(inside, b"*/"));
        self.at += end.map_or(0, |end| end + 4);
        end.is_some()
    }

    fn is_operand_expected(&self) -> bool {
        matches!(
            self.before,
            0 | b'(' | b',' | b'=' | b':' | b'[' | b'!' | b'&' | b'|' | b'?' | b'{' | b';' | b'+' | b'-' | b'*' | b'%'
        )
    }

    /// Goes over a regular expression, if it ends on its line.
    fn regular_expression(&mut self) -> bool {
        let (mut at, mut in_class) = (self.at + 1, false);
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'\n' => return false,
                b'\\' => at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => {
                    self.at = at + 1;
                    return true;
                }
                _ => {}
            }
            at += 1;
        }
        false
    }

    /// Goes over a text in quotes and tells where it stands. An apostrophe in the text of an element ends with its
    /// line at the latest.
    fn quoted(&mut self) -> Option<(usize, usize)> {
        let quote = self.peek(0)?;
        let start = self.at + 1;
        let mut at = start;
        while let Some(&byte) = self.text.get(at) {
            match byte {
                b'\\' => at += 1,
                b'\n' => break,
                _ if byte == quote => {
                    self.at = at + 1;
                    return Some((start, at));
                }
                _ => {}
            }
            at += 1;
        }
        self.at = at.min(self.text.len());
        None
    }

    fn template(&mut self) {
        let start = self.at;
        self.at += 1;
        self.rest_of_template(start);
    }

    /// Goes over the text of a template, to its end or the next value in it. One that has no end is none.
    fn rest_of_template(&mut self, start: usize) {
        let mut at = self.at;
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'\\' => at += 1,
                b'`' => {
                    self.at = at + 1;
                    self.before = b'`';
                    return;
                }
                b'$' if self.text.get(at + 1) == Some(&b'{') => {
                    self.templates.push(0);
                    self.at = at + 2;
                    self.before = b'{';
                    return;
                }
                _ => {}
            }
            at += 1;
        }
        self.at = start + 1;
    }

    fn word(&mut self) {
        let start = self.at;
        let is_member = self.before == b'.' && !self.text[..start].ends_with(b"...");
        while self.peek(0).is_some_and(is_of_name) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        self.before = b'a';
        match word {
            b"exports" => self.exports = true,
            _ if is_member => {}
            b"import" => self.import(),
            b"export" => {
                self.exports = true;
                self.clause = self.kind_of_clause();
            }
            b"require" => self.required(),
            b"from" if self.clause != Clause::None => {
                let clause = std::mem::take(&mut self.clause);
                self.spaces();
                self.name_of_module(clause == Clause::Values);
            }
            b"return" | b"typeof" | b"case" => self.before = b'(',
            _ => {}
        }
    }

    fn import(&mut self) {
        self.spaces();
        match self.peek(0) {
            Some(b'\'' | b'"') => self.name_of_module(true),
            Some(b'(') => self.argument(),
            Some(b'.') => self.any |= self.text[self.at..].starts_with(b".meta.glob"),
            _ => self.clause = self.kind_of_clause(),
        }
    }

    fn required(&mut self) {
        self.spaces();
        match self.peek(0) {
            Some(b'(') => self.argument(),
            Some(b'.') => self.any |= self.text[self.at..].starts_with(b".context"),
            _ => {}
        }
    }

    /// The module that is the argument of a call.
    fn argument(&mut self) {
        self.at += 1;
        self.before = b'(';
        self.spaces();
        let found = self.found.len();
        match self.peek(0) {
            Some(b'\'' | b'"') => self.name_of_module(true),
            Some(b'`') => {
                let start = self.at + 1;
                self.template();
                if self.before == b'`' && self.at > start {
                    self.found.push((start, self.at - 1));
                }
            }
            _ => {}
        }
        self.spaces();
        let is_whole = matches!(self.peek(0), Some(b')' | b','));
        self.any |= self.found.len() == found || !is_whole;
    }

    fn name_of_module(&mut self, is_value: bool) {
        if !matches!(self.peek(0), Some(b'\'' | b'"')) {
            return;
        }
        let found = self.quoted().filter(|_| is_value);
        self.found.extend(found);
        self.before = b'"';
    }

    /// What stands behind `import` or `export`: `type { Row } from` gives types only, `type from` does not.
    fn kind_of_clause(&mut self) -> Clause {
        self.spaces();
        let Some(rest) = self.text[self.at..].strip_prefix(b"type") else { return Clause::Values };
        let gap = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let behind = &rest[gap..];
        let is_named = behind.starts_with(b"from") && !behind.get(4).is_some_and(|byte| is_of_name(*byte)) && {
            let next = behind[4..].iter().find(|byte| !byte.is_ascii_whitespace());
            matches!(next, Some(b'\'' | b'"'))
        };
        let begins = behind.first().is_some_and(|byte| matches!(byte, b'{' | b'*') || (gap > 0 && is_of_name(*byte)));
        if begins && !is_named { Clause::Types } else { Clause::Values }
    }

    fn spaces(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'/' if self.comment() => {}
                byte if byte.is_ascii_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(text: &str) -> Vec<String> {
        Imports::of(text).modules().map(str::to_owned).collect()
    }

    #[test]
    fn all_forms_of_imports_count() {
        let text = "import './effect';\nimport A, { b as c } from \"./a\";\nimport * as d\n  from './d';\n\
            export { e } from './e';\nexport * from './f';\nimport type from './g';\n\
            const H = lazy(() => import('./h'));\nconst I = dynamic(() => import(/* name: 'x' */ `./i`), { ssr: false });\n\
            const j = require('./j');\nimport {\n  // the first\n  k, /* and */ type L,\n} from './k';\n";
        let wanted: Vec<String> = "aefdghijk".chars().map(|name| format!("./{name}")).collect();
        let mut wanted: Vec<String> = wanted.into_iter().filter(|name| name != "./e").collect();
        wanted.extend(["./e".to_owned(), "./effect".to_owned()]);
        wanted.sort();
        assert_eq!(modules(text), wanted);
        assert!(!Imports::of(text).any);
        assert!(Imports::of(text).exports);
    }

    #[test]
    fn what_only_looks_like_one_does_not() {
        let text = "// import { a } from './a';\n/* import './b'; */\nconst c = \"import './c'\";\n\
            const d = `import './d'; ${f(`export * from './e'`)} import './g'`;\nimport type { H } from './h';\n\
            export type { I } from './i';\nimport type J from './j';\nx.import('./k');\nconst l = { from: './l' };\n\
            const m = /['\"`]/.test(n) ? 1 / 2 : Array.from('./o');\nexport const p = 1;\n";
        assert_eq!(modules(text), Vec::<String>::new());
        assert!(!Imports::of(text).any);
    }

    #[test]
    fn words_in_elements_hide_nothing() {
        let text = "export const A = () => <p>Don't go to https://x.test/`</p>;\nconst B = lazy(() => import('./b'));\n\
            const c = <i>/* </i>;\nexport { d } from './d';\n";
        assert_eq!(modules(text), ["./b", "./d"]);
        let value = "const t = `${rows.map((row) => { return `${row}`; })}`;\nimport './e';\n";
        assert_eq!(modules(value), ["./e"]);
    }

    #[test]
    fn modules_without_a_name_may_be_any() {
        assert!(Imports::of("const all = import.meta.glob('./*.tsx');").any);
        assert!(Imports::of("const one = (name) => import(`./${name}`);").any);
        assert!(Imports::of("const one = require('./' + name);").any);
        assert!(Imports::of("const all = require.context('./', true);").any);
        assert!(!Imports::of("const url = import.meta.url;").any);
    }
}
