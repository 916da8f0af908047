//! Texts that the grammar does not take as they are, although they are right.
//!
//! A bare `&` in the text of an element of JSX, or in one of its quoted attributes, is the character itself.
//! The grammar takes it for the beginning of `&name;` and makes errors of it and of what is around. Long runs of
//! comments in Python take it too long, how a parameter of a type varies it does not know, and some names it takes for words
//! of the language. Such a text is parsed with other bytes in their place: ranges stay, and whoever lowers the tree reads
//! the text itself.

use std::borrow::Cow;
use std::ops::Range;

use tree_sitter::{Node, Tree};

use super::as_names::names;
use super::comments::long_runs;
use super::drawn::bare_ampersands;
use super::python::{self, kind};
use super::variance::annotations;
use super::{Grammar, edit, parse};

/// What stands for a bare `&` while the text is parsed: a character like any other where text is, an
/// error where code is.
const STAND_IN: char = '\\';

/// What names that the grammar takes for something else are made of while the text is parsed.
const LETTER: char = '_';

/// How a text was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The tree; its ranges are those of the text.
    pub tree: Tree,
    mended: Mended,
}

/// What was read as something else, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mended {
    /// Ampersands that were read as text.
    ampersands: Vec<usize>,
    /// What was read as blank.
    blank: Vec<Range<usize>>,
    /// What was read as a name.
    names: Vec<Range<usize>>,
}

/// Parses a text, with how the text before it was read when there is one. `None` when that takes too many
/// steps.
pub fn read(grammar: Grammar, text: &str, before: Option<(&Reading, &str)>) -> Option<Reading> {
    let (reading, is_right) = match grammar {
        Grammar::Tsx | Grammar::TypeScript => {
            let ampersands = if grammar == Grammar::Tsx { bare_ampersands(text) } else { Vec::new() };
            let mended = Mended { ampersands, blank: annotations(text), names: names(text) };
            let reading = read_with(grammar, text, mended, before)?;
            let is_right = reading.is_drawn() && reading.is_blank() && reading.is_named();
            (reading, is_right)
        }
        Grammar::Python => {
            let runs = long_runs(text);
            let kept: Vec<usize> = runs.iter().map(|run| run.kept).collect();
            let blank = runs.into_iter().flat_map(|run| run.lines).collect();
            let reading = read_with(grammar, text, Mended { blank, ..Mended::default() }, before)?;
            // Of broken code it is not known what is in a string.
            let is_right = reading.tree.root_node().has_error() || reading.has_comments(&kept);
            (reading, is_right)
        }
    };
    // What was taken for something else is code, or in a string.
    if is_right { Some(reading) } else { read_with(grammar, text, Mended::default(), None) }
}

fn read_with(grammar: Grammar, text: &str, mended: Mended, before: Option<(&Reading, &str)>) -> Option<Reading> {
    let text = mended.instead_of(text);
    let old = before.map(|(reading, old)| {
        let mut tree = reading.tree.clone();
        edit(&mut tree, &reading.mended.instead_of(old), &text);
        tree
    });
    Some(Reading { tree: parse(grammar, &text, old.as_ref())?, mended })
}

impl Mended {
    /// What is parsed instead of a text.
    fn instead_of<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if *self == Self::default() {
            return Cow::Borrowed(text);
        }
        let ampersands = self.ampersands.iter().map(|&at| (at..at + 1, STAND_IN));
        let blank = self.blank.iter().map(|place| (place.clone(), ' '));
        let names = self.names.iter().map(|place| (place.clone(), LETTER));
        let mut places: Vec<_> = ampersands.chain(blank).chain(names).collect();
        places.sort_unstable_by_key(|(place, _)| place.start);
        let mut read = String::with_capacity(text.len());
        let mut from = 0;
        for (place, instead) in places {
            // What looks like code in the name of a module is a part of that name.
            if place.start < from {
                continue;
            }
            read.push_str(&text[from..place.start]);
            from = place.end;
            read.extend(text[place].bytes().map(|byte| if byte == b'\n' { '\n' } else { instead }));
        }
        read.push_str(&text[from..]);
        Cow::Owned(read)
    }
}

impl Reading {
    /// Whether all ampersands that were read as something else are text that JSX draws.
    fn is_drawn(&self) -> bool {
        let root = self.tree.root_node();
        let node = |at: usize| root.descendant_for_byte_range(at, at + 1);
        self.mended.ampersands.iter().all(|&at| {
            node(at).is_some_and(|node| node.kind() == "jsx_text" || node.parent().is_some_and(is_quoted_attribute))
        })
    }

    /// Whether what was read as blank is among the parameters of a type, or no code.
    fn is_blank(&self) -> bool {
        const RIGHT: &[&str] = &["type_parameters", "comment", "string_fragment", "template_string", "jsx_text"];
        let root = self.tree.root_node();
        let node = |place: &Range<usize>| root.descendant_for_byte_range(place.start, place.end);
        self.mended.blank.iter().all(|place| node(place).is_some_and(|node| RIGHT.contains(&node.kind())))
    }

