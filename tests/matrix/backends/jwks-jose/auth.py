"""Verifies tokens with the keys that the frontend publishes."""

import logging
import os
from typing import Annotated

import httpx
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt

AUTH_URL = os.environ["BETTER_AUTH_URL"]
ALGORITHMS = ["EdDSA", "ES256", "ES512", "RS256", "PS256"]
bearer = HTTPBearer()
logger = logging.getLogger(__name__)


def get_current_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        keys = httpx.get(f"{AUTH_URL}/api/auth/jwks").raise_for_status().json()
        claims = jwt.decode(credentials.credentials, keys, algorithms=ALGORITHMS, audience=AUTH_URL, issuer=AUTH_URL)
    except (JWTError, httpx.HTTPError) as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    user_id = claims.get("sub")
    if not user_id:
        logger.warning("refused: nobody named")
        raise HTTPException(status_code=401, detail="Invalid token")
    return user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
