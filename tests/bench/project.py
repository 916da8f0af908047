"""Writes FastAPI projects to measure on: one module of a wanted length among the usual others."""

MAIN = '''from fastapi import FastAPI

from app.api import items, users
from app.core.config import settings

app = FastAPI(title="bench")
app.include_router(users.router, prefix=settings.API_PREFIX)
app.include_router(items.router, prefix=settings.API_PREFIX)


@app.get("/health")
def health() -> dict:
    return {"status": "ok"}
'''

CONFIG = '''from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    API_PREFIX: str = "/api/v1"
    SECRET_KEY: str = ""
    ALGORITHM: str = "HS256"


settings = Settings()
'''

DEPS = '''from typing import Annotated

import jwt
from fastapi import Depends, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.core.config import settings

bearer = HTTPBearer()


def decode(token: str) -> dict | None:
    try:
        return jwt.decode(token, settings.SECRET_KEY, algorithms=[settings.ALGORITHM])
    except jwt.PyJWTError:
        return None


def current_user(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> dict:
    payload = decode(credentials.credentials)
    if payload is None:
        raise HTTPException(status_code=status.HTTP_401_UNAUTHORIZED)
    return payload


def editor(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> dict:
    payload = decode(credentials.credentials)
    if payload is None:
        raise HTTPException(status_code=status.HTTP_401_UNAUTHORIZED)
    return payload


CurrentUser = Annotated[dict, Depends(current_user)]
writers = [Depends(current_user)]
'''

USERS = '''from fastapi import APIRouter, Depends

from app.api.deps import CurrentUser, current_user, editor

router = APIRouter(prefix="/users")


@router.get("/me")
def me(user: CurrentUser) -> dict:
    return user


@router.get("/me/role")
def role(user: dict = Depends(current_user)) -> str:
    return user["role"]


@router.put("/me/draft")
def draft(user: dict = Depends(editor)) -> dict:
    return user
'''

MODELS = '''from datetime import datetime

from sqlmodel import Field, Session, SQLModel, create_engine

engine = create_engine("sqlite://")


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)


class Item(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(min_length=1)
    price: float = 0.0
    owner_id: str = Field(foreign_key="user.id", index=True)
    created: datetime


def get_session():
    with Session(engine) as session:
        yield session
'''

HEAD = '''"""Items of the shop."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, Field
from sqlmodel import Session, select

from app.api.deps import CurrentUser, current_user, writers
from app.models import Item, get_session

router = APIRouter(prefix="/items")

Database = Annotated[Session, Depends(get_session)]
STORE: dict[int, str] = {}


@router.get("/probe")
def probe() -> dict:
    count = len(STORE)
    return {"count": count}


@router.post("/written", dependencies=writers)
def written(title: str) -> str:
    STORE[len(STORE)] = title
    return title


'''

# One group of a model, a service function and three routes; the third is guarded by a parameter default.
GROUP = '''class Change{n}(BaseModel):
    title: str | None = Field(default=None, max_length={n})
    tags: list[str] = []
    price: float = 0.0


def apply_change_{n}(session: Session, item: Item, change: Change{n}) -> Item:
    """Applies what the caller wants changed."""
    data = change.model_dump(exclude_unset=True)
    for key, value in data.items():
        if value is not None:
            setattr(item, key, value)
    session.add(item)
    session.commit()
    return item


@router.get("/kind{n}", response_model=list[Item])
def list_kind_{n}(user: CurrentUser, session: Database, limit: int = 20, offset: int = 0) -> list[Item]:
    owned = select(Item).where(Item.owner_id == user["sub"]).where(Item.price > {n})
    return session.exec(owned.offset(offset).limit(limit)).all()


@router.patch("/kind{n}/{{item_id}}")
async def change_kind_{n}(item_id: int, change: Change{n}, user: CurrentUser, session: Database) -> Item:
    item = session.get(Item, item_id)
    if item is None:
        raise HTTPException(status_code=404, detail="no such item")
    if item.owner_id != user["sub"]:
        raise HTTPException(status_code=403)
    return apply_change_{n}(session, item, change)


@router.delete("/kind{n}/{{item_id}}", status_code=204)
def delete_kind_{n}(item_id: int, session: Database, user: dict = Depends(current_user)) -> None:
    item = session.get(Item, item_id)
    if item is not None and item.owner_id != user["sub"]:
        raise HTTPException(status_code=403)
    session.delete(item)
    session.commit()


'''


def items_module(lines):
    """The measured module, of about that many lines."""
    text, n = HEAD, 0
    while text.count("\n") + GROUP.count("\n") / 2 <= lines:
        text += GROUP.format(n=n)
        n += 1
    return text.rstrip("\n") + "\n"


def write(folder, lines):
    """Writes a project and gives the paths of its measured module and of its dependencies."""
    files = {
        "app/__init__.py": "", "app/api/__init__.py": "", "app/core/__init__.py": "", "app/main.py": MAIN,
        "app/core/config.py": CONFIG, "app/models.py": MODELS, "app/api/deps.py": DEPS, "app/api/users.py": USERS,
        "app/api/items.py": items_module(lines),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "app/api/items.py", folder / "app/api/deps.py"
