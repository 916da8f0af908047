"""Verifies the cached session with the secret of the frontend."""

import logging
import os
from typing import Annotated

import jwt
from fastapi import Cookie, Depends, HTTPException

SECRET = os.environ["BETTER_AUTH_SECRET"]
logger = logging.getLogger(__name__)


def get_current_user_id(session_data: Annotated[str, Cookie(alias="better-auth.session_data")]) -> str:
    try:
        claims = jwt.decode(session_data, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    user_id = claims.get("user", {}).get("id")
    if not user_id:
        logger.warning("refused: nobody named")
        raise HTTPException(status_code=401, detail="Invalid token")
    return user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
