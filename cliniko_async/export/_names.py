"""What an export is called with: resources, kinds of hidden records, and a folder."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Final, Literal, get_args

from cliniko_async._client import AsyncCliniko, Lazy
from cliniko_async._verbs.many_records import Listable
from cliniko_async.errors import InvalidTypeError, InvalidValueError
from cliniko_async.export._manifest import open_privately

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["Hidden", "checked_include", "checked_names", "exportable", "private_folder"]

Hidden = Literal["archived", "cancelled", "deleted", "inactive"]
"""Kinds of records that the API leaves out of lists."""

PRIVATE_FOLDER: Final = 0o700


def exportable() -> Sequence[str]:
    """The resources that can be exported, named as in the URL."""
    lazy = (name for name, value in vars(AsyncCliniko).items() if isinstance(value, Lazy))
    return tuple(name for name in lazy if issubclass(getattr(AsyncCliniko, name), Listable))


def checked_names(names: Sequence[str]) -> Sequence[str]:
    """The names of resources, each once.

    Raises:
        InvalidValueError: A resource does not exist, or none is named.
    """
    known = exportable()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise InvalidValueError(f"there is no resource {name!r} to export: {hint}")
    if not names:
        raise InvalidValueError("name at least one resource to export")
    return tuple(dict.fromkeys(names))


def checked_include(include: Literal["all"] | Iterable[Hidden]) -> Sequence[Hidden]:
    """The kinds of hidden records that are meant.

    Raises:
        InvalidTypeError: It is a text other than "all".
        InvalidValueError: A kind does not exist.
    """
    known: tuple[Hidden, ...] = get_args(Hidden)
    if include == "all":
        return known
    if isinstance(include, str):
        raise InvalidTypeError(f"include= takes 'all' or a set: write include={{{include!r}}}")
    given = tuple(dict.fromkeys(include))
    for kind in given:
        if kind not in known:
            raise InvalidValueError(f"include={kind!r}: there is {', '.join(known)} to include")
    return given


def private_folder(folder: Path) -> Path:
    """A folder that can be written to; this is checked before a request is spent."""
    trial = folder / ".cliniko-export.trial"
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        open_privately(trial, os.O_TRUNC).close()
        trial.unlink(missing_ok=True)  # two that start at once have the same
    except OSError as error:
        raise InvalidValueError(
            f"{folder} cannot be written to ({error.strerror}): name another folder"
        ) from None
    return folder
