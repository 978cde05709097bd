"""The API as an ASGI app. Its routes come from the facts, not from the client's resources."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, cast

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from cliniko_async.emulator import writes
from cliniko_async.emulator.facts import Operation, load
from cliniko_async.emulator.faults import ResetError
from cliniko_async.emulator.files import HOST, SIGNED, host_beside
from cliniko_async.emulator.filters import BadFilterError, parse
from cliniko_async.emulator.irregular_operations import HANDLERS
from cliniko_async.emulator.lists import is_hidden
from cliniko_async.emulator.records import encode
from cliniko_async.emulator.report import Arrival
from cliniko_async.emulator.writes import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from cliniko_async.emulator.backend import Backend
    from cliniko_async.emulator.clinic import Clinic

__all__ = ["make_app"]

PREFIX: Final = "/v1"
USER_AGENT: Final = re.compile(r".*\S.*\(\s*\S+@\S+\s*\)")
NOT_FOUND: Final = {"status": "404", "error": "Not Found"}
HOUR: Final = 3600.0
CONTENT: Final = Operation("GET", "/patient_attachments/{id}/content", "content", 302)
"""Where a file lies. It is in links of the API, and not in its document."""
NOWHERE: Final = Operation("", "", "nowhere", 404)
"""Whatever the API does not have. It counts towards the limit, too."""


class NoSuchRecordError(Exception):
    """A record that is not there, or hidden."""


def make_app(backend: Backend) -> Starlette:
    """The app of one backend."""
    # A literal segment goes before an id in the same place.
    operations = sorted((*load().operations, CONTENT), key=lambda o: (o.path.count("{"), o.path))
    routes = [Route(PREFIX + o.path, _endpoint(backend, o), methods=[o.method]) for o in operations]
    nowhere = Route(
        "/{path:path}",
        _endpoint(backend, NOWHERE),
        methods=["DELETE", "GET", "PATCH", "POST", "PUT"],
    )
    return Starlette(routes=[*routes, *_file_routes(backend), nowhere])


def _endpoint(backend: Backend, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        response = await _admit(backend, operation, request)
        backend.report.statuses[response.status_code] += 1
        # Set from the emulator's clock: a client measures X-RateLimit-Reset against it.
        response.headers["Date"] = formatdate(backend.clock(), usegmt=True)
        response.headers["X-Request-Id"] = f"emulated-{backend.report.requests}"
        return response

    return endpoint


def _file_routes(backend: Backend) -> list[Route]:
    """The file host's routes. It refuses the API's credentials, as S3 does."""
    files = backend.files

    async def take(request: Request) -> Response:
        if "authorization" in request.headers:
            return Response(status_code=400)
        status, answer = files.take(request.headers["content-type"], await request.body())
        return Response(answer, status, media_type="application/xml")

    async def give(request: Request) -> Response:
        if "authorization" in request.headers or SIGNED not in request.query_params:
            return Response(status_code=400)
        content = files.content(request.path_params["key"])
        return Response(status_code=404) if content is None else Response(content)

    return [
        Route("/files/", take, methods=["POST"]),
        Route("/files/{key:path}", give, methods=["GET"]),
    ]


async def _admit(backend: Backend, operation: Operation, request: Request) -> Response:
    """What comes before the operation itself: the rate limit, faults, credentials and latency."""
    key = _key(request)
    path = request.url.path.removeprefix(PREFIX)
    backend.report.arrivals.append(
        Arrival(backend.clock(), key or "", request.method, path, request.url.query)
    )
    if key is None or not backend.knows(key):
        return Response("HTTP Basic: Access denied.\n", 401, media_type="text/plain")
    if not backend.throttle.admits(backend.user_of(key)):
        reset = str(backend.throttle.resets_at())
        return Response(status_code=429, headers={"X-RateLimit-Reset": reset})
    if not USER_AGENT.fullmatch(request.headers.get("user-agent", "")):
        # What the API answers is not documented, only that it may block such clients.
        return Response(status_code=403)
    fault = backend.faults.pick(request.method, path)
    if fault == "refuse":
        raise ConnectionRefusedError
    await asyncio.sleep(backend.draw_latency())
    backend.tell(request.method, path)
    if fault == "hang":
        await asyncio.sleep(HOUR)
    if fault and fault.isdecimal():
        return Response(f"<html><h1>{fault}</h1></html>", int(fault), media_type="text/html")
    if fault == "html":
        return Response("<html><h1>Maintenance</h1></html>", media_type="text/html")
    response = await _answer(backend, operation, request)
    if fault == "reset":
        raise ResetError
    if fault == "cut":
        response.body = response.body[: len(response.body) // 2]
    return response


async def _answer(backend: Backend, operation: Operation, request: Request) -> Response:
    try:
        return await _perform(backend, operation, request)
    except BadFilterError as error:
        return _json(request, {"message": str(error)}, 400)
    except NoSuchRecordError:
        return _json(request, NOT_FOUND, 404)
    except RefusedError as error:
        refusal = {"message": "Validation Failed", "errors": error.errors}
        return _json(request, refusal, 422)


async def _perform(backend: Backend, operation: Operation, request: Request) -> Response:
    if operation is NOWHERE:
        raise NoSuchRecordError
    query = request.query_params.multi_items()
    ids: dict[str, str] = dict(request.path_params)
    special = HANDLERS.get((operation.method, operation.path))
    if special:
        found = special(backend, ids, query, await _body(request))
        if found is None:
            raise NoSuchRecordError
        return _json(request, found, operation.status)
    if operation.kind == "list":
        _see_parents(backend, ids, operation)
        path = request.url.path.removeprefix(PREFIX)
        page = backend.lister.page(operation, ids, query, _base_url(request) + path)
        return Response(page, media_type="application/json")
    if operation.kind == "create":
        resource = operation.path.removeprefix("/")
        made = writes.create(backend.clinic, resource, operation, await _body(request))
        return _json(request, made, operation.status)
    record = _find(backend, operation, ids.get("id", ""), query)
    if operation is CONTENT:
        location = backend.files.location(record["id"], _base_url(request))
        return Response(status_code=302, headers={"Location": location})
    answer = _act(backend.clinic, operation, record, await _body(request))
    if operation.status == 204:  # noqa: PLR2004 - an empty answer
        return Response(status_code=204)
    return _json(request, answer, operation.status)


def _act(
    clinic: Clinic, operation: Operation, record: dict[str, Any], body: dict[str, Any]
) -> dict[str, Any]:
    """Do to a record what an operation does, and give back what it answers with."""
    resource, id = _resource(operation), record["id"]
    match operation.kind:
        case "update":
            return writes.update(clinic, resource, id, operation, body)
        case "cancel":
            writes.cancel(clinic, resource, id, body)
        case "conflicts":
            return {"conflicts": {"exist": writes.conflicts(clinic, record)}}
        case "unarchive":
            clinic.unarchive(resource, id)
        case "archive":
            clinic.archive(resource, id)
        case "delete" if "archived_at" in record:
            clinic.archive(resource, id)
        case "delete":
            clinic.remove(resource, id)
        case _:
            pass
    return record


def _find(
    backend: Backend, operation: Operation, id: str, query: list[tuple[str, str]]
) -> dict[str, Any]:
    """The record that a request is about, unless it is hidden from it."""
    record = backend.clinic.find(_resource(operation), id)
    if record is None:
        raise NoSuchRecordError
    tests = [parse(value, operation.filters) for name, value in query if name == "q[]"]
    shown = [field for field, _ in tests]
    if operation.kind == "unarchive":
        shown.append("archived_at")
    if is_hidden(record, shown) or not all(test(record) for _, test in tests):
        raise NoSuchRecordError
    return record


def _resource(operation: Operation) -> str:
    """The resource of the record that an operation on one record is about."""
    segments = operation.path.split("/")
    return segments[segments.index("{id}") - 1]


def _see_parents(backend: Backend, ids: dict[str, str], operation: Operation) -> None:
    segments = operation.path.split("/")
    for name, id in ids.items():
        resource = segments[segments.index(f"{{{name}}}") - 1]
        if backend.clinic.find(resource, id) is None:
            raise NoSuchRecordError


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if not raw:
        return {}
    try:
        body: Any = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise RefusedError({"base": "must be an object"})
    return cast("dict[str, Any]", body)


def _key(request: Request) -> str | None:
    """The API key of a request: the user name of Basic auth, with an empty password."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(token).decode().partition(":")
    except ValueError:
        return None
    return name if name and colon and not password else None


def _base_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{PREFIX}"


def _json(request: Request, value: Any, status: int = 200) -> Response:
    body = encode(value, _base_url(request))
    body = body.replace(f'"{HOST}'.encode(), f'"{host_beside(_base_url(request))}'.encode())
    return Response(body, status, media_type="application/json")
