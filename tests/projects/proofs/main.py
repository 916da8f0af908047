"""What counts as proof of who is calling, and what only looks like it."""

from fastapi import FastAPI

import guarded
import open

app = FastAPI()
app.include_router(guarded.router)
app.include_router(open.router)
