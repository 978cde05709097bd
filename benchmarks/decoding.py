"""Measure the CPU of decoding a page against other readers, and of a listing against bare httpx.

    python benchmarks/decoding.py    # a few seconds

All readers take turns in one run, so that ratios hold on any machine. A figure that the library
promises is shown with its promise.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from inspect import isawaitable
from types import GenericAlias
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import attrs
import httpx
import msgspec
import orjson
import pydantic
from _promise import machine, promise, summary, title
from typing_extensions import TypedDict

from cliniko_async import AsyncCliniko, Link, RateLimit
from cliniko_async._lists.page import parse_page
from cliniko_async._models.converter import decode_rows
from cliniko_async._models.model import Id, Model, Moment
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.resources.custom_fields import CustomFields
from cliniko_async.resources.patients import Patient

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "BENCH-au1"
AGENT = "Benchmark (bench@example.com)"
URL = "https://api.au1.cliniko.com/v1"


async def fetch_page() -> bytes:
    """A page of a hundred patients as the emulator sends it."""
    emulator = Emulator(Clinic.seeded(patients=150, appointments=0))
    async with httpx.AsyncClient(
        transport=emulator.transport(), auth=(KEY, ""), headers={"User-Agent": AGENT}
    ) as client:
        page = (await client.get(f"{URL}/patients?per_page=100")).json()
    page["total_entries"] = 100
    page["links"].pop("next")
    return json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()


def with_custom_fields(body: bytes) -> bytes:
    """The same page, of an account that has five custom fields."""
    page = json.loads(body)
    for patient in page["patients"]:
        patient["custom_fields"] = {"sections": [{"name": "Referral", "fields": FIVE_FIELDS}]}
    return json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()


OPTIONS = [
    {"name": name, "token": f"{name}-1", "selected": name == "Left", "archived": False}
    for name in ("Left", "Right")
]
FIVE_FIELDS = [
    {"name": "Field", "token": f"{kind}-1", "type": kind, "archived": False, **more}
    for kind, more in (
        ("text", {"value": "Knee, left side"}),
        ("paragraph", {"value": "Since a fall from a bicycle in March."}),
        ("date", {"value": "2026-03-04"}),
        ("checkboxes", {"options": OPTIONS, "other": {"enabled": True, "selected": False}}),
        ("radiobuttons", {"options": OPTIONS}),
    )
]


class Inner(TypedDict):
    """The inner object of a relation."""

    self: str


class Relation(TypedDict, total=False):
    """A relation, or a record's link to itself."""

    links: Inner
    self: str


def pydantic_page() -> Callable[[bytes], Any]:
    """Make a reader of a page in pydantic, with the fields of our model."""
    made = _alike(
        lambda name, fields: pydantic.create_model(name, **fields),
        {Moment: pydantic.AwareDatetime},
    )
    fields: dict[str, Any] = {"patients": (GenericAlias(list, made), ...), "links": (Inner, ...)}
    page: type[pydantic.BaseModel] = pydantic.create_model("Page", **fields)
    return page.model_validate_json


def msgspec_page() -> Callable[[bytes], Any]:
    """Make a reader of a page in msgspec, with the fields of our model."""

    def make(name: str, fields: dict[str, Any]) -> Any:
        parts = [
            (n, kind) if default is ... else (n, kind, default)
            for n, (kind, default) in fields.items()
        ]
        return msgspec.defstruct(name, parts, kw_only=True)

    rows: Any = GenericAlias(list, _alike(make, {}))
    page = msgspec.defstruct("Page", [("patients", rows), ("links", Inner)])
    return msgspec.json.Decoder(page).decode


