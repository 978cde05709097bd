"""`cliniko verify`: whether an export's files are what was written."""

from __future__ import annotations

from pathlib import Path

import click

from cliniko_async.cli.group import cliniko
from cliniko_async.cli.terminal import tell
from cliniko_async.errors import ClinikoError

__all__ = ["verify"]


@cliniko.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def verify(folder: Path) -> None:
    """Check the files of an export against its manifest."""
    from cliniko_async.export import verify as find_problems  # noqa: PLC0415 - of no other command

    try:
        problems = find_problems(folder)
    except ClinikoError as error:
        raise click.ClickException(str(error)) from None
    for problem in problems:
        tell(problem)
    if problems:
        raise click.exceptions.Exit(1)
    tell("all files are complete and unchanged")
