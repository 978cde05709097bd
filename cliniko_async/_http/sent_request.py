"""What is passed to the HTTP library, and what comes back: requests without a repr, and bodies.

A request's repr in the HTTP library shows its URL, and crash reporters show reprs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import anyio
import httpx

from cliniko_async._http.unpack import UnpackError, unpacked

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

__all__ = ["FOREIGN", "SentRequest", "give_back", "pieces_of", "words"]

CLOSE_SECONDS: Final = 2.0
"""Seconds for giving a connection back, even when the caller has been cancelled."""

FOREIGN: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError)
"""What a caller's transport raises when a request fails. Anything else is a mistake in it."""


class SentRequest(httpx.Request):
    """A request of ours."""

    def __repr__(self) -> str:
        return f"<SentRequest {self.method}>"


def pieces_of(response: httpx.Response) -> AsyncIterable[bytes]:
    """The body of an answer, unpacked, piece by piece.

    Raises:
        UnpackError: It is packed in a way that was not asked for, or turns out to be damaged
            while it is read.
    """
    if response.is_closed:  # a transport of the caller's has read and unpacked it
        return _once(response.content)
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise UnpackError("the transport's answer has a synchronous body", hopeless=True)
    return unpacked(response.stream, response.headers.get("content-encoding", ""))


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def give_back(response: httpx.Response) -> None:
    """Give an answer's connection back, whatever became of the answer."""
    if isinstance(response.stream, httpx.AsyncByteStream):
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await response.stream.aclose()


def words(error: BaseException) -> str:
    """The kind of error in words; its own text may quote the request."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
