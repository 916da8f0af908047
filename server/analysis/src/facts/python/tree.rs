//! The lowered form of Python source: what the analysis keeps of a file.
//!
//! A file is a list of top-level [`Item`]s. An item is a pure function of its
//! own bytes: every range in it counts from the item's first byte, so an edit
//! above an item leaves it untouched and it can be shared between revisions.
//! The tree is complete for expressions and statements (the route interpreter
//! and the guard analysis execute it), but drops everything that has no
//! meaning: comments, parentheses, punctuation.

use std::sync::Arc;

use smol_str::SmolStr;

use super::body::Body;
use super::item::ItemStmt;
use crate::text::TextRange;

/// One top-level statement, with ranges relative to its own first byte.
#[derive(Debug)]
pub struct Item {
    /// Length of the item's text in bytes.
    pub len: u32,
    /// Hash of the item's bytes.
    pub text_hash: u64,
    /// The statement.
    pub stmt: ItemStmt,
    /// Names under which it keeps something on a `state`: `app.state.pool = …`.
    pub keeps: Box<[SmolStr]>,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        (self.len, self.text_hash) == (other.len, other.text_hash) && *self.stmt == *other.stmt
    }
}

impl Eq for Item {}

/// An item at its place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedItem {
    /// Offset of the item's first byte in the file.
    pub start: u32,
    /// Whether it holds a syntax error; such an item is never shared.
    pub broken: bool,
    /// The shared item.
    pub item: Arc<Item>,
    /// Where `# authlens: public` comments speak for it, relative to the item,
    /// with their reasons. They belong to the item and not to the text, so that
    /// one that stands in broken code decides nothing yet.
    pub public: Vec<(TextRange, SmolStr)>,
}

/// A statement with its range.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stmt {
    /// Range relative to the item.
    pub range: TextRange,
    /// What it does.
    pub kind: StmtKind,
}

/// The statements of Python 3.14.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StmtKind {
    /// `import a.b as c, d`.
    Import(Vec<ImportedModule>),
    /// `from .a import b as c`.
    ImportFrom(Box<ImportFrom>),
    /// `def`, also `async def`, with its decorators.
    Function(Arc<Function>),
    /// `class`, with its decorators.
    Class(Arc<Class>),
    /// `a = b = value`; an annotated assignment has one target and may have no value.
    Assign(Box<Assign>),
    /// `a += value`.
    AugAssign(Box<AugAssign>),
    /// `type X = value` (PEP 695).
    TypeAlias {
        /// Name of the alias.
        name: Ident,
        /// Its value.
        value: Expr,
    },
    /// An expression as a statement.
    Expr(Expr),
    /// `if`/`elif`/`else`; an `elif` is an `If` alone in `or_else`.
    If {
        /// Condition.
        test: Box<Expr>,
        /// Statements when true.
        body: Vec<Stmt>,
        /// Statements when false.
        or_else: Vec<Stmt>,
    },
    /// `for`, also `async for`; `or_else` runs when the loop ends without `break`.
    For {
        /// Loop target.
        target: Box<Expr>,
        /// What is iterated.
        iter: Box<Expr>,
        /// Body.
        body: Vec<Stmt>,
        /// `else` clause.
        or_else: Vec<Stmt>,
    },
    /// `while`.
    While {
        /// Condition.
        test: Box<Expr>,
        /// Body.
        body: Vec<Stmt>,
        /// `else` clause.
        or_else: Vec<Stmt>,
    },
    /// `try`, also with `except*`.
    Try {
        /// Guarded statements.
        body: Vec<Stmt>,
        /// Handlers in order.
        handlers: Vec<Handler>,
        /// `else` clause.
        or_else: Vec<Stmt>,
        /// `finally` clause.
        finally: Vec<Stmt>,
    },
    /// `with`, also `async with`.
    With {
        /// Context managers and their `as` targets.
        items: Vec<(Expr, Option<Expr>)>,
        /// Body.
        body: Vec<Stmt>,
    },
    /// `match`.
    Match {
        /// The subject.
        subject: Expr,
        /// Cases in order.
        cases: Vec<MatchCase>,
    },
    /// `return`.
    Return(Option<Expr>),
    /// `raise exc from cause`.
    Raise {
        /// The exception, absent when re-raising.
        exc: Option<Expr>,
        /// The cause.
        cause: Option<Box<Expr>>,
    },
    /// `assert test, message`.
    Assert(Expr),
    /// `del a, b`.
    Delete(Vec<Expr>),
    /// `global`/`nonlocal` names.
    Global(Vec<SmolStr>),
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `pass` and the literal `...`.
    Pass,
    /// A statement that this reader does not know or that holds a syntax error.
    Unknown,
}

