//! Runs every example of every page in `specs/rules/`: see `specs/README.md`.

use std::path::{Path, PathBuf};

use authlens_analysis::fix;
use authlens_analysis::ide::{Analysis, AnalysisHost, Change, FileContent, FixKind, Severity, SourceChange};
use authlens_analysis::rules;

use crate::fixes::compile;

const ROOT: &str = "/project";

struct Block {
    info: String,
    text: String,
    line: usize,
}

fn pages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/rules");
    let mut pages: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    pages
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(info), None) => open = Some(Block { info: info.to_owned(), text: String::new(), line: number + 2 }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// Files of a block: path and text. The comments that expect findings are part of the text.
fn files(block: &Block) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in block.text.lines() {
        if let Some(path) = line.strip_prefix("# file: ").or_else(|| line.strip_prefix("// file: ")) {
            files.push((format!("{ROOT}/{path}"), String::new()));
        } else {
            let (_, text) = files.last_mut().expect("a block begins with a `# file:` or `// file:` line");
            text.push_str(line);
            text.push('\n');
        }
    }
    files
}

/// The text without the comments that expect findings, and what they expect:
/// one-based line, severity, rule, part of the message.
fn expected(text: &str) -> (String, Vec<(u32, String, String, String)>) {
    let mut clean = String::new();
    let mut wanted = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let markers =
            ["error", "warning", "info", "hint"].map(|word| ["#", "//"].map(|sign| format!("  {sign} {word}: ")));
        let last = |line: &str| markers.as_flattened().iter().filter_map(|marker| line.rfind(marker)).max();
        let (mut line, first) = (line, wanted.len());
        while let Some(at) = last(line) {
            let comment = line[at..].trim().trim_start_matches(['#', '/', ' ']);
            let (severity, rest) = comment.split_once(": ").unwrap();
            let (rule, part) = rest.split_once(' ').unwrap_or((rest, ""));
            let part = part.trim_matches('"').to_owned();
            wanted.insert(first, (number as u32 + 1, severity.to_owned(), rule.to_owned(), part));
            line = &line[..at];
        }
        clean.push_str(line);
        clean.push('\n');
    }
    (clean, wanted)
}

fn host(files: &[(String, String)]) -> AnalysisHost {
    let mut host = AnalysisHost::new();
    let disk = files.iter().map(|(path, text)| (path.clone(), FileContent::Text(text.as_str().into()))).collect();
    host.apply(Change { roots: Some(vec![ROOT.to_owned()]), disk, ..Change::default() });
    host
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
        Severity::Hint => "hint",
    }
}

fn findings(analysis: &Analysis, path: &str) -> Vec<(u32, String, String, String)> {
    let Some(file) = analysis.file_id(path) else { return Vec::new() };
    let lines = analysis.line_index(file).unwrap();
    let found = analysis.diagnostics(file);
    let show = |d: &authlens_analysis::ide::Diagnostic| {
        (lines.line(d.location.range.start) + 1, word(d.severity).to_owned(), d.rule.to_owned(), d.message.clone())
    };
    found.iter().map(show).collect()
}

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let named: Vec<String> =
        pages().iter().map(|page| page.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let known: Vec<&str> = rules::all().iter().map(|rule| rule.code).collect();
    assert_eq!(named, known);
    let order = [
        "## What it finds",
        "## Why it matters",
        "## What counts as evidence",
        "## When it stays silent",
        "## The fix",
        "## Known limits",
        "## Examples",
    ];
    for rule in rules::all() {
        let places: Vec<_> = order.iter().map(|heading| rule.page.find(heading)).collect();
        assert!(places.is_sorted() && places.iter().all(Option::is_some), "{}: {places:?}", rule.code);
        assert!(rule.page.starts_with(&format!("# {}\n", rule.code)));
    }
}

/// Examples of other rules are short: their tokens never expire, nobody catches
/// what a verification raises, and verifications stand beside each other and in handlers.
fn is_left_out(rule: &str, page: &Path) -> bool {
    const OFTEN_LEFT_OUT: [&str; 5] = [
        "duplicate-verification",
        "identity-claim-not-required",
        "inline-verification",
        "long-lived-token",
        "unmapped-token-error",
    ];
    OFTEN_LEFT_OUT.contains(&rule) && page.file_stem().is_some_and(|name| name != rule)
}

