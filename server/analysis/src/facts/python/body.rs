//! The body of a function, lowered when somebody looks at it.
//!
//! Lowered code takes eight times the room of its source, and nobody ever asks
//! what most functions of a large project do. So those of files that no editor
//! has open keep their source instead, which they share with their file.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::OnceLock;

use super::lower::lower_body;
use super::tree::Stmt;
use crate::text::{KeptText, TextRange};

/// The statements of a function, without its docstring.
#[derive(Clone, Default)]
pub struct Body {
    statements: OnceLock<Box<[Stmt]>>,
    source: Option<BodySource>,
}

/// Where a body that has not been lowered stands.
#[derive(Debug, Clone)]
pub(super) struct BodySource {
    /// The text of the file.
    pub(super) text: KeptText,
    /// The function in it, from `def` or `async` to its end.
    pub(super) function: TextRange,
    /// Offset of the item that the function is in.
    pub(super) item: u32,
    /// Levels that the function is nested in.
    pub(super) nesting: u32,
}

impl Body {
    /// A body that is lowered already.
    pub(super) fn new(statements: Vec<Stmt>) -> Self {
        Self { statements: OnceLock::from(statements.into_boxed_slice()), source: None }
    }

    /// A body that is lowered when it is looked at.
    pub(super) fn later(source: BodySource) -> Self {
        Self { statements: OnceLock::new(), source: Some(source) }
    }

    /// The same body, not lowered yet, if it was left for later; `bytes` is the length of its source.
    pub(super) fn again(&self) -> Option<(Self, u32)> {
        let source = self.source.clone()?;
        let bytes = source.function.end - source.function.start;
        Some((Self::later(source), bytes))
    }

    /// Whether it was left for later. Such a body never makes an application.
    pub(super) fn is_later(&self) -> bool {
        self.source.is_some()
    }
}

impl Deref for Body {
    type Target = [Stmt];

    fn deref(&self) -> &[Stmt] {
        self.statements.get_or_init(|| self.source.as_ref().map(lower_body).unwrap_or_default())
    }
}

impl<'b> IntoIterator for &'b Body {
    type Item = &'b Stmt;
    type IntoIter = std::slice::Iter<'b, Stmt>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        let same_source = match (&self.source, &other.source) {
            (Some(a), Some(b)) => a.text.is(&b.text) && a.function == b.function && a.item == b.item,
            _ => false,
        };
        same_source || **self == **other
    }
}

impl Eq for Body {}

impl Hash for Body {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::lower::{Lowered, lower_closed_file, lower_file};
    use super::super::tree::StmtKind;
    use super::*;
    use std::sync::Arc;

    use crate::syntax::{Grammar, parse};

    fn both(text: &str) -> (Lowered, Lowered) {
        let text: Arc<str> = text.into();
        let tree = parse(Grammar::Python, &text, None).unwrap();
        (lower_closed_file(&text, &KeptText::plain(&text).packed(), &tree), lower_file(&text, &tree, None))
    }

    fn bodies_left(lowered: &Lowered) -> usize {
        let left = |stmt: &Stmt| matches!(&stmt.kind, StmtKind::Function(def) if def.body.is_later());
        let below = |stmt: &Stmt| match &stmt.kind {
            StmtKind::Class(class) => class.body.iter().filter(|stmt| left(stmt)).count(),
            _ => usize::from(left(stmt)),
        };
        lowered.items.iter().map(|placed| below(&placed.item.stmt)).sum()
    }

    #[test]
    fn a_body_left_for_later_is_the_same() {
        for (left, text) in [
            (1, "def f(a, *b):\n    \"\"\"Says.\"\"\"\n    if a:\n        return b\n    return [x for x in b]\n"),
            (1, "import a\n\n@a.b\nasync def f(): return (yield 1)\n"),
            (
                2,
                "class C:\n    @p\n    def f(self):\n        ('doc')\n    # end\n\n    async def g(self):\n        def h(): yield a not  in b < c\n",
            ),
            (1, "def f():\n\tif x:\n\t\tlog('''\nleft\n''')\n\t\treturn 1\n\telse:\n\t\tpass\n\nf()\n"),
            (1, "def f():\r\n    # first\r\n    'a' 'b'\r\n    return g(\r\n1)\r\n"),
            (0, "def f():\n    return FastAPI()\n"),
            (0, "def f():\n    return (\n"),
            // What is misplaced is misplaced either way.
            (1, "def f():\n    if a:\n        b\n          c\n"),
        ] {
            let (later, now) = both(text);
            assert_eq!(bodies_left(&later), left, "{text}");
            assert_eq!(later, now, "{text}");
        }
    }

    #[test]
    fn the_deepest_code_ends_where_it_always_does() {
        let deeper = |text: String, level| text + &format!("{}if a:\n", " ".repeat(level));
        let text = (1..100).fold(String::from("def f():\n"), deeper) + &" ".repeat(100) + "pass\n";
        let (later, now) = both(&text);
        assert_eq!((bodies_left(&later), later), (1, now));
    }
}
