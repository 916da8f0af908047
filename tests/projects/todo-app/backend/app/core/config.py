"""Settings from the environment."""

import os
import secrets


class Settings:
    API_PREFIX: str = "/v1"
    AUTH_URL: str = os.environ.get("BETTER_AUTH_URL", "http://localhost:3000")
    API_KEY: str = os.environ["REPORTS_API_KEY"]
    WEBHOOK_SECRET: str = os.environ.get("WEBHOOK_SECRET") or secrets.token_hex(32)


settings = Settings()
