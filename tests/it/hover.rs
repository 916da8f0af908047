//! What is shown where the cursor is.

use authlens_analysis::ide::{AnalysisHost, Change, FileContent};

const DEPS: &str = "import os\nfrom typing import Annotated\nfrom fastapi import Depends, Header, HTTPException\n\ndef key(x_api_key: str = Header()):\n    if x_api_key != os.environ[\"KEY\"]:\n        raise HTTPException(401)\n    return x_api_key\n\nKey = Annotated[str, Depends(key)]\ntype Newer = Annotated[str, Depends(key)]\nif os.name:\n    Other = Key\nName = Annotated[str, Header()]\n";
const MAIN: &str = "from fastapi import FastAPI\nimport deps\nfrom deps import Key, Name\n\napp = FastAPI()\n\n@app.get(\"/a\")\ndef a(one: Key, two: deps.Newer, three: Name, four: \"Key\", five: str):\n    other: Key = one\n    return other\n\nclass Store:\n    def get(self, six: Key | None): ...\n";

/// What is shown at the first place of `mark` in a file, with what it is about.
fn shown(file: &str, mark: &str, within: usize) -> Option<(String, String)> {
    let mut host = AnalysisHost::new();
    let texts = [("/p/main.py", MAIN), ("/p/deps.py", DEPS)];
    let disk = texts.iter().map(|(path, text)| ((*path).to_owned(), FileContent::Text((*text).into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let analysis = host.snapshot();
    let (path, text) = texts.iter().find(|(path, _)| path.ends_with(file)).unwrap();
    let offset = text.find(mark).unwrap() + within;
    let hover = analysis.hover(analysis.file_id(path).unwrap(), offset as u32)?;
    Some((text[hover.range.start as usize..hover.range.end as usize].to_owned(), hover.markdown))
}

#[test]
fn an_alias_shows_what_it_asks_for() {
    for (file, mark, within, about) in [
        ("main.py", "Key, two", 1, "Key"),
        ("main.py", "deps.Newer", 6, "deps.Newer"),
        ("main.py", "\"Key\"", 2, "\"Key\""),
        ("main.py", "six: Key", 6, "Key"),
        ("deps.py", "Key = ", 0, "Key"),
        ("deps.py", "Newer = ", 2, "Newer"),
        ("deps.py", "Other = ", 3, "Other"),
    ] {
        let (range, text) = shown(file, mark, within).unwrap_or_else(|| panic!("{mark}"));
        assert_eq!(range, about, "{mark}");
        assert!(text.starts_with("`key`: **verifies"), "{mark}: {text}");
    }
}

#[test]
fn types_that_ask_for_nothing_show_nothing() {
    for (file, mark, within) in [
        ("main.py", "Name, four", 1),
        ("main.py", "five: str", 7),
        ("deps.py", "Name = ", 1),
        // Inside of a function names may be its own.
        ("main.py", "other: Key", 8),
        ("deps.py", "str, Header", 1),
    ] {
        assert_eq!(shown(file, mark, within), None, "{mark}");
    }
}
