"""The same ways with a hole in each. None guards its route."""

import hmac
import os
from typing import Annotated

import jwt
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select

from database import Setting, connection, get_db

bearer = HTTPBearer()
router = APIRouter(prefix="/open")
SECRET = os.getenv("SECRET")
Credentials = Annotated[HTTPAuthorizationCredentials, Depends(bearer)]


def error_beside_payload(token):
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"]), None
    except jwt.PyJWTError:
        return None, "invalid"


def nobody_looks_at_the_error(credentials: Credentials):
    payload, error = error_beside_payload(credentials.credentials)
    return payload


def no_error_is_reported(token):
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"]), None
    except jwt.PyJWTError:
        return None, None


def error_is_never_set(credentials: Credentials):
    payload, error = no_error_is_reported(credentials.credentials)
    if error:
        raise HTTPException(401, error)
    return payload


def both_say_valid(token):
    try:
        return {"valid": True, "payload": jwt.decode(token, SECRET, algorithms=["HS256"])}
    except jwt.PyJWTError:
        return {"valid": True, "payload": None}


def valid_is_always_true(credentials: Credentials):
    result = both_say_valid(credentials.credentials)
    if not result["valid"]:
        raise HTTPException(401)
    return result


def query_without_the_token(credentials: Credentials):
    cursor = connection.cursor()
    cursor.execute("select 1")
    if cursor.fetchone() is None:
        raise HTTPException(401)
    return credentials.credentials


def flag_is_not_looked_at(credentials: Credentials):
    valid = False
    try:
        jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])
        valid = True
    except jwt.PyJWTError:
        pass
    return valid


class OnlyReads(HTTPBearer):
    async def __call__(self, request: Request):
        return await super().__call__(request)


class AlwaysGood(HTTPBearer):
    async def __call__(self, request: Request):
        credentials = await super().__call__(request)
        if not self.is_good(credentials.credentials):
            raise HTTPException(403)
        return credentials.credentials

    def is_good(self, token: str) -> bool:
        return len(token) > 10


class Checked:
    async def __call__(self, request: Request):
        token = request.headers.get("Authorization")
        if not self.passes(token):
            raise HTTPException(401)

    def passes(self, token):
        return jwt.decode(token, SECRET, algorithms=["HS256"])


class CheckedByNobody(Checked):
    def passes(self, token):
        return True


class NoTokens:
    def claims(self, token: str):
        return {"sub": token}


def get_auth_service() -> NoTokens: return NoTokens()
def service_believes(c: Creds, tokens=Depends(get_auth_service)):
    claims = tokens.claims(c.credentials)
    if not claims:
        raise HTTPException(401)
    return claims


def claims_or_error(token: str):
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.ExpiredSignatureError:
        return {"error": "expired", "type": "access"}
    except jwt.PyJWTError:
        return {"detail": "invalid"}


def an_error_has_the_kind(credentials: Credentials):
    claims = claims_or_error(credentials.credentials)
    if claims.get("type") != "access":
        raise HTTPException(401)
    return claims


def another_error_passes(credentials: Credentials):
    claims = claims_or_error(credentials.credentials)
    if "error" in claims:
        raise HTTPException(401)
    return claims


def the_default_passes(credentials: Credentials):
    claims = claims_or_error(credentials.credentials)
    if claims.get("kind", "access") != "access":
        raise HTTPException(401)
    return claims


def nothing_or_claims(token: str):
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        return {}


def the_default_of_nothing_passes(credentials: Credentials):
    kind = nothing_or_claims(credentials.credentials).get("kind", "access")
    if not kind:
        raise HTTPException(401)
    return kind


async def signed_by_the_client(secret: str, request: Request):
    expected = hmac.new(secret.encode(), await request.body(), "sha256").hexdigest()
    if not hmac.compare_digest(request.headers["X-Signature"], expected):
        raise HTTPException(401)


class Answer:
    def __init__(self, success: bool, value=None):
        self.success, self.value = success, value


def answer(value, success=True): return Answer(success=success, value=value)


def answered(token: str) -> Answer:
    try:
        return answer(jwt.decode(token, SECRET, algorithms=["HS256"]))
    except jwt.PyJWTError:
        return answer({"sub": "nobody"}, success=True)


def answers_are_all_good(credentials: Credentials):
    found = answered(credentials.credentials)
    if not found.success:
        raise HTTPException(401)
    return found.value["sub"]


def key_of_an_entry(key: str, db=Depends(get_db)):
    found = db.scalar(select(Setting).where(Setting.key == key))
    if found is None:
        raise HTTPException(404)
    return found


def nothing_for_bad_ones(token):
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        return {}


def nothing_is_not_none(credentials: Credentials):
    claims = nothing_for_bad_ones(credentials.credentials)
    if claims is None:
        raise HTTPException(401)
    return claims


def is_good(token):
    try:
        jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        return False
    return True


def false_is_not_none(credentials: Credentials):
    known = is_good(credentials.credentials) is not None
    if not known:
        raise HTTPException(401)


GUARDS = [
    nobody_looks_at_the_error,
    error_is_never_set,
    valid_is_always_true,
    query_without_the_token,
    flag_is_not_looked_at,
    OnlyReads(),
    AlwaysGood(),
    CheckedByNobody(),
    service_believes,
    an_error_has_the_kind,
    another_error_passes,
    the_default_passes,
    the_default_of_nothing_passes,
    key_of_an_entry,
    answers_are_all_good,
    signed_by_the_client,
    nothing_is_not_none,
    false_is_not_none,
]


def served():
    return "for everybody"


for number, guard in enumerate(GUARDS):
    router.add_api_route(f"/{number}", served, dependencies=[Depends(guard)])
