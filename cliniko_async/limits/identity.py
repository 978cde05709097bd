"""Who a user is: the same name however the key and the server's address are written."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

__all__ = ["user_of"]

_SUFFIX: Final = re.compile(r"-[a-z]{2}[0-9]{1,2}", re.IGNORECASE)
"""The shard at a key's end, as Cliniko's documentation on shards describes it."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def user_of(key: str, base_url: str) -> str:
    """A hash that stands for the user to whom a key belongs.

    A key is one user's, with or without its shard at the end. The server is its host and port:
    a path, capitals, a slash at the end or the default port do not make another server.

    Args:
        key: The API key.
        base_url: A URL of the server.
    """
    name = key[: -len(found.group())] if (found := _suffix(key)) else key
    return hashlib.sha256(f"{name}\n{_server(base_url)}".encode()).hexdigest()


def _suffix(key: str) -> re.Match[str] | None:
    return _SUFFIX.fullmatch(key, key.rfind("-")) if "-" in key else None


def _server(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    return f"{_plain(host)}:{port}"


def _plain(host: str) -> str:
    """A host's name as it goes over the wire."""
    try:
        return ipaddress.ip_address(host).compressed
    except ValueError:
        pass
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host
