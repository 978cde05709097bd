"""A program with tracers and a crash reporter in it, which prints all that they were told.

They patch libraries for good, so that each has a process of its own. It is called with the kind
of tracer and the base URL of a server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import traceback
from typing import TYPE_CHECKING, Any

from canaries import ASKED, HELD, KEY, rich_traceback

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    Report = Callable[[BaseException], object]

AGENT = "Traced (traced@example.com)"
_SAID = f'{{"message": "{HELD} is not {ASKED}", "errors": {{"first_name": "{HELD}"}}}}'.encode()
REFUSAL = b"HTTP/1.1 422 No\r\nContent-Length: %d\r\n\r\n%s" % (len(_SAID), _SAID)
CONTROL = "Distelfink"
"""What the program asks by itself, with the HTTP library: the tracers are to tell that."""


async def calls(base_url: str, report: Report) -> None:
    """Calls that go well, calls that fail, and calls that are given up."""
    from cliniko_async import AsyncCliniko  # noqa: PLC0415 - after what patches

    f = AsyncCliniko.patients.filters
    async with AsyncCliniko(KEY, user_agent=AGENT, base_url=base_url) as cliniko:
        await cliniko.patients.list(f.last_name == ASKED).all()
        await cliniko.request("GET", "/patients", params={"q[]": f"last_name:={ASKED}"})
        for way in (lambda: cliniko.patients.get("404"), lambda: cliniko.request("GET", "/none")):
            await _reported(way, report)
    for answer in (b"", REFUSAL):
        async with (
            _answering(answer) as url,
            AsyncCliniko(KEY, user_agent=AGENT, base_url=url) as cliniko,
        ):
            for way in (
                lambda: cliniko.patients.list(f.last_name == ASKED).all(),
                lambda: cliniko.patients.create(first_name=ASKED, last_name=ASKED),
                lambda: cliniko.request("GET", f"/a?q[]=last_name:={ASKED}"),
            ):
                await _reported(way, report)


async def _reported(call: Any, report: Report) -> None:
    try:
        async with asyncio.timeout(0.3):
            await call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
        report(error)


@contextlib.asynccontextmanager
async def _answering(answer: bytes) -> AsyncGenerator[str]:
    """A server with the same answer to everything; with none, it keeps silent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    server.close()


async def control(base_url: str) -> None:
    """A request of the program's own."""
    import httpx  # noqa: PLC0415 - after what patches

    async with httpx.AsyncClient() as client:
        await client.get(f"{base_url}/patients", params={"q[]": f"last_name:={CONTROL}"})


def opentelemetry() -> tuple[Report, Callable[[], Sequence[object]]]:
    """Spans of all requests that httpx sends."""
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415
        InMemorySpanExporter,
    )

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    return lambda _: None, lambda: [span.to_json() for span in exporter.get_finished_spans()]


def sentry() -> tuple[Report, Callable[[], Sequence[object]]]:
    """Everything that Sentry would be sent, with its default integrations."""
    import sentry_sdk  # noqa: PLC0415 - one kind of several
    from sentry_sdk.transport import Transport  # noqa: PLC0415

    told: list[object] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            told.extend(item.payload.json for item in envelope.items)

    nowhere = "http://key@127.0.0.1:9/1"
    sentry_sdk.init(nowhere, transport=Kept, traces_sample_rate=1.0, max_value_length=100_000)
    transaction = sentry_sdk.start_transaction(name="program")
    transaction.__enter__()

    def finish() -> Sequence[object]:
        sentry_sdk.capture_message("the end, with all breadcrumbs")
        transaction.__exit__(None, None, None)
        return told

    return sentry_sdk.capture_exception, finish


def alias() -> tuple[Report, Callable[[], Sequence[object]]]:
    """httpx2 in httpx's place, with all that both log."""
    import httpx2  # noqa: PLC0415 - before anything imports httpx

    httpx2.alias_httpx()
    return lambda _: None, lambda: [f"the alias holds: {sys.modules['httpx'].__name__}"]


def tracebacks() -> tuple[Report, Callable[[], Sequence[object]]]:
    """Tracebacks with variables, as the standard library and rich show them."""
    told: list[object] = []

    def report(error: BaseException) -> None:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        told.extend(("".join(shown.format()), rich_traceback(error)))

    return report, lambda: told


def main(kind: str, base_url: str) -> None:
    """Trace, send, and print."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
    report, told = globals()[kind]()

    async def run() -> None:
        await calls(base_url, report)
        await control(base_url)

    asyncio.run(run())
    for thing in told():
        print("TOLD", repr(thing))  # noqa: T201 - a program that prints


if __name__ == "__main__":
    main(*sys.argv[1:])
