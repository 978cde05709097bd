"""OpenTelemetry: a span for each call with its attempts below it, and the usual metrics.

    from cliniko_async import AsyncCliniko
    from cliniko_async.telemetry import instrument

    async with AsyncCliniko() as cliniko:
        instrument(cliniko)

Instrumentations of HTTP libraries put whole URLs into spans, including what was searched for, so
this library's requests are hidden from them. Here, spans and metrics show the path's template: no
id, no query, no body and no key. Needs the extra `otel`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cliniko_async.errors import ClinikoError, missing_extra

try:
    from opentelemetry import metrics, trace
    from opentelemetry.trace import SpanKind, StatusCode
except ImportError as _error:
    raise missing_extra(_error, "otel") from None

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

    from cliniko_async import AsyncCliniko, RequestEvent, Wait
    from cliniko_async.limits import Lane

__all__ = ["instrument"]

SCOPE: Final = "cliniko_async"

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Bounds of a request's duration, from OpenTelemetry's semantic conventions for HTTP."""

LONG_SECONDS: Final = (*SECONDS, 20, 30, 60, 120, 300, 600)
"""A call may wait for the rate limit for minutes."""

FIRST_ERROR: Final = 400


def instrument(
    cliniko: AsyncCliniko,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Report all calls of a session, and of its views, to OpenTelemetry from now on.

    Each call is a span, such as `GET /patients/{id}`, with an event `rate limit wait` for each wait
    and a child span for each attempt. Metrics: `http.client.request.duration` (seconds) and
    `http.client.response.body.size` (bytes, unpacked) of each attempt, and
    `cliniko.client.rate_limit.wait.duration` (seconds).

    Args:
        cliniko: The session, open or not.
        tracer_provider: Where spans go; the global provider by default.
        meter_provider: Where metrics go; the global provider by default.
    """
    session = cliniko._session  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # a part of the library
    telemetry = _Telemetry(session.account.base_url, tracer_provider, meter_provider)
    session.observers.add(
        around=telemetry.call, on_wait=telemetry.wait, on_request=telemetry.request
    )


class _Telemetry:
    """What is reported to OpenTelemetry about a session."""

    def __init__(
        self,
        base_url: str,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
    ) -> None:
        server = urlsplit(base_url)
        self._server: dict[str, AttributeValue] = {
            "server.address": server.hostname or "",
            "server.port": server.port or (443 if server.scheme == "https" else 80),
        }
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider)
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._durations = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._sizes = meter.create_histogram(
            "http.client.response.body.size",
            unit="By",
            description="Size of HTTP client response bodies, unpacked.",
        )
        self._waits = meter.create_histogram(
            "cliniko.client.rate_limit.wait.duration",
            unit="s",
            description="Duration of waits for the rate limit.",
            explicit_bucket_boundaries_advisory=LONG_SECONDS,
        )

    @contextmanager
    def call(self, method: str, template: str, lane: Lane) -> Generator[Callable[[object], None]]:
        """A span around a call; what is yielded is called with how the call ended."""
        with self._tracer.start_as_current_span(
            f"{method} {template}",
            attributes={**self._named(method, template), "cliniko.lane": lane},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            def ended(outcome: object) -> None:
                if isinstance(outcome, BaseException):
                    span.set_attribute("error.type", type(outcome).__qualname__)
                    said = str(outcome) if isinstance(outcome, ClinikoError) else None
                    span.set_status(StatusCode.ERROR, said)

            try:
                yield ended
            except BaseException as error:
                ended(error)
                raise

    def request(self, event: RequestEvent) -> None:
        """A span below the call's for an attempt that has ended, and its metrics."""
        attributes = self._attributes(event)
        self._durations.record(event.took, attributes)
        if event.status is not None:
            self._sizes.record(event.bytes, attributes)
        end = time.time_ns()
        span = self._tracer.start_span(
            f"{event.method} {event.template}",
            kind=SpanKind.CLIENT,
            attributes={**attributes, **_once(event)},
            start_time=end - int(event.took * 1e9),
        )
        if "error.type" in attributes:
            span.set_status(StatusCode.ERROR)
        span.end(end)

    def wait(self, wait: Wait) -> None:
        """An event of the call's span, and a metric."""
        self._waits.record(wait.seconds, {**self._server, "cliniko.lane": wait.lane})
        trace.get_current_span().add_event("rate limit wait", {"seconds": wait.seconds})

    def _named(self, method: str, template: str) -> dict[str, AttributeValue]:
        return {**self._server, "http.request.method": method, "url.template": template}

    def _attributes(self, event: RequestEvent) -> dict[str, AttributeValue]:
        """What is said of an attempt, of which there are few values: metrics count by them."""
        attributes = self._named(event.method, event.template)
        if event.status is not None:
            attributes["http.response.status_code"] = event.status
        if event.status is None:
            attributes["error.type"] = "_OTHER"
        elif event.status >= FIRST_ERROR:
            attributes["error.type"] = str(event.status)
        return attributes


def _once(event: RequestEvent) -> dict[str, AttributeValue]:
    """What is said of an attempt in its span alone."""
    attributes: dict[str, AttributeValue] = {"cliniko.lane": event.lane}
    if event.attempt > 1:
        attributes["http.request.resend_count"] = event.attempt - 1
    if event.request_id is not None:
        attributes["http.response.header.x-request-id"] = [event.request_id]
    if event.waited:
        attributes["cliniko.rate_limit.waited"] = event.waited
    return attributes
