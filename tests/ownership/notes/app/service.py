"""What handlers do with notes, two calls away from them."""

from fastapi import HTTPException
from sqlmodel import Session, col, delete, select, update

from app.models import Note


class NoteRepository:
    def __init__(self, session: Session):
        self.session = session

    def titled(self, owner: str, title: str) -> list[Note]:
        return list(self.session.exec(select(Note).where(Note.user_id == owner, Note.title == title)).all())

    def one(self, note_id: int) -> Note | None:
        return self.session.get(Note, note_id)

    def finish(self, owner: str) -> None:
        self.session.exec(update(Note).where(col(Note.user_id) == owner).values(done=True))
        self.session.commit()


class NoteService:
    def __init__(self, session: Session):
        self.notes = NoteRepository(session)

    def search(self, owner: str, title: str) -> list[Note]:
        return self.notes.titled(owner, title)

    def rename(self, owner: str, note_id: int, title: str) -> Note:
        note = self.notes.one(note_id)
        if note is None:
            raise HTTPException(404)
        if note.user_id != owner:
            raise HTTPException(403)
        note.title = title
        self.notes.session.add(note)
        self.notes.session.commit()
        self.notes.session.refresh(note)
        return note

    def finish(self, owner: str) -> None:
        self.notes.finish(owner)


def remove(session: Session, owner: str, note_id: int) -> int:
    result = session.exec(delete(Note).where(col(Note.id) == note_id).where(col(Note.user_id) == owner))
    session.commit()
    return result.rowcount

