"""Administration."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/users")
def users() -> list[dict]:
    return []


@router.delete("/users/{user_id}")
def remove(user_id: str) -> dict:
    return {"removed": user_id}
