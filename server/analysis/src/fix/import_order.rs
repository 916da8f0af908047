//! In which order import statements and their names are written.

/// Modules of the standard library that web services import at the top.
const STANDARD: &[&str] = &[
    "__future__",
    "abc",
    "asyncio",
    "base64",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "html",
    "http",
    "importlib",
    "inspect",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "mimetypes",
    "os",
    "pathlib",
    "pickle",
    "random",
    "re",
    "secrets",
    "shutil",
    "signal",
    "smtplib",
    "socket",
    "sqlite3",
    "ssl",
    "string",
    "subprocess",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "traceback",
    "types",
    "typing",
    "unicodedata",
    "urllib",
    "uuid",
    "warnings",
    "weakref",
    "zipfile",
    "zoneinfo",
];

/// Groups in which import statements are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Future,
    Standard,
    Package,
    Project,
    Relative,
}

/// What names of an import are sorted by.
pub(super) type SortKey = (u8, String);

/// Constants, then classes, then the rest, as import sorters have it.
pub(super) fn by_type(name: &str) -> SortKey {
    let plain = name.trim_start_matches('_');
    let rank = if plain.len() > 1 && plain.chars().all(|c| c.is_uppercase() || c.is_numeric() || c == '_') {
        0
    } else if plain.starts_with(char::is_uppercase) {
        1
    } else {
        2
    };
    (rank, name.to_lowercase())
}

/// Farther relative modules come first, then the alphabet.
pub(super) fn module_key(module: &str) -> (usize, String) {
    let name = module.trim_start_matches('.');
    (usize::MAX - (module.len() - name.len()), name.to_lowercase())
}

/// Whether a top-level module is of the standard library.
pub(super) fn is_standard(module: &str) -> bool {
    STANDARD.contains(&module)
}
