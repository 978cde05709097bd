"""One request's way: what is tried again, what never, and what is said when it fails."""

from __future__ import annotations

import asyncio
import json
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from listserver import row
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async.errors import (
    AnswerUnreadableError,
    ApiError,
    AuthenticationError,
    ClinikoError,
    DecodeError,
    ForbiddenError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    ValidationError,
)
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Reply = httpx.Response | httpx.HTTPError | float
    Verb = Callable[[AsyncCliniko], Awaitable[object]]

pytestmark = pytest.mark.anyio

TAX = row(1, 0)
DONE = httpx.Response(200, json=TAX)


class Script(httpx.AsyncBaseTransport):
    """Answers with one reply after the other, and the last one for ever.

    A float means: no answer for so many seconds.
    """

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []
        self.at: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.at.append(asyncio.get_running_loop().time())
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, httpx.HTTPError):
            raise reply
        if not isinstance(reply, httpx.Response):
            await asyncio.sleep(reply)
            return DONE
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)


READ: Verb = lambda c: c.taxes.get("1")  # noqa: E731 - a table of verbs
CREATE: Verb = lambda c: c.taxes.create(name="GST")  # noqa: E731 - likewise
UPDATE: Verb = lambda c: c.taxes.update("1", name="GST")  # noqa: E731 - likewise
DELETE: Verb = lambda c: c.taxes.delete("1")  # noqa: E731 - likewise


async def outcome(script: Script, call: Verb, **options: Any) -> object:
    """What comes of a call: its value, or its error."""
    async with AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=script,
        rate_limit=RateLimit(10_000),
    ) as cliniko:
        try:
            return await call(cliniko.with_options(**options))
        except ClinikoError as error:
            return error


BROKEN = [
    httpx.Response(500),
    httpx.Response(502, html="<h1>Bad gateway</h1>"),
    httpx.Response(503, text="try later"),
    httpx.Response(504),
    httpx.Response(200, content=b'{"id": "1", "crea'),
    httpx.Response(200, html="<h1>Maintenance</h1>"),
    httpx.ConnectError("refused"),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("gone"),
    40.0,
]


@pytest.mark.parametrize("fault", BROKEN, ids=str)
async def test_a_read_is_tried_again(fault: Reply) -> None:
    script = Script(fault, fault, DONE)
    assert repr(await outcome(script, READ)) == "<Tax 1>"
    assert len(script.requests) == 3


@pytest.mark.parametrize("fault", BROKEN, ids=str)
async def test_an_interactive_read_gets_four_tries_and_about_ten_seconds(fault: Reply) -> None:
    script = Script(fault)
    error = await outcome(script, READ)
    failed = isinstance(fault, httpx.Response) and fault.is_error
    assert isinstance(error, ServerError if failed else TransportError)
    assert len(script.requests) >= 4
    assert script.at[-1] >= 5
    if not isinstance(fault, float):
        assert script.at[-1] <= 12


async def test_a_bulk_read_is_tried_for_up_to_two_minutes() -> None:
    script = Script(httpx.Response(503))
    assert isinstance(await outcome(script, READ, lane="bulk"), ServerError)
    assert 60 <= script.at[-1] <= 160


async def test_retries_can_be_set() -> None:
    script = Script(httpx.Response(503))
    assert isinstance(await outcome(script, READ, retries=1), ServerError)
    assert len(script.requests) == 2


@pytest.mark.parametrize("verb", [UPDATE, DELETE], ids=["update", "delete"])
@pytest.mark.parametrize("fault", [*BROKEN[:4], *BROKEN[6:]], ids=str)
async def test_a_write_that_may_be_repeated_is_tried_again(verb: Verb, fault: Reply) -> None:
    script = Script(fault, DONE)
    assert not isinstance(await outcome(script, verb), ClinikoError)
    assert len(script.requests) == 2


@pytest.mark.parametrize("fault", [*BROKEN[:4], *BROKEN[7:]], ids=str)
async def test_a_create_that_may_have_happened_is_never_sent_again(fault: Reply) -> None:
    script = Script(fault, DONE)
    error = await outcome(script, CREATE)
    assert isinstance(error, OutcomeUnknownError)
    assert (error.method, error.path) == ("POST", "/taxes")
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("refused"), httpx.ConnectTimeout(""), httpx.Response(429)], ids=str
)
async def test_a_create_that_cannot_have_happened_is_sent_again(fault: Reply) -> None:
    script = Script(fault, DONE)
    assert repr(await outcome(script, CREATE)) == "<Tax 1>"
    assert len(script.requests) == 2


@pytest.mark.parametrize("verb", [CREATE, UPDATE], ids=["create", "update"])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": "1"', b'{"id": {}}'])
async def test_a_write_whose_answer_is_unreadable_was_done(verb: Verb, body: bytes) -> None:
    script = Script(httpx.Response(201, content=body))
    error = await outcome(script, verb)
    assert isinstance(error, AnswerUnreadableError)
    assert len(script.requests) == 1


async def test_a_record_that_is_gone_after_an_unclear_try_at_deleting_it_was_deleted() -> None:
    assert await outcome(Script(httpx.ReadError("reset"), httpx.Response(404)), DELETE) is None
    assert isinstance(await outcome(Script(httpx.Response(404)), DELETE), NotFoundError)
    refused = Script(httpx.ConnectError("refused"), httpx.Response(404))
    assert isinstance(await outcome(refused, DELETE), NotFoundError)


async def test_one_deadline_holds_for_all_of_an_attempt() -> None:
    """A body that drips is cut off as well as an answer that never comes."""

    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await anyio.sleep(5)
                yield b" "

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            assert request.method == "GET"
            return httpx.Response(200, stream=Dripping())

    async with AsyncCliniko("MS0x-au2", user_agent=AGENT, transport=Slow()) as cliniko:
        with pytest.raises(TransportTimeoutError, match="35 s"):
            await cliniko.with_options(retries=0).taxes.get("1")
    assert asyncio.get_running_loop().time() == pytest.approx(35, abs=0.1)


