//! Hostile and broken input: no panic, and an end.

use std::time::Instant;

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

/// Calls `look` with texts into which scraps were put at random.
fn for_each_mutation(sample: &str, scraps: &[&str], count: usize, look: impl Fn(&str)) {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for _ in 0..count {
        let mut text = sample.to_owned();
        for _ in 0..next() % 6 {
            let at = next() % text.len();
            if text.is_char_boundary(at) {
                text.insert_str(at, scraps[next() % scraps.len()]);
            }
        }
        look(&text);
    }
}

#[test]
fn mutations_are_survived() {
    let scraps =
        ["(", ")", "\"\"\"", "'", "\n", "    ", "@", ":", "é", "\r", "\t", "lambda", "def ", "*", "=", "[", "\0"];
    for_each_mutation(SAMPLE, &scraps, 400, analyse);
}

/// The grammar looks at the rest of a run of comments for each of them.
#[test]
fn runs_of_comments_take_linear_time() {
    let code = "from fastapi import FastAPI\napp = FastAPI()\n@app.get(\"/a\")\ndef a():\n    x = 1\n";
    let shapes: [(&str, &str, &str); 4] = [
        (code, "# words that fill a line of a file up to its end\n", "y = 2\n"),
        (code, "    # words that fill a line of a file up to its end\n\n", "    return x\n"),
        // It can't be told what is in the string.
        ("x = \"\"\"\n", "# words that fill a line of a file up to its end\n", code),
        // Each is one that is read.
        (code, "# authlens: ignore[weak-secret] words up to the end\n", "y = 2\n"),
    ];
    for (before, line, after) in shapes {
        let took = |lines: usize| {
            let text = format!("{before}{}{after}", line.repeat(lines));
            let times = (0..3).map(|_| {
                let start = Instant::now();
                analyse(&text);
                start.elapsed()
            });
            times.min().unwrap_or_default()
        };
        let (few, many) = (took(5_000).as_secs_f64(), took(20_000).as_secs_f64());
        // With the square of the lines these would take minutes.
        assert!(many < few.max(0.25) * 8.0, "{line}: {few} s, {many} s");
    }
}

/// What a dependency proves is asked for by each that asks for it, in more than one way.
#[test]
fn chains_of_dependencies_take_linear_time() {
    let took = |links: usize| {
        let start = "from fastapi import Depends, FastAPI\napp = FastAPI()\ndef d0(token: str = \"\"): return token\n";
        let link = |at: usize| format!("def d{}(who=Depends(d{at})): return who\n", at + 1);
        let end = format!("@app.get(\"/a\")\ndef a(who=Depends(d{links})): return who\n");
        let text = format!("{start}{}{end}", (0..links).map(link).collect::<String>());
        let start = Instant::now();
        analyse(&text);
        start.elapsed()
    };
    let (few, many) = (took(11).as_secs_f64(), took(22).as_secs_f64());
    // Where each link costs twice what the one before does, this takes a minute.
    assert!(many < few.max(0.25) * 8.0, "{few} s, {many} s");
}

