"""The HTTP library's transports, one per way out: direct, or through the environment's proxies.

Requests are handed to transports, not to a client: what patches clients (tracers do) sees none of
ours, and nothing follows redirects or keeps cookies. The choice of a proxy, which clients make,
is made here: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or what the system has in their place.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.request import getproxies, proxy_bypass

import attrs
import httpx

from cliniko_async._http.sent_request import FOREIGN
from cliniko_async.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

__all__ = ["Transports", "Way"]

KEEP_ALIVE_SECONDS: Final = 4.0
"""Seconds that an idle connection is kept: shorter than servers do, so that none is lost in use."""

SCHEMES: Final = ("https", "http", "all")
"""Whose proxies a program may name. The first that fits counts; `http` fits nothing of ours."""

LARGEST_PORT: Final = 65535

TLS_FILES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""Variables that name files which `ssl` reads or writes."""


@attrs.frozen
class Way:
    """A way out.

    Attributes:
        transport: What sends.
        proxy: The environment's variable that names the proxy on the way, if there is one.
        reports: Whether the transport says when a connection stands (httpcore's trace extension).
        failures: What it raises when a request fails; of ours, anything is of the HTTP library.
    """

    transport: httpx.AsyncBaseTransport = attrs.field(repr=False)
    proxy: str | None = None
    reports: bool = True
    failures: tuple[type[Exception], ...] = (Exception,)


class Transports:
    """A session's transports.

    Args:
        connections: How many idle connections are kept.
        given: The caller's own transport, which then sends everything.

    Raises:
        InvalidValueError: A variable of the environment cannot be right.
        InvalidTypeError: The caller's transport belongs to another library.
    """

    def __init__(self, *, connections: int, given: httpx.AsyncBaseTransport | None) -> None:
        self._hosts: dict[str, Way] = {}
        if given is not None:
            _check_library(given)
            self._direct = Way(given, reports=False, failures=FOREIGN)
            self._proxied: Mapping[str, Way] = {}
            return
        limits = httpx.Limits(
            # The limiter bounds what is in flight, so that nothing ever waits in the pool while
            # it holds a place.
            max_connections=None,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
        )
        tls = _tls_context()
        self._direct = Way(httpx.AsyncHTTPTransport(verify=tls, limits=limits))
        self._proxied = _proxies(tls, limits)

    def way_to(self, url: httpx.URL) -> Way:
        """The way to a URL. Plain http goes to this host only, so that no proxy sees it."""
        if url.scheme == "http" or not self._proxied:
            return self._direct
        way = self._hosts.get(url.host)
        if way is None:
            way = self._direct if proxy_bypass(url.host) else self._proxied.get("https")
            self._hosts[url.host] = way = way or self._proxied.get("all", self._direct)
        return way

    async def aclose(self) -> None:
        """Close all connections."""
        for way in {id(way): way for way in (self._direct, *self._proxied.values())}.values():
            await way.transport.aclose()


def _check_library(transport: httpx.AsyncBaseTransport) -> None:
    """Refuse a transport of httpx2 where httpx is not httpx2: their requests are not the same."""
    libraries = {kind.__module__.partition(".")[0] for kind in type(transport).__mro__}
    if "httpx2" in libraries and httpx.__name__ != "httpx2":
        raise InvalidTypeError(
            "transport= takes httpx's transports: call httpx2.alias_httpx() before anything "
            "imports httpx to use those of httpx2"
        )


# TLS


def _tls_context() -> ssl.SSLContext:
    """The process's trust in certificates; to read them takes longer than a session's requests."""
    named = os.environ.get("SSL_CERT_FILE") or None
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        _check_exists(variable)
    try:
        return _tls_context_of(named, os.environ.get("SSL_CERT_DIR"), _changed_at(named))
    except OSError:  # an SSLError is one
        wrong = [name for name in TLS_FILES if os.environ.get(name)] or ["certifi's list"]
    raise InvalidValueError(
        f"trust in certificates cannot be set up: see {' and '.join(wrong)}, which cannot be used"
    )


@cache
def _tls_context_of(
    _file: str | None, _folder: str | None, _changed_at: int | None
) -> ssl.SSLContext:
    return httpx.create_ssl_context()  # which looks at the same variables


def _changed_at(file: str | None) -> int | None:
    return Path(file).stat().st_mtime_ns if file else None


def _check_exists(variable: str) -> None:
    paths = os.environ.get(variable)
    if paths and not any(Path(path).exists() for path in paths.split(os.pathsep)):
        raise InvalidValueError(f"{variable} names what is not there: correct it, or unset it")


# Proxies


def _proxies(tls: ssl.SSLContext, limits: httpx.Limits) -> dict[str, Way]:
    if "*" in _split(getproxies().get("no", "")):
        return {}
    ways: dict[str, Way] = {}
    for scheme in SCHEMES:
        way = _proxied_way(scheme, tls, limits)
        if isinstance(way, str):  # raised here, where no frame holds a proxy's password
            raise InvalidValueError(way)
        if way is not None:
            ways[scheme] = way
    return ways


def _split(hosts: str) -> Iterable[str]:
    return (host.strip() for host in hosts.split(","))


def _proxied_way(scheme: str, tls: ssl.SSLContext, limits: httpx.Limits) -> Way | str | None:
    """The way by a scheme's proxy, if there is one, or what is wrong with it."""
    url = getproxies().get(scheme)
    if not url:
        return None
    variable = _variable_of(scheme)
    try:
        proxy = httpx.Proxy(url if "://" in url else f"http://{url}")
        if not proxy.url.host or (proxy.url.port or 0) > LARGEST_PORT:
            return _malformed(variable)
        return Way(httpx.AsyncHTTPTransport(verify=tls, limits=limits, proxy=proxy), variable)
    except ImportError:
        return (
            f"{variable} names a SOCKS proxy, and the package for it is missing: "
            "pip install 'httpx[socks]', or unset the variable"
        )
    except (ValueError, httpx.InvalidURL, UnicodeError):
        return _malformed(variable)


def _malformed(variable: str) -> str:
    return f"{variable} is not a proxy's URL, such as http://proxy.example.com:3128"


def _variable_of(scheme: str) -> str:
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), "the system's proxy setting")
