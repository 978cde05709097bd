"""Ways to the server: proxies, trust, event loops, and transports that are none."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async._http.transports import Transports
from cliniko_async.errors import (
    ClinikoError,
    InvalidTypeError,
    InvalidValueError,
    SessionClosedError,
    TransportError,
    TransportTimeoutError,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.anyio

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
PASSWORD = "Kanarie"


@pytest.fixture
def anyio_backend() -> str:
    """Real sockets."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *TRUST):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def session(base_url: str | None = None, **more: Any) -> AsyncCliniko:
    return AsyncCliniko("MS0xT-au2", user_agent=AGENT, base_url=base_url, **more)


@asynccontextmanager
async def answering(*answers: str) -> AsyncGenerator[tuple[str, list[str]]]:
    """A server with one answer for each request, and what it was sent."""
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(65536):
            writer.write(answers[min(len(seen), len(answers) - 1)].encode())
            seen.append(head.decode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


GOOD = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


# Proxies


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
async def test_no_proxy_sees_what_goes_to_loopback(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(GOOD) as (url, seen), answering(GOOD) as (proxy, intercepted):
        monkeypatch.setenv(name, proxy)
        async with session(f"{url}/v1") as cliniko:
            await cliniko.request("GET", "/a")
    assert len(seen) == 1
    assert intercepted == []


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_a_proxy_is_asked_for_a_tunnel_and_sees_no_key(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering("HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n") as (proxy, seen):
        monkeypatch.setenv(name, proxy.replace("//", f"//user:{PASSWORD}@"))
        async with session() as cliniko:
            with pytest.raises(TransportError, match=rf"{name} .*502") as caught:
                await cliniko.with_options(retries=0).request("GET", "/a")
            assert (cliniko.traffic.requests, cliniko.limiter.free) == (0, 200)
    assert seen[0].startswith("CONNECT api.au2.cliniko.com:443 ")
    assert PASSWORD not in str(caught.value)


async def test_a_proxy_that_wants_a_password_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"
    async with answering(refusal) as (proxy, seen):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        async with session() as cliniko:
            with pytest.raises(TransportError, match=r"HTTPS_PROXY .*407"):
                await cliniko.request("GET", "/a")
    assert len(seen) == 1


async def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with session() as cliniko:
        with pytest.raises(TransportError, match="ALL_PROXY"):
            await cliniko.with_options(retries=0).request("GET", "/a")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize(
    "url", ["http://[::1", "://", f"{PASSWORD}:8080:x", "ftp://host", "http://", "http://h:99999"]
)
@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:9/v1"])
async def test_a_proxy_that_cannot_be_is_refused_by_its_name(
    name: str, url: str, base_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(InvalidValueError, match=name) as caught:
        async with session(base_url):
            pass
    assert PASSWORD not in str(caught.value)


async def test_a_socks_proxy_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    with pytest.raises(InvalidValueError, match=r"ALL_PROXY.*httpx\[socks\]"):
        async with session():
            pass


@pytest.mark.parametrize(
    "no_proxy",
    ["", "*", "cliniko.com", "api.au2.cliniko.com", ".cliniko.com", "niko.com", "a, cliniko.com,b"],
)
@pytest.mark.parametrize("names", [("HTTPS_PROXY",), ("ALL_PROXY",), ("HTTPS_PROXY", "ALL_PROXY")])
async def test_proxies_are_chosen_as_the_http_library_does(
    no_proxy: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(names):
        monkeypatch.setenv(name, f"http://127.0.0.{number + 1}:9")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    url = httpx.URL("https://api.au2.cliniko.com/v1/a")
    transports = Transports(connections=1, given=None)
    client: Any = httpx.AsyncClient()
    async with client:
        chosen = client._transport_for_url(url)
        proxied = hasattr(chosen._pool, "_proxy_url")
    assert transports.way_to(url).proxy == (names[0] if proxied else None)
    await transports.aclose()


# Trust


@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:9/v1"])
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_certificates_that_are_not_there_are_named(
    name: str, base_url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(InvalidValueError, match=name):
        async with session(base_url):
            pass


async def test_a_file_without_certificates_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    with pytest.raises(InvalidValueError, match="SSL_CERT_FILE"):
        async with session():
            pass


async def test_sessions_share_what_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ssl.SSLContext] = []
    create = httpx.create_ssl_context

    def counted() -> ssl.SSLContext:
        made.append(create())
        return made[-1]

    monkeypatch.setattr(httpx, "create_ssl_context", counted)
    for _ in range(5):
        async with session():
            pass
    assert len(made) <= 1  # another test may have been first


# Transports that are none, and other event loops


class Sync(httpx.BaseTransport):
    """Not for us."""


@pytest.mark.parametrize(
    ("transport", "said"),
    [
        (Sync(), "synchronous"),
        (httpx.HTTPTransport(), "synchronous"),
        (httpx.AsyncClient(), "not a client"),
        (httpx.Client(), "not a client"),
        (httpx.AsyncHTTPTransport, "call it"),
        ("http://proxy:3128", "AsyncHTTPTransport"),
        (5, "AsyncHTTPTransport"),
    ],
    ids=["ours", "sync", "client", "sync client", "class", "text", "number"],
)
def test_what_is_no_transport_is_refused_at_once(transport: Any, said: str) -> None:
    with pytest.raises(InvalidTypeError, match=said):
        session(transport=transport)


async def test_a_transport_of_httpx2_is_none_of_httpx() -> None:
    httpx2 = pytest.importorskip("httpx2")
    with pytest.raises(InvalidTypeError, match="alias_httpx"):
        async with session(transport=httpx2.AsyncHTTPTransport()):
            pass


def test_where_no_event_loop_of_asyncio_runs_the_error_says_so() -> None:
    opening = session().__aenter__()
    with pytest.raises(SessionClosedError, match=r"asyncio.*trio"):
        opening.send(None)  # as trio would


# Errors of transports


@pytest.mark.parametrize(
    "error",
    [
        httpx.InvalidURL("odd"),
        httpx.StreamClosed(),
        ConnectionResetError("odd"),
        UnicodeError("odd"),
        httpx.DecodingError("odd"),
    ],
    ids=repr,
)
async def test_errors_of_a_transport_are_ours(error: Exception) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    async with session(transport=httpx.MockTransport(fail)) as cliniko:
        with pytest.raises(TransportError) as caught:
            await cliniko.with_options(retries=0).request("GET", "/a")
        assert "odd" not in str(caught.value)
        assert cliniko.limiter.in_flight == 0


@pytest.mark.parametrize(
    "location",
    [
        *(
            "",
            " ",
            "javascript:1",
            "https://[::1",
            "http://127.0.0.1:1:9/",
            "/v1/\x7f",
            "http://a b/",
        ),
        *("mailto:x", "data:,x", "http://xn--/", "http://127.0.0.1:99999/x", "/v1/" + "x" * 66_000),
    ],
)
async def test_odd_redirects_are_errors_of_ours(location: str) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    async with answering(moved) as (url, _), session(f"{url}/v1") as cliniko:
        with pytest.raises(ClinikoError):
            await cliniko.with_options(retries=0).request("GET", "/a", params={"q[]": "b"})
        assert cliniko.limiter.in_flight == 0


async def test_a_time_out_is_one_of_pythons_too() -> None:
    async def keep_silent(_: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        return httpx.Response(200)

    async with session(transport=httpx.MockTransport(keep_silent)) as cliniko:
        with pytest.raises(TimeoutError, match=r"no answer within 0.05 s") as caught:
            await cliniko.with_options(retries=0, timeout=0.05).request("GET", "/a")
    assert isinstance(caught.value, TransportTimeoutError)
