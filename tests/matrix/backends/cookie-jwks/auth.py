"""Verifies the cached session with the keys that the frontend publishes, for the frontend's own address."""

import logging
import os
from typing import Annotated

import jwt
from fastapi import Cookie, Depends, HTTPException

AUTH_URL = os.environ["BETTER_AUTH_URL"]
jwks = jwt.PyJWKClient(f"{AUTH_URL}/api/auth/jwks")
logger = logging.getLogger(__name__)


def get_current_user_id(session_data: Annotated[str, Cookie(alias="better-auth.session_data")]) -> str:
    try:
        key = jwks.get_signing_key_from_jwt(session_data)
        claims = jwt.decode(session_data, key, algorithms=["EdDSA"], audience=AUTH_URL, issuer=AUTH_URL)
    except jwt.PyJWTError as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    user_id = claims.get("sub")
    if not user_id:
        logger.warning("refused: nobody named")
        raise HTTPException(status_code=401, detail="Invalid token")
    return user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