/// What is given up is told.
#[test]
fn what_takes_too_long_to_parse_is_told() {
    let read = "# authlens: ignore[weak-secret] words up to the end\n".repeat(4_000);
    let code = "from fastapi import FastAPI\napp = FastAPI()\n@app.get(\"/a\")\ndef a():\n    return 1\n";
    let mut host = AnalysisHost::new();
    let show = |host: &mut AnalysisHost, text: &str| {
        let disk = vec![("/p/main.py".to_owned(), FileContent::Text(text.into()))];
        host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
        let analysis = host.snapshot();
        let found = analysis.diagnostics(analysis.file_id("/p/main.py").unwrap());
        let told = found.iter().filter(|d| d.message.contains("it takes too long to parse")).count();
        (told, analysis.summary().not_fully_analysed, analysis.summary().routes)
    };
    assert_eq!(show(&mut host, &format!("{code}{read}")), (1, 1, 0));
    assert_eq!(show(&mut host, code), (0, 0, 1));
    assert_eq!(show(&mut host, &read), (0, 0, 0));
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

/// Each of many assignments goes on with the ones before: what the query does is told without a look at every way.
#[test]
fn queries_that_are_put_together_step_by_step_end() {
    let steps = "    query = query.where(Item.a == body.a)\n".repeat(60);
    analyse(&format!(
        "from fastapi import FastAPI, Header, HTTPException\nfrom sqlalchemy import select\napp = FastAPI()\n\
         def found(token, db, body):\n    query = select(Item)\n{steps}    rows = db.execute(query, token)\n    if not rows:\n        \
         raise HTTPException(401)\n    return rows\n@app.post('/items')\ndef items(body: dict, authorization: str = Header()):\n    \
         return found(authorization, store(), body)\n"
    ));
}

fn analyse_script(text: &str) {
    let mut host = AnalysisHost::new();
    let disk = vec![("/p/web/page.tsx".to_owned(), FileContent::Text(text.into()))];
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let analysis = host.snapshot();
    analysis.calls();
    for file in analysis.files_with_diagnostics() {
        for diagnostic in analysis.diagnostics(file).iter() {
            analysis.fixes(diagnostic);
        }
    }
}

const SCRIPT: &str = r#"import axios from "axios";
const api = axios.create({ baseURL: process.env.API ?? "x", headers: { ["a" + "b"]: `c` } });
api.interceptors.request.use(async (config) => { config.headers.Authorization = `Bearer ${localStorage.getItem("é")}`; return config; });
export default class C extends D { static #x = 1; get y() { return super.z?.(...this.a); } constructor(private b = 1) { super(b); } }
export const Page = ({ a, ...rest }: Props) => {
  const [s, set] = useState<string | null>(null);
  for (const x of [1, , 2]) { try { set((y) => y || x); } catch { continue; } finally { label: break label; } }
  return <div {...rest} onClick={() => fetch(`/a/${s}`, { method: "POST", headers: { ...(s && { k: s }) } }).then(async (r) => (await r.json<T>()).token)}>{s ? <b /> : null}</div>;
};
"#;

#[test]
fn broken_scripts_are_survived() {
    for end in (0..SCRIPT.len()).filter(|end| SCRIPT.is_char_boundary(*end)).step_by(3) {
        analyse_script(&SCRIPT[..end]);
    }
    let scraps =
        ["(", ")", "`", "${", "}", "<", "/>", "=>", "await ", "...", "?.", "é", "\r", "\\", "function ", "[", "\0"];
    for_each_mutation(SCRIPT, &scraps, 300, analyse_script);
}

#[test]
fn deep_and_endless_scripts_end() {
    let deep = 20_000;
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("!", "a", ""),
        ("f(", "1", ")"),
        ("<a>", "b", "</a>"),
        ("() => ", "1", ""),
        ("a + ", "1", ""),
    ] {
        analyse_script(&format!("await fetch('/x', {}{inner}{});\n", open.repeat(deep), close.repeat(deep)));
    }
    analyse_script(&format!("await a{};\n", ".b()".repeat(deep)));
    analyse_script(&format!("{}await x;\n", "if (a) b(); else ".repeat(deep)));
    // Each function nests deeply around a call of the next.
    let nest = |name: usize| {
        format!("function f{name}() {{ return {}f{}(){}; }}\n", "[!".repeat(60), name + 1, "]".repeat(60))
    };
    analyse_script(&format!("await f0();\n{}", (0..40).map(nest).collect::<String>()));
    analyse_script(
        "await f(f);\nfunction f(g) { while (true) { g(g); f(() => f(g)); } }\nclass A extends A { constructor() { super(); new A(); } }\n",
    );
    let wide: String = (0..30).map(|n| format!("const g{} = () => [g{n}(), g{n}(), g{n}()];\n", n + 1)).collect();
    analyse_script(&format!("const g0 = () => fetch('/x');\n{wide}await g30();\n"));
}
