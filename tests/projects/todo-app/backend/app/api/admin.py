"""Administration."""
from fastapi import APIRouter

router = APIRouter()
USERS: list[dict] = []


@router.get("/users")
def users() -> list[dict]:
    return USERS


@router.delete("/users/{user_id}")
def remove(user_id: str) -> dict:
    USERS[:] = [user for user in USERS if user["id"] != user_id]
    return {"removed": user_id}
