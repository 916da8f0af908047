"""What the libraries for tokens accept and refuse: the rules on what backends do with tokens rest on it."""

import warnings

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jose import jws as jose_jws
from jose import jwt as jose_jwt
from jose.exceptions import JOSEError, JWTError
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError as JoserfcError
from joserfc.jwk import OctKey

from conftest import SECRET, claims, signed

with warnings.catch_warnings(record=True):  # it says that joserfc is to be used instead
    from authlib.jose import JsonWebToken
    from authlib.jose.errors import JoseError as AuthlibError

HS256 = ["HS256"]
REFUSALS = (pyjwt.PyJWTError, JOSEError, JoserfcError, AuthlibError, ValueError)
KEY = OctKey.import_key(SECRET)
REQUIRED = {"require_exp": True, "require_sub": True, "require_iat": True}


def authlib(token, validated):
    found = JsonWebToken(HS256).decode(token, SECRET)
    if validated:
        found.validate()


def joserfc(token, registry=None):
    found = joserfc_jwt.decode(token, KEY, algorithms=HS256)
    if registry:
        registry.validate(found.claims)


CALLS = {
    "PyJWT": lambda t: pyjwt.decode(t, SECRET, algorithms=HS256),
    "PyJWT verify_signature=False": lambda t: pyjwt.decode(t, SECRET, HS256, {"verify_signature": False}),
    "PyJWT verify_exp=False": lambda t: pyjwt.decode(t, SECRET, HS256, {"verify_exp": False}),
    "PyJWT verify_aud=False": lambda t: pyjwt.decode(t, SECRET, HS256, {"verify_aud": False}),
    "PyJWT require": lambda t: pyjwt.decode(t, SECRET, HS256, {"require": ["exp", "sub"]}),
    "PyJWT require_exp": lambda t: pyjwt.decode(t, SECRET, HS256, {"require_exp": True}),
    "PyJWT verify=False": lambda t: pyjwt.decode(t, SECRET, HS256, verify=False),
    "PyJWT algorithms as text": lambda t: pyjwt.decode(t, SECRET, algorithms="HS256"),
    "PyJWT without algorithms": lambda t: pyjwt.decode(t, SECRET),
    "python-jose": lambda t: jose_jwt.decode(t, SECRET, algorithms=HS256),
    "python-jose without algorithms": lambda t: jose_jwt.decode(t, SECRET, None),
    "python-jose verify_signature=False": lambda t: jose_jwt.decode(t, SECRET, HS256, {"verify_signature": False}),
    "python-jose verify_aud=False": lambda t: jose_jwt.decode(t, SECRET, HS256, {"verify_aud": False}),
    "python-jose require_exp": lambda t: jose_jwt.decode(t, SECRET, HS256, REQUIRED),
    "python-jose get_unverified_claims": jose_jwt.get_unverified_claims,
    "python-jose jws.verify": lambda t: jose_jws.verify(t, SECRET, HS256),
    "authlib": lambda t: authlib(t, validated=False),
    "authlib validate": lambda t: authlib(t, validated=True),
    "joserfc": joserfc,
    "joserfc validate": lambda t: joserfc(t, joserfc_jwt.JWTClaimsRegistry()),
    "joserfc essential exp": lambda t: joserfc(t, joserfc_jwt.JWTClaimsRegistry(exp={"essential": True})),
}
# What each call accepts of the tokens of `conftest.py`, the good one among them.
ALWAYS = {"good"}
UNTIMED = {"expired", "without exp", "audience", "number as sub", "issued in the future"}
EVERYTHING = ALWAYS | UNTIMED | {"unsigned", "wrong key"}
ACCEPTED = {
    "PyJWT": {"without exp"},
    "PyJWT verify_signature=False": EVERYTHING,
    "PyJWT verify_exp=False": {"expired", "without exp"},
    "PyJWT verify_aud=False": {"without exp", "audience"},
    "PyJWT require": set(),
    "PyJWT require_exp": {"without exp"},
    "PyJWT verify=False": {"without exp"},
    "PyJWT algorithms as text": {"without exp"},
    "python-jose": {"without exp", "issued in the future"},
    "python-jose without algorithms": {"without exp", "issued in the future"},
    "python-jose verify_signature=False": {"unsigned", "wrong key", "without exp", "issued in the future"},
    "python-jose verify_aud=False": {"without exp", "audience", "issued in the future"},
    "python-jose require_exp": {"issued in the future"},
    "python-jose get_unverified_claims": EVERYTHING,
    "python-jose jws.verify": UNTIMED,
    "authlib": UNTIMED,
    "authlib validate": {"without exp", "audience", "number as sub"},
    "joserfc": UNTIMED,
    "joserfc validate": {"without exp", "audience"},
    "joserfc essential exp": {"audience"},
}


