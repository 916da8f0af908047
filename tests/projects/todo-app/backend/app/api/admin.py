"""Administration."""
from fastapi import APIRouter

router = APIRouter()
USERS: list[dict] = []


@router.get("/users")
def users() -> list[dict]:
    return USERS


@router.delete("/users/{user_id}")
def remove(user_id: str) -> dict:
    return {"removed": user_id}
