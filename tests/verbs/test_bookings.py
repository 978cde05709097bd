"""Booking safely: no double booking after an unclear answer, conflicts told, reasons by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, OutcomeUnknownError, RateLimit, TransportError
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.errors import InvalidValueError, NotFoundError

if TYPE_CHECKING:
    from cliniko_async.emulator.faults import Fault

pytestmark = pytest.mark.anyio

STARTS = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=3, appointments=0))


def session(emulator: Emulator) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xBOOK-au1",
        user_agent=AGENT,
        transport=emulator.transport(),
        rate_limit=RateLimit(100_000),
    )


def first(emulator: Emulator, resource: str) -> str:
    return str(emulator.clinic.records(resource)[0]["id"])


async def test_a_booking_with_an_unclear_answer_is_looked_for_before_it_is_made_again(
    emulator: Emulator,
) -> None:
    patient, kind = first(emulator, "patients"), first(emulator, "appointment_types")
    async with session(emulator) as cliniko:
        appointments = cliniko.with_options(retries=0).individual_appointments
        unclear: tuple[tuple[Fault, type[Exception], bool], ...] = (
            ("refuse", TransportError, False),
            ("reset", OutcomeUnknownError, True),
        )
        for fault, error, booked in unclear:
            emulator.faults.next(fault)
            with pytest.raises(error):
                await appointments.create(
                    patient_id=patient,
                    appointment_type_id=kind,
                    practitioner_id=first(emulator, "practitioners"),
                    business_id=first(emulator, "businesses"),
                    starts_at=STARTS,
                )
            found = await appointments.find_booked(
                patient_id=patient, appointment_type_id=kind, starts_at=STARTS
            )
            assert (found is not None) == booked
        other = STARTS + timedelta(minutes=1)
        assert not await appointments.find_booked(
            patient_id=patient, appointment_type_id=kind, starts_at=other
        )


async def test_book_see_conflicts_and_cancel_by_name(emulator: Emulator) -> None:
    async with session(emulator) as cliniko:
        booked = [
            await cliniko.individual_appointments.create(
                patient_id=patient["id"],
                appointment_type_id=first(emulator, "appointment_types"),
                practitioner_id=first(emulator, "practitioners"),
                business_id=first(emulator, "businesses"),
                starts_at=STARTS + timedelta(minutes=15 * number),
            )
            for number, patient in enumerate(emulator.clinic.records("patients")[:2])
        ]
        assert booked[0].ends_at == STARTS + timedelta(hours=1)
        assert await cliniko.individual_appointments.conflicts(booked[0].id)
        await cliniko.individual_appointments.cancel(booked[1].id, reason="Sick", note="Flu")
        assert not await cliniko.individual_appointments.conflicts(booked[0].id)
        with pytest.raises(NotFoundError):
            await cliniko.individual_appointments.get(booked[1].id)
        cancelled = await cliniko.individual_appointments.get(booked[1].id, include={"cancelled"})
        assert cancelled.cancellation_reason_description == "Sick"
        wrong: dict[str, str] = {"reason": "bored"}
        with pytest.raises(InvalidValueError, match="Sick"):
            await cliniko.individual_appointments.cancel(booked[0].id, **wrong)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # that is the point


async def test_links_lead_to_records_a_hundred_per_request() -> None:
    async with session(Emulator(Clinic.seeded(patients=150, appointments=300))) as cliniko:
        appointments = await cliniko.individual_appointments.list().all()
        before = cliniko.traffic.requests
        patients = await cliniko.patients.get_many(
            (appointment.patient for appointment in appointments), include={"archived"}
        )
        assert cliniko.traffic.requests - before == 2
        for appointment, patient in zip(appointments, patients, strict=True):
            assert appointment.patient is not None
            assert patient is not None
            assert appointment.patient.id == patient.id
        with pytest.raises(InvalidValueError, match="not to businesses"):
            await cliniko.businesses.get_many([appointments[0].patient])


async def test_a_link_to_a_list_is_listed_with_its_own_query() -> None:
    async with session(Emulator(Clinic.seeded(patients=20, appointments=300))) as cliniko:
        patient = await cliniko.patients.list().first()
        assert patient is not None
        assert patient.attendees is not None
        linked = await cliniko.attendees.list(link=patient.attendees).all()
        f = cliniko.attendees.filters
        assert linked == await cliniko.attendees.list(f.patient_id == patient.id).all()
        assert len(linked) > 1
        some = cliniko.attendees.list(f.id > linked[0].id, link=patient.attendees)
        assert await some.count() < len(linked)
        invoices = await cliniko.invoices.list(link=patient.invoices).all()
        assert {i.patient and i.patient.id for i in invoices} == {patient.id}
        for wrong in (patient.attendees, patient.latest_booking or patient.links):
            with pytest.raises(InvalidValueError, match="leads to"):
                cliniko.invoices.list(link=wrong)
