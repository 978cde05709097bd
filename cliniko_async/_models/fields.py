"""Fields that are written: checked against their annotations, once compiled for each class.

The rules are the annotations that type checkers read: the `...Fields` of a resource, and the
models of the parts in them. All problems are reported at once, before a request is spent.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union
from typing import get_args as args_of
from typing import get_origin as origin_of

import attrs

from cliniko_async._models import kinds
from cliniko_async._models.any_json import JSON
from cliniko_async._models.bare_values import bare
from cliniko_async._models.bounds import Bound
from cliniko_async._models.links import Link
from cliniko_async._models.model import Model, Unknown, json_name
from cliniko_async._models.objects import Member, Object
from cliniko_async._models.pydantic_hooks import answer
from cliniko_async._models.real_types import REAL_TYPES, hints_of
from cliniko_async._models.relations import leads_to
from cliniko_async.errors import InvalidFieldsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliniko_async._models.kinds import Kind, Problems

__all__ = [
    "JsonNumber",
    "Narrowed",
    "encode_fields",
    "object_of",
    "refusal",
    "writable",
]

NEAR: Final = 0.75
"""How like a known type's name another one is that is taken for a slip."""

Json = Any


@attrs.frozen
class Narrowed:
    """A member of a part that has narrower bounds in some fields than in others."""

    member: str
    bound: Bound


JsonNumber = Annotated[Decimal, "a JSON number"]
"""A Decimal that requests carry as a JSON number; all others are texts (the API's document)."""


class _Part:
    """A part of a record: a model, or a dict of its members."""

    def __init__(self, model: type[Model], narrowed: Mapping[str, Bound] | None = None) -> None:
        bounds = narrowed or {}
        members = [
            attrs.evolve(member, kind=_bounded(member.kind, [bounds[member.name]]))
            if member.name in bounds
            else member
            for member in _members_of(model)
        ]
        self._model = model
        self._object = Object(model.__name__, members)

    def write(self, value: Any, path: str, problems: Problems) -> Json:
        """The JSON of a value. What is None stays out: the API takes no nulls in parts."""
        values = self._values(value, path, problems)
        if values is None:
            return None
        return {
            member.json: member.kind.write(own, at, problems)
            for member, own, at in self._object.each(values, path, problems)
            if own is not None and not member.read_only and not (member.true_alone and own is False)
        }

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        """The model that JSON stands for."""
        if isinstance(value, self._model):
            self.write(value, path, problems)
            return value
        if not kinds.is_a(value, Mapping):
            problems.append(f"{path} takes an object with {self._object.sample}")
            return None
        values: Mapping[Any, Any] = value
        read = {
            member.name: member.kind.read(own, at, problems)
            for member, own, at in self._object.each(values, path, problems, in_json=True)
            if own is not None
        }
        return None if problems else self._model(**read)

    def _values(self, value: Any, path: str, problems: Problems) -> Mapping[Any, Any] | None:
        if isinstance(value, self._model):
            values = {m.name: getattr(value, m.name) for m in self._object.members}
            return {name: own for name, own in values.items() if own is not None}
        if kinds.is_a(value, Mapping):
            members: Mapping[Any, Any] = value
            return members
        name = self._model.__name__
        problems.append(f"{path} is a {name}, not {type(value).__name__}: write {name}(...)")
        return None


class _Variant:
    """A part that is one of several models; what fits none is sent as it is."""

    def __init__(self, union: Any) -> None:
        self._union = union

    def write(self, value: Any, path: str, problems: Problems) -> Json:
        """The JSON of a value."""
        if isinstance(value, Unknown):
            return JSON.write(value.raw, path, problems)
        kind = self._kind(value, path, problems)
        return kind.write(value, path, problems) if kind else None

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        """The model that JSON stands for."""
        if isinstance(value, Unknown):
            return value
        if not kinds.is_a(value, Mapping, Model):
            problems.append(f"{path} takes an object of one type: {', '.join(self._union.types)}")
            return None
        kind = self._kind(value, path, problems)
        if kind is JSON:
            return Unknown(raw=JSON.read(value, path, problems))
        return kind.read(value, path, problems) if kind else None

    def _kind(self, value: Any, path: str, problems: Problems) -> Kind | None:
        if kinds.is_a(value, Model) and value.__class__ in self._union.members:
            return _part(value.__class__)
        if kinds.is_a(value, Mapping):
            members: Mapping[Any, Any] = value
            # Types may be members of enumerations; what is not even a text is of no type.
            picked = self._union.pick({"type": str(bare(members.get("type")))})
            return _part(picked) if picked else self._unpicked(members, path, problems)
        problems.append(
            f"{path} is a {self._union.__name__}, not {type(value).__name__}: write one of "
            + ", ".join(part.__name__ for part in self._union.members)
        )
        return None

    def _unpicked(self, members: Mapping[Any, Any], path: str, problems: Problems) -> Kind | None:
        """What fits no model may be newer than this library, or mistyped."""
        said = bare(members.get("type"))
        if said is None:
            object_ = Object(self._union.__name__, self._all_members())
            before = len(problems)
            object_.each(members, path, problems)
            return JSON if len(problems) == before else None
        known: Sequence[str] = self._union.types
        near = difflib.get_close_matches(str(said).lower(), known, n=1, cutoff=NEAR)
        if not isinstance(said, str) or near:
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known)}"
            problems.append(f"{path}.type is not known: {hint}")
            return None
        return JSON

    def _all_members(self) -> Sequence[Member]:
        """The members of all models, of which those are needed that all of them need."""
        models: Sequence[type[Model]] = self._union.members
        parts = [{member.name: member for member in _members_of(model)} for model in models]
        return [
            attrs.evolve(member, needed=all(name in p and p[name].needed for p in parts))
            for name, member in {n: m for part in parts for n, m in part.items()}.items()
        ]


