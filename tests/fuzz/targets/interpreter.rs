//! The interpreter over programs made of what real applications are made of:
//! factories, classes, loops, wrappers, decorators, nested without bounds of
//! taste. After an edit the state equals a cold start.
#![no_main]

#[path = "programs.rs"]
mod programs;

use authlens_analysis::ide::{Analysis, AnalysisHost, Change, FileContent};
use libfuzzer_sys::fuzz_target;
use programs::Program;

const NAMES: [&str; 3] = ["/p/main.py", "/p/deps.py", "/p/api/routes.py"];

fn disk(texts: &[String]) -> Vec<(String, FileContent)> {
    NAMES.iter().zip(texts).map(|(name, text)| ((*name).to_owned(), FileContent::Text(text.as_str().into()))).collect()
}

/// Everything that is said, by path: ids differ between hosts.
fn said(analysis: &Analysis) -> Vec<String> {
    let mut said = Vec::new();
    for app in analysis.apps() {
        said.push(format!("{} {:?}", app.name, app.location.range));
        for route in app.routes {
            let used: Vec<_> = route.dependencies.iter().map(|d| (&d.callable.qualname, d.via, &d.verdict)).collect();
            said.push(format!(
                "{:?} {} {:?} {} {used:?}",
                route.methods, route.path, route.status, route.status_detail
            ));
        }
    }
    for file in analysis.files_with_diagnostics() {
        for found in analysis.diagnostics(file).iter() {
            said.push(format!("{} {} {:?} {}", analysis.path(file), found.rule, found.location.range, found.message));
            analysis.fixes(found);
        }
        analysis.route_hints(file);
    }
    said
}

fuzz_target!(|input: (&[u8], &[u8], &[u8], &[u8], u8)| {
    let (main, deps, routes, edited, which) = input;
    let mut texts = [main, deps, routes].map(|choices| Program::new(choices).text());
    let start = |texts: &[String]| {
        let mut host = AnalysisHost::new();
        host.apply(Change { roots: Some(vec!["/p".into()]), disk: disk(texts), ..Change::default() });
        host
    };
    let mut host = start(&texts);
    said(&host.snapshot());
    let which = usize::from(which) % NAMES.len();
    texts[which] = Program::new(edited).text();
    host.apply(Change {
        disk: disk(&texts[which..=which]).into_iter().map(|(_, text)| (NAMES[which].to_owned(), text)).collect(),
        ..Change::default()
    });
    let (warm, cold) = (said(&host.snapshot()), said(&start(&texts).snapshot()));
    assert_eq!(warm, cold, "{}", texts.join("\n# ---\n"));
});
