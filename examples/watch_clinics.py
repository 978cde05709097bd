"""Watch many clinics in one process, and hand their changes to a program of yours.

Usage: python examples/watch_clinics.py CLINICS.toml FOLDER

The file holds a name and a key a line, and is readable by nobody else:

    north = "MS0x...-au1"
    south = "MS0x...-uk2"

Needs CLINIKO_USER_AGENT. FOLDER keeps a cursor for each clinic, and no health data. Ctrl-C or
SIGTERM ends it when each change that is being handled has been; killed, it tells the last change
of a clinic again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

from cliniko_async import AsyncCliniko, ClinikoError, Watch, WatchedChange
from cliniko_async.limits import HostLimiter

RESOURCES = ("patients", "individual_appointments")
EVERY = float(os.environ.get("WATCH_EVERY", "60"))
PAUSE = 1.0


async def handle(clinic: str, change: WatchedChange[Any]) -> None:
    """Put here what you do with a change. What it raises is tried again."""
    fields = "" if change.fields is None else ",".join(sorted(change.fields))
    print(clinic, change.resource, change.kind, change.record.id, fields, flush=True)


async def watch_clinic(name: str, key: str, file: Path, stop: asyncio.Event) -> None:
    """Watch one clinic until it is time to stop."""
    cursor = file.read_text(encoding="ascii") if file.exists() else None
    async with AsyncCliniko(key, read_only=True, limiter=HostLimiter()) as cliniko:
        watch = cliniko.watch(*RESOURCES, every=EVERY, cursor=cursor, on_cursor=partial(save, file))
        closing = asyncio.create_task(close(watch, stop))
        try:
            async for change in watch:
                if not await handled(name, change, stop):
                    break
                watch.taken()
                save(file, watch.cursor)
        finally:
            closing.cancel()


async def handled(name: str, change: WatchedChange[Any], stop: asyncio.Event) -> bool:
    """Handle a change, again if need be; false if it is time to stop."""
    while not stop.is_set():
        try:
            await handle(name, change)
        except OSError as error:  # what your own handling may raise, and time can heal
            print(f"{name}: {type(error).__name__}, again in {PAUSE:g} s", file=sys.stderr)
            await asyncio.sleep(PAUSE)
        else:
            return True
    return False


async def close(watch: Watch[Any], stop: asyncio.Event) -> None:
    """End a watch that waits for its next change."""
    await stop.wait()
    await watch.aclose()


def save(file: Path, cursor: str) -> None:
    """Put a cursor in the place of the one before, whole or not at all."""
    new = file.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(cursor, encoding="ascii")
    new.replace(file)


async def watch_or_say(name: str, key: str, file: Path, stop: asyncio.Event) -> None:
    """Watch a clinic; that one's key was deleted does not stop the others."""
    try:
        await watch_clinic(name, key, file, stop)
    except ClinikoError as error:
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)


async def main() -> None:
    """Watch all clinics of the file."""
    clinics, folder = map(Path, sys.argv[1:])
    folder.mkdir(mode=0o700, exist_ok=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    keys = tomllib.loads(clinics.read_text(encoding="utf-8"))
    async with asyncio.TaskGroup() as tasks:
        for name, key in keys.items():
            tasks.create_task(watch_or_say(name, key, folder / f"{name}.cursor", stop))


if __name__ == "__main__":
    asyncio.run(main())
