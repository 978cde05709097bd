"""The database that a mirror is in: what it holds already, and how a pipeline writes to it.

dlt keeps the files that it loaded, with everybody's permissions, and tells its makers how it was
used. Here it does neither.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.runtime.anon_tracker import disable_anon_tracker
from dlt.destinations.exceptions import DestinationConnectionError

from cliniko_async.errors import ClinikoError, InvalidValueError
from cliniko_async.mirror._differences import Known
from cliniko_async.mirror._views import create_views

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

__all__ = ["MirrorError", "Nothing", "Place", "Table", "run"]

PIPELINE: Final = "cliniko_mirror"
DATASET: Final = "cliniko"
FILE_DATASET: Final = "main"
"""DuckDB's own: tables in a file need no name before theirs."""

LOG: Final = logging.getLogger("dlt")

IDS_A_QUERY: Final = 1000
PRIVATE: Final = 0o077
PRIVATE_FILE: Final = 0o600


class MirrorError(ClinikoError):
    """The target cannot be read or written."""


class Nothing:
    """What is there before the first run: see `Copy`."""

    def counts(self) -> tuple[int, int]:
        """None at all."""
        return 0, 0

    def known(self, ids: Iterable[str] | None = None) -> dict[str, Known]:
        """None at all."""
        del ids
        return {}


class Table:
    """What a table of the target holds already: see `Copy`."""

    def __init__(self, name: str, marks: Sequence[str], client: Any) -> None:
        self._name = name
        self._marks = marks
        self._client = client

    def exists(self) -> bool:
        """Whether the target has the table, and can be asked about it."""
        if self._client is None:
            return False
        try:
            self.counts()
        except DestinationUndefinedEntity:
            return False
        return True

    def counts(self) -> tuple[int, int]:
        """How many records there are, and how many of them the API does not hide."""
        ((total, hidden),) = self._select("count(*), count(CASE WHEN {hidden} THEN 1 END)")
        return total, total - hidden

    def known(self, ids: Iterable[str] | None = None) -> dict[str, Known]:
        """The records with these ids, or all."""
        columns = "{id}, {created_at}, {hidden}"
        if ids is None:
            rows = self._select(columns)
        else:
            wanted = list(ids)
            parts = (wanted[n : n + IDS_A_QUERY] for n in range(0, len(wanted), IDS_A_QUERY))
            rows = [row for part in parts for row in self._select(columns, part)]
        return {id: Known(created_at, hidden) for id, created_at, hidden in rows}

    def _select(self, columns: str, ids: Sequence[str] = ()) -> Sequence[Any]:
        quoted = self._client.escape_column_name
        hidden = " OR ".join(f"{quoted(mark)} IS NOT NULL" for mark in self._marks)
        shown = columns.format(
            hidden=hidden or "1 = 0", id=quoted("id"), created_at=quoted("created_at")
        )
        # Names are ours, and values are handed over apart from the query.
        query = f"SELECT {shown} FROM {self._client.make_qualified_table_name(self._name)}"  # noqa: S608
        if ids:
            query += f" WHERE {quoted('id')} IN ({', '.join(['%s'] * len(ids))})"
        return self._client.execute_sql(query, *ids) or ()


@attrs.frozen
class Place:
    """Where the copy is, and where dlt may work meanwhile."""

    destination: Any
    dataset: str
    file: Path | None = None

    @property
    def is_new(self) -> bool:
        """Whether there can be nothing there yet."""
        return self.file is not None and not self.file.exists()

    @classmethod
    def of(cls, target: str | os.PathLike[str]) -> Place:
        """What a target means."""
        text = os.fspath(target)
        scheme, is_url, _ = text.partition("://")
        name = {"postgresql": "postgres"}.get(scheme, scheme)
        if not is_url and (isinstance(target, os.PathLike) or "." in text or os.sep in text):
            return cls._of_file(Path(text))
        factory = getattr(dlt.destinations, name, None)
        if factory is None:
            raise InvalidValueError(
                "target= is a file such as 'clinic.duckdb', a URL such as 'postgresql://...', or "
                "the name of one of dlt's destinations"
            )
        return cls(factory(credentials=text) if is_url else factory(), DATASET)

    @classmethod
    def _of_file(cls, file: Path) -> Place:
        if not os.access(file.parent, os.W_OK) or file.is_dir():
            raise InvalidValueError(f"{file} cannot be written to: name another file")
        return cls(dlt.destinations.duckdb(str(file)), FILE_DATASET, file)


def run(place: Place, source: Any) -> ClinikoError | None:
    """Run the pipeline, and leave nothing behind but the target.

    Errors are given back: dlt's frames hold rows, and crash reporters show variables.
    """
    with _private(place) as folder:
        try:
            dlt.config[f"{PIPELINE}.load.delete_completed_jobs"] = True
            dlt.config[f"{PIPELINE}.load.truncate_staging_dataset"] = True
            pipeline = dlt.pipeline(
                PIPELINE,
                pipelines_dir=folder,
                destination=place.destination,
                dataset_name=place.dataset,
            )
            disable_anon_tracker()
            LOG.setLevel(logging.CRITICAL)  # the first pipeline sets its own
            pipeline.run(source, loader_file_format="parquet")
            create_views(pipeline)
        except Exception as error:  # noqa: BLE001 - dlt's errors, and those of the databases
            return _own(error).with_traceback(None)
    return None


@contextlib.contextmanager
def _private(place: Place) -> Generator[str]:
    """A folder that nobody else can read, gone afterwards, as nobody can read what is written."""
    before = os.umask(PRIVATE)
    folder = tempfile.mkdtemp(prefix=".cliniko-", dir=place.file.parent if place.file else None)
    level = LOG.level
    try:
        LOG.setLevel(logging.CRITICAL)
        for file in place.file.parent.glob(f"{place.file.name}*") if place.file else ():
            file.chmod(PRIVATE_FILE)
        yield folder
    finally:
        LOG.setLevel(level)
        shutil.rmtree(folder, ignore_errors=True)
        os.umask(before)


def _own(error: BaseException) -> ClinikoError:
    """The error that a failed run raises: ours if one of ours was the cause."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        if isinstance(cause, ClinikoError):
            return cause
        causes.append(cause)
    # What databases say of connections is worth knowing; of rows, they may quote them.
    name = type(causes[-1]).__name__
    shown = next((f": {e}" for e in causes if isinstance(e, DestinationConnectionError)), "")
    return MirrorError(f"the target cannot be read or written ({name}){shown}")
