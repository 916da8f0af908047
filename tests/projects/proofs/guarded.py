"""Ways in which dependencies of real applications verify a credential. Each guards its route."""

import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Optional

import httpx
import jwt
import psycopg2
import redis
from fastapi import APIRouter, Cookie, Depends, Header, HTTPException, Request, Security, WebSocket
from fastapi.security import (
    APIKeyHeader,
    HTTPAuthorizationCredentials,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
    OAuth2PasswordBearer,
)
from firebase_admin import auth as firebase
from jose import JWTError
from jose import jwt as jose_jwt
from jwt import PyJWKClient
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session as Connection
from supabase import create_client

from database import Session, User, connection, get_db

bearer = HTTPBearer(); optional_bearer = HTTPBearer(auto_error=False)
oauth2 = OAuth2PasswordBearer(tokenUrl="t")
router = APIRouter(prefix="/guarded")
SECRET = os.getenv("S")
Creds = Annotated[HTTPAuthorizationCredentials, Depends(bearer)]

async def session_table(c: Creds, db=Depends(get_db)):
    row = (await db.execute(select(Session).where(Session.token == c.credentials))).scalar_one_or_none()
    if not row or row.expires_at < datetime.now():
        raise HTTPException(401)
    return row.user_id
async def introspection(request: Request):
    async with httpx.AsyncClient() as client:
        r = await client.get(os.environ["U"] + "/api/auth/get-session", headers={"cookie": request.headers.get("cookie", "")})
    if r.status_code != 200:
        raise HTTPException(401)
    data = r.json()
    if not data or not data.get("user"):
        raise HTTPException(401)
    return data["user"]
jwks = PyJWKClient("u")
def key_set(c: Creds):
    try:
        key = jwks.get_signing_key_from_jwt(c.credentials)
        return jwt.decode(c.credentials, key.key, algorithms=["EdDSA"], audience="a")
    except jwt.PyJWTError as e:
        raise HTTPException(401) from e
class AuthService:
    @staticmethod
    def verify(token: str) -> Optional[dict]:
        try:
            return jose_jwt.decode(token, SECRET, algorithms=["HS256"])
        except JWTError:
            return None
    def user(self, token):
        p = self.verify(token)
        return p["sub"] if p else None
def static_method(token: str = Depends(oauth2)):
    p = AuthService.verify(token)
    if p is None: raise HTTPException(401)
    return p
def check(token):
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"]), None
    except jwt.ExpiredSignatureError:
        return None, "expired"
    except jwt.InvalidTokenError:
        return None, "invalid"
def tuple_error(c: Creds):
    payload, error = check(c.credentials)
    if error: raise HTTPException(401, error)
    return payload
def tuple_payload(c: Creds):
    payload, error = check(c.credentials)
    if not payload: raise HTTPException(401, error)
    return payload
async def manual_header(request: Request):
    auth = request.headers.get("Authorization")
    if not auth or not auth.startswith("Bearer "):
        raise HTTPException(401)
    token = auth.split(" ")[1]
    try:
        payload = jwt.decode(token, SECRET, algorithms=["HS256"])
    except Exception:
        raise HTTPException(401)
    uid = payload.get("sub")
    if uid is None: raise HTTPException(401)
    return uid
@dataclass
class Result:
    valid: bool
    user: Optional[str] = None
def look_into(token) -> Result:
    try:
        p = jwt.decode(token, SECRET, algorithms=["HS256"])
        return Result(valid=True, user=p["sub"])
    except jwt.PyJWTError:
        return Result(valid=False)
def result_object(c: Creds):
    r = look_into(c.credentials)
    if not r.valid: raise HTTPException(401)
    return r.user
def opt(c: HTTPAuthorizationCredentials | None = Depends(optional_bearer)):
    if c is None: return None
    return AuthService.verify(c.credentials)
def optional_then_required(user=Depends(opt)):
    if user is None: raise HTTPException(401)
    return user
def injected_service(c: Creds, svc: AuthService = Depends()):
    u = svc.user(c.credentials)
    if not u: raise HTTPException(401)
    return u
def get_svc(): return AuthService()
def made_service(c: Creds, svc: AuthService = Depends(get_svc)):
    if not (u := svc.user(c.credentials)): raise HTTPException(401)
    return u
sessions = redis.Redis()
def session_in_cache(session_id: str = Cookie(None)):
    if not session_id: raise HTTPException(401)
    data = sessions.get(f"session:{session_id}")
    if not data: raise HTTPException(401)
    return data
class UserRepo:
    def __init__(self, db): self.db = db
    def by_token(self, token): return self.db.query(User).filter(User.token == token).first()
