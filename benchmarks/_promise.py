"""Figures beside what was promised of them."""

from __future__ import annotations

import os
import platform

broken: list[str] = []
"""The promises that fell short in this run."""


def promise(what: str, figure: float, unit: str, *, most: float) -> None:
    """Print a figure beside the most that it may be."""
    holds = figure <= most
    verdict = "holds" if holds else "FALLS SHORT"
    line = f"{what}: {figure:.2f}{unit}, promised: at most {most:g}{unit}"
    print(f"  {verdict}: {line}")
    if not holds:
        broken.append(line)


def machine() -> None:
    """Name the machine."""
    system, kind = platform.system(), platform.machine()
    print(f"Python {platform.python_version()}, {system} {kind}, {os.cpu_count()} processors")


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n{text}\n")


def summary() -> None:
    """Say which promises fell short."""
    print("\nAll promises hold." if not broken else "\nPROMISES THAT FALL SHORT IN THIS RUN:")
    for line in broken:
        print(f"  {line}")
