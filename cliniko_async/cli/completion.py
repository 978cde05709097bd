"""`cliniko completion`: names that a shell completes."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cliniko_async.cli.group import cliniko
from cliniko_async.cli.terminal import put

__all__ = ["completion"]

PROGRAM = "cliniko"
VARIABLE = "_CLINIKO_COMPLETE"
"""What click looks for in the environment when a shell asks."""


@cliniko.command(
    examples=(
        """echo 'eval "$(cliniko completion bash)"' >> ~/.bashrc""",
        """echo 'eval "$(cliniko completion zsh)"' >> ~/.zshrc""",
        "cliniko completion fish > ~/.config/fish/completions/cliniko.fish",
    )
)
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script with which SHELL completes names.

    SHELL is bash, zsh or fish. Completed are commands, options, resources, fields, conditions and
    profiles. Type the line of your shell once:
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click has no completion for {shell}")
    # Not source(), which asks an installed bash for its version.
    made = kind(cliniko, {}, PROGRAM, VARIABLE)
    script = made.source_template % made.source_vars()
    # click's script for fish cuts a word at its first comma, as in `-f id,email`.
    put(script.replace('string split ","', 'string split -m 1 ","'))
