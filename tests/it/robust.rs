//! Hostile and broken input: no panic, and an end.

use authlens_analysis::ide::{AnalysisHost, Change, FileContent};

fn analyse(text: &str) {
    let mut host = AnalysisHost::new();
    let disk = vec![("/p/main.py".to_owned(), FileContent::Text(text.into()))];
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let analysis = host.snapshot();
    analysis.apps();
    for file in analysis.files_with_diagnostics() {
        for diagnostic in analysis.diagnostics(file).iter() {
            analysis.fixes(diagnostic);
        }
        analysis.route_hints(file);
    }
}

const SAMPLE: &str = r#"from fastapi import FastAPI, Depends, APIRouter
app = FastAPI(); r = APIRouter(prefix=f"/{'x'}")
def u(t: "str" = Depends(lambda: 1)):
    try:
        return t
    except (A, B) as e:
        raise E from e
for p in ["a", "b"]:
    @r.get("/" + p, dependencies=[Depends(u)])
    async def h(*a, k: int = 1, **kw): return [x for x in a if x]
app.include_router(r)
"#;

#[test]
fn every_truncation_is_survived() {
    for end in (0..SAMPLE.len()).filter(|end| SAMPLE.is_char_boundary(*end)) {
        analyse(&SAMPLE[..end]);
    }
}

#[test]
fn mutations_are_survived() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    let scraps =
        ["(", ")", "\"\"\"", "'", "\n", "    ", "@", ":", "é", "\r", "\t", "lambda", "def ", "*", "=", "[", "\0"];
    for _ in 0..400 {
        let mut text = SAMPLE.to_owned();
        for _ in 0..next() % 6 {
            let at = next() % text.len();
            if text.is_char_boundary(at) {
                text.insert_str(at, scraps[next() % scraps.len()]);
            }
        }
        analyse(&text);
    }
}

#[test]
fn deep_nesting_is_survived() {
    let deep = 20_000;
    let wrap = |open: &str, inner: &str, close: &str| {
        format!("from fastapi import Depends\nx = {}{inner}{}\n", open.repeat(deep), close.repeat(deep))
    };
    analyse(&wrap("(", "1", ")"));
    analyse(&wrap("[", "", "]"));
    analyse(&wrap("-", "1", ""));
    analyse(&format!("from fastapi import Depends\nx = {}1\n", "1 + ".repeat(deep)));
    analyse(&format!("from fastapi import Depends\nx = a{}\n", ".b".repeat(deep)));
    analyse(&format!("from fastapi import Depends\nx = {}\n", "a = ".repeat(1_000)));
    let elifs: String = (0..deep).map(|n| format!("elif x == {n}:\n    pass\n")).collect();
    analyse(&format!("from fastapi import Depends\nif x:\n    pass\n{elifs}"));
    let nested: String = (0..200).map(|n| format!("{}if x:\n", " ".repeat(n))).collect();
    analyse(&format!("from fastapi import Depends\n{nested}{}pass\n", " ".repeat(200)));
}

#[test]
fn classes_below_themselves_end() {
    let chain: String = (1..4_000).map(|n| format!("class C{n}(C{}): ...\n", n + 1)).collect();
    for classes in ["class A(A): ...\n", "class A(B, C): ...\nclass B(C, A): ...\nclass C(A, B): ...\n", &chain] {
        analyse(&format!("from fastapi import FastAPI\napp = FastAPI()\n{classes}"));
    }
}

#[test]
fn endless_programs_end() {
    analyse(
        "from fastapi import FastAPI\ndef f(): return f()\ndef g(n): return [g(n), g(n)]\nx = f()\ny = g(1)\nwhile True:\n    z = f()\n",
    );
    analyse(
        "from fastapi import APIRouter\nr = APIRouter()\nr.include_router(r)\na = APIRouter()\nr.include_router(a)\na.include_router(r)\n",
    );
    analyse("import main\nfrom main import x\nfrom fastapi import FastAPI\nx = main.x\n");
    analyse(
        "from fastapi import Depends, FastAPI\napp = FastAPI()\ndef a(x=Depends(lambda: b)): ...\ndef b(x=Depends(a)): ...\ndef c(x=Depends(c)): ...\n@app.get('/')\ndef h(x=Depends(c), y=Depends(b)): ...\n",
    );
}
