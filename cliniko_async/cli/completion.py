"""`cliniko completion`: names that a shell completes."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cliniko_async.cli.group import cliniko

__all__ = ["completion"]

PROGRAM = "cliniko"
VARIABLE = "_CLINIKO_COMPLETE"
"""What click looks for in the environment when a shell asks."""


@cliniko.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    r"""Print what makes SHELL complete commands, resources, fields, conditions and options.

    \b
    bash: echo 'eval "$(cliniko completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(cliniko completion zsh)"' >> ~/.zshrc
    fish: cliniko completion fish > ~/.config/fish/completions/cliniko.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click has no completion for {shell}")
    # Not source(), which asks an installed bash for its version.
    made = kind(cliniko, {}, PROGRAM, VARIABLE)
    script = made.source_template % made.source_vars()
    # click's script for fish cuts a word at its first comma, as in `-f id,email`.
    click.echo(script.replace('string split ","', 'string split -m 1 ","'))
