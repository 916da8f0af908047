"""Verifies the cached session with the secret of the frontend; it has to have a subject."""

import logging
import os
from typing import Annotated

import jwt
from fastapi import Cookie, Depends, HTTPException

SECRET = os.environ["BETTER_AUTH_SECRET"]
logger = logging.getLogger(__name__)


def get_current_user_id(session_data: Annotated[str, Cookie(alias="better-auth.session_data")]) -> str:
    try:
        claims = jwt.decode(session_data, SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.PyJWTError as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    return claims["sub"]


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
