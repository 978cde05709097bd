"""The Cliniko API in memory: a server for tests, demos and benchmarks.

    emulator = Emulator(Clinic.seeded(patients=300, appointments=1000), limit=50, per=6.0)
    async with AsyncCliniko("MS0x-au1", user_agent="Tests (dev@example.com)",
                            transport=emulator.transport()) as cliniko:
        ...
    assert emulator.report.refused == 0

Here belong the clinic, its made-up records, the server and its habits. Not here: anything of the
package, whose mistakes it must not repeat. Needs the extra `emulator`.
"""

from __future__ import annotations

from cliniko_async.emulator.clinic import Clinic
from cliniko_async.emulator.emulator import Emulator

__all__ = ["Clinic", "Emulator"]
