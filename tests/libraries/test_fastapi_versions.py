"""What changed between versions of FastAPI and Starlette: run with each of the versions that `run` installs."""

import types
from typing import Annotated

import fastapi
import pytest
import starlette
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.exceptions import FastAPIError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBearer, OAuth2PasswordBearer, OpenIdConnect
from typing_extensions import TypeAliasType

from asgi import ask, opens


def numbers(version):
    return tuple(int(part) for part in version.split(".")[:3])


FASTAPI, STARLETTE = numbers(fastapi.__version__), numbers(starlette.__version__)
SCHEMES = {
    "HTTPBearer": HTTPBearer(),
    "APIKeyHeader": APIKeyHeader(name="x-key"),
    "OpenIdConnect": OpenIdConnect(openIdConnectUrl="/id"),
    "HTTPBasic": HTTPBasic(),
    "OAuth2PasswordBearer": OAuth2PasswordBearer("token"),
}


def refuses():
    raise HTTPException(401)


def with_scheme(name):
    app = FastAPI()
    app.get("/x")(lambda found=Depends(SCHEMES[name]): getattr(found, "credentials", found))
    return app


@pytest.mark.parametrize("name", SCHEMES)
def test_no_credential(name):
    answer = ask(with_scheme(name), "/x")
    if FASTAPI >= (0, 122) or name in ("HTTPBasic", "OAuth2PasswordBearer"):
        assert answer.status == 401
        assert "www-authenticate" in answer.headers
    else:
        assert answer.status == 403


def test_what_schemes_take_for_a_credential():
    def found(name, value):
        answer = ask(with_scheme(name), "/x", headers={"authorization": value})
        return answer.json if answer.status == 200 else None

    for name in ("HTTPBearer", "OAuth2PasswordBearer"):
        assert found(name, "bearer undefined") == "undefined"
        assert found(name, "BEARER null") == "null"
        assert found(name, "Basic eA==") is None
    assert found("HTTPBearer", "Bearer ") is None
    assert found("OAuth2PasswordBearer", "Bearer ") == ""
    assert found("OpenIdConnect", "whatever") == "whatever"


def test_routes_and_mounts_that_are_added_after_the_router_was_included():
    child = FastAPI()
    child.get("/x")(lambda: "in")
    router = APIRouter(prefix="/router", dependencies=[Depends(refuses)])
    app = FastAPI()
    app.include_router(router, prefix="/api", dependencies=[Depends(refuses)])
    router.get("/late")(lambda: "in")
    router.mount("/mounted", child)
    lazy = FASTAPI >= (0, 137)
    assert ask(app, "/api/router/late").status == (401 if lazy else 404)
    # Neither the prefix of the router nor any dependency counts for a mount.
    assert ask(app, "/api/mounted/x").status == (200 if lazy else 404)
    assert ask(app, "/api/router/mounted/x").status == 404


def test_two_dependencies_in_one_annotation():
    def other():
        return "anybody"

    def handler(user: Annotated[Annotated[str, Depends(refuses)], Depends(other)]):
        return user

    app = FastAPI()
    if FASTAPI < (0, 105):
        with pytest.raises(AssertionError):
            app.get("/x")(handler)
    else:
        app.get("/x")(handler)
        assert ask(app, "/x").json == "anybody"


def test_an_alias_with_a_name_of_its_own():
    alias = TypeAliasType("alias", Annotated[str, Depends(refuses)])

    def handler(user: alias):
        return "in"

    if FASTAPI < (0, 100):
        with pytest.raises(FastAPIError):
            FastAPI().get("/x")(handler)
        return
    app = FastAPI()
    app.get("/x")(handler)
    assert ask(app, "/x").status == (401 if FASTAPI >= (0, 128, 2) else 422)


TYPES_ONLY = """
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from auth import CurrentUser
def handler(user: CurrentUser = None):
    return user
"""


def test_an_alias_that_only_type_checkers_import():
    module = types.ModuleType("types_only")
    exec(TYPES_ONLY, module.__dict__)
    app = FastAPI()
    if FASTAPI < (0, 100):
        with pytest.raises(NameError):
            app.get("/x")(module.handler)
    else:
        app.get("/x")(module.handler)
        assert ask(app, "/x").status == 200


def test_dependencies_of_applications_and_routers_in_websockets():
    app = FastAPI(dependencies=[Depends(refuses)])

    @app.websocket("/ws")
    async def socket(websocket: WebSocket):
        await websocket.accept()

    if FASTAPI < (0, 97):
        assert opens(app, "/ws")
    else:
        assert not opens(app, "/ws")


def test_schemes_in_websockets():
    app = FastAPI()

    @app.websocket("/ws")
    async def socket(websocket: WebSocket, found=Depends(SCHEMES["HTTPBearer"])):
        await websocket.accept()

    if FASTAPI < (0, 144):
        with pytest.raises(TypeError):
            opens(app, "/ws", token="good")
    else:
        assert opens(app, "/ws", token="good")
        assert not opens(app, "/ws")


def guarded_by_path(**options):
    app = FastAPI(**options)

    @app.middleware("http")
    async def guard(request: Request, call_next):
        if request.url.path.startswith("/api"):
            return JSONResponse({"detail": "Not authenticated"}, 401)
        return await call_next(request)

    app.get("/api/x")(lambda: "in")
    return app


@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
def test_a_root_path_leads_around_a_comparison_of_paths():
    app = guarded_by_path(root_path="/backend")
    statuses = [ask(app, path).status for path in ("/api/x", "/backend/api/x")]
    assert statuses == ([200, 404] if STARLETTE < (0, 33) else [401, 200])


def test_a_host_that_holds_a_path():
    app = guarded_by_path()
    assert ask(app, "/api/x").status == 401
    assert ask(app, "/api/x", headers={"host": "x/y?z"}).status == (401 if STARLETTE >= (1, 0, 1) else 200)


def with_cors(**options):
    app = FastAPI()
    app.get("/x")(lambda: "in")
    app.add_middleware(CORSMiddleware, **options)
    return app


ORIGIN = {"origin": "https://app.example.com"}


def test_any_origin_with_credentials():
    app = with_cors(allow_origins=["*"], allow_credentials=True)
    answer = ask(app, "/x", headers={**ORIGIN, "cookie": "session=1"})
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert answer.headers["access-control-allow-credentials"] == "true"


def test_a_guarding_middleware_outside_of_cors():
    app = with_cors(allow_origins=[ORIGIN["origin"]])

    @app.middleware("http")
    async def guard(request: Request, call_next):
        return JSONResponse({"detail": "Not authenticated"}, 401)

    preflight = ask(app, "/x", "OPTIONS", headers={**ORIGIN, "access-control-request-method": "GET"})
    assert preflight.status == 401
    assert "access-control-allow-origin" not in ask(app, "/x", headers=ORIGIN).headers


@pytest.mark.parametrize("by_scope", [True, False])
def test_a_path_in_the_host_header(by_scope):
    app = FastAPI()
    app.get("/x")(lambda: "served")

    @app.middleware("http")
    async def guard(request: Request, call_next):
        path = request.scope["path"] if by_scope else request.url.path
        return await call_next(request) if path == "/open" else JSONResponse({}, 401)

    assert ask(app, "/x").status == 401
    deceived = not by_scope and STARLETTE < (1, 0, 1)
    assert ask(app, "/x", headers={"host": "x/open?"}).status == (200 if deceived else 401)
