"""Verifies tokens with the keys that the frontend publishes; errors of the keys are not caught."""

import logging
import os
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

AUTH_URL = os.environ["BETTER_AUTH_URL"]
jwks = jwt.PyJWKClient(f"{AUTH_URL}/api/auth/jwks")
bearer = HTTPBearer()
logger = logging.getLogger(__name__)


def get_current_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        key = jwks.get_signing_key_from_jwt(credentials.credentials)
        claims = jwt.decode(credentials.credentials, key, algorithms=["EdDSA"], audience=AUTH_URL, issuer=AUTH_URL)
    except jwt.InvalidTokenError as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    user_id = claims.get("sub")
    if not user_id:
        logger.warning("refused: nobody named")
        raise HTTPException(status_code=401, detail="Invalid token")
    return user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
