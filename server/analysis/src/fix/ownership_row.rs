//! Whose row it is: the comparison behind the statement that gives the handler the row.

use tree_sitter::Node;

use super::ownership::{Subject, in_handler, rejection};
use super::signature::has_word;
use super::{Fixer, Source};
use crate::data::{Access, Use};
use crate::ide::{Applicability, Fix, Location, Refusal};
use crate::index::value::Site;

/// What an expression of SQLAlchemy or SQLModel gives, as its methods tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// No result: a session, what a function of the project gives, or the row itself.
    Plain,
    /// A result whose rows are tuples, as `execute` returns it.
    Tuples,
    /// A result or a query whose rows are those of the table.
    Scalars,
}

/// Methods that a result or a query has, and a row has not.
const UNWRAPS: &[&str] = &["scalar", "scalar_one", "scalar_one_or_none", "scalars"];

/// Methods that take one row out of a result.
const TAKES: &[&str] = &["first", "one", "one_or_none"];

/// Methods that give the same result or query again, with fewer rows or other ways to load them.
const KEEPS: &[&str] = &[
    "distinct",
    "execution_options",
    "filter",
    "filter_by",
    "join",
    "limit",
    "offset",
    "options",
    "order_by",
    "outerjoin",
    "populate_existing",
    "unique",
    "where",
    "with_for_update",
    "yield_per",
];

