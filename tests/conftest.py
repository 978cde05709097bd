"""Fixtures that all tests share: a virtual clock, and a guard against blocking calls."""

from __future__ import annotations

from typing import Any

import pytest

from cliniko_async.emulator.clock import VirtualClock, VirtualTimeLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Async tests run on a virtual clock that all loops of a test share; see `real_time`."""
    clock = VirtualClock()
    return "asyncio", {"loop_factory": lambda: VirtualTimeLoop(clock)}
