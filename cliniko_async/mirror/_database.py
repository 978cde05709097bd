"""The database that a mirror is in: what a target means, and what a table holds already."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity

from cliniko_async.errors import InvalidValueError, MirrorError
from cliniko_async.mirror._differences import Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Nothing", "Table", "Target", "opened_elsewhere"]

DATASET: Final = "cliniko"
FILE_DATASET: Final = "main"
"""The schema that DuckDB looks in by itself, so that queries can name the tables alone."""

STAGING: Final = "_cliniko_staging"
"""Behind a dataset's name: the schema through which changes pass, and whose tables are emptied. dlt
would take `north_staging`, which may be another clinic's, or somebody else's."""

SUFFIXES: Final = frozenset({"", ".duckdb", ".ddb", ".db"})
"""How files of DuckDB are called."""

DATASET_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
MAGIC: Final = slice(8, 12)
"""Where a DuckDB file says that it is one (DuckDB's documentation on its storage format)."""

IDS_A_QUERY: Final = 1000


class Nothing:
    """An empty copy, before the first run: see `Copy`."""

    def __init__(self, marks: Sequence[str] = ()) -> None:
        self._marks = marks

    def counts(self) -> Sequence[int]:
        """None at all."""
        return [0] * (1 + len(self._marks))

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

    def counts(self) -> Sequence[int]:
        """How many records there are, and how many of them have each of the marks."""
        quoted = self._client.escape_column_name
        (row,) = self._select(
            ", ".join(["count(*)", *(f"count({quoted(m)})" for m in self._marks)])
        )
        counts: Sequence[int] = row
        return counts

    def known(self, ids: Iterable[str] | None = None) -> dict[str, Known]:
        """The records with these ids, or all."""
        quoted = self._client.escape_column_name
        marks = [f"{quoted(mark)} IS NOT NULL" for mark in self._marks]
        columns = ", ".join([quoted("id"), quoted("created_at"), *marks])
        if ids is None:
            rows = self._select(columns)
        else:
            wanted = list(ids)
            parts = (wanted[n : n + IDS_A_QUERY] for n in range(0, len(wanted), IDS_A_QUERY))
            rows = [row for part in parts for row in self._select(columns, part)]
        return {id: Known(created_at, self._having(having)) for id, created_at, *having in rows}

    def _having(self, having: Sequence[bool]) -> frozenset[str]:
        return frozenset(mark for mark, has in zip(self._marks, having, strict=True) if has)

    def _select(self, columns: str, ids: Sequence[str] = ()) -> Sequence[Any]:
        # Names are ours, and values are handed over apart from the query.
        query = f"SELECT {columns} FROM {self._client.make_qualified_table_name(self._name)}"  # noqa: S608
        if ids:
            places = ", ".join(["%s"] * len(ids))
            query += f" WHERE {self._client.escape_column_name('id')} IN ({places})"
        return self._client.execute_sql(query, *ids) or ()


@attrs.frozen(repr=False)
class Target:
    """Where the copy is.

    Attributes:
        destination: What dlt writes to.
        dataset: The schema there.
        name: Its name in messages, never with a password.
        file: The DuckDB file, if it is one.
    """

    destination: Any
    dataset: str
    name: str
    file: Path | None = None

    @property
    def is_new(self) -> bool:
        """Whether there can be nothing there yet."""
        return self.file is not None and not self.file.exists()

    @property
    def key(self) -> str:
        """A name for it that can be part of a file's name."""
        return hashlib.sha256(f"{self.name} {self.dataset}".encode()).hexdigest()[:16]

    @classmethod
    def of(cls, target: str | os.PathLike[str], dataset: str | None = None) -> Target:
        """What a target means.

        Raises:
            InvalidValueError: The target does not exist, or is not a DuckDB file.
        """
        if dataset is not None and not DATASET_NAME.fullmatch(dataset):
            raise InvalidValueError(
                "dataset= takes small letters, digits and underscores, such as 'north'"
            )
        if dataset is not None and dataset.endswith(STAGING):
            raise InvalidValueError(
                f"dataset= takes no name that ends in {STAGING}: changes pass through such schemas"
            )
        text = os.fspath(target)
        scheme, is_url, rest = text.partition("://")
        name = {"postgresql": "postgres"}.get(scheme, scheme)
        if not is_url and (isinstance(target, os.PathLike) or "." in text or os.sep in text):
            return cls._of_file(Path(text), dataset)
        factory = getattr(dlt.destinations, name, None)
        if factory is None:
            raise InvalidValueError(
                "target= is a file such as 'clinic.duckdb', a URL such as 'postgresql://...', or "
                "the name of one of dlt's destinations"
            )
        own = {"credentials": text} if is_url else {}
        destination = factory(**own, staging_dataset_name_layout=f"%s{STAGING}")
        shown = f"{scheme}://{rest.rpartition('@')[2]}" if is_url else name
        return cls(destination, dataset or DATASET, shown)

    @classmethod
    def _of_file(cls, file: Path, dataset: str | None) -> Target:
        if not os.access(file.parent, os.W_OK) or file.is_dir():
            raise InvalidValueError(f"{file} cannot be written to: name another file")
        if file.suffix.lower() not in SUFFIXES:
            raise InvalidValueError(f"{file} is not a DuckDB file: name one such as clinic.duckdb")
        destination = dlt.destinations.duckdb(str(file), staging_dataset_name_layout=f"%s{STAGING}")
        return cls(destination, dataset or FILE_DATASET, str(file), file)

    def check(self) -> None:
        """Check that a file is DuckDB's, and that no other program has it open.

        Raises:
            MirrorError: It is not, or one has.
        """
        if self.file is None or self.is_new:
            return
        if not _is_duckdb(self.file):
            raise MirrorError(f"{self.name} is not a DuckDB file: name one such as clinic.duckdb")
        import duckdb  # noqa: PLC0415 - slow to import

        try:
            duckdb.connect(str(self.file)).close()
        except duckdb.Error as error:
            raise opened_elsewhere(self, error) from None


def opened_elsewhere(target: Target, error: Exception) -> MirrorError:
    """What to do about a file that cannot be opened."""
    if re.search(r"lock on file|same database file|being used by another", str(error)):
        return MirrorError(
            f"{target.name} is open in another program: close it there, and run the mirror again"
        )
    return MirrorError(
        f"{target.name} cannot be opened ({type(error).__name__}): name another file"
    )


def _is_duckdb(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(MAGIC.stop)
    except OSError as error:
        raise MirrorError(f"{file} cannot be read ({error.strerror})") from None
    return not head or head[MAGIC] == b"DUCK"
