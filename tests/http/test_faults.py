"""Faults midway through a read of several requests, and on real sockets.

The fault matrix lets a call's first request fail, in memory. Here some pages have come already, or
the bytes on a socket are wrong.
"""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from faultserver import (
    CALLS,
    NAME,
    FaultyApi,
    announces,
    breaks,
    done_but,
    limited,
    next_link,
    other_body,
    reset_done,
    reset_undone,
    says,
    slow_body,
    slow_head,
    speaking,
)
from sessions import AGENT
from test_bad_servers import certificate

from cliniko_async import AsyncCliniko, errors
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from faultserver import Call, Fault, Spoken

pytestmark = pytest.mark.anyio

ERRORS: dict[str, type[errors.ClinikoError]] = {
    "T": errors.TransportError,
    "O": errors.TransportTimeoutError,
    "S": errors.ServerError,
    "E": errors.ApiError,
    "A": errors.AuthenticationError,
    "F": errors.ForbiddenError,
    "N": errors.NotFoundError,
    "V": errors.ValidationError,
    "L": errors.RateLimitError,
    "U": errors.OutcomeUnknownError,
    "W": errors.AnswerUnreadableError,
    "D": errors.DecodeError,
    "I": errors.IncompleteListingError,
    "G": errors.ListingChangedError,
}
"""Beside them stand `ok`, what comes without a fault, and `C`: complete, or `I`."""

ELSEWHERE = "elsewhere.example.com"

MIDWAY: dict[str, tuple[Fault, str]] = {
    "unconnected": (breaks(httpx.ConnectError, done=False), "ok/T"),
    "reset": (breaks(httpx.ReadError, done=True), "ok/T"),
    "slow head": (slow_head(40), "ok/O"),
    "slow body": (done_but(slow_body), "ok/O"),
    "not JSON": (other_body(f"<html>{NAME}</html>"), "ok/T"),
    "a list": (other_body("[1, 2]"), "D/D"),
    "other types": (other_body('{"patients": 7, "url": [], "fields": 1}'), "D/D"),
    "400": (says(400, f'{{"message": "{NAME} is not filterable"}}'), "E/E"),
    "401": (says(401, f"HTTP Basic: Access denied, {NAME}.\n"), "A/A"),
    "403": (says(403), "F/F"),
    "404": (says(404, '{"status": "404", "error": "Not Found"}'), "N/N"),
    "422": (says(422, f'{{"message": "{NAME} must be an object"}}'), "V/V"),
    "429 reset in 30 s": (limited(30), "ok/L"),
    "429 no reset": (limited(None), "ok/L"),
    "429 reset in the past": (limited(-30), "ok/L"),
    "429 reset in an hour": (limited(3600), "ok/L"),
    "500": (says(500, f'{{"error": "{NAME}"}}'), "ok/S"),
    "502 HTML": (says(502, f"<h1>{NAME}</h1>"), "ok/S"),
    "503": (says(503, "try later"), "ok/S"),
    "redirect elsewhere": (says(302, Location=f"https://{ELSEWHERE}/v1/patients"), "E/E"),
}
"""Each fault, and what a read of several requests comes to if it comes once / always."""

REPLACED = {
    "a list": "ok/D",
    "other types": "ok/D",
    "400": "ok/E",
    "404": "ok/N",
    "422": "ok/V",
}
"""The same for a list in the order of creation: a page that does not come is asked for in another
way, from the last row on."""

CHANGED = {"404": "G/G"}
"""The same for a list in another order: its end has come sooner than its total said."""


def _to(url: httpx.URL, number: int, **change: str) -> str:
    return str(url.copy_set_param("page", number).copy_with(**change))


LINKS: dict[str, tuple[Fault, str]] = {
    "elsewhere": (next_link(lambda url, n: _to(url, n + 1, host=ELSEWHERE)), "ok/ok"),
    "relative": (next_link(lambda url, n: httpx.URL(_to(url, n + 1)).raw_path.decode()), "ok/ok"),
    "to itself": (next_link(_to), "C/C"),
}