def repository(c: Creds, db=Depends(get_db)):
    user = UserRepo(db).by_token(c.credentials)
    if user is None: raise HTTPException(401)
    return user
hosted = create_client("a", "b")
def hosted_users(c: Creds):
    try:
        res = hosted.auth.get_user(c.credentials)
    except Exception:
        raise HTTPException(401)
    if not res or not res.user: raise HTTPException(401)
    return res.user
def hosted_tokens(c: Creds):
    try: return firebase.verify_id_token(c.credentials)
    except Exception: raise HTTPException(401)
KEYS = {"a", "b"}
async def key_in_set(key: str = Security(APIKeyHeader(name="X-API-Key"))):
    if key not in KEYS: raise HTTPException(403)
    return key
async def hashed_key(x_api_key: str = Header(...), db=Depends(get_db)):
    h = hashlib.sha256(x_api_key.encode()).hexdigest()
    k = db.query(User).filter_by(hash=h, active=True).first()
    if not k: raise HTTPException(401)
    return k
def raw_query(c: Creds, db=Depends(get_db)):
    row = db.execute(text("select user_id from session where token = :t"), {"t": c.credentials}).fetchone()
    if not row: raise HTTPException(401)
    return row[0]
def cursor(c: Creds):
    cur = connection.cursor()
    cur.execute("select user_id from session where token = %s", (c.credentials,))
    row = cur.fetchone()
    cur.close()
    if row is None: raise HTTPException(401)
    return row[0]
def cursor_of_block(c: Creds):
    with psycopg2.connect("x") as cn, cn.cursor() as cur:
        cur.execute("select user_id from session where token = %s", (c.credentials,))
        row = cur.fetchone()
    if not row: raise HTTPException(401)
    return row
def basic_credentials(c: HTTPBasicCredentials = Depends(HTTPBasic())):
    ok = hmac.compare_digest(c.username, "u") and hmac.compare_digest(c.password.encode(), SECRET.encode())
    if not ok: raise HTTPException(401)
    return c.username
async def query_in_steps(c: Creds, db=Depends(get_db)):
    stmt = select(Session)
    stmt = stmt.where(Session.token == c.credentials)
    res = await db.execute(stmt)
    s = res.scalars().first()
    if s is None: raise HTTPException(401)
    u = await db.get(User, s.user_id)
    if u is None: raise HTTPException(401)
    return u
class TokenData: 
    def __init__(self, sub): self.sub = sub
def payload_then_user(token: str = Depends(oauth2), db=Depends(get_db)):
    exc = HTTPException(status_code=401, detail="x", headers={"WWW-Authenticate": "Bearer"})
    try:
        payload = jose_jwt.decode(token, SECRET, algorithms=["HS256"])
        email: str = payload.get("sub")
        if email is None: raise exc
        td = TokenData(email)
    except JWTError:
        raise exc
    user = db.query(User).filter(User.email == td.sub).first()
    if user is None: raise exc
    return user
def several_keys(c: Creds):
    for key in [SECRET, os.getenv("OLD")]:
        try:
            return jwt.decode(c.credentials, key, algorithms=["HS256"])
        except jwt.PyJWTError:
            continue
    raise HTTPException(401)
def unauthorized(detail): raise HTTPException(401, detail)
def raising_helper(c: Creds):
    p = AuthService.verify(c.credentials)
    if not p: unauthorized("x")
    return p
def flag(c: Creds):
    valid = False
    try:
        jwt.decode(c.credentials, SECRET, algorithms=["HS256"]); valid = True
    except Exception: pass
    if not valid: raise HTTPException(401)
def opened(token):
    try:
        return {"valid": True, "payload": jwt.decode(token, SECRET, algorithms=["HS256"])}
    except Exception as e:
        return {"valid": False, "error": str(e)}
def result_dictionary(c: Creds):
    r = opened(c.credentials)
    if not r["valid"]: raise HTTPException(401)
    return r["payload"]
async def token_of_socket(websocket: WebSocket, token: str | None = None):
    if token is None: raise HTTPException(401)
    p = AuthService.verify(token)
    if not p: raise HTTPException(401)
    return p


class TokenBearer(HTTPBearer):
    def __init__(self, auto_error: bool = True):
        super(TokenBearer, self).__init__(auto_error=auto_error)

    async def __call__(self, request: Request):
        credentials = await super(TokenBearer, self).__call__(request)
        if not credentials:
            raise HTTPException(403)
        if not self.is_good(credentials.credentials):
            raise HTTPException(403)
        return credentials.credentials

    def is_good(self, token: str) -> bool:
        good = False
        try:
            payload = AuthService.verify(token)
        except Exception:
            payload = None
        if payload:
            good = True
        return good