def accepts(call, token):
    with warnings.catch_warnings(action="ignore"):
        try:
            call(token)
        except REFUSALS:
            return False
    return True


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_a_call_accepts(name, tokens):
    accepted = {kind for kind, token in tokens.items() if accepts(CALLS[name], token)}
    assert accepted == ALWAYS | ACCEPTED[name]


def test_pyjwt_without_algorithms_refuses_every_token(tokens):
    for token in tokens.values():
        with pytest.raises(pyjwt.DecodeError, match="algorithms"):
            CALLS["PyJWT without algorithms"](token)


def test_pyjwt_binds_a_jwk_to_its_algorithm():
    key = ed25519.Ed25519PrivateKey.generate()
    jwk = pyjwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    token = pyjwt.encode(claims(), key, "EdDSA")
    assert pyjwt.decode(token, pyjwt.PyJWK({**jwk, "alg": "EdDSA"}))["sub"] == "ada"


def test_python_jose_ignores_a_missing_audience(tokens):
    assert jose_jwt.decode(tokens["good"], SECRET, HS256, audience="todo-api")["sub"] == "ada"
    with pytest.raises(pyjwt.MissingRequiredClaimError):
        pyjwt.decode(tokens["good"], SECRET, HS256, audience="todo-api")


def test_pyjwt_takes_an_empty_audience_for_none():
    assert pyjwt.decode(signed(claims(aud="")), SECRET, HS256)["aud"] == ""


def test_pyjwt_looks_at_algorithm_signature_expiry_issuer_and_audience_in_this_order():
    def refusal(secret=SECRET, algorithm="HS256", **wrong):
        token = signed(claims(**wrong), secret, algorithm)
        with pytest.raises(pyjwt.PyJWTError) as caught:
            pyjwt.decode(token, SECRET, HS256, audience="todo-api", issuer="todo-app")
        return caught.type

    wrong = {"exp": 1, "iss": "elsewhere", "aud": "elsewhere"}
    assert refusal("x", "HS512", **wrong) is pyjwt.InvalidAlgorithmError
    assert refusal("x", **wrong) is pyjwt.InvalidSignatureError
    assert refusal(**wrong) is pyjwt.ExpiredSignatureError
    assert refusal(iss="elsewhere", aud="elsewhere") is pyjwt.InvalidIssuerError
    assert refusal(iss="todo-app", aud="elsewhere") is pyjwt.InvalidAudienceError


def test_python_jose_without_algorithms_takes_any_that_fits_the_key():
    token = signed(claims(), algorithm="HS512")
    assert accepts(CALLS["python-jose without algorithms"], token)
    assert not accepts(CALLS["python-jose"], token)


def test_a_secret_may_be_empty_in_python_jose_only():
    forged = signed(claims(), "")
    assert jose_jwt.decode(forged, "", HS256)["sub"] == "ada"
    with pytest.raises(pyjwt.InvalidKeyError):
        pyjwt.decode(forged, "", HS256)
    with pytest.raises(ValueError):
        joserfc_jwt.decode(forged, OctKey.import_key(""), algorithms=HS256)


def test_pyjwt_fails_otherwise_when_there_is_no_secret(tokens):
    with pytest.raises(TypeError):
        pyjwt.decode(tokens["good"], None, HS256)


