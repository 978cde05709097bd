"""Who is told of requests and waits: `on_request`, `on_wait`, and OpenTelemetry."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import anyio
import httpx
import pytest
from canaries import ASKED, HELD, leaks
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from sessions import AGENT

from cliniko_async import AsyncCliniko, RequestEvent, Wait
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running
from cliniko_async.errors import ClinikoError, InvalidTypeError, NotFoundError, ServerError
from cliniko_async.limits import RateLimit
from cliniko_async.telemetry import instrument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

pytestmark = pytest.mark.anyio


@pytest.fixture
def emulator() -> Emulator:
    emulator = Emulator(Clinic(), limit=100_000)
    emulator.clinic.create("patients", id="7", first_name=HELD, last_name=HELD)
    return emulator


def session(emulator: Emulator, **more: Any) -> AsyncCliniko:
    more.setdefault("transport", emulator.transport())
    return AsyncCliniko("MS0xSEEN-au1", user_agent=AGENT, **more)


# Events


async def test_each_attempt_is_one_event(emulator: Emulator) -> None:
    told: list[RequestEvent] = []
    emulator.latency = 2.0
    async with session(emulator, on_request=told.append) as cliniko:
        await cliniko.patients.get("7")
        emulator.faults.next("500")
        emulator.faults.next("reset")
        await cliniko.with_options(lane="bulk").taxes.list().all()
        with pytest.raises(NotFoundError):
            await cliniko.patients.get("8")
    assert [(e.method, e.template, e.status, e.attempt, e.lane) for e in told] == [
        ("GET", "/patients/{id}", 200, 1, "interactive"),
        ("GET", "/taxes", 500, 1, "bulk"),
        ("GET", "/taxes", None, 2, "bulk"),
        ("GET", "/taxes", 200, 3, "bulk"),
        ("GET", "/patients/{id}", 404, 1, "interactive"),
    ]
    assert cliniko.traffic.requests == 5
    first, *_ = told
    assert first.took == pytest.approx(2.0, abs=0.01)
    assert first.waited < 0.01
    assert first.bytes > 100
    assert first.request_id == "emulated-1"
    assert leaks(repr(told)) == []


async def test_an_attempt_that_is_given_up_is_an_event_without_a_status(
    emulator: Emulator,
) -> None:
    told: list[RequestEvent] = []
    emulator.latency = 20.0
    async with session(emulator, on_request=told.append) as cliniko:
        with anyio.move_on_after(5):
            await cliniko.patients.get("7")
    (event,) = told
    assert (event.status, event.request_id, event.bytes) == (None, None, 0)
    assert event.took == pytest.approx(5.0, abs=0.01)


async def test_waits_are_told_when_there_are_any(emulator: Emulator) -> None:
    told: list[RequestEvent | Wait] = []
    rate = RateLimit(5, per=60)
    async with session(
        emulator, rate_limit=rate, on_request=told.append, on_wait=told.append
    ) as cliniko:
        for _ in range(6):
            await cliniko.taxes.list().first()
    *free, wait, last = told
    assert all(isinstance(event, RequestEvent) and event.waited < 0.01 for event in free)
    assert isinstance(wait, Wait)
    assert isinstance(last, RequestEvent)
    assert wait.seconds == last.waited == pytest.approx(60.05, abs=0.1)
    assert cliniko.traffic.waits == 1


class TestOnSockets:
    """A caller's `AsyncHTTPTransport` reports when requests leave, as our own does."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.mark.parametrize("own", [False, True])
    async def test_each_request_is_counted_once(self, emulator: Emulator, *, own: bool) -> None:
        told: list[RequestEvent] = []
        transport = httpx.AsyncHTTPTransport() if own else None
        async with (
            running(emulator) as base_url,
            session(
                emulator, base_url=base_url, transport=transport, on_request=told.append
            ) as cliniko,
        ):
            for _ in range(3):
                await cliniko.patients.get("7")
        assert cliniko.traffic.requests == len(told) == emulator.report.requests == 3


# Callbacks that do what they should not