# What each call comes to on a socket if it goes wrong once / always; `-`: there is no such thing.
ON_SOCKETS = """
                         list  sort  scan  export get   permit upload create update archive
no such host           | -/T   -/T   -/T   -/T    -/T   -/T    -/T    -/T    -/T    -/T
connection refused     | -/T   -/T   -/T   -/T    -/T   -/T    -/T    -/T    -/T    -/T
TLS fails              | -/T   -/T   -/T   -/T    -/T   -/T    -/T    -/T    -/T    -/T
reset, not done        | ok/T  ok/T  ok/T  ok/T   ok/T  ok/T   U/U    U/U    ok/U   ok/U
reset, done            | ok/T  ok/T  ok/T  ok/T   ok/T  ok/T   U/U    U/U    ok/U   ok/U
body cut               | ok/T  ok/T  ok/T  ok/T   ok/T  ok/T   W/W    W/W    W/W    -/-
length too short       | ok/T  ok/T  ok/T  ok/T   ok/T  ok/T   W/W    W/W    W/W    -/-
length is no number    | ok/T  ok/T  ok/T  ok/T   ok/T  ok/T   U/U    U/U    ok/U   -/-
"""

SPOKEN: dict[str, Spoken] = {
    "reset, not done": reset_undone,
    "reset, done": reset_done,
    "body cut": announces(lambda size: str(size + 7)),
    "length too short": announces(lambda size: str(size // 2)),
    "length is no number": announces(lambda _: "many"),
}


@pytest.fixture
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real time is dear: tries on sockets follow each other quickly."""
    monkeypatch.setattr("cliniko_async._http.retries.FIRST_DELAY", 0.01)


def both(fault: str, call: str, outcomes: str) -> list[Any]:
    return [
        pytest.param(fault, call, often, outcome, id=f"{fault}-{call}-{often}")
        for often, outcome in zip(("once", "always"), outcomes.split("/"), strict=True)
        if outcome != "-"
    ]


def cells(
    table: dict[str, tuple[Fault, str]], *calls: str, otherwise: dict[str, str] | None = None
) -> list[Any]:
    return [
        one
        for fault, (_, outcomes) in table.items()
        for call in calls
        for one in both(fault, call, (otherwise or {}).get(fault, outcomes))
    ]


def socket_cells(*, reachable: bool) -> list[Any]:
    head, *lines = ON_SOCKETS.strip("\n").splitlines()
    return [
        one
        for fault, outcomes in (line.split("|") for line in lines)
        if (fault.strip() in SPOKEN) == reachable
        for call, found in zip(head.split(), outcomes.split(), strict=True)
        for one in both(fault.strip(), call, found)
    ]


def session(**more: Any) -> AsyncCliniko:
    agent = AGENT
    return AsyncCliniko("MS0xTEST-au1", user_agent=agent, rate_limit=RateLimit(10_000), **more)


async def ended(call: Call, cliniko: AsyncCliniko, api: FaultyApi, folder: Path) -> object:
    try:
        return await call.run(cliniko, api.id, folder)
    except errors.ClinikoError as error:
        return error


RIGHT: dict[tuple[str, bool], tuple[object, int]] = {}


async def without_fault(call: Call, folder: Path, *, totals: bool) -> tuple[object, int]:
    """What a call comes to when all is well, and how many requests it takes."""
    key = (call.name + call.run.__name__, totals)
    if key not in RIGHT:
        api = FaultyApi(call, totals=totals)
        async with session(transport=api) as cliniko:
            RIGHT[key] = await call.run(cliniko, api.id, folder), api.met
    return RIGHT[key]


class Cell:
    """One call that meets one fault, and what must be true afterwards."""

    def __init__(self, call: Call, api: FaultyApi, folder: Path, outcome: str, often: str) -> None:
        self.call, self.api, self.folder = call, api, folder
        self.outcome, self.often = outcome, often

    async def check(self, cliniko: AsyncCliniko, *, totals: bool = True, **options: Any) -> None:
        right, requests = await without_fault(self.call, self.folder / "right", totals=totals)
        before = self._made()
        found = await ended(
            self.call, cliniko.with_options(**options), self.api, self.folder / "found"
        )
        if self.outcome == "C" and isinstance(found, errors.ClinikoError):
            self.outcome = "I"
        if self.outcome in ("ok", "C"):
            assert found == right
            # What came late has no neighbours of its time: the seams between them are read, too.
            assert self.often == "always" or self.api.met <= 2 * requests + 2
        else:
            assert type(found) is ERRORS[self.outcome], repr(found)
            self._check_error(found)
        # No request that makes something went twice, and none was lost that is said to be done.
        made = self._made() - before
        assert made == 1 if self.call.makes and self.outcome in ("ok", "W") else made <= 1
        with anyio.fail_after(30):  # pages that were ahead are given up, on sockets by and by
            while cliniko.limiter.in_flight:  # noqa: ASYNC110 - a count tells nobody
                await anyio.sleep(0.01)
        if not self.call.makes and self.call.template.startswith("/patients"):
            await self._check_next(cliniko, right)
        assert ELSEWHERE not in self.api.hosts

    def _made(self) -> int:
        return self.api.count(self.call.makes) if self.call.makes else 0

    def _check_error(self, error: Any) -> None:
        assert NAME not in str(error)
        assert self.api.id not in str(error)
        if hasattr(error, "path"):
            assert (error.method, error.path) == (self.call.method, self.call.template)
            assert self.call.name in str(error)
        assert not list(self.folder.glob("found/patients.*"))
        final = self.outcome in "EAFNVDW" or self.call.makes
        if self.outcome in "TOSU" and not final:
            assert self.api.met > self.call.begins
        elif self.outcome != "L" and self.call.template != "/patients":
            assert self.api.met == 1

    async def _check_next(self, cliniko: AsyncCliniko, right: object) -> None:
        """The session goes on when the fault is over, and an export where it was."""
        if self.call is CALLS["archive"]:
            return
        self.api.healed = True
        assert await self.call.run(cliniko, self.api.id, self.folder / "found") == right


@pytest.mark.parametrize(
    ("fault", "call", "often", "outcome"),
    [
        *cells(MIDWAY, "list", "scan", "export", otherwise=REPLACED),
        *cells(MIDWAY, "sort", otherwise=CHANGED),
        *cells(MIDWAY, "permit"),
        *cells(LINKS, "list", "sort", "scan", "export"),
    ],
)
async def test_a_fault_midway(
    fault: str, call: str, often: str, outcome: str, tmp_path: Path
) -> None:
    layer = {**MIDWAY, **LINKS}[fault][0]
    api = FaultyApi(CALLS[call], layer, always=often == "always")
    async with session(transport=api) as cliniko:
        cell = Cell(CALLS[call], api, tmp_path, outcome, often)
        await cell.check(cliniko, max_wait=60.0 if often == "always" else None)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize(("fault", "call", "often", "outcome"), socket_cells(reachable=True))
async def test_a_fault_on_a_socket(
    fault: str, call: str, often: str, outcome: str, tmp_path: Path
) -> None:
    api = FaultyApi(CALLS[call], always=often == "always")
    async with speaking(api, SPOKEN[fault]) as base_url, session(base_url=base_url) as cliniko:
        await Cell(CALLS[call], api, tmp_path, outcome, often).check(cliniko, retries=1)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize(("fault", "call", "often", "outcome"), socket_cells(reachable=False))
async def test_nobody_is_there(
    fault: str, call: str, often: str, outcome: str, tmp_path: Path
) -> None:
    """A call that reached nobody may be made again, a create, too: it is no OutcomeUnknownError."""
    api = FaultyApi(CALLS[call])
    async with unreachable(fault, tmp_path) as base_url, session(base_url=base_url) as cliniko:
        found = await ended(CALLS[call], cliniko.with_options(retries=1), api, tmp_path / "found")
        assert type(found) is ERRORS[outcome], repr(found)
        assert "after 2 tries" in str(found)
        assert cliniko.limiter.in_flight == 0
    assert often == "always"
    assert api.met == 0


@asynccontextmanager
async def unreachable(fault: str, folder: Path) -> AsyncGenerator[str]:
    """The base URL of an API that cannot be reached in this way."""
    if fault == "no such host":
        yield "https://clinic.invalid/v1"
    elif fault == "connection refused":
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))  # and does not listen
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    else:
        tls, _ = certificate(folder, "IP:127.0.0.1")  # trusted by nobody
        async with speaking(FaultyApi(CALLS["get"]), reset_undone, tls) as base_url:
            yield base_url


@pytest.mark.parametrize("begins", [1, 2, 5], ids=["first", "second", "last"])
@pytest.mark.parametrize("often", ["once", "always"])
@pytest.mark.parametrize("call", ["list", "sort", "export"])
@pytest.mark.parametrize("link", LINKS)
async def test_links_of_a_list_without_totals(
    link: str, call: str, often: str, begins: int, tmp_path: Path
) -> None:
    """Such a list has nothing but its links: no row may come twice or be missing unnoticed."""
    layer, outcomes = LINKS[link]
    always = often == "always"
    api = FaultyApi(CALLS[call], layer, begins=begins, totals=False, always=always)
    async with session(transport=api) as cliniko:
        cell = Cell(CALLS[call], api, tmp_path, outcomes.partition("/")[0], often)
        await cell.check(cliniko, totals=False)
