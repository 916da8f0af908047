//! Lowered TypeScript and JavaScript: what evaluation needs of a module's code.
//!
//! Types are left out. Ranges count from the start of the top-level statement
//! that holds them.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::text::TextRange;

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// Where it stands.
    pub range: TextRange,
    /// What it is.
    pub kind: ExprKind,
}

/// Kinds of expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExprKind {
    /// Something whose value is not followed; its parts may still have effects.
    Other(Box<[Expr]>),
    /// A variable.
    Name(SmolStr),
    /// `this`.
    This,
    /// `super`.
    Super,
    /// `null`.
    Null,
    /// `undefined`.
    Undefined,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(SmolStr),
    /// A string, without its quotes and with escapes resolved.
    Text(SmolStr),
    /// A template string.
    Template(Box<[TemplatePart]>),
    /// An object literal.
    Object(Box<[Property]>),
    /// An array literal.
    Array(Box<[Element]>),
    /// A function of any form.
    Function(Arc<Function>),
    /// A class.
    Class(Arc<Class>),
    /// `object.property`.
    Member(Box<Member>),
    /// `object[index]`.
    Index(Box<Index>),
    /// A call or `new`.
    Call(Box<Call>),
    /// `!operand`.
    Not(Box<Expr>),
    /// `typeof operand`.
    TypeOf(Box<Expr>),
    /// `delete operand`.
    Delete(Box<Expr>),
    /// `await operand`.
    Await(Box<Expr>),
    /// An operator between two values.
    Binary(Box<Binary>),
    /// An assignment.
    Assign(Box<Assign>),
    /// `test ? then : otherwise`.
    Conditional(Box<Conditional>),
    /// `first, second`.
    Sequence(Box<[Expr]>),
    /// An element of JSX.
    Jsx(Box<Jsx>),
    /// `import("module")`.
    Import(SmolStr),
}

/// A part of a template string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    /// Text, with escapes resolved.
    Text(SmolStr),
    /// `${value}`.
    Value(Expr),
}

/// A property of an object literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// `key: value`, also written short.
    Named(SmolStr, Expr),
    /// `[key]: value`.
    Computed(Expr, Expr),
    /// `...value`.
    Spread(Expr),
}

/// An element of an array literal or an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Whether it stands for many: `...value`.
    pub spread: bool,
    /// The value.
    pub value: Expr,
}

/// `object.property`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The object.
    pub object: Expr,
    /// The property.
    pub property: SmolStr,
    /// Whether it is `?.`.
    pub optional: bool,
}

/// `object[index]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The object.
    pub object: Expr,
    /// The index.
    pub index: Expr,
    /// Whether it is `?.[`.
    pub optional: bool,
}

/// A call or `new`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What is called.
    pub callee: Expr,
    /// With what.
    pub arguments: Box<[Element]>,
    /// Whether it is `new`.
    pub new: bool,
    /// Whether it is `?.(`.
    pub optional: bool,
}

/// Operators that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `??`
    Coalesce,
    /// `===` and `==`
    Equal,
    /// `!==` and `!=`
    Unequal,
    /// `<` and `<=`
    Less,
    /// `>` and `>=`
    Greater,
    /// Any other.
    Other,
}

/// An operator between two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// The operator.
    pub operator: Operator,
    /// Its left side.
    pub left: Expr,
    /// Its right side.
    pub right: Expr,
}

/// An assignment. `a += b` is one with [`Operator::Add`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assign {
    /// What is assigned to.
    pub target: Pattern,
    /// The operator before `=`.
    pub operator: Option<Operator>,
    /// The value.
    pub value: Expr,
}

/// `test ? then : otherwise`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditional {
    /// The test.
    pub test: Expr,
    /// The value if it holds.
    pub then: Expr,
    /// The value if it does not.
    pub otherwise: Expr,
}

/// An element of JSX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jsx {
    /// Its tag; absent for fragments.
    pub tag: Option<Expr>,
    /// Its attributes; those without a value are `true`.
    pub attributes: Box<[Property]>,
    /// What stands in it.
    pub children: Box<[Expr]>,
}

/// What a value is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// A variable.
    Name(SmolStr, TextRange),
    /// `{ key: pattern }`.
    Object(Box<ObjectPattern>),
    /// `[pattern, , pattern]`.
    Array(Box<[Option<Pattern>]>),
    /// `pattern = value`.
    Default(Box<(Pattern, Expr)>),
    /// `...pattern`.
    Rest(Box<Pattern>),
    /// A place in an object.
    Place(Box<Expr>),
}

/// `{ key: pattern, ...rest }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPattern {
    /// What is taken out by name. A key that is computed has no name.
    pub properties: Box<[(Option<SmolStr>, Pattern)]>,
    /// What takes the rest.
    pub rest: Option<Pattern>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stmt {
    /// Where it stands.
    pub range: TextRange,
    /// What it is.
    pub kind: StmtKind,
}

