"""Limiters and rates that are chosen from outside."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.errors import ClinikoError, InvalidTypeError, InvalidValueError
from cliniko_async.limits import (
    HostLimiter,
    LocalLimiter,
    RedisLimiter,
    limiter_from,
    rate_from,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def session(**more: Any) -> AsyncCliniko:
    return AsyncCliniko("MS0xTEST-au1", user_agent=AGENT, **more)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("process", LocalLimiter),
        (" Process ", LocalLimiter),
        ("host", HostLimiter),
        ("run/limits.sqlite", HostLimiter),
        ("./limits", HostLimiter),
        ("limits.sqlite", HostLimiter),
        ("~/limits", HostLimiter),
        ("C:\\limits\\x", HostLimiter),
        ("redis://localhost:6379/0", RedisLimiter),
        ("rediss://localhost", RedisLimiter),
        ("unix:///run/redis.sock", RedisLimiter),
    ],
)
def test_a_text_names_a_limiter(text: str, kind: type) -> None:
    assert type(limiter_from(text)) is kind


@pytest.mark.parametrize("text", ["", "hosts", "redis", "none", "http://localhost", "redis:/x:y@z"])
def test_a_text_that_names_none_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InvalidValueError, match="'process', 'host'") as refused:
        limiter_from(text)
    assert "x:y" not in str(refused.value)


def _variables(error: BaseException) -> str:
    """What a crash reporter shows of an error: the variables of every frame of the package."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if "cliniko_async" in frame.f_globals["__name__"]]
    assert ours
    return repr([frame.f_locals for frame in ours])


def _without_patience(url: str) -> object:
    return RedisLimiter(url.partition("?")[0], patience=-1)


def _of_bytes(url: Any) -> object:
    return RedisLimiter(url.encode())


@pytest.mark.parametrize("make", [limiter_from, RedisLimiter, _without_patience, _of_bytes])
def test_a_password_is_in_no_variable_of_an_errors_frames(make: Callable[[str], object]) -> None:
    with pytest.raises(ClinikoError) as refused:
        make("redis://:hunter2@localhost/0?no_such_option=1")
    assert "hunter2" not in _variables(refused.value)


def test_the_environments_password_is_in_no_variable_of_an_errors_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLINIKO_LIMITER", "redis://:hunter2@localhost/0?no_such_option=1")
    with pytest.raises(InvalidValueError, match="CLINIKO_LIMITER: ") as refused:
        session()
    assert "hunter2" not in _variables(refused.value)


@pytest.mark.parametrize(
    "path",
    ["~nobody-of-this-name/limits.sqlite", "/tmp/" + "x" * 5000, "/dev/null"],  # noqa: S108 - nothing is written
    ids=["no home", "too long", "a device"],
)
def test_a_path_that_no_file_can_have_is_refused(path: str) -> None:
    with pytest.raises(InvalidValueError, match="HostLimiter takes the path of a file: "):
        HostLimiter(path)


def test_a_wrong_option_in_a_url_is_refused_without_the_password() -> None:
    with pytest.raises(InvalidValueError, match="redis://") as refused:
        limiter_from("redis://:hunter2@localhost/0?no_such_option=1")
    assert "hunter2" not in str(refused.value)


def test_a_text_names_a_rate() -> None:
    assert rate_from("150/60") == RateLimit(150, per=60)
    assert rate_from(" 20 / 0.5 ") == RateLimit(20, per=0.5)


@pytest.mark.parametrize(
    "text",
    ["", "150", "150/", "/60", "150/0", "0/60", "-1/60", "1e3/60", "150/60/2", "a/b", "1/inf"],
)
def test_a_text_that_names_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="'150/60'"):
        rate_from(text)


def test_the_environment_chooses_and_arguments_win(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLINIKO_RATE_LIMIT", "150/60")
    monkeypatch.setenv("CLINIKO_LIMITER", str(tmp_path / "limits.sqlite"))
    assert session().rate_limit == RateLimit(150, per=60)
    assert session(rate_limit=RateLimit(7)).rate_limit == RateLimit(7)
    assert isinstance(vars(session())["_limiter"], HostLimiter)
    assert isinstance(vars(session(limiter=LocalLimiter()))["_limiter"], LocalLimiter)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing is opened before the session


@pytest.mark.parametrize(
    ("name", "text"), [("CLINIKO_RATE_LIMIT", "fast"), ("CLINIKO_LIMITER", "hosts")]
)
def test_an_error_names_the_variable(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(InvalidValueError, match=name):
        session()


def test_a_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIKO_RATE_LIMIT", " ")
    monkeypatch.setenv("CLINIKO_LIMITER", "")
    assert session().rate_limit == RateLimit()


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_limit": 200},
        {"rate_limit": "150/60"},
        {"rate_limit": 0},
        {"limiter": "redis://localhost"},
        {"limiter": HostLimiter},
        {"limiter": False},
    ],
)
def test_arguments_of_another_type_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidTypeError, match=next(iter(wrong))):
        session(**wrong)
