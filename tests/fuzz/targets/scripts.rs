//! Parsing and lowering of a TypeScript text and of an edit of it, in both of its grammars, and the evaluation of both.
#![no_main]

use authlens_analysis::facts::typescript::lower::lower_file;
use authlens_analysis::ide::{AnalysisHost, Change, FileContent};
use authlens_analysis::syntax::{Grammar, edit, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &str, &str)| {
    let (draws, before, after) = input;
    let (grammar, path) = match draws {
        true => (Grammar::Tsx, "/p/app/page.tsx"),
        false => (Grammar::TypeScript, "/p/lib/api.ts"),
    };
    let Some(mut tree) = parse(grammar, before, None) else { return };
    let old = lower_file(before, &tree, grammar, None);
    edit(&mut tree, before, after);
    let Some(edited) = parse(grammar, after, Some(&tree)) else { return };
    let Some(fresh) = parse(grammar, after, None) else { return };
    // Sharing statements with the text before changes nothing but the time.
    let alone = lower_file(after, &fresh, grammar, None);
    let shared = lower_file(after, &fresh, grammar, Some(&old.file));
    assert_eq!(shared.file.items, alone.file.items);
    assert_eq!(shared.file.stmts(), alone.file.stmts());
    assert_eq!(shared.file.outline, alone.file.outline);
    assert_eq!(shared.errors, alone.errors);
    for item in &lower_file(after, &edited, grammar, Some(&old.file)).file.items {
        assert!(item.len as usize <= after.len());
    }
    let stmts = alone.file.stmts();
    assert_eq!(alone.file.packed().stmts(), stmts);
    let mut host = AnalysisHost::new();
    let disk = |text: &str| vec![(path.to_owned(), FileContent::Text(text.into()))];
    host.apply(Change { roots: Some(vec!["/p".to_owned()]), disk: disk(before), ..Change::default() });
    host.apply(Change { disk: disk(after), ..Change::default() });
    let analysis = host.snapshot();
    analysis.calls();
    for file in analysis.files_with_diagnostics() {
        for found in analysis.diagnostics(file).iter() {
            assert!(after.get(found.location.range.start as usize..found.location.range.end as usize).is_some());
        }
    }
});
