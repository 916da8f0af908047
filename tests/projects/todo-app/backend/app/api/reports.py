"""Reports for other services."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/daily")
def daily() -> dict:
    return {}


# authlens: ignore[missing-auth-dependency] was open until May
@router.get("/monthly")
def monthly() -> dict:
    return {}
