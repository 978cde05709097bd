"""Tables straight from a list: typed as a mirror's, taken by other libraries, silent in reprs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import duckdb
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, DecodeError, InvalidTypeError, InvalidValueError, RateLimit
from cliniko_async._models.arrow import schema_of
from cliniko_async.emulator import Clinic, Emulator

pytestmark = pytest.mark.anyio

# Without types of their own, or not worth a checker's time.
pandas, polars, pyarrow = map(import_module, ("pandas", "polars", "pyarrow"))


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=330, appointments=150), limit=100_000)


def session(emulator: Emulator) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xTABLES-au1",
        user_agent=AGENT,
        transport=emulator.transport(),
        rate_limit=RateLimit(100_000),
    )


async def test_a_table_has_the_rows_of_the_list_and_the_types_of_the_model(
    emulator: Emulator,
) -> None:
    async with session(emulator) as cliniko:
        listing = cliniko.invoices.list(include={"archived"})
        records, table = await listing.all(), await listing.table()
        empty = await cliniko.recalls.list(cliniko.recalls.filters.id == "1").table()
        available = await cliniko.invoices.list(include={"archived"}).raw().table()
    assert table.shape == (len(records), len(table.column_names))
    rows = table.arrow.to_pylist()
    assert [row["total_amount"] for row in rows] == [record.total_amount for record in records]
    assert [row["patient_id"] for row in rows] == [r.patient and r.patient.id for r in records]
    assert [row["created_at"] for row in rows] == [record.created_at for record in records]
    model: Any = type(records[0])
    assert table.schema == schema_of(model)
    assert available.arrow == table.arrow
    assert len(empty) == 0
    assert "patient_id" in empty.column_names


async def test_other_libraries_take_it_as_it_is(emulator: Emulator) -> None:
    shown = [row for row in emulator.clinic.records("patients") if not row["archived_at"]]
    async with session(emulator) as cliniko:
        patients = await cliniko.patients.list().table()
    counted: Any = duckdb.sql("SELECT count(*), count(DISTINCT id) FROM patients")
    assert counted.fetchall() == [(len(shown), len(shown))]
    # An older pandas takes no Arrow tables itself.
    of_pandas: Any = getattr(pandas.DataFrame, "from_arrow", None)
    frames: list[Any] = [patients.to_pandas(), polars.DataFrame(patients)]
    frames += [of_pandas(patients)] if of_pandas else []
    for frame in frames:
        assert list(frame["first_name"]) == [row["first_name"] for row in shown]
    assert pyarrow.table(patients).num_rows == len(shown)


async def test_batches_have_as_many_rows_as_are_asked_for(emulator: Emulator) -> None:
    async with session(emulator) as cliniko:
        listing = cliniko.patients.list(include={"archived"})
        sizes = [len(batch) async for batch in listing.batches(rows=150)]
        batches = listing.batches(rows=7)
        first = await anext(batches)
        await batches.aclose()
        whole = await listing.table()
    assert sizes == [150, 150, 30]
    assert first.arrow == whole.arrow.slice(0, 7)


async def test_no_repr_shows_a_row(emulator: Emulator) -> None:
    async with session(emulator) as cliniko:
        batches = cliniko.patients.list(include={"archived"}).batches()
        table = await anext(batches)
    columns = len(table.column_names)
    assert repr(table) == f"<RecordTable of 330 rows, {columns} columns>"
    html: str = table._repr_html_()  # pyright: ignore[reportPrivateUsage] # what Jupyter calls
    assert html == f"<p>RecordTable of 330 rows, {columns} columns</p>"
    assert "example.com" not in f"{batches!r} {table!s} {table} {html}"


async def test_records_that_do_not_fit_are_raised_or_left_out(emulator: Emulator) -> None:
    clinic, bad = emulator.clinic, list[DecodeError]()
    spoilt = clinic.records("patients")[5]["id"]
    clinic.spoil("patients", spoilt, date_of_birth="Canary")
    async with session(emulator) as cliniko:
        with pytest.raises(DecodeError, match="date_of_birth") as caught:
            await cliniko.patients.list(include={"archived"}).table()
        listing = cliniko.patients.list(include={"archived"}, on_bad_record=bad.append)
        table = await listing.table()
    assert "Canary" not in str(caught.value)
    assert caught.value.id == spoilt
    assert [error.id for error in bad] == [spoilt]
    assert len(table) == 329


async def test_a_number_of_rows_that_is_none_is_an_error_at_once(emulator: Emulator) -> None:
    wrong: list[Any] = [0, -1, True, "7"]
    async with session(emulator) as cliniko:
        for rows in wrong:
            with pytest.raises(InvalidValueError, match="10_000"):
                cliniko.patients.list().batches(rows=rows)
    assert emulator.report.requests == 0


async def test_what_records_are_linked_to_is_found_by_id_even_if_it_is_hidden(
    emulator: Emulator,
) -> None:
    clinic = emulator.clinic
    async with session(emulator) as cliniko:
        appointments = await cliniko.individual_appointments.list().all()
        linked = {a.patient.id for a in appointments if a.patient}
        gone = next(a.patient.id for a in appointments if a.patient)
        clinic.remove("patients", gone)
        emulator.report.arrivals.clear()
        patients = await cliniko.patients.by_id(a.patient for a in appointments)
        assert emulator.report.requests == -(-len(linked) // 100)
        practitioners = await cliniko.practitioners.by_id(
            [None, *(a.practitioner for a in appointments)]
        )
        assert await cliniko.patients.by_id([]) == {}
        with pytest.raises(InvalidTypeError, match="several"):
            await cliniko.patients.by_id("123")
        with pytest.raises(InvalidValueError, match="not to businesses"):
            await cliniko.businesses.by_id(a.patient for a in appointments)
    assert patients.keys() == linked - {gone}
    assert any(patient.archived_at for patient in patients.values())
    assert all(patients[id].id == id for id in patients)
    assert practitioners.keys() == {a.practitioner.id for a in appointments if a.practitioner}
