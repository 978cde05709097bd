"""Checking the files of an export against its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cliniko_async._lists.page import Head
from cliniko_async.errors import InvalidValueError, missing_extra
from cliniko_async.export._manifest import Manifest, sha256_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from cliniko_async.export._manifest import Part

__all__ = ["verify"]

BATCH: Final = 10_000
"""Rows of a Parquet file that are read at a time."""

_head: Final = msgspec.json.Decoder(Head)


def verify(folder: str | os.PathLike[str]) -> list[str]:
    """Check the files in a folder against its manifest: content, number of records, and ids.

    All files are checked that exports have written into the folder, however many exports it took.

    Returns:
        What is wrong, one line each; nothing if all is well.

    Raises:
        InvalidValueError: The folder holds no export.
    """
    path = Path(folder)
    manifest = Manifest.load(path)
    if manifest is None:
        raise InvalidValueError(f"there is no export in {path}")
    problems: list[str] = []
    for name in {**manifest.files, **manifest.parts}:
        written, part = manifest.files.get(name), manifest.parts.get(name)
        if part and part.sha256 is None:
            problems.append(f"{name}: the export is not finished: run it again")
        elif part:
            written = part  # its file has replaced the one before
        if written and (problem := _problem(path, name, written)):
            problems.append(f"{name}: {problem}")
    return problems


def _problem(folder: Path, name: str, part: Part) -> str | None:
    files = [folder / f"{name}{suffix}" for suffix in (".jsonl", ".parquet")]
    own = [file for file in files if file.exists() and sha256_of(file) == part.sha256]
    if not own:
        return "the file is missing, or its content has changed"
    rows, different = _count(_ids(own[0]))
    expected = part.records - len(part.left_out)
    if rows != expected:
        return f"the file has {rows:,} records, and {expected:,} were written"
    if different != rows:
        return f"{rows - different:,} records are in the file twice"
    return None


def _count(ids: Iterator[str | int | None]) -> tuple[int, int]:
    """How many records there are, and how many different ones."""
    rows, without, seen = 0, 0, set[int]()
    for id in ids:
        rows += 1
        if id is None:
            without += 1
        else:
            # As numbers, they take half the memory of texts.
            seen.add(int(id) if str(id).isdecimal() else hash(id))
    return rows, len(seen) + without


def _ids(file: Path) -> Iterator[str | int | None]:
    if file.suffix == ".jsonl":
        with file.open("rb") as lines:
            for line in lines:
                yield _head.decode(line).id
        return
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] # an extra, slow to import, and without types
    except ModuleNotFoundError as error:
        raise missing_extra(error, "parquet") from None

    parquet: Any = pq.ParquetFile(file)
    with parquet:
        for batch in parquet.iter_batches(BATCH, columns=["id"]):
            yield from batch.column("id").to_pylist()
