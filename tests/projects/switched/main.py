import os

from fastapi import APIRouter, FastAPI
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    with_notes: bool = True
    with_reports: bool = False


settings = Settings()
app = FastAPI()
notes = APIRouter(prefix="/notes")
reports = APIRouter(prefix="/reports")


@app.get("/")
def root() -> dict:
    return {}


@notes.get("")
def list_notes() -> list[str]:
    return os.listdir("notes")


@reports.get("")
def list_reports() -> list[str]:
    return os.listdir("reports")


if settings.with_notes:
    app.include_router(notes)
if settings.with_reports:
    app.include_router(reports)
