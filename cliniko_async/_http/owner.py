"""Whose records a key reads: a copy of one clinic must never receive rows of another.

The account is known by what the API says about it, not by the key, so that a new key of the same
account can continue. `/settings/public` names the account, and costs one request; if it does not,
`/user` names the key's user. The key itself, as a hash, is compared only when neither is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from cliniko_async._http.request import Request
from cliniko_async.errors import ForbiddenError, NotFoundError

if TYPE_CHECKING:
    from cliniko_async._http.view import View

__all__ = ["Owner", "owner_of"]

NOT_SHOWN: Final = (ForbiddenError, NotFoundError)
"""What the API answers if the key's role does not show something."""

_parse: Final = msgspec.json.Decoder().decode


class Owner(msgspec.Struct, frozen=True):
    """An account, as far as it is known.

    Attributes:
        key: A hash that stands for the key.
        account: The account's id, behind its shard.
        user: The id of the key's user, behind the shard.
    """

    key: str
    account: str | None = None
    user: str | None = None

    @property
    def is_told(self) -> bool:
        """Whether the API has told the account or the user."""
        return bool(self.account or self.user)

    def is_same(self, other: Owner) -> bool:
        """Whether both are one account: by its id, else by the user's, else by the key.

        Compared is the first of these that is known of both.
        """
        for name in ("account", "user", "key"):
            own, others = getattr(self, name), getattr(other, name)
            if own and others:
                return bool(own == others)
        return False

    def with_signs_of(self, other: Owner) -> Owner:
        """The same account, with the ids that only the other one has."""
        return Owner(self.key, self.account or other.account, self.user or other.user)


async def owner_of(view: View) -> Owner:
    """Ask whose records a session reads: one request, or two where the first does not tell.

    Raises:
        ClinikoError: The API could not be asked. That it refuses to tell is no error.
    """
    account = view.session.account
    settings = await _shown(view, "/settings/public")
    if id := _id(settings.get("account")):
        return Owner(account.user, account=f"{account.shard}/{id}")
    user = _id(await _shown(view, "/user"))
    return Owner(account.user, user=user and f"{account.shard}/{user}")


async def _shown(view: View, path: str) -> dict[str, Any]:
    try:
        found: object = await view.call(Request.get(path, path, _parse))
    except NOT_SHOWN:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _id(found: object) -> str | None:
    """The id in a JSON object, if there is one."""
    if not isinstance(found, dict):
        return None
    id = cast("dict[str, Any]", found).get("id")
    return str(id) if isinstance(id, str | int) and str(id).isdecimal() else None
