//! Which framework for the web a module imports.

use super::file::imported;
use super::lower::lower_file;
use super::tree::StmtKind;
use crate::syntax::{Grammar, parse};

/// Packages, and what their frameworks are called.
const FRAMEWORKS: &[(&str, &str)] = &[
    ("fastapi", FASTAPI),
    ("flask", "Flask"),
    ("django", "Django"),
    ("quart", "Quart"),
    ("sanic", "Sanic"),
    ("litestar", "Litestar"),
    ("falcon", "Falcon"),
    ("bottle", "Bottle"),
];

/// The one whose routes are read here.
pub const FASTAPI: &str = "FastAPI";

/// The framework that a module's own statements import.
pub fn imported_framework(text: &str) -> Option<&'static str> {
    if !FRAMEWORKS.iter().any(|(package, _)| text.contains(package)) {
        return None;
    }
    let tree = parse(Grammar::Python, text, None)?;
    let items = lower_file(text, &tree, None).items;
    let mut imports = Vec::new();
    items.iter().for_each(|placed| imported(&placed.item.stmt, &mut imports));
    let modules = imports.into_iter().flat_map(|import| match import {
        StmtKind::Import(modules) => modules.iter().map(|module| module.module.as_str()).collect(),
        StmtKind::ImportFrom(from) if from.level == 0 => vec![from.module.as_str()],
        _ => Vec::new(),
    });
    let packages: Vec<&str> = modules.map(|module| module.split('.').next().unwrap_or(module)).collect();
    FRAMEWORKS.iter().find(|(package, _)| packages.contains(package)).map(|(_, name)| *name)
}
