"""A list, and what is asked of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlsplit

import attrs

from cliniko_async._http.request import Request
from cliniko_async._lists.page import Page, parse_page
from cliniko_async._query.query_string import encode_query
from cliniko_async.limits.reset import date_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._http.answers import Response
    from cliniko_async._lists.seconds import Condition
    from cliniko_async.errors import DecodeError

__all__ = ["OnChange", "PageRequest", "Source", "leads_back"]

OnChange = Literal["raise", "ignore"]
"""What happens when rows come or go under a listing that cannot heal itself."""


class PageRequest(Request[Page]):
    """A request for a page, which notes when it was read."""

    __slots__ = ("dated", "number", "size")

    number: int
    """The page's number, as far as it is known."""
    dated: bool
    """Whether the list can be read without following links."""
    size: int
    """How many rows were asked for."""

    def read(self, answer: Response) -> Page | DecodeError:
        """The page, and its moments by the server's clock and the loop's."""
        page = self.parse(answer.body)
        if isinstance(page, Page):
            page.full = len(page) >= self.size
            page.date = date_of(answer.headers)
            page.came = asyncio.get_running_loop().time()
            page.sent = page.came - answer.took
            if page.total is not None and leads_back(page, self.number):
                page.next = (
                    None  # one list of the API once did so; there, the total is to be believed
                )
        return page


def leads_back(page: Page, number: int) -> bool:
    """Whether the link to the next page leads to the page itself, or to one before."""
    query = dict(parse_qsl(urlsplit(page.next or "").query))
    following = query.get("page", "")
    return following.isdecimal() and int(following) <= number


@attrs.frozen(kw_only=True)
class Source:
    """A list, and what is asked of it.

    Attributes:
        template: The path's template, such as `/patients/{patient_id}/invoices`.
        path: The path itself.
        key: The name of the rows in the answer.
        params: Filters and sort order, as query parameters.
        dated: Whether it is asked for in the order of creation and `created_at` is a filter.
    """

    template: str
    path: str
    key: str
    params: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    per_page: int = 100
    dated: bool = True
    on_change: OnChange = "raise"

    def request(self, *extra: Condition, page: int = 1, per_page: int | None = None) -> PageRequest:
        """The request for one page."""
        number = (("page", str(page)),) if page > 1 else ()
        size = ("per_page", str(per_page or self.per_page))
        return self._get((*self.params, *extra, size, *number))

    def following(self, link: str, *, page: int | None = None) -> PageRequest:
        """The request for a link: its query, on this list's own path and the API's own origin.

        Args:
            link: The link as sent.
            page: Another page of the same list.
        """
        query = parse_qsl(urlsplit(link).query, keep_blank_values=True)
        if page is not None:
            query = [pair for pair in query if pair[0] != "page"] + [("page", str(page))]
        return self._get(query)

    def newest(self) -> PageRequest:
        """The request for the rows that were created last, newest first."""
        others = [pair for pair in self.params if pair[0] != "sort"]
        newest_first = ("sort", "created_at:desc")
        return self._get((*others, newest_first, ("per_page", str(self.per_page))))

    def undated(self) -> Source:
        """The list's rows without a moment of creation."""
        return attrs.evolve(self, params=(*self.params, ("q[]", "created_at:!?")), dated=False)

    def _get(self, params: Sequence[tuple[str, str]]) -> PageRequest:
        query, number = encode_query(params), dict(params).get("page", "1")
        size = dict(params).get("per_page", "")
        request = PageRequest("GET", self.template, self.path, parse_page(self.key), query=query)
        request.dated = self.dated
        request.number = int(number) if number.isdecimal() else 1
        request.size = int(size) if size.isdecimal() else self.per_page
        return request
