"""Fixtures that all tests share: a virtual clock, and a limiter that remembers no other test."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from cliniko_async.emulator.clock import VirtualClock, VirtualTimeLoop
from cliniko_async.limits.local import forget

if TYPE_CHECKING:
    from collections.abc import Iterator


# How quick a machine is says nothing about what is tested.
settings.register_profile(
    "no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("no clock")


def pytest_collection() -> None:
    """Let no garbage be collected while tests are read.

    Now and then that breaks `ast.parse` in CPython before 3.11.8 (python/cpython#106905).
    """
    gc.disable()


def pytest_collection_finish() -> None:
    """See `pytest_collection`."""
    gc.enable()


@pytest.fixture
def clock() -> VirtualClock:
    """The seconds that all event loops of a test share."""
    return VirtualClock()


@pytest.fixture
def anyio_backend(clock: VirtualClock) -> tuple[str, dict[str, Any]]:
    """Async tests run on a virtual clock."""
    return "asyncio", {"loop_factory": lambda: VirtualTimeLoop(clock)}


@pytest.fixture(scope="session", autouse=True)
def _state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The command shares the host's places: no test is to wait for the user's own programs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        for name in ("CLINIKO_LIMITER", "CLINIKO_RATE_LIMIT"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def _places_of_its_own() -> Iterator[None]:
    yield
    forget()
