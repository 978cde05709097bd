"""Available times: when patients could book a practitioner online."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Final, Literal, Never

import attrs

from cliniko_async._http import Request
from cliniko_async._lists import Listing, Source
from cliniko_async._lists.plan import Reading
from cliniko_async._models import Id, Link, Model, Moment, Ref, model, to_id
from cliniko_async._query import NoFilters
from cliniko_async._verbs import Lists
from cliniko_async.errors import (
    InvalidTypeError,
    InvalidValueError,
    NotBookableError,
    NotFoundError,
    expect,
)
from cliniko_async.resources.appointment_types import AppointmentTypes
from cliniko_async.resources.businesses import Businesses
from cliniko_async.resources.practitioners import Practitioners

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

    async def list(
        self,
        *,
        business_id: Ref,
        practitioner_ids: Iterable[Ref],
        appointment_type_id: Ref,
        from_: date,
        to: date,
        unbookable: Literal["raise", "skip"] = "raise",
    ) -> builtins.list[AvailableTime]:
        """Find the free times of one or more practitioners, earliest first.

        The API answers for one practitioner and seven days; this asks as often as it takes, for
        all of it at once.

        Args:
            business_id: Where.
            practitioner_ids: With whom.
            appointment_type_id: What for.
            from_: The first day, today or later, in the account's time zone.
            to: The last day.
            unbookable: "skip" leaves out practitioners whom online bookings do not offer.

        Raises:
            NotBookableError: All that was named exists, and cannot be booked online.
            NotFoundError: Something that was named does not exist.
        """
        if isinstance(practitioner_ids, (str, Link)):
            raise InvalidTypeError("practitioner_ids takes several ids: write [id]")
        if unbookable not in ("raise", "skip"):
            raise InvalidValueError("unbookable= takes 'raise' or 'skip'")
        spans = tuple(_spans(from_, to))
        found = await self._view.together(
            self._of_practitioner(
                _Place(business_id, id, appointment_type_id), spans, skip=unbookable == "skip"
            )
            for id in practitioner_ids
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
            from_: The first day to look at, today or later, in the account's time zone.
            to: The last day to look at, at most a week after the first.

        Raises:
            NotBookableError: All that was named exists, and cannot be booked online.
            NotFoundError: Something that was named does not exist.
        """
        place = _Place(business_id, practitioner_id, appointment_type_id)
        days = (("from", from_), ("to", to))
        params = tuple((name, _day(day)) for name, day in days if day is not None)
        template = f"{self.path}/next_available_time"
        path = f"{place.path}/next_available_time"
        try:
            time = await self._view.call(Request.get(template, path, self._record(), params))
        except NotFoundError as error:
            raise await self._why(place, error) from error
        return time.appointment_start

    async def _of_practitioner(
        self, place: _Place, spans: Iterable[tuple[str, str]], *, skip: bool
    ) -> builtins.list[AvailableTime]:
        try:
            found = await self._view.together(self._listing(place, span).all() for span in spans)
        except NotFoundError as error:
            why = await self._why(place, error)
            if skip and not {"business", "appointment type"}.intersection(why.hidden):
                return []
            raise why from error
        practitioner_id = to_id(place.practitioner_id)
        return [
            AvailableTime(appointment_start=time.appointment_start, practitioner_id=practitioner_id)
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
    business_id: Ref
    practitioner_id: Ref
    appointment_type_id: Ref

    @property
    def path(self) -> str:
        business = to_id(self.business_id, "businesses")
        practitioner = to_id(self.practitioner_id, "practitioners")
        kind = to_id(self.appointment_type_id, "appointment_types")
        return f"/businesses/{business}/practitioners/{practitioner}/appointment_types/{kind}"


def _spans(first: date, last: date) -> Iterator[tuple[str, str]]:
    """Cut a span of days into spans that the API takes."""
    if _day(first) > _day(last):
        raise InvalidValueError("from_ is the first day, to the last one: here from_ is later")
    while first <= last:
        end = min(first + timedelta(days=DAYS_PER_REQUEST - 1), last)
        yield _day(first), _day(end)
        first = end + timedelta(days=1)


def _day(day: date) -> str:
    expect(day, date, "from_ and to are days: write date(2026, 5, 31)")
    return day.isoformat()
