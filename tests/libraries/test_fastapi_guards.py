"""Which guards FastAPI runs, and which only look like one: whether a route is `guarded` or `open` rests on it."""

import functools
from typing import Annotated, Optional

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Security, WebSocket
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer, OAuth2PasswordBearer, SecurityScopes
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse

from asgi import ask, opens


def verified(authorization):
    if authorization != "Bearer good":
        raise HTTPException(401)
    return "ada"


def get_user(authorization: Annotated[Optional[str], Header()] = None):
    return verified(authorization)


CurrentUser = Annotated[str, Depends(get_user)]
GUARD = [Depends(get_user)]


def served(handler, app=None, **options):
    app = app or FastAPI()
    app.get("/x", **options)(handler)
    return app


# Handlers whose guard FastAPI sees.


class Verifier:
    def __init__(self, authorization: Annotated[Optional[str], Header()] = None):
        self.user = verified(authorization)


class Checker:
    def __call__(self, authorization: Annotated[Optional[str], Header()] = None):
        return verified(authorization)

    def method(self, authorization: Annotated[Optional[str], Header()] = None):
        return verified(authorization)


class Service:
    def __init__(self, user: CurrentUser):
        self.user = user


async def get_user_async(authorization: Annotated[Optional[str], Header()] = None):
    return verified(authorization)


def get_user_yielding(authorization: Annotated[Optional[str], Header()] = None):
    yield verified(authorization)


def get_user_of(scheme: str, authorization: Annotated[Optional[str], Header()] = None):
    return verified(authorization)


CALLABLES = {
    "function": get_user,
    "async function": get_user_async,
    "generator": get_user_yielding,
    "class": Verifier,
    "instance": Checker(),
    "bound method": Checker().method,
    "partial": functools.partial(get_user_of, "Bearer"),
    "lambda": lambda user=Depends(get_user): user,
    "class that asks": Service,
}


@pytest.mark.parametrize("name", CALLABLES)
def test_every_kind_of_callable_guards(name):
    def handler(user=Depends(CALLABLES[name])):
        return "in"

    assert ask(served(handler), "/x").status == 401
    assert ask(served(handler), "/x", token="good").status == 200


def with_default(user: CurrentUser = None):
    return user


def optional_inside(user: Annotated[Optional[str], Depends(get_user)] = None):
    return user


