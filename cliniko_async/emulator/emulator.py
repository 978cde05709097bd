"""An emulated API, as an ASGI app and as an httpx transport."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from cliniko_async.emulator.backend import Backend

if TYPE_CHECKING:
    import httpx
    from starlette.applications import Starlette

__all__ = ["Emulator"]


class Emulator(Backend):
    """The Cliniko API in memory.

    Args:
        clinic: Its records; an empty clinic by default.
        limit: Requests that each user has in a window. More are answered with 429.
        per: Seconds of a window.
        latency: Seconds that an answer takes.
        jitter: Seconds by which that varies, up and down.
        page_limit: The most rows per page, if a server is to send fewer than are asked for.
        keys: The keys that are accepted, each with its user's name; any key by default.
    """

    @cached_property
    def app(self) -> Starlette:
        """The ASGI app."""
        try:
            from cliniko_async.emulator.app import make_app  # noqa: PLC0415 - starlette is not light
        except ModuleNotFoundError as error:
            from cliniko_async.errors import missing_extra  # noqa: PLC0415 - for this alone

            raise missing_extra(error, "emulator") from None

        return make_app(self)

    def transport(self) -> httpx.AsyncBaseTransport:
        """An httpx transport that leads here, without sockets."""
        from cliniko_async.emulator.transport import EmulatorTransport  # noqa: PLC0415 - lazily

        return EmulatorTransport(self.app)