    /// Whether what was read as a name names a member, a parameter or the module of a type, or is no code.
    fn is_named(&self) -> bool {
        const NO_CODE: &[&str] = &["comment", "string_fragment", "template_string", "jsx_text"];
        const NAMED: &[&str] =
            &["required_parameter", "optional_parameter", "nested_type_identifier", "nested_identifier"];
        let root = self.tree.root_node();
        self.mended.names.iter().all(|place| {
            root.descendant_for_byte_range(place.start, place.end).is_some_and(|node| match node.kind() {
                "property_identifier" => true,
                "identifier" => node.parent().is_some_and(|parent| NAMED.contains(&parent.kind())),
                kind => NO_CODE.contains(&kind),
            })
        })
    }

    /// Whether comments begin in these places.
    fn has_comments(&self, places: &[usize]) -> bool {
        let root = self.tree.root_node();
        places.iter().all(|&at| {
            let node = root.descendant_for_byte_range(at, at + 1);
            node.is_some_and(|node| node.start_byte() == at && kind(node.kind_id()) == python::Kind::Comment)
        })
    }
}

fn is_quoted_attribute(node: Node<'_>) -> bool {
    node.kind() == "string" && node.parent().is_some_and(|parent| parent.kind() == "jsx_attribute")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "export function Page<T>({ a, b }: Props<T>) {\n  const both = a & b, ratio = (a) / b, pattern = /[<p>&]/;\n  // it's <p>a & b\n  if (a < b && a > b) return <Trans>Don't & do</Trans>;\n  return (\n    <div title=\"Q&A\" id='a&b' render={() => <b>x & y</b>}>\n      <p>Terms & conditions, R&D &amp; more & more</p>\n      {a && <a href=\"/x?a=1&b=2&c=3\">cd x && make {b & 1} & {`${a & b} & <i>`} go</a>}\n      <>P&L<br/>&</>\n    </div>\n  );\n}\nconst same = <U,>(x: U & T) => x;\n";

    fn scratch(text: &str) -> Reading {
        read(Grammar::Tsx, text, None).unwrap_or_else(|| unreachable!())
    }

    #[test]
    fn bare_ampersands_are_text() {
        let reading = scratch(PAGE);
        assert!(!reading.tree.root_node().has_error(), "{}", reading.tree.root_node().to_sexp());
        let read = reading.mended.instead_of(PAGE);
        let left: Vec<&str> = read.match_indices('&').map(|(at, _)| &read[at - 2..at + 2]).collect();
        assert_eq!(
            left,
            ["a & ", "p>&]", "a & ", "b &&", " && ", "D &a", "a &&", " && ", "b & ", "a & ", "} & ", "U & "]
        );
    }

    #[test]
    fn numbers_of_pictures_are_text() {
        let reading = scratch("const a = <p title=\"&#128190;\">&#128190; &#x1F4BE; &#169;</p>;\n");
        assert!(!reading.tree.root_node().has_error(), "{}", reading.tree.root_node().to_sexp());
        assert_eq!(reading.mended.ampersands.len(), 2);
    }

    #[test]
    fn ampersands_of_code_stay() {
        for text in
            ["const x = a & & b;\n", "const x = \"a&b\" &;\n", "type F = <T>(a: T & A) => void;\n", "a & <b & c>;\n"]
        {
            assert_eq!(scratch(text).mended.instead_of(text), text);
        }
    }

    /// Whatever is edited, the text is read as if it had been there at once.
    #[test]
    fn an_edited_text_is_read_like_a_fresh_one() {
        let edits = [
            ("Terms & conditions", "{terms & conditions}"),
            ("<p>Terms", "<p>{Terms"),
            ("Terms", "Rules"),
            ("R&D", "R&D;"),
            ("a & b,", "a,"),
            ("Q&A", "Q&A & more"),
            ("<>P&L<br/>&</>", ""),
            ("\"Q&A\"", "{\"Q&A\"}"),
            ("<p>Terms & conditions, R&D &amp; more & more</p>", "{`Terms & conditions, R&D &amp; more & more`}"),
        ];
        for (from, to) in edits {
            let after = PAGE.replacen(from, to, 1);
            assert_ne!(after, PAGE);
            for (one, other) in [(PAGE, &*after), (&*after, PAGE)] {
                let edited = read(Grammar::Tsx, other, Some((&scratch(one), one))).unwrap_or_else(|| unreachable!());
                let fresh = scratch(other);
                assert_eq!(edited.mended, fresh.mended, "{from} {to}");
                if !fresh.tree.root_node().has_error() {
                    assert_eq!(edited.tree.root_node().to_sexp(), fresh.tree.root_node().to_sexp(), "{from} {to}");
                }
            }
        }
    }

    const RUN: &str = "# it's one\n# \"two\" {three}\n\n    # four\n# five\n# six\n# seven\n# eight\n# nine\n# ten\n    # eleven\n# twelve\n";

    fn python(text: &str) -> Reading {
        read(Grammar::Python, text, None).unwrap_or_else(|| unreachable!())
    }

    /// The statements of a text, with those in them, and where they are.
    fn statements(text: &str, reading: &Reading) -> String {
        fn write(node: Node<'_>, text: &str, into: &mut String) {
            if node.is_named() && kind(node.kind_id()) != python::Kind::Comment {
                into.push_str(&format!("({} {:?}", node.kind(), text[node.byte_range()].lines().next()));
                (0..node.child_count()).filter_map(|at| node.child(at)).for_each(|child| write(child, text, into));
                into.push(')');
            }
        }
        let mut written = String::new();
        write(reading.tree.root_node(), text, &mut written);
        written
    }

    /// What is read as blank leads to the same code, wherever it stands.
    #[test]
    fn long_runs_of_comments_are_read_as_blank() {
        for around in [
            "x = 1\n@y = 2\n",
            "@x = 1\n",
            "x = 1\n@",
            "def f():\n    x\n@    return y\n",
            "def f():\n    if x:\n        x\n@    return y\n",
            "class A:\n@    x = 1\n@y\n",
            "x = [\n1,\n@2]\n@if x:\n@    y\n@else:\n    z\n",
            "@x\n@def f(a,\n@b): return \"\"\"a\n@\"\"\"\n",
            "x = f\"\"\"a\n@b{c}\"\"\"\n@y\n",
        ] {
            let text = around.replace('@', RUN);
            let reading = python(&text);
            let whole = read_with(Grammar::Python, &text, Mended::default(), None).unwrap_or_else(|| unreachable!());
            assert!(!whole.tree.root_node().has_error(), "{text}");
            assert_ne!(reading.mended, Mended::default(), "{text}");
            assert_eq!(statements(&text, &reading), statements(&text, &whole), "{text}");
        }
    }

    #[test]
    fn an_edited_run_of_comments_is_read_like_a_fresh_one() {
        let text = "def f():\n    x\n@    return y\n@z = f(1)\n".replace('@', RUN);
        for (from, to) in [
            ("# ten\n", "# te\n"),
            ("# ten\n", "ten = 10\n"),
            ("# ten\n", "\"\"\"\n"),
            ("# ten\n", "# authlens: public why\n"),
            ("# one\n", ""),
            ("    x\n", "    x = \"\"\"\n"),
            ("z = f(1)\n", ""),
        ] {
            let after = text.replacen(from, to, 1);
            for (one, other) in [(&*text, &*after), (&*after, &*text)] {
                let edited = read(Grammar::Python, other, Some((&python(one), one))).unwrap_or_else(|| unreachable!());
                let fresh = python(other);
                assert_eq!(edited.mended, fresh.mended, "{from} {to}");
                assert_eq!(edited.tree.root_node().to_sexp(), fresh.tree.root_node().to_sexp(), "{from} {to}");
            }
        }
    }

    #[test]
    fn names_that_look_like_words_are_read_as_names() {
        let text = "// abstract: x\ninterface A {\n  abstract?: string\n  /** of it */\n  abstract: import('./b').B[]\n}\nclass C { abstract?: string; b = { abstract: 1 } }\nfunction f({ abstract }: { abstract: string }, abstract: import(\"./b\").n.B<string>) { return abstract; }\n";
        for grammar in [Grammar::TypeScript, Grammar::Tsx] {
            let reading = read(grammar, text, None).unwrap_or_else(|| unreachable!());
            assert!(!reading.tree.root_node().has_error(), "{}", reading.tree.root_node().to_sexp());
            let after = text.replacen("abstract?: string\n", "abstracts?: string\n", 1);
            let edited = read(grammar, &after, Some((&reading, text))).unwrap_or_else(|| unreachable!());
            let fresh = read(grammar, &after, None).unwrap_or_else(|| unreachable!());
            assert_eq!(edited.tree.root_node().to_sexp(), fresh.tree.root_node().to_sexp());
        }
    }

    #[test]
    fn how_parameters_vary_is_read_as_blank() {
        let text = "/** `interface A<in T>` */\nexport interface A<in out T, out U = never> extends B<T> { a: T; b: U }\nconst s = \"type A<out T>\";\nclass C<\n  out T,\n> {}\n";
        for grammar in [Grammar::TypeScript, Grammar::Tsx] {
            let reading = read(grammar, text, None).unwrap_or_else(|| unreachable!());
            assert!(!reading.tree.root_node().has_error(), "{}", reading.tree.root_node().to_sexp());
            let after = text.replacen("in out T", "in T", 1);
            let edited = read(grammar, &after, Some((&reading, text))).unwrap_or_else(|| unreachable!());
            let fresh = read(grammar, &after, None).unwrap_or_else(|| unreachable!());
            assert_eq!(edited.tree.root_node().to_sexp(), fresh.tree.root_node().to_sexp());
        }
    }
}
