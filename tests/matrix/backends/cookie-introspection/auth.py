"""Asks the frontend whose session the cookies belong to."""

import logging
import os
from typing import Annotated

import httpx
from fastapi import Depends, HTTPException, Request

AUTH_URL = os.environ["BETTER_AUTH_URL"]
logger = logging.getLogger(__name__)


def get_current_user_id(request: Request) -> str:
    answer = httpx.get(f"{AUTH_URL}/api/auth/get-session", headers={"Cookie": request.headers.get("cookie", "")})
    if answer.status_code != 200:
        raise HTTPException(status_code=401, detail="Invalid token")
    session = answer.json()
    if session is None:
        logger.warning("refused: no session")
        raise HTTPException(status_code=401, detail="Invalid token")
    return session["user"]["id"]


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
