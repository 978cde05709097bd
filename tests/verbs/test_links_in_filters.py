"""Links and records where an id is due: those of the resource that is meant, and no others."""

from __future__ import annotations

import inspect
import re
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, Link
from cliniko_async._client import Lazy
from cliniko_async._query.fields import ArrayField, IdField
from cliniko_async._verbs.include import filters_of
from cliniko_async.emulator.facts import load
from cliniko_async.errors import InvalidTypeError, InvalidValueError
from cliniko_async.resources.taxes import Tax

if TYPE_CHECKING:
    from collections.abc import Iterator

NOWHERE = Link("https://api.au1.cliniko.com/v1/concession_types/77")
SEVERAL = {
    "appointments": ["appointments", "individual_appointments", "group_appointments", "bookings"],
    "bookings": ["bookings", "individual_appointments", "group_appointments", "appointments"],
}
TAX: Any = Tax(id="7", created_at=None, updated_at=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # nothing else is asked of it


def link(resource: str, id: str = "7") -> Link:
    return Link(f"https://api.au1.cliniko.com/v1/{resource}/{id}")


def id_fields() -> Iterator[tuple[str, str, Any, set[str]]]:
    """Each field of ids that lists are filtered by, and the resources that its links lead to."""
    for name, lazy in vars(AsyncCliniko).items():
        filters = filters_of(getattr(AsyncCliniko, name)) if isinstance(lazy, Lazy) else None
        for field in sorted(filters.names if filters else ()):
            found = getattr(filters, field)
            if isinstance(found, IdField | ArrayField):
                yield name, field, found, targets(name, field)


def targets(resource: str, field: str) -> set[str]:
    """Where the relation leads in the facts: in any schema, for not all records show theirs."""
    if field == "id":
        return {resource}
    relation = field.removesuffix("s").removesuffix("_id")
    schemas = load().schemas
    links = (load().properties(name).get(relation, {}).get("link", "") for name in schemas)
    return {target.partition("/")[0] for target in links if target.endswith("/{id}")}


FIELDS = list(id_fields())


def compared(field: Any, value: Any) -> Iterator[Any]:
    """Each comparison with an id, not yet made."""
    if hasattr(field, "contains"):
        yield lambda: field.contains(value)
        return
    yield lambda: field == value
    yield lambda: field != value
    yield lambda: field >= value
    yield lambda: field.is_in(["1", value])


@pytest.mark.parametrize(
    ("resource", "name", "field", "leads"), FIELDS, ids=[f"{r} {n}" for r, n, *_ in FIELDS]
)
def test_a_filter_takes_links_of_its_own_resource_alone(
    resource: str, name: str, field: Any, leads: set[str]
) -> None:
    other = "taxes" if "concession_types" in leads else "concession_types"
    for target in leads:
        for own in SEVERAL.get(target, [target]):
            for make in compared(field, link(own)):
                assert re.fullmatch(rf"{name}:(!=|>=|=1,|=|~)7", make().text), own
    for make in compared(field, link(other)) if leads else ():
        with pytest.raises(InvalidValueError, match=f"this is a link to {other}, not to "):
            make()
    for make in compared(field, TAX):
        with pytest.raises(InvalidTypeError, match=r"not Tax: write record\.id"):
            make()
    assert leads or name in {
        "source_item_id",
        "appointment_confirmation_template_ids",
        "appointment_follow_up_template_ids",
        "appointment_reminder_template_ids",
    }, f"{resource} {name} leads nowhere"


def unasked(_: httpx.Request) -> httpx.Response:
    raise AssertionError("a request was spent")


def nested() -> Iterator[tuple[str, str]]:
    for name, lazy in vars(AsyncCliniko).items():
        kind: Any = getattr(AsyncCliniko, name) if isinstance(lazy, Lazy) else None
        for verb, _ in inspect.getmembers(kind, inspect.isfunction):
            if verb.startswith("list_for_"):
                yield name, verb


@pytest.mark.parametrize(("resource", "verb"), list(nested()))
def test_the_parent_of_a_list_is_one_of_its_kind(resource: str, verb: str) -> None:
    transport = httpx.MockTransport(unasked)
    cliniko: Any = AsyncCliniko("MS0xLINK-au1", user_agent=AGENT, transport=transport)
    parent = verb.removeprefix("list_for_")
    own = {"business": "businesses"}.get(parent, f"{parent}s")
    call = getattr(getattr(cliniko, resource), verb)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        call(link(own))
        with pytest.raises(InvalidValueError, match=f"link to concession_types, not to {own}"):
            call(NOWHERE)
        with pytest.raises(InvalidTypeError, match=r"not Tax: write record\.id"):
            call(TAX)
