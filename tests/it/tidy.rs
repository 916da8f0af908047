//! Promises about the source that no compiler checks.

use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The analysis maps texts to verdicts: no files, no runtime, no protocol.
#[test]
fn the_analysis_is_pure() {
    for path in sources("server/analysis/src") {
        let text = std::fs::read_to_string(&path).unwrap();
        for forbidden in ["std::fs", "std::net", "std::process", "tokio", "lsp_types", "serde", "println!"] {
            assert!(!text.contains(forbidden), "{} uses {forbidden}", path.display());
        }
    }
}

/// Lower rooms of the analysis do not know higher ones.
#[test]
fn the_analysis_is_layered() {
    // The last two look at the whole state, which `ide` holds.
    const ORDER: &[&str] =
        &["text", "vfs", "syntax", "facts", "index", "auth", "data", "frontend", "verdicts", "rules"];
    for (at, room) in ORDER.iter().enumerate() {
        let shell: &[&str] = if at < ORDER.len() - 2 { &["ide", "fix", "suppress"] } else { &["fix"] };
        let forbidden: Vec<String> =
            ORDER[at + 1..].iter().chain(shell).map(|room| format!("use crate::{room}")).collect();
        let folder = format!("server/analysis/src/{room}");
        let single = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{folder}.rs"));
        let files = if single.is_file() { vec![single] } else { sources(&folder) };
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            for forbidden in &forbidden {
                assert!(!text.contains(forbidden.as_str()), "{} has `{forbidden}`", path.display());
            }
        }
    }
}

/// Only `server/lsp` speaks the protocol; only `server/workspace` reads sources.
#[test]
fn the_shell_keeps_to_its_rooms() {
    for path in sources("server/cli").into_iter().chain(sources("server/workspace")) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("tower_lsp") && !text.contains("tokio"), "{}", path.display());
    }
    for path in sources("server/lsp") {
        assert!(!std::fs::read_to_string(&path).unwrap().contains("std::fs"), "{}", path.display());
    }
}

/// The README names every rule, in the words that the rule itself has.
#[test]
fn the_readme_names_every_rule() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for rule in authlens_analysis::rules::all() {
        let row = format!("| [{0}](specs/rules/{0}.md) | {1} |", rule.code, rule.summary);
        assert!(readme.contains(&row), "the README lacks {row}");
    }
}
