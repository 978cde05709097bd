"""What every listing promises: each row that is there throughout, once, in the server's order."""

from __future__ import annotations

import asyncio
import os
from random import Random
from typing import Any

import attrs
import pytest
from churning import ChurningServer, Oddities, Row, text
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.limits.local import forget

APART = 3.2
"""Seconds between changes that could balance each other: what happens closer is the exception."""


@attrs.frozen
class Scenario:
    """A list, what happens in it, and how it is read."""

    rows: list[Row]
    odd: Oddities
    limit: RateLimit
    how: str
    pause: float

    @classmethod
    def of(cls, seed: int) -> Scenario:
        random = Random(seed)
        size = random.choice([3, 5, 8])
        odd = Oddities(
            per_page=size,
            unstable_ties=random.random() < 0.3,
            lag=random.choice([0.0, 0.0, 1.0]),
            beyond=random.choice([200, 404]),
            faults=random.choice([0.0, 0.0, 0.05]),
            deepest=random.choice([None, None, None, 3]),
            latency=random.choice([(0.1, 0.3), (0.0, 0.8)]),
        )
        limited = random.random() < 0.5
        limit = RateLimit(random.choice([6, 15]), per=8.0) if limited else RateLimit(100_000)
        how = random.choice(["all", "for", "pages", "scan"])
        pause = random.choice([0.0, 0.0, 0.3, 3.0]) if how == "pages" else 0.0
        return cls(made_up(random, random.randrange(size * 20)), odd, limit, how, pause)


def made_up(random: Random, count: int) -> list[Row]:
    """Rows, many of them within one second, and what comes and goes while they are read."""
    per_second = random.choice([0.5, 1, 2, 4, 12])
    ids = random.sample(range(10**6, 10**7), count + 60)
    if random.random() < 0.5:
        ids.sort()
    seconds = sorted(int(random.uniform(0, count / per_second)) - 10**6 for _ in range(count))
    rows = [Row(str(id), second) for id, second in zip(ids, seconds, strict=False)]
    away = [row for row in rows if random.random() < 0.1]
    for row in away:
        row.present = False
    churn(random, rows, ids[-50:])
    if random.random() < 0.1 and count > 40:  # four: never as many as come at a moment
        rows += [Row(str(id), None) for id in ids[count : count + 4]]
    return rows


def churn(random: Random, rows: list[Row], new_ids: list[int]) -> None:
    """Let rows leave, return, arrive and be back-dated, one or several at a moment."""
    style = random.choice(["nothing", "leave", "return", "both", "both"])
    moment = random.uniform(0, 2)
    seconds = [row.created for row in rows] or [0]
    while moment < 90 and style != "nothing":
        kind = random.choice(["leave", "return"]) if style == "both" else style
        for _ in range(random.choice([1, 1, 1, 3, 9])):
            there = [row for row in rows if row.is_there(1e9) == (kind == "leave")]
            if kind == "return" and new_ids and random.random() < 0.5:
                row = Row(str(new_ids.pop()), random.choice(seconds), present=False)  # back-dated
                rows.append(row)
                row.turns.append(moment)
            elif there:
                random.choice(there).turns.append(moment)
        moment += APART + random.choice([0.0, random.uniform(0, 20)])
    for _ in range(random.choice([0, 0, 5, 30])):
        if new_ids:
            moment = random.uniform(0, 30)
            rows.append(Row(str(new_ids.pop()), int(moment), present=False, turns=[moment]))


async def read(server: ChurningServer, scenario: Scenario) -> list[dict[str, Any]]:
    async with AsyncCliniko(
        "MS0xCHURN-au2",
        user_agent=AGENT,
        transport=server,
        rate_limit=scenario.limit,
    ) as cliniko:
        listing = (cliniko.taxes.scan if scenario.how == "scan" else cliniko.taxes.list)().raw()
        if scenario.how == "all":
            return await listing.all()
        if scenario.how == "pages":
            found: list[dict[str, Any]] = []
            async for page in listing.pages():
                found += page.items
                await asyncio.sleep(scenario.pause)
            return found
        return [row async for row in listing]


def see_that_all_is_there(seed: int) -> None:
    """Read a list that was made up from a seed, and see that the promise holds."""
    scenario = Scenario.of(seed)
    server = ChurningServer(scenario.rows, scenario.odd, seed)
    forget()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        loop = runner.get_loop()
        found = runner.run(read(server, scenario))
        end = loop.time()
    ids = [row["id"] for row in found]
    assert len(ids) == len(set(ids)), (seed, "a row came twice")
    stayed = {row.id for row in scenario.rows if row.stays(-scenario.odd.lag, end)}
    assert stayed <= set(ids), (seed, "rows are missing", stayed.difference(ids))
    moments = [row["created_at"] or text(10**9) for row in found]
    assert moments == sorted(moments), (seed, "rows are out of order")


HUNDREDS = int(os.environ.get("CLINIKO_CHURN", "4"))
"""Hundreds of scenarios; `CLINIKO_CHURN=20 nox -s tests -- tests/lists` for more than usual."""


@pytest.mark.parametrize("hundred", range(2))
def test_rows_that_stay_come_once_and_in_order_whatever_happens(hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        see_that_all_is_there(seed)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(2, HUNDREDS))
def test_the_same_with_many_more(hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        see_that_all_is_there(seed)
