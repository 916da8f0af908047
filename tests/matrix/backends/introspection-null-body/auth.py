"""Asks the frontend whether a token belongs to a session, and takes any answer for a yes."""

import os
from typing import Annotated, Any

import httpx
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

AUTH_URL = os.environ["BETTER_AUTH_URL"]
bearer = HTTPBearer()


def get_current_session(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> Any:
    answer = httpx.get(
        f"{AUTH_URL}/api/auth/get-session", headers={"Authorization": f"Bearer {credentials.credentials}"}
    )
    if answer.status_code != 200:
        raise HTTPException(status_code=401, detail="Invalid token")
    return answer.json()
