"""A list on a virtual clock, while rows leave, return and arrive at moments that are given.

A second opinion on how the API lists records: rows are visible at moments, and an answer shows
the list as it was at one moment on the way, on this replica or that one.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import attrs
import httpx

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
"""When the virtual clock is at zero."""


@attrs.define
class Row:
    """A row, created so many seconds after the epoch, and what happens to it when.

    Attributes:
        turns: The moments at which it comes or goes.
        updates: The moments at which it is updated.
    """

    id: str
    created: int | None
    present: bool = True
    turns: list[float] = attrs.Factory(list[float])
    updates: list[float] = attrs.Factory(list[float])

    def updated(self, moment: float) -> float:
        """When it was updated last."""
        past = [update for update in self.updates if update <= moment]
        return max(past, default=float(self.created or 0))

    def is_there(self, moment: float) -> bool:
        """Whether the list shows it at this moment."""
        return self.present ^ (sum(turn <= moment for turn in self.turns) % 2 == 1)

    def stays(self, begin: float, end: float) -> bool:
        """Whether it does all the time between two moments."""
        return self.is_there(begin) and not any(begin < turn <= end for turn in self.turns)


@attrs.define(kw_only=True)
class Oddities:
    """What this server does otherwise than a plain one.

    Attributes:
        per_page: The most rows on a page.
        unstable_ties: Whether rows of one second stand in another order each time.
        lag: Seconds that one of two replicas is behind the other.
        beyond: The status of pages behind the last one.
        faults: The part of answers that are faults.
        deepest: The deepest page that is no 504.
        latency: Seconds that an answer takes.
        unfiltered: Whether conditions are ignored.
        refused: The conditions' field that is refused.
        shuffled: Whether the default order is not that of creation.
        totals: Whether answers have one.
        total_lag: Seconds for which a total is shown again.
        counted_late: Seconds after its rows at which an answer's total is counted.
    """

    per_page: int = 100
    unstable_ties: bool = False
    lag: float = 0.0
    beyond: int = 200
    faults: float = 0.0
    deepest: int | None = None
    latency: tuple[float, float] = (0.1, 0.3)
    unfiltered: bool = False
    refused: str | None = None
    shuffled: bool = False
    totals: bool = True
    total_lag: float = 0.0
    counted_late: float = 0.0


@lru_cache(maxsize=65_536)  # most of what a test server does
def text(second: int) -> str:
    """A moment as the API writes it."""
    return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(row: Row) -> dict[str, Any]:
    """A row as JSON."""
    created = None if row.created is None else text(row.created)
    return {"id": row.id, "created_at": created, "updated_at": created, "name": f"Tax {row.id}"}


class ChurningServer(httpx.AsyncBaseTransport):
    """Lists taxes."""

    def __init__(self, rows: list[Row], odd: Oddities | None = None, seed: int = 0) -> None:
        self.rows = rows
        self.odd = odd or Oddities()
        self.asked: list[dict[str, Any]] = []
        self._random = Random(seed)
        self._totals: dict[Any, tuple[float, int]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        query = parse_qsl(request.url.query.decode())
        conditions = [value for name, value in query if name == "q[]"]
        asked = {**dict(query), "q[]": conditions}
        self.asked.append(asked)
        took, share = self._random.uniform(*self.odd.latency), self._random.random()
        await asyncio.sleep(took * share)
        answer = self._fault(asked) or self._answer(asked, request.url)
        await asyncio.sleep(took * (1 - share))
        date = EPOCH + timedelta(seconds=asyncio.get_running_loop().time())
        answer.headers["date"] = format_datetime(date, usegmt=True)
        return answer

    def _fault(self, asked: dict[str, Any]) -> httpx.Response | None:
        if self.odd.deepest is not None and int(asked.get("page", 1)) > self.odd.deepest:
            return httpx.Response(504, html="<h1>Gateway time-out</h1>")
        if self._random.random() >= self.odd.faults:
            return None
        broken = httpx.Response(200, content=b'{"taxes": [{"id": "1", "crea')
        return self._random.choice([httpx.Response(500), httpx.Response(502), broken])

    def _answer(self, asked: dict[str, Any], url: httpx.URL) -> httpx.Response:
        now = asyncio.get_running_loop().time()
        moment = now - (self.odd.lag if self._random.random() < 0.5 else 0.0)
        rows = self._listed(asked, moment)
        size = min(int(asked.get("per_page", 50)), self.odd.per_page)
        number = int(asked.get("page", 1))
        start = (number - 1) * size
        if start and start >= len(rows) and self.odd.beyond != 200:
            return httpx.Response(self.odd.beyond, json={"message": "not found"})
        if any(condition.startswith(f"{self.odd.refused}:") for condition in asked["q[]"]):
            return httpx.Response(400, json={"message": "not a filter"})
        links = {"self": str(url)}
        if start + size < len(rows):
            links["next"] = str(url.copy_merge_params({"page": str(number + 1)}))
        body: dict[str, Any] = {"taxes": [shown(r) for r in rows[start : start + size]]}
        if self.odd.totals:
            body["total_entries"] = self._total(asked, moment)
        return httpx.Response(200, json={**body, "links": links})

    def _total(self, asked: dict[str, Any], moment: float) -> int:
        total = len(self._listed(asked, moment + self.odd.counted_late))
        when, kept = self._totals.get(key := tuple(asked["q[]"]), (moment, total))
        if self.odd.total_lag and moment - when < self.odd.total_lag:
            total = kept
        else:
            when = moment
        self._totals[key] = (when, total)
        return total

    def _listed(self, asked: dict[str, Any], moment: float) -> list[Row]:
        rows = [row for row in self.rows if row.is_there(moment)]
        if not self.odd.unfiltered:
            rows = [row for row in rows if all(passes(row, c) for c in asked["q[]"])]
        if self.odd.unstable_ties:
            self._random.shuffle(rows)
        else:
            rows.sort(key=lambda row: int(row.id))
        rows.sort(key=lambda row: (row.created is None, row.created or 0))
        if self.odd.shuffled:
            rows.sort(key=lambda row: row.id[::-1])
        order, _, direction = asked.get("sort", "").partition(":")
        if order == "updated_at":
            rows.sort(key=lambda row: row.updated(moment))
        if direction == "desc":
            rows.reverse()
        return rows


def passes(row: Row, condition: str) -> bool:
    """Whether a row passes a condition on its id or its creation."""
    field, _, rest = condition.partition(":")
    if rest == "!?":
        return row.created is None
    operator = ">=" if rest.startswith(">=") else "<"
    value = text(row.created) if row.created is not None else ""
    mine, theirs = value, rest.removeprefix(operator)
    if field == "id":
        mine, theirs = row.id.zfill(20), theirs.zfill(20)
    if not mine:
        return False
    return mine >= theirs if operator == ">=" else mine < theirs
