"""Writes of random values: right ones arrive exactly, wrong ones are refused before a request."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import AGENT
from writes import WRITES, Place, Write, named, places

from cliniko_async import AsyncCliniko, Link
from cliniko_async._models.fields import encode_fields
from cliniko_async._models.json_fields import fields_from_json
from cliniko_async.emulator.facts import load
from cliniko_async.emulator.writes import _checked as emulator_checked  # pyright: ignore[reportPrivateUsage] # the API's own side
from cliniko_async.errors import InvalidFieldsError
from cliniko_async.resources.taxes import Tax

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Pair = tuple[Any, Any]
"""A value as a program has it, and its JSON."""

LETTERS = st.characters(exclude_categories=["Cs"])


def same(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    return values.map(lambda value: (value, value))


def texts(fact: Mapping[str, Any]) -> st.SearchStrategy[Pair]:
    if "pattern" in fact:
        form = fact["pattern"].strip("^$").replace(r"\h", "[0-9a-f]")
        like: Any = st.from_regex  # whose type depends on whether the form is of bytes
        return same(like(form, fullmatch=True)).filter(lambda pair: len(pair[0]) <= 255)
    most = min(fact.get("max_length", 300), 300)
    return same(st.text(LETTERS, min_size=fact.get("min_length", 0), max_size=most))


def edges(fact: Mapping[str, Any], widest: int) -> tuple[int, int]:
    least, most = fact.get("minimum", -widest), fact.get("maximum", widest)
    return least + bool(fact.get("exclusive_minimum")), most - bool(fact.get("exclusive_maximum"))


def numbers(fact: Mapping[str, Any]) -> st.SearchStrategy[Pair]:
    least, most = edges(fact, 10**12)
    found = st.decimals(least, most, places=2)
    if fact["type"] == "number":
        return found.map(lambda number: (number, float(number)))
    return found.map(lambda number: (number, f"{number:f}"))


def moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


moments = st.datetimes(
    datetime(1900, 1, 2),  # noqa: DTZ001 - the strategy wants it so
    datetime(2200, 1, 1),  # noqa: DTZ001 - likewise
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)
dates = st.dates(date(1900, 1, 1), date(2200, 1, 1))
ids = st.integers(0, 2**63 - 1).map(str)
SCALARS: Mapping[str, Callable[[Mapping[str, Any]], st.SearchStrategy[Pair]]] = {
    "int64": lambda _: same(ids),
    "date": lambda _: dates.map(lambda day: (day, day.isoformat())),
    "date-time": lambda _: moments.map(lambda moment: (moment, moment_text(moment))),
    "decimal": numbers,
    "boolean": lambda _: same(st.booleans()),
    "integer": lambda fact: same(st.integers(*edges(fact, 2**31))),
    "string": texts,
}


def values(fact: Mapping[str, Any], name: str, *, in_part: bool = False) -> st.SearchStrategy[Pair]:
    """Values that the API takes in a place."""
    found = _values(fact, name)
    return st.just((None, None)) | found if fact.get("nullable") and not in_part else found


def _values(fact: Mapping[str, Any], name: str) -> st.SearchStrategy[Pair]:
    if "any_of" in fact or "ref" in fact:
        return st.sampled_from(fact.get("any_of") or [fact["ref"]]).flatmap(_schema)
    if "enum" in fact or name == "selected":  # False is left out
        return same(st.sampled_from(fact.get("enum") or [True]))
    if fact.get("type") == "object":
        return _object(fact["properties"], fact.get("required", ()))
    if fact.get("type") == "array":
        one = values(fact["items"], name, in_part=True)
        least = int(name == "sections")
        return st.lists(one, min_size=least, max_size=2).map(
            lambda pairs: ([value for value, _ in pairs], [sent for _, sent in pairs])
        )
    return SCALARS[fact["format"] if fact.get("format") in SCALARS else fact["type"]](fact)


def _schema(name: str) -> st.SearchStrategy[Pair]:
    schema = load().schemas[name]
    if schema.any_of:
        return st.sampled_from(list(schema.any_of)).flatmap(_schema)
    # What tells one kind of part from another has to be there.
    kinds = ["type"] if "enum" in schema.properties.get("type", {}) else []
    return _object(schema.properties, [*schema.required, *kinds])


def _object(facts: Mapping[str, Any], required: Any) -> st.SearchStrategy[Pair]:
    inner = {name: values(fact, name, in_part=True) for name, fact in facts.items()}
    inner.pop("normalized_number", None)  # read and never written
    needed = {name: inner[name] for name in required if name in inner}
    optional = {name: found for name, found in inner.items() if name not in needed}
    return st.fixed_dictionaries(needed, optional=optional).map(
        lambda pairs: (
            {name: value for name, (value, _) in pairs.items()},
            {name: sent for name, (_, sent) in pairs.items()},
        )
    )


@st.composite
def bodies(draw: st.DrawFn, write: Write) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields as a program has them, and the body that they stand for."""
    wanted = draw(st.sets(st.sampled_from(sorted(write.facts)), min_size=1, max_size=4))
    names = sorted(wanted | {name.removesuffix("_") for name in write.required})
    found = {name: draw(values(write.facts[name], name)) for name in names}
    fields = {named(name): value for name, (value, _) in found.items()}
    return fields, {name: sent for name, (_, sent) in found.items()}


