//! The comparison of a row's owner: behind which statement of a handler it is put.

use authlens_analysis::ide::Diagnostic;

use crate::fixes::{ROOT, case, each_fix, fixed, host, repairs};

/// Reads of a note by its key: how its handler comes by the row, and the statement behind which its
/// owner can be compared; empty where none gives the row a name.
const READS: [(&str, &str); 15] = [
    (
        "result = db.execute(select(Note).where(Note.id == id))\nrow = result.scalar_one_or_none()",
        "row = result.scalar_one_or_none()",
    ),
    (
        "result = db.execute(select(Note).where(Note.id == id))\nrow = result.unique().scalar_one_or_none()",
        "row = result.unique().scalar_one_or_none()",
    ),
    (
        "result = db.execute(select(Note).where(Note.id == id)).unique()\n\n# One of them.\nrow = result.scalar_one_or_none()",
        "row = result.scalar_one_or_none()",
    ),
    (
        "result = await db.execute(select(Note).where(Note.id == id))\nlimit = 3\nrow = result.scalars().unique().first()",
        "row = result.scalars().unique().first()",
    ),
    ("result = await db.scalars(select(Note).where(Note.id == id))\nrow = result.first()", "row = result.first()"),
    (
        "result = await db.execute(select(Note).where(Note.id == id))\nfound = result.scalars()\nrow = found.one_or_none()",
        "row = found.one_or_none()",
    ),
    (
        "row = (await db.execute(select(Note).where(Note.id == id))).scalar_one_or_none()",
        "row = (await db.execute(select(Note).where(Note.id == id))).scalar_one_or_none()",
    ),
    (
        "row = await db.scalar(select(Note).where(Note.id == id))",
        "row = await db.scalar(select(Note).where(Note.id == id))",
    ),
    ("row = db.query(Note).filter(Note.id == id).first()", "row = db.query(Note).filter(Note.id == id).first()"),
    ("query = db.query(Note).filter(Note.id == id)\nrow = query.first()", "row = query.first()"),
    ("row = await db.get(Note, id)", "row = await db.get(Note, id)"),
    ("result = db.execute(select(Note).where(Note.id == id))\nrow = result.scalars().all()[0]", ""),
    (
        "result = db.execute(select(Note).where(Note.id == id))\nrow = None\nif id:\n    row = result.scalar_one_or_none()",
        "",
    ),
    ("row = db.execute(select(Note).where(Note.id == id)).first()[0]", ""),
    ("result = db.execute(select(Note).where(Note.id == id))\n(row,) = result.one()", ""),
];

/// A project with one such handler, between its tables and a handler that keeps to the caller's notes.
const MODULE: &str = r#"import os

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from base import SESSION, session

app = FastAPI()


class Base(DeclarativeBase): ...


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


def caller(authorization: str = Header()) -> int:
    try:
        claims = jwt.decode(authorization, os.environ["KEY"], algorithms=["HS256"], options={"require": ["sub", "exp"]})
    except jwt.PyJWTError:
        raise HTTPException(401)
    return int(claims["sub"])


@app.get("/mine")
async def mine(me: int = Depends(caller), db: SESSION = Depends(session)):
    notes = AWAIT db.scalars(select(Note).where(Note.owner_id == me))
    return notes.all()


@app.get("/notes/{id}")
async def one(id: int, me: int = Depends(caller), db: SESSION = Depends(session)):
"#;

/// The module that gives its handlers a session, of one kind or the other.
fn base(is_async: bool) -> &'static str {
    if is_async {
        "from sqlalchemy.ext.asyncio import AsyncSession\n\n\nasync def session() -> AsyncSession:\n    async with AsyncSession() as one:\n        yield one\n"
    } else {
        "from sqlalchemy.orm import Session\n\n\ndef session() -> Session:\n    with Session() as one:\n        yield one\n"
    }
}

/// The owner of a row is compared behind the statement that gives the row, and not behind one that
/// gives the result which holds it.
#[test]
fn owners_are_compared_of_rows_and_not_of_results() {
    for (read, gives) in READS {
        let is_async = read.contains("await");
        let (session, wait) = if is_async { ("AsyncSession", "await ") } else { ("Session", "") };
        let indented = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
        let body: String = read.lines().map(indented).collect();
        let module = MODULE.replace("SESSION", session).replace("AWAIT ", wait);
        let module = format!("{module}{body}    return row\n");
        let case = case(read, &[("base.py", base(is_async)), ("main.py", &module)]);
        let analysis = host(&case.files).snapshot();
        let all = analysis.files_with_diagnostics();
        let mut found: Vec<Diagnostic> = all.iter().flat_map(|file| analysis.diagnostics(*file).to_vec()).collect();
        found.retain(|found| found.rule == "missing-ownership-check");
        let [of_row] = found.as_slice() else { panic!("{read}: {found:#?}") };
        let repairs = repairs(&analysis, of_row);
        if gives.is_empty() {
            assert!(repairs.is_empty(), "{read}: {repairs:#?}");
            continue;
        }
        assert_eq!(repairs.len(), 1, "{read}: {:?}", analysis.fixes(of_row).1);
        let after = &fixed(&analysis, &case.files, &repairs[0])[&format!("{ROOT}/main.py")];
        let compared =
            format!("    {gives}\n    if row is not None and row.owner_id != me:\n        raise HTTPException(");
        assert!(after.contains(&compared), "{after}");
        each_fix(&case);
    }
}