/// Kinds of statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StmtKind {
    /// Nothing that matters.
    Nothing,
    /// An expression.
    Expr(Expr),
    /// `const`, `let` or `var`, and its declared values.
    Declare(Box<[Declarator]>),
    /// A named function.
    Function(Arc<Function>),
    /// A named class.
    Class(Arc<Class>),
    /// `return`.
    Return(Option<Expr>),
    /// `throw`.
    Throw(Expr),
    /// `break` or `continue`.
    Leave,
    /// `if`.
    If(Box<If>),
    /// A loop of any form.
    Loop(Box<Loop>),
    /// `try`.
    Try(Box<Try>),
    /// `switch`.
    Switch(Box<Switch>),
    /// A block.
    Block(Box<[Stmt]>),
    /// `import`.
    Import(Box<Import>),
    /// `export` of something declared here.
    Export(Box<Stmt>),
    /// `export default value`.
    ExportDefault(Expr),
    /// `export { a as b }`, with `from` or without.
    ExportNames(Box<ExportNames>),
    /// `enum` whose members are known.
    Enum(SmolStr, Box<[(SmolStr, Option<Expr>)]>),
}

/// A declared variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declarator {
    /// What is declared.
    pub target: Pattern,
    /// Its first value.
    pub value: Option<Expr>,
}

/// `if`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct If {
    /// The test.
    pub test: Expr,
    /// What follows if it holds.
    pub then: Box<[Stmt]>,
    /// What follows if it does not.
    pub otherwise: Box<[Stmt]>,
}

/// A loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// What runs before.
    pub before: Box<[Stmt]>,
    /// What is taken from another value each time.
    pub each: Option<(Pattern, Expr)>,
    /// What is tested and counted.
    pub test: Box<[Expr]>,
    /// What is repeated.
    pub body: Box<[Stmt]>,
}

/// `try`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// What is tried.
    pub body: Box<[Stmt]>,
    /// What the failure is bound to.
    pub failure: Option<Pattern>,
    /// What handles it.
    pub handler: Option<Box<[Stmt]>>,
    /// What runs in any case.
    pub finally: Box<[Stmt]>,
}

/// `switch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// The value.
    pub value: Expr,
    /// Its cases.
    pub cases: Box<[Case]>,
}

/// A case of `switch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The value; the default has none.
    pub value: Option<Expr>,
    /// What follows.
    pub body: Box<[Stmt]>,
}

/// `import`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module as it is written.
    pub module: SmolStr,
    /// What is imported: its name there and here. `default` and `*` are names.
    pub names: Box<[(SmolStr, SmolStr)]>,
}

/// `export { a as b }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportNames {
    /// The module that they come from; none if they are declared here.
    pub module: Option<SmolStr>,
    /// Their names there and as they are exported; `*` as `*` exports all.
    pub names: Box<[(SmolStr, SmolStr)]>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: Option<SmolStr>,
    /// Where it stands.
    pub range: TextRange,
    /// Where its name stands; the first byte of the function if it has none.
    pub name_range: TextRange,
    /// Whether it is `async`.
    pub is_async: bool,
    /// Whether it is an arrow: `this` is the one around it.
    pub is_arrow: bool,
    /// Its parameters.
    pub parameters: Box<[Parameter]>,
    /// Its body; that of an arrow may be one `return`.
    pub body: Box<[Stmt]>,
    /// Its directive: `use server` or `use client`.
    pub directive: Option<Directive>,
    /// What it and functions in it assign to; sorted.
    pub writes: Box<[Written]>,
    /// What functions in it assign to; sorted.
    pub captured: Box<[Written]>,
}

/// Something that is assigned to: a variable, or what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written {
    /// The variable.
    pub variable: SmolStr,
    /// Which part of it.
    pub part: WrittenPart,
}

/// The part of a variable that is assigned to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WrittenPart {
    /// The variable itself.
    Whole,
    /// A property of what it holds, or something below that.
    Property(SmolStr),
    /// A property whose name is computed.
    Any,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// What the argument is bound to.
    pub target: Pattern,
    /// In constructors: whether it is a property too.
    pub is_property: bool,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: Option<SmolStr>,
    /// Where it stands.
    pub range: TextRange,
    /// The class that it extends.
    pub base: Option<Expr>,
    /// Its methods.
    pub methods: Box<[Method]>,
    /// Its fields with their first values.
    pub fields: Box<[(SmolStr, bool, Option<Expr>)]>,
}

/// A method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// Its name; `constructor` is one.
    pub name: SmolStr,
    /// Whether it belongs to the class.
    pub is_static: bool,
    /// Whether it is read as a property.
    pub is_getter: bool,
    /// The function.
    pub function: Arc<Function>,
}

/// Where code says that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Directive {
    /// `"use client"`.
    Client,
    /// `"use server"`: what is exported is an endpoint.
    Server,
}
