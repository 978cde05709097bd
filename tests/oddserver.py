"""A list server with odd habits: other orders, rows without moments, stamps that are behind.

A small second opinion beside the emulator, to hold copies against: exports, mirrors, changes.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["START", "OddServer", "session", "text"]

START = datetime(2026, 1, 5, tzinfo=UTC)
MARKS = ("archived_at", "cancelled_at", "deleted_at")

Row = dict[str, Any]


@lru_cache(maxsize=65_536)  # most of what a test server does
def text(moment: datetime) -> str:
    """A moment as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def session(server: httpx.AsyncBaseTransport, key: str = "MS0xODD-au1") -> AsyncCliniko:
    """A session whose limit is out of the way."""
    return AsyncCliniko(
        key,
        user_agent=AGENT,
        transport=server,
        rate_limit=RateLimit(1_000_000, per=1.0),
    )


class OddServer(httpx.AsyncBaseTransport):
    """Lists any resource by page number.

    Args:
        order: The field that lists are in the order of, unless they are asked for another.
        stable: Whether rows that are equal in it keep their order.
        account: The account's id; None if the settings do not show it.
        behind: Seconds by which the stamps of rows are behind the server's own `Date`.
        marks: Fields that hide a row, if a filter does not name them.
    """

    def __init__(
        self,
        *,
        order: str = "created_at",
        stable: bool = True,
        account: str | None = "1",
        behind: float = 0.0,
        marks: Sequence[str] = ("archived_at",),
    ) -> None:
        self.rows: dict[str, dict[str, Row]] = {}
        self.account = account
        self.behind = behind
        self.requests: list[tuple[str, str]] = []
        self.on_request: Callable[[int], object] = lambda _number: None
        self._order = order
        self._stable = stable
        self._marks = marks
        self._random = Random(0)

    def now(self) -> datetime:
        """The server's clock."""
        try:
            seconds = asyncio.get_running_loop().time()
        except RuntimeError:
            seconds = 0.0
        return START + timedelta(days=30, seconds=seconds)

    def stamp(self) -> str:
        """What a row that changes now is stamped with."""
        return text(self.now() - timedelta(seconds=self.behind))

    def add(self, name: str, id: int, created: float | None = 0.0, **fields: object) -> Row:
        """Add a row, created so many seconds after the start; None for a row without moments."""
        moment = None if created is None else text(START + timedelta(seconds=created))
        dated = {"created_at": moment, "updated_at": moment, **dict.fromkeys(self._marks)}
        row = {"id": str(id), **dated, "name": f"n{self._random.random()}", **fields}
        self.rows.setdefault(name, {})[str(id)] = row
        return row

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1/")
        self.requests.append((path, request.url.query.decode()))
        self.on_request(len(self.requests))
        await asyncio.sleep(0)
        answer = self._answer(path, request.url)
        answer.headers["Date"] = format_datetime(self.now(), usegmt=True)
        return answer

    def _answer(self, path: str, url: httpx.URL) -> httpx.Response:
        if path == "settings/public" and self.account:
            return httpx.Response(200, json={"account": {"id": self.account}})
        if path not in self.rows:
            return httpx.Response(404)
        query = parse_qsl(url.query.decode())
        asked = dict(query)
        rows = self._listed(path, [value for name, value in query if name == "q[]"])
        for field in reversed((asked.get("sort") or self._order).split(",")):
            name, _, direction = field.partition(":")
            rows.sort(key=lambda row: _key(row[name]), reverse=direction == "desc")
        size = int(asked.get("per_page", 50))
        start = (int(asked.get("page", 1)) - 1) * size
        links = {"self": str(url)}
        if start + size < len(rows):
            others = [pair for pair in query if pair[0] != "page"]
            page = ("page", str(int(asked.get("page", 1)) + 1))
            links["next"] = str(url.copy_with(params=[*others, page]))
        body = {
            path.partition("/")[0]: rows[start : start + size],
            "total_entries": len(rows),
            "links": links,
        }
        return httpx.Response(200, content=json.dumps(body).encode())

    def _listed(self, name: str, conditions: Sequence[str]) -> list[Row]:
        named = {condition.partition(":")[0] for condition in conditions}
        rows = [
            row
            for row in self.rows[name].values()
            if all(row[mark] is None for mark in self._marks if mark not in named)
            and all(_passes(row, condition) for condition in conditions)
        ]
        if not self._stable:
            self._random.shuffle(rows)
        return rows


def _key(value: Any) -> tuple[bool, Any]:
    """How a database sorts: nothing comes last."""
    return (value is None, "" if value is None else int(value) if value.isdecimal() else value)


def _passes(row: Row, condition: str) -> bool:
    field, _, rest = condition.partition(":")
    value = row.get(field)
    if rest in ("*", "?", "!?"):
        return rest == "*" or (value is not None) == (rest == "?")
    if rest.startswith("="):
        return str(value) in rest[1:].split(",")
    operator = rest[:2] if rest[1] == "=" else rest[:1]
    bound: Any = rest.removeprefix(operator)
    if value is None:
        return False
    if value.isdecimal():
        value, bound = int(value), int(bound)
    held = {">=": value >= bound, "<=": value <= bound, ">": value > bound, "<": value < bound}
    found: bool = held[operator]
    return found
