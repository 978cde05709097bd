"""Whatever is passed in or sent back: a right request or record, or a clear error."""

from __future__ import annotations

import asyncio
import json
import operator
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import AGENT

from cliniko_async import AsyncCliniko
from cliniko_async._client import Lazy
from cliniko_async._http.account import Credentials, Secret
from cliniko_async._models.links import Link, to_id
from cliniko_async._query.fields import (
    ArrayField,
    BooleanField,
    DateField,
    DateTimeField,
    Filter,
    IdField,
    IntegerField,
    StringField,
)
from cliniko_async._verbs.include import filters_of
from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.emulator.filters import parse
from cliniko_async.errors import ClinikoError, InvalidTypeError, InvalidValueError
from cliniko_async.limits.local import forget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = {
    ArrayField: "array",
    BooleanField: "boolean",
    DateField: "date",
    DateTimeField: "date-time",
    IdField: "int64",
    IntegerField: "integer",
    StringField: "string",
}
ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EQUAL: dict[str, Callable[[Any, Any], Any]] = {"==": operator.eq, "!=": operator.ne}


def fields() -> Iterator[tuple[str, Any]]:
    """Every field that any list can be filtered by."""
    for name, lazy in vars(AsyncCliniko).items():
        if isinstance(lazy, Lazy):
            filters = filters_of(getattr(AsyncCliniko, name))
            for field in sorted(filters.names) if filters else ():
                yield name, getattr(filters, field)


FIELDS = list(fields())
LISTED = sorted({name for name, _ in FIELDS})