/// The comparison after the row was found.
pub(super) fn check_row(fixer: &Fixer<'_>, subject: &Subject<'_>) -> Result<Fix, Refusal> {
    let access = subject.access;
    if !access.table.hangs_on.is_empty() {
        return Err(Refusal("the owner stands in another table".into()));
    }
    if access.usage == Use::Changes && !is_changed_by_handler(access) {
        return Err(Refusal("whether the handler has the row before it is changed is not known".into()));
    }
    let file = access.entry.file;
    let location = fixer.state.sources.locate(access.entry);
    let source = fixer.source(file)?;
    in_handler(subject, location, &source)?;
    if fixer.state.sources.file(access.table.site.file).is_none() {
        return Err(Refusal("no class says what a row of this table is".into()));
    }
    is_of_table(fixer, access)?;
    let (statement, name) = row_at(&source, location)?;
    // A row that was not found has no owner.
    let looks = |node: &Node<'_>| {
        let test = node.child_by_field_name("condition").and_then(|test| source.text.get(test.byte_range()));
        node.kind() == "if_statement"
            && test.is_some_and(|test| {
                let test = test.trim();
                test == format!("not {name}") || test == format!("{name} is None") || test == format!("{name} == None")
            })
            && node.child_by_field_name("alternative").is_none()
    };
    let next = following(statement).filter(looks);
    let guard = if next.is_some() { String::new() } else { format!("{name} is not None and ") };
    let after = next.unwrap_or(statement);
    let owner = &subject.owner;
    let comparison = format!("{guard}{name}.{owner} != {}", subject.principal);
    let mut edits = rejection(fixer, &source, after.end_byte(), &comparison, true)?;
    edits.extend(subject.asked.iter().cloned());
    let status = fixer.state.ownership_status(file);
    let title = format!("Compare `{name}.{owner}` with `{}` and raise {status}", subject.principal);
    fixer.checked(vec![(file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// Whether a row is changed where its handler could still look whose it is, and
/// not in the call that fetches it.
fn is_changed_by_handler(access: &Access) -> bool {
    let in_handler = |site: &Site| site.file == access.entry.file && site.item == access.entry.item;
    let (fetched, changed) = (access.site, access.steps.last().map_or(access.site, |(site, _)| *site));
    in_handler(&fetched) || in_handler(&changed)
}

/// Whether the query of an access, where it is written out, is for rows of the table and nothing else.
fn is_of_table(fixer: &Fixer<'_>, access: &Access) -> Result<(), Refusal> {
    let location = fixer.state.sources.locate(access.site);
    let source = fixer.source(location.file)?;
    let Some(call) = node_at(&source, location).filter(|node| node.kind() == "call") else { return Ok(()) };
    let callee = call.child_by_field_name("function").and_then(|callee| text_of(&source, callee)).unwrap_or_default();
    if !matches!(callee.rsplit('.').next(), Some("select" | "query")) {
        return Ok(());
    }
    let Some(arguments) = call.child_by_field_name("arguments") else { return Ok(()) };
    let mut cursor = arguments.walk();
    let asked: Vec<_> = arguments.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect();
    match asked.as_slice() {
        [one] if one.kind() == "identifier" => Ok(()),
        [one] if text_of(&source, *one).is_some_and(|one| one.ends_with(&format!(".{}", access.table.name))) => Ok(()),
        _ => Err(Refusal("the query gives more or less than rows of the table".into())),
    }
}

/// The statement that gives the row which is fetched at a place, and the row's name. Where the
/// fetching gives a result, that is the statement which takes the row out of it.
fn row_at(source: &Source, at: Location) -> Result<(Node<'_>, &str), Refusal> {
    let not_plain = || Refusal("the row is not assigned to a variable".into());
    let mut up = std::iter::successors(node_at(source, at), Node::parent);
    let mut statement = up.find(|node| node.kind() == "expression_statement").ok_or_else(not_plain)?;
    let (mut name, right) = assigned(source, statement).ok_or_else(not_plain)?;
    let mut gives = gives(source, right, None).ok_or_else(not_plain)?;
    if gives == Gives::Plain && is_unwrapped(source, statement, name) {
        // A function of the project that gives out a result.
        gives = Gives::Tuples;
    }
    while gives != Gives::Plain {
        let unclear = || Refusal("which statement takes the row out of the result can't be told".into());
        let uses = |node: &Node<'_>| has_word(text_of(source, *node).unwrap_or_default(), name);
        statement =
            std::iter::successors(following(statement), |node| following(*node)).find(uses).ok_or_else(unclear)?;
        let (next, right) = assigned(source, statement).ok_or_else(unclear)?;
        gives = self::gives(source, right, Some((name, gives))).ok_or_else(unclear)?;
        name = next;
    }
    Ok((statement, name))
}

/// The variable that a statement assigns, and what it is given.
fn assigned<'t>(source: &'t Source, statement: Node<'t>) -> Option<(&'t str, Node<'t>)> {
    let assignment = statement.named_child(0).filter(|node| node.kind() == "assignment")?;
    let target = assignment.child_by_field_name("left").filter(|left| left.kind() == "identifier")?;
    Some((text_of(source, target)?, assignment.child_by_field_name("right")?))
}

/// What an expression gives, where a variable holds a result; `None` where that can't be told.
fn gives(source: &Source, node: Node<'_>, known: Option<(&str, Gives)>) -> Option<Gives> {
    match node.kind() {
        "await" | "parenthesized_expression" => gives(source, node.named_child(0)?, known),
        "identifier" | "attribute" => match known {
            Some((name, gives)) => (text_of(source, node) == Some(name)).then_some(gives),
            None => Some(Gives::Plain),
        },
        "call" => {
            let callee = node.child_by_field_name("function")?;
            if callee.kind() == "attribute" {
                let method = text_of(source, callee.child_by_field_name("attribute")?)?;
                return method_gives(method, gives(source, callee.child_by_field_name("object")?, known)?);
            }
            // A statement is not executed yet.
            (text_of(source, callee) != Some("select") && known.is_none()).then_some(Gives::Plain)
        }
        _ => None,
    }
}

/// What a method gives, of a result or of something else.
fn method_gives(method: &str, of: Gives) -> Option<Gives> {
    match (method, of) {
        ("execute", Gives::Plain) => Some(Gives::Tuples),
        ("exec" | "query" | "scalars", Gives::Plain) | ("scalars", Gives::Tuples) => Some(Gives::Scalars),
        // Many rows, rows that are no objects of the table, or a statement that is not executed yet.
        ("all" | "fetchall" | "fetchmany" | "fetchone" | "mappings" | "select" | "stream" | "stream_scalars", _) => {
            None
        }
        ("get" | "scalar" | "scalar_one" | "scalar_one_or_none", _) => Some(Gives::Plain),
        (_, Gives::Plain) => Some(Gives::Plain),
        (_, Gives::Scalars) if TAKES.contains(&method) => Some(Gives::Plain),
        (_, result) if KEEPS.contains(&method) => Some(result),
        _ => None,
    }
}

/// Whether a statement behind another calls methods of a variable that only results have.
fn is_unwrapped(source: &Source, statement: Node<'_>, name: &str) -> bool {
    let unwraps = |node: Node<'_>| {
        let text = text_of(source, node).unwrap_or_default();
        UNWRAPS.iter().chain(TAKES).chain(&["unique"]).any(|method| {
            let call = format!("{name}.{method}(");
            text.match_indices(&call)
                .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "_.".contains(c)))
        })
    };
    std::iter::successors(following(statement), |node| following(*node)).any(unwraps)
}

/// The next statement of the block.
fn following(statement: Node<'_>) -> Option<Node<'_>> {
    std::iter::successors(statement.next_named_sibling(), Node::next_named_sibling)
        .find(|node| node.kind() != "comment")
}

fn node_at(source: &Source, at: Location) -> Option<Node<'_>> {
    source.root().descendant_for_byte_range(at.range.start as usize, at.range.end as usize)
}

fn text_of<'t>(source: &'t Source, node: Node<'_>) -> Option<&'t str> {
    source.text.get(node.byte_range())
}