class KeyHeader(APIKeyHeader):
    def __init__(self, key: str):
        self.key = key
        super().__init__(name="X-API-Key", auto_error=False)

    async def __call__(self, request: Request):
        given = await super().__call__(request=request)
        if given != self.key:
            raise HTTPException(401)
        return given


class Checked:
    """What subclasses check decides."""

    async def __call__(self, request: Request):
        token = request.headers.get("Authorization")
        if not self.passes(token):
            raise HTTPException(401)

    def passes(self, token):
        return False


class CheckedByKey(Checked):
    def passes(self, token):
        return AuthService.verify(token) is not None


class Tokens:
    def __init__(self, key: str):
        self.key = key

    def claims(self, token: str):
        try:
            return jwt.decode(token, self.key, algorithms=["HS256"])
        except jwt.PyJWTError:
            return None


def get_auth_tokens() -> Tokens: return Tokens(SECRET)
def service_called_auth(c: Creds, tokens=Depends(get_auth_tokens)):
    claims = tokens.claims(c.credentials)
    if not claims or "sub" not in claims:
        raise HTTPException(401)
    return claims


async def asks(token: str, client: httpx.AsyncClient | None):
    answer = await client.post("https://auth.example/introspect", json={"token": token})
    answer.raise_for_status()
    return answer.json()


async def client_as_parameter(request: Request, c: Creds):
    client = getattr(request.app.state, "client", None)
    return await asks(c.credentials, client)


engine = create_engine("postgresql://localhost/app")


def session_of_block(c: Creds):
    with Connection(engine) as database:
        found = database.scalar(select(Session).where(Session.token == c.credentials))
    if found is None:
        raise HTTPException(401)
    return found.user_id


def claims_or_error(token: str):
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.ExpiredSignatureError:
        return {"error": "expired"}
    except jwt.PyJWTError:
        return None


def kind_that_no_error_has(c: Creds):
    claims = claims_or_error(c.credentials)
    if claims is None:
        raise HTTPException(401)
    if "error" in claims and claims["error"] == "expired":
        raise HTTPException(401, "sign in again")
    if claims.get("type") != "access":
        raise HTTPException(401)
    return claims["sub"]


def entry_of_errors_only(c: Creds):
    claims = claims_or_error(c.credentials)
    if claims is None or "error" in claims:
        raise HTTPException(401)
    return claims["sub"]


class Answer:
    def __init__(self, success: bool, value=None, error=None):
        self.success, self.value, self.error = success, value, error

    @classmethod
    def refused(cls, why):
        return cls(success=False, error=why)


def good(value): return Answer(success=True, value=value)
def failed(why): return Answer(success=False, error=why)


def answered(token: str) -> Answer:
    try:
        return good(jwt.decode(token, SECRET, algorithms=["HS256"]))
    except jwt.ExpiredSignatureError:
        return Answer.refused("expired")
    except jwt.PyJWTError:
        return failed("invalid")


def answer_by_helpers(c: Creds):
    found = answered(c.credentials)
    if not found.success:
        raise HTTPException(401)
    return found.value["sub"]


def key_in_query(key: str):
    if key != os.environ["KEY"]:
        raise HTTPException(401)


def nothing_for_bad_ones(token):
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        return {}


def nothing_is_false(credentials: Creds):
    claims = nothing_for_bad_ones(credentials.credentials)
    if not claims:
        raise HTTPException(401)
    return claims


GUARDS = [
    session_table,
    introspection,
    key_set,
    static_method,
    tuple_error,
    tuple_payload,
    manual_header,
    result_object,
    optional_then_required,
    injected_service,
    made_service,
    session_in_cache,
    repository,
    hosted_users,
    hosted_tokens,
    key_in_set,
    hashed_key,
    raw_query,
    cursor,
    cursor_of_block,
    basic_credentials,
    query_in_steps,
    payload_then_user,
    several_keys,
    raising_helper,
    flag,
    result_dictionary,
    TokenBearer(),
    KeyHeader(SECRET),
    CheckedByKey(),
    service_called_auth,
    client_as_parameter,
    session_of_block,
    kind_that_no_error_has,
    entry_of_errors_only,
    key_in_query,
    answer_by_helpers,
    nothing_is_false,
]


def answer():
    return "for callers who are known"


for number, guard in enumerate(GUARDS):
    router.add_api_route(f"/{number}", answer, dependencies=[Depends(guard)])


@router.websocket("/socket", dependencies=[Depends(token_of_socket)])
async def socket(websocket: WebSocket):
    await websocket.accept()
