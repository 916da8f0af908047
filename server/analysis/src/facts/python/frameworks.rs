//! Which framework for the web a module imports.

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

/// The framework that a module imports, by its lines: parsing every file of a project for that would take seconds.
pub fn imported_framework(text: &str) -> Option<&'static str> {
    let packages: Vec<&str> = text.lines().flat_map(imported_packages).collect();
    FRAMEWORKS.iter().find(|(package, _)| packages.contains(package)).map(|(_, name)| *name)
}

/// The packages that a line imports: `import a.b as c, d`, `from a.b import c`.
fn imported_packages(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim_start();
    let modules = line.strip_prefix("import ").or_else(|| line.strip_prefix("from ")?.split(" import").next());
    let modules = modules.into_iter().flat_map(|modules| modules.split(','));
    modules.filter_map(|module| module.trim_start().split(['.', ' ', '#']).next())
}
