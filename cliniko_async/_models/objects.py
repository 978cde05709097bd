"""What an object takes: the fields of a resource, or the members of a part of one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import attrs

from cliniko_async._models.kinds import Kind, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cliniko_async._models.kinds import Problems

__all__ = ["Member", "Object"]


@attrs.frozen
class Member:
    """A member of an object: its name in Python and in JSON, and what it takes."""

    name: str
    json: str
    kind: Kind
    read_only: bool = False
    needed: bool = False
    true_alone: bool = False
    not_empty: bool = False


class Object:
    """The members that an object takes, by their names in Python and in JSON.

    Args:
        title: The object's name, for messages.
        members: Its members.
    """

    def __init__(self, title: str, members: Sequence[Member]) -> None:
        self.title: str = title
        self.members: Sequence[Member] = members
        self._by_name = {m.name: m for m in members} | {m.json: m for m in members}

    def each(
        self, values: Mapping[Any, Any], path: str, problems: Problems, *, in_json: bool = False
    ) -> list[tuple[Member, Any, str]]:
        """The members that are there, with value and path; what does not belong is a problem.

        Args:
            values: The object.
            path: Where it stands; empty if it is the outermost.
            problems: Where problems are added.
            in_json: Whether problems name members as JSON does.
        """
        name_of = _json_name if in_json else _name
        found: list[tuple[Member, Any, str]] = []
        for name, value in values.items():
            member = self._by_name.get(name) if isinstance(name, str) else None
            if member is None:
                problems.append(self._unknown(name, path, map(name_of, self._writable())))
            else:
                found.append((member, value, f"{path}.{name_of(member)}".lstrip(".")))
        given = {member.name for member, _, _ in found}
        lacking = [member for member in self.members if member.needed and member.name not in given]
        problems += [f"{path}.{name_of(member)} is needed".lstrip(".") for member in lacking]
        problems += [
            f"{at} is empty: leave {path or at} out instead"
            for member, value, at in found
            if member.not_empty and value in ([], ())
        ]
        return found

    @property
    def sample(self) -> str:
        """The names of its members in JSON."""
        return ", ".join(map(_json_name, self._writable()))

    def _writable(self) -> Sequence[Member]:
        return [member for member in self.members if not member.read_only]

    def _unknown(self, name: object, path: str, names: Iterable[str]) -> str:
        where = f"{path} ({self.title}) has no" if path else "there is no"
        known = sorted(names)
        near = difflib.get_close_matches(shown(name), known, n=1)
        hint = f"did you mean {near[0]}?" if near else "it has " + ", ".join(known)
        return f"{where} {shown(name)}: {hint}"


def _name(member: Member) -> str:
    return member.name


def _json_name(member: Member) -> str:
    return member.json
