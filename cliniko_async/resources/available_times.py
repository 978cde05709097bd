"""Available times: when patients could book a practitioner online."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Final, Literal, Never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from cliniko_async._http import Request
from cliniko_async._lists import Listing, Source
from cliniko_async._lists.plan import Reading
from cliniko_async._models import Id, Model, Moment, Ref, decode, expect_several, model, to_id
from cliniko_async._query import NoFilters
from cliniko_async._verbs import Lists
from cliniko_async.errors import (
    ApiError,
    DecodeError,
    InvalidValueError,
    NotBookableError,
    NotFoundError,
    expect,
)
from cliniko_async.resources.appointment_types import AppointmentTypes
from cliniko_async.resources.businesses import Businesses
from cliniko_async.resources.practitioners import Practitioners

if TYPE_CHECKING:
    from cliniko_async._http.view import View

__all__ = ["AvailableTime", "AvailableTimes"]

DAYS_PER_REQUEST: Final = 7
"""First and last day included; the API refuses more."""


@model
class AvailableTime(Model):
    """A time at which an appointment could start."""

    appointment_start: Moment | None = None
    practitioner_id: Id | None = None
    """Whom it was asked for: the API's own answer does not say."""


class AvailableTimes(Lists[AvailableTime, NoFilters, Never]):
    """When patients could book a practitioner online.

    The settings of online bookings rule the answer: how far ahead they reach, how many times a
    day they offer, and whether they show the business, practitioner and appointment type at all.
    """

    path = (
        "/businesses/{business_id}/practitioners/{practitioner_id}"
        "/appointment_types/{appointment_type_id}"
    )
    model = AvailableTime
    filters: Final = NoFilters()

    @property
    def _label(self) -> str:
        return "available_times"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._zones: dict[str, ZoneInfo] = {}

    async def find(
        self,
        *,
        business_id: Ref,
        practitioner_ids: Iterable[Ref],
        appointment_type_id: Ref,
        from_: date | None = None,
        to: date | None = None,
        unbookable: Literal["raise", "skip"] = "raise",
    ) -> list[AvailableTime]:
        """Find the free times of one or more practitioners, earliest first.

        The API answers for one practitioner and seven days; this asks as often as it takes, for
        all of it at once. It refuses days that are past in the account's time zone, which is asked
        for once, of the business.

        Args:
            business_id: Where.
            practitioner_ids: With whom.
            appointment_type_id: What for.
            from_: The first day, in the account's time zone. By default, and if it is past, today.
            to: The last day. By default six days after the first.
            unbookable: "skip" leaves out practitioners whom online bookings do not offer.

        Raises:
            InvalidValueError: The last day is past, or before the first.
            NotBookableError: All that was named exists, and cannot be booked online.
            NotFoundError: Something that was named does not exist.
        """
        expect_several(practitioner_ids, "practitioner_ids takes several ids: write [id]")
        if unbookable not in ("raise", "skip"):
            raise InvalidValueError("unbookable= takes 'raise' or 'skip'")
        places = [_Place.of(business_id, id, appointment_type_id) for id in practitioner_ids]
        spans = tuple(_spans(*await self._days(business_id, from_, to)))
        found = await self._view.together(
            self._of_practitioner(place, spans, skip=unbookable == "skip") for place in places
        )
        times = [time for own in found for time in own if time.appointment_start]
        return sorted(times, key=attrgetter("appointment_start"))

    async def next(
        self,
        *,
        business_id: Ref,
        practitioner_id: Ref,
        appointment_type_id: Ref,
        from_: date | None = None,
        to: date | None = None,
    ) -> datetime | None:
        """Find a practitioner's next free time, or None.

        Args:
            business_id: Where.
            practitioner_id: With whom.
            appointment_type_id: What for.
            from_: The first day to look at, in the account's time zone. By default, and if it is
                past, today.
            to: The last day to look at. By default six days after the first, which is as far as
                the API looks.

        Raises:
            InvalidValueError: The last day is past, or before the first.
            NotBookableError: All that was named exists, and cannot be booked online.
            NotFoundError: Something that was named does not exist.
        """
        place = _Place.of(business_id, practitioner_id, appointment_type_id)
        first, last = await self._days(business_id, from_, to)
        params = (("from", first.isoformat()), ("to", last.isoformat()))
        template = f"{self.path}/next_available_time"
        path = f"{place.path}/next_available_time"
        try:
            time = await self._view.call(Request.get(template, path, _read_time, params))
        except NotFoundError as error:
            raise await self._why(place, error) from error
        return time.appointment_start

    async def _days(
        self, business_id: Ref, from_: date | None, to: date | None
    ) -> tuple[date, date]:
        """The first and the last day to ask for."""
        for day in (from_, to):
            expect(day, (date, NoneType), "from_ and to are days: write date(2026, 5, 31)")
        if from_ and to and from_ > to:
            raise InvalidValueError("from_ is the first day, to the last one: here from_ is later")
        first = from_
        if first is None or not self._is_to_come(first):
            zone = await self._zone(business_id)
            today = self._today(zone)
            if to and today and to < today:
                raise InvalidValueError(
                    f"the last day, {to}, is past: it is {today} there, in {zone.key}"
                )
            first = max(filter(None, (from_, today)), default=datetime.now(zone).date())
        return first, to or first + timedelta(days=DAYS_PER_REQUEST - 1)

    def _is_to_come(self, day: date) -> bool:
        """Whether a day is not past anywhere on earth, by the server's clock."""
        now = self._view.session.server_now()
        return now is not None and day > (now + timedelta(hours=14)).date()

    def _today(self, zone: ZoneInfo) -> date | None:
        """The account's day by the server's clock; None if no answer has told the time yet."""
        now = self._view.session.server_now()
        return now.astimezone(zone).date() if now else None

    async def _zone(self, business_id: Ref) -> ZoneInfo:
        """The business's time zone. The account's own is in settings that few roles may see."""
        id = to_id(business_id, "businesses")
        if id not in self._zones:
            try:
                name = (await Businesses(self._view).get(id)).time_zone_identifier
                self._zones[id] = ZoneInfo(name or "UTC")
            except (ApiError, DecodeError, ValueError, ZoneInfoNotFoundError):
                return ZoneInfo("UTC")  # what is asked for next says what is wrong
        return self._zones[id]

    async def _of_practitioner(
        self, place: _Place, spans: Iterable[tuple[str, str]], *, skip: bool
    ) -> list[AvailableTime]:
        try:
            found = await self._view.together(self._listing(place, span).all() for span in spans)
        except NotFoundError as error:
            why = await self._why(place, error)
            if skip and not {"business", "appointment type"}.intersection(why.hidden):
                return []
            raise why from error
        id = place.practitioner_id
        return [
            AvailableTime(appointment_start=time.appointment_start, practitioner_id=id)
            for times in found
            for time in times
        ]

    def _listing(self, place: _Place, span: tuple[str, str]) -> Listing[AvailableTime]:
        source = Source(
            template=f"{self.path}/available_times",
            path=f"{place.path}/available_times",
            key="available_times",
            params=(("from", span[0]), ("to", span[1])),
            dated=False,
        )
        return Listing(Reading(self._view, [source], self._rows(), model=self.model))

    async def _why(self, place: _Place, error: NotFoundError) -> NotBookableError:
        """What a 404 means: fetching what was named raises if it is that which is missing."""
        business = await Businesses(self._view).get(place.business_id)
        practitioner = await Practitioners(self._view).get(place.practitioner_id)
        kind = await AppointmentTypes(self._view).get(place.appointment_type_id)
        shown = {
            "business": business.show_in_online_bookings,
            "practitioner": practitioner.show_in_online_bookings,
            "appointment type": kind.show_in_online_bookings,
        }
        hidden = [name for name, is_shown in shown.items() if not is_shown]
        reason = f"not shown: {', '.join(hidden)}" if hidden else "off, or no hours are set"
        why = NotBookableError(
            f"online bookings do not offer this ({reason})",
            status=error.status,
            method=error.method,
            path=error.path,
            request_id=error.request_id,
        )
        why.hidden = tuple(hidden)
        return why


@attrs.frozen
class _Place:
    business_id: str
    practitioner_id: str
    appointment_type_id: str

    @classmethod
    def of(cls, business: Ref, practitioner: Ref, appointment_type: Ref) -> _Place:
        """The place with these ids, or links."""
        return cls(
            to_id(business, "businesses"),
            to_id(practitioner, "practitioners"),
            to_id(appointment_type, "appointment_types"),
        )

    @property
    def path(self) -> str:
        return (
            f"/businesses/{self.business_id}/practitioners/{self.practitioner_id}"
            f"/appointment_types/{self.appointment_type_id}"
        )


def _read_time(body: bytes) -> AvailableTime | DecodeError:
    """A next free time. The API may say that there is none with an empty answer."""
    if body.strip() in (b"", b"null"):
        return AvailableTime()
    return decode(AvailableTime, body)


def _spans(first: date, last: date) -> Iterator[tuple[str, str]]:
    """Cut a span of days into spans that the API takes."""
    while first <= last:
        end = min(first + timedelta(days=DAYS_PER_REQUEST - 1), last)
        yield first.isoformat(), end.isoformat()
        first = end + timedelta(days=1)
