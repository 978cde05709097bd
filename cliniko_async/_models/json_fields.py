"""Fields of JSON that came from elsewhere: from web forms, webhooks, files, language models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cliniko_async._models.fields import object_of, refusal
from cliniko_async.errors import expect

if TYPE_CHECKING:
    from cliniko_async._models.kinds import Problems

__all__ = ["fields_from_json"]

F = TypeVar("F")


def fields_from_json(kind: type[F], value: Mapping[str, Any]) -> F:
    """Make the fields of a create or update from a JSON object that came from elsewhere.

    For web forms, webhooks and language models, which send texts where the fields are dates:

        fields = fields_from_json(PatientFields, {"date_of_birth": "1990-12-31", ...})
        patient = await cliniko.patients.create(**fields)

    Args:
        kind: A resource's fields, such as `PatientFields`.
        value: The JSON object, parsed. Dates are `YYYY-MM-DD`; date-times ISO 8601 with a zone or
            `Z`; money a text or a number; parts are objects with the API's own members.

    Returns:
        The fields, which `create` and `update` take.

    Raises:
        InvalidFieldsError: Members that the API does not have, or values that do not fit: all of
            them, a line each in `.problems`, without the values.
        InvalidTypeError: The value is not an object.
    """
    expect(value, Mapping, "the fields come from a JSON object, such as {'name': 'GST'}")
    problems: Problems = []
    taken: Any = kind
    found = {
        member.name: member.kind.read(own, path, problems)
        for member, own, path in object_of(taken).each(value, "", problems, in_json=True)
    }
    if problems:
        del value, found  # crash reporters show the variables of frames
        raise refusal(kind, problems)
    return cast("F", found)
