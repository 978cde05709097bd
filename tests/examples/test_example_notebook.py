"""The notebook, cell by cell, as Jupyter runs it: with `await` outside of functions."""

from __future__ import annotations

import ast
import inspect
import json
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pytest
from example_programs import EXAMPLES, environment

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

NOTEBOOK = EXAMPLES / "missed_appointments.ipynb"


@pytest.fixture
def anyio_backend() -> str:
    """The real clock, for a real socket."""
    return "asyncio"


async def ran(names: dict[str, Any]) -> None:
    """Run all cells."""
    mpl.use("Agg")
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            code = compile(
                "".join(cell["source"]), str(NOTEBOOK), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            )
            result = eval(code, names)  # noqa: S307 - our own notebook
            if inspect.isawaitable(result):
                await result


async def test_the_notebook_leads_from_a_key_to_a_plot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clinic, names = Clinic.seeded(patients=200, appointments=900), dict[str, Any]()
    async with running(Emulator(clinic, limit=100_000)) as base_url:
        for name in ("CLINIKO_API_KEY", "CLINIKO_USER_AGENT", "CLINIKO_BASE_URL"):
            monkeypatch.setenv(name, environment(base_url)[name])
        await ran(names)
    booked = [
        row
        for row in clinic.records("individual_appointments")
        if not (row["cancelled_at"] or row["deleted_at"])
    ]
    found = names["weekdays"]
    assert [day for day, _, _ in found] == [1, 2, 3, 4, 5, 6]  # in Melbourne nobody works on Sunday
    assert sum(kept for _, kept, _ in found) == sum(row["patient_arrived"] for row in booked)
    assert sum(missed for _, _, missed in found) == sum(row["did_not_arrive"] for row in booked)
    names["figure"].savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
    assert repr(names["appointments"]).startswith("<RecordTable of ")


def test_the_notebook_keeps_no_output() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
