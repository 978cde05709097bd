"""Services: which practitioners offer which appointment type at which business."""

from __future__ import annotations

from typing import Final, Never, TypedDict, Unpack

from cliniko_async._lists import Listing, OnBadRecord, OnChange
from cliniko_async._models import Link, Model, Ref, model
from cliniko_async._query import NoFilters
from cliniko_async._verbs import Lists

__all__ = ["Service", "ServiceOptions", "Services"]


@model
class Service(Model):
    """An appointment type that can be booked at a business. It has no id of its own."""

    business: Link | None = None
    appointment_type: Link | None = None
    practitioners: list[Link] | None = None


class ServiceOptions(TypedDict, total=False):
    """What lists of services take: they cannot be filtered."""

    sort: str
    per_page: int
    on_change: OnChange
    on_bad_record: OnBadRecord


class Services(Lists[Service, NoFilters, Never]):
    """What can be booked where, and with whom."""

    path = "/services"
    model = Service
    filters: Final = NoFilters()

    def list(self, **options: Unpack[ServiceOptions]) -> Listing[Service]:
        """List the services of all businesses."""
        return self._list(self.path, None, (), **options)

    def list_for_business(
        self, business_id: Ref, **options: Unpack[ServiceOptions]
    ) -> Listing[Service]:
        """List the services of a business."""
        return self._list("/businesses/{business_id}/services", business_id, (), **options)