@pytest.mark.parametrize("name", ["on_request", "on_wait"])
async def test_a_callback_that_raises_changes_nothing_and_is_logged_once(
    name: str, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise ValueError(HELD)

    with caplog.at_level(logging.DEBUG, "cliniko_async"):
        async with session(emulator, rate_limit=RateLimit(2, per=1), **{name: fail}) as cliniko:
            for _ in range(6):
                await cliniko.patients.get("7")
            await anyio.sleep(2)
            assert (cliniko.limiter.free, cliniko.limiter.in_flight) == (2, 0)
    (record,) = [r for r in caplog.records if name in r.getMessage()]
    assert "ValueError" in record.getMessage()
    assert leaks(caplog.text) == []


async def test_a_callback_whose_result_has_to_be_awaited_is_logged_once(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    def hidden(event: object) -> object:
        return _told(event)

    async with session(emulator, on_request=hidden) as cliniko:
        await cliniko.patients.get("7")
        await cliniko.patients.get("7")
    (record,) = caplog.records
    assert "on_request returned a coroutine, which nobody awaits" in record.getMessage()


async def _told(_: object) -> None:
    await asyncio.sleep(0)


class _Told:
    async def __call__(self, _: object) -> None:
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", ["on_request", "on_wait"])
@pytest.mark.parametrize(
    "callback",
    [_told, _Told(), partial(_told), "log", 5],
    ids=["async", "object", "partial", "text", "number"],
)
async def test_what_cannot_be_called_is_refused(
    name: str, callback: object, emulator: Emulator
) -> None:
    with pytest.raises(InvalidTypeError, match=name):
        session(emulator, **{name: callback})


# OpenTelemetry


class Seen:
    """What OpenTelemetry was told."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meter_provider = MeterProvider([self._reader])

    def attach(self, cliniko: AsyncCliniko) -> None:
        instrument(
            cliniko, tracer_provider=self.tracer_provider, meter_provider=self.meter_provider
        )

    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def metrics(self) -> dict[str, list[Any]]:
        data = self._reader.get_metrics_data()
        assert data is not None
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


async def test_a_call_is_a_span_and_its_attempts_are_its_children(emulator: Emulator) -> None:
    seen = Seen()
    f = AsyncCliniko.patients.filters
    async with session(emulator, rate_limit=RateLimit(2, per=60)) as cliniko:
        seen.attach(cliniko)
        emulator.faults.next("500")
        await cliniko.patients.list(f.last_name == ASKED).all()
        await cliniko.taxes.list().all()
    attempts = [span for span in seen.spans() if span.kind is SpanKind.CLIENT]
    first, second = (span for span in seen.spans() if span.kind is not SpanKind.CLIENT)
    assert (first.name, second.name) == ("GET /patients", "GET /taxes")
    assert [span.parent for span in attempts] == [first.context, first.context, second.context]
    failed, went, _ = (dict(span.attributes or {}) for span in attempts)
    assert failed["error.type"] == "500"
    assert went["http.response.status_code"] == 200
    assert went["http.request.resend_count"] == 1
    assert went["server.address"] == "api.au1.cliniko.com"
    assert went["url.template"] == "/patients"
    assert [event.name for event in second.events] == ["rate limit wait"]
    assert leaks("".join(span.to_json() for span in seen.spans())) == []


@pytest.mark.parametrize(("fault", "kind"), [("500", ServerError), (None, NotFoundError)])
async def test_a_call_that_fails_is_a_span_that_says_so(
    fault: Literal["500"] | None, kind: type[ClinikoError], emulator: Emulator
) -> None:
    seen = Seen()
    async with session(emulator) as cliniko:
        seen.attach(cliniko)
        if fault:
            emulator.faults.next(fault)
        with pytest.raises(kind):
            await cliniko.with_options(retries=0).patients.get("8")
    (call,) = (span for span in seen.spans() if span.kind is not SpanKind.CLIENT)
    assert not call.status.is_ok
    assert dict(call.attributes or {})["error.type"] == kind.__name__
    assert "/patients/{id}" in (call.status.description or "")


async def test_metrics_have_the_usual_names_and_few_attributes(emulator: Emulator) -> None:
    seen = Seen()
    emulator.latency = 2.0
    async with session(emulator, rate_limit=RateLimit(2, per=60)) as cliniko:
        seen.attach(cliniko)
        for id in ("7", "8", "9"):
            with pytest.raises(NotFoundError) if id != "7" else anyio.CancelScope():
                await cliniko.patients.get(id)
    metrics = seen.metrics()
    assert set(metrics) == {
        "http.client.request.duration",
        "http.client.response.body.size",
        "cliniko.client.rate_limit.wait.duration",
    }
    durations = metrics["http.client.request.duration"]
    assert {point.attributes["http.response.status_code"]: point.count for point in durations} == {
        200: 1,
        404: 2,
    }
    assert all(point.sum == pytest.approx(2.0 * point.count, abs=0.01) for point in durations)
    assert leaks(repr(metrics)) == []
