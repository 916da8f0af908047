"""Verifies tokens with the secret of the frontend."""

import logging
import os
from typing import Annotated

from authlib.jose import JsonWebToken
from authlib.jose.errors import JoseError
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

SECRET = os.environ["BETTER_AUTH_SECRET"]
tokens = JsonWebToken(["HS256"])
bearer = HTTPBearer()
logger = logging.getLogger(__name__)


def get_current_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        claims = tokens.decode(credentials.credentials, SECRET)
        claims.validate()
    except (JoseError, ValueError) as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    user_id = claims.get("sub") or claims.get("userId")
    if not user_id:
        logger.warning("refused: nobody named")
        raise HTTPException(status_code=401, detail="Invalid token")
    return user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
