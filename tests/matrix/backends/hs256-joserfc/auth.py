"""Verifies tokens with the secret of the frontend."""

import logging
import os
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

KEY = OctKey.import_key(os.environ["BETTER_AUTH_SECRET"])
expected = jwt.JWTClaimsRegistry(exp={"essential": True})
bearer = HTTPBearer()
logger = logging.getLogger(__name__)


def get_current_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        token = jwt.decode(credentials.credentials, KEY, algorithms=["HS256"])
        expected.validate(token.claims)
    except (JoseError, ValueError) as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    user_id = token.claims.get("sub") or token.claims.get("userId")
    if not user_id:
        logger.warning("refused: nobody named")
        raise HTTPException(status_code=401, detail="Invalid token")
    return user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
