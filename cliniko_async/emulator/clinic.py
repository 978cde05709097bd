"""A clinic's records, as tests and demos make them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from cliniko_async.emulator.checks import as_stored, known
from cliniko_async.emulator.tables import Table, Tables

if TYPE_CHECKING:
    from datetime import date

__all__ = ["Clinic", "Table"]

Record = dict[str, Any]


class Clinic(Tables):
    """All records of an account. The next request sees what is changed here.

    Args:
        seed: For ids, which have nothing to do with time, as the API's documentation promises
            nothing of the kind.
        now: The clinic's clock; the emulator puts its own in.
    """

    @classmethod
    def seeded(
        cls,
        *,
        patients: int = 200,
        appointments: int = 1000,
        seed: int = 0,
        today: date | None = None,
    ) -> Clinic:
        """A made-up clinic of any size, the same for the same numbers and the same day.

        Args:
            patients: How many there are.
            appointments: How many individual ones; group appointments come on top.
            seed: Another seed makes another clinic.
            today: The day it is: what is before it has happened, and nothing that was written is
                later. By default the current day in Melbourne, where the clinic is.
        """
        from cliniko_async.emulator.seeds import fill  # noqa: PLC0415 - only where it is used

        clinic = cls(seed=seed)
        fill(clinic, patients=patients, appointments=appointments, seed=seed, today=today)
        # The same numbers on another day are another clinic, whose records are others.
        size = f"account {seed} {patients} {appointments} {clinic.today}"
        clinic.account_id = str(Random(size).randrange(10**17, 2**63))  # noqa: S311 - no secrets here
        return clinic

    @classmethod
    def demo(cls, today: date | None = None) -> Clinic:
        """A made-up clinic of about 12,000 records in the resources of the demo."""
        return cls.seeded(patients=1400, appointments=2800, seed=1, today=today)

    def create(self, resource: str, **values: Any) -> Record:
        """Add a record, checked as the API's own fields are.

        Members that are left out get the simplest value that they can have. `patient_id="..."` and
        the like become relations; it is not checked that the record exists. Dates, aware
        date-times and decimals are accepted as such, or as the API writes them.

        Args:
            resource: Its name, as in the URL.
            values: Members of the record, `id`, `created_at` and `updated_at` among them.

        Raises:
            TypeError: A member does not exist, or its value has another type.
            ValueError: The resource does not exist, or the API does not know the value.
        """
        return self.add(resource, as_stored(resource, values))

    def update(self, resource: str, id: str, **values: Any) -> Record:
        """Change a record, checked as `create` checks it.

        Raises:
            KeyError: No record has this id.
            TypeError: A member does not exist, or its value has another type.
            ValueError: The resource does not exist, or the API does not know the value.
        """
        return self.change(resource, id, as_stored(resource, values))

    def spoil(self, resource: str, id: str, **values: Any) -> Record:
        """Put values into a record that no API would send, to see how your program takes them.

        Raises:
            KeyError: No record has this id.
            ValueError: The resource does not exist.
        """
        return self.change(known(resource), id, values)
