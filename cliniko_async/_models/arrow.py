"""Records as Arrow tables: a model's fields become typed columns.

A table's schema depends on the model alone, never on the rows: columns that happen to be empty
have the same type as all others. A relation to one record is its id, in a column named as the
API's filters name it (`patient_id`); a relation to a list is its URL; what has parts is JSON text.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from functools import cache
from operator import attrgetter
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin

import attrs
import msgspec

from cliniko_async._models.converter import decode
from cliniko_async._models.empty_dates import decode_dates
from cliniko_async._models.links import Link
from cliniko_async._models.model import Id, Moment, Unknown, Whole, json_name
from cliniko_async._models.plain import is_to_many
from cliniko_async._models.real_types import REAL_TYPES, hints_of
from cliniko_async.errors import DecodeError, missing_extra

try:
    import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs] # it has none
except ModuleNotFoundError as error:
    raise missing_extra(error, "parquet") from None

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["arrow", "json_columns", "schema_of", "table_of"]

arrow: Any = pa

DIGITS, PLACES = 38, 9
"""Of decimal columns: what BigQuery and Snowflake keep, too. Cliniko's money has two places."""

_NULL: Final = msgspec.Raw(b"null")
_PLACE: Final = Decimal(1).scaleb(-PLACES)
_CONTEXT: Final = Context(prec=DIGITS)


class _Self(msgspec.Struct):
    url: str | None = msgspec.field(name="self", default=None)


class _Relation(msgspec.Struct):
    links: _Self | None = None
    url: str | None = msgspec.field(name="self", default=None)
    flat: str | None = msgspec.field(name="link", default=None)


@attrs.frozen
class _Kind:
    """How the fields of one kind are read, and what their column is.

    Attributes:
        wire: The type that msgspec reads.
        column: The type of the column.
        value: What is put there; None if it is what was read.
    """

    wire: Any
    column: Any
    value: Callable[[Any], Any] | None = None


def _url(relation: _Relation) -> str | None:
    return relation.links.url if relation.links else relation.url or relation.flat


def _id(relation: _Relation) -> str | None:
    url = _url(relation)
    return None if url is None else Link(url).id or None


