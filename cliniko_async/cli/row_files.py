"""Files of rows: CSV, JSON and JSON Lines, as the fields of a resource take them."""

from __future__ import annotations

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
            f"{path.name} is not a {path.suffix} file in UTF-8: save it as one"
        ) from None


def _read_csv(path: Path, resource: str) -> Sequence[Mapping[str, Any]]:
    types = {field.name: field.type for field in described(resource).writable}
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            {name: _value(text, types.get(name, "")) for name, text in row.items() if text}
            for row in csv.DictReader(file)
        ]


def _value(text: str, kind: str) -> Any:
    """A cell as JSON has it. What does not fit stays a text, and is refused with its reason."""
    text = text.strip()
    if kind.startswith("true or false"):
        return TRUTHS.get(text.lower(), text)
    if kind.startswith("number") and text.lstrip("-").isdecimal():
        return int(text)
    return text


def _read_json(path: Path, _resource: str) -> Sequence[Mapping[str, Any]]:
    return msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])


def _read_lines(path: Path, _resource: str) -> Sequence[Mapping[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    return [decoder.decode(line) for line in path.read_bytes().splitlines() if line.strip()]


_READERS: Final = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_lines}
