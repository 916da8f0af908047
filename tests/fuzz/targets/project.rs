//! The whole analysis over arbitrary files, cold and after an edit.
#![no_main]

use authlens_analysis::ide::{AnalysisHost, Change, FileContent};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["/p/main.py", "/p/deps.py", "/p/api/__init__.py", "/p/api/routes.py"];

fuzz_target!(|input: (Vec<&str>, &str)| {
    let (texts, typed) = input;
    let mut host = AnalysisHost::new();
    let file = |(name, text): (&str, &&str)| (name.to_owned(), FileContent::Text(format!("import fastapi\n{text}").into()));
    let disk = NAMES.into_iter().zip(&texts).map(file).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    host.apply(Change { open: vec![(NAMES[0].to_owned(), Some(typed.into()))], ..Change::default() });
    let analysis = host.snapshot();
    analysis.apps();
    for file in analysis.files_with_diagnostics() {
        for diagnostic in analysis.diagnostics(file).iter() {
            analysis.fixes(diagnostic);
        }
        analysis.route_hints(file);
    }
});
