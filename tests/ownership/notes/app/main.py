"""The notes service."""

from fastapi import FastAPI
from sqlmodel import SQLModel

from app.models import engine
from app.notes import router

SQLModel.metadata.create_all(engine)
app = FastAPI()
app.include_router(router)
