//! Files that set variables: what is said of those that git does not have, and that what is said follows them.

use authlens_analysis::ide::{Analysis, AnalysisHost, Change, FileContent};

const TOKENS: &str = "import os\nimport jwt\n\ndef read(token):\n    try:\n        return jwt.decode(token, os.environ[\"SIGNING_KEY\"], algorithms=[\"HS256\"])\n    except jwt.PyJWTError:\n        return None\n";
const STRONG: &str = "SIGNING_KEY=t5w8q1z4x7c2v6b9n3m5k8j1h4g7f2d6\n";

fn text(text: &str) -> FileContent {
    FileContent::Text(text.into())
}

fn private(text: &str) -> FileContent {
    FileContent::Private(text.into())
}

fn change(path: &str, content: FileContent) -> Change {
    Change { disk: vec![(path.to_owned(), content)], ..Change::default() }
}

fn host(content: FileContent) -> AnalysisHost {
    let mut host = AnalysisHost::new();
    let disk = vec![("/p/tokens.py".to_owned(), text(TOKENS)), ("/p/.env".to_owned(), content)];
    host.apply(Change { roots: Some(vec!["/p".to_owned()]), disk, ..Change::default() });
    host
}

fn said(analysis: &Analysis) -> Vec<&'static str> {
    let files = analysis.files_with_diagnostics();
    files.into_iter().flat_map(|file| analysis.diagnostics(file).to_vec()).map(|found| found.rule).collect()
}

#[test]
fn a_private_file_is_weak_and_never_hardcoded() {
    for (value, wanted) in [
        ("SIGNING_KEY=q7f3n5\n", &["weak-secret"][..]),
        ("SIGNING_KEY=change-me-to-something-that-is-long-enough\n", &["weak-secret"]),
        ("SIGNING_KEY=my-super-secret-key-for-my-super-app\n", &["weak-secret"]),
        (STRONG, &[]),
        ("OTHER_KEY=q7f3n5\n", &[]),
    ] {
        assert_eq!(said(&host(private(value)).snapshot()), wanted, "{value}");
    }
    assert_eq!(said(&host(text(STRONG)).snapshot()), ["hardcoded-secret"]);
}

#[test]
fn what_is_said_follows_the_file() {
    let mut followed = host(private(STRONG));
    let steps = [
        change("/p/.env", private("SIGNING_KEY=q7f3n5\n")),
        change("/p/.env", text("SIGNING_KEY=q7f3n5\n")),
        Change { open: vec![("/p/.env".into(), Some(STRONG.into()))], ..Change::default() },
        Change { open: vec![("/p/.env".into(), None)], ..Change::default() },
        change("/p/.env", FileContent::Removed),
        change("/p/.env", private("SIGNING_KEY=abc\n")),
    ];
    let wanted = [
        &["weak-secret"][..],
        &["hardcoded-secret"],
        &["hardcoded-secret"],
        &["hardcoded-secret"],
        &[],
        &["weak-secret"],
    ];
    for (step, wanted) in steps.into_iter().zip(wanted) {
        followed.apply(step);
        assert_eq!(said(&followed.snapshot()), wanted);
    }
    assert_eq!(said(&host(private("SIGNING_KEY=abc\n")).snapshot()), said(&followed.snapshot()));
}

#[test]
fn no_value_is_in_what_is_known_of_a_file() {
    let known = authlens_analysis::facts::environment::read("/p/.env", "SIGNING_KEY=planted-value\n");
    assert!(!format!("{known:?}").contains("planted"));
}
