"""Handlers that verify a token themselves: of a session below /v1 to /v4, mailed or another one elsewhere."""

import os
from typing import Annotated

import jwt
from fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Request
from fastapi.security import HTTPBearer

app = FastAPI()
bearer = HTTPBearer()


def claims_of(token: str) -> dict:
    try:
        return jwt.decode(token, os.environ["KEY"], algorithms=["HS256"])
    except jwt.PyJWTError:
        raise HTTPException(401)


@app.get("/v1/auth/verify")
def by_request(request: Request):
    token = request.headers.get("Authorization") or request.query_params.get("token")
    if not token:
        raise HTTPException(401)
    return claims_of(token)


@app.get("/v2/auth/verify")
def by_cookie(access_token: str = Cookie()):
    return claims_of(access_token)


@app.get("/v3/auth/verify")
def by_header(authorization: Annotated[str, Header()]):
    return claims_of(authorization)


@app.get("/v4/auth/verify")
def by_scheme(credentials=Depends(bearer)):
    return claims_of(credentials.credentials)


@app.get("/auth/verify")
def mailed(token: str):
    return claims_of(token)


@app.get("/auth/verify-email/{token}")
def mailed_in_path(token: str):
    return claims_of(token)


@app.post("/auth/token/refresh")
def refresh(refresh_token: str = Cookie()):
    claims = claims_of(refresh_token)
    return jwt.encode({"sub": claims["sub"], "exp": 900}, os.environ["KEY"], algorithm="HS256")


@app.post("/auth/logout")
def sign_out(authorization: str = Header()):
    return claims_of(authorization)