@cache
def _part(model: Any) -> _Part:
    return _Part(model)


_SCALARS: Final[Mapping[Any, Kind]] = {
    str: kinds.TEXT,
    int: kinds.INTEGER,
    bool: kinds.BOOL,
    Decimal: kinds.DECIMAL,
    JsonNumber: kinds.NUMBER,
    REAL_TYPES["date"]: kinds.DATE,
    REAL_TYPES["datetime"]: kinds.MOMENT,
    Link: kinds.REF,
}


@cache
def _kind_of(hint: Any) -> Kind:
    """What an annotation takes."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    make = _MAKERS.get(origin_of(hint))
    if make:
        return make(args_of(hint))
    if isinstance(hint, type) and attrs.has(hint):
        return _part(hint)
    return _Variant(hint) if hasattr(hint, "pick") else JSON


def _of_union(members: Sequence[Any]) -> Kind:
    others = [member for member in members if member is not types.NoneType]
    if len(others) < len(members):
        return kinds.OrNone(_of_union(others))
    if Link in others:  # an id, or a link to the record
        return kinds.REF
    # An enumeration is open where it is read: the API may add to it. It takes what it documents.
    choice = next((member for member in others if origin_of(member) is Literal), others[0])
    return _kind_of(choice)


def _of_annotated(members: Sequence[Any]) -> Kind:
    hint, *said = members
    if "id" in said:
        return kinds.REF
    bounds = [mark for mark in said if isinstance(mark, Bound)]
    narrowed = {mark.member: mark.bound for mark in said if isinstance(mark, Narrowed)}
    if narrowed:
        return _Part(hint, narrowed)
    return _bounded(_kind_of(hint), bounds)


def _bounded(kind: Kind, bounds: Sequence[Bound]) -> Kind:
    if isinstance(kind, kinds.OrNone):
        return kinds.OrNone(_bounded(kind.kind, bounds))
    return kinds.bounded(kind, bounds) if isinstance(kind, kinds.Scalar) else kind


def _of_list(members: Sequence[Any]) -> Kind:
    return kinds.ListOf(_kind_of(members[0]))


_MAKERS: Final[Mapping[Any, Callable[[Sequence[Any]], Kind]]] = {
    Union: _of_union,
    types.UnionType: _of_union,
    Annotated: _of_annotated,
    Literal: kinds.Choice,
    list: _of_list,
    Sequence: _of_list,
}


def _members_of(model: type[Model]) -> Sequence[Member]:
    hints = hints_of(model)
    return [
        Member(
            field.name,
            json_name(field),
            _kind_of(hints[field.name]),
            read_only="read_only" in field.metadata,
            needed="needed" in field.metadata,
            true_alone="true_alone" in field.metadata,
            not_empty="not_empty" in field.metadata,
        )
        for field in attrs.fields(model)
    ]


def _kind_for(name: str, hint: Any) -> Kind:
    """What a field takes: of a relation, links to its own resource alone."""
    resource = leads_to(name)
    return _leading_to(resource, _kind_of(hint)) if resource else _kind_of(hint)


def _leading_to(resource: str, kind: Kind) -> Kind:
    if isinstance(kind, kinds.OrNone | kinds.ListOf):
        return attrs.evolve(kind, kind=_leading_to(resource, kind.kind))
    return kinds.ref_to(resource) if kind is kinds.REF else kind


@cache
def object_of(kind: Any) -> Object:
    """What the fields of a create or update take."""
    needed: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
    members = [
        Member(name, name.removesuffix("_"), _kind_for(name, hint), needed=name in needed)
        for name, hint in hints_of(kind).items()
    ]
    return Object(kind.__name__, members)


def writable(kind: Any) -> None:
    """Have pydantic read the fields of a create or update as they are read here."""

    def schema(source: Any, handler: Any) -> Any:
        return answer("fields_schema", source, handler)

    kind.__get_pydantic_core_schema__ = staticmethod(schema)


def encode_fields(kind: Any, fields: Mapping[str, object]) -> dict[str, Json]:
    """The JSON object of a create or update.

    Raises:
        InvalidFieldsError: Fields that the API does not have (it would silently ignore them), or
            values that it does not take. Nothing was sent.
    """
    problems: Problems = []
    body = {
        member.json: member.kind.write(value, path, problems)
        for member, value, path in object_of(kind).each(fields, "", problems)
    }
    if problems:
        del fields, body  # crash reporters show the variables of frames
        raise refusal(kind, problems)
    return body


def refusal(kind: Any, problems: Problems) -> InvalidFieldsError:
    """The error with all that is wrong with some fields."""
    return InvalidFieldsError(f"{kind.__name__}: {'; '.join(problems)}", problems=problems)
