"""Imports that are tried in two ways: what is there is served once."""

from fastapi import FastAPI

app = FastAPI()

try:
    from notes import router

    app.include_router(router, prefix="/api")
except (ImportError, ValueError):
    from .notes import router

    app.include_router(router, prefix="/api")

try:
    from company.reports import router as reports

    app.include_router(reports, prefix="/reports")
except ImportError:
    from notes import router as reports

    app.include_router(reports, prefix="/reports")
