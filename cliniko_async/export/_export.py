"""Export: a clinic's records as files, one file per resource.

JSON Lines hold each record exactly as the API sent it; Parquet has typed columns. A file appears
under its name when it is complete, not before: until then, the old file is there. An export
that was killed continues where it stopped when it is started again.

It continues from the second at which the last record was created. That is right only for a list in
the order of creation, so two things are checked: every row that was written came in that order,
and the rows in the file and those still to come add up to the whole list. If either
fails, the list is read again from the start.
"""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio
import anyio.to_thread

from cliniko_async._lists import undecoded
from cliniko_async._verbs.include import hidden_kinds
from cliniko_async.errors import (
    ClinikoError,
    DecodeError,
    ExportError,
    IncompleteListingError,
    InvalidValueError,
)
from cliniko_async.export._manifest import LeftOut, Manifest, Part, locked, sha256_of
from cliniko_async.export._names import checked_include, checked_names, private_folder
from cliniko_async.export._owner import owner_of
from cliniko_async.export._progress import AT_ONCE, Cost, Pace, Progress, Summary, cost_of
from cliniko_async.export._rows_file import RowsFile, write_parquet

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import msgspec

    from cliniko_async._client import AsyncCliniko
    from cliniko_async._lists import OnBadRecord
    from cliniko_async._lists.listing import Listing, ListingPage, PageIterator
    from cliniko_async._query.fields import Filter
    from cliniko_async.export._names import Hidden

__all__ = ["Export", "export"]

logger: Final = logging.getLogger("cliniko_async.export")

Format = Literal["jsonl", "parquet"]


async def export(
    cliniko: AsyncCliniko,
    resources: Iterable[str],
    to: str | os.PathLike[str],
    *,
    format: Format = "jsonl",
    include: Literal["all"] | Iterable[Hidden] = "all",
    on_progress: Callable[[Progress], object] | None = None,
    on_cost: Callable[[Cost], object] | None = None,
    on_bad_record: OnBadRecord = "skip",
) -> Summary:
    """Export resources into a folder that nobody else can read, or what is left of them.

    The arguments and errors are those of `Export` and its `run`.
    """
    job = Export(
        cliniko,
        resources,
        to,
        format=format,
        include=include,
        on_progress=on_progress,
        on_cost=on_cost,
        on_bad_record=on_bad_record,
    )
    return await job.run()


