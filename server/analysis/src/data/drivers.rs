//! SQL that a driver of a database is given as text, with its values beside it: `%s` and `?` for those of a list in turn,
//! `%(name)s` and `:name` for those of a dictionary (PEP 249), `$1` for those that follow (asyncpg 0.30).

use smol_str::SmolStr;

use super::calls::{Given, Spread};
use super::engine::Engine;
use super::value::{Abs, Path};
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::Site;

/// Methods that execute a statement.
const EXECUTING: &[&str] =
    &["execute", "fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "fetch_val", "iterate"];

/// Whether a method of a connection or cursor executes a statement.
pub(super) fn executes(method: &str) -> bool {
    EXECUTING.contains(&method)
}

/// A statement whose parameters all have names: those without one are called after their places.
struct Named {
    text: String,
    /// Whether each value is an argument of its own.
    is_spread: bool,
}

/// What a parameter without a name is called.
fn place(at: usize) -> String {
    format!("arg{at}")
}

impl Named {
    fn of(text: &str) -> Self {
        let is_spread = text.contains("$1");
        let mut named = Self { text: String::with_capacity(text.len()), is_spread };
        let (mut rest, mut quoted, mut count) = (text, false, 0);
        while let Some(c) = rest.chars().next() {
            quoted ^= c == '\'';
            let number = |rest: &str| rest[1..].chars().take_while(char::is_ascii_digit).count();
            let skipped = match c {
                _ if quoted => 0,
                '$' if is_spread && number(rest) > 0 => {
                    let digits = number(rest);
                    named.parameter(&format!("arg{}", &rest[1..=digits]));
                    1 + digits
                }
                '?' if !is_spread => {
                    count += 1;
                    named.parameter(&place(count));
                    1
                }
                '%' if rest.starts_with("%s") => {
                    count += 1;
                    named.parameter(&place(count));
                    2
                }
                '%' if rest.starts_with("%(") => match rest.find(")s") {
                    Some(end) => {
                        named.parameter(&rest[2..end]);
                        end + 2
                    }
                    None => 0,
                },
                _ => 0,
            };
            if skipped == 0 {
                named.text.push(c);
            }
            rest = &rest[skipped.max(c.len_utf8())..];
        }
        named
    }

    fn parameter(&mut self, name: &str) {
        self.text.push_str(" :");
        self.text.push_str(name);
        self.text.push(' ');
    }

    /// The values of its parameters, as far as they are seen.
    fn values(&self, given: &[Given]) -> Vec<(SmolStr, Abs)> {
        let numbered = |values: &mut dyn Iterator<Item = Abs>| -> Vec<(SmolStr, Abs)> {
            values.enumerate().map(|(at, value)| (SmolStr::new(place(at + 1)), value)).collect()
        };
        if self.is_spread {
            let plain = given.iter().take_while(|one| one.name.is_none() && one.spread == Spread::No);
            return numbered(&mut plain.map(|one| one.value.clone()));
        }
        match given.first().map(|one| &one.value) {
            Some(Abs::Items(items)) => numbered(&mut items.iter().cloned()),
            Some(Abs::Map(entries)) => entries.to_vec(),
            _ => Vec::new(),
        }
    }
}

impl Engine<'_, '_> {
    /// `connection.fetchrow("SELECT … WHERE id = $1", note_id)`.
    pub(super) fn execute_text(&mut self, path: &mut Path, text: &str, given: &[Given], site: Site) -> Option<Abs> {
        let named = Named::of(text);
        let Abs::Statement(statement) = self.sql(&named.text, site) else { return None };
        let mut statement = super::value::Statement::clone(&statement);
        statement.bind(&named.values(given));
        Some(self.execute(path, &statement, site))
    }
}

/// The cursor that a statement is executed with by itself, to be asked for the rows afterwards:
/// `cursor.execute("SELECT …")`.
pub(super) fn cursor_of(statement: &Expr) -> Option<&SmolStr> {
    let call = match &statement.kind {
        ExprKind::Await(inner) => inner,
        _ => statement,
    };
    let (func, args) = call.as_call()?;
    let ExprKind::Attribute { value, name } = &func.kind else { return None };
    // What SQLAlchemy is given is no plain text.
    let is_plain = args.first().is_some_and(|arg| arg.value.as_call().is_none());
    value.as_name().filter(|_| name.name == "execute" && is_plain)
}
