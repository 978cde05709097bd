"""What models, links and fields say when pydantic asks: imported then, and not before.

It is asked for by name, because what answers is made of models, links and fields itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["answer"]


def answer(name: str, *asked: Any) -> Any:
    """Call a function of `pydantic_types`."""
    return getattr(import_module("cliniko_async._models.pydantic_types"), name)(*asked)
