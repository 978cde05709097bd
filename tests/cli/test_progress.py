"""What an export shows of itself, narrow and wide."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from commands import invoked
from hypothesis import given
from hypothesis import strategies as st

from cliniko_async.cli.progress import duration, picture
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.export import Progress, exportable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def limiter(next_place: float | None = None) -> Any:
    waiting = {"interactive": 0, "bulk": 0 if next_place is None else 3}
    return SimpleNamespace(free=0, waiting=waiting, next_place=next_place)


COUNTS = st.integers(0, 99_999_999)
STATES = st.lists(st.tuples(st.sampled_from(exportable()), COUNTS, COUNTS, st.booleans()))


@given(
    STATES,
    st.integers(38, 250),
    st.none() | st.floats(0, 1e6),
    st.none() | st.floats(0, 100),
    COUNTS,
)
def test_counts_are_never_cut(
    said: Sequence[tuple[str, int, int, bool]],
    width: int,
    left: float | None,
    next_place: float | None,
    sent: int,
) -> None:
    states = [Progress(name, min(n, total), total, done) for name, n, total, done in said]
    lines = picture(states, width, left, sent, limiter(next_place))
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    for state in states:
        if state.total and state.records and not state.done:
            assert f"{state.records:,} of {state.total:,}" in text
    assert f"{sent:,} request" in text


def test_bars_begin_in_one_column_whatever_the_name() -> None:
    states = [Progress(name, 1, 2) for name in exportable()]
    lines = picture(states, 80, None, 1, limiter())[:-1]
    assert len({line.index("━") for line in lines}) == 1


def test_it_counts_records_and_says_how_long_it_takes_yet() -> None:
    states = [Progress("patients", 1200, 2000), Progress("taxes", 1, 1, done=True)]
    lines = picture(states, 80, 24.4, 43, limiter(3.2))
    assert lines[0].startswith("patients ")
    assert lines[0].endswith("1,200 of 2,000")
    assert lines[1].endswith("1,201 of 2,001")
    assert lines[2] == "43 requests, 24 s left, waiting 3 s for the rate limit"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (89, "89 s"), (91, "2 min"), (5399, "90 min"), (9000, "2.5 h")],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.anyio
class TestAnExport:
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_its_last_words_fit_together(self, tmp_path: Path) -> None:
        """Waiting is said per request: all requests together wait longer than the export takes."""
        emulator = Emulator(Clinic.seeded(patients=900, appointments=0), limit=100, per=2)
        arguments = ("export", "patients", "--to", str(tmp_path), "--rate", "4/2")
        run = await invoked(emulator, *arguments)
        assert run.exit_code == 0, run.output
        said = dict(line.split(maxsplit=1) for line in run.stdout.splitlines() if " " in line)
        assert said["records"] == f"900 in {tmp_path}"
        seconds = float(said["time"].split()[0])
        each = float(said["limit"].split(", ")[-1].split()[0])
        assert 0 < each <= seconds
        assert said["requests"] == f"{emulator.report.requests}, none refused (429)"

    async def test_its_plan_costs_a_request_per_resource_and_writes_nothing(
        self, tmp_path: Path
    ) -> None:
        emulator = Emulator(Clinic.seeded(patients=900, appointments=0), limit=1000)
        arguments = ("export", "patients", "taxes", "--to", str(tmp_path / "clinic"), "--plan")
        run = await invoked(emulator, *arguments)
        assert run.stdout == "901 records, 12 requests: no wait for the rate limit\n"
        assert emulator.report.requests == 2
        assert list((tmp_path / "clinic").iterdir()) == []
