"""One user is one user, however the key and the address are written."""

from __future__ import annotations

import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko
from cliniko_async.errors import InvalidTypeError, InvalidValueError


def user(key: str, base_url: str | None = None) -> str:
    return AsyncCliniko(key, user_agent=AGENT, base_url=base_url).user


@pytest.mark.parametrize("shard", ["au1", "uk2", "ca10"])
def test_one_user_is_one_user(shard: str) -> None:
    host = f"api.{shard}.cliniko.com"
    urls = [
        f"https://{host}/v1",
        f"https://{host}/v1/",
        f"https://{host.upper()}/v1",
        f"https://{host}:443/v1",
        f"https://{host}./v1",
    ]
    ways: list[tuple[str, str | None]] = [
        (f"MS0xKEY-{shard}", None),
        (f"MS0xKEY-{shard.upper()}", None),
    ]
    ways += [(key, url) for key in ("MS0xKEY", f"MS0xKEY-{shard}") for url in urls]
    assert len({user(key, url) for key, url in ways}) == 1


def test_a_key_without_a_suffix_belongs_to_the_first_shard() -> None:
    assert user("MS0xKEY") == user("MS0xKEY-au1") != user("MS0xKEY-au2")


def test_another_key_or_another_server_is_another_user() -> None:
    ways = [
        ("MS0xKEY-au1", None),
        ("MS0xKEZ-au1", None),
        ("MS0xKEY-au2", None),
        ("MS0xKEY-au1", "https://gateway.example.com/v1"),
        ("MS0xKEY-au1", "https://gateway.example.com:8443/v1"),
        ("MS0xKEY-au1", "http://127.0.0.1:8000/v1"),
        ("MS0xKEY-au1", "http://127.0.0.1:8001/v1"),
    ]
    assert len({user(key, url) for key, url in ways}) == len(ways)


def test_a_server_has_one_name_in_unicode_and_on_the_wire() -> None:
    url = "https://xn--bcher-kva.example/v1"
    assert user("MS0xKEY", "https://bücher.example/v1") == user("MS0xKEY", url)


def test_a_key_that_is_older_than_shards_is_on_the_shard_that_is_asked() -> None:
    session = AsyncCliniko("MS0xKEY", user_agent=AGENT, base_url="https://api.ca1.cliniko.com/v1")
    assert session.shard == "ca1"


@pytest.mark.parametrize(
    "url",
    [
        "https://user@api.au1.cliniko.com/v1",
        "https://@api.au1.cliniko.com/v1",
        "https://api.au1.cliniko.com/v1#",
        "https://api.au1.cliniko.com/v1?",
        "https://api.au1.cliniko.com/v1 ",
        "https://api.au1.cliniko.com/v1\n",
        "https://api.au1.clin\niko.com/v1",
        "https:\\\\api.au1.cliniko.com/v1",
        "https://api.au1.cliniko.com:port/v1",
        "https:///v1",
    ],
)
def test_a_base_url_with_more_than_a_base_is_refused(url: str) -> None:
    with pytest.raises(InvalidValueError, match="base_url"):
        user("MS0xKEY", url)


def test_a_base_url_of_another_type_is_refused() -> None:
    with pytest.raises(InvalidTypeError, match="base_url"):
        user("MS0xKEY", 443)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # that is the point
