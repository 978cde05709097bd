"""Pytest fixtures for tests of programs that use `cliniko_async`.

They come with the package, and are imported when a test asks for one:

    async def test_reminders(cliniko_emulator):
        async with AsyncCliniko(
            "TEST-au1",
            user_agent="Tests (dev@example.com)",
            transport=cliniko_emulator.transport(),
        ) as cliniko:
            await send_reminders(cliniko)
        assert cliniko_emulator.report.statuses[201] == 3
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliniko_async.emulator import Emulator


@pytest.fixture
def cliniko_emulator() -> Iterator[Emulator]:
    """The Cliniko API with a small made-up clinic, and a limiter that remembers no other test."""
    from cliniko_async.emulator import Clinic, Emulator  # noqa: PLC0415 - light for other tests
    from cliniko_async.limits.local import forget  # noqa: PLC0415 - likewise

    forget()
    yield Emulator(Clinic.seeded(patients=120, appointments=250))
    forget()