/// One module of an `import` statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImportedModule {
    /// Dotted module name.
    pub module: SmolStr,
    /// Name after `as`.
    pub alias: Option<SmolStr>,
    /// Range of the whole clause.
    pub range: TextRange,
}

/// A `from … import …` statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImportFrom {
    /// Number of leading dots.
    pub level: u32,
    /// Dotted module name without the dots; empty for `from . import x`.
    pub module: SmolStr,
    /// Imported names; empty when `star`.
    pub names: Vec<ImportedName>,
    /// `from x import *`.
    pub star: bool,
}

/// One name of a `from` import.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImportedName {
    /// Name in the other module.
    pub name: SmolStr,
    /// Name after `as`.
    pub alias: Option<SmolStr>,
    /// Range of the clause.
    pub range: TextRange,
}

impl ImportedName {
    /// The name that the import binds in this module.
    pub fn bound(&self) -> &SmolStr {
        self.alias.as_ref().unwrap_or(&self.name)
    }
}

/// A name with its range.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ident {
    /// The identifier.
    pub name: SmolStr,
    /// Range relative to the item.
    pub range: TextRange,
}

/// A function or method.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Function {
    /// Its name.
    pub name: Ident,
    /// `async def`.
    pub is_async: bool,
    /// Decorator expressions in source order (without `@`).
    pub decorators: Vec<Expr>,
    /// Parameters in source order.
    pub params: Vec<Param>,
    /// Range of the parameter list with its parentheses.
    pub params_range: TextRange,
    /// Return annotation.
    pub returns: Option<Expr>,
    /// Range from the `def` or `async` keyword to the colon.
    pub header: TextRange,
    /// Body without the docstring.
    pub body: Body,
    /// Hash of the body's source text.
    pub body_hash: u64,
    /// Whether the body (nested functions aside) holds `yield`.
    pub is_generator: bool,
    /// Whether it is decorated, and its docstring says that everybody may call the route.
    pub says_public: bool,
}

/// How an argument reaches a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// Before `/`.
    PositionalOnly,
    /// By position or name.
    Normal,
    /// `*args`.
    VarArgs,
    /// After `*`.
    KeywordOnly,
    /// `**kwargs`.
    KwArgs,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// How it is passed.
    pub kind: ParamKind,
    /// Annotation; a string annotation is already parsed.
    pub annotation: Option<Expr>,
    /// Default value.
    pub default: Option<Expr>,
    /// Range of the whole parameter.
    pub range: TextRange,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Class {
    /// Its name.
    pub name: Ident,
    /// Decorator expressions in source order.
    pub decorators: Vec<Expr>,
    /// Bases and keywords of the class statement.
    pub bases: Vec<Arg>,
    /// Body without the docstring.
    pub body: Vec<Stmt>,
}

/// `targets = value`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assign {
    /// Targets from left to right.
    pub targets: Vec<Expr>,
    /// Annotation of an annotated assignment; a string annotation is parsed.
    pub annotation: Option<Expr>,
    /// The value; absent for a bare annotation.
    pub value: Option<Expr>,
}

/// `target op= value`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AugAssign {
    /// The target.
    pub target: Expr,
    /// The operator without `=`.
    pub op: SmolStr,
    /// The operand.
    pub value: Expr,
}

/// An `except` clause.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Handler {
    /// Exception classes: empty for a bare `except`; `except A, B` and
    /// `except (A, B)` both give two.
    pub types: Vec<Expr>,
    /// Name after `as`.
    pub name: Option<SmolStr>,
    /// Body.
    pub body: Vec<Stmt>,
    /// Range of the clause.
    pub range: TextRange,
}

/// A `case` of `match`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MatchCase {
    /// Names that the pattern binds.
    pub binds: Vec<SmolStr>,
    /// Whether the pattern matches everything (`_` or a bare name without guard).
    pub irrefutable: bool,
    /// The value of a literal or dotted-name pattern.
    pub value: Option<Expr>,
    /// Guard.
    pub guard: Option<Expr>,
    /// Body.
    pub body: Vec<Stmt>,
}

/// An expression with its range.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expr {
    /// Range relative to the item.
    pub range: TextRange,
    /// What it computes.
    pub kind: ExprKind,
}

