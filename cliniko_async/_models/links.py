"""Links: how a record names others, and what names one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from cliniko_async._models.bare_values import bare
from cliniko_async._models.pydantic_hooks import answer
from cliniko_async.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Link", "Ref", "expect_several", "is_id", "split_url", "to_id"]

_ID: Final = re.compile(r"[0-9]{1,20}")
_NAME_OR_ID: Final = re.compile(r"[a-z_]+|[0-9]{1,20}")
_FILTERED_BY_ID: Final = re.compile(r"_id:=([0-9]{1,20})$")


def split_url(url: str) -> SplitResult:
    """A URL's parts; of what is not a URL, none."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


class _Target(msgspec.Struct, frozen=True, gc=False):
    url: str = msgspec.field(name="self")

    def __repr__(self) -> str:
        return "<link>"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return []


class Link(msgspec.Struct, frozen=True, eq=False, gc=False, repr_omit_defaults=True):
    """A relation to one record, or to a list of records: `Link("https://...")`.

    The API never embeds a related record and never writes its id: only its URL. There are several
    in each record, so their JSON is read straight into this class.
    """

    _own: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="self")
    # The URL in a record's own `links`, and of links that are made by hand.
    _links: _Target | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="links")
    # The URL in a relation, which has an object around it.
    _flat: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="link")
    # The URL in a relation as the vendor's guides have it: without that object.

    @property
    def url(self) -> str:
        """The URL as the API sent it; empty if it sent none."""
        return (self._links.url if self._links else self._own or self._flat) or ""

    @property
    def id(self) -> str:
        """The id of the linked record.

        For a link to a list, the id of the record that the list belongs to; the empty string if
        the list belongs to none, as in the link from a referral source type to all patients.
        """
        parts = split_url(self.url)
        for segment in reversed(parts.path.split("/")):
            if is_id(segment):
                return segment
        filtered = _FILTERED_BY_ID.search(unquote(parts.query))
        return filtered[1] if filtered else ""

    @property
    def resource(self) -> str:
        """The resource that the link leads to, named as in the URL, such as `patients`."""
        names = [s for s in split_url(self.url).path.split("/") if s and not is_id(s)]
        return names[-1] if names else ""

    @property
    def to_list(self) -> bool:
        """Whether the link leads to a list instead of a single record."""
        return not is_id(split_url(self.url).path.rstrip("/").rpartition("/")[2])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Link) and other.url == self.url

    def __hash__(self) -> int:
        return hash(self.url)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        return answer("link_schema")

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, str]:
        return {"type": "string"}

    def __repr__(self) -> str:
        return f"<Link {' '.join(self._shown().values())}>"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return list(self._shown().items())

    def _shown(self) -> dict[str, str]:
        # A file's URL has its name where others have a resource's.
        parts = {"resource": self.resource, "id": self.id}
        return {name: part for name, part in parts.items() if _NAME_OR_ID.fullmatch(part)}


def is_id(text: str) -> bool:
    """Whether a text has the form of an id."""
    return _ID.fullmatch(text) is not None


Ref = str | Link
"""A record named by its id or by a link to it."""


_BOOKINGS: Final = frozenset(
    {"appointments", "group_appointments", "individual_appointments", "unavailable_blocks"}
)
"""Resources whose records are bookings, too, with the same ids. `appointments` is known from links
alone: the API has had no such list for years."""

_SEVERAL: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "bookings": _BOOKINGS,
        "appointments": _BOOKINGS | {"bookings"},
        "patients or contacts": frozenset({"patients", "contacts"}),
    }
)
"""Where links of several resources are taken."""


def to_id(ref: Ref, resource: str | None = None) -> str:
    """The id in a reference.

    Args:
        ref: An id, or a link to one record.
        resource: If given, a link has to lead there.

    Raises:
        InvalidTypeError: The reference is neither a string nor a link.
        InvalidValueError: It is not an id, or the link leads to another resource or to a list.
    """
    if isinstance(ref, Link):
        if ref.to_list:
            raise InvalidValueError(f"this link leads to a list of {_name(ref)}: list it instead")
        if resource and ref.resource and not _leads_to(ref.resource, resource):
            raise InvalidValueError(_elsewhere(ref, resource))
        return ref.id
    text = bare(ref)
    if not isinstance(text, str):
        sample = "record.id" if hasattr(ref, "id") else "'123'"
        raise InvalidTypeError(
            f"an id is a string of digits or a Link, not {type(ref).__name__}: write {sample}"
        )
    if not is_id(text):
        raise InvalidValueError("an id is a string of up to 20 digits, such as '123'")
    return text


def expect_several(values: object, otherwise: str) -> None:
    """Refuse one value, or one record, where several are due.

    Raises:
        InvalidTypeError: It is one, with the message that says what to write.
    """
    is_one = isinstance(values, str | bytes) or hasattr(values, "id")  # links and records have one
    if is_one or not isinstance(values, Iterable):
        raise InvalidTypeError(otherwise)


def _leads_to(name: str, resource: str) -> bool:
    return name == resource or name in _SEVERAL.get(resource, ())


def _name(link: Link) -> str:
    """The resource's name, unless it may be a file's."""
    return link.resource if _NAME_OR_ID.fullmatch(link.resource) else "something else"


def _elsewhere(link: Link, resource: str) -> str:
    said = f"this is a link to {_name(link)}, not to {resource}"
    if resource in _BOOKINGS and link.resource in ("bookings", "appointments"):
        return f"{said}, and does not tell which kind it is: bookings.get(link) does"
    return said
