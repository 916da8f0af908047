"""What the tests share: keys, and tokens signed without a library, so that no library has a say in what they hold."""

import base64
import hashlib
import hmac
import json
import time

import pytest

SECRET = "q8Zr2vNc5LxT1mHd7KfYwB4sJpUe9GaX"


def encoded(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims, secret=SECRET, algorithm="HS256", **header):
    """A token with a HMAC of its claims; `none` leaves it unsigned."""
    text = f"{encoded({'alg': algorithm, 'typ': 'JWT', **header})}.{encoded(claims)}"
    digests = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
    key = secret if isinstance(secret, bytes) else secret.encode()
    signature = b"" if algorithm == "none" else hmac.digest(key, text.encode(), digests[algorithm])
    return f"{text}.{encoded(signature)}"


def claims(**more):
    """Claims of a token that is good for ten minutes; `None` leaves one out."""
    now = int(time.time())
    return {
        name: value
        for name, value in {"sub": "ada", "iat": now - 5, "exp": now + 600, **more}.items()
        if value is not None
    }


@pytest.fixture
def tokens():
    """A good token, and tokens that each have one thing wrong."""
    now = int(time.time())
    return {
        "good": signed(claims()),
        "unsigned": signed(claims(), algorithm="none"),
        "wrong key": signed(claims(), "another secret of thirty-two chars!"),
        "expired": signed(claims(exp=now - 60)),
        "without exp": signed(claims(exp=None)),
        "audience": signed(claims(aud="todo-api")),
        "number as sub": signed(claims(sub=7)),
        "issued in the future": signed(claims(iat=now + 3600)),
    }
