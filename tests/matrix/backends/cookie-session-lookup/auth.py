"""Finds the session of the cookie among those of the frontend."""

import logging
import os
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Cookie, Depends, HTTPException
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

engine = create_engine(os.environ["DATABASE_URL"])


class Base(DeclarativeBase):
    pass


class AuthSession(Base):
    __tablename__ = "session"

    id: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[str]
    user_id: Mapped[str] = mapped_column("userId")
    expires_at: Mapped[str] = mapped_column("expiresAt")


logger = logging.getLogger(__name__)


def get_current_user_id(session_token: Annotated[str, Cookie(alias="better-auth.session_token")]) -> str:
    token = session_token.partition(".")[0]
    now = datetime.now(UTC).isoformat()
    with Session(engine) as database:
        found = database.scalar(select(AuthSession).where(AuthSession.token == token, AuthSession.expires_at > now))
    if found is None:
        logger.warning("refused: no session")
        raise HTTPException(status_code=401, detail="Invalid token")
    return found.user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
