"""Whose records a copy holds: a copy of one clinic must never receive rows of another.

The account is known by what the API says about it, not by the key, so that a new key of the same
account can continue. `/settings/public` names the account, and costs one request; if it does not,
`/user` names the key's user. The key itself, as a hash, is compared only when neither is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from cliniko_async.errors import ClinikoError, DecodeError, ForbiddenError, NotFoundError

if TYPE_CHECKING:
    from cliniko_async._client import AsyncCliniko

__all__ = ["Owner", "owner_of"]

NOT_SHOWN: Final = (ForbiddenError, NotFoundError, DecodeError)
"""What the API may answer if the key's role does not show something."""


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

    def is_same(self, other: Owner) -> bool:
        """Whether both are one account, by the strongest sign that both show."""
        for name in ("account", "user", "key"):
            own, others = getattr(self, name), getattr(other, name)
            if own and others:
                return bool(own == others)
        return False

    def with_signs_of(self, other: Owner) -> Owner:
        """The same account, with what only the other one showed."""
        return Owner(self.key, self.account or other.account, self.user or other.user)


async def owner_of(cliniko: AsyncCliniko) -> Owner:
    """Ask whose records a session reads: one request, or two where the first does not tell."""
    key, shard = cliniko.user, cliniko.shard
    settings = await _shown(cliniko, "/settings/public")
    if account := _id(settings.get("account")):
        return Owner(key, account=f"{shard}/{account}")
    user = _id(await _shown(cliniko, "/user"))
    return Owner(key, user=user and f"{shard}/{user}")


async def _shown(cliniko: AsyncCliniko, path: str) -> dict[str, Any]:
    try:
        found = await cliniko.request("GET", path)
    except NOT_SHOWN:
        return {}
    except ClinikoError:
        raise
    except Exception:  # noqa: BLE001 - a transport of one's own may know lists alone
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _id(found: object) -> str | None:
    """The id in a JSON object, if there is one."""
    if not isinstance(found, dict):
        return None
    id = cast("dict[str, Any]", found).get("id")
    return str(id) if isinstance(id, str | int) and str(id).isdecimal() else None
