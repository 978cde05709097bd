"""Export: a clinic's records as files, one resource a file, one record a line.

Each line is a record exactly as the API sent it. A file appears under its name when it is
complete, never before: a reader sees the old one until then.
"""

from __future__ import annotations

import difflib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import attrs

from cliniko_async._client import AsyncCliniko, Lazy
from cliniko_async._resource import HIDING, Listable
from cliniko_async.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import msgspec

    from cliniko_async._listing import Listing
    from cliniko_async._query import Filters

__all__ = ["Export", "Progress", "Summary", "exportable"]

AT_ONCE: Final = 4
"""Resources that are exported at a time; each reads several pages ahead."""

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600


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
class Summary:
    """What an export did.

    Attributes:
        records: Records by resource.
        requests: Requests that were sent.
        refused: Requests that were answered with 429.
        busiest: The most requests that were sent within a window of the rate limit.
        seconds: How long it took.
    """

    records: dict[str, int]
    requests: int
    refused: int
    busiest: int
    seconds: float


class Export:
    """Exports resources into a folder that nobody else can read.

    Args:
        cliniko: An open session. Its bulk lane is used, so that interactive calls go first.
        resources: Their names, as in the URL.
        to: The folder; it is made if need be.
        include_hidden: Whether archived, cancelled, deleted and inactive records are exported too.
        watch: Called with the progress of a resource whenever it has come further.

    Raises:
        InvalidValueError: A resource that there is not, or a folder that cannot be written to.
    """

    def __init__(
        self,
        cliniko: AsyncCliniko,
        resources: Iterable[str],
        to: str | os.PathLike[str],
        *,
        include_hidden: bool = True,
        watch: Callable[[Progress], object] | None = None,
    ) -> None:
        self._cliniko = cliniko.with_options(lane="bulk")
        self._include_hidden = include_hidden
        self._watch = watch
        self.progress: dict[str, Progress] = {
            name: Progress(name) for name in _checked(tuple(resources))
        }
        self._folder = _private_folder(Path(to))

    async def run(self) -> Summary:
        """Export all resources."""
        started = time.monotonic()
        limiter = anyio.CapacityLimiter(AT_ONCE)
        async with anyio.create_task_group() as tasks:
            for progress in self.progress.values():
                tasks.start_soon(self._export_in_turn, progress, limiter)
        traffic = self._cliniko.traffic
        return Summary(
            records={name: progress.records for name, progress in self.progress.items()},
            requests=traffic.requests,
            refused=traffic.refused,
            busiest=traffic.busiest,
            seconds=time.monotonic() - started,
        )

    async def _export_in_turn(self, progress: Progress, limiter: anyio.CapacityLimiter) -> None:
        async with limiter:
            await self._export(progress)

    async def _export(self, progress: Progress) -> None:
        final = self._folder / f"{progress.resource}.jsonl"
        partial = final.with_name(f".{final.name}.partial")
        # Made anew, so that it has no permissions of an older file.
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            async with await anyio.open_file(descriptor, "wb") as file:
                async for page in self._listing(progress.resource).pages():
                    await file.write(b"".join(bytes(row) + b"\n" for row in page.items))
                    progress.records += len(page.items)
                    progress.total = max(page.total_entries, progress.records)
                    self._tell(progress)
                await file.flush()
                await anyio.to_thread.run_sync(os.fsync, descriptor)
            partial.replace(final)
        finally:
            partial.unlink(missing_ok=True)
        progress.total, progress.done = progress.records, True
        self._tell(progress)

    def _listing(self, name: str) -> Listing[msgspec.Raw]:
        resource: Listable[Any, Any, Any] = getattr(self._cliniko, name)
        include = _hidden_kinds(name, resource) if self._include_hidden else ()
        return resource.list(include=include).raw_bytes()

    def _tell(self, progress: Progress) -> None:
        if self._watch:
            self._watch(progress)


def _hidden_kinds(name: str, resource: Listable[Any, Any, Any]) -> Iterable[str]:
    """What `include=` can bring to light in this resource."""
    filters: Filters = vars(type(resource))["filters"]
    marks = sorted(HIDING & filters.names)
    inactive = ("inactive",) if name == "practitioners" else ()
    return (*(mark.removesuffix("_at") for mark in marks), *inactive)


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
        trial = folder / ".cliniko-export"
        trial.touch(mode=PRIVATE_FILE)
        trial.unlink()
    except OSError as error:
        raise InvalidValueError(
            f"{folder} cannot be written to ({error.strerror}): name another folder"
        ) from None
    return folder
