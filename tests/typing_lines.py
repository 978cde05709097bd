"""What type checkers accept and refuse: a wrong line that passed would leave its ignore unused.

Nothing here runs; `nox -s types` reads it, and both checkers report ignores without use.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true, reportUnusedCoroutine=false

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, assert_type

from cliniko_async import (
    AsyncCliniko,
    CancellationReason,
    Change,
    Content,
    CustomFields,
    CustomSection,
    CustomText,
    Filter,
    Link,
    Listing,
    Patient,
    Section,
    Tax,
    TextQuestion,
    TreatmentNoteUpdateFields,
)
from cliniko_async.resources.patients import PatientFilters

if TYPE_CHECKING:
    NOW = datetime(2026, 1, 1, tzinfo=UTC)

    async def right(cliniko: AsyncCliniko) -> None:
        f = cliniko.patients.filters
        assert_type(f, PatientFilters)
        assert_type(AsyncCliniko.patients.filters, PatientFilters)
        async for patient in cliniko.patients.list(
            f.last_name.contains("son"),
            f.updated_at >= NOW,
            f.id.is_in(["1"]),
            sort=(f.last_name, f.created_at.desc()),
            include={"archived"},
        ):
            assert_type(patient, Patient)
            assert_type(patient.date_of_birth, date | None)
            assert_type(patient.concession_type, Link | None)
        assert_type(await cliniko.patients.list().first(), Patient | None)
        assert_type(await cliniko.patients.list().count(), int)
        assert_type(await cliniko.patients.get_many(["1"]), list[Patient])
        assert_type(await cliniko.patients.get_many(["1", None]), list[Patient | None])
        assert_type(await cliniko.patients.get_many(["1"], missing="none"), list[Patient | None])
        assert_type(await cliniko.taxes.create(name="GST", rate=Decimal(10)), Tax)
        async for page in cliniko.taxes.list().pages():
            assert_type(page.total_entries, int)

    async def names(listing: Listing[Patient]) -> list[str]:
        """A function of a user's, with nothing private in its annotations."""
        return [patient.id async for patient in listing]

    async def parts(cliniko: AsyncCliniko, reason: CancellationReason) -> None:
        """Notes with content, custom fields, a cancellation: from the top alone."""
        question = TextQuestion(name="Pain", type="text", answer="None")
        content = Content(sections=[Section(name="Examination", questions=[question])])
        fields: TreatmentNoteUpdateFields = {"title": "Review", "content": content}
        await cliniko.treatment_notes.update("1", **fields)
        custom = CustomFields(
            sections=[CustomSection(token="a", fields=[CustomText(token="b", value="Left")])]
        )
        await cliniko.patients.update("1", custom_fields=custom)
        await cliniko.individual_appointments.cancel("1", reason=reason)
        where: Filter[PatientFilters] = cliniko.patients.filters.email.not_null()
        await names(cliniko.patients.list(where))
        await names(cliniko.patients.scan(where))
        change: Change[Patient]
        async for change in cliniko.patients.changes(since=NOW):
            assert_type(change.record, Patient)

    async def wrong(cliniko: AsyncCliniko, patient: Patient) -> None:
        p, t = cliniko.patients.filters, cliniko.taxes.filters
        p.lastname == "x"  # type: ignore[attr-defined]
        cliniko.patients.list(t.id > "1")  # type: ignore[arg-type]
        cliniko.patients.list("last_name:=x")  # type: ignore[arg-type]
        cliniko.patients.list(p.created_at == NOW)  # type: ignore[arg-type]
        cliniko.patients.list(p.last_name)  # type: ignore[arg-type]
        cliniko.patients.list(p.last_name > "x")  # type: ignore[operator, arg-type]
        cliniko.patients.list(p.created_at.contains("x"))  # type: ignore[attr-defined]
        cliniko.patients.list(include={"cancelled"})  # type: ignore[arg-type]
        cliniko.taxes.list(include={"archived"})  # type: ignore[arg-type]
        cliniko.taxes.list(sort=p.created_at)  # type: ignore[arg-type]
        await cliniko.taxes.archive("1")  # type: ignore[attr-defined]
        await cliniko.practitioners.create(first_name="x")  # type: ignore[attr-defined]
        await cliniko.patients.get(5)  # type: ignore[arg-type]
        await cliniko.patients.update("1", frist_name="x")  # type: ignore[call-arg]
        await cliniko.taxes.update("1", rate="x")  # type: ignore[arg-type]
        await cliniko.individual_appointments.cancel("1", reason="bored")  # type: ignore[arg-type]
        patient.first_name = "x"  # type: ignore[misc]
        patient.surname  # type: ignore[attr-defined]
        cliniko.pateints  # type: ignore[attr-defined]
