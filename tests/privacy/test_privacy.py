"""No key and no value in what is shown of models, sessions and errors, or logged meanwhile."""

from __future__ import annotations

import importlib
import json
import logging
import pkgutil
import types
from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
import pytest
from canaries import (
    ANSWERS,
    ASKED,
    ASKED_ID,
    DAY,
    HELD,
    KEY,
    NUMBER,
    frames_with,
    leaks,
    listening,
    shown,
    words_of,
)
from sessions import AGENT

import cliniko_async.resources
from cliniko_async import Wait
from cliniko_async._client import AsyncCliniko, Lazy
from cliniko_async._http.answers import Response
from cliniko_async._http.request import Request
from cliniko_async._models.converter import decode
from cliniko_async._models.links import Link
from cliniko_async._models.model import Id, Model, Unknown
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.errors import ClinikoError, DecodeError
from cliniko_async.limits import RateLimit, RedisLimiter
from cliniko_async.resources.patient_attachments import PresignedPost

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

LINK = f"https://api.au1.cliniko.com/v1/patients?q[]=last_name:={HELD}"

for found in pkgutil.iter_modules(cliniko_async.resources.__path__):
    importlib.import_module(f"{cliniko_async.resources.__name__}.{found.name}")


def models_below(kind: type[Model]) -> Iterator[type[Model]]:
    for model in kind.__subclasses__():
        yield model
        yield from models_below(model)


MODELS = sorted(
    {m for m in models_below(Model) if hasattr(m, "__attrs_attrs__")}, key=lambda m: m.__qualname__
)


# The detector itself


class Telling:
    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<Telling {self.value}>"


@pytest.mark.parametrize("value", [HELD, ASKED_ID, KEY, date(1903, 2, 13), [NUMBER], HELD.upper()])
def test_what_is_shown_would_be_found(value: object) -> None:
    assert len(shown(Telling(value))) == 7
    assert leaks(words_of(ClinikoError("wrong", value)))
    assert leaks(words_of(ExceptionGroup("several", [ValueError(value)])))


def test_what_hangs_on_an_error_would_be_found() -> None:
    error = ClinikoError("wrong")
    error.add_note(HELD)
    assert leaks(words_of(error))
    error = ClinikoError("wrong")
    error.__context__ = ValueError(HELD)
    assert leaks(words_of(error))


def test_a_variable_of_a_frame_would_be_found() -> None:
    with pytest.raises(ValueError, match="Expecting value") as caught:
        json.loads(HELD)
    assert "s in loads" in frames_with(caught.value, ANSWERS)


def test_what_is_logged_would_be_found() -> None:
    with listening() as said:
        logging.getLogger("any").debug("one %s", HELD)
        logging.getLogger("any").debug("two", exc_info=ValueError(HELD))
    assert len(leaks(said.getvalue())) == 3


# Models


def value_of(hint: Any, turn: int) -> Any:
    """A value of a type, full of canaries; of a union, its members in turn."""
    parts = get_args(hint)
    if parts and hint != Id:
        return inside(get_origin(hint), parts, turn)
    return VALUES[hint] if hint in VALUES else one_of(hint, turn)


def one_of(kind: Any, turn: int) -> Any:
    """An instance of a model, or of a type that stands for several."""
    members = (kind,) if kind in MODELS else getattr(kind, "members", ()) or (Unknown,)
    return instance_of(members[turn % len(members)], turn)


def inside(kind: Any, parts: Any, turn: int) -> Any:
    if kind is list:
        return [value_of(parts[0], turn)]
    if kind is dict:
        return {HELD: value_of(parts[1], turn)}
    if kind is Annotated:
        return value_of(parts[0], turn)
    assert kind in (Union, types.UnionType), kind
    members = [part for part in parts if part != NoneType and get_origin(part) is not Literal]
    return value_of(members[turn % len(members)], turn)


VALUES: dict[Any, Any] = {
    Id: "7",
    str: HELD,
    Any: [HELD],
    int: NUMBER,
    bool: True,
    Decimal: Decimal(NUMBER) / 10,
    date: date.fromisoformat(DAY),
    datetime: datetime.fromisoformat(DAY).replace(tzinfo=UTC),
    Link: Link(LINK),
}


def instance_of(model: type[Model], turn: int) -> Any:
    hints = get_type_hints(model, include_extras=True)
    return model(**{f.name: value_of(hints[f.name], turn) for f in attrs.fields(model)})


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("model", MODELS)
def test_a_model_shows_no_value(model: type[Model], turn: int) -> None:
    thing = instance_of(model, turn)
    assert shown(thing) == {}


