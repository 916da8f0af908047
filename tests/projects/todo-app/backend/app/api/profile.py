"""The caller's own profile."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.core.auth import get_tenant_user, get_token

router = APIRouter(prefix="/profile")


@router.get("")
def profile(token: Annotated[str, Depends(get_token)]) -> dict:
    return {"token": len(token)}


@router.put("")
def update(user: Annotated[str, Depends(get_tenant_user)]) -> dict:
    return {"user": user}
