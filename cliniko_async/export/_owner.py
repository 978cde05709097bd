"""Whose records a copy holds: what `_http.owner` says of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliniko_async._http.owner import Owner
from cliniko_async._http.owner import owner_of as owner_of_view

if TYPE_CHECKING:
    from cliniko_async._client import AsyncCliniko

__all__ = ["Owner", "owner_of"]


async def owner_of(cliniko: AsyncCliniko) -> Owner:
    """Ask whose records a session reads: one request, or two where the first does not tell.

    Raises:
        ClinikoError: The API could not be asked. That it refuses to tell is no error.
    """
    return await owner_of_view(cliniko._view)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # a part of the library
