"""Asks the frontend whose session a token belongs to."""

import logging
import os
from typing import Annotated

import httpx
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

AUTH_URL = os.environ["BETTER_AUTH_URL"]
bearer = HTTPBearer()
logger = logging.getLogger(__name__)


def get_current_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    answer = httpx.get(
        f"{AUTH_URL}/api/auth/get-session", headers={"Authorization": f"Bearer {credentials.credentials}"}
    )
    if answer.status_code != 200:
        raise HTTPException(status_code=401, detail="Invalid token")
    session = answer.json()
    if session is None:
        logger.warning("refused: no session")
        raise HTTPException(status_code=401, detail="Invalid token")
    return session["user"]["id"]


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
