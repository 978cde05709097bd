"""The `cliniko` command itself: its subcommands, and the nearest name where there is none."""

from __future__ import annotations

import sys

import click

from cliniko_async.cli.catalogue import near
from cliniko_async.cli.connection import connected
from cliniko_async.cli.missing import need

__all__ = ["cliniko"]


class _Commands(click.Group):
    """A group that says which command was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"there is no command {args[0]!r}: {near(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cliniko-async")
@connected
def cliniko() -> None:
    """Work with a clinic's records, without exceeding the rate limit.

    Set CLINIKO_API_KEY, and CLINIKO_USER_AGENT as "Your app (you@example.com)".
    """
    need("cli")
    for stream in (sys.stdout, sys.stderr):
        _forgive(stream)


def _forgive(stream: object) -> None:
    """Let a terminal that has no such character show a question mark instead of ending."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")
