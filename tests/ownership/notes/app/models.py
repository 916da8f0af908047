"""Tables, request models and the session."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy.pool import StaticPool
from sqlmodel import Field, Session, SQLModel, create_engine

engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)


class User(SQLModel, table=True):
    id: str = Field(primary_key=True)


class Note(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: str = Field(foreign_key="user.id")
    title: str
    done: bool = False


class NoteIn(SQLModel):
    title: str
    done: bool = False


class NoteOfAnybody(NoteIn):
    user_id: str = ""


def get_session():
    with Session(engine) as session:
        yield session


Database = Annotated[Session, Depends(get_session)]