@settings(max_examples=300, deadline=None)
@given(data=st.data(), write=st.sampled_from(WRITES))
def test_right_values_are_sent_exactly_and_the_api_takes_them(
    data: st.DataObject, write: Write
) -> None:
    fields, body = data.draw(bodies(write))
    sent = encode_fields(write.fields, fields)
    assert sent == body
    assert msgspec.json.decode(msgspec.json.encode(sent)) == body
    emulator_checked(write.operation, body, {})
    # What was sent can be read back, and is sent again as it was.
    assert encode_fields(write.fields, fields_from_json(write.fields, body)) == body


TAX: Any = Tax(id="7", created_at=None, updated_at=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # nothing else is asked of it
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - on purpose
NOTHING: list[Any] = [object(), b"1", math.nan, math.inf, {"CANARY"}, Tax, lambda: 1]
"""What fits nowhere."""

WRONG: Mapping[str, list[Any]] = {
    "string": [5, True, "CANARY\ud800", ["x"], {"a": 1}, 1.5, date(2026, 1, 1), Decimal(1), TAX],
    "integer": ["5", 5.0, True, 10**30, -(10**30), Decimal(5), [5], {}],
    "boolean": [1, 0, "true", "", [True]],
    "decimal": [
        10.5, 5, "10.5", True, Decimal("NaN"), Decimal("-Infinity"), Decimal("1E+500"),
        Decimal(10) ** -40, [Decimal(1)],
    ],
    "date": [AWARE := NAIVE.replace(tzinfo=UTC), NAIVE, "2026-01-01", "", 20260101, [2026, 1, 1]],
    "date-time": [
        NAIVE, date(2026, 1, 1), "2026-01-01T00:00:00Z", "", 1767225600, 1.5,
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    ],
    "int64": [
        5, True, "", " ", "0x1", "-1", "1.0", "1 ", "1\n", "\u0661", "CANARY", "1" * 21, "1/2",
        "1\ud800", Link(""), Link("https://x/v1/recall_types/7/CANARY"), TAX, [], {}, AWARE,
    ],
    "array": ["CANARY", 5, {"a": 1}, iter(()), {"x"}, True],
    "object": ["CANARY", 5, ["x"], True, TAX],
}  # fmt: skip


def wrong_for(place: Place) -> list[Any]:
    """What the API takes nowhere where it takes this."""
    fact = place.fact
    kind = "object" if "ref" in fact else fact.get("type", "object")
    kind = fact["format"] if fact.get("format") in WRONG else kind
    # Without an end, an appointment is as long as its type says.
    may_be_none = fact.get("nullable") or len(place.steps) > 1 or place.steps == ("ends_at",)
    nothing = [] if may_be_none else [None]
    # A number that the API takes as JSON is a Decimal all the same.
    return [*WRONG["decimal" if kind == "number" else kind], *NOTHING, *nothing]


def record(request: httpx.Request) -> httpx.Response:
    moment = "2026-01-02T03:04:05Z"
    status = 201 if request.method == "POST" else 200
    return httpx.Response(status, json={"id": "1", "created_at": moment, "updated_at": moment})


@pytest.mark.anyio
@pytest.mark.parametrize("write", WRITES, ids=[f"{w.resource} {w.verb}" for w in WRITES])
async def test_wrong_values_are_refused_before_a_request(write: Write) -> None:
    asked: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return record(request)

    async with AsyncCliniko(
        "MS0xANY-au1", user_agent=AGENT, transport=httpx.MockTransport(answer)
    ) as cliniko:
        method = getattr(getattr(cliniko, write.resource), write.verb)
        of_one: tuple[str, ...] = () if write.verb == "create" else ("1",)
        for place in places(write.facts):
            for value in wrong_for(place):
                fields = {named(place.field): place.holding(value)}
                with pytest.raises(InvalidFieldsError) as caught:
                    await method(*of_one, **fields)
                problems = caught.value.problems
                assert any(line.startswith(named(place.field)) for line in problems), value
                assert "CANARY" not in str(caught.value)
        assert not asked


FOREIGN = "https://api.au1.cliniko.com/v1/recall_types/7"


WITH_IDS = [w for w in WRITES if any("_id" in name for name in w.facts)]


@pytest.mark.parametrize("write", WITH_IDS, ids=[f"{w.resource} {w.verb}" for w in WITH_IDS])
def test_links_lead_where_the_relation_does(write: Write) -> None:
    for name, fact in write.facts.items():
        is_id = fact.get("items", fact).get("format") == "int64"
        if not is_id or "template_ids" in name or name == "recall_type_id":
            continue
        link: Any = Link(FOREIGN)
        value = [link] if name.endswith("_ids") else link
        with pytest.raises(InvalidFieldsError, match="this is a link to recall_types, not to "):
            encode_fields(write.fields, {name: value})
