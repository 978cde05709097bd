"""Texts and whole numbers of classes of their own are taken as the texts and numbers they are."""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import numpy as np
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko
from cliniko_async.errors import ClinikoError, InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

f: Any = AsyncCliniko.patients.filters


class Word(enum.StrEnum):
    ID = "7"
    NAME = "~50% of Ann"
    ORDER = "last_name:desc"
    HIDDEN = "archived"
    REASON = "sick"


class Older(str, enum.Enum):  # noqa: UP042 - as older programs have them
    ID = "7"
    NAME = "~Ann"
    ORDER = "last_name:desc"
    HIDDEN = "archived"
    REASON = "Sick"


class Starred(str):
    """A text that hides itself."""

    __slots__ = ()

    def __str__(self) -> str:
        return "***"

    def __format__(self, _: str) -> str:
        return "***"


class Code(enum.IntEnum):
    SICK = 30
    TYPE = 2


def of_any_class(name: str) -> list[Any]:
    plain = Older[name].value
    return [plain, Older[name], Starred(plain), np.str_(plain)]


async def asked(call: Callable[[Any], Any]) -> tuple[str, Any]:
    """The one request that a call makes: path and query, and body."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(404 if "/cancel" not in request.url.path else 204)

    async with AsyncCliniko(
        "MS0xCLASS-au1", user_agent=AGENT, transport=httpx.MockTransport(answer)
    ) as cliniko:
        try:
            await call(cliniko.with_options(batch_gets=False))
        except ClinikoError as error:
            assert getattr(error, "status", None) == 404  # noqa: PT017 - a cancellation has none
    (request,) = requests
    body = json.loads(request.content) if request.content else None
    return unquote(request.url.raw_path.decode()), body


CALLS: dict[str, tuple[str, Callable[[Any, Any], Any], str]] = {
    "get": ("ID", lambda c, own: c.patients.get(own), "/v1/patients/7"),
    "get_many": ("ID", lambda c, own: c.patients.get_many([own]), "q[]=id:=7&"),
    "parent": ("ID", lambda c, own: c.treatment_notes.list_for_patient(own).all(), "/patients/7/"),
    "id": ("ID", lambda c, own: c.patients.list(f.id == own).all(), "q[]=id:=7&"),
    "ids": ("ID", lambda c, own: c.patients.list(f.id.is_in(["1", own])).all(), "q[]=id:=1,7&"),
    "text": ("NAME", lambda c, name: c.patients.list(f.last_name == name).all(), "name:=~Ann&"),
    "part": (
        "NAME",
        lambda c, name: c.patients.list(f.last_name.contains(name)).all(),
        "name:~~%~Ann%&",
    ),
    "pattern": (
        "NAME",
        lambda c, name: c.patients.list(f.last_name.like(name)).all(),
        "name:~~~Ann&",
    ),
    "order": (
        "ORDER",
        lambda c, order: c.patients.list(sort=order).all(),
        "sort=last_name:desc&",
    ),
    "include": (
        "HIDDEN",
        lambda c, kind: c.patients.list(include={kind}).all(),
        "q[]=archived_at:*&",
    ),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_text_of_any_class_is_asked_for_as_the_text_that_it_is(name: str) -> None:
    kind, call, expected = CALLS[name]
    for text in of_any_class(kind):

        def asking(cliniko: Any, text: Any = text) -> Any:
            return call(cliniko, text)

        path, _ = await asked(asking)
        assert expected in f"{path}&" or path.endswith(expected), type(text)


async def test_a_text_that_begins_with_an_operator_is_measured_as_what_it_is() -> None:
    with pytest.raises(InvalidValueError, match="cannot look for a text with ~"):
        f.last_name.contains(Word.NAME)


async def test_a_reason_is_a_member_of_an_enumeration_as_well() -> None:
    for reason in (*of_any_class("REASON"), Word.REASON, Code.SICK, 30):
        for note in of_any_class("NAME"):

            def cancelling(cliniko: Any, reason: Any = reason, note: Any = note) -> Any:
                return cliniko.attendees.cancel("1", reason=reason, note=note)

            _, body = await asked(cancelling)
            assert body == {"cancellation_reason": 30, "cancellation_note": "~Ann"}


async def test_a_number_of_any_class_is_compared_as_the_number_that_it_is() -> None:
    contacts: Any = AsyncCliniko.contacts.filters
    assert (contacts.type_code == Code.TYPE).text == "type_code:=2"
    assert contacts.type_code.is_in([Code.TYPE, 1]).text == "type_code:=2,1"
    for wrong in (True, np.int64(2), 2.0, "2", Word.ID):
        with pytest.raises(InvalidTypeError, match="is a whole number"):
            _ = contacts.type_code == wrong


async def test_true_is_no_reason_and_no_page_size() -> None:
    cliniko: Any = AsyncCliniko("MS0xCLASS-au1", user_agent=AGENT)
    with pytest.raises(InvalidTypeError, match="per_page"):
        cliniko.patients.list(per_page=True)
    with pytest.raises(InvalidValueError, match="reason= takes one of"):
        await cliniko.attendees.cancel("1", reason=True)


async def test_what_is_included_may_come_one_by_one() -> None:
    """A generator is read once: the inactive ones must not be lost to the second reading."""
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(200, json={"practitioners": [], "total_entries": 0, "links": {}})

    async with AsyncCliniko(
        "MS0xCLASS-au1", user_agent=AGENT, transport=httpx.MockTransport(answer)
    ) as cliniko:
        practitioners: Any = cliniko.practitioners
        await practitioners.list(include=iter(["inactive"])).all()
        assert set(paths) == {"/v1/practitioners", "/v1/practitioners/inactive"}
        paths.clear()
        await practitioners.get_many(["1"], include=iter(["inactive"]), missing="none")
        assert set(paths) == {"/v1/practitioners", "/v1/practitioners/inactive"}


@pytest.mark.parametrize("include", ["inactive", 5, [["inactive"]], [5], ["deleted"], [None]])
async def test_what_cannot_be_included_is_refused_by_every_verb(include: Any) -> None:
    async with AsyncCliniko("MS0xCLASS-au1", user_agent=AGENT) as cliniko:
        practitioners: Any = cliniko.practitioners
        calls: list[Callable[[], Any]] = [
            lambda: practitioners.list(include=include),
            lambda: practitioners.scan(include=include),
            lambda: practitioners.get("1", include=include),
            lambda: practitioners.get_many(["1"], include=include),
        ]
        for call in calls:
            with pytest.raises((InvalidTypeError, InvalidValueError), match="include="):
                await call()
