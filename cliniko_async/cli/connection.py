"""How commands reach the API: options that all of them take, and the session they open.

They stand in front of a command's name or behind it. What is not set there comes from the
profile, then from the environment. The command shares the host's allowance, so that it never
takes what a service beside it has spent.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import click
from click.shell_completion import CompletionItem

from cliniko_async._client import AsyncCliniko
from cliniko_async.cli.missing import need
from cliniko_async.cli.profiles import Profile, profile_named, profile_names
from cliniko_async.cli.waits import waits_told
from cliniko_async.errors import InvalidValueError
from cliniko_async.limits import LocalLimiter, RateLimit, limiter_from, rate_from

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from cliniko_async.limits import Limiter

__all__ = ["DEMO_RATE", "Connection", "connected", "many_connected"]

DEMO_RATE: Final = RateLimit(40, per=10.0)
DEMO_USER_AGENT: Final = "cliniko demo (demo@example.com)"
DEMO_KEY: Final = "DEMO-au1"

KEY: Final = "CLINIKO_API_KEY"
AGENT: Final = "CLINIKO_USER_AGENT"

NO_KEY: Final = (
    f"there is no API key: set {KEY}, or name a --profile. A user makes a key in Cliniko under "
    "'My info', 'Manage API keys'. With --emulator, a made-up clinic needs none"
)
NO_AGENT: Final = (
    f"Cliniko asks who sends requests: set {AGENT} to your application's name and an e-mail "
    "address, such as 'My app (dev@example.com)'"
)

REDIS: Final = ("redis:", "rediss:", "unix:")

C = TypeVar("C", bound="Callable[..., Any]")


@attrs.define
class Connection:
    """How to reach the API, by the command line.

    Attributes:
        emulator: Whether a made-up clinic stands in for a real one.
        profile: The name of the profile to use.
        all_profiles: Whether to use all of them, one by one.
        rate: Requests and seconds, such as `150/60`.
        limiter: `process`, `host`, a path, or `redis://...`.
    """

    emulator: bool = False
    profile: str | None = None
    all_profiles: bool = False
    rate: str | None = None
    limiter: str | None = attrs.field(default=None, repr=False)

    @asynccontextmanager
    async def opened(self, *, read_only: bool = True) -> AsyncGenerator[AsyncCliniko]:
        """An open session, which says on a terminal when it waits for the rate limit.

        Args:
            read_only: Whether writes are refused.
        """
        async with self.session(read_only=read_only) as session, waits_told(session):
            yield session

    def session(self, *, read_only: bool = True, profile: str | None = None) -> AsyncCliniko:
        """A session, not yet open, with the real thing or with a made-up clinic.

        Args:
            read_only: Whether writes are refused.
            profile: Another profile than the one that the command line names.
        """
        if self.emulator:
            return _demo(read_only)
        name = profile or self.profile
        found = profile_named(name) if name else None
        if found is None and KEY not in os.environ:
            raise click.ClickException(NO_KEY)
        key = found.api_key() if found else None
        if not (found and found.user_agent) and not os.environ.get(AGENT):
            raise click.ClickException(NO_AGENT)
        return AsyncCliniko(
            key,
            user_agent=found.user_agent if found else None,
            base_url=found.base_url if found else None,
            rate_limit=_rate(self.rate, found),
            limiter=_limiter(self.limiter, found),
            read_only=read_only,
        )

    def clinics(self) -> Sequence[str | None]:
        """The profiles that are used one by one; None stands for the one that is chosen."""
        if not self.all_profiles:
            return (None,)
        if self.emulator or self.profile:
            raise click.UsageError("--all-profiles goes with neither --profile nor --emulator")
        names = profile_names()
        if not names:
            raise click.UsageError("there are no profiles yet: see `cliniko profiles --help`")
        return names


def _rate(given: str | None, profile: Profile | None) -> RateLimit | None:
    text = given or (profile.rate if profile else None)
    try:
        return rate_from(text) if text else None  # the environment has the last word
    except InvalidValueError as error:
        raise click.BadParameter(str(error), param_hint="--rate") from None


def _limiter(given: str | None, profile: Profile | None) -> Limiter | None:
    text = given or (profile.limiter if profile else None)
    text = text or os.environ.get("CLINIKO_LIMITER", "").strip() or "host"
    if text.lower().startswith(REDIS):
        need("redis")
    try:
        return limiter_from(text)
    except InvalidValueError as error:
        raise click.BadParameter(str(error), param_hint="--limiter") from None


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
        limiter=LocalLimiter(),
        transport=server.transport(),
        read_only=read_only,
    )


def connected(command: C) -> C:
    """Give a command the options of a connection. The command takes it with `pass_obj`."""
    for option in (
        _option(
            "--limiter",
            metavar="NAME",
            help="Where requests are counted: host (the default), process, a path, redis://...",
        ),
        _option("--rate", metavar="N/SECONDS", help="Requests allowed in so many seconds: 200/60."),
        _option(
            "--profile",
            metavar="NAME",
            envvar="CLINIKO_PROFILE",
            shell_complete=_complete_profile,
            help="A clinic in profiles.toml: see `cliniko profiles`.",
        ),
        _option("--emulator", is_flag=True, help="Use a made-up clinic; no key is needed."),
    ):
        command = option(command)
    return command


def many_connected(command: C) -> C:
    """The same for a command that can run over all profiles."""
    return _option("--all-profiles", is_flag=True, help="Do it for every clinic in profiles.toml.")(
        connected(command)
    )


def _option(*names: str, **settings: Any) -> Callable[[C], C]:
    def keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
        connection = ctx.find_root().ensure_object(Connection)
        if value and param.name:  # not given: what stands in front of the command's name stays
            setattr(connection, param.name, value)

    return click.option(*names, expose_value=False, callback=keep, **settings)


def _complete_profile(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    del ctx, param
    try:
        return [CompletionItem(name) for name in profile_names() if name.startswith(incomplete)]
    except click.ClickException:  # a shell that completes has no place for it
        return []
