"""Errors: what a service makes of them, and what they tell of health data."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime

import pytest

from cliniko_async import errors
from cliniko_async.errors import (
    AnswerUnreadableError,
    ApiError,
    ClinikoError,
    DecodeError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitError,
    RequestBudgetError,
    TransportError,
    ValidationError,
)

KINDS = [getattr(errors, name) for name in errors.__all__]


def made(kind: type[ClinikoError]) -> ClinikoError:
    """An error of this kind, as it is raised."""
    if issubclass(kind, ApiError):
        return kind(
            "said", status=400, method="GET", path="/taxes", request_id="r1", detail="Canary"
        )
    if issubclass(kind, TransportError | OutcomeUnknownError):
        return kind("said", method="GET", path="/taxes")
    if issubclass(kind, DecodeError):
        return kind("said", resource="Tax", id="1", problems=["not a number @ $.rate"])
    if issubclass(kind, RequestBudgetError):
        return kind("said", spent=3)
    return kind("said")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_can_go_to_another_process(kind: type[ClinikoError]) -> None:
    error = made(kind)
    error.add_note("in clinic A")
    revived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(revived) is kind
    assert str(revived) == "said"
    assert revived.__notes__ == ["in clinic A"]
    left = {"detail": None} if isinstance(error, ApiError) else {}
    assert vars(revived) == {**vars(error), **left}


def test_what_the_server_said_stays_in_the_process() -> None:
    refused = ValidationError("said", status=422, method="POST", path="/taxes", detail="Canary")
    refused.fields = {"name": "Canary is taken"}
    missed = NotFoundError("said", status=404, method="GET", path="/taxes")
    missed.ids, missed.found = ("1",), {"2": "Canary"}
    for error in (refused, missed):
        assert b"Canary" not in pickle.dumps(error)
    assert copy.copy(missed).ids == ("1",)


def test_what_a_caller_decides_by_travels_along() -> None:
    limited = RateLimitError("said", status=429, method="GET", path="/taxes")
    limited.reset_at = datetime(2026, 1, 1, tzinfo=UTC)
    assert pickle.loads(pickle.dumps(limited)).reset_at == limited.reset_at  # noqa: S301 - our own bytes
    unreadable = made(AnswerUnreadableError)
    assert isinstance(unreadable, DecodeError)
    assert pickle.loads(pickle.dumps(unreadable)).problems == unreadable.problems  # noqa: S301 - our own bytes
