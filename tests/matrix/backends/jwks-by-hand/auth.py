"""Verifies tokens with the keys that the frontend publishes, which it fetches itself."""

import logging
import os
from typing import Annotated

import httpx
import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

AUTH_URL = os.environ["BETTER_AUTH_URL"]
bearer = HTTPBearer()
logger = logging.getLogger(__name__)


def signing_key(token: str) -> jwt.PyJWK:
    kid = jwt.get_unverified_header(token).get("kid")
    keys = httpx.get(f"{AUTH_URL}/api/auth/jwks").raise_for_status().json()["keys"]
    for key in keys:
        if key["kid"] == kid:
            return jwt.PyJWK.from_dict(key)
    raise jwt.InvalidKeyError("The token names an unknown key")


def get_current_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        claims = jwt.decode(
            credentials.credentials,
            signing_key(credentials.credentials),
            algorithms=["EdDSA"],
            audience=AUTH_URL,
            issuer=AUTH_URL,
        )
    except (jwt.PyJWTError, httpx.HTTPError) as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    user_id = claims.get("sub")
    if not user_id:
        logger.warning("refused: nobody named")
        raise HTTPException(status_code=401, detail="Invalid token")
    return user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
