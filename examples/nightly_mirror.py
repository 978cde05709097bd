"""Every night: bring a copy of the clinic up to date, and ask it what the API cannot be asked.

Usage: python examples/nightly_mirror.py clinic.duckdb

Needs CLINIKO_API_KEY and CLINIKO_USER_AGENT. The file holds health data, and is made readable for
you alone; what is printed are counts and practitioners' ids, for it ends in mails and logs.
"""

from __future__ import annotations

import asyncio
import sys

import duckdb

from cliniko_async import AsyncCliniko
from cliniko_async.mirror import mirror

RESOURCES = ("patients", "individual_appointments")

# The copy holds what lists hide, too: say in each query what is to count.

CANCELLED = """
    SELECT practitioner_id, count(*), count(cancelled_at)
    FROM individual_appointments
    WHERE deleted_at IS NULL
    GROUP BY practitioner_id
    ORDER BY count(cancelled_at) / count(*) DESC, practitioner_id
"""

NOT_SEEN = """
    WITH seen AS (
        SELECT DISTINCT patient_id FROM individual_appointments
        WHERE starts_at BETWEEN now() - INTERVAL 6 MONTH AND now()
            AND cancelled_at IS NULL AND deleted_at IS NULL AND did_not_arrive IS NOT TRUE
    )
    SELECT count(*), count(*) - count(seen.patient_id)
    FROM patients LEFT JOIN seen ON seen.patient_id = patients.id
    WHERE archived_at IS NULL AND deleted_at IS NULL
"""


async def main() -> None:
    """Fetch what has changed since the last run, then ask."""
    path = sys.argv[1]
    async with AsyncCliniko(read_only=True) as cliniko:
        done = await mirror(cliniko, path, RESOURCES)
    print(f"{sum(done.rows.values())} rows brought up to date by {done.requests} requests")
    with duckdb.connect(path, read_only=True) as copy:
        for practitioner, booked, cancelled in copy.execute(CANCELLED).fetchall():
            print(f"practitioner {practitioner}: {cancelled} of {booked} cancelled")
        patients, not_seen = copy.execute(NOT_SEEN).fetchall()[0]
    print(f"{not_seen} of {patients} patients not seen for six months")


asyncio.run(main())