def _rounded(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise InvalidOperation
    return number.quantize(_PLACE, context=_CONTEXT)


def _json(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text


_TEXT: Final = _Kind(str, arrow.string())
_WHOLE: Final = _Kind(int, arrow.int64())
_TO_ONE: Final = _Kind(_Relation, arrow.string(), _id)
_TO_MANY: Final = _Kind(_Relation, arrow.string(), _url)
_JSON: Final = _Kind(msgspec.Raw, arrow.string(), _json)

_KINDS: Final[Mapping[Any, _Kind]] = {
    Id: _Kind(str | int, arrow.string(), str),
    str: _TEXT,
    int: _WHOLE,
    Whole: _Kind(int | str, arrow.int64(), int),
    bool: _Kind(bool, arrow.bool_()),
    Decimal: _Kind(Decimal, arrow.decimal128(DIGITS, PLACES), _rounded),
    REAL_TYPES["date"]: _Kind(REAL_TYPES["date"], arrow.date32()),
    REAL_TYPES["datetime"]: _Kind(Moment, arrow.timestamp("us", tz="UTC")),
    Moment: _Kind(Moment, arrow.timestamp("us", tz="UTC")),
}


@attrs.frozen
class _Column:
    """A column, and the member of the JSON object that it is made of."""

    name: str
    member: str
    kind: _Kind


def _column(field: attrs.Attribute[Any], hint: Any) -> _Column:
    name, member = field.name.removesuffix("_"), json_name(field)
    kind = _kind(hint)
    if kind is not _TO_ONE:
        return _Column(name, member, kind)
    if is_to_many(name):
        return _Column(name, member, _TO_MANY)
    return _Column(f"{name}_id", member, kind)


def _kind(hint: Any) -> _Kind:
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for part in members:
        if part is Link:
            return _TO_ONE
        if part in _KINDS:
            return _KINDS[part]
    return _JSON


@cache
def _columns(model: Any) -> Sequence[_Column]:
    """A model's columns; of a union, those of all its members."""
    columns: dict[str, _Column] = {}
    for member in getattr(model, "members", (model,)):
        hints = hints_of(member)
        for field in attrs.fields(member):
            column = _column(field, hints[field.name])
            # The link to itself says nothing that the id does not say.
            if member is not Unknown and field.name != "links":
                columns.setdefault(column.name, column)
    return tuple(columns.values())


def json_columns(model: Any) -> Sequence[str]:
    """The names of the columns that hold JSON as text."""
    return [column.name for column in _columns(model) if column.kind is _JSON]


@cache
def schema_of(model: Any) -> Any:
    """The `pyarrow.Schema` of a model's tables."""
    return arrow.schema(
        [arrow.field(c.name, c.kind.column, nullable=c.name != "id") for c in _columns(model)]
    )


@cache
def _decoder(model: Any) -> msgspec.json.Decoder[Sequence[Any]]:
    fields = [
        (column.name, msgspec.Raw, _NULL)
        if column.kind is _JSON
        else (column.name, column.kind.wire | None, None)
        for column in _columns(model)
    ]
    members = {column.name: column.member for column in _columns(model)}
    row = msgspec.defstruct("Row", fields, rename=members)
    rows: Any = GenericAlias(list, (row,))
    return msgspec.json.Decoder(rows)


def table_of(
    model: Any,
    rows: Sequence[msgspec.Raw],
    on_bad_record: Callable[[DecodeError], object] | None = None,
) -> Any:
    """A `pyarrow.Table` of records as the API sent them.

    Args:
        model: What the records are.
        rows: The records.
        on_bad_record: Called for each record that does not fit the model, which is then left out.
            Without it, the first such record is an error.

    Raises:
        DecodeError: A record does not fit the model. The error names the record and the field.
    """
    found = list(_parts(model, rows))
    misfits = [part for part in found if isinstance(part, DecodeError)]
    del rows  # crash reporters show the variables of frames
    for misfit in misfits:
        if on_bad_record is None:
            del found
            raise misfit
        on_bad_record(misfit)
    return arrow.concat_tables(
        [schema_of(model).empty_table(), *(p for p in found if not isinstance(p, DecodeError))]
    )


def _parts(model: Any, rows: Sequence[msgspec.Raw]) -> Iterable[Any]:
    """Tables of the records that fit, and an error for each that does not, found by halves."""
    table = _table(model, rows)
    if table is not None:
        yield table
    elif len(rows) == 1:
        yield _misfit(model, rows[0])
    else:
        middle = len(rows) // 2
        yield from _parts(model, rows[:middle])
        yield from _parts(model, rows[middle:])


def _table(model: Any, rows: Sequence[msgspec.Raw]) -> Any | None:
    try:
        records = decode_dates(_decoder(model), b"[%s]" % b",".join(map(bytes, rows)))
        arrays = [_array(column, records) for column in _columns(model)]
    except (ArithmeticError, ValueError, msgspec.ValidationError):
        return None
    return arrow.Table.from_arrays(arrays, schema=schema_of(model))


def _array(column: _Column, records: Iterable[Any]) -> Any:
    found, value = list(map(attrgetter(column.name), records)), column.kind.value
    if value is not None:
        found = [None if member is None else value(member) for member in found]
    return arrow.array(found, column.kind.column)


def _misfit(model: Any, row: msgspec.Raw) -> DecodeError:
    """What is wrong with a record that does not fit, without its values."""
    found = decode(model, row)
    if isinstance(found, DecodeError):
        return found
    id = getattr(found, "id", None)
    return DecodeError(
        f"{model.__name__} {id}: a number is too large for its column",
        resource=model.__name__,
        id=id,
    )