def _alike(make: Callable[[str, dict[str, Any]], Any], kinds: dict[Any, Any]) -> Any:
    """Another library's model with the fields of `Patient`."""
    # No row of the page has any custom fields.
    kinds |= {Id: str, Link: Relation, CustomFields: dict[str, Any]}

    def translate(hint: Any) -> Any:
        if hint in kinds:
            return kinds[hint]
        if isinstance(hint, type) and issubclass(hint, Model):
            return kinds.setdefault(hint, model(hint))
        if type(None) in get_args(hint):
            members = [translate(part) for part in get_args(hint) if part is not type(None)]
            return members[0] | None if len(members) == 1 else hint
        if getattr(hint, "__origin__", None) is list:
            return GenericAlias(list, translate(get_args(hint)[0]))
        return hint

    def model(kind: type[Model]) -> Any:
        hints = get_type_hints(kind, include_extras=True)
        fields: dict[str, Any] = {}
        for field in attrs.fields(kind):
            default = ... if field.default is attrs.NOTHING else None
            fields[field.name] = (translate(hints[field.name]), default)
        return make(kind.__name__, fields)

    return model(Patient)


class Canned(httpx.AsyncBaseTransport):
    """A server that always gives the same answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer in the event loop's next round, as a socket does at the earliest."""
        await asyncio.sleep(0)
        headers = {"content-type": "application/json"}
        return httpx.Response(200, headers=headers, content=self._body, request=request)


async def compare_cpu(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Print and give back the CPU that calls spend on a page: medians, taken in turns."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(60):
        for name, call in calls.items():
            started = time.process_time()
            for _ in range(5):
                found = call()
                if isawaitable(found):
                    await found
            spent[name].append((time.process_time() - started) / 5)
    medians = {name: statistics.median(times[1:]) for name, times in spent.items()}
    print("| | CPU µs a record | times ours |\n|---|---:|---:|")
    for name, seconds in medians.items():
        print(f"| {name} | {seconds * 1e4:.1f} | {seconds / medians['cliniko_async']:.2f} |")
    print()
    return medians


async def measure_decoding(body: bytes) -> None:
    """Compare readers of the same page, from bytes to a hundred records."""
    title(f"A page of 100 patients, {len(body) / 1000:.0f} kB, from bytes to records")
    parse, with_pydantic, with_msgspec = parse_page("patients"), pydantic_page(), msgspec_page()

    def ours() -> object:
        page = parse(body)
        return page if isinstance(page, Exception) else decode_rows(Patient, page.rows)

    spent = await compare_cpu(
        {
            "cliniko_async": ours,
            "pydantic, validate_json": lambda: with_pydantic(body),
            "msgspec, structs": lambda: with_msgspec(body),
            "json.loads, dicts": lambda: json.loads(body),
        }
    )
    share = spent["cliniko_async"] / spent["pydantic, validate_json"]
    promise("our CPU for a page against pydantic's", share, " times", most=1.0)


async def measure_calls(body: bytes, name: str) -> float:
    """Compare a listing of one page with calls of httpx that make dicts.

    Returns:
        Our CPU in terms of httpx and json.
    """
    title(f"{name}, listed: limiter, request, paging and records, in process")
    async with (
        AsyncCliniko(
            KEY, user_agent=AGENT, rate_limit=RateLimit(1_000_000), transport=Canned(body)
        ) as cliniko,
        httpx.AsyncClient(transport=Canned(body), auth=(KEY, "")) as client,
    ):

        async def bare() -> object:
            answer = await client.get(f"{URL}/patients", params={"per_page": 100})
            return answer.json()["patients"]

        async def bare_orjson() -> object:
            answer = await client.get(f"{URL}/patients", params={"per_page": 100})
            return orjson.loads(answer.content)["patients"]

        spent = await compare_cpu(
            {
                "cliniko_async": cliniko.patients.list().all,
                "httpx and json": bare,
                "httpx and orjson": bare_orjson,
            }
        )
    return spent["cliniko_async"] / spent["httpx and json"]


async def main() -> None:
    """Measure everything, and say which promises fell short."""
    machine()
    body = await fetch_page()
    await measure_decoding(body)
    share = await measure_calls(body, "The same page")
    promise("our CPU a record against httpx and json", share, " times", most=1.3)
    full = with_custom_fields(body)
    await measure_calls(full, f"The page with five custom fields each, {len(full) / 1000:.0f} kB")
    summary()


if __name__ == "__main__":
    asyncio.run(main())