def public_key(form):
    return ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(form, PublicFormat.SubjectPublicKeyInfo)


def test_a_public_key_as_secret():
    mixed = ["EdDSA", "RS256", "HS256"]
    pem, der = public_key(Encoding.PEM), public_key(Encoding.DER)
    assert not accepts(lambda t: pyjwt.decode(t, pem, algorithms=mixed), signed(claims(), pem))
    assert not accepts(lambda t: pyjwt.decode(t, der, algorithms=mixed), signed(claims(), der))
    assert not accepts(lambda t: jose_jwt.decode(t, pem, algorithms=mixed), signed(claims(), pem))
    # python-jose only looks for the armour of a PEM file.
    assert accepts(lambda t: jose_jwt.decode(t, der, algorithms=mixed), signed(claims(), der))


def test_a_published_key_as_secret_of_pyjwt():
    # Up to 2.12 PyJWT took the text of a JWK for a secret.
    jwk = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
    assert not accepts(lambda t: pyjwt.decode(t, jwk, algorithms=["EdDSA", "HS256"]), signed(claims(), jwk))


ASYMMETRIC = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
}
TO_JWK = {"Ed": pyjwt.algorithms.OKPAlgorithm, "ES": pyjwt.algorithms.ECAlgorithm}


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_asymmetric_algorithms(algorithm):
    key = ASYMMETRIC[algorithm]()
    to_jwk = TO_JWK.get(algorithm[:2], pyjwt.algorithms.RSAAlgorithm).to_jwk
    jwk = {**to_jwk(key.public_key(), as_dict=True), "kid": "one", "alg": algorithm}
    token = pyjwt.encode(claims(), key, algorithm, {"kid": "one"})
    assert pyjwt.decode(token, pyjwt.PyJWK(jwk), algorithms=[algorithm])["sub"] == "ada"
    if algorithm in ("EdDSA", "PS256"):
        # python-jose does not know these. It says so with an error that is no JWTError.
        with pytest.raises(JOSEError) as caught:
            jose_jwt.decode(token, {"keys": [jwk]}, algorithms=[algorithm])
        assert caught.type.__name__ == "JWKError"
    else:
        assert jose_jwt.decode(token, {"keys": [jwk]}, algorithms=[algorithm])["sub"] == "ada"


def subclasses(of):
    return {of} | {below for child in of.__subclasses__() for below in subclasses(child)}


def test_errors_of_keys_are_no_invalid_token_errors():
    outside = {error.__name__ for error in subclasses(pyjwt.PyJWTError) - subclasses(pyjwt.InvalidTokenError)}
    assert {"PyJWKClientError", "PyJWKClientConnectionError", "PyJWKSetError", "PyJWKError"} <= outside
    assert {"MissingCryptographyError", "InvalidKeyError"} <= outside
    inside = {error.__name__ for error in subclasses(pyjwt.InvalidTokenError)}
    assert {"DecodeError", "InvalidAlgorithmError", "InvalidAudienceError", "ExpiredSignatureError"} <= inside


def test_errors_of_python_jose():
    names = {error.__name__ for error in subclasses(JOSEError)}
    tokens_only = {error.__name__ for error in subclasses(JWTError)}
    assert {"JWTError", "JWKError", "JWSError"} <= names
    assert {"ExpiredSignatureError", "JWTClaimsError"} <= tokens_only
    assert not {"JWKError", "JWSError"} & tokens_only
    with pytest.raises(AttributeError):
        jose_jwt.decode(None, SECRET, HS256)


@pytest.mark.parametrize("library", ["authlib", "joserfc"])
def test_no_token_at_all_is_refused_by_an_error_that_the_rules_know(library):
    with pytest.raises((AuthlibError, JoserfcError)):
        CALLS[library]("no token")


def test_leeway_is_of_the_caller(tokens):
    assert pyjwt.decode(tokens["expired"], SECRET, HS256, leeway=3600)["sub"] == "ada"
    assert jose_jwt.decode(tokens["expired"], SECRET, HS256, options={"leeway": 3600})["sub"] == "ada"
