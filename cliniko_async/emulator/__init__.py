"""The Cliniko API in memory: a server for tests, demos and benchmarks.

    emulator = Emulator(Clinic.seeded(patients=300, appointments=1000), limit=50, per=6.0)
    async with AsyncCliniko("MS0x-au1", user_agent="Tests (dev@example.com)",
                            transport=emulator.transport()) as cliniko:
        ...
    assert emulator.report.refused == 0

The clinic, its made-up records, and how the server answers, belong here. Not here: anything from
the rest of the package, whose mistakes it must not repeat. Needs the extra `emulator`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cliniko_async.emulator.clinic import Clinic
    from cliniko_async.emulator.emulator import Emulator
else:

    def __getattr__(name: str) -> object:
        """Import a name's module when the name is first asked for: the pytest plugin is here."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # Not kept: `emulator` is a module's name as well.
        return getattr(import_module(f"{__name__}.{name.lower()}"), name)


__all__ = ["Clinic", "Emulator"]