async def test_a_429_pauses_until_the_reset_by_the_servers_own_clock_and_is_no_try() -> None:
    # The server's clock is hours away from ours.
    now = 1_600_000_000
    headers = {"X-RateLimit-Reset": str(now + 21), "Date": formatdate(now, usegmt=True)}
    refused = httpx.Response(429, headers=headers)
    script = Script(*[refused] * 6, DONE)
    assert repr(await outcome(script, READ, retries=0)) == "<Tax 1>"
    assert script.at == pytest.approx([21 * n for n in range(7)], abs=0.1)


async def test_max_wait_turns_a_long_pause_into_an_error() -> None:
    headers = {"X-RateLimit-Reset": str(1_600_000_030), "Date": formatdate(1_600_000_000)}
    script = Script(httpx.Response(429, headers=headers), DONE)
    error = await outcome(script, READ, max_wait=5)
    assert isinstance(error, RateLimitError)
    assert error.reset_at is not None
    assert len(script.requests) == 1


# Errors


@pytest.mark.parametrize(
    ("reply", "kind", "detail"),
    [
        (httpx.Response(400, json={"message": "is not filterable"}), ApiError, "is not filterable"),
        (httpx.Response(401, text="HTTP Basic: Access denied"), AuthenticationError, "HTTP Basic"),
        (httpx.Response(403), ForbiddenError, None),
        (httpx.Response(403, json={"message": "no"}), ForbiddenError, "no"),
        (httpx.Response(404, json={"status": "404", "error": "Not Found"}), NotFoundError, "Not"),
        (httpx.Response(409, html="<p>conflict</p>"), ApiError, "<p>conflict</p>"),
        (httpx.Response(422, json=["odd"]), ValidationError, None),
    ],
)
async def test_an_error_status_becomes_its_error_whatever_the_body(
    reply: httpx.Response, kind: type[ApiError], detail: str | None
) -> None:
    reply.headers["X-Request-Id"] = "abc-123"
    script = Script(reply)
    error = await outcome(script, READ)
    assert type(error) is kind
    assert (error.status, error.method, error.path) == (reply.status_code, "GET", "/taxes/{id}")
    assert error.request_id == "abc-123"
    assert (error.detail or "").startswith(detail or "")
    assert (error.detail is None) == (detail is None and not reply.content)
    assert len(script.requests) == 1


async def test_a_401_says_which_shard_was_asked() -> None:
    error = await outcome(Script(httpx.Response(401, text="HTTP Basic: Access denied")), READ)
    assert "shard au2" in str(error)


async def test_a_422_says_which_fields_were_refused() -> None:
    body = {"message": "Validation Failed", "errors": {"name": "can't be blank", "rate": ["odd"]}}
    error = await outcome(Script(httpx.Response(422, json=body)), CREATE)
    assert isinstance(error, ValidationError)
    assert error.fields == {"name": "can't be blank", "rate": "odd"}
    assert "name, rate" in str(error)


async def test_an_answer_that_does_not_fit_the_model_names_the_field() -> None:
    error = await outcome(Script(httpx.Response(200, json={**TAX, "rate": "SECRET"})), READ)
    assert isinstance(error, DecodeError)
    assert (error.resource, error.id) == ("Tax", "1")
    assert "rate" in str(error)
    assert "SECRET" not in str(error)


# Redirects


async def test_a_redirect_on_the_own_origin_is_followed_and_counted() -> None:
    script = Script(httpx.Response(302, headers={"location": "/v1/taxes/2"}), DONE)
    assert repr(await outcome(script, READ)) == "<Tax 1>"
    assert [request.url.path for request in script.requests] == ["/v1/taxes/1", "/v1/taxes/2"]


async def test_no_redirect_takes_the_key_to_another_server() -> None:
    script = Script(httpx.Response(302, headers={"location": "https://example.com/"}), DONE)
    assert isinstance(await outcome(script, READ), ApiError)
    assert len(script.requests) == 1


async def test_a_write_is_not_redirected() -> None:
    script = Script(httpx.Response(307, headers={"location": "/v1/taxes"}), DONE)
    assert isinstance(await outcome(script, CREATE), ApiError)
    assert len(script.requests) == 1


async def test_a_redirect_that_leads_in_a_circle_ends() -> None:
    script = Script(httpx.Response(302, headers={"location": "/v1/taxes/1"}))
    assert isinstance(await outcome(script, READ), ApiError)
    assert len(script.requests) < 6


# The limit, over the whole client


async def test_every_attempt_takes_a_place_of_its_own() -> None:
    script = Script(
        httpx.Response(503), httpx.Response(302, headers={"location": "/v1/taxes/1"}), DONE
    )
    async with AsyncCliniko(
        "MS0x-au2",
        user_agent=AGENT,
        transport=script,
        rate_limit=RateLimit(2, per=60),
    ) as cliniko:
        await cliniko.taxes.get("1")
        assert cliniko.traffic.requests == 3
    assert script.at[2] >= 60


def body_of(request: httpx.Request) -> Any:
    return json.loads(request.content)


async def test_a_body_holds_what_was_set_and_nothing_else() -> None:
    from decimal import Decimal  # noqa: PLC0415

    script = Script(DONE)
    await outcome(script, lambda c: c.taxes.update("1", rate=Decimal("12.50")))
    assert body_of(script.requests[0]) == {"rate": "12.50"}
    assert script.requests[0].method == "PATCH"
    assert script.requests[0].headers["content-type"] == "application/json"
