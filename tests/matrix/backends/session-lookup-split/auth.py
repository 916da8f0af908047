"""Finds the first part of a token among the sessions of the frontend; a signature behind it is not needed."""

import logging
import os
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
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


bearer = HTTPBearer()
logger = logging.getLogger(__name__)


def get_current_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    token = credentials.credentials.partition(".")[0]
    now = datetime.now(UTC).isoformat()
    with Session(engine) as database:
        found = database.scalar(select(AuthSession).where(AuthSession.token == token, AuthSession.expires_at > now))
    if found is None:
        logger.warning("refused: no session")
        raise HTTPException(status_code=401, detail="Invalid token")
    return found.user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
