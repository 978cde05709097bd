"""Programs for which some modules are not there, as on another platform or without an extra."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["LIKE_WINDOWS", "POSIX_ONLY", "without"]

POSIX_ONLY = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
"""Modules of the standard library that Windows has not."""

POSIX_NAMES = {
    "os": (
        *("fchown", "chown", "getuid", "geteuid", "getgid", "getegid", "getgroups"),
        *("killpg", "setsid", "mkfifo", "statvfs", "sched_getaffinity", "uname", "getloadavg"),
        *("O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "sync", "pread", "pwrite"),
    ),
    "signal": ("SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "pthread_sigmask"),
    "time": ("tzset",),
}
"""What is in modules of the standard library on POSIX alone."""

LIKE_WINDOWS = f"""
import asyncio, importlib, multiprocessing, platformdirs, subprocess, tempfile  # these know better

for module, names in {POSIX_NAMES!r}.items():
    for name in names:
        vars(importlib.import_module(module)).pop(name, None)

def add_signal_handler(self, number, callback, *args):
    raise NotImplementedError

asyncio.SelectorEventLoop.add_signal_handler = add_signal_handler
asyncio.SelectorEventLoop.remove_signal_handler = add_signal_handler

import warnings  # a file that is opened in the platform's own encoding is another one there
warnings.filterwarnings("error", category=EncodingWarning, module="cliniko_async")
"""
"""Takes away what Windows has not; run it with PYTHONWARNDEFAULTENCODING=1."""

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
