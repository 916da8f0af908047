"""Tokens that somebody makes who knows no key: what the frontend publishes, the names of things, and nothing else."""

import base64
import hashlib
import hmac
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VICTIM = "victim"
SESSION_CACHE = "better-auth:session-cache"
NEW_KEY = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
}


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token):
    """The claims that a token says, none when it is no JWT."""
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return {}


def with_secret(claims, secret):
    """A token signed with HS256, whatever the secret is: libraries refuse to sign with a public key."""
    head = encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signed = f"{head}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def public_forms(key):
    """A published key in the forms that a backend may hold it in."""
    public = jwt.PyJWK(key).key
    return [public.public_bytes(form, PublicFormat.SubjectPublicKeyInfo) for form in (Encoding.PEM, Encoding.DER)]


def forged(token, published, url):
    """Forgeries of a token by how they are made: each is a list, some with an audience and some without."""
    now = int(time.time())
    real = claims_of(token)
    plain = {
        **real,
        **dict.fromkeys(["sub", "id", "userId", "user_id"], VICTIM),
        "email": "victim@example.com",
        "user": {"id": VICTIM, "email": "victim@example.com"},
        "iat": now - 5,
        "exp": now + 600,
    }
    plain.pop("aud", None)
    audiences = {url, SESSION_CACHE, *[real.get("aud")]} - {None}
    kinds = [
        plain,
        {**plain, "iss": real.get("iss", url), "aud": url},
        {**plain, "iss": real.get("iss", url), "aud": sorted(audiences)},
    ]
    kid = {"kid": published[0]["kid"]} if published else {}
    algorithm = published[0]["alg"] if published else "EdDSA"
    key = NEW_KEY[algorithm]()
    return {
        "opaque": ["A" * 32, f"{'A' * 32}.{encoded(b'0' * 32)}"],
        "unsigned": [jwt.encode(claims, None, "none", kid) for claims in kinds],
        "own key": [jwt.encode(claims, key, algorithm, kid) for claims in kinds],
        "own secret": [with_secret(claims, b"secret of a stranger") for claims in kinds],
        "public key as secret": [
            with_secret(claims, form) for one in published for form in public_forms(one) for claims in kinds
        ],
    }
