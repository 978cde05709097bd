"""What pydantic, and FastAPI with it, learns of models, links and fields; imported for it alone.

A model is validated as the library decodes it, from the API's JSON or from its own `to_dict()`, and
serialized as `to_dict()`. Fields are read as `fields_from_json` reads them, each by itself, so that
an error has the field's place.
"""

from __future__ import annotations

import types
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

import attrs
import msgspec
from pydantic_core import core_schema

from cliniko_async._models.converter import decode
from cliniko_async._models.fields import object_of
from cliniko_async._models.kinds import is_a
from cliniko_async._models.links import Link
from cliniko_async._models.model import Unknown
from cliniko_async._models.plain import OWN_LINK, json_name, plain, relations, restored
from cliniko_async._models.real_types import REAL_TYPES, hints_of
from cliniko_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from cliniko_async._models.kinds import Kind

__all__ = ["fields_schema", "json_schema_of", "link_schema", "model_schema"]

JsonSchema = dict[str, Any]

_SCALARS: Final[dict[Any, JsonSchema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    Decimal: {"type": "string", "format": "decimal"},
    REAL_TYPES["date"]: {"type": "string", "format": "date"},
    REAL_TYPES["datetime"]: {"type": "string", "format": "date-time"},
    Link: {"type": "string"},
    types.NoneType: {"type": "null"},
}


def model_schema(model: Any) -> CoreSchema:
    """What pydantic does with a model."""
    return _plain_schema(lambda value: _read_model(model, value))


def link_schema() -> CoreSchema:
    """What pydantic does with a link."""
    return _plain_schema(_read_link)


def _plain_schema(read: Callable[[Any], Any]) -> CoreSchema:
    return core_schema.no_info_plain_validator_function(
        read,
        serialization=core_schema.plain_serializer_function_ser_schema(plain),
    )


def _read_model(model: Any, value: Any) -> Any:
    if isinstance(value, model):
        return value
    if not is_a(value, dict):
        raise ValueError(f"a {model.__name__} is a JSON object")
    if model is Unknown:
        return Unknown(raw=value)
    found = decode(model, msgspec.json.encode(restored(model, value)))
    if isinstance(found, DecodeError):
        raise ValueError("; ".join(found.problems)) from None  # noqa: TRY004 - likewise
    return found


def _read_link(value: Any) -> Link:
    if isinstance(value, Link):
        return value
    if is_a(value, dict):
        value = (value.get("links") or value).get("self", value.get("link"))
    if not isinstance(value, str):
        raise ValueError("a link is an id or a URL")  # noqa: TRY004 - likewise
    return Link(value)


def json_schema_of(hint: Any) -> JsonSchema:
    """The JSON schema of a model, or of a field of one."""
    if hint in _SCALARS:
        return dict(_SCALARS[hint])
    if get_origin(hint) is not None:
        return _schema_with_parts(hint, get_args(hint))
    if hint is not Unknown and isinstance(hint, type) and attrs.has(hint):
        return _object_schema(hint)
    members = getattr(hint, "members", ())
    return {"anyOf": [json_schema_of(member) for member in members]} if members else {}


def _schema_with_parts(hint: Any, parts: Sequence[Any]) -> JsonSchema:
    if get_origin(hint) in (Union, types.UnionType):
        return {"anyOf": [json_schema_of(part) for part in parts]}
    if get_origin(hint) is list:
        return {"type": "array", "items": json_schema_of(parts[0])}
    if get_origin(hint) is Literal:
        return {"enum": list(parts)}
    return json_schema_of(parts[0]) if get_origin(hint) is Annotated else {}


def _object_schema(model: Any) -> JsonSchema:
    hints, links = hints_of(model), relations(model)
    properties = {
        links.get(field.name) or json_name(field): json_schema_of(hints[field.name])
        for field in attrs.fields(model)
        if field.name != OWN_LINK
    }
    return {"title": model.__name__, "type": "object", "properties": properties}


def fields_schema(kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """What pydantic does with the fields of a create or update."""
    hints = hints_of(kind)
    fields = {
        member.name: core_schema.typed_dict_field(
            core_schema.no_info_before_validator_function(
                _reader(member.kind, member.name), handler.generate_schema(hints[member.name])
            ),
            required=member.needed,
            validation_alias=member.json,
            serialization_alias=member.json,
        )
        for member in object_of(kind).members
    }
    return core_schema.typed_dict_schema(
        fields, cls_name=kind.__name__, extra_behavior="forbid", ref=kind.__name__
    )


def _reader(kind: Kind, name: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        problems: list[str] = []
        found = kind.read(value, name, problems)
        if problems:
            del value, found  # crash reporters show the variables of frames
            raise ValueError("; ".join(problems))
        return found

    return read
