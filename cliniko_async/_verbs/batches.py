"""One request for many ids: `q[]=id:=1,2,3`, and what its answer says of each.

An answer is trusted as far as it holds what was asked for. A server that ignores the filter
answers with other records; one whose pages are shorter than requested has a next page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs

from cliniko_async._http.request import Request
from cliniko_async._lists.page import parse_page
from cliniko_async._models.converter import decode_rows
from cliniko_async._models.model import Model
from cliniko_async.errors import DecodeError

__all__ = ["IDS_PER_REQUEST", "TOO_LONG", "Found", "batch_request", "can_exist", "plain_id"]

M = TypeVar("M", bound=Model)

IDS_PER_REQUEST: Final = 100
"""Ids in one `q[]=id:=...`: as many as a page holds."""

TOO_LONG: Final = frozenset({413, 414, 431})
"""What a server says of a list of ids that is too long for it: no limit is documented."""

LARGEST_ID: Final = 2**63 - 1
"""Ids are 64-bit integers (the API's document)."""


def plain_id(id: str) -> str:
    """An id as the API writes it: without leading zeros."""
    return id.lstrip("0") or "0"


def can_exist(id: str) -> bool:
    """Whether a record can have this id. A server may refuse a batch if an id is too large."""
    return int(id) <= LARGEST_ID


@attrs.frozen(repr=False)
class Found(Generic[M]):
    """What an answer says of the ids that were asked for.

    Attributes:
        records: The records by id, or what is wrong with one.
        unnamed: What is wrong with records whose id cannot be read.
        rows: How many rows came.
        is_foreign: Whether a record came that was not asked for, so that the server ignores the
            filter and none is to be believed.
        goes_on: Whether there is another page.
    """

    records: Mapping[str, M | DecodeError]
    unnamed: Sequence[DecodeError]
    rows: int = attrs.field(kw_only=True)
    is_foreign: bool = attrs.field(kw_only=True)
    goes_on: bool = attrs.field(kw_only=True)


def batch_request(
    model: type[M], path: str, ids: Sequence[str], params: Sequence[tuple[str, str]]
) -> Request[Found[M]]:
    """A request for the records of these ids.

    Args:
        model: What they are decoded to.
        path: The path of their list.
        ids: As the API writes them.
        params: What else is requested, such as hidden records.
    """
    parse_rows = parse_page(path.removesuffix("/inactive").rpartition("/")[2])
    asked = frozenset(ids)

    def parse(body: bytes) -> Found[M] | DecodeError:
        page = parse_rows(body)
        if isinstance(page, DecodeError):
            return page
        goes_on = page.next is not None or (page.total or 0) > len(page)
        return _sort_out(decode_rows(model, page.rows), asked, goes_on=goes_on)

    query = (("q[]", f"id:={','.join(ids)}"), *params, ("per_page", str(IDS_PER_REQUEST)))
    return Request.get(path, path, parse, query)


def _sort_out(rows: Sequence[Any], asked: frozenset[str], *, goes_on: bool) -> Found[Any]:
    records: dict[str, Any] = {}
    others: list[Any] = []
    for row in rows:
        id = plain_id(row.id or "")
        if id in asked:
            records[id] = row
        else:
            others.append(row)
    unnamed = [row for row in others if isinstance(row, DecodeError)]
    foreign = len(others) > len(unnamed)
    return Found(records, unnamed, rows=len(rows), is_foreign=foreign, goes_on=goes_on)
