"""A clinic's records, live: what is changed here is what the next request sees."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from cliniko_async.emulator.records import blank, link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Clinic", "Table"]

Record = dict[str, Any]


class Table:
    """The records of one resource, in the order of their creation."""

    def __init__(self) -> None:
        self.by_id: dict[str, Record] = {}
        self.version: int = 0
        """Rises with every change, so that what was worked out can be thrown away."""
        self.encoded: dict[str, bytes] = {}
        """Records as JSON, until they change."""
        self._order: list[tuple[str, int, str]] = []

    def add(self, record: Record) -> None:
        """Put a record in its place in time."""
        place = (record["created_at"], len(self._order), record["id"])
        if not self._order or place > self._order[-1]:
            self._order.append(place)
        else:
            self._order.insert(bisect_right(self._order, place), place)
        self.by_id[record["id"]] = record
        self.version += 1

    def remove(self, id: str) -> None:
        """Take a record away for good."""
        del self.by_id[id]
        self._order = [place for place in self._order if place[2] != id]
        self.touch(id)

    def touch(self, id: str) -> None:
        """Note that a record has changed."""
        self.encoded.pop(id, None)
        self.version += 1

    def __iter__(self) -> Iterator[Record]:
        by_id = self.by_id
        return (by_id[id] for _, _, id in self._order)

    def __len__(self) -> int:
        return len(self.by_id)


class Clinic:
    """All records of an account.

    Args:
        seed: For ids, which have nothing to do with time, as the API's documentation promises
            nothing of the kind.
        now: The clinic's clock; the emulator puts its own in.
    """

    def __init__(self, *, seed: int = 0, now: Callable[[], datetime] | None = None) -> None:
        self.tables: dict[str, Table] = {}
        self.now: Callable[[], datetime] = now or (lambda: datetime.now(UTC))
        self.archiving_touches_updated_at: bool = True
        """Whether archiving, and bringing back from the archive, count as updates."""
        self.account_id: str = str(Random(f"account {seed}").randrange(10**17, 2**63))  # noqa: S311 - no secrets here
        self._random = Random(seed)  # noqa: S311 - likewise

    @classmethod
    def seeded(cls, *, patients: int = 200, appointments: int = 1000, seed: int = 0) -> Clinic:
        """A made-up clinic of any size, the same for the same numbers."""
        from cliniko_async.emulator.seeds import fill  # noqa: PLC0415 - seeds build on clinics

        clinic = cls(seed=seed)
        size = f"account {seed} {patients} {appointments}"
        clinic.account_id = str(Random(size).randrange(10**17, 2**63))  # noqa: S311 - no secrets here
        fill(clinic, patients=patients, appointments=appointments, seed=seed)
        return clinic

    @classmethod
    def demo(cls) -> Clinic:
        """A made-up clinic of about 12,000 records."""
        return cls.seeded(patients=2000, appointments=4000, seed=1)

    def table(self, resource: str) -> Table:
        """The records of a resource."""
        return self.tables.setdefault(resource, Table())

    def tables_of(self, resource: str) -> list[Table]:
        """The tables that a list shows: appointments of all kinds and blocks are bookings, too."""
        return [self.table(name) for name in _KINDS_OF.get(resource, (resource,))]

    def find(self, resource: str, id: str) -> Record | None:
        """A record by its id."""
        for table in self.tables_of(resource):
            found = table.by_id.get(id)
            if found is not None:
                return found
        return None

    def records(self, resource: str) -> list[Record]:
        """All records of a resource, hidden ones too, in the order of their creation."""
        return list(self.table(resource))

    def new_id(self) -> str:
        """An id as large as the API's are."""
        return str(self._random.randrange(10**17, 2**63))

    def moment(self) -> str:
        """Now, as the API writes it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def create(self, resource: str, **values: Any) -> Record:
        """Add a record. `patient_id="..."` and the like become relations."""
        record = blank(resource, str(values.pop("id", None) or self.new_id()))
        record["created_at"] = record["updated_at"] = (
            values.pop("created_at", None) or self.moment()
        )
        self._set(record, values)
        self.table(resource).add(record)
        return record

    def update(self, resource: str, id: str, **values: Any) -> Record:
        """Change a record."""
        table = self.table(resource)
        record = table.by_id[id]
        self._set(record, values)
        record["updated_at"] = self.moment()
        table.touch(id)
        return record

    def mark(self, resource: str, id: str, mark: str, *, at: str | None = None) -> None:
        """Set `archived_at`, `cancelled_at` or `deleted_at`, which hides a record."""
        table = self.table(resource)
        record = table.by_id[id]
        record[mark] = at or self.moment()
        if self.archiving_touches_updated_at:
            record["updated_at"] = record[mark]
        table.touch(id)

    def archive(self, resource: str, id: str) -> None:
        """Archive a record."""
        self.mark(resource, id, "archived_at")

    def unarchive(self, resource: str, id: str) -> None:
        """Bring a record back from the archive."""
        table = self.table(resource)
        record = table.by_id[id]
        record["archived_at"] = None
        if self.archiving_touches_updated_at:
            record["updated_at"] = self.moment()
        table.touch(id)

    def remove(self, resource: str, id: str) -> None:
        """Delete a record for good."""
        self.table(resource).remove(id)

    def _set(self, record: Record, values: dict[str, Any]) -> None:
        for name, value in values.items():
            relation = name.removesuffix("_id")
            if name == relation or name in record:
                record[name] = value
            elif value is None:
                record.pop(relation, None)
            else:
                record[relation] = link(f"{_home(relation)}/{value}")


_KINDS_OF = {
    "appointments": ("individual_appointments", "group_appointments"),
    "bookings": ("individual_appointments", "group_appointments", "unavailable_blocks"),
}

_HOMES = {
    "business": "businesses",
    "booking": "bookings",
    "referring_doctor": "contacts",
    "related_patient": "patients",
    "merged_with_patient": "patients",
    "original_invoice": "invoices",
    "default_appointment_type": "appointment_types",
    "tax": "taxes",
}


def _home(relation: str) -> str:
    """The resource that a relation leads to."""
    return _HOMES.get(relation, f"{relation}s")


def seconds_after(moment: str, seconds: float) -> str:
    """A moment so many seconds after another one, both as the API writes them."""
    start = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return (start + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
