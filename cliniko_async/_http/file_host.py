"""Files on other hosts. What goes there has no credentials, and no place in the limiter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import anyio
import httpx

from cliniko_async._http import quiet_logs
from cliniko_async._http.account import is_confidential

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

__all__ = ["CLOSE_SECONDS", "CONNECT_SECONDS", "FileHost", "words"]

CONNECT_SECONDS: Final = 10.0
"""Seconds for making a connection."""

CLOSE_SECONDS: Final = 2.0
"""Seconds for giving a connection back, even when the caller has been cancelled."""

SILENCE_SECONDS: Final = 60.0
"""Seconds without a byte after which a transfer is given up. How long all of it takes is free."""


class FileHost:
    """The hosts on which files lie. All that is told of a failure is what is wrong, in words."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def post(
        self, url: str, content: AsyncIterator[bytes], headers: Mapping[str, str]
    ) -> str | None:
        """Send a body piece by piece. What is wrong, or None if it was taken."""

        async def ignore(_: bytes) -> None:
            pass

        return await self._exchange("POST", url, ignore, headers=headers, content=content)

    async def get(self, url: str, write: Callable[[bytes], Awaitable[object]]) -> str | None:
        """Hand a file over piece by piece. What is wrong, or None if it is whole."""
        return await self._exchange("GET", url, write)

    async def _exchange(
        self,
        method: str,
        url: str,
        write: Callable[[bytes], Awaitable[object]],
        *,
        headers: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | None = None,
    ) -> str | None:
        if not is_confidential(url):
            return "the file host's URL is not https"
        try:
            request = self._client.build_request(
                method,
                url,
                headers={"Accept": "*/*", **(headers or {})},
                content=content,
                timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            )
        except httpx.InvalidURL:
            return "the file host's URL is malformed"
        with quiet_logs.sending():
            try:
                response = await self._client.send(request, stream=True)
            except httpx.HTTPError as error:
                return words(error)
            try:
                if not response.is_success:
                    return f"the file host answered {response.status_code}"
                async for piece in response.aiter_bytes():
                    await write(piece)
            except httpx.HTTPError as error:
                return words(error)
            finally:
                with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                    await response.aclose()
        return None


def words(error: httpx.HTTPError) -> str:
    """The kind of error in words; its own text may quote the request."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
