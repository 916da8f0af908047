//! The readers of what is no source: specifications, contracts, configuration,
//! manifests. None fails, all are pure, and their places lie in the text.
#![no_main]

use authlens_analysis::facts::contract::Contract;
use authlens_analysis::facts::{configuration, contract, manifests, markdown, openapi};
use authlens_analysis::ide::{AnalysisHost, Change, FileContent};
use authlens_analysis::text::TextRange;
use libfuzzer_sys::fuzz_target;

const MANIFESTS: [&str; 5] =
    ["/p/uv.lock", "/p/Pipfile.lock", "/p/pyproject.toml", "/p/requirements.txt", "/p/requirements/base.txt"];
/// Files that the project beside the code can have; the input is each of them once.
const FILES: [&str; 6] = [
    "/p/specs/api/rest-endpoints.md",
    "/p/specs/contracts/tasks.yaml",
    "/p/openapi.json",
    "/p/authlens.toml",
    "/p/pyproject.toml",
    "/p/requirements.txt",
];
const CODE: &str = "from fastapi import Depends, FastAPI, HTTPException\n\napp = FastAPI()\n\n\ndef user(token):\n    raise HTTPException(401)\n\n\n@app.get(\"/api/tasks/{id}\")\ndef task(id: int): ...\n\n\n@app.post(\"/api/tasks\")\ndef create(u=Depends(user)): ...\n";

fn is_in(range: TextRange, text: &str) {
    assert!(text.get(range.start as usize..range.end as usize).is_some(), "{range:?} of {}", text.len());
}

fn holds(contract: &Contract, text: &str) {
    for endpoint in &contract.endpoints {
        is_in(endpoint.range, text);
        if let Some(stated) = endpoint.stated {
            is_in(stated.range, text);
        }
        let shape = contract::shape(&endpoint.path);
        for blanket in &contract.blankets {
            // An exception is not covered by the sentence that makes it.
            assert!(!(blanket.covers(&shape) && blanket.excludes(&shape)));
        }
    }
    for blanket in &contract.blankets {
        is_in(blanket.range, text);
    }
}

fuzz_target!(|input: (u8, &str)| {
    let (choice, text) = input;
    let read = markdown::read(text);
    holds(&read, text);
    assert_eq!(read, markdown::read(text));
    if let Some(read) = openapi::read(text) {
        holds(&read, text);
    }
    for is_pyproject in [false, true] {
        let Some(read) = configuration::read(text, is_pyproject) else { continue };
        for problem in &read.problems {
            is_in(problem.range, text);
        }
        for public in &read.public {
            is_in(public.range, text);
            configuration::fits(&public.path, "/api/tasks/{id}");
        }
        for protected in &read.protect {
            is_in(protected.range, text);
            configuration::fits(&protected.value, "/api/tasks/{id}");
        }
    }
    for path in MANIFESTS {
        assert_eq!(manifests::read(path, text), manifests::read(path, text));
    }
    // The same words in a project, where verdicts rest on them: typed, and from the start.
    let path = FILES[usize::from(choice) % FILES.len()];
    let code = ("/p/main.py".to_owned(), FileContent::Text(CODE.into()));
    let start = |texts: Vec<(String, FileContent)>| {
        let mut host = AnalysisHost::new();
        host.apply(Change { roots: Some(vec!["/p".into()]), disk: texts, ..Change::default() });
        host
    };
    let mut typed = start(vec![code.clone()]);
    typed.apply(Change { disk: vec![(path.to_owned(), FileContent::Text(text.into()))], ..Change::default() });
    let cold = start(vec![code, (path.to_owned(), FileContent::Text(text.into()))]);
    let (typed, cold) = (typed.snapshot(), cold.snapshot());
    assert_eq!(format!("{:?}", typed.summary()), format!("{:?}", cold.summary()));
    for file in cold.files_with_diagnostics() {
        let other = typed.file_id(cold.path(file)).map(|id| typed.diagnostics(id)).unwrap_or_default();
        let cold: Vec<_> =
            cold.diagnostics(file).iter().map(|d| (d.rule, d.location.range, d.message.clone())).collect();
        let typed: Vec<_> = other.iter().map(|d| (d.rule, d.location.range, d.message.clone())).collect();
        assert_eq!(cold, typed);
    }
});
