"""Sort orders: what the records have, and nothing else, before a request is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko
from cliniko_async._client import Lazy
from cliniko_async._verbs.include import filters_of
from cliniko_async.emulator.facts import load
from cliniko_async.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTED = sorted(
    name
    for name, lazy in vars(AsyncCliniko).items()
    if isinstance(lazy, Lazy) and hasattr(getattr(AsyncCliniko, name), "list")
)
f: Any = AsyncCliniko.patients.filters


def unasked(_: httpx.Request) -> httpx.Response:
    raise AssertionError("a request was spent")


CLINIKO: Any = AsyncCliniko(
    "MS0xSORT-au1", user_agent=AGENT, transport=httpx.MockTransport(unasked)
)


def scalars(resource: str) -> Iterator[str]:
    """The members of a resource's records that hold one value, by the facts."""
    operation = load().operation("GET", f"/{resource}")
    for name, fact in load().properties(operation.schema or "").items():
        if fact.get("type") not in ("array", "object", None):
            yield name


@pytest.mark.parametrize("resource", LISTED)
def test_a_list_is_sorted_by_each_value_that_its_records_have(resource: str) -> None:
    filters = filters_of(getattr(AsyncCliniko, resource))
    by_filters = [
        getattr(filters, name).desc() for name in sorted(filters.names if filters else ())
    ]
    for order in (*scalars(resource), *by_filters, *([tuple(by_filters)] if by_filters else ())):
        getattr(CLINIKO, resource).list(sort=order)


@pytest.mark.parametrize("resource", LISTED)
def test_a_misspelt_field_is_refused_with_the_name_that_was_meant(resource: str) -> None:
    for name in scalars(resource):
        misspelt = f"{name[:2]}{name[3:]}:desc" if len(name) > 5 else f"{name}x"
        with pytest.raises(InvalidValueError, match="did you mean "):
            getattr(CLINIKO, resource).list(sort=misspelt)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("creatd_at", "sorted by creatd_at: did you mean created_at?"),
        ("last_name,creatd_at:desc", "did you mean created_at?"),
        ("-created_at", "'field:desc' or 'field,field:desc': there is no minus"),
        ("-creatd_at", "there is no minus"),
        ("created_at desc", "write sort='field'"),
        ("created_at:down", "write sort='field'"),
        ("", "write sort='field'"),
        ("zzzzzz", "it has accepted_email_marketing, "),
        ("custom_fields", "cannot be sorted by custom_fields"),
        ("patient_phone_numbers", "cannot be sorted by patient_phone_numbers"),
        ("invoices", "cannot be sorted by invoices"),
        (AsyncCliniko.taxes.filters.id, None),
        (AsyncCliniko.attendees.filters.cancelled_at.desc(), "cancelled_at: did you mean"),
        ((f.last_name, AsyncCliniko.bookings.filters.starts_at), "cannot be sorted by starts_at"),
        ("S" * 60 + "ECRET", "write sort='field'"),
        ("s" * 60 + "ecret", "sorted by [...]: it has"),
    ],
)
def test_an_order_that_cannot_be_right_is_refused(order: Any, said: str | None) -> None:
    if said is None:
        CLINIKO.patients.list(sort=order)
        return
    with pytest.raises(InvalidValueError) as caught:
        CLINIKO.patients.list(sort=order)
    assert said in str(caught.value)
    assert "ecret" not in str(caught.value).lower()


@pytest.mark.parametrize("order", [5, [], (), ["last_name"], b"last_name", (5,)])
def test_an_order_is_a_field_or_a_text(order: Any) -> None:
    with pytest.raises(InvalidTypeError, match="sort= takes a field"):
        CLINIKO.patients.list(sort=order)
