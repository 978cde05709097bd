"""JSON of parts that are not known here: sent as it came, if a request can carry it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cliniko_async._models.bare_values import bare
from cliniko_async._models.kinds import INTEGER, TEXT, is_a, shown

if TYPE_CHECKING:
    from cliniko_async._models.kinds import Problems

__all__ = ["JSON"]

Json = Any


class _AnyJson:
    """Any JSON: texts without lone surrogates, whole numbers of 64 bits, finite numbers."""

    def write(self, value: Any, path: str, problems: Problems) -> Json:
        """The JSON of a value."""
        if is_a(value, Mapping):
            members: Mapping[Any, Any] = value
            return self._object(members, path, problems)
        if is_a(value, list, tuple):
            parts: Sequence[Any] = value
            return [self.write(part, f"{path}[{n}]", problems) for n, part in enumerate(parts)]
        return self._scalar(bare(value), path, problems)

    read = write

    def _scalar(self, value: Any, path: str, problems: Problems) -> Json:
        if isinstance(value, str):
            return TEXT.write(value, path, problems)
        if value is None or isinstance(value, bool) or _is_finite(value):
            return value
        if isinstance(value, int):
            return INTEGER.write(value, path, problems)
        problems.append(f"{path} is JSON, not {type(value).__name__}")
        return None

    def _object(self, members: Mapping[Any, Any], path: str, problems: Problems) -> Json:
        found: dict[str, Json] = {}
        for name, part in members.items():
            at = f"{path}.{shown(name)}"
            if TEXT.write(name, f"the name of {at}", problems) is not None:
                found[bare(name)] = self.write(part, at, problems)
        return found


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


JSON: Final = _AnyJson()
