from fastapi import FastAPI

from auth import CurrentUserId

app = FastAPI()


@app.get("/api/tasks")
def list_tasks(user_id: CurrentUserId) -> dict:
    return {"user_id": user_id, "tasks": []}