#[test]
fn examples_give_exactly_the_findings_that_they_name() {
    let mut failures = Vec::new();
    let mut examples = 0;
    for page in pages() {
        for block in blocks(&std::fs::read_to_string(&page).unwrap())
            .iter()
            .filter(|block| ["python", "typescript"].contains(&block.info.as_str()))
        {
            examples += 1;
            let marked = files(block);
            let clean: Vec<(String, String)> =
                marked.iter().map(|(path, text)| (path.clone(), expected(text).0)).collect();
            let analysis = host(&clean).snapshot();
            for (path, text) in &marked {
                let wanted = expected(text).1;
                let mut found = findings(&analysis, path);
                found.retain(|(_, _, rule, _)| !is_left_out(rule, &page));
                let fits = wanted.len() == found.len()
                    && wanted
                        .iter()
                        .zip(&found)
                        .all(|(w, f)| (w.0, &w.1, &w.2) == (f.0, &f.1, &f.2) && f.3.contains(&w.3));
                if !fits {
                    failures.push(format!(
                        "{}:{} {path}\n  wanted {wanted:?}\n  found  {found:?}",
                        page.display(),
                        block.line
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(examples > 10);
}

#[test]
fn fixes_do_what_the_pages_say() {
    for page in pages() {
        let all = blocks(&std::fs::read_to_string(&page).unwrap());
        for pair in all.windows(2).filter(|pair| {
            let is = |block: &Block, what: &str| {
                ["python", "typescript"].iter().any(|language| block.info == format!("{language} {what}"))
            };
            is(&pair[0], "before") && is(&pair[1], "after")
        }) {
            let before = files(&pair[0]);
            let mut host = host(&before);
            while let Some(change) = preferred_fixes(&host.snapshot(), &page) {
                host.apply(change);
            }
            let analysis = host.snapshot();
            for (path, after) in files(&pair[1]) {
                let text = analysis.text(analysis.file_id(&path).unwrap()).unwrap();
                assert_eq!(&*text, after, "{}:{}", page.display(), pair[0].line);
            }
            let left: Vec<_> = analysis
                .files_with_diagnostics()
                .into_iter()
                .flat_map(|file| analysis.diagnostics(file).to_vec())
                .collect();
            assert!(left.iter().all(|found| is_left_out(found.rule, &page)), "{}:{}", page.display(), pair[0].line);
        }
    }
}

/// What the pages say that fixes make can be read by CPython.
#[test]
fn python_compiles_what_the_pages_say() {
    let mut made = Vec::new();
    for page in pages() {
        let all = blocks(&std::fs::read_to_string(&page).unwrap());
        for block in all.iter().filter(|block| block.info == "python after") {
            let python = files(block).into_iter().filter(|(path, _)| path.ends_with(".py"));
            made.extend(python.map(|(_, text)| (format!("{}:{}", page.display(), block.line), text)));
        }
    }
    let texts: Vec<(&str, &str)> = made.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    compile(&texts);
    assert!(texts.len() > 10);
}

/// The preferred fixes of all findings that can be made at once.
fn preferred_fixes(analysis: &Analysis, page: &Path) -> Option<Change> {
    let mut taken = SourceChange::default();
    for file in analysis.files_with_diagnostics() {
        for diagnostic in analysis.diagnostics(file).iter().filter(|found| !is_left_out(found.rule, page)) {
            let (fixes, refusals) = analysis.fixes(diagnostic);
            let fix = fixes.iter().find(|fix| fix.preferred && fix.kind == FixKind::Repair);
            let fix = fix.unwrap_or_else(|| panic!("{}: no fix: {refusals:?}", diagnostic.message));
            fix::take(&mut taken, &fix.change);
        }
    }
    let edited = taken.edits.iter().map(|(file, edits)| {
        let text = fix::apply(&analysis.text(*file).unwrap(), edits);
        (analysis.path(*file).to_owned(), FileContent::Text(text.into()))
    });
    let created = taken.created.iter().map(|file| (file.path.clone(), FileContent::Text(file.text.as_str().into())));
    let disk: Vec<_> = edited.chain(created).collect();
    (!disk.is_empty()).then(|| Change { disk, ..Change::default() })
}
