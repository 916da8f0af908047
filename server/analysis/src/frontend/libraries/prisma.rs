//! Prisma 7: what chooses the rows that a query of its client reads, changes or makes.

use smol_str::SmolStr;

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::Place;
use crate::frontend::requests::option;
use crate::frontend::rows::{Chosen, Does};
use crate::frontend::value::{PackageName, Value};

/// The package of the client.
const CLIENT: &str = "@prisma/client";

/// Methods that give rows, or tell of them.
const READS: &[&str] =
    &["findUnique", "findUniqueOrThrow", "findFirst", "findFirstOrThrow", "findMany", "count", "aggregate", "groupBy"];

/// Methods that change or remove rows that are there.
const CHANGES: &[&str] = &["update", "updateMany", "updateManyAndReturn", "delete", "deleteMany"];

/// Methods that make rows.
const MAKES: &[&str] = &["create", "createMany", "createManyAndReturn"];

/// What a module of the project gives under that name that is not there, or that a generator wrote: from Prisma 7 on the
/// client is generated into the project, and seldom committed.
pub(in crate::frontend) fn generated(name: &str) -> Option<Value> {
    (name == "PrismaClient").then(|| Value::package(CLIENT, name))
}

/// The model whose rows a query gives.
pub(in crate::frontend) fn model(package: &PackageName) -> Option<&str> {
    package.path.split('.').nth(1).filter(|_| package.package == CLIENT)
}

/// A function of a package is called: perhaps one that reads, changes or makes rows.
pub(in crate::frontend) fn watch(session: &mut Session<'_>, package: &PackageName, arguments: &Arguments, here: Place) {
    if package.package != CLIENT {
        return;
    }
    let parts: Vec<&str> = package.path.split('.').collect();
    let ["PrismaClient()", model, method] = parts.as_slice() else {
        // Raw queries, and clients that are extended.
        return if transaction(package).is_none() {
            session.watch_handed_on(arguments)
        };
    };
    let (does, conditions) = match method {
        // Whoever looks at somebody's row is counted.
        _ if only_counts(session, package, arguments) => return,
        method if CHANGES.contains(method) => (Does::Changes, conditions(session, &arguments.get(0))),
        method if READS.contains(method) => {
            session.watch_related(&arguments.get(0));
            (Does::Reads, conditions(session, &arguments.get(0)))
        }
        method if MAKES.contains(method) => (Does::Makes, columns(session, &arguments.get(0))),
        _ => return,
    };
    session.watch_access((model, method), does, conditions, here);
}

/// The conditions of `{ where: { … } }`; none where not all are known.
fn conditions(session: &mut Session<'_>, options: &Value) -> Option<Vec<(SmolStr, Chosen)>> {
    if *options == Value::Undefined {
        return Some(Vec::new());
    }
    session.chosen_columns(options)?;
    match option(session, options, "where") {
        Value::Undefined => Some(Vec::new()),
        wanted => session.chosen_columns(&wanted),
    }
}

/// What the columns of a new row hold: `{ data: { … } }`.
fn columns(session: &mut Session<'_>, options: &Value) -> Option<Vec<(SmolStr, Chosen)>> {
    let data = option(session, options, "data");
    session.chosen_columns(&data)
}

/// Whether a change only counts something up or down by what the code itself says: `{ views: { increment: 1 } }`.
pub(in crate::frontend) fn only_counts(
    session: &mut Session<'_>,
    package: &PackageName,
    arguments: &Arguments,
) -> bool {
    if package.package != CLIENT || !package.path.ends_with(".update") {
        return false;
    }
    let data = option(session, &arguments.get(0), "data");
    let Value::Object(data) = data else { return false };
    let data = session.store.get(data);
    let counts = |value: &Value| {
        let Value::Object(id) = value else { return false };
        let by = session.store.get(*id);
        let is_step = |(name, value): (&SmolStr, &Value)| {
            matches!(name.as_str(), "increment" | "decrement") && matches!(value, Value::Number(_))
        };
        !by.open && !by.entries.is_empty() && by.entries.iter().all(is_step)
    };
    !data.open && !data.entries.is_empty() && data.entries.values().all(counts)
}

/// `$transaction(async (tx) => …)`: the client that the function is given.
pub(super) fn transaction(package: &PackageName) -> Option<Value> {
    let client = package.path.strip_suffix(".$transaction").filter(|_| package.package == CLIENT)?;
    Some(Value::package(&package.package, client))
}
