"""Who is calling: tokens of Better Auth's `jwt()` plugin, verified through its JWKS."""

import hmac
from typing import Annotated

import jwt
from fastapi import Depends, Header, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.core.config import settings

bearer = HTTPBearer(auto_error=False)
jwks = jwt.PyJWKClient(f"{settings.AUTH_URL}/api/auth/jwks")

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def verify(token: str) -> dict | None:
    try:
        key = jwks.get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key.key,
            algorithms=["EdDSA"],
            audience=settings.AUTH_URL,
            issuer=settings.AUTH_URL,
            options={"require": ["exp", "sub"]},
        )
    except jwt.PyJWTError:
        return None


def get_current_user(credentials: Credentials) -> dict:
    if credentials is None:
        raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
    claims = verify(credentials.credentials)
    if claims is None:
        raise HTTPException(401, "Invalid token", {"WWW-Authenticate": "Bearer"})
    return claims


def get_optional_user(credentials: Credentials) -> dict | None:
    return verify(credentials.credentials) if credentials else None


def get_token(credentials: Credentials) -> str:
    """Hands the token on. It has not been verified."""
    if credentials is None:
        raise HTTPException(401)
    return credentials.credentials


def get_tenant_user(x_user_id: Annotated[str, Header()]) -> str:
    return x_user_id


def require_api_key(x_api_key: Annotated[str, Header()]) -> None:
    if not hmac.compare_digest(x_api_key, settings.API_KEY):
        raise HTTPException(401)


class RequireRole:
    def __init__(self, role: str):
        self.role = role

    def __call__(self, user: "CurrentUser") -> dict:
        if user.get("role") != self.role:
            raise HTTPException(403)
        return user


CurrentUser = Annotated[dict, Depends(get_current_user)]
OptionalUser = Annotated[dict | None, Depends(get_optional_user)]