class Export:
    """Exports resources into a folder that nobody else can read.

    Args:
        cliniko: An open session. Its bulk lane is used, so that interactive calls go first.
        resources: Their names, as in the URL.
        to: The folder; it is created if necessary.
        format: JSON Lines, or Parquet with the extra `parquet`.
        include: Kinds of records that the API otherwise hides, if a resource has them:
            "archived", "cancelled", "deleted", "inactive". All of them by default; `()` for none.
        on_progress: Called with the progress of a resource whenever there is some.
        on_cost: Called once with what the export will cost, after the first page of each resource.
        on_bad_record: What happens to a record that does not fit its model, in a format with typed
            columns. By default it is left out; the warnings at the end name it and its field, and
            the summary has it. A function is called with the `DecodeError` instead of a warning.
            "raise" ends the export. JSON Lines hold every record.

    Attributes:
        progress: How far each resource has come.

    Raises:
        InvalidValueError: A resource that does not exist, a folder that cannot be written to, or
            one that holds an export with other options.
    """

    def __init__(
        self,
        cliniko: AsyncCliniko,
        resources: Iterable[str],
        to: str | os.PathLike[str],
        *,
        format: Format = "jsonl",
        include: Literal["all"] | Iterable[Hidden] = "all",
        on_progress: Callable[[Progress], object] | None = None,
        on_cost: Callable[[Cost], object] | None = None,
        on_bad_record: OnBadRecord = "skip",
    ) -> None:
        if format not in ("jsonl", "parquet"):
            raise InvalidValueError("format= takes 'jsonl' or 'parquet'")
        if format == "parquet":  # what is missing is said before a request is spent
            import_module("cliniko_async._models.arrow")
        if on_bad_record not in ("raise", "skip") and not callable(on_bad_record):
            raise InvalidValueError("on_bad_record= takes 'raise', 'skip' or a function")
        self._cliniko = cliniko.with_options(lane="bulk")
        self._format: Format = format
        self._include: Sequence[str] = checked_include(include)
        self._on_progress = on_progress
        self._on_cost = on_cost
        self._on_bad_record: OnBadRecord = on_bad_record
        names = checked_names(tuple(resources))
        self.progress: dict[str, Progress] = {name: Progress(name) for name in names}
        self._folder = private_folder(Path(to))
        self._manifest = self._take_up()
        self._unstarted = len(self.progress)
        self._all_started = anyio.Event()
        self._pace = Pace(cliniko)
        self._at_start = 0

    def _take_up(self) -> Manifest:
        """The folder's manifest, or a new one."""
        chosen = (self._format, *sorted(self._include))
        options = hashlib.sha256(" ".join(chosen).encode()).hexdigest()
        found = Manifest.load(self._folder)
        if found and found.options != options:
            raise InvalidValueError(
                f"{self._folder} holds an export with other options: name another folder"
            )
        manifest = found or Manifest(options)
        for name in self.progress:
            if name not in {**manifest.files, **manifest.parts} and self._named(name).exists():
                raise InvalidValueError(
                    f"{self._named(name)} is there, and no export into this folder has written "
                    "it: move it, or name another folder"
                )
        return manifest

    async def plan(self) -> Cost:
        """Find out what is still to come, and read nothing: one request per resource."""
        found: dict[str, int] = {}
        for name in self.progress:
            part = self._manifest.parts.get(name, Part())
            if await self._whole_file(name, part) is None:
                written = part.records if part.sha256 is None else 0
                found[name] = max(await self._listing(name).count() - written, 0)
        return self._cost(found)

    def _cost(self, left: Mapping[str, int]) -> Cost:
        """What so many records cost, with the account, and all counts of the lists."""
        apart = sum("inactive" in self._hidden(name) for name in left)
        parts = [self._manifest.parts.get(name, Part()) for name in left]
        resumed = sum(part.through is not None for part in parts)
        more = 1 + 2 * apart + 2 * resumed
        return cost_of(self._cliniko, left, two_lists=apart, more=more)

    async def run(self) -> Summary:
        """Export all resources, or what is left of them.

        Raises:
            ClinikoError: A resource could not be exported. The next run continues from there.
            ExportError: A file could not be written; likewise.
            InvalidValueError: The folder holds an export of another account, or another export
                is writing to it.
        """
        started = time.monotonic()
        with locked(self._folder):
            self._manifest = self._take_up()  # another process may have gone on in the meantime
            await self._check_owner()
            held = [at - time.time() for at in self._manifest.held]
            self._cliniko._hold_places(held)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # a part of the library
            await self._export_all()
            self._manifest.end(self.progress)
            self._save()
        traffic = self._cliniko.traffic
        return Summary(
            records={name: progress.records for name, progress in self.progress.items()},
            requests=traffic.requests,
            refused=traffic.refused,
            waited=traffic.waited,
            busiest=traffic.busiest,
            seconds=time.monotonic() - started,
            bad_records=self._bad_records(),
        )

    async def _check_owner(self) -> None:
        """Refuse to continue or replace an export of another account."""
        own, known = await owner_of(self._cliniko), self._manifest.owner
        if known and not known.is_same(own):
            raise InvalidValueError(
                f"{self._folder} holds an export of another account: name another folder"
            )
        self._manifest.owner = own.with_signs_of(known) if known else own

    def _bad_records(self) -> tuple[DecodeError, ...]:
        """What was left out; told once, at the end."""
        parts = (self._manifest.files[name] for name in self.progress)
        errors = tuple(left.error() for part in parts for left in part.left_out)
        if self._on_bad_record == "skip":
            for error in errors:
                logger.warning("left out: %s", error)
        return errors

    async def _export_all(self) -> None:
        limiter = anyio.CapacityLimiter(AT_ONCE)
        try:
            async with anyio.create_task_group() as tasks:
                for progress in self.progress.values():
                    tasks.start_soon(self._export, progress, limiter)
        except BaseExceptionGroup as group:
            error = group.exceptions[0]  # what ended the others
        else:
            return
        if isinstance(error, OSError) and not isinstance(error, ClinikoError):
            raise ExportError.of(error) from None
        raise error

    async def _export(self, progress: Progress, limiter: anyio.CapacityLimiter) -> None:
        name = progress.resource
        part = self._manifest.parts.setdefault(name, Part())
        if whole := await self._whole_file(name, part):
            self._put_in_place(name, whole)
            progress.records = progress.total = part.records
            progress.done = True
            self._started(progress)
            return
        if part.sha256 is not None:  # its file was changed or deleted since
            part = self._manifest.parts[name] = Part()
        open_file = partial(RowsFile, self._partial(name), part, resumable=self._resumable(name))
        file = await anyio.to_thread.run_sync(open_file)
        try:
            page, pages = await self._first_page(name, file)
            file.written.note(part)
            # The first page of all resources says what the export will cost.
            progress.records = part.records
            progress.total = part.records + await self._still_to_come(name, page)
            self._started(progress)
            await self._all_started.wait()
            async with limiter:
                while page is not None:
                    written = await anyio.to_thread.run_sync(file.append, page.items)
                    written.note(part)
                    self._save()
                    self._tell(progress, part)
                    page = await anext(pages, None)
                await self._finish(progress, part, file)
        finally:
            file.close()

    async def _first_page(
        self, name: str, file: RowsFile
    ) -> tuple[ListingPage[msgspec.Raw] | None, PageIterator[msgspec.Raw]]:
        """The first page of what the file lacks, and the pages that follow."""
        if (through := file.written.through) is not None:
            total = await self._count(self._listing(name))
            pages = self._listing(name, since=through).pages()
            page = await anext(pages, None)
            expected = file.before + (page.total_entries if page else 0)
            complete = total is not None and total <= expected  # or some were deleted
            # What has no `created_at` is not behind any second.
            if complete and await self._count(self._undated(name)) == 0:
                return page, pages
            await pages.aclose()
            file.restart()
        pages = self._listing(name).pages()
        return await anext(pages, None), pages

    async def _still_to_come(self, name: str, page: ListingPage[msgspec.Raw] | None) -> int:
        """How many records the API counts, in whichever lists they are."""
        first = page.total_entries if page else 0
        if "inactive" not in self._hidden(name):
            return first
        # Those who have left are in a second list, of which the first page says nothing.
        return await self._count(self._listing(name)) or first

    async def _count(self, listing: Listing[msgspec.Raw]) -> int | None:
        try:
            return await listing.count()
        except IncompleteListingError:  # the API does not say
            return None

    async def _finish(self, progress: Progress, part: Part, file: RowsFile) -> None:
        await anyio.to_thread.run_sync(file.sync)
        name = progress.resource
        if self._format == "parquet":
            await anyio.to_thread.run_sync(self._convert, name, part)
        complete = self._complete(name)
        part.sha256 = await anyio.to_thread.run_sync(sha256_of, complete)
        self._save()
        self._put_in_place(name, complete)
        progress.total, progress.done = part.records, True
        self._tell(progress, part)

    def _convert(self, name: str, part: Part) -> None:
        errors: list[DecodeError] = []
        write_parquet(
            self._resource(name).model, self._partial(name), self._complete(name), errors.append
        )
        for error in errors:
            if self._on_bad_record == "raise":
                raise error
            if self._on_bad_record != "skip":
                self._on_bad_record(error)
        part.left_out = [LeftOut.of(error) for error in errors]

    async def _whole_file(self, name: str, part: Part) -> Path | None:
        """The file of a complete part, under either of its names, if it is as it was written."""

        def find() -> Path | None:
            files = (self._complete(name), self._named(name))
            whole = (file for file in files if file.exists() and sha256_of(file) == part.sha256)
            return next(whole, None)

        return None if part.sha256 is None else await anyio.to_thread.run_sync(find)

    def _put_in_place(self, name: str, whole: Path) -> None:
        """Give a complete file its name, now or after a run that ended just before that."""
        whole.replace(self._named(name))
        self._partial(name).unlink(missing_ok=True)

    def _started(self, progress: Progress) -> None:
        """Note that a resource has its first page; when all have, say what it will cost."""
        self._at_start += progress.records
        self._unstarted -= 1
        if self._unstarted:
            return
        self._all_started.set()
        self._pace = Pace(self._cliniko)
        if self._on_cost:
            states = self.progress.values()
            left = {p.resource: (p.total or 0) - p.records for p in states if not p.done}
            self._on_cost(self._cost(left))

    def _save(self) -> None:
        now = time.time()
        self._manifest.held = [now + seconds for seconds in self._cliniko.limiter.back]
        self._manifest.save(self._folder)

    def _partial(self, name: str) -> Path:
        return self._folder / f".{name}.jsonl.partial"

    def _complete(self, name: str) -> Path:
        """The file in its final format, before it has its name."""
        return self._folder / f".{name}.{self._format}.partial"

    def _named(self, name: str) -> Path:
        """The file as users find it."""
        return self._folder / f"{name}.{self._format}"

    def _resource(self, name: str) -> Any:
        return getattr(self._cliniko, name)

    def _hidden(self, name: str) -> Sequence[str]:
        kind: type[object] = self._resource(name).__class__
        return [hidden for hidden in hidden_kinds(kind) if hidden in self._include]

    def _resumable(self, name: str) -> bool:
        """Whether it is one list, which can be filtered by `created_at`."""
        resource = self._resource(name)
        return "created_at" in resource.filters.names and "inactive" not in self._hidden(name)

    def _listing(
        self, name: str, *where: Filter[Any], since: str | None = None
    ) -> Listing[msgspec.Raw]:
        resource = self._resource(name)
        if since is not None:
            where = (resource.filters.created_at >= datetime.fromisoformat(since),)
        listing: Listing[Any] = resource.list(*where, include=self._hidden(name))
        return undecoded(listing)

    def _undated(self, name: str) -> Listing[msgspec.Raw]:
        return self._listing(name, self._resource(name).filters.created_at.is_null())

    def _tell(self, progress: Progress, part: Part) -> None:
        progress.records = part.records
        progress.total = max(progress.total or 0, part.records)
        if self._on_progress:
            states = self.progress.values()
            done = sum(state.records for state in states)
            left = sum(max((state.total or 0) - state.records, 0) for state in states)
            progress.seconds_left = self._pace.seconds_left(done - self._at_start, left)
            self._on_progress(progress)
