"""Who asks, and where: the key, the shard it belongs to, the base URL and the User-Agent."""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from typing import Final
from urllib.parse import urlsplit

import attrs

from cliniko_async.errors import ClinikoError, InvalidValueError, expect
from cliniko_async.limits.identity import user_of

__all__ = ["SHARD_HOST", "Credentials", "Secret", "check_user_agent", "is_confidential"]

FIRST_SHARD: Final = "au1"
"""The shard of keys that are older than shards (Cliniko's documentation on shards)."""

# The documentation's advice: two word characters and one or two digits, not a list of names.
_SHARD: Final = re.compile(r"[a-z]{2}[0-9]{1,2}")
SHARD_HOST: Final = re.compile(r"api\.([a-z]{2}[0-9]{1,2})\.cliniko\.com\.?")
_HOST: Final = re.compile(r"[\w-]+(\.[\w-]+)*\.?")
_FOLDERS: Final = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~-]+)*/?")
_NOT_IN_A_BASE: Final = re.compile(r"[\s\x00-\x20\x7f@?#\\]")
_MEANT_AS_SHARD: Final = re.compile(r"|[a-z]{2}|[a-z]{1,3}[0-9]{1,4}")
_KEY: Final = re.compile(r"[!-9;-~]+")  # printable ASCII without blanks and the colon of Basic auth
_USER_AGENT: Final = re.compile(r"[!-'*-~][ -'*-~]* \([!-'*-?A-~]+@[!-'*-?A-~]+\.[!-'*-?A-~]+\)")


class Secret:
    """A text that is printed as stars."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"


@attrs.frozen
class Credentials:
    """A Cliniko user's way in: the key, and where it is valid.

    Attributes:
        shard: The part of Cliniko's hosting that the account lives on, such as `au2`.
        base_url: The URL that paths are appended to, without a slash at the end.
        user: A hash that stands for the user whom the key belongs to, for the limiter.
    """

    authorization: Secret
    shard: str
    base_url: str
    user: str

    @classmethod
    def of(cls, key: Secret, *, base_url: str | None = None) -> Credentials | ClinikoError:
        """Find out the shard and the base URL, or what is wrong with them.

        Errors are returned, so that they are raised in a frame that holds no key.
        """
        try:
            return cls._of(key.reveal(), base_url)
        except ClinikoError as error:
            return error.with_traceback(None)

    @classmethod
    def _of(cls, key: str, base_url: str | None) -> Credentials:
        expect(key, str, "the API key is a text such as 'MS0x...-au2'")
        given = None if base_url is None else check_base_url(base_url)
        shard = _shard_of(key) or _shard_asked(given) or FIRST_SHARD
        url = given or f"https://api.{shard}.cliniko.com/v1"
        token = b64encode(f"{key}:".encode()).decode()
        return cls(
            authorization=Secret(f"Basic {token}"),
            shard=shard,
            base_url=url,
            user=user_of(key, url),
        )


def _shard_of(key: str) -> str | None:
    """The shard at a key's end, if there is one."""
    if not _KEY.fullmatch(key):
        raise InvalidValueError(
            "the API key is empty or has blanks in it: copy it whole, such as 'MS0x...-au2'"
        )
    _, hyphen, suffix = key.rpartition("-")
    if not hyphen:
        return None
    if _SHARD.fullmatch(suffix.lower()):
        return suffix.lower()
    if _MEANT_AS_SHARD.fullmatch(suffix.lower()):
        raise InvalidValueError(
            "the API key ends in a malformed shard: after the last hyphen stand two letters and "
            "one or two digits, such as '-au2', or there is no suffix at all"
        )
    return None


def _shard_asked(base_url: str | None) -> str | None:
    """The shard whose server a base URL names; a key that is older than shards does not say it."""
    found = SHARD_HOST.fullmatch(urlsplit(base_url or "").hostname or "")
    return found[1] if found else None


def check_base_url(url: str) -> str:
    """The base URL without a slash at its end.

    Raises:
        InvalidTypeError: `base_url` is not a text.
        InvalidValueError: It is not https (http is accepted for loopback only), or it has more than
            a host and a path.
    """
    expect(url, str, "base_url is a text of the form https://host/v1")
    if not _is_base(url):
        raise InvalidValueError("base_url has the form https://host/v1, with nothing behind it")
    if not is_confidential(url):
        raise InvalidValueError(
            "base_url must be https, for the key travels with every request; http is accepted "
            "for loopback only, such as http://127.0.0.1:8000/v1"
        )
    if not urlsplit(url).path.strip("/"):
        raise InvalidValueError(
            "base_url names no version of the API: write it with /v1 at its end, such as "
            "https://api.au2.cliniko.com/v1"
        )
    return url.rstrip("/")


def _is_base(url: str) -> bool:
    # `urlsplit` drops line ends and tabs silently, and does not tell an empty query from none.
    if _NOT_IN_A_BASE.search(url):
        return False
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""  # looked at only now
        is_host = bool(ipaddress.IPv6Address(host)) if ":" in host else _HOST.fullmatch(host)
    except ValueError:
        return False
    # Two spellings of one place would be two servers to the limiter.
    return bool(port != 0 and is_host and _FOLDERS.fullmatch(parts.path))


def is_confidential(url: str) -> bool:
    """Whether nobody on the way can see what is sent to a URL: https, or http on loopback."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and _is_loopback(parts.hostname or "")
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_user_agent(text: str | None) -> str:
    """The User-Agent, if it names an application and an e-mail address.

    Cliniko's documentation asks for both, and says that clients without them may be blocked.

    Raises:
        InvalidValueError: It does not have the form `NAME (E-MAIL)`.
    """
    if text and not text.isascii():
        raise InvalidValueError(
            "user_agent has letters beyond ASCII, which an HTTP header cannot carry: write them "
            "without accents"
        )
    if not text or not _USER_AGENT.fullmatch(text):
        raise InvalidValueError(
            "user_agent must name your application and an e-mail address that Cliniko can write "
            "to: 'My app (dev@example.com)', as an argument or in CLINIKO_USER_AGENT"
        )
    return text
