"""Every argument of every verb, with anything in its place: what is meant, or an error of ours."""

from __future__ import annotations

import contextlib
import inspect
import math
import warnings
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, Link
from cliniko_async._client import Lazy
from cliniko_async.errors import InvalidTypeError, InvalidValueError, NotFoundError
from cliniko_async.resources.taxes import Tax

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TAX: Any = Tax(id="7", created_at=None, updated_at=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # nothing else is asked of it
FOREIGN = Link("https://x/v1/letters/7")
IDS: list[Any] = ["1"]
RIGHT: Mapping[str, Any] = {
    "ids": IDS,
    "practitioner_ids": IDS,
    "reason": "Sick",
    "starts_at": datetime(2026, 1, 1, tzinfo=UTC),
    "from_": date(2026, 1, 1),
    "to": date(2026, 1, 2),
}
"""Arguments that are no ids."""

BY_PLACE = inspect.Parameter.POSITIONAL_OR_KEYWORD
OF_LISTS = ("sort", "include", "per_page", "on_change", "on_bad_record", "link")
ELSEWHERE = {"watch", "upload", "download", "create", "update", "update_for_patient"}
"""Verbs that have tests of their own."""

NOWHERE: list[Any] = [
    True, 1.5, math.nan, math.inf, -1, 10**30, " ", "\ud800", "x" * 10_000, b"1", [[]], [object()],
    {"CANARY!": 1}, object(), Link(""), FOREIGN, Link("https://[x"), TAX, Decimal("NaN"),
    datetime(2026, 1, 1),  # noqa: DTZ001 - on purpose
]  # fmt: skip
"""What no argument takes but those in `TAKES`."""

NO_IDS: list[Any] = [None, 5, "", "x", "1\n", [], {}, "1" * 21, "1/2", Link("https://x/v1/letters")]

TAKES: Mapping[str, tuple[type, ...]] = {
    "apply_to_repeats": (bool,),
    "restored": (bool,),
    "note": (str,),
    "on_bad_record": (),
}
"""What some arguments do take of it."""


def verbs() -> Iterator[tuple[str, str]]:
    """Each verb once, with a resource that has it."""
    seen: set[Any] = set()
    for resource, lazy in vars(AsyncCliniko).items():
        kind: Any = getattr(AsyncCliniko, resource) if isinstance(lazy, Lazy) else None
        for verb, function in inspect.getmembers(kind, inspect.isfunction):
            if not verb.startswith("_") and verb not in ELSEWHERE and function not in seen:
                seen.add(function)
                yield resource, verb


def arguments(method: Any) -> tuple[dict[str, Any], set[str]]:
    """What a verb has to be given, and the names of all that it can be given."""
    parameters = inspect.signature(method).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    given = {p.name: RIGHT.get(p.name, "1") for p in needed if p.kind is not p.VAR_KEYWORD}
    names = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    return given, names | ({*OF_LISTS} if "options" in {p.name for p in parameters} else set())


def wrong_for(name: str) -> list[Any]:
    wrong = [*NOWHERE, *(NO_IDS if name == "id" or name.endswith("_id") else [])]
    if name == "where":
        wrong += [None, "last_name:=x", 5]
    return [value for value in wrong if not isinstance(value, TAKES.get(name, ()))]


async def call(method: Any, given: Mapping[str, Any]) -> None:
    """Call a verb; what is in `where` stands for filters."""
    kinds = {p.name: p.kind for p in inspect.signature(method).parameters.values()}
    first = [given[name] for name in given if kinds.get(name) is BY_PLACE]
    others = {name: value for name, value in given.items() if kinds.get(name) is not BY_PLACE}
    where = [others.pop("where")] if "where" in others else []
    found = method(*first, *where, **others)
    if inspect.iscoroutine(found):
        await found


@pytest.mark.anyio
@pytest.mark.parametrize(("resource", "verb"), list(verbs()))
async def test_what_an_argument_cannot_be_is_refused_before_a_request(
    resource: str, verb: str
) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404)

    async with AsyncCliniko(
        "MS0xARG-au1", user_agent=AGENT, transport=httpx.MockTransport(answer)
    ) as cliniko:
        method = getattr(getattr(cliniko, resource), verb)
        given, names = arguments(method)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for name in sorted(names):
                for value in wrong_for(name):
                    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
                        await call(method, {**given, name: value})
                    assert "CANARY" not in str(caught.value), name
                    assert not asked, (name, value)
            if verb != "changes":  # which needs one of two
                await call_right(method, given)


async def call_right(method: Any, given: Mapping[str, Any]) -> None:
    with contextlib.suppress(NotFoundError):
        await call(method, given)
