"""Export: a clinic's records as files, one resource a file.

JSON Lines hold each record exactly as the API sent it; Parquet has typed columns. A file appears
under its name when it is complete, never before: a reader sees the old one until then. An export
that was killed goes on where it was when it is started again.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio
import anyio.to_thread
import attrs

from cliniko_async._client import AsyncCliniko, Lazy
from cliniko_async._verbs.include import everything
from cliniko_async._verbs.many_records import Listable
from cliniko_async.errors import InvalidValueError
from cliniko_async.export._manifest import Manifest, Part, locked, open_privately, sha256_of
from cliniko_async.export._rows_file import RowsFile, write_parquet

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    import msgspec

    from cliniko_async._lists.listing import Listing
    from cliniko_async._query.filters import Filter

__all__ = ["Cost", "Export", "Progress", "Summary", "exportable", "verify"]

AT_ONCE: Final = 4
"""Resources that are exported at a time; each reads several pages ahead."""

PRIVATE_FOLDER: Final = 0o700

Format = Literal["jsonl", "parquet"]


def exportable() -> Sequence[str]:
    """The resources that can be exported, named as in the URL."""
    lazy = (name for name, value in vars(AsyncCliniko).items() if isinstance(value, Lazy))
    return tuple(name for name in lazy if issubclass(getattr(AsyncCliniko, name), Listable))


@attrs.define
class Progress:
    """How far the export of one resource has come.

    Attributes:
        total: Records that the API announced, None before its first answer.
        done: Whether the file is complete.
    """

    resource: str
    records: int = 0
    total: int | None = None
    done: bool = False


@attrs.frozen
class Cost:
    """What an export will cost, by the first page of each resource.

    Attributes:
        records: Records that are still to come.
        requests: Requests for them, about.
        minutes: At the rate limit, with nobody else using it.
    """

    records: int
    requests: int
    minutes: float


@attrs.frozen
class Summary:
    """What an export did.

    Attributes:
        records: Records by resource.
        requests: Requests that were sent.
        refused: Requests that were answered with 429.
        waited: Seconds that requests waited for the rate limit, all together.
        busiest: The most requests that were sent within a window of the rate limit.
        seconds: How long it took.
    """

    records: dict[str, int]
    requests: int
    refused: int
    waited: float
    busiest: int
    seconds: float


class Export:
    """Exports resources into a folder that nobody else can read.

    Args:
        cliniko: An open session. Its bulk lane is used, so that interactive calls go first.
        resources: Their names, as in the URL.
        to: The folder; it is made if need be.
        format: JSON Lines, or Parquet with the extra `parquet`.
        include_hidden: Whether archived, cancelled, deleted and inactive records are exported too.
        watch: Called with the progress of a resource whenever it has come further.
        announce: Called once with what the export will cost.

    Raises:
        InvalidValueError: A resource that there is not, a folder that cannot be written to, or
            one that holds an export of another account or with other options.
    """

    def __init__(
        self,
        cliniko: AsyncCliniko,
        resources: Iterable[str],
        to: str | os.PathLike[str],
        *,
        format: Format = "jsonl",
        include_hidden: bool = True,
        watch: Callable[[Progress], object] | None = None,
        announce: Callable[[Cost], object] | None = None,
    ) -> None:
        if format not in ("jsonl", "parquet"):
            raise InvalidValueError("format= takes 'jsonl' or 'parquet'")
        self._cliniko = cliniko.with_options(lane="bulk")
        self._format: Format = format
        self._include_hidden = include_hidden
        self._watch = watch
        self._announce = announce
        self.progress: dict[str, Progress] = {
            name: Progress(name) for name in _checked(tuple(resources))
        }
        self._folder = _private_folder(Path(to))
        self._manifest = self._take_up()
        self._unstarted = len(self.progress)
        self._all_started = anyio.Event()

    def _take_up(self) -> Manifest:
        """The manifest of the run that is to go on, or a new one."""
        options = f"{self._cliniko.user} {self._format} {self._include_hidden}"
        owner = hashlib.sha256(options.encode()).hexdigest()
        found = Manifest.load(self._folder)
        if found and found.owner != owner:
            raise InvalidValueError(
                f"{self._folder} holds an export of another account or with other options: name "
                "another folder"
            )
        if found and not found.finished:
            return found
        return Manifest(owner, held=found.held if found else [])

    async def run(self) -> Summary:
        """Export all resources, or what is left of them.

        Raises:
            ClinikoError: A resource could not be exported. The next run goes on from there.
            InvalidValueError: Another process is writing to the folder.
            OSError: A file could not be written.
        """
        started = time.monotonic()
        with locked(self._folder):
            self._manifest = self._take_up()  # another process may have gone on in the meantime
            self._cliniko.hold_places([at - time.time() for at in self._manifest.held])
            await self._export_all()
            self._manifest.finished = True
            self._save()
        traffic = self._cliniko.traffic
        return Summary(
            records={name: progress.records for name, progress in self.progress.items()},
            requests=traffic.requests,
            refused=traffic.refused,
            waited=traffic.waited,
            busiest=traffic.busiest,
            seconds=time.monotonic() - started,
        )

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
        raise error

    async def _export(self, progress: Progress, limiter: anyio.CapacityLimiter) -> None:
        part = self._manifest.parts.setdefault(progress.resource, Part())
        if part.sha256 is not None:
            self._put_in_place(progress.resource)
            progress.records = progress.total = part.records
            progress.done = True
            self._started()
            return
        name = progress.resource
        resumable = self._listing(name).reading.in_order_of_creation
        open_file = partial(RowsFile, self._partial(name), part, resumable=resumable)
        file = await anyio.to_thread.run_sync(open_file)
        pages = self._listing(name, since=part.through).pages()
        try:
            # The first page of all resources says what the export will cost.
            page = await anext(pages, None)
            progress.records = part.records
            progress.total = part.records + (page.total_entries if page else 0)
            self._started()
            await self._all_started.wait()
            async with limiter:
                while page is not None:
                    await anyio.to_thread.run_sync(file.append, page)
                    self._save()
                    self._tell(progress, part)
                    page = await anext(pages, None)
                await self._finish(progress, part, file)
        finally:
            file.close()
            await pages.aclose()

    async def _finish(self, progress: Progress, part: Part, file: RowsFile) -> None:
        await anyio.to_thread.run_sync(file.sync)
        name = progress.resource
        if self._format == "parquet":
            model = self._resource(name).model
            await anyio.to_thread.run_sync(
                write_parquet, model, self._partial(name), self._complete(name)
            )
        part.sha256 = await anyio.to_thread.run_sync(sha256_of, self._complete(name))
        self._save()
        self._put_in_place(name)
        progress.total, progress.done = part.records, True
        self._tell(progress, part)

    def _put_in_place(self, name: str) -> None:
        """Give a complete file its name, now or after a run that ended just before it did."""
        complete = self._complete(name)
        if complete.exists():
            complete.replace(self._folder / f"{name}.{self._format}")
        self._partial(name).unlink(missing_ok=True)

    def _started(self) -> None:
        """Note that a resource has its first page; when all have, say what it will cost."""
        self._unstarted -= 1
        if self._unstarted:
            return
        self._all_started.set()
        if self._announce:
            left = [(p.total or 0) - p.records for p in self.progress.values() if not p.done]
            requests = sum(max(math.ceil(records / 100), 1) for records in left)
            rate = self._cliniko.rate_limit
            minutes = requests / rate.requests * rate.per / 60
            self._announce(Cost(sum(left), requests, minutes))

    def _save(self) -> None:
        now = time.time()
        self._manifest.held = [now + seconds for seconds in self._cliniko.limiter.back]
        self._manifest.save(self._folder)

    def _partial(self, name: str) -> Path:
        return self._folder / f".{name}.jsonl.partial"

    def _complete(self, name: str) -> Path:
        """The file in its final format, before it has its name."""
        return self._folder / f".{name}.{self._format}.partial"

    def _resource(self, name: str) -> Any:
        return getattr(self._cliniko, name)

    def _listing(self, name: str, *, since: str | None = None) -> Listing[msgspec.Raw]:
        resource = self._resource(name)
        where: list[Filter[Any]] = []
        if since is not None:
            where.append(resource.filters.created_at >= datetime.fromisoformat(since))
        if self._include_hidden:
            return everything(resource, *where)
        listing: Listing[Any] = resource.list(*where)
        return listing.raw_bytes()

    def _tell(self, progress: Progress, part: Part) -> None:
        progress.records = part.records
        progress.total = max(progress.total or 0, part.records)
        if self._watch:
            self._watch(progress)


def verify(folder: str | os.PathLike[str]) -> list[str]:
    """Hold the files of an export against its manifest.

    Returns:
        What is wrong, a line each; nothing if all is well.

    Raises:
        InvalidValueError: There is no export in the folder.
    """
    path = Path(folder)
    manifest = Manifest.load(path)
    if manifest is None:
        raise InvalidValueError(f"there is no export in {path}")
    problems = [] if manifest.finished else ["the export is not finished: run it again"]
    for name, part in manifest.parts.items():
        files = [file for file in path.glob(f"{name}.*") if file.suffix in (".jsonl", ".parquet")]
        if part.sha256 is None:
            problems.append(f"{name}: not finished")
        elif part.sha256 not in map(sha256_of, files):
            problems.append(f"{name}: the file is missing, or its content has changed")
    return problems


def _checked(names: Sequence[str]) -> Sequence[str]:
    known = exportable()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise InvalidValueError(f"there is no resource {name!r} to export: {hint}")
    if not names:
        raise InvalidValueError("name at least one resource to export")
    return tuple(dict.fromkeys(names))


def _private_folder(folder: Path) -> Path:
    """A folder that can be written to: found out before a request is spent."""
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        trial = folder / ".cliniko-export.trial"
        with open_privately(trial):
            trial.unlink()
    except OSError as error:
        raise InvalidValueError(
            f"{folder} cannot be written to ({error.strerror}): name another folder"
        ) from None
    return folder