class Server(httpx.AsyncBaseTransport):
    """Gives every request the same answer, and keeps what was asked."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.requests: list[httpx.Request] = []
        self._body = body
        self._status = status

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, content=self._body)


def meet(server: Server, call: Callable[[AsyncCliniko], Any]) -> Any:
    """What a call comes to: a value, or an error of the library; nothing else may come."""

    async def main() -> Any:
        async with AsyncCliniko("MS0xBAD-au1", user_agent=AGENT, transport=server) as cliniko:
            try:
                return await call(cliniko.with_options(retries=0, max_wait=1))
            except ClinikoError as error:
                return error

    forget()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main())


def condition(resource: str, where: Filter[Any]) -> str:
    """The one condition that arrives at a server."""
    empty = json.dumps({resource: [], "total_entries": 0, "links": {}}).encode()
    server = Server(empty)
    assert meet(server, lambda c: getattr(c, resource).list(where).all()) == []
    (request,) = server.requests
    query = parse_qsl(request.url.query.decode(), keep_blank_values=True, strict_parsing=True)
    (found,) = [value for name, value in query if name == "q[]"]
    return found


# Filters

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "a&b=c",
        "50%",
        "a+b",
        "a,b",
        "*",
        "~x",
        "=x",
        "!?",
        "'",
        '"',
        "\\",
        "\n",
        "🙂",
        "a b",
        "#",
        ";",
    ]
)
numbers = st.integers(-(2**31), 2**63)
ids = st.integers(0, 2**63).map(str)
dates = st.dates()
moments = st.datetimes(timezones=st.just(UTC)) | st.datetimes(timezones=st.timezones())
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "array": ids,
    "boolean": st.booleans(),
    "date": dates,
    "date-time": moments,
    "int64": ids,
    "integer": numbers,
    "string": texts,
}


def as_sent(kind: str, value: Any) -> Any:
    """A value as the API writes it in a record."""
    if kind == "date":
        return value.isoformat()
    if kind == "date-time":
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value


def passes(kind: str, sign: str, own: Any, bound: Any) -> bool:
    """What a filter means, by the documentation, for a value of a record."""
    if own is None:
        return sign == "!="
    if kind in ("int64", "integer"):
        own, bound = int(own), int(bound)
    if kind == "date-time":
        own, bound = own.astimezone(UTC).replace(microsecond=0), bound.astimezone(UTC)
    return bool({**ORDER, **EQUAL}[sign](own, bound))


@settings(max_examples=300)
@given(data=st.data(), place=st.sampled_from(FIELDS))
def test_a_comparison_arrives_as_it_was_meant(data: st.DataObject, place: tuple[str, Any]) -> None:
    resource, field = place
    kind = KINDS[type(field)]
    bound = data.draw(VALUES[kind])
    signs = {
        "array": [],
        "boolean": ["==", "!="],
        "string": ["==", "!="],
        "date": ["==", *ORDER],
        "date-time": [*ORDER],
    }.get(kind, ["==", "!=", *ORDER])
    if not signs:
        _, test = parse(condition(resource, field.contains(bound)), {field.name: kind})
        assert test({field.name: [bound, "1"]})
        assert not test({field.name: [bound + "0"]})
        return
    sign = data.draw(st.sampled_from(signs))
    try:
        where = {**ORDER, **EQUAL}[sign](field, bound)
    except InvalidValueError:
        assert kind == "date-time"  # at the end of all years
        assert bound.year in (1, 9999)
        return
    name, test = parse(condition(resource, where), {field.name: kind})
    assert name == field.name
    for own in (bound, None, *data.draw(st.lists(VALUES[kind], max_size=5))):
        try:
            row = {field.name: None if own is None else as_sent(kind, own)}
            meant = passes(kind, sign, own, bound)
        except OverflowError:
            continue
        if kind == "date-time" and bound.microsecond:
            assert test(row) or not meant  # rounded so that nothing is left out
        else:
            assert test(row) is meant


TEXT_FIELDS = [place for place in FIELDS if isinstance(place[1], StringField)]


@settings(max_examples=150)
@given(place=st.sampled_from(TEXT_FIELDS), part=texts, before=texts, behind=texts)
def test_parts_and_patterns_arrive_as_they_were_meant(
    place: tuple[str, Any], part: str, before: str, behind: str
) -> None:
    resource, field = place
    if part.startswith("~") and "%" in part:
        with pytest.raises(InvalidValueError):
            field.contains(part)
        return
    _, contains = parse(condition(resource, field.contains(part)), {field.name: "string"})
    assert contains({field.name: before + part + behind})
    assert contains({field.name: before}) is (part.lower() in before.lower())
    _, like = parse(condition(resource, field.like(f"{part}%")), {field.name: "string"})
    assert like({field.name: part.replace("%", "-") + behind})


@settings(max_examples=60)
@given(
    place=st.sampled_from([p for p in FIELDS if isinstance(p[1], IdField)]),
    wanted=st.lists(ids, min_size=1, max_size=100, unique=True),
    other=ids,
)
def test_lists_of_ids_arrive_whole(place: tuple[str, Any], wanted: list[str], other: str) -> None:
    resource, field = place
    _, test = parse(condition(resource, field.is_in(wanted)), {field.name: "int64"})
    assert all(test({field.name: id}) for id in wanted)
    assert test({field.name: other}) is (int(other) in map(int, wanted))


anything: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | dates
    | st.datetimes() | st.lists(st.integers(), max_size=2)
)  # fmt: skip


@settings(max_examples=300)
@given(place=st.sampled_from(FIELDS), value=anything, sign=st.sampled_from([*ORDER, *EQUAL]))
def test_a_filter_of_anything_is_a_filter_or_a_clear_error(
    place: tuple[str, Any], value: Any, sign: str
) -> None:
    _, field = place
    compare = {**ORDER, **EQUAL}[sign]
    if sign in ORDER and isinstance(field, ArrayField | StringField | BooleanField):
        with pytest.raises(TypeError):  # Python's own: there is no such operator
            compare(field, value)
        return
    try:
        where = compare(field, value)
    except (InvalidTypeError, InvalidValueError):
        return
    assert isinstance(where, Filter)
    parse(where.text, {field.name: KINDS[type(field)]})  # the API would take it


# Keys, ids, links


@settings(max_examples=300)
@given(st.text() | st.from_regex(r"MS0x[A-Za-z0-9]{4}-[a-zA-Z]{0,4}[0-9]{0,4}", fullmatch=True))
def test_a_key_leads_to_a_shard_of_the_vendors_or_nowhere(key: str) -> None:
    account = Credentials.of(Secret(key))
    if isinstance(account, ClinikoError):
        assert isinstance(account, InvalidValueError)
        assert len(key) < 5 or key not in str(account)
        return
    host = urlsplit(account.base_url)
    assert (host.scheme, host.path, host.port) == ("https", "/v1", None)
    assert host.hostname == f"api.{account.shard}.cliniko.com"
    suffix = key.rpartition("-")[2].lower() if "-" in key else ""
    documented = len(suffix) in (3, 4) and suffix[:2].isalpha() and suffix[2:].isdecimal()
    assert account.shard == (suffix if documented else "au1")


@settings(max_examples=300)
@given(st.text() | st.from_regex(r"[0-9]{1,22}(/\.\./[a-z]+)?", fullmatch=True))
def test_an_id_is_digits_and_nothing_else_gets_into_a_path(text: str) -> None:
    try:
        found = to_id(text)
    except InvalidValueError:
        assert not (text.isascii() and text.isdecimal() and len(text) <= 20)
        return
    assert found == text
    assert text.isascii()
    assert text.isdecimal()


@settings(max_examples=150)
@given(
    st.text()
    | st.sampled_from(
        ["https://[x", "//evil.example/v1/patients", "https://evil.example/v1/patients?q[]=a:=1"]
    )
    | st.text().map(lambda tail: f"https://evil.example/v1/patients/{tail}")
)
def test_a_link_of_any_text_leads_to_the_api_or_nowhere(url: str) -> None:
    link = Link(url)
    assert isinstance(repr(link), str)
    body = b'{"patients": [], "total_entries": 0, "links": {}}'
    calls: list[Callable[[AsyncCliniko], Any]] = [
        lambda c: c.patients.list(link=link).all(),
        lambda c: c.patients.get(link),
    ]
    for call in calls:
        server = Server(body)
        meet(server, call)
        assert {request.url.host for request in server.requests} <= {"api.au1.cliniko.com"}
        assert all(request.url.path.startswith("/v1/") for request in server.requests)


@settings(max_examples=100)
@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_a_cursor_of_any_text_is_refused(cursor: str) -> None:
    def read(cliniko: AsyncCliniko) -> Any:
        with pytest.raises(InvalidValueError):
            cliniko.patients.changes(cursor=cursor)
        return asyncio.sleep(0)

    server = Server(b"{}")
    assert meet(server, read) is None
    assert not server.requests


# Answers

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
some_json = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
ODD = [
    b"",
    b"null",
    b"\xff\xfe",
    b'\xef\xbb\xbf{"id": "1"}',
    b'{"id": NaN}',
    b'{"id": 1e400}',
    b'{"id": "1", "id": "2"}',
    b'{"id": "\\ud800"}',
    b'{"id": "\\u0000"}',
    b'{"total_entries": 1e400}',
    b'{"id": ' + b"9" * 5000 + b"}",
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
]


def envelope(resource: str, rows: Any) -> bytes:
    return json.dumps({resource: rows, "total_entries": 1, "links": {}}).encode()


@settings(max_examples=200)
@given(data=st.data(), resource=st.sampled_from(LISTED))
def test_any_answer_is_records_or_an_error_of_ours(data: st.DataObject, resource: str) -> None:
    body = data.draw(
        st.sampled_from(ODD)
        | some_json.map(lambda found: json.dumps(found).encode())
        | st.binary(max_size=20)
        | st.lists(some_json, max_size=2).map(lambda rows: envelope(resource, rows))
    )
    status = data.draw(st.sampled_from([200, 200, 200, 400, 404, 422, 500]))
    base = getattr(AsyncCliniko, resource)
    calls: list[Callable[[Any], Any]] = [
        lambda c: getattr(c, resource).list().all(),
        lambda c: getattr(c, resource).list().raw().all(),
        lambda c: getattr(c, resource).scan().all(),
    ]
    if hasattr(base, "get"):
        calls.append(lambda c: getattr(c, resource).get("1"))
    for call in calls:
        found = meet(Server(body, status), call)  # any other error than ours is raised here
        assert status == 200 or isinstance(found, ClinikoError)


@pytest.mark.parametrize("body", ODD, ids=lambda body: body[:14].decode("latin-1"))
@pytest.mark.parametrize("status", [200, 422])
def test_an_odd_answer_to_a_write_is_an_error_of_ours(body: bytes, status: int) -> None:
    found = meet(Server(body, status), lambda c: c.taxes.create(name="GST"))
    assert isinstance(found, ClinikoError)


@pytest.mark.parametrize("include", [True, None, 5])
def test_what_is_included_is_a_set_of_names(include: Any) -> None:
    session = AsyncCliniko("TEST-au1", user_agent="Tests (tests@example.com)")
    with pytest.raises(InvalidTypeError, match="include= takes a set"):
        session.patients.list(include=include)
