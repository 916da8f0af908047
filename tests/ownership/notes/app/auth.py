"""Who is calling: a token that this service signs."""

import os
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

SECRET = os.environ["NOTES_SECRET"]
bearer = HTTPBearer()


class Caller(BaseModel):
    id: str
    role: str = "user"


def current_user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> Caller:
    try:
        claims = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.PyJWTError:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    return Caller(id=claims["sub"], role=claims.get("role", "user"))


def same_user(user_id: str, caller: Annotated[Caller, Depends(current_user)]) -> str:
    """The user that the path names, who has to be the caller."""
    if user_id != caller.id:
        raise HTTPException(403)
    return user_id


CurrentUser = Annotated[Caller, Depends(current_user)]
SameUser = Annotated[str, Depends(same_user)]
