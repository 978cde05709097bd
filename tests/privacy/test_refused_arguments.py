"""What is refused is shown by no variable of the library's frames: it may be somebody's name."""

from __future__ import annotations

import inspect
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from cliniko_async import AsyncCliniko
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.errors import ClinikoError, InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

NAME = "Mary Planted"
AGENT = "T (t@example.com)"


def shown(error: BaseException) -> str:
    """The variables of all frames of the package that an error has passed."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if frame.f_globals["__name__"].startswith("cliniko_async.")]
    return "\n".join(repr(frame.f_locals) for frame in ours)


async def made(call: Callable[[Any], object], cliniko: AsyncCliniko) -> None:
    result = call(cliniko)
    if inspect.isawaitable(result):
        await result


CALLS: dict[str, Callable[[Any], object]] = {
    "a text instead of a filter": lambda c: c.patients.list(f"last_name:={NAME}"),
    "the same of a scan": lambda c: c.patients.scan(f"last_name:={NAME}"),
    "the same of a nested list": lambda c: c.practitioners.list_for_business("1", f"name:={NAME}"),
    "a parent that is none": lambda c: c.practitioners.list_for_business(NAME),
    "a filter beside a wrong option": lambda c: c.patients.list(NAME, per_page=0),
    "a date as a text": lambda c: c.patients.filters.date_of_birth == NAME,
    "a moment as a text": lambda c: c.patients.filters.updated_at >= NAME,
    "a text as bytes": lambda c: c.patients.filters.last_name.contains(NAME.encode()),
    "an id that is none": lambda c: c.patients.filters.id.is_in([NAME]),
    "an order": lambda c: c.patients.list(sort=NAME),
    "get": lambda c: c.patients.get(NAME),
    "get_many": lambda c: c.patients.get_many([NAME]),
    "update": lambda c: c.patients.update(NAME, first_name=NAME),
    "archive": lambda c: c.patients.archive(NAME),
    "a field": lambda c: c.patients.create(first_name=NAME, date_of_birth=NAME),
    "a cursor": lambda c: c.patients.changes(cursor=NAME),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_refused_argument_is_in_no_variable_of_the_librarys_frames(
    call: Callable[[Any], object],
) -> None:
    emulator = Emulator(Clinic())
    transport = emulator.transport()
    async with AsyncCliniko("MS0xTEST-au1", user_agent=AGENT, transport=transport) as cliniko:
        with pytest.raises((InvalidTypeError, InvalidValueError)) as refused:
            await made(call, cliniko)
    assert NAME not in shown(refused.value)
    assert emulator.report.requests == 0


@pytest.mark.parametrize("name", ["base_url", "user_agent"])
def test_nor_is_what_a_session_refuses(name: str) -> None:
    wrong: Any = {"user_agent": AGENT, name: f"http://u:{NAME}@example.com/v1"}
    with pytest.raises(ClinikoError) as refused:
        AsyncCliniko("MS0xTEST-au1", **wrong)
    assert NAME not in shown(refused.value)


def test_what_is_deprecated_warns_at_the_line_that_calls_it() -> None:
    cliniko = AsyncCliniko("MS0xTEST-au1", user_agent=AGENT)
    with pytest.warns(DeprecationWarning, match="list") as warned:
        cliniko.invoices.list_for_patient("1")  # pyright: ignore[reportDeprecated] # that is the point
    assert warned[0].filename == __file__


def test_methods_keep_their_signatures_and_kinds() -> None:
    from cliniko_async.resources.patients import Patients  # noqa: PLC0415 - needed here alone

    assert inspect.iscoroutinefunction(Patients.get)
    assert not inspect.iscoroutinefunction(Patients.list)
    assert list(inspect.signature(Patients.get).parameters) == ["self", "id", "include"]
