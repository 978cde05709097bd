"""Extras that are not installed: one sentence with the line to type, before a request is spent."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MODULES", "need"]

MODULES: Final[Mapping[str, Sequence[str]]] = {
    "cli": ("click", "rich", "platformdirs"),
    "emulator": ("starlette", "uvicorn"),
    "mirror": ("dlt", "duckdb", "pyarrow"),
    "parquet": ("pyarrow",),
    "redis": ("redis",),
}
"""What each extra brings, by the names that are imported."""


def need(extra: str) -> None:
    """See that an extra is installed.

    Raises:
        click.ClickException: It is not.
    """
    for module in MODULES[extra]:
        if not _is_there(module):
            raise click.ClickException(
                f'{module} is missing: python -m pip install "cliniko-async[{extra}]"'
            )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
