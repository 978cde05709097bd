"""An account's records, table by table. The next request sees what is changed here."""

from __future__ import annotations

import mimetypes
from bisect import bisect_right
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Final

from cliniko_async.emulator import moments
from cliniko_async.emulator.records import blank, link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

__all__ = ["KINDS_OF", "Table", "Tables", "processed"]

Record = dict[str, Any]

KINDS_OF: Final[Mapping[str, Sequence[str]]] = {
    "appointments": ("individual_appointments", "group_appointments"),
    "bookings": ("individual_appointments", "group_appointments", "unavailable_blocks"),
}
"""Lists that show the records of several tables."""

HOMES: Final[Mapping[str, str]] = {
    "business": "businesses",
    "booking": "bookings",
    "referring_doctor": "contacts",
    "referrer": "patients",
    "related_patient": "patients",
    "merged_with_patient": "patients",
    "original_invoice": "invoices",
    "default_appointment_type": "appointment_types",
    "tax": "taxes",
}
"""The resources of relations whose plural is not the relation's name and an s."""


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


class Tables:
    """All records of an account, and its files and settings.

    Args:
        seed: For ids, which have nothing to do with time, as the API's documentation promises
            nothing of the kind.
        now: The clinic's clock; the emulator puts its own in.
    """

    def __init__(self, *, seed: int = 0, now: Callable[[], datetime] | None = None) -> None:
        self.tables: dict[str, Table] = {}
        self.now: Callable[[], datetime] = now or (lambda: datetime.now(UTC))
        self.today: date | None = None
        """The day around which a made-up clinic was made; virtual clocks begin on it."""
        self.files: dict[str, bytes] = {}
        """What attachments hold, by the attachment's id."""
        self.settings: Record = {}
        """Members of the account's settings, in place of the simplest ones."""
        self.archiving_touches_updated_at: bool = True
        """Whether archiving, and bringing back from the archive, count as updates."""
        self.account_id: str = str(Random(f"account {seed}").randrange(10**17, 2**63))  # noqa: S311 - no secrets here
        self._random = Random(seed)  # noqa: S311 - likewise

    def table(self, resource: str) -> Table:
        """The records of a resource."""
        return self.tables.setdefault(resource, Table())

    def tables_of(self, resource: str) -> list[Table]:
        """The tables that a list shows: appointments of all kinds and blocks are bookings, too."""
        return [self.table(name) for name in KINDS_OF.get(resource, (resource,))]

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
        return moments.text(self.now())

    def add(self, resource: str, values: Mapping[str, Any]) -> Record:
        """Add a record whose values are as the API writes them: nothing is checked."""
        given = dict(values)
        record = blank(resource, str(given.pop("id", None) or self.new_id()))
        record["created_at"] = record["updated_at"] = given.pop("created_at", None) or self.moment()
        self._set(record, given)
        self.table(resource).add(record)
        return record

    def change(self, resource: str, id: str, values: Mapping[str, Any]) -> Record:
        """Change a record to values as the API writes them: nothing is checked."""
        table = self.table(resource)
        record = table.by_id[id]
        self._set(record, values)
        record["updated_at"] = values.get("updated_at") or self.moment()
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

    def _set(self, record: Record, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            relation = name.removesuffix("_id")
            if name == relation or name in record:
                record[name] = value
            elif value is None:
                record.pop(relation, None)
            else:
                record[relation] = link(f"{_home(relation)}/{value}")


def processed(id: str, name: str, content: bytes, moment: str) -> Record:
    """What an attachment says of its file when that has been processed."""
    return {
        "filename": name,
        "content_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
        "size": len(content),
        "content": link(f"patient_attachments/{id}/content"),
        "processed_at": moment,
        "processing_completed": True,
    }


def _home(relation: str) -> str:
    """The resource that a relation leads to."""
    return HOMES.get(relation, f"{relation}s")
