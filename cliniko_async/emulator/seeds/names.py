"""Invented names, and telephone numbers that Australia sets aside for fiction."""

from __future__ import annotations

from typing import Final

__all__ = ["CITIES", "FIRST", "LAST", "MOBILES"]

FIRST: Final = (
    "Alba",
    "Bruno",
    "Chloé",
    "Dmitri",
    "Eșref",
    "Fenna",
    "Göran",
    "Hana",
    "Ines",
    "Jörg",
)
LAST: Final = ("Testperson", "Mustermann", "Sampleson", "Exempel", "Demø", "Placeholder", "Ficção")
CITIES: Final = ("Sampleton", "Port Example", "Mock Hill")
MOBILES: Final = ("006", "110", "156", "157", "158", "159", "313", "737")
"""Ends of the numbers under 0491 570 that Australia sets aside for fiction; not a range."""
