"""Everything below `/api`."""

from fastapi import APIRouter

from app.core.config import settings

from . import profile, tasks, webhooks

api_router = APIRouter(prefix=settings.API_PREFIX)
api_router.include_router(tasks.router)
api_router.include_router(profile.router)
api_router.include_router(webhooks.router)
