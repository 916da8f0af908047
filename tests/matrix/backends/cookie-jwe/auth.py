"""Decrypts the cached session with a key that is derived from the secret of the frontend."""

import json
import logging
import os
from typing import Annotated

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import Cookie, Depends, HTTPException
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

SECRET = os.environ["BETTER_AUTH_SECRET"]
derivation = HKDF(SHA256(), 64, b"better-auth-session", b"BetterAuth.js Generated Encryption Key")
key = OctKey.import_key(derivation.derive(SECRET.encode()))
current = jwt.JWTClaimsRegistry(exp={"essential": True})
logger = logging.getLogger(__name__)


def get_current_user_id(session_data: Annotated[str, Cookie(alias="better-auth.session_data")]) -> str:
    try:
        claims = json.loads(jwe.decrypt_compact(session_data, key).plaintext)
        current.validate(claims)
    except (JoseError, ValueError) as error:
        logger.warning("refused: %s", type(error).__name__)
        raise HTTPException(status_code=401, detail="Invalid token") from None
    user_id = claims.get("user", {}).get("id")
    if not user_id:
        logger.warning("refused: nobody named")
        raise HTTPException(status_code=401, detail="Invalid token")
    return user_id


CurrentUserId = Annotated[str, Depends(get_current_user_id)]
