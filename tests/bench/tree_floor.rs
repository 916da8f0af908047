//! What a check of a large tree can't do without: the floor of `tests/bench/large.py`.
//!
//! `needed ROOT LIST` writes the files that a check parses to LIST, and prints how
//! much that is, and how many findings are other than when everything is read.
//! `visit ROOT LIST` walks, reads and scans the tree as a check does, and parses
//! and once visits the files of LIST.

#[allow(dead_code, unused_imports, reason = "a part of the program")]
#[path = "../../server/cli/load.rs"]
mod load;
#[allow(dead_code, unused_imports, reason = "a part of the program")]
#[path = "../../server/workspace/mod.rs"]
mod workspace;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use authlens_analysis::ide::{Analysis, AnalysisHost, Change, FileContent};
use authlens_analysis::syntax::{Grammar, parse};

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["needed", root, list] => needed(Path::new(root), list),
        ["visit", root, list] => visit(Path::new(root), list),
        _ => Err("usage: tree_floor needed|visit ROOT LIST".into()),
    }
}

/// Characters that are shown of a finding which differs.
const SHOWN: usize = 400;

fn needed(root: &Path, list: &str) -> Result<(), String> {
    let loaded = load::load(&[PathBuf::from(root)], None)?;
    let analysis = loaded.host.snapshot();
    let parsed: Vec<&str> = analysis.paths().filter(|path| path.ends_with(".py") && is_read(&analysis, path)).collect();
    std::fs::write(list, parsed.join("\n")).map_err(|error| error.to_string())?;
    let size = |path: &str| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let all: Vec<&str> = analysis.paths().filter(|path| path.ends_with(".py")).collect();
    let everything = everything(root);
    let (few, many) = (findings(&analysis), findings(&everything));
    for other in few.symmetric_difference(&many) {
        let which = if few.contains(other) { "only when a part is read" } else { "only when everything is read" };
        eprintln!("{which}: {}", other.chars().take(SHOWN).collect::<String>());
    }
    println!(
        r#"{{"files": {}, "bytes": {}, "parsed_files": {}, "parsed_bytes": {}, "findings": {}, "different": {}}}"#,
        all.len(),
        all.iter().map(|path| size(path)).sum::<u64>(),
        parsed.len(),
        parsed.iter().map(|path| size(path)).sum::<u64>(),
        few.len(),
        few.symmetric_difference(&many).count(),
    );
    Ok(())
}

fn is_read(analysis: &Analysis, path: &str) -> bool {
    analysis.file_id(path).is_some_and(|file| analysis.text(file).is_some())
}

/// The analysis of all texts.
fn everything(root: &Path) -> Analysis {
    let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let files =
        workspace::read_files(&workspace::files_of(&root), &|_| ()).into_iter().map(|(path, content)| match content {
            FileContent::Listed => (path.clone(), workspace::read(&path)),
            content => (path, content),
        });
    let roots = Some(vec![workspace::slashed(&root)]);
    let mut host = AnalysisHost::new();
    host.set_indexing(true);
    host.apply(Change { roots, disk: files.collect(), ..Change::default() });
    host.missing();
    host.set_indexing(false);
    host.snapshot()
}

fn findings(analysis: &Analysis) -> BTreeSet<String> {
    let all = analysis.files_with_diagnostics().into_iter().flat_map(|file| analysis.diagnostics(file).to_vec());
    all.map(|found| format!("{}:{found:?}", analysis.path(found.location.file)))
        .map(|text| without_ids(&text))
        .collect()
}

/// A finding without the numbers of its files, which are those of one analysis only.
fn without_ids(text: &str) -> String {
    let mut parts = text.split("FileId(");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or(part, |(_, rest)| rest))
}

fn visit(root: &Path, list: &str) -> Result<(), String> {
    let root = std::fs::canonicalize(root).map_err(|error| error.to_string())?;
    let wanted = std::fs::read_to_string(list).map_err(|error| error.to_string())?;
    let mut wanted: BTreeSet<&str> = wanted.lines().collect();
    let mut nodes = 0;
    for (path, content) in workspace::read_files(&workspace::files_of(&root), &|_| ()) {
        if wanted.remove(path.as_str())
            && let FileContent::Text(text) = content
        {
            nodes += visit_nodes(&text)?;
        }
    }
    // What only an import leads to is read once more.
    for path in wanted {
        if let FileContent::Text(text) = workspace::read(path) {
            nodes += visit_nodes(&text)?;
        }
    }
    println!("{nodes}");
    Ok(())
}

fn visit_nodes(text: &str) -> Result<usize, String> {
    let tree = parse(Grammar::Python, text, None).ok_or("the parse took too long")?;
    let mut cursor = tree.walk();
    let mut nodes = 0;
    loop {
        nodes += usize::from(cursor.node().kind_id() > 0);
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Ok(nodes);
            }
        }
    }
}
