"""Verifies tokens with the keys that the frontend publishes."""

import logging
import os
from typing import Annotated

import httpx
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.jose.errors import JoseError
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

AUTH_URL = os.environ["BETTER_AUTH_URL"]
ALGORITHMS = ["EdDSA", "ES256", "ES512", "RS256", "PS256"]
EXPECTED = {
    "iss": {"essential": True, "value": AUTH_URL},
    "aud": {"essential": True, "value": AUTH_URL},
    "exp": {"essential": True},
}
tokens = JsonWebToken(ALGORITHMS)
bearer = HTTPBearer()
logger = logging.getLogger(__name__)


def get_current_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        keys = JsonWebKey.import_key_set(httpx.get(f"{AUTH_URL}/api/auth/jwks").raise_for_status().json())
        claims = tokens.decode(credentials.credentials, keys, claims_options=EXPECTED)
        claims.validate()
    except (JoseError, ValueError, httpx.HTTPError) as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    user_id = claims.get("sub")
    if not user_id:
        logger.warning("refused: nobody named")
        raise HTTPException(status_code=401, detail="Invalid token")
    return user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
