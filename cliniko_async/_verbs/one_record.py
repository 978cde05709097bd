"""The API's verbs, each written once. A resource has the verbs that its base classes name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast, is_typeddict

import msgspec
from typing_extensions import deprecated

from cliniko_async._http.request import Request
from cliniko_async._http.retries import Repeat
from cliniko_async._models.converter import decode
from cliniko_async._models.fields import encode_fields, writable
from cliniko_async._models.links import Ref, to_id
from cliniko_async._models.model import Model
from cliniko_async._verbs.field_names import name_fields
from cliniko_async._verbs.include import hidden_kinds, include_params
from cliniko_async.errors import (
    DecodeError,
    InvalidTypeError,
    NotFoundError,
    hide_arguments,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from cliniko_async._http.request import Parse
    from cliniko_async._http.view import View

__all__ = [
    "Archivable",
    "Conflicting",
    "Deletable",
    "DeletionDeprecated",
    "Resource",
    "Unarchivable",
]

M = TypeVar("M", bound=Model)
T = TypeVar("T")


class Resource(Generic[M]):
    """One of the API's resources.

    Attributes:
        path: The path of its list.
        model: What its records are decoded to.
        inactive_apart: Whether inactive records have lists of their own.
    """

    path: ClassVar[str]
    model: type[M]
    inactive_apart: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, kind in vars(sys.modules[cls.__module__]).items():
            if name.endswith("Fields") and is_typeddict(kind):
                writable(kind)
        name_fields(cls)
        hide_arguments(cls)

    def __init__(self, view: View) -> None:
        self._view = view

    @property
    def name(self) -> str:
        """The resource's name, as in the URL."""
        return self.path.removeprefix("/")

    @property
    def _label(self) -> str:
        """What its records are counted as: the last name in its path."""
        return self.path.rpartition("/")[2]

    def _record(self) -> Parse[M]:
        model, label, seen = self.model, self._label, self._view.session.unknown_members

        def read(body: bytes) -> M | DecodeError:
            record = decode(model, body)
            seen.look_at_record(label, model, body)
            return record

        return read

    def _of(self, ref: Ref, action: str = "") -> tuple[str, str]:
        """The template and the path of one record, or of an action on it."""
        return f"{self.path}/{{id}}{action}", f"{self.path}/{to_id(ref, self.name)}{action}"

    # These are not `async`: what a call is given is in no frame while it waits.

    def _create(self, kind: type[Any], fields: Mapping[str, object]) -> Coroutine[Any, Any, M]:
        body = _taken(kind, fields)
        return self._view.call(
            Request("POST", self.path, self.path, self._record(), body=body, repeat=Repeat.NEVER)
        )

    def _update(
        self, ref: Ref, kind: type[Any], fields: Mapping[str, object]
    ) -> Coroutine[Any, Any, M]:
        if not fields:
            raise InvalidTypeError("update takes the fields to change: update(id, name='...')")
        body = _taken(kind, fields)
        return self._view.call(
            Request("PATCH", *self._of(ref), self._record(), body=body, repeat=Repeat.SAME)
        )

    def _act(
        self,
        method: str,
        ref: Ref,
        action: str,
        repeat: Repeat,
        body: Mapping[str, object] | None = None,
    ) -> Coroutine[Any, Any, None]:
        """Do something that is answered with an empty body."""
        template, path = self._of(ref, action)
        return self._view.call(
            Request(method, template, path, _read_nothing, body=body, repeat=repeat)
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def _taken(kind: type[Any], fields: Mapping[str, object]) -> object:
    """The body for fields, which are taken out of the mapping: a verb's frame holds it."""
    try:
        return encode_fields(kind, fields)
    finally:
        cast("dict[str, object]", fields).clear()


class Archivable(Resource[M]):
    """Can be archived."""

    async def archive(self, id: Ref) -> None:
        """Archive a record: lists and `get` hide it unless they include archived records.

        A record that is already archived stays archived. The API answers 404 then, as it does for
        a record that does not exist; a second request finds out which it is.

        Raises:
            NotFoundError: No record has this id.
        """
        try:
            await self._act("POST", id, "/archive", Repeat.GONE)
        except NotFoundError:
            if not await self._is_hidden(id):
                raise

    async def _is_hidden(self, id: Ref) -> bool:
        """Whether a record is there, and archived or deleted."""
        params = tuple(include_params(hidden_kinds(type(self)), type(self)))
        try:
            marks = await self._view.call(Request.get(*self._of(id), _read_marks, params))
        except NotFoundError:
            return False
        return bool(marks.archived_at or marks.deleted_at)


class Unarchivable(Resource[M]):
    """Can be brought back from the archive."""

    async def unarchive(self, id: Ref) -> M:
        """Bring a record back from the archive."""
        template, path = self._of(id, "/unarchive")
        return await self._view.call(
            Request("POST", template, path, self._record(), repeat=Repeat.SAME)
        )


class Deletable(Resource[M]):
    """Can be deleted for good; it has no archive."""

    async def delete(self, id: Ref) -> None:
        """Delete a record for good."""
        await self._act("DELETE", id, "", Repeat.GONE)


class DeletionDeprecated(Resource[M]):
    """Can be deleted, which the API marks as deprecated in favour of archiving."""

    @deprecated("the API deprecates this: use archive()")
    async def delete(self, id: Ref) -> None:
        """Delete a record. Deprecated by the API: use `archive`."""
        await self._act("DELETE", id, "", Repeat.GONE)


class Conflicting(Resource[M]):
    """Can clash with others in time. The API reports clashes when asked, but allows them."""

    async def conflicts(self, id: Ref) -> bool:
        """Whether it overlaps with another booking of the practitioner."""
        template, path = self._of(id, "/conflicts")
        return await self._view.call(Request.get(template, path, _read_conflicts))


def _read_nothing(body: bytes) -> None:
    """An empty answer, or JSON that nobody needs. A page of HTML is not an answer of the API."""
    if body.strip():
        msgspec.json.decode(body)


class _Marks(msgspec.Struct):
    archived_at: str | None = None
    deleted_at: str | None = None


_marks = msgspec.json.Decoder(_Marks)


def _read_marks(body: bytes) -> _Marks | DecodeError:
    try:
        return _marks.decode(body)
    except msgspec.ValidationError:
        return DecodeError("the answer does not say whether it is archived", resource="archive")


class _Conflicts(msgspec.Struct):
    exist: bool


class _ConflictsAnswer(msgspec.Struct):
    conflicts: _Conflicts


_conflicts = msgspec.json.Decoder(_ConflictsAnswer)


def _read_conflicts(body: bytes) -> bool | DecodeError:
    try:
        return _conflicts.decode(body).conflicts.exist
    except msgspec.ValidationError:
        return DecodeError("the answer does not say whether conflicts exist", resource="conflicts")
