"""A watch: polls its resources, and hands out what has changed."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Final, Generic, Self, TypedDict, TypeVar

import anyio
import attrs

from cliniko_async._http.callbacks import Callback
from cliniko_async._http.owner import Owner, owner_of
from cliniko_async._http.view import View
from cliniko_async._models.moments import utc_text
from cliniko_async._watch.memory import Memory
from cliniko_async._watch.pace import Pace, Tally
from cliniko_async._watch.poller import Found, Poller, Target
from cliniko_async._watch.state import KeptWatch
from cliniko_async.errors import (
    ClinikoError,
    DecodeError,
    IncompleteListingError,
    InvalidTypeError,
    InvalidValueError,
    LimiterUnavailableError,
    RateLimitError,
    ServerError,
    TransportError,
    expect,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliniko_async._lists import OnBadRecord
    from cliniko_async._models.model import Model
    from cliniko_async._watch.change import WatchedChange

__all__ = ["Watch", "WatchOptions"]

M = TypeVar("M", bound="Model")

logger: Final = logging.getLogger("cliniko_async.watch")

TEMPORARY: Final = (
    TransportError,
    ServerError,
    LimiterUnavailableError,
    RateLimitError,
    IncompleteListingError,
)
"""Errors after which a watch tries again."""


class WatchOptions(TypedDict, total=False):
    """How to watch.

    Attributes:
        every: Seconds from the start of a poll to the start of the next; 60 by default.
        cursor: The `.cursor` of an earlier watch, to go on behind the last change taken there. One
            of another account is refused when the watch is iterated on, before a list is asked for.
        since: From when on changes are told, if there is no cursor. With neither, the watch tells
            what changes after its first poll.
        share: The part of the user's allowance that polls take at the most; 0.25 by default.
        remember: Of how many records per resource the fields are remembered, so that `.fields`
            is known; 2,000 by default. Those not seen for the longest time are forgotten first.
        restored: Whether records that came back from the archive are told even if their
            `updated_at` stayed as it was. The first poll reads the whole archive then.
        on_cursor: Called with the cursor after each poll, to keep it, so that a process that ends
            before its first change can be gone on from, too.
        on_error: Called with each error after which the watch tries again, in place of a warning in
            the log.
        on_bad_record: Whether a record that does not fit its model is skipped (and logged; the
            default), raises, or is handed as a `DecodeError` to a function and skipped.
    """

    every: float
    cursor: str | None
    since: datetime | None
    share: float
    remember: int
    restored: bool
    on_cursor: Callable[[str], object] | None
    on_error: Callable[[ClinikoError], object] | None
    on_bad_record: OnBadRecord


class Watch(Generic[M]):
    """Changes as they come, without an end; see `Listable.watch`.

    Iterate it with `async for`, in one task at a time.
    """

    def __init__(
        self,
        view: View,
        targets: Callable[[View], Sequence[Target[M]]],
        *,
        every: float = 60.0,
        cursor: str | None = None,
        since: datetime | None = None,
        share: float = 0.25,
        remember: int = 2_000,
        restored: bool = True,
        on_cursor: Callable[[str], object] | None = None,
        on_error: Callable[[ClinikoError], object] | None = None,
        on_bad_record: OnBadRecord = "skip",
    ) -> None:
        self._pollers: dict[str, Poller[M]] = {}  # first: the repr shows them
        _check(every, share, remember, since, on_bad_record)
        kept = None if cursor is None else KeptWatch.read(cursor)
        tally = Tally(limit=0, own=view.options.budget)
        options = attrs.evolve(view.options, lane="bulk", budget=tally)
        secret = _secret(view)
        self._key = hashlib.blake2b(b"the key", digest_size=8, key=secret).digest()
        self._on_cursor = Callback("on_cursor", on_cursor) if on_cursor else None
        self._on_error = Callback("on_error", on_error or _log)
        self._pace = Pace(view.session, every=every, share=share, tally=tally)
        self._view = View(view.session, options)
        self._owner = kept.owner if kept else Owner(view.session.account.user)
        self._is_owner_known = bool(kept and kept.key == self._key and kept.owner.is_told)
        self._others = kept.under(self._key) if kept else {}
        for target in targets(self._view):
            memory = Memory(secret, remember)
            poller = Poller(
                target, view.session, memory, restored=restored, on_bad_record=on_bad_record
            )
            self._pollers[target.name] = poller
            old = self._others.pop(target.name, None)
            if old is not None:
                poller.load(old)
                memory.load(old.told, old.names, old.versions)
            elif since is not None:
                poller.since(since)
        self._round: deque[Poller[M]] = deque()
        self._found: deque[Found[M]] = deque()
        self._given: Found[M] | None = None
        self._scope: anyio.CancelScope | None = None
        self._closed = False

    @property
    def cursor(self) -> str:
        """What a watch in another process goes on with: all changes that were taken are behind it.

        A change is taken when the next one is asked for, or when `taken` is called. The text knows
        its account, and holds no data of records: ids, moments and digests that are keyed with
        the API key. It is up to
        about 200 characters for each record that is remembered, and up to 30 for each version told
        in the last hour.
        """
        # Resources that are not watched this time are kept, and go on when they are again.
        kept = {name: poller.kept() for name, poller in self._pollers.items()}
        return KeptWatch(self._key, self._owner, {**self._others, **kept}).text()

    def taken(self) -> None:
        """Say that the change given last is dealt with, so that the cursor has it already."""
        if self._given is not None:
            self._given.settle()
            self._given = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WatchedChange[M]:
        self.taken()
        with anyio.CancelScope() as self._scope:
            while not (self._found or self._closed):
                await self._advance()
        if self._closed:
            raise StopAsyncIteration
        self._given = self._found.popleft()
        what = self._given.what
        if isinstance(what, DecodeError):
            raise what
        return what

    async def _advance(self) -> None:
        """Ask for the next rows of a poll, or wait until a poll is due."""
        await self._pace.wait()
        if not self._round:
            self._round.extend(self._pollers.values())
        poller = self._round[0]
        try:
            await self._check_owner()
            found = await poller.next()
        except TEMPORARY as error:
            await self._fault(poller)
            self._on_error(error)
            return
        except ClinikoError:
            await self._fault(poller)
            raise
        if found:
            self._found.extend(found)
            return
        self._round.popleft()
        if not self._round:
            self._pace.polled()
            if self._on_cursor:
                self._on_cursor(self.cursor)

    async def _check_owner(self) -> None:
        """Refuse the cursor of another account, whose moments and ids say nothing of this one."""
        if self._is_owner_known:
            return
        own = await owner_of(self._view)
        if not self._owner.is_same(own):
            raise InvalidValueError(
                "this watch began with the API key of another account: go on with a key of that "
                "account, or begin anew, without cursor= (in a command: with another --state)"
            )
        self._owner = own.with_signs_of(self._owner)
        self._is_owner_known = True

    async def _fault(self, poller: Poller[M]) -> None:
        self._pace.failed()
        await poller.reset()

    async def aclose(self) -> None:
        """End the watch, from any task. Its cursor stays as it is.

        Somebody who waits for the next change is told that there is none.
        """
        self._closed = True
        if self._scope is not None:
            self._scope.cancel()
        for poller in self._round:
            await poller.reset()

    def __repr__(self) -> str:
        return f"<Watch of {', '.join(self._pollers)}>"


def _log(error: ClinikoError) -> None:
    logger.warning("the watch goes on after a pause: %s", error)


def _secret(view: View) -> bytes:
    key = view.session.account.authorization.reveal().encode()
    return hashlib.blake2b(key, person=b"cliniko watch").digest()


def _check(
    every: float,
    share: float,
    remember: int,
    since: datetime | None,
    on_bad_record: OnBadRecord,
) -> None:
    expect(every, (int, float), "every= takes a number of seconds")
    expect(share, (int, float), "share= takes a part of the allowance: 0.25")
    expect(remember, int, "remember= takes a number of records")
    if not 0 < every < float("inf"):
        raise InvalidValueError("every= takes a number of seconds above zero")
    if not 0 < share <= 1:
        raise InvalidValueError("share= takes a part of the allowance, above 0 and up to 1: 0.25")
    if remember < 0:
        raise InvalidValueError("remember= takes a number of records, 0 or more")
    if on_bad_record not in ("raise", "skip") and not callable(on_bad_record):
        raise InvalidValueError("on_bad_record= takes 'raise', 'skip' or a function")
    if since is not None:
        if not isinstance(since, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidTypeError("since= takes a datetime: datetime(2026, 5, 31, tzinfo=UTC)")
        utc_text(since)  # refuses a moment without a time zone
