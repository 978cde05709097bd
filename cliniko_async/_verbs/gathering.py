"""Gets that wait together travel together.

A `get` takes a seat on a ride: a request that is about to ask the rate limit for a place. One turn
of the event loop later it does, and until its place is there others get on. Only then is it settled
what is sent: for one id, what `get` sends; for several, one list filtered by id. A ride that gets
its place takes along whom other rides wait with, so that the best lane serves all of them; rides
that are left empty end without a trace.

Each caller has an outcome of its own, the same as alone:

- An id that is not in the answer is asked for by itself, so that the API has said so.
- If the batch is refused, each id goes by itself. A batch that is too long is halved. If the server
  fails, one id goes by itself, to find out whether the others are to follow.
- Callers who wait for the same id share one request. A request that has left is not shared: its
  answer may be older than the question.
- A caller who is cancelled leaves. The request ends when all of its callers have left.
- A ride has one `max_wait`. Who has another, or the same from a later moment on, has a ride of
  its own, and is taken along like everybody else.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs

from cliniko_async._http.request import Request
from cliniko_async._http.view import View
from cliniko_async._models.model import Model
from cliniko_async._verbs.batches import IDS_PER_REQUEST, TOO_LONG, Found, batch_request
from cliniko_async.errors import (
    ApiError,
    DecodeError,
    NotFoundError,
    ServerError,
    SessionClosedError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._http.request import Options
    from cliniko_async.limits import Lane

__all__ = ["Gathering"]

M = TypeVar("M", bound=Model)

REFUSALS: Final = frozenset({400, 403, 404, 405, 422}) | TOO_LONG
"""What a server may say of a filter on ids, though it answers for each of them."""

REFUSALS_IN_A_ROW: Final = 3
"""Batches refused one after the other after which no more are sent."""

LANES: Final[tuple[Lane, ...]] = ("interactive", "bulk")


class Gathering(Generic[M]):
    """The gets of one resource in one session, and what is known of its server's batches.

    Attributes:
        most: How many ids the server takes in one request, as far as is known.
    """

    def __init__(self, model: type[M], path: str) -> None:
        self.most: int = IDS_PER_REQUEST
        self.stops: dict[object, Stop[M]] = {}
        self._model = model
        self._path = path
        self._refused = 0

    async def get(
        self, view: View, id: str, alone: Request[M], params: Sequence[tuple[str, str]]
    ) -> M:
        """Wait for a record.

        Args:
            view: Who asks.
            id: As the API writes it.
            alone: What is sent if nobody else waits.
            params: Its query.
        """
        if view.options.budget:
            view.options.budget.check()
        loop = asyncio.get_running_loop()
        alike = attrs.evolve(view.options, lane=LANES[0], max_wait=None)
        key = (loop, alike, *params)
        stop = self.stops.get(key)
        if stop is None:
            stop = self.stops[key] = Stop(self, key, params)
        seat = stop.seat_for(id, alone, view)
        caller: asyncio.Future[M] = loop.create_future()
        seat.callers.add(caller)
        try:
            record: M = await caller
        finally:
            seat.leave(caller)
        return record

    def request(self, ids: Sequence[str], params: Sequence[tuple[str, str]]) -> Request[Found[M]]:
        """The request for a batch."""
        return batch_request(self._model, self._path, ids, params)

    def answered(self, found: Found[M]) -> None:
        """A batch was answered: learn how long the server's pages are."""
        self._refused = 0
        if found.goes_on:
            self.most = min(self.most, max(found.rows, 1))

    def refused(self, sent: int, error: BaseException | None) -> bool:
        """A batch was not answered. Gives back whether a smaller one may be."""
        if isinstance(error, ApiError) and error.status in TOO_LONG:
            self.most = min(self.most, sent // 2)
            return True
        self._refused += 1
        if self._refused >= REFUSALS_IN_A_ROW:
            self.most = 1
        return False


class Stop(Generic[M]):
    """Where gets wait that can share a ride: those that ask for the same with the same options."""

    def __init__(
        self, gathering: Gathering[M], key: object, params: Sequence[tuple[str, str]]
    ) -> None:
        self._gathering = gathering
        self._key = key
        self._params = params
        self._rides: dict[Ride[M], None] = {}
        self._latest: dict[tuple[Lane, float | None], Ride[M]] = {}

    def seat_for(self, id: str, alone: Request[M], view: View) -> Seat[M]:
        """The seat of an id, on a ride that waits or on a new one."""
        ride = self._ride_for(id, view.options)
        if ride and id in ride.seats:
            return ride.seats[id]
        seat = Seat(id, alone, view)
        self._board(seat, ride)
        return seat

    def _ride_for(self, id: str, options: Options) -> Ride[M] | None:
        for lane in LANES[: 1 + LANES.index(options.lane)]:
            ride = self._latest.get((lane, options.max_wait))
            # What a ride may wait counts from its beginning.
            if ride is None or not (options.max_wait is None or ride.is_new):
                continue
            if id in ride.seats or len(ride.seats) < self._gathering.most:
                return ride
        return None

    def _board(self, seat: Seat[M], ride: Ride[M] | None) -> None:
        if ride is None:
            ride = Ride(self, seat)
            self._latest[ride.options.lane, ride.options.max_wait] = ride
            self._rides[ride] = None
        else:
            ride.take(seat)

    def _board_again(self, seat: Seat[M], *, by_itself: bool) -> None:
        """Send an id once more that was sent in vain."""
        seat.view = seat.view_now()
        ride = None if by_itself else self._ride_for(seat.id, seat.view.options)
        if by_itself or (ride and seat.id in ride.seats):
            Ride(self, seat)
        else:
            self._board(seat, ride)

    def settle(self, ride: Ride[M]) -> Request[Any]:
        """What a ride sends that has its place."""
        if ride in self._rides:
            self.remove(ride)
            self._fill(ride)
        if len(ride.seats) > 1:
            return self._gathering.request(tuple(ride.seats), self._params)
        return next(iter(ride.seats.values())).alone

    def _fill(self, ride: Ride[M]) -> None:
        most = self._gathering.most
        for seat in tuple(ride.seats.values())[most:]:  # it was more when they took their seats
            ride.drop(seat)
            self._board(seat, self._ride_for(seat.id, seat.view.options))
        for lane in LANES:
            for other in [other for other in self._rides if other.options.lane == lane]:
                for seat in tuple(other.seats.values()):
                    if len(ride.seats) >= most:
                        return
                    if seat.id not in ride.seats:
                        ride.take(seat)

    def remove(self, ride: Ride[M]) -> None:
        """Forget a ride that waits no longer."""
        self._rides.pop(ride, None)
        kind = (ride.options.lane, ride.options.max_wait)
        if self._latest.get(kind) is ride:
            del self._latest[kind]

    def arrive(self, ride: Ride[M], outcome: Any) -> None:
        """Hand out what became of a ride."""
        self.remove(ride)
        sent, seats = ride.sent, ride.empty()
        if sent > 1:
            self._hand_out(sent, seats, outcome)
        else:
            for seat in seats:
                seat.tell(outcome)
        if not self._rides and self._gathering.stops.get(self._key) is self:
            del self._gathering.stops[self._key]

    def _hand_out(
        self, sent: int, seats: Sequence[Seat[M]], outcome: Found[M] | BaseException
    ) -> None:
        """Say to each what a batch's answer says of it."""
        if isinstance(outcome, ServerError) and seats:
            self._scout(seats, outcome)
        elif isinstance(outcome, Found) and not outcome.is_foreign:
            self._gathering.answered(outcome)
            self._deliver(seats, outcome)
        elif isinstance(outcome, Found) or _is_refusal(outcome):
            error = outcome if isinstance(outcome, BaseException) else None
            fits_smaller = self._gathering.refused(sent, error)
            for seat in seats:
                self._board_again(seat, by_itself=not fits_smaller)
        else:
            for seat in seats:
                seat.tell(outcome)

    def _deliver(self, seats: Sequence[Seat[M]], found: Found[M]) -> None:
        for seat in seats:
            record = found.records.get(seat.id)
            if record is None:
                self._board_again(seat, by_itself=not found.goes_on)
            else:
                seat.tell(record)

    def _scout(self, seats: Sequence[Seat[M]], failure: ServerError) -> None:
        """See whether it is only the list that fails."""

        def back(task: asyncio.Task[M]) -> None:
            outcome = _outcome(task)
            if isinstance(outcome, BaseException) and not isinstance(outcome, NotFoundError):
                for seat in seats:
                    seat.tell(failure)
                return
            self._gathering.refused(len(seats), failure)
            seats[0].tell(outcome)
            for seat in seats[1:]:
                self._board_again(seat, by_itself=True)

        view = seats[0].view_now()
        once = View(view.session, attrs.evolve(view.options, retries=0))
        once.start(seats[0].alone).add_done_callback(back)


class Ride(Request[Any], Generic[M]):
    """A request that is settled when its place is there, and those it is for."""

    __slots__ = ("is_new", "options", "seats", "sent", "stop", "task")

    is_open = True

    def __init__(self, stop: Stop[M], seat: Seat[M]) -> None:
        alone = seat.alone
        super().__init__(alone.method, alone.template, alone.path, alone.parse)
        self.stop: Stop[M] = stop
        self.options: Options = seat.view.options
        self.seats: dict[str, Seat[M]] = {}
        self.sent: int = 0
        """How many ids have left with it."""
        self.is_new: bool = True
        """Whether the turn of the loop in which it was made is not over."""
        self.take(seat)
        self.task: asyncio.Task[Any] = seat.view.session.spawn(self._send(seat.view))
        self.task.add_done_callback(self._arrive)
        self.task.get_loop().call_soon(self._age)

    async def _send(self, view: View) -> Any:
        if asyncio.get_running_loop().get_task_factory():
            await asyncio.sleep(0)  # it may start tasks at once, before the turn is over
        return await view.call(self)

    def _age(self) -> None:
        self.is_new = False

    def take(self, seat: Seat[M]) -> None:
        """Let somebody on, who may have waited on another ride."""
        if seat.ride:
            seat.ride.drop(seat)
        seat.ride = self
        self.seats[seat.id] = seat

    def drop(self, seat: Seat[M]) -> None:
        """Let somebody off. With the last one the ride ends."""
        seat.ride = None
        del self.seats[seat.id]
        if not self.seats:
            self.stop.remove(self)
            self.task.cancel()

    def empty(self) -> Sequence[Seat[M]]:
        """Let everybody off at the end."""
        seats, self.seats = tuple(self.seats.values()), {}
        for seat in seats:
            seat.ride = None
        return seats

    def settled(self) -> Request[Any]:
        """What to send, with all who fit."""
        request = self.stop.settle(self)
        self.sent = len(self.seats)
        return request

    def _arrive(self, task: asyncio.Task[Any]) -> None:
        self.stop.arrive(self, _outcome(task))


class Seat(Generic[M]):
    """An id that is asked for, and the callers who wait for it."""

    def __init__(self, id: str, alone: Request[M], view: View) -> None:
        self.id: str = id
        self.alone: Request[M] = alone
        self.view: View = view
        self.callers: set[asyncio.Future[M]] = set()
        self.ride: Ride[M] | None = None
        self._since = asyncio.get_running_loop().time()

    def view_now(self) -> View:
        """The view, with what is left of its `max_wait`."""
        options = self.view.options
        if options.max_wait is None:
            return self.view
        now = asyncio.get_running_loop().time()
        left = max(options.max_wait - (now - self._since), 0.0)
        self._since = now
        return View(self.view.session, attrs.evolve(options, max_wait=left))

    def leave(self, caller: asyncio.Future[M]) -> None:
        """Forget a caller, and the id with the last one."""
        self.callers.discard(caller)
        if self.ride and not self.callers:
            self.ride.drop(self)

    def tell(self, outcome: M | BaseException) -> None:
        """Hand the outcome to the callers, an error of its own to each."""
        for caller in self.callers:
            if caller.done():
                continue
            if isinstance(outcome, BaseException):
                caller.set_exception(_twin(outcome))
            else:
                caller.set_result(outcome)


def _outcome(task: asyncio.Task[Any]) -> Any:
    if task.cancelled():
        return SessionClosedError("the session was closed while this call waited")
    return task.exception() or task.result()


def _is_refusal(error: BaseException) -> bool:
    """Whether it is the batch that the server has refused, or not understood."""
    if isinstance(error, ApiError):
        return error.status in REFUSALS
    return isinstance(error, DecodeError)


def _twin(error: BaseException) -> BaseException:
    """An error like another: each caller raises, and may change, its own."""
    twin = type(error).__new__(type(error), *error.args)
    twin.args = error.args
    vars(twin).update(vars(error))
    twin.__cause__ = error.__cause__
    return twin
