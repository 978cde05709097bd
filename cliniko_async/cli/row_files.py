"""Files of rows: CSV, JSON and JSON Lines, as the fields of a resource take them."""

from __future__ import annotations

import codecs
import csv
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from cliniko_async.cli.described import described

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["read_rows"]

TRUTHS: Final = {"true": True, "yes": True, "false": False, "no": False}
"""How a cell of a CSV file says true and false."""


def read_rows(path: Path, resource: str) -> Sequence[Mapping[str, Any]]:
    """The rows of a file.

    Raises:
        click.ClickException: It is of another kind, or not what its name says.
    """
    try:
        return _READERS[path.suffix.lower()](path, resource)
    except KeyError:
        kinds = ", ".join(_READERS)
        raise click.ClickException(f"{path.name} is none of {kinds}: name such a file") from None
    except (UnicodeDecodeError, msgspec.DecodeError, csv.Error):
        raise click.ClickException(
            f"{path.name} is not a {path.suffix} file in UTF-8 that holds rows: save it as one"
        ) from None


def _read_csv(path: Path, resource: str) -> Sequence[Mapping[str, Any]]:
    types = {field.name: field.type for field in described(resource).writable}
    rows: list[Mapping[str, Any]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        # Strict: a quote that is never closed would take the rest of the file into its cell.
        lines = csv.reader(file, strict=True)
        names = [name.strip() for name in next(lines, ())]
        _check_names(path, names)
        for cells in lines:
            if any(cells[len(names) :]):
                raise click.ClickException(
                    f"{path.name}, line {lines.line_num}: it has more cells than there are "
                    "columns; put quotes around cells with commas in them"
                )
            if any(cells):
                named = zip(names, cells, strict=False)
                rows.append({n: _value(text, types.get(n, "")) for n, text in named if text})
    return rows


def _check_names(path: Path, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise click.ClickException(f"{path.name} has two columns named {', '.join(twice)}")
    for mark, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 and mark in names[0]:
            raise click.ClickException(
                f"{path.name} has {called} between its cells: save it with commas"
            )


def _value(text: str, kind: str) -> Any:
    """A cell as JSON has it. What does not fit stays a text, and is refused with its reason."""
    text = text.strip()
    if kind.startswith("true or false"):
        return TRUTHS.get(text.lower(), text)
    if kind.startswith("number") and text.lstrip("-").isdecimal():
        return int(text)
    return text


def _read_json(path: Path, _resource: str) -> Sequence[Mapping[str, Any]]:
    return msgspec.json.decode(_utf8(path), type=list[dict[str, Any]])


def _read_lines(path: Path, _resource: str) -> Sequence[Mapping[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    return [decoder.decode(line) for line in _utf8(path).splitlines() if line.strip()]


def _utf8(path: Path) -> bytes:
    """What a file holds, without the mark that some programs put in front of UTF-8."""
    return path.read_bytes().removeprefix(codecs.BOM_UTF8)


_READERS: Final = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_lines}
