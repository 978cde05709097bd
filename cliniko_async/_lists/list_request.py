"""A list, and what is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlsplit

import attrs

from cliniko_async._http.request import Request
from cliniko_async._lists.page import parse_page

if TYPE_CHECKING:
    from cliniko_async._lists.page import Page
    from cliniko_async._lists.walk import Condition

__all__ = ["OnChange", "Source"]

OnChange = Literal["raise", "ignore"]


@attrs.frozen(kw_only=True)
class Source:
    """A list, and what is asked of it.

    Attributes:
        template: The path's template, such as `/patients/{patient_id}/invoices`.
        path: The path itself.
        key: The name of the rows in the answer.
        params: Filters and sort order, as query parameters.
        walkable: Whether the order is the default and `created_at` can be filtered by.
    """

    template: str
    path: str
    key: str
    params: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    per_page: int = 100
    walkable: bool = True
    on_change: OnChange = "raise"

    def request(
        self, *extra: Condition, page: int = 1, per_page: int | None = None
    ) -> Request[Page]:
        """The request for one page."""
        number = (("page", str(page)),) if page > 1 else ()
        size = ("per_page", str(per_page or self.per_page))
        return Request.get(
            self.template, self.path, parse_page(self.key), (*self.params, *extra, size, *number)
        )

    def following(self, link: str, *, page: int | None = None) -> Request[Page]:
        """The request for a link: its query, on this list's own path and the API's own origin.

        Args:
            link: The link as sent.
            page: Another page of the same list.
        """
        query = parse_qsl(urlsplit(link).query, keep_blank_values=True)
        if page is not None:
            query = [pair for pair in query if pair[0] != "page"] + [("page", str(page))]
        return Request.get(self.template, self.path, parse_page(self.key), query)
