"""What goes wrong with notes of others. `fixed.py` puts it beside the sound handlers."""

from fastapi import APIRouter, Depends, HTTPException
from sqlmodel import select

from app.auth import CurrentUser, current_user
from app.models import Database, Note, NoteOfAnybody

router = APIRouter(prefix="/flawed")


@router.get("/{user_id}/named")
def named(user_id: str, session: Database, caller: CurrentUser) -> list[Note]:
    return list(session.exec(select(Note).where(Note.user_id == user_id)).all())


@router.get("/all")
def everything(session: Database, caller: CurrentUser) -> list[Note]:
    query = select(Note)
    return list(session.exec(query).all())


@router.get("/unasked/{note_id}", dependencies=[Depends(current_user)])
def unasked(note_id: int, session: Database) -> Note:
    note = session.get(Note, note_id)
    if not note:
        raise HTTPException(404)
    return note


@router.get("/unchecked/{note_id}")
def unchecked(note_id: int, session: Database, caller: CurrentUser) -> Note:
    note = session.get(Note, note_id)
    if note is None:
        raise HTTPException(404)
    return note


@router.get("/both/{note_id}")
def both(note_id: int, session: Database, caller: CurrentUser) -> Note:
    note = session.exec(select(Note).where(Note.id == note_id and Note.user_id == caller.id)).first()
    if note is None:
        raise HTTPException(404)
    return note


@router.get("/discarded/{note_id}")
def discarded(note_id: int, session: Database, caller: CurrentUser) -> Note:
    query = select(Note).where(Note.id == note_id)
    query.where(Note.user_id == caller.id)
    note = session.exec(query).first()
    if note is None:
        raise HTTPException(404)
    return note


@router.post("/made")
def made(body: NoteOfAnybody, session: Database, caller: CurrentUser) -> Note:
    note = Note(**body.model_dump())
    session.add(note)
    session.commit()
    session.refresh(note)
    return note


@router.put("/given/{note_id}")
def given(note_id: int, body: NoteOfAnybody, session: Database, caller: CurrentUser) -> Note:
    note = session.get(Note, note_id)
    if note is None:
        raise HTTPException(404)
    if note.user_id != caller.id:
        raise HTTPException(403)
    note.sqlmodel_update(body.model_dump())
    session.add(note)
    session.commit()
    session.refresh(note)
    return note


@router.delete("/late/{note_id}")
def late(note_id: int, session: Database, caller: CurrentUser) -> dict:
    note = session.get(Note, note_id)
    if note is None:
        raise HTTPException(404)
    session.delete(note)
    session.commit()
    if note.user_id != caller.id:
        raise HTTPException(403)
    return {}


@router.get("/status/{note_id}")
def status(note_id: int, session: Database, caller: CurrentUser) -> Note:
    note = session.get(Note, note_id)
    if note is None:
        raise HTTPException(404)
    if note.user_id != caller.id:
        raise HTTPException(401)
    return note
