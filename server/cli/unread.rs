//! Python code for the web of which no route is read: another framework's, or what is left out.

use std::collections::BTreeMap;

use authlens_analysis::facts::python::frameworks::{FASTAPI, imported_framework};
use authlens_analysis::ide::{Analysis, FileContent};

use super::load::Loaded;
use crate::workspace;

/// Says on the standard error what code was left out, where no route was found at all.
pub(super) fn tell(loaded: &Loaded, analysis: &Analysis) {
    let summary = analysis.summary();
    if summary.routes > 0 || summary.not_included > 0 {
        return;
    }
    let (read, ignored) = workspace::python_files(loaded.named());
    let ignored = by_framework(&ignored);
    // What is read of FastAPI was looked at, though it has no routes.
    let read = by_framework(&read).into_iter().filter(|(framework, _)| *framework != FASTAPI);
    let others = read.map(|found| (found, "the routes of which are not read"));
    let ignored = ignored.into_iter().map(|found| (found, "and that is left out of what is read"));
    for ((framework, files), why) in others.chain(ignored) {
        let shown = files.first().map(|first| loaded.relative(first)).unwrap_or_default();
        let (more, verb) = match files.len() - 1 {
            0 => (String::new(), "imports"),
            1 => (" and another file".to_owned(), "import"),
            more => (format!(" and {more} other files"), "import"),
        };
        eprintln!("authlens: no FastAPI route was found: {shown}{more} {verb} {framework}, {why}");
    }
}

/// Paths of files by the framework that they import.
fn by_framework(files: &[String]) -> BTreeMap<&'static str, Vec<&str>> {
    let mut found: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
    for path in files {
        if let FileContent::Text(text) = workspace::read(path)
            && let Some(framework) = imported_framework(&text)
        {
            found.entry(framework).or_default().push(path);
        }
    }
    found
}
