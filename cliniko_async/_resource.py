"""The API's verbs, each written once. A resource has the verbs that its base classes name."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypedDict, TypeVar, overload

import msgspec
from typing_extensions import deprecated

from cliniko_async._convert import decode, decode_rows, encode_fields
from cliniko_async._fields import Link, Ref, to_id
from cliniko_async._listing import Listing, OnBadRecord
from cliniko_async._model import Model
from cliniko_async._query import Filter, Filters, SortBy, sort_text
from cliniko_async._request import Request
from cliniko_async._retry import Repeat
from cliniko_async._stream import OnChange, Source
from cliniko_async.errors import (
    DecodeError,
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence

    from cliniko_async._request import Parse
    from cliniko_async._view import View

__all__ = [
    "Archivable",
    "Conflicting",
    "Deletable",
    "DeletableOnce",
    "Gettable",
    "ListOptions",
    "Listable",
    "Lists",
    "Resource",
    "Unarchivable",
]

M = TypeVar("M", bound=Model)
F = TypeVar("F", bound=Filters)
T = TypeVar("T")
I = TypeVar("I", bound=str)  # noqa: E741 - what `include=` may name

MOST_PER_PAGE = 100
"""Records a page at the most (Cliniko's documentation on pagination)."""

IDS_PER_REQUEST = 100
"""Ids in one `q[]=id:=...`: as many as a page holds."""

DEFAULT_ORDERS = frozenset({None, "created_at", "created_at:asc"})
"""Sort orders that are the default one."""


HIDING = frozenset({"archived_at", "cancelled_at", "deleted_at"})
"""Filters that make hidden records appear."""


class ListOptions(TypedDict, Generic[F, I], total=False):
    """What every list takes besides filters.

    Attributes:
        sort: A field, `.asc()`, `.desc()`, a tuple of them, or the API's own text.
        include: Kinds of records that the API hides otherwise.
        per_page: Records a page, 1 to 100. Fewer means more requests.
        on_change: What happens when rows come or go under a listing that cannot heal itself.
        on_bad_record: What happens when a record does not fit its model.
    """

    sort: SortBy[F] | None
    include: Iterable[I]
    per_page: int
    on_change: OnChange
    on_bad_record: OnBadRecord


class Resource(Generic[M]):
    """One of the API's resources.

    Attributes:
        path: The path of its list.
        model: What its records are decoded to.
    """

    path: ClassVar[str]
    model: type[M]

    def __init__(self, view: View) -> None:
        self._view = view

    @property
    def name(self) -> str:
        """The resource's name, as in the URL."""
        return self.path.removeprefix("/")

    def _record(self) -> Parse[M]:
        model = self.model
        return lambda body: decode(model, body)

    def _of(self, ref: Ref, action: str = "") -> tuple[str, str]:
        """The template and the path of one record, or of an action on it."""
        return f"{self.path}/{{id}}{action}", f"{self.path}/{to_id(ref, self.name)}{action}"

    async def _create(self, kind: type[Any], fields: Mapping[str, object]) -> M:
        body = encode_fields(kind, fields)
        return await self._view.call(
            Request("POST", self.path, self.path, self._record(), body=body, repeat=Repeat.NEVER)
        )

    async def _update(self, ref: Ref, kind: type[Any], fields: Mapping[str, object]) -> M:
        if not fields:
            raise InvalidTypeError("update takes the fields to change: update(id, name='...')")
        body = encode_fields(kind, fields)
        return await self._view.call(
            Request("PATCH", *self._of(ref), self._record(), body=body, repeat=Repeat.SAME)
        )

    async def _act(
        self,
        method: str,
        ref: Ref,
        action: str,
        repeat: Repeat,
        body: Mapping[str, object] | None = None,
    ) -> None:
        """Do something that is answered with an empty body."""
        template, path = self._of(ref, action)
        await self._view.call(
            Request(method, template, path, lambda _: None, body=body, repeat=repeat)
        )

    async def _together(self, works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Do several things at once. If one fails, the others end."""
        tasks = [self._view.core.spawn(work) for work in works]
        try:
            return [await task for task in tasks]
        finally:
            for task in tasks:
                task.cancel()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Gettable(Resource[M], Generic[M, I]):
    """Can be fetched one by one."""

    async def get(self, id: Ref, *, include: Iterable[I] = ()) -> M:
        """Fetch one record.

        Args:
            id: Its id, or a link to it.
            include: Find it even if it is one of these. The API answers 404 for them otherwise.

        Raises:
            NotFoundError: There is none, or it is hidden.
        """
        template, path = self._of(id)
        params = tuple(_marks(include, getattr(self, "filters", None)))
        try:
            return await self._view.call(Request.get(template, path, self._record(), params))
        except NotFoundError as error:
            error.ids = (to_id(id),)
            raise


class Lists(Resource[M], Generic[M, F, I]):
    """Has lists."""

    @property
    def _filters(self) -> F:
        # Not declared here: `filters: Final = ...` in a subclass is what works on the class, too.
        filters: F = vars(type(self))["filters"]
        return filters

    def _list(
        self,
        template: str,
        parent: Ref | None,
        where: Sequence[Filter[F]],
        *,
        sort: SortBy[F] | None = None,
        include: Iterable[I] = (),
        per_page: int = MOST_PER_PAGE,
        on_change: OnChange = "raise",
        on_bad_record: OnBadRecord = "raise",
    ) -> Listing[M]:
        """A listing of the path that this template gives with the parent's id."""
        order = None if sort is None else sort_text(sort)
        source = Source(
            template=template,
            path=_fill(template, parent),
            key=_key(template),
            params=(
                *_conditions(template, where, self._filters),
                *_marks(include, self._filters),
                *((("sort", order),) if order else ()),
            ),
            per_page=_checked_per_page(per_page),
            walkable=order in DEFAULT_ORDERS and "created_at" in self._filters.names,
            on_change=_checked_on_change(on_change),
        )
        return Listing(
            self._view, self._sources(source, include), self._rows(), on_bad_record=on_bad_record
        )

    def _sources(self, source: Source, _include: Iterable[str]) -> Sequence[Source]:
        """The lists that make up a listing: one, unless a resource keeps some records apart."""
        return (source,)

    def _rows(self) -> Callable[[Any], Sequence[Any]]:
        model = self.model
        return lambda rows: decode_rows(model, rows)


class Listable(Lists[M, F, I]):
    """Can be listed, filtered and sorted."""

    def list(
        self,
        *where: Filter[F],
        sort: SortBy[F] | None = None,
        include: Iterable[I] = (),
        per_page: int = MOST_PER_PAGE,
        on_change: OnChange = "raise",
        on_bad_record: OnBadRecord = "raise",
    ) -> Listing[M]:
        """List the records that pass all filters.

        Args:
            where: Filters, such as `f.last_name.contains("son")`. Several mean "and".
            sort: A field, `.asc()`, `.desc()`, a tuple of them, or the API's own text. The default
                order is that of creation, in which a listing heals itself when rows come and go.
            include: Kinds of records that the API hides otherwise.
            per_page: Records a page, 1 to 100. Fewer means more requests.
            on_change: In another order than the default: whether rows that come or go under way
                raise `ListingChangedError` after the last row.
            on_bad_record: Whether a record that does not fit the model raises, is skipped, or is
                handed as a `DecodeError` to a function and skipped.
        """
        return self._list(
            self.path,
            None,
            where,
            sort=sort,
            include=include,
            per_page=per_page,
            on_change=on_change,
            on_bad_record=on_bad_record,
        )

    @overload
    async def get_many(
        self, ids: Iterable[Ref], *, include: Iterable[I] = (), missing: Literal["raise"] = "raise"
    ) -> builtins.list[M]: ...

    @overload
    async def get_many(
        self,
        ids: Iterable[Ref | None],
        *,
        include: Iterable[I] = (),
        missing: Literal["raise", "none"] = "raise",
    ) -> builtins.list[M | None]: ...

    async def get_many(
        self,
        ids: Iterable[Ref | None],
        *,
        include: Iterable[I] = (),
        missing: Literal["raise", "none"] = "raise",
    ) -> Sequence[M | None]:
        """Fetch many records by id, a hundred per request, in the order asked.

        Args:
            ids: Ids, or links to the records. Doubles cost nothing; None stays None.
            include: Find records even if they are one of these.
            missing: "raise", or "none" to put None where there is no such record.

        Raises:
            NotFoundError: Some were not found: `.ids` has their ids, `.found` the others.
        """
        if isinstance(ids, (str, Link)):
            raise InvalidTypeError("get_many takes several ids: write get_many([id])")
        if missing not in ("raise", "none"):
            raise InvalidValueError("missing= takes 'raise' or 'none'")
        asked = [None if ref is None else to_id(ref, self.name) for ref in ids]
        wanted = builtins.list(dict.fromkeys(id for id in asked if id is not None))
        marks = tuple(include)
        batches = await self._together(
            self._batch(wanted[start : start + IDS_PER_REQUEST], marks)
            for start in range(0, len(wanted), IDS_PER_REQUEST)
        )
        found = {id: record for batch in batches for id, record in batch.items()}
        lost = [id for id in wanted if id not in found]
        if lost and missing == "raise":
            raise self._not_found(lost, found)
        return [None if id is None else found.get(id) for id in asked]

    async def _batch(self, ids: Sequence[str], include: Iterable[I]) -> dict[str, M]:
        condition: Filter[F] = self._filters.id.is_in(ids)
        listing = self.list(condition, include=include)
        return {getattr(record, "id", ""): record async for record in listing}

    def _not_found(self, lost: Sequence[str], found: Mapping[str, M]) -> NotFoundError:
        error = NotFoundError(
            f"{len(lost)} of {len(lost) + len(found)} {self.name} were not found: see .ids, and "
            ".found for the others; missing='none' puts None in their place",
            status=404,
            method="GET",
            path=self.path,
        )
        error.ids, error.found = tuple(lost), dict(found)
        return error


class Archivable(Resource[M]):
    """Can be archived."""

    async def archive(self, id: Ref) -> None:
        """Archive a record: it is hidden from lists and `get` unless they include archived ones."""
        await self._act("POST", id, "/archive", Repeat.GONE)


class Unarchivable(Resource[M]):
    """Can be brought back from the archive."""

    async def unarchive(self, id: Ref) -> M:
        """Bring a record back from the archive."""
        template, path = self._of(id, "/unarchive")
        return await self._view.call(
            Request("POST", template, path, self._record(), repeat=Repeat.SAME)
        )


class Deletable(Resource[M]):
    """Can be deleted for good: there is no archive for it."""

    async def delete(self, id: Ref) -> None:
        """Delete a record for good."""
        await self._act("DELETE", id, "", Repeat.GONE)


class DeletableOnce(Resource[M]):
    """Could be deleted once; the API marks it as deprecated in favour of archiving."""

    @deprecated("the API deprecates this: use archive()")
    async def delete(self, id: Ref) -> None:
        """Delete a record. Deprecated by the API: use `archive`."""
        await self._act("DELETE", id, "", Repeat.GONE)


class Conflicting(Resource[M]):
    """Can clash with others in time. The API does not refuse clashes: it tells, when asked."""

    async def conflicts(self, id: Ref) -> bool:
        """Whether it overlaps with another booking of the practitioner."""
        template, path = self._of(id, "/conflicts")
        return await self._view.call(Request.get(template, path, _read_conflicts))


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


def _fill(template: str, parent: Ref | None) -> str:
    """The path that a template gives with a parent's id."""
    if parent is None:
        return template
    before, _, rest = template.partition("{")
    return before + to_id(parent) + rest.partition("}")[2]


def _key(template: str) -> str:
    """The name of a list's rows in its answers: the last plural of its path, without exception."""
    return template.removesuffix("/active").removesuffix("/inactive").rpartition("/")[2]


def _conditions(
    template: str, where: Sequence[Filter[Any]], filters: Filters
) -> Iterable[tuple[str, str]]:
    for condition in where:
        if not isinstance(condition, Filter):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidTypeError(
                f"a filter is a comparison such as f.id == '1', not {type(condition).__name__}"
            )
        field = condition.field
        if field not in filters.names or f"{{{field}}}" in template:
            raise InvalidValueError(f"{template} cannot be filtered by {field}")
        yield "q[]", condition.text


def _marks(include: Iterable[str], filters: Filters | None) -> Iterable[tuple[str, str]]:
    """The query parameters that make hidden records appear."""
    if isinstance(include, str):
        raise InvalidTypeError(f"include= takes a set: write include={{{include!r}}}")
    names = filters.names if filters else frozenset[str]()
    for kind in dict.fromkeys(include):
        if kind == "inactive":
            continue
        if f"{kind}_at" not in names or kind not in ("archived", "cancelled", "deleted"):
            can = sorted(n.removesuffix("_at") for n in HIDING & names) or ["nothing"]
            raise InvalidValueError(f"include={kind!r}: there is {', '.join(can)} to include here")
        yield "q[]", f"{kind}_at:*"


def _checked_per_page(per_page: int) -> int:
    if isinstance(per_page, bool) or not isinstance(per_page, int):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
        raise InvalidTypeError("per_page is a number from 1 to 100")
    if not 1 <= per_page <= MOST_PER_PAGE:
        raise InvalidValueError("per_page is a number from 1 to 100")
    return per_page


def _checked_on_change(on_change: OnChange) -> OnChange:
    if on_change not in ("raise", "ignore"):
        raise InvalidValueError("on_change= takes 'raise' or 'ignore'")
    return on_change
