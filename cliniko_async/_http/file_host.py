"""Files on other hosts. What goes there has no credentials, and no place in the limiter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx

from cliniko_async._http import silence
from cliniko_async._http.account import is_confidential
from cliniko_async._http.answers import Failure
from cliniko_async._http.frames import without_frames
from cliniko_async._http.sent_request import SentRequest, give_back, pieces_of, words
from cliniko_async._http.unpack import UnpackError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping

    from cliniko_async._http.transports import Transports

__all__ = ["CONNECT_SECONDS", "FileHost"]

CONNECT_SECONDS: Final = 10.0
"""Seconds for making a connection."""

SILENCE_SECONDS: Final = 60.0
"""Seconds without a byte after which a transfer is given up. How long all of it takes is free."""

_TIMEOUTS: Final = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS).as_dict()


class FileHost:
    """The hosts on which files lie. A URL to a file is a secret: whoever has it has the file."""

    def __init__(self, transports: Transports, user_agent: str) -> None:
        self._transports = transports
        # As a file is stored, so it comes: what was packed before it was stored stays packed.
        self._headers: dict[str, str] = {
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": user_agent,
        }

    def post(
        self, url: str, content: AsyncIterator[bytes], headers: Mapping[str, str]
    ) -> Coroutine[Any, Any, Failure | None]:
        """Send a body piece by piece. What is wrong, or None if it was taken."""

        async def ignore(_: bytes) -> None:
            pass

        return without_frames(self._exchange("POST", url, ignore, headers, content))

    def get(
        self, url: str, write: Callable[[bytes], Awaitable[object]]
    ) -> Coroutine[Any, Any, Failure | None]:
        """Hand a file over piece by piece. What is wrong, or None if it is whole."""
        return without_frames(self._exchange("GET", url, write, {}, None))

    async def _exchange(
        self,
        method: str,
        url: str,
        write: Callable[[bytes], Awaitable[object]],
        headers: Mapping[str, str],
        content: AsyncIterator[bytes] | None,
    ) -> Failure | None:
        if not is_confidential(url):
            return Failure("the file host's URL is not https", hopeless=True)
        try:
            request = SentRequest(
                method,
                url,
                headers={**self._headers, **headers},
                content=content,
                extensions={"timeout": _TIMEOUTS},
            )
        except (httpx.InvalidURL, UnicodeError):
            return Failure("the file host's URL is malformed", hopeless=True)
        transport = self._transports.way_to(request.url).transport
        with silence.Sending():
            try:
                response = await transport.handle_async_request(request)
            except Exception as error:  # noqa: BLE001 - the HTTP library's, and what it stands on
                return Failure(words(error))
            try:
                return await _handed_over(response, write)
            finally:
                await give_back(response)


async def _handed_over(
    response: httpx.Response, write: Callable[[bytes], Awaitable[object]]
) -> Failure | None:
    if not response.is_success:
        return Failure(f"the file host answered {response.status_code}")
    try:
        pieces = pieces_of(response)
    except UnpackError as error:
        return Failure(str(error), hopeless=error.hopeless)
    return await _written(aiter(pieces), write)


async def _written(
    pieces: AsyncIterator[bytes], write: Callable[[bytes], Awaitable[object]]
) -> Failure | None:
    while True:
        try:
            piece = await anext(pieces, None)
        except UnpackError as error:
            return Failure(str(error), hopeless=error.hopeless)
        except Exception as error:  # noqa: BLE001 - the HTTP library's; what `write` raises gets out
            return Failure(words(error))
        if piece is None:
            return None
        await write(piece)
