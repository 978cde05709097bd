"""The standard library's date and datetime, whatever a test has put in their place.

Tools that freeze time replace these names in every module for as long as they are active. What is
made once and kept, such as a model's types, must not remember the replacement.
"""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DATE", "MOMENT", "REAL_TYPES", "hints_of"]


def _real(kind: type) -> type:
    """The built-in class that a class is, or that it stands in for."""
    return next(base for base in kind.__mro__ if type(base) is type)


REAL_TYPES: Final[Mapping[str, Any]] = MappingProxyType(
    {"date": _real(dt.date), "datetime": _real(dt.datetime)}
)
"""In a mapping, for a name of the module's own would be replaced, too."""

DATE: Final = "date"
MOMENT: Final = "datetime"


def hints_of(kind: Any) -> dict[str, Any]:
    """A class's annotations, resolved, with what they are annotated with."""
    return get_type_hints(kind, localns=dict(REAL_TYPES), include_extras=True)
