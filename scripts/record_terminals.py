"""Record commands in a real terminal against the emulator, as pictures for the documentation.

python scripts/record_terminals.py [FOLDER [NAME]...]

The clinic is that of one day, so the pictures are the same at each run, but for the export, which
is recorded under way: its counts depend on the machine. POSIX only, for its pseudo-terminals.
"""

from __future__ import annotations

import asyncio
import codecs
import fcntl
import io
import os
import pty
import re
import shlex
import signal
import struct
import sys
import tempfile
import termios
import threading
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
from rich.console import Console
from rich.text import Text

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "terminals"
TODAY: Final = date(2026, 6, 1)
TALLEST: Final = 40
"""Lines of a terminal."""

PATIENCE: Final = 120
"""Seconds until a command is ended that does not end itself."""

CONTROL: Final = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|(\r?\n)|(\r)|([^\x1b\r\n]+)")

SVG: Final = """\
<svg class="rich-terminal" width="{width}" height="{height}" viewBox="0 0 {width} {height}"
     xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})"
       clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""
"""rich's own picture, without a font that is fetched from elsewhere."""


@attrs.frozen
class Recording:
    """A command to record.

    Attributes:
        name: The picture's name.
        command: As it is typed.
        columns: How wide the terminal is.
        lines: How many lines are shown at the most.
        until: It is recorded when its screen has this; a command that ends first, at its end.
    """

    name: str
    command: str
    columns: int = 80
    lines: int = TALLEST
    until: str | None = None


RECORDINGS: Final = (
    Recording("list", "cliniko list patients 'created_at>=2026-01-01' -n 5"),
    Recording("list-narrow", "cliniko list patients -n 2", columns=38),
    Recording("count", "cliniko count patients 'created_at>=2026-01-01'"),
    Recording("describe", "cliniko describe patients", lines=24),
    Recording("typo", "cliniko list patient"),
    Recording("plan", "cliniko export --to clinic --plan"),
    Recording("export", "cliniko export --to clinic", until=r"all records +\S+ +[4-9],\d\d\d of"),
)


class Screen:
    """What a terminal shows: the few controls that a progress display uses, and no more."""

    def __init__(self) -> None:
        self._lines: list[str] = [""]
        self._row = 0

    def feed(self, text: str) -> None:
        """Show what was written."""
        for code, letter, new_line, start, shown in CONTROL.findall(text):
            if letter == "A":
                self._row = max(self._row - int(code or 1), 0)
            elif letter == "K" or start:
                self._lines[self._row] = "" if letter else self._lines[self._row]
            elif letter == "m":
                self._lines[self._row] += f"\x1b[{code}m"
            elif new_line:
                self._row += 1
                self._lines += [""] * (self._row + 1 - len(self._lines))
            else:
                self._lines[self._row] += shown

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines).rstrip()


def recorded(recording: Recording, environment: Mapping[str, str], folder: str) -> str:
    """What a terminal shows of a command."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        words = [sys.executable, "-m", "cliniko_async", *shlex.split(recording.command)[1:]]
        os.execve(sys.executable, words, dict(environment))  # noqa: S606 - our own lines
    size = struct.pack("HHHH", TALLEST, recording.columns, 0, 0)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    end = threading.Timer(PATIENCE, os.kill, (pid, signal.SIGKILL))
    end.start()
    screen = Screen()
    for text in _written(terminal):
        screen.feed(text)
        if recording.until and re.search(recording.until, screen.text()):
            os.kill(pid, signal.SIGINT)
            break
    else:
        os.waitpid(pid, 0)
    shown = screen.text()
    for _ in _written(terminal):  # a command that was stopped has last words, too
        pass
    end.cancel()
    os.close(terminal)
    return shown


def _written(terminal: int) -> Iterator[str]:
    """What a command writes, until it ends."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # it has ended
            return
        if not data:
            return
        yield decoder.decode(data)


def picture(recording: Recording, shown: str) -> str:
    """The terminal as an SVG."""
    lines = [f"\x1b[1m$ {recording.command}\x1b[0m", *shown.split("\n")[: recording.lines]]
    console = Console(
        record=True,
        width=recording.columns,
        file=io.StringIO(),
        force_terminal=True,
    )
    console.print(Text.from_ansi("\n".join(lines)), soft_wrap=True)
    made = console.export_svg(
        title=f"{recording.columns} columns", code_format=SVG, unique_id=f"t-{recording.name}"
    )
    return "\n".join(line.rstrip() for line in made.split("\n"))


async def record(folder: Path, names: Collection[str]) -> None:
    """Record the commands of these names, or all."""
    emulator = Emulator(Clinic.demo(TODAY), limit=1000, latency=0.1, jitter=0.05)
    async with running(emulator) as base_url:
        environment = {
            "CLINIKO_API_KEY": "MS0xRECORDED-au1",
            "CLINIKO_BASE_URL": base_url,
            "CLINIKO_LIMITER": "process",
            "CLINIKO_USER_AGENT": "Recordings (recordings@example.com)",
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
        }
        with tempfile.TemporaryDirectory() as work:
            for recording in (r for r in RECORDINGS if not names or r.name in names):
                shown = await asyncio.to_thread(recorded, recording, environment, work)
                file = folder / f"{recording.name}.svg"
                file.write_text(picture(recording, shown), encoding="utf-8")
                print(f"{file.name}: {len(shown.splitlines())} lines")


def main() -> None:
    """Record commands into the folder that is named, or into the documentation's."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(exist_ok=True)
    asyncio.run(record(folder, sys.argv[2:]))


if __name__ == "__main__":
    main()
