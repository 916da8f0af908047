"""Notes of the caller."""

from fastapi import APIRouter, HTTPException
from sqlmodel import select

from app.auth import CurrentUser, SameUser
from app.models import Database, Note, NoteIn
from app.service import NoteService, remove

router = APIRouter()


@router.get("/notes")
def list_notes(session: Database, caller: CurrentUser) -> list[Note]:
    return list(session.exec(select(Note).where(Note.user_id == caller.id)).all())


@router.post("/notes")
def create_note(body: NoteIn, session: Database, caller: CurrentUser) -> Note:
    note = Note.model_validate(body, update={"user_id": caller.id})
    session.add(note)
    session.commit()
    session.refresh(note)
    return note


@router.get("/notes/search")
def search_notes(title: str, session: Database, caller: CurrentUser) -> list[Note]:
    return NoteService(session).search(caller.id, title)


@router.post("/notes/finish")
def finish_notes(session: Database, caller: CurrentUser) -> dict:
    NoteService(session).finish(caller.id)
    return {}


@router.get("/notes/{note_id}")
def read_note(note_id: int, session: Database, caller: CurrentUser) -> Note:
    note = session.get(Note, note_id)
    if note is None:
        raise HTTPException(404)
    if note.user_id != caller.id:
        raise HTTPException(403)
    return note


@router.put("/notes/{note_id}")
def replace_note(note_id: int, body: NoteIn, session: Database, caller: CurrentUser) -> Note:
    note = session.exec(select(Note).where(Note.id == note_id, Note.user_id == caller.id)).first()
    if note is None:
        raise HTTPException(404)
    note.sqlmodel_update(body.model_dump())
    session.add(note)
    session.commit()
    session.refresh(note)
    return note


@router.patch("/notes/{note_id}")
def rename_note(note_id: int, title: str, session: Database, caller: CurrentUser) -> Note:
    return NoteService(session).rename(caller.id, note_id, title)


@router.delete("/notes/{note_id}")
def delete_note(note_id: int, session: Database, caller: CurrentUser) -> dict:
    if not remove(session, caller.id, note_id):
        raise HTTPException(404)
    return {}


@router.get("/users/{user_id}/notes")
def notes_of_user(user_id: SameUser, session: Database) -> list[Note]:
    return list(session.exec(select(Note).where(Note.user_id == user_id)).all())


@router.get("/users/{user_id}/notes/{note_id}")
def note_of_user(user_id: str, note_id: int, session: Database, caller: CurrentUser) -> Note:
    if user_id != caller.id:
        raise HTTPException(403)
    note = session.exec(select(Note).where(Note.id == note_id).where(Note.user_id == user_id)).first()
    if note is None:
        raise HTTPException(404)
    return note
