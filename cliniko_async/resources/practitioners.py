"""Practitioners. The API keeps inactive ones in lists of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, Never, Unpack

import attrs

from cliniko_async._lists import Listing, Source
from cliniko_async._models import Link, Record, Ref, model
from cliniko_async._query import BooleanField, Filter, Filters, IdField
from cliniko_async._verbs import Gettable, Listable, ListOptions

__all__ = ["Practitioner", "PractitionerFilters", "Practitioners"]

Hidden = Literal["inactive"]
"""What lists leave out unless `include=` names it."""


@model
class Practitioner(Record):
    """Somebody who treats patients."""

    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    label: str | None = None
    display_name: str | None = None
    designation: str | None = None
    description: str | None = None
    active: bool | None = None
    show_in_online_bookings: bool | None = None
    user: Link | None = None
    appointment_types: Link | None = None
    default_appointment_type: Link | None = None
    appointments: Link | None = None
    invoices: Link | None = None
    practitioner_reference_numbers: Link | None = None


class PractitionerFilters(Filters):
    """What practitioners can be filtered by."""

    active: BooleanField
    show_in_online_bookings: BooleanField
    user_id: IdField


PractitionerOptions = ListOptions[PractitionerFilters, Hidden]
InactiveOptions = ListOptions[PractitionerFilters, Never]


class Practitioners(
    Listable[Practitioner, PractitionerFilters, Hidden], Gettable[Practitioner, Hidden]
):
    """The people who treat patients.

    Lists show active ones. With `include={"inactive"}`, inactive ones follow after them, in
    whatever order is asked for. They are two lists: a practitioner who becomes active or inactive
    in between is in both, or in neither.
    """

    path = "/practitioners"
    model = Practitioner
    inactive_apart = True
    filters: Final = PractitionerFilters()

    def list_inactive(
        self, *where: Filter[PractitionerFilters], **options: Unpack[InactiveOptions]
    ) -> Listing[Practitioner]:
        """List practitioners who are not active any more."""
        return self._list("/practitioners/inactive", None, where, **options)

    def list_for_business(
        self,
        business_id: Ref,
        *where: Filter[PractitionerFilters],
        **options: Unpack[PractitionerOptions],
    ) -> Listing[Practitioner]:
        """List the practitioners of a business."""
        return self._list("/businesses/{business_id}/practitioners", business_id, where, **options)

    def list_inactive_for_business(
        self,
        business_id: Ref,
        *where: Filter[PractitionerFilters],
        **options: Unpack[InactiveOptions],
    ) -> Listing[Practitioner]:
        """List the practitioners of a business who are not active any more."""
        template = "/businesses/{business_id}/practitioners/inactive"
        return self._list(template, business_id, where, **options)

    def list_for_appointment_type(
        self,
        appointment_type_id: Ref,
        *where: Filter[PractitionerFilters],
        **options: Unpack[PractitionerOptions],
    ) -> Listing[Practitioner]:
        """List the practitioners who offer an appointment type."""
        template = "/appointment_types/{appointment_type_id}/practitioners"
        return self._list(template, appointment_type_id, where, **options)

    def list_inactive_for_appointment_type(
        self,
        appointment_type_id: Ref,
        *where: Filter[PractitionerFilters],
        **options: Unpack[InactiveOptions],
    ) -> Listing[Practitioner]:
        """List the practitioners who offered an appointment type and are not active any more."""
        template = "/appointment_types/{appointment_type_id}/practitioners/inactive"
        return self._list(template, appointment_type_id, where, **options)

    def _sources(self, source: Source, include: Iterable[str]) -> Sequence[Source]:
        if "inactive" not in include:
            return (source,)
        template, path = f"{source.template}/inactive", f"{source.path}/inactive"
        return source, attrs.evolve(source, template=template, path=path)
