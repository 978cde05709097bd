"""Install a wheel or sdist, and nothing else, into an empty venv, and list patients with it.

Usage: python scripts/try_distribution.py dist/cliniko_async-*.whl
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

README = Path(__file__).parents[1] / "README.md"
PATIENTS = 250


async def output(python: Path, program: str) -> str:
    """What a program prints that lists patients from an emulator."""
    clinic = Clinic.seeded(patients=PATIENTS, appointments=0)
    for patient in clinic.records("patients"):
        clinic.update("patients", patient["id"], archived_at=None)
    async with running(Emulator(clinic)) as base_url:
        process = await asyncio.create_subprocess_exec(
            python,
            "-c",
            program,
            stdout=subprocess.PIPE,
            cwd=python.parent,
            env={
                "PATH": os.environ["PATH"],
                "CLINIKO_API_KEY": "MS0xDIST-au1",
                "CLINIKO_BASE_URL": base_url,
            },
        )
        said, _ = await process.communicate()
    return said.decode()


def main() -> None:
    """Fail unless the README's first program lists all patients."""
    (distribution,) = map(Path, sys.argv[1:])
    program = README.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, distribution.resolve()], check=True)  # noqa: S603 - our own file
        listed = asyncio.run(output(python, program)).splitlines()
    if len(listed) != PATIENTS:
        sys.exit(f"{distribution.name} lists {len(listed)} of {PATIENTS} patients")
    print(f"{distribution.name}: installed alone, it lists {PATIENTS} patients")


if __name__ == "__main__":
    main()
