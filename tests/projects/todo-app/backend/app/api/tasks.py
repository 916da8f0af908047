"""Tasks."""

from fastapi import APIRouter, Depends

from app.core.auth import CurrentUser, OptionalUser, RequireRole

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.get("")
def list_tasks(user: CurrentUser) -> list[dict]:
    return [{"owner": user["sub"]}]


@router.post("")
def create_task(title: str, user: CurrentUser) -> dict:
    return {"title": title, "owner": user["sub"]}


@router.delete("/{task_id}")
def delete_task(task_id: int) -> dict:
    """Forgotten: its siblings all take a user."""
    return {"deleted": task_id}


@router.get("/all", dependencies=[Depends(RequireRole("admin"))])
def all_tasks() -> list[dict]:
    return []


@router.get("/featured")
def featured(user: OptionalUser) -> dict:
    if user is None:
        return {"tasks": []}
    return {"tasks": [user["sub"]]}
