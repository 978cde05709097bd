"""The `cliniko` command, thin over the library: a module per subcommand, of its name.

Here belong names and conditions as they are typed, how a session is opened (`connection`), tables
and progress, and how commands end (`run`). Not here: anything that a program would want, too.
The key is never an argument: those are seen by everybody who lists processes.
"""

from cliniko_async.cli import (
    apply,
    completion,
    count,
    describe,
    doctor,
    emulator,
    export,
    free_times,
    get,
    list_records,
    mirror,
    request,
    show_profiles,
    verify,
    watch,
    whoami,
)
from cliniko_async.cli.group import cliniko

__all__ = ["cliniko"]

COMMANDS = (
    apply,
    completion,
    count,
    describe,
    doctor,
    emulator,
    export,
    free_times,
    get,
    list_records,
    mirror,
    request,
    show_profiles,
    verify,
    watch,
    whoami,
)
"""Modules whose import adds a command to the group."""
