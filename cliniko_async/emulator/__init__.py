"""The Cliniko API in memory: a server for tests, demos and benchmarks.

    emulator = Emulator(Clinic.seeded(patients=300, appointments=1000), limit=50, per=6.0)
    async with AsyncCliniko("MS0x-au1", user_agent="Tests (dev@example.com)",
                            transport=emulator.transport()) as cliniko:
        ...
    assert emulator.report.refused == 0

Needs the extra `emulator`.
"""

from __future__ import annotations

from cliniko_async.emulator.clinic import Clinic
from cliniko_async.emulator.emulator import Emulator

__all__ = ["Clinic", "Emulator"]
