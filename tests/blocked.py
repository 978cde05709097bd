"""Programs for which some modules are not there, as on another platform or without an extra."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["POSIX_ONLY", "without"]

POSIX_ONLY = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
"""Modules of the standard library that Windows has not."""

PATIENCE = 120

PREFACE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
for name in list(sys.modules):
    if name.partition(".")[0] in {blocked!r}:
        del sys.modules[name]

"""


def without(
    modules: Iterable[str], program: str, *, cwd: Path, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a program for which these modules are not there."""
    code = PREFACE.format(blocked=set(modules)) + program
    return subprocess.run(  # noqa: S603 - our own lines
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **env},
        timeout=PATIENCE,
    )
