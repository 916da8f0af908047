"""Calls of the payment provider, signed with a shared secret."""

import hashlib
import hmac

from fastapi import APIRouter, Header, HTTPException, Request

from app.core.config import settings

router = APIRouter(prefix="/webhooks")


@router.post("/payment")
async def payment(request: Request, x_signature: str = Header()) -> dict:
    expected = hmac.new(settings.WEBHOOK_SECRET.encode(), await request.body(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, x_signature):
        raise HTTPException(401)
    return {"received": True}
