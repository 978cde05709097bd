"""One command over many clinics: each with its own allowance, failures apart, one report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import attrs
import click

from cliniko_async.cli.run import in_words
from cliniko_async.cli.terminal import say, tell
from cliniko_async.errors import ClinikoError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cliniko_async._client import AsyncCliniko
    from cliniko_async.cli.connection import Connection

    Work = Callable[[AsyncCliniko, str | None], Awaitable[str]]

__all__ = ["each"]

AT_ONCE = 8
"""Clinics at a time: each has files and connections open."""


@attrs.define
class _Report:
    """How it went, clinic by clinic."""

    done: dict[str, str] = attrs.field(factory=dict[str, str])
    failed: dict[str, str] = attrs.field(factory=dict[str, str])


async def each(
    connection: Connection, work: Work, *, at_once: int = AT_ONCE, tell_waits: bool = False
) -> None:
    """Do something for the clinic that the command line chose, or for all that have a profile.

    Args:
        connection: Says which.
        work: Called with an open session and the profile's name, None if there is only one. What
            it returns is the clinic's line in the report.
        at_once: How many clinics at a time.
        tell_waits: Whether to say when it waits for the rate limit.

    Raises:
        click.exceptions.Exit: It failed for some of several clinics; the report says for which.
    """
    names = connection.clinics()
    if not connection.all_profiles:
        opened = connection.opened() if tell_waits else connection.session()
        async with opened as session:
            said = await work(session, None)
        if said:
            tell(said)
        return
    # Before anything runs, so that password managers ask one after the other.
    report = _Report()
    sessions: dict[str, AsyncCliniko] = {}
    for name in filter(None, names):
        try:
            sessions[name] = connection.session(profile=name)
        except (ClinikoError, click.ClickException) as error:
            report.failed[name] = _why(error)
    limiter = anyio.CapacityLimiter(at_once)
    async with anyio.create_task_group() as tasks:
        for name, session in sessions.items():
            tasks.start_soon(_one, name, session, work, report, limiter)
    _show(report, [name for name in names if name])


async def _one(
    name: str,
    session: AsyncCliniko,
    work: Work,
    report: _Report,
    limiter: anyio.CapacityLimiter,
) -> None:
    try:
        async with limiter, session:
            report.done[name] = await work(session, name)
    except (ClinikoError, click.ClickException) as error:
        report.failed[name] = _why(error)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the other clinics go on
        # Its words may hold anything.
        report.failed[name] = f"{type(error).__name__}: run it with --profile {name}"


def _why(error: ClinikoError | click.ClickException) -> str:
    return in_words(error) if isinstance(error, ClinikoError) else error.message


def _show(report: _Report, names: list[str]) -> None:
    width = max(map(len, names))
    for name in names:
        if name in report.done:
            tell(f"{name:<{width}}  {report.done[name]}", indent=width + 2)
    for name in names:
        if name in report.failed:
            say(f"{name:<{width}}  failed: {report.failed[name]}")
    if report.failed:
        say(f"{len(report.failed)} of {len(names)} clinics failed")
        raise click.exceptions.Exit(1)
