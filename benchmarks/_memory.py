"""The memory of this process."""

from __future__ import annotations

import resource
from pathlib import Path


def peak_bytes() -> int:
    """Bytes of memory that this process had at the most."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux lets ru_maxrss begin with what the process had that started this one.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