/// The expressions of Python.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ExprKind {
    /// A name.
    Name(SmolStr),
    /// `value.name`.
    Attribute {
        /// What is accessed.
        value: Box<Expr>,
        /// The attribute.
        name: Ident,
    },
    /// `func(args)`.
    Call {
        /// What is called.
        func: Box<Expr>,
        /// Arguments in source order.
        args: Vec<Arg>,
    },
    /// `value[index]`; a tuple index is one `Tuple`.
    Subscript {
        /// What is indexed.
        value: Box<Expr>,
        /// The index.
        index: Box<Expr>,
    },
    /// A slice `a:b:c` as an index.
    Slice(Vec<Expr>),
    /// A string literal, adjacent literals joined, escapes resolved.
    Str(SmolStr),
    /// An f-string (or t-string): literal and interpolated parts in order.
    FString(Vec<Expr>),
    /// A bytes literal; its content plays no part.
    Bytes,
    /// An integer that fits, else [`ExprKind::Number`].
    Int(i64),
    /// Any other number.
    Number,
    /// `True` or `False`.
    Bool(bool),
    /// `None`.
    None,
    /// `...`.
    Ellipsis,
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `(a, b)` or `a, b`.
    Tuple(Vec<Expr>),
    /// `{a, b}`.
    Set(Vec<Expr>),
    /// `{k: v, **m}`; a double-starred entry has no key.
    Dict(Vec<(Option<Expr>, Expr)>),
    /// `left op right`, arithmetic and bitwise operators.
    Binary {
        /// The operator.
        op: SmolStr,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `a and b` (`and` true) or `a or b`, flattened.
    BoolOp {
        /// `and` rather than `or`.
        and: bool,
        /// Operands from left to right.
        values: Vec<Expr>,
    },
    /// `not a`.
    Not(Box<Expr>),
    /// `-a`, `+a`, `~a`.
    Unary(Box<Expr>),
    /// `first op second op third`: operators are `==`, `!=`, `<`, `in`, `not in`, `is`, `is not`, ….
    Compare {
        /// First operand.
        first: Box<Expr>,
        /// Operators with the operand on their right.
        rest: Vec<(SmolStr, Expr)>,
    },
    /// `body if test else or_else`.
    IfExp {
        /// Condition.
        test: Box<Expr>,
        /// Value when true.
        body: Box<Expr>,
        /// Value when false.
        or_else: Box<Expr>,
    },
    /// `lambda params: body`.
    Lambda {
        /// Parameters.
        params: Vec<Param>,
        /// Result.
        body: Box<Expr>,
    },
    /// `await a`.
    Await(Box<Expr>),
    /// `yield a` or `yield from a`.
    Yield(Option<Box<Expr>>),
    /// `*a`.
    Starred(Box<Expr>),
    /// `name := value`.
    Walrus {
        /// Bound name.
        name: Ident,
        /// The value.
        value: Box<Expr>,
    },
    /// A comprehension or generator expression.
    Comprehension(Box<Comprehension>),
    /// An expression that this reader does not know or that holds a syntax error.
    Unknown,
}

/// `[element for target in iter if cond]` and its kin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Comprehension {
    /// The element; for a dict comprehension, its key.
    pub element: Expr,
    /// The value of a dict comprehension.
    pub value: Option<Expr>,
    /// `for` clauses with the conditions behind them.
    pub clauses: Vec<ComprehensionClause>,
}

/// One `for … in … if …` of a comprehension.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ComprehensionClause {
    /// Loop target.
    pub target: Expr,
    /// What is iterated.
    pub iter: Expr,
    /// Conditions.
    pub conditions: Vec<Expr>,
}

/// An argument of a call, or a base or keyword of a class.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arg {
    /// Keyword, for `name=value`.
    pub name: Option<Ident>,
    /// `*` or `**` before the value.
    pub spread: Spread,
    /// The value.
    pub value: Expr,
}

/// Whether an argument is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spread {
    /// A plain argument.
    No,
    /// `*value`.
    Iterable,
    /// `**value`.
    Mapping,
}

impl Function {
    /// A copy whose body is lowered when somebody looks at it, and goes with the
    /// copy, with the length of the source that it is lowered from. `None` where
    /// the body is kept anyway.
    pub fn to_look_into(&self) -> Option<(Self, u32)> {
        let (body, bytes) = self.body.again()?;
        let copy = Self {
            name: self.name.clone(),
            is_async: self.is_async,
            decorators: self.decorators.clone(),
            params: self.params.clone(),
            params_range: self.params_range,
            returns: self.returns.clone(),
            header: self.header,
            body,
            body_hash: self.body_hash,
            is_generator: self.is_generator,
            says_public: self.says_public,
        };
        Some((copy, bytes))
    }
}

/// The value of the keyword argument `name`, when it is given by name.
pub fn keyword<'a>(args: &'a [Arg], name: &str) -> Option<&'a Expr> {
    args.iter().find(|arg| arg.name.as_ref().is_some_and(|n| n.name == name)).map(|arg| &arg.value)
}

/// The `index`-th positional argument, when no spread comes before it.
pub fn positional(args: &[Arg], index: usize) -> Option<&Expr> {
    let mut seen = 0;
    for arg in args {
        match (&arg.name, arg.spread) {
            (None, Spread::No) if seen == index => return Some(&arg.value),
            (None, Spread::No) => seen += 1,
            (None, Spread::Iterable) => return None,
            _ => {}
        }
    }
    None
}
