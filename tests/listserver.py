"""A second, much smaller opinion on how the API lists records, to hold listings against."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 1, tzinfo=UTC)


def row(id: int, second: int, **fields: object) -> dict[str, Any]:
    """A tax, created so many seconds after the start."""
    created = (START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": str(id), "created_at": created, "updated_at": created, "name": "GST", **fields}


class ListServer(httpx.AsyncBaseTransport):
    """Lists taxes by page number, in the order of their creation, and counts."""

    def __init__(
        self,
        rows: list[dict[str, Any]],
        *,
        latency: tuple[float, float] = (0.0, 0.0),
        most_per_page: int = 100,
        on_request: Callable[[int], None] | None = None,
        spoil: Callable[[int], httpx.Response | None] | None = None,
    ) -> None:
        self.rows = rows
        self.requests: list[httpx.Request] = []
        self.arrived: list[float] = []
        self.in_flight = 0
        self._latency = latency
        self._most_per_page = most_per_page
        self._on_request = on_request
        self._spoil = spoil
        self._random = Random(0)
        moments = [datetime.fromisoformat(row["created_at"]) for row in rows]
        self._newest = max(moments, default=START) + timedelta(seconds=1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        number = len(self.requests)
        self.arrived.append(asyncio.get_running_loop().time())
        self.in_flight += 1
        try:
            await asyncio.sleep(self._random.uniform(*self._latency))
        finally:
            self.in_flight -= 1
        if self._on_request:
            self._on_request(number)
        spoilt = self._spoil(number) if self._spoil else None
        return spoilt or self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        query = parse_qsl(request.url.query.decode())
        asked = dict(query)
        rows = sorted(self.rows, key=lambda row: row["created_at"])
        for name, condition in query:
            if name == "q[]":
                rows = [row for row in rows if passes(row, condition)]
        if asked.get("sort") == "created_at:desc":
            rows.reverse()
        size = min(int(asked.get("per_page", 50)), self._most_per_page)
        start = (int(asked.get("page", 1)) - 1) * size
        links = {"self": str(request.url)}
        if start + size < len(rows):
            others = [(name, value) for name, value in query if name != "page"]
            page = [("page", str(int(asked.get("page", 1)) + 1))]
            links["next"] = str(request.url.copy_with(params=others + page))
        body = {"taxes": rows[start : start + size], "total_entries": len(rows), "links": links}
        headers = {"date": format_datetime(self._now(), usegmt=True)}
        return httpx.Response(200, content=json.dumps(body).encode(), headers=headers)

    def _now(self) -> datetime:
        """The server's clock: behind the rows that were there at first, at the newest since."""
        newest = [datetime.fromisoformat(row["created_at"]) for row in self.rows[-1:]]
        self._newest = max([self._newest, *newest])
        return self._newest


def passes(row: dict[str, Any], condition: str) -> bool:
    field, _, rest = condition.partition(":")
    value = row.get(field)
    if rest.startswith(">="):
        return value is not None and value >= rest[2:]
    if rest.startswith("<="):
        return value is not None and value <= rest[2:]
    if rest.startswith("<"):
        return value is not None and value < rest[1:]
    if rest.startswith(">"):
        return value is not None and value > rest[1:]
    assert rest.startswith("="), condition
    return str(value) in rest[1:].split(",")
