"""Every night: what has changed since last night, and nothing twice.

Usage: python examples/nightly_changes.py STATE_FILE

Needs CLINIKO_API_KEY and CLINIKO_USER_AGENT. The state file holds a cursor and no health data.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cliniko_async import AsyncCliniko


async def main() -> None:
    """Count the changes of appointments; put what you do with each in the loop."""
    state = Path(sys.argv[1])
    cursor = state.read_text() if state.exists() else None
    async with AsyncCliniko(read_only=True) as cliniko:
        if cursor:
            changes = cliniko.individual_appointments.changes(cursor=cursor)
        else:
            since = datetime.now(UTC) - timedelta(days=36500)
            changes = cliniko.individual_appointments.changes(since=since)
        kinds = Counter([change.kind async for change in changes])
    # Only now: a run that was interrupted is repeated from where it began.
    state.write_text(changes.cursor)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "nothing new")


asyncio.run(main())
