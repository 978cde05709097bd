"""Many writes to one resource, planned before they are sent, and safe to kill.

A write is noted in a ledger before it leaves and after it was answered. A run that finds a write
without an answer, its own or a killed run's, looks for the record by its key before it sends the
write again; not before the server must have dropped or done the first one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from cliniko_async.apply._keys import Key
from cliniko_async.apply._ledger import Ledger
from cliniko_async.apply._plan import Action, Plan, find_records, plan_rows, read_row
from cliniko_async.apply._run import ApplyProgress, ApplySummary, Job, Run
from cliniko_async.errors import InvalidTypeError, InvalidValueError
from cliniko_async.export._owner import owner_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from cliniko_async._client import AsyncCliniko

__all__ = ["Apply"]


class Apply:
    """Creates, updates or archives many records of one resource.

    `await plan()` reads, and says what would happen to each row; `await run()` does it. Start a run
    that was killed again with the same arguments: it continues, and sends nothing twice.

    Args:
        cliniko: An open session. Requests go through its bulk lane.
        resource: The resource's name, as in the URL: `patients`.
        rows: What to write, a mapping per row with the fields of `create`. For records that are
            known by their id, with `id` as well.
        key: The field, or several, by which a row's record is found: `"old_reference_id"`,
            `("last_name", "first_name", "date_of_birth")`, or `"id"`. It must be a field that
            the resource can be filtered by. A row with an `id` is never created.
        action: "upsert" creates what is missing and updates what differs; "create" and "update"
            do one of the two; "archive" archives what is found.
        texts: Whether rows hold JSON values, as those of a CSV or JSON file do: texts for dates,
            date-times and money. Otherwise they hold what `create` takes.
        ledger: A file that remembers what was sent. It holds hashes and ids, no values, and only
            you can read it. Required to run.

    Raises:
        InvalidValueError: The resource, the action or the key is not one that can be used.
        InvalidTypeError: A row is not a mapping.
    """

    def __init__(
        self,
        cliniko: AsyncCliniko,
        resource: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        key: str | Sequence[str],
        action: Action = "upsert",
        texts: bool = False,
        ledger: str | os.PathLike[str] | None = None,
    ) -> None:
        self._words = "<Apply>"  # crash reporters show an object that could not be made, too
        bulk = cliniko.with_options(lane="bulk")
        target: Any = getattr(bulk, resource, None)
        if action not in get_args(Action):
            raise InvalidValueError(f"action= takes one of {', '.join(get_args(Action))}")
        verbs = {"upsert": ("create", "update")}.get(action, (action,))
        if not all(hasattr(target, verb) for verb in ("list", *verbs)):
            raise InvalidValueError(
                f"{resource} cannot be written so: name a resource that has all of "
                f"{', '.join(('list', *verbs))}"
            )
        found_by = Key((key,) if isinstance(key, str) else tuple(key), target.filters)
        kind = None if action == "archive" else _fields_kind(target, verbs[0])
        given: Sequence[Any] = list(rows)
        odd = [number for number, row in enumerate(given) if not isinstance(row, Mapping)]
        if odd:
            del rows, given  # crash reporters show the variables of frames
            raise InvalidTypeError(
                f"row {odd[0]} is not a mapping of fields: "
                "of a data frame take frame.to_dict('records')"
            )
        checked = [
            read_row(number, row, found_by, kind, texts=texts) for number, row in enumerate(given)
        ]
        self._job = Job(bulk, target, action, found_by, checked)
        self._ledger = None if ledger is None else Path(ledger)
        self._words = f"<Apply {action} {len(checked)} {target.name}>"

    async def plan(self) -> Plan:
        """Find out, by reading only, what would happen to each row.

        Raises:
            ClinikoError: The records could not be read.
        """
        job = self._job
        found = await find_records(job.resource, job.key, job.rows)
        return Plan.of(plan_rows(job.action, job.rows, found), job.cliniko.rate_limit)

    async def run(
        self, *, on_progress: Callable[[ApplyProgress], object] | None = None
    ) -> ApplySummary:
        """Write what the plan says, and continue where an earlier run was killed.

        Args:
            on_progress: Called with an `ApplyProgress` after each write.

        Raises:
            InvalidValueError: No ledger is named, or it belongs to another job.
            ClinikoError: Something stops all rows, such as a key that is no longer valid. Start
                the run again when that is solved.
        """
        if self._ledger is None:
            raise InvalidValueError("ledger= names the file that remembers what was sent")
        job = self._job
        parts = (job.resource.path, job.action, *job.key.names)
        name = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        owner = await owner_of(job.cliniko)
        with Ledger.opened(self._ledger, name, owner) as ledger:
            return await Run(job, ledger, on_progress).run()

    def __repr__(self) -> str:
        return self._words


def _fields_kind(resource: Any, verb: str) -> type[Any]:
    """The `...Fields` that a verb takes."""
    method = getattr(resource, verb)
    (kind,) = get_args(get_type_hints(method)["fields"])
    found: type[Any] = kind
    return found
