"""What sessions in tests have in common."""

from __future__ import annotations

from typing import Final

__all__ = ["AGENT"]

AGENT: Final = "Tests (tests@example.com)"
"""The application that tests say they are."""
