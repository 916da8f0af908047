"""Writes down who asks."""

import logging

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

log = logging.getLogger(__name__)


def audited(bearer: HTTPAuthorizationCredentials = Depends(HTTPBearer())) -> None:
    mark = "😀"; log.info("%s asked with %s", mark, bearer.credentials)
