"""How commands reach the API: options that all of them take, and the session they open.

They stand in front of a command's name or behind it. What is not given there comes from the
profile, then from the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import click

from cliniko_async._client import AsyncCliniko
from cliniko_async.cli.missing import need
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEMO_RATE", "Connection", "connected"]

DEMO_RATE: Final = RateLimit(40, per=10.0)
DEMO_USER_AGENT: Final = "cliniko demo (demo@example.com)"
DEMO_KEY: Final = "DEMO-au1"

C = TypeVar("C", bound="Callable[..., Any]")


@attrs.define
class Connection:
    """What the command line said of how to reach the API.

    Attributes:
        emulator: Whether a made-up clinic stands in for a real one.
    """

    emulator: bool = False

    @property
    def rate(self) -> RateLimit:
        """What the user is allowed."""
        return DEMO_RATE if self.emulator else RateLimit()

    def session(self, *, read_only: bool = True) -> AsyncCliniko:
        """A session, not yet open, with the real thing or with a made-up clinic."""
        return _demo(read_only) if self.emulator else AsyncCliniko(read_only=read_only)


def _demo(read_only: bool) -> AsyncCliniko:  # noqa: FBT001 - handed through
    """A session with a made-up clinic, at a scaled limit."""
    need("emulator")
    from cliniko_async.emulator import Clinic, Emulator  # noqa: PLC0415 - an extra of its own

    server = Emulator(
        Clinic.demo(), limit=DEMO_RATE.requests, per=DEMO_RATE.per, latency=0.15, jitter=0.1
    )
    return AsyncCliniko(
        DEMO_KEY,
        user_agent=DEMO_USER_AGENT,
        rate_limit=DEMO_RATE,
        transport=server.transport(),
        read_only=read_only,
    )


def connected(command: C) -> C:
    """Give a command the options of a connection. The command takes it with `pass_obj`."""
    return _option("--emulator", is_flag=True, help="Use a made-up clinic, not a real one.")(
        command
    )


def _option(*names: str, **settings: Any) -> Callable[[C], C]:
    def keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
        connection = ctx.find_root().ensure_object(Connection)
        if value is not None and value is not False and param.name:
            setattr(connection, param.name, value)

    return click.option(*names, expose_value=False, callback=keep, **settings)
