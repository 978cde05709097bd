"""Users: those who sign in to the account."""

from __future__ import annotations

from typing import Final, Literal, Never

from cliniko_async._http import Request
from cliniko_async._models import Record, model
from cliniko_async._query import Filters
from cliniko_async._verbs import Gettable, Listable
from cliniko_async.resources.people import PhoneNumber

__all__ = ["Role", "User", "UserFilters", "Users"]

Role = Literal[
    "administrator",
    "bookkeeper",
    "power receptionist",
    "practitioner",
    "receptionist",
    "scheduler",
]


@model
class User(Record):
    """Somebody who signs in to the account."""

    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone_numbers: list[PhoneNumber] | None = None
    role: Role | str | None = None
    """What the user may do, and so what the user's API keys may do."""
    active: bool | None = None
    user_active: bool | None = None
    time_zone: str | None = None
    """The label of a zone, as the web application shows it."""
    time_zone_identifier: str | None = None
    """The zone's IANA name."""


class UserFilters(Filters):
    """What users can be filtered by."""


class Users(Listable[User, UserFilters, Never], Gettable[User, Never]):
    """Those who sign in to the account. Only an administrator's key sees others than its own."""

    path = "/users"
    model = User
    filters: Final = UserFilters()

    async def whoami(self) -> User:
        """Fetch the user whose key is used. A key may do what its user's `role` may do."""
        return await self._view.call(Request.get("/user", "/user", self._record()))
