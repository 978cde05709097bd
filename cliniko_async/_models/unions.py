"""Types of fields that the API does not label: told apart here, with unknown ones kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cliniko_async._models.converter import converter, fast_reader
from cliniko_async._models.model import Model, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["hooked", "variants"]


class _Hooked(type):
    # msgspec asks whether what the hook gave it is an instance of the field's type.
    def __instancecheck__(cls, _value: object) -> bool:
        return True


def hooked(name: str, read: Callable[[Any], Any]) -> Any:
    """Make the type of a field that a function reads.

    Args:
        name: The type's name.
        read: Makes the field's value of JSON.
    """
    kind = _Hooked(name, (), {})
    converter.register_structure_hook_func(lambda other: other is kind, lambda v, _: read(v))
    return kind


def variants(
    name: str,
    pick: Callable[[dict[str, Any]], type[Model] | None],
    models: Iterable[Any] = (),
    types: Iterable[str] = (),
) -> Any:
    """Make the type of a field, or of a record, that is one of several models.

    Args:
        name: The union's name.
        pick: Tells which model an object fits, or None: it becomes `Unknown` then.
        models: All of them, for those who ask the type for its `members`.
        types: What the `type` of an object can be, if it is what `pick` looks at.
    """

    def read(value: Any) -> Model:
        found = converter.structure(value, dict[str, Any])
        kind = pick(found)
        return Unknown(raw=found) if kind is None else converter.structure(found, kind)

    def read_fast(value: Any) -> Model:
        kind: Any = pick(value)
        if kind is None:
            return Unknown(raw=value)
        made: Model
        try:
            made = fast_reader(kind)(value)
        except Exception:  # noqa: BLE001 - whatever it is, the careful way finds out
            made = converter.structure(value, kind)
        return made

    kind = hooked(name, read)
    kind.read_fast = read_fast
    kind.members = tuple(dict.fromkeys(models))
    kind.pick = pick
    kind.types = tuple(types)
    return kind
