"""The `cliniko` command itself: its subcommands, and the nearest name where there is none."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from cliniko_async.cli.catalogue import near, resource_names
from cliniko_async.cli.connection import connected
from cliniko_async.cli.help import Command, Context
from cliniko_async.cli.missing import need
from cliniko_async.cli.run import ended, quiet_if_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["cliniko"]

LONGEST: Final = 200
"""Of a command's first sentence, which is shown whole beside its name."""


class _Commands(click.Group):
    """A group that says which command was meant, and how a command ended."""

    command_class: type[click.Command] | None = Command
    context_class: type[click.Context] = Context

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run a command and end with its status."""
        for stream in (sys.stdout, sys.stderr):
            _forgive(stream)
        run: Callable[..., Any] = super().main
        # Conditions have `*`, `?` and `%` in them, which click reads as files' names on Windows.
        settings.setdefault("windows_expand_args", False)
        alone = settings.pop("standalone_mode", True)
        work = partial(run, *args, standalone_mode=False, **settings)
        return sys.exit(ended(work)) if alone else work()

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the arguments; a help text may be written while that is done."""
        with quiet_if_closed():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand."""
        with quiet_if_closed():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand, or say which one was meant."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(_meant(args, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first sentence of each command, whole."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, c.get_short_help_str(LONGEST)) for name, c in commands if c is not None]
            )


def _meant(args: Sequence[str], commands: Sequence[str]) -> str:
    name = args[0]
    if name == "help":
        return "for help, write `cliniko --help`, or --help behind a command"
    if name.replace("-", "_") in resource_names():
        return f"{name} is a resource: did you mean `cliniko list {name}`?"
    return f"there is no command {name!r}: {near(name, commands)}"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cliniko-async")
@connected
def cliniko() -> None:
    """Work with a clinic's records, without exceeding the rate limit.

    Set CLINIKO_API_KEY, and CLINIKO_USER_AGENT as "Your app (you@example.com)".
    """
    need("cli")


def _forgive(stream: object) -> None:
    """Let a terminal that has no such character show a question mark instead of ending."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")
