"""The calls of the fault matrix: each does one thing, and knows how to see that it was done."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import attrs

from cliniko_async import AsyncCliniko
from cliniko_async.emulator import Clinic
from cliniko_async.export import Export, verify

NAME: Final = "Canaryname"
"""A value that is written and searched for, and stands in no error."""

PATIENTS: Final = 250


def full_clinic() -> Clinic:
    """A clinic with three pages of patients, and no attachments yet."""
    clinic = Clinic.seeded(patients=PATIENTS, appointments=0)
    for attachment in clinic.records("patient_attachments"):
        clinic.remove("patient_attachments", attachment["id"])
    return clinic


@attrs.frozen
class Subject:
    """What the calls work on."""

    clinic: Clinic
    folder: Path

    @property
    def patient(self) -> str:
        return str(self._shown()[0]["id"])

    def _shown(self) -> list[dict[str, Any]]:
        return [row for row in self.clinic.records("patients") if not row["archived_at"]]

    def shown(self) -> list[str]:
        """The patients whom lists show, in the order of their creation."""
        return [row["id"] for row in self._shown()]

    def named(self, resource: str, field: str) -> int:
        """How many records have the name that the calls write."""
        return sum(row[field] == NAME for row in self.clinic.records(resource))


async def list_all(cliniko: AsyncCliniko, subject: Subject) -> None:
    assert [p.id async for p in cliniko.patients.list()] == subject.shown()


async def list_sorted(cliniko: AsyncCliniko, subject: Subject) -> None:
    found = await cliniko.patients.list(sort="last_name").all()
    assert sorted(p.id for p in found) == sorted(subject.shown())


async def scan(cliniko: AsyncCliniko, subject: Subject) -> None:
    found = await cliniko.patients.scan().all()
    assert sorted(p.id for p in found) == sorted(subject.shown())


async def get(cliniko: AsyncCliniko, subject: Subject) -> None:
    patient = await cliniko.patients.get(subject.patient)
    assert patient.id == subject.patient


async def create(cliniko: AsyncCliniko, subject: Subject) -> None:
    tax = await cliniko.taxes.create(name=NAME)
    assert tax.name == NAME
    assert subject.named("taxes", "name") == 1


async def update(cliniko: AsyncCliniko, subject: Subject) -> None:
    patient = await cliniko.patients.update(subject.patient, last_name=NAME)
    assert patient.last_name == NAME
    assert subject.named("patients", "last_name") == 1


async def archive(cliniko: AsyncCliniko, subject: Subject) -> None:
    before = subject.shown()
    await cliniko.patients.archive(before[0])
    assert subject.shown() == before[1:]


async def export(cliniko: AsyncCliniko, subject: Subject) -> None:
    await Export(cliniko, ["patients"], subject.folder).run()
    lines = (subject.folder / "patients.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row["id"] for row in subject.clinic.records("patients")]
    assert [json.loads(line)["id"] for line in lines] == rows
    assert verify(subject.folder) == []


async def upload(cliniko: AsyncCliniko, subject: Subject) -> None:
    files = cliniko.patient_attachments
    made = await files.upload(subject.patient, b"%PDF-", filename=f"{NAME}.pdf", wait=60)
    assert made.filename == f"{NAME}.pdf"
    assert len(subject.clinic.records("patient_attachments")) == 1


@attrs.frozen
class Call:
    """A call, and the request that is the point of it."""

    run: Callable[[AsyncCliniko, Subject], Awaitable[None]]
    method: str
    template: str


CALLS: Final = {
    "list": Call(list_all, "GET", "/patients"),
    "sorted": Call(list_sorted, "GET", "/patients"),
    "get": Call(get, "GET", "/patients/{id}"),
    "create": Call(create, "POST", "/taxes"),
    "update": Call(update, "PATCH", "/patients/{id}"),
    "archive": Call(archive, "POST", "/patients/{id}/archive"),
    "scan": Call(scan, "GET", "/patients"),
    "export": Call(export, "GET", "/patients"),
    "upload": Call(upload, "POST", "/patient_attachments"),
}
