"""A second, much smaller opinion on how the API finds records by id: one, or many by a filter."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable

MOMENT = "2026-01-01T00:00:00Z"


class IdServer(httpx.AsyncBaseTransport):
    """Holds taxes with the ids 1 to n. Those that are archived are hidden, as in the API.

    Attributes:
        spoil: Answers instead, if it wants to, given the ids that are asked for.
        most_per_page: Rows on a page, whatever is asked for.
        filters: Whether it knows the filter on ids.
        links: Whether its pages have a link to the next one.
    """

    def __init__(self, count: int, *, latency: float = 0.0) -> None:
        self.rows: dict[str, dict[str, Any]] = {
            str(id): {
                "id": str(id),
                "created_at": MOMENT,
                "updated_at": MOMENT,
                "name": f"Tax {id}",
            }
            for id in range(1, count + 1)
        }
        self.archived: set[str] = set()
        self.asked: list[list[str]] = []
        self.batches: list[bool] = []
        self.spoil: Callable[[list[str], bool], httpx.Response | None] | None = None
        self.most_per_page = 100
        self.filters = True
        self.links = True
        self.unfinished = 0
        self.latency = latency

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        query = parse_qsl(request.url.query.decode())
        _, _, one = request.url.path.partition("/taxes/")
        conditions = [value for name, value in query if name == "q[]"]
        ids = [one] if one else self._filtered(conditions)
        self.asked.append(ids)
        self.batches.append(not one)
        self.unfinished += 1
        await asyncio.sleep(self.latency)
        self.unfinished -= 1
        spoilt = self.spoil(ids, not one) if self.spoil else None
        if spoilt:
            return spoilt
        hidden = () if "archived_at:*" in conditions else self.archived
        shown = {id: row for id, row in self.rows.items() if id not in hidden}
        if one:
            # Rails reads an id as a number: leading zeros are nothing to it.
            found = [row for id, row in shown.items() if int(id) == int(one)]
            return _answer(found[0]) if found else httpx.Response(404, json={})
        wanted = [row for id, row in shown.items() if id in ids or not self.filters]
        size = min(int(dict(query).get("per_page", 50)), self.most_per_page)
        links = {"next": f"{request.url}&page=2"} if self.links and len(wanted) > size else {}
        return _answer({"taxes": wanted[:size], "total_entries": len(wanted), "links": links})

    @staticmethod
    def _filtered(conditions: list[str]) -> list[str]:
        return next(c for c in conditions if c.startswith("id:=")).removeprefix("id:=").split(",")


def _answer(body: object) -> httpx.Response:
    return httpx.Response(200, content=json.dumps(body).encode())


def session(server: httpx.AsyncBaseTransport, rate: RateLimit | None = None) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xIDS-au1",
        user_agent=AGENT,
        transport=server,
        rate_limit=rate or RateLimit(100_000),
    )