def kept(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


@kept
def decorated_below(user: CurrentUser):
    return user


@pytest.mark.parametrize("handler", [with_default, optional_inside, decorated_below])
def test_guards_of_parameters_that_are_applied(handler):
    assert ask(served(handler), "/x").status == 401
    assert ask(served(handler), "/x", token="good").json == "ada"


def test_lists_of_dependencies_guard_at_every_level():
    def handler():
        return "in"

    router = APIRouter(dependencies=GUARD)
    router.get("/router")(handler)
    plain = APIRouter()
    plain.get("/include")(handler)
    app = FastAPI()
    app.include_router(router)
    app.include_router(plain, dependencies=GUARD)
    app.get("/decorator", dependencies=GUARD)(handler)
    whole = FastAPI(dependencies=GUARD)
    whole.get("/app")(handler)
    for asked, path in [(app, "/router"), (app, "/include"), (app, "/decorator"), (whole, "/app")]:
        assert (ask(asked, path).status, ask(asked, path, token="good").status) == (401, 200)


def test_path_parameters_reach_dependencies_of_routers():
    def own(user_id: str, me: CurrentUser):
        if user_id != me:
            raise HTTPException(403)

    router = APIRouter(prefix="/u/{user_id}", dependencies=[Depends(own)])
    router.get("/tasks")(lambda: "in")
    app = FastAPI()
    app.include_router(router)
    assert [ask(app, f"/u/{name}/tasks", token="good").status for name in ("ada", "bob")] == [200, 403]


def test_guards_run_before_bodies_are_validated():
    class Body(BaseModel):
        title: str

    app = FastAPI()

    @app.post("/x")
    def make(body: Body, user: CurrentUser):
        return "in"

    json = {"content-type": "application/json"}
    assert ask(app, "/x", "POST", b"{}", headers=json).status == 401
    assert ask(app, "/x", "POST", b"{", headers=json).status == 422
    assert ask(app, "/x", "POST", b"{}", token="good", headers=json).status == 422


# Handlers whose guard FastAPI does not see: each answers 200 to nobody, or to whoever names a user.


def in_union(user: Optional[CurrentUser] = None):
    return user


def bare_default(user: str = get_user):
    return user


def bare_metadata(user: Annotated[str, get_user]):
    return user


def no_guard(user: str):
    return user


def uncalled_bearer(token=Depends(HTTPBearer)):
    return "in"


def uncalled_password_bearer(token=Depends(OAuth2PasswordBearer)):
    return "in"


def returns_an_exception(authorization: Annotated[Optional[str], Header()] = None):
    return "ada" if authorization == "Bearer good" else HTTPException(401)


def guarded_by_what_returns(user=Depends(returns_an_exception)):
    return "in"


OPEN = {
    in_union: "/x",
    bare_default: "/x?user=eve",
    bare_metadata: "/x?user=eve",
    no_guard: "/x?user=eve",
    uncalled_bearer: "/x",
    uncalled_password_bearer: "/x?tokenUrl=anything",
    guarded_by_what_returns: "/x",
}


@pytest.mark.parametrize("handler", OPEN)
def test_guards_that_are_not_applied(handler):
    assert ask(served(handler), OPEN[handler]).status == 200


def test_what_a_client_says_is_taken_for_the_user():
    for handler in (in_union, bare_default, bare_metadata, no_guard):
        assert ask(served(handler), "/x?user=eve").json == "eve"


def test_an_empty_depends_reads_the_request():
    class User(BaseModel):
        id: str

    def handler(user: User = Depends()):
        return user.id

    assert ask(served(handler), "/x?id=eve").json == "eve"


def test_a_decorator_above_the_route_has_no_effect():
    app = FastAPI()

    def require_user(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            raise HTTPException(401)

        return inner

    @require_user
    @app.get("/x")
    def handler():
        return "in"

    assert ask(app, "/x").status == 200


def test_dependencies_that_are_added_after_the_routes():
    router = APIRouter()
    router.get("/x")(lambda: "in")
    router.dependencies.append(Depends(get_user))
    app = FastAPI()
    app.include_router(router)
    assert ask(app, "/x").status == 200


def test_a_router_that_is_included_twice():
    router = APIRouter()
    router.get("/x")(lambda: "in")
    app = FastAPI()
    app.include_router(router, prefix="/new", dependencies=GUARD)
    app.include_router(router, prefix="/old")
    assert (ask(app, "/new/x").status, ask(app, "/old/x").status) == (401, 200)


def test_what_dependencies_of_the_application_do_not_reach():
    app = FastAPI(dependencies=GUARD)
    child = FastAPI()
    child.get("/x")(lambda: "in")
    router = APIRouter()
    router.get("/x")(lambda: "in")
    app.mount("/child", child)
    app.mount("/router", router)
    app.add_route("/raw", lambda request: PlainTextResponse("in"))
    app.get("/own")(lambda: "in")
    answers = {
        path: ask(app, path).status for path in ("/own", "/child/x", "/router/x", "/raw", "/docs", "/openapi.json")
    }
    assert answers == {"/own": 401, "/child/x": 200, "/router/x": 200, "/raw": 200, "/docs": 200, "/openapi.json": 200}


def test_a_route_class_does_not_reach_included_routers():
    class Guarded(APIRoute):
        def get_route_handler(self):
            handle = super().get_route_handler()

            async def guarded(request: Request):
                verified(request.headers.get("authorization"))
                return await handle(request)

            return guarded

    parent = APIRouter(route_class=Guarded)
    parent.get("/own")(lambda: "in")
    child = APIRouter()
    child.get("/child")(lambda: "in")
    parent.include_router(child)
    app = FastAPI()
    app.include_router(parent)
    assert (ask(app, "/own").status, ask(app, "/child").status) == (401, 200)


def test_an_earlier_open_route_shadows_a_guarded_one():
    app = FastAPI()
    app.get("/u/{name}")(lambda name: "in")
    app.get("/u/me", dependencies=GUARD)(lambda: "me")
    assert ask(app, "/u/me").status == 200


def test_scopes_that_nobody_compares():
    def compares(scopes: SecurityScopes, user: CurrentUser):
        if scopes.scopes:
            raise HTTPException(403)

    assert ask(served(lambda user=Security(get_user, scopes=["admin"]): "in"), "/x", token="good").status == 200
    assert ask(served(lambda user=Security(compares, scopes=["admin"]): "in"), "/x", token="good").status == 403


def test_what_is_returned_is_no_status():
    assert ask(served(lambda: ({"detail": "Not authenticated"}, 401)), "/x").status == 200
    app = served(lambda user=Depends(get_user): "in")

    @app.exception_handler(HTTPException)
    async def friendly(request, error):
        return JSONResponse({"error": error.detail})

    assert ask(app, "/x").status == 200


def test_a_required_header_is_a_validation_error():
    assert ask(served(lambda authorization=Header(): "in"), "/x").status == 422


# Middlewares.


def guarding(app):
    @app.middleware("http")
    async def guard(request: Request, call_next):
        if request.url.path.startswith("/api") and request.headers.get("authorization") != "Bearer good":
            return JSONResponse({"detail": "Not authenticated"}, 401)
        return await call_next(request)

    return app


def test_a_middleware_for_requests_does_not_see_websockets():
    app = guarding(FastAPI())
    app.get("/api/x")(lambda: "in")

    @app.websocket("/api/ws")
    async def socket(websocket: WebSocket):
        await websocket.accept()

    assert ask(app, "/api/x").status == 401
    assert opens(app, "/api/ws")


@pytest.mark.parametrize("kind", ["function", "class"])
def test_an_exception_in_a_middleware_is_a_500(kind):
    app = served(lambda: "in")

    async def dispatch(request, call_next):
        raise HTTPException(401)

    if kind == "function":
        app.middleware("http")(dispatch)
    else:
        app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    assert ask(app, "/x").status == 500
