"""Book an appointment, and be sure of it: no double booking, conflicts seen, video link kept.

Usage: python examples/booking.py PATIENT_ID 2026-03-02T09:00:00+11:00

Needs CLINIKO_API_KEY and CLINIKO_USER_AGENT.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

from cliniko_async import AsyncCliniko, IndividualAppointment, OutcomeUnknownError


async def book(
    cliniko: AsyncCliniko, patient_id: str, starts_at: datetime
) -> IndividualAppointment:
    """Book the first bookable kind of appointment with the first practitioner who offers it."""
    f = cliniko.appointment_types.filters
    kind = await cliniko.appointment_types.list(f.show_in_online_bookings.is_true()).first()
    business = await cliniko.businesses.list().first()
    if kind is None or business is None:
        sys.exit("nothing can be booked here")
    practitioner = await cliniko.practitioners.list_for_appointment_type(kind.id).first()
    if practitioner is None:
        sys.exit(f"nobody offers appointment type {kind.id}")
    try:
        return await cliniko.individual_appointments.create(
            patient_id=patient_id,
            appointment_type_id=kind.id,
            practitioner_id=practitioner.id,
            business_id=business.id,
            starts_at=starts_at,
        )
    except OutcomeUnknownError:
        # It may have been booked: the API knows no idempotency keys, so look before trying again.
        found = await cliniko.individual_appointments.find_booked(
            patient_id=patient_id, appointment_type_id=kind.id, starts_at=starts_at
        )
        if found is None:
            raise
        return found


async def main() -> None:
    """Book, and take it back if it clashes."""
    patient_id, starts_at = sys.argv[1], datetime.fromisoformat(sys.argv[2])
    async with AsyncCliniko() as cliniko:
        appointment = await book(cliniko, patient_id, starts_at)
        if await cliniko.individual_appointments.conflicts(appointment.id):
            await cliniko.individual_appointments.cancel(
                appointment.id, reason="Other", note="Booked twice by mistake"
            )
            sys.exit("the practitioner is not free then: cancelled")
        # Anybody who has the video link gets into the call: it is not printed here.
        video = "with" if appointment.telehealth_url else "without"
        print(
            f"booked {appointment.id} for {appointment.starts_at:%d %B, %H:%M} UTC, {video} video"
        )


asyncio.run(main())
