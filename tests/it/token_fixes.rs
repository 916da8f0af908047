//! Clauses that are to catch what a verification raises: which may, and what they catch then.

use authlens_analysis::ide::Diagnostic;

use crate::fixes::{ROOT, case, fixed, host, repairs};

/// A dependency and a handler that verify, each with one clause.
const MODULE: &str = r#"import os

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import JSONResponse
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError

app = FastAPI()
scheme = OAuth2PasswordBearer("login")


def caller(token: str = Depends(scheme)):
    try:
        claims = jwt.decode(token, os.environ["KEY"], algorithms=["HS256"])
        if "sub" not in claims:
            raise JWTError()
        return claims
    DEPENDENCY


@app.get("/mine")
def mine(claims=Depends(caller)):
    return claims


@app.get("/own")
def own(token: str = Depends(scheme)):
    try:
        return jwt.decode(token, os.environ["KEY"], algorithms=["HS256"])
    HANDLER
"#;

/// A clause that catches all that the library raises.
const WIDE: &str = "except jwt.PyJWTError:\n        raise HTTPException(401)";

/// What becomes of the clause of the dependency or of the handler: the fixed text, or why there is none.
fn outcome(dependency: &str, handler: &str) -> Result<String, String> {
    let main = MODULE.replace("DEPENDENCY", dependency).replace("HANDLER", handler);
    let case = case("clause", &[("main.py", &main)]);
    let analysis = host(&case.files).snapshot();
    let file = analysis.file_id(&format!("{ROOT}/main.py")).unwrap();
    let found: Vec<Diagnostic> = analysis.diagnostics(file).to_vec();
    let finding = found.iter().find(|found| found.rule == "unmapped-token-error").unwrap();
    match repairs(&analysis, finding).first() {
        Some(fix) => Ok(fixed(&analysis, &case.files, fix)[&format!("{ROOT}/main.py")].clone()),
        None => Err(analysis.fixes(finding).1[0].0.clone()),
    }
}

#[test]
fn a_clause_that_returns_lets_no_more_tokens_pass() {
    for clause in [
        "except jwt.ExpiredSignatureError:\n        return JSONResponse({}, status_code=401)",
        "except UnicodeError:\n        return JSONResponse({}, status_code=401)",
        "except JWTError:\n        return None",
        "except jwt.ExpiredSignatureError:\n        if token:\n            return {}\n        raise HTTPException(401)",
    ] {
        let reason = outcome(clause, WIDE).unwrap_err();
        assert!(reason.contains("returns a value"), "{clause}: {reason}");
    }
    let reason = outcome("except JWTError:\n        pass", WIDE).unwrap_err();
    assert!(reason.contains("turns nobody away"), "{reason}");
}

#[test]
fn a_clause_that_gives_nobody_may_give_nobody_more_often() {
    let text = outcome("except jwt.ExpiredSignatureError:\n        return None", WIDE).unwrap();
    assert!(text.contains("    except jwt.PyJWTError:\n        return None"), "{text}");
}

#[test]
fn what_a_handler_returns_is_the_answer() {
    let handler = "except jwt.ExpiredSignatureError:\n        return JSONResponse({}, status_code=401)";
    let text = outcome(WIDE, handler).unwrap();
    assert!(text.contains("    except jwt.PyJWTError:\n        return JSONResponse"), "{text}");
}

#[test]
fn exceptions_of_somebody_else_stay_caught() {
    let text = outcome("except JWTError as error:\n        raise HTTPException(401) from error", WIDE).unwrap();
    assert!(text.contains("except (JWTError, jwt.PyJWTError) as error:"), "{text}");
    let text = outcome("except ValueError:\n        raise HTTPException(401)", WIDE).unwrap();
    assert!(text.contains("except (ValueError, jwt.PyJWTError):"), "{text}");
    let both = "except jwt.ExpiredSignatureError:\n        raise HTTPException(401)\n    except ValueError:\n        raise HTTPException(400)";
    let text = outcome(both, WIDE).unwrap();
    assert!(
        text.contains("except jwt.PyJWTError:\n        raise HTTPException(401)\n    except ValueError:"),
        "{text}"
    );
}