def test_the_models_are_all_that_there_are_and_have_values_to_hide() -> None:
    lazy = [name for name, value in vars(AsyncCliniko).items() if isinstance(value, Lazy)]
    assert len(lazy) == 43
    for model in (getattr(AsyncCliniko, name).model for name in lazy):
        assert set(getattr(model, "members", [model])) <= set(MODELS)
    values = [attrs.asdict(instance_of(model, 0)) for model in MODELS]
    telling = [inside for inside in values if leaks(repr(inside))]
    assert len(telling) > 0.9 * len(MODELS)


@pytest.mark.parametrize("url", [LINK, f"https://files.example.com/{HELD}.pdf?sign={HELD}"])
def test_a_link_shows_no_more_than_a_resource_and_an_id(url: str) -> None:
    assert shown(Link(url)) == {}


QUESTION = {"type": HELD, "answers": [{HELD: HELD}], HELD: HELD}
WRONG: list[Any] = [
    *(HELD, NUMBER, NUMBER / 2, DAY, True),
    *([HELD], [[HELD]], [{HELD: HELD}]),
    *({HELD: HELD}, {HELD: {HELD: HELD}}, {"type": HELD}),
    *({"links": HELD}, {"links": {"self": HELD}}),
    {"sections": [{"name": HELD, "questions": [QUESTION]}]},
]
ROW = {"id": "7", "created_at": f"{DAY}T00:00:00Z", "updated_at": f"{DAY}T00:00:00Z"}


@pytest.mark.parametrize("model", MODELS)
def test_a_record_that_does_not_fit_is_described_without_its_values(model: type[Model]) -> None:
    for field in attrs.fields(model):
        for wrong in WRONG:
            found = decode(model, json.dumps({**ROW, field.name: wrong}).encode())
            if isinstance(found, DecodeError):
                assert leaks(f"{found!r} {found.problems}") == [], field.name
            elif field.name != "id":
                assert shown(found) == {}, field.name


# Sessions, and what they hand out


f = AsyncCliniko.patients.filters
WHERE = (f.last_name == ASKED, f.id >= "1")


def parts_of(listing: Any) -> list[object]:
    """What a listing is made of."""
    return [listing._reading, listing._reading.sources]


async def under_way(cliniko: AsyncCliniko) -> dict[str, Any]:
    """Iterators that hold what they have read ahead, and the first of what they give."""
    patients = cliniko.patients
    listing = patients.list(*WHERE)
    changes = patients.changes(since=datetime.fromtimestamp(0, UTC))
    rows, pages, ahead = aiter(listing), listing.pages(), aiter(changes)
    scan = aiter(patients.scan(*WHERE))
    return {
        "rows": [await anext(rows), rows, listing.raw(), await listing.all()],
        "pages": [await anext(pages), pages],
        "changes": [await anext(ahead), ahead, changes],
        "scan": [await anext(scan), scan],
        "listing": [listing, *parts_of(listing)],
    }


async def at_hand(cliniko: AsyncCliniko, ids: list[str]) -> dict[str, Any]:
    """What a program holds while it works."""
    return {
        "several": await cliniko.patients.get_many(ids),
        "counts": [await cliniko.taxes.list().count() for _ in range(12)],
        "session": [cliniko, vars(cliniko), cliniko.with_options(lane="bulk", max_requests=3)],
        "limiter": [cliniko.limiter, cliniko.traffic],
        "resource": [cliniko.patients, f, f.last_name, f.last_name.desc(), WHERE],
        "redis": RedisLimiter(f"redis://:{HELD}@127.0.0.1:1/0"),
        "presigned": PresignedPost(url=HELD, fields={HELD: HELD}),
        "answer": Response(200, {HELD: HELD}, HELD.encode()),
        "request": Request("GET", "/a", f"/{HELD}", bytes, query=HELD, body=HELD),
    }


async def things() -> dict[str, Any]:
    """All that a session hands out, on a clinic full of canaries; some calls wait."""
    clinic = Clinic()
    person = {"first_name": HELD, "last_name": ASKED, "email": f"{HELD}@example.com"}
    ids = [clinic.create("patients", **person)["id"] for _ in range(3)]
    waits: list[Wait] = []
    async with AsyncCliniko(
        KEY,
        user_agent=AGENT,
        rate_limit=RateLimit(9, per=60),
        on_wait=waits.append,
        transport=Emulator(clinic).transport(),
    ) as cliniko:
        return {**await under_way(cliniko), **await at_hand(cliniko, ids), "waits": waits}


async def test_nothing_that_a_session_hands_out_shows_a_value() -> None:
    with listening() as said:
        found = await things()
    assert found["waits"]
    told = {name: shown(thing) for name, thing in found.items()}
    assert {name: ways for name, ways in told.items() if ways} == {}
    assert leaks(said.getvalue()) == []
