"""The `cliniko` command.

The key is taken from `CLINIKO_API_KEY`, never from an argument: arguments are seen by everybody
who lists processes, and stay in shells' histories. Each command is a module of its name, thin
over the library; `connection` has the options that all of them take, `run` how they end.
"""

from cliniko_async.cli import (
    count,
    describe,
    emulator,
    export,
    free_times,
    get,
    list_records,
    mirror,
    request,
    verify,
    whoami,
)
from cliniko_async.cli.group import cliniko

__all__ = ["cliniko"]

COMMANDS = (
    count,
    describe,
    emulator,
    export,
    free_times,
    get,
    list_records,
    mirror,
    request,
    verify,
    whoami,
)
"""Modules whose import adds a command to the group."""
