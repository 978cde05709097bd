"""Lists, written once: what every list takes and returns."""

from __future__ import annotations

from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Generic, TypedDict, TypeVar, Unpack

from cliniko_async._lists.changes import Changes
from cliniko_async._lists.list_request import OnChange, Source
from cliniko_async._lists.listing import Listing
from cliniko_async._lists.plan import OnBadRecord, Reading
from cliniko_async._models.converter import decode_rows
from cliniko_async._models.links import Link, Ref, to_id
from cliniko_async._models.model import Model
from cliniko_async._query.fields import Filter
from cliniko_async._query.filters import Filters
from cliniko_async._query.sort_orders import SortBy, sort_text, sortable
from cliniko_async._verbs.by_id import Batched
from cliniko_async._verbs.include import checked_include, everything, include_params, marks_of
from cliniko_async._verbs.linked_list import linked_list
from cliniko_async._verbs.one_record import Resource
from cliniko_async._watch import Target, Watch, WatchOptions
from cliniko_async.errors import (
    InvalidValueError,
    expect,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from cliniko_async._http.view import View

__all__ = ["ListOptions", "Listable", "Lists"]

M = TypeVar("M", bound=Model)
F = TypeVar("F", bound=Filters)
I = TypeVar("I", bound=str)  # noqa: E741 - what `include=` may name

MOST_PER_PAGE: Final = 100
"""Records a page at the most (Cliniko's documentation on pagination)."""

DEFAULT_ORDERS: Final = frozenset({None, "created_at", "created_at:asc"})
"""Sort orders that are the default one."""


class ListOptions(TypedDict, Generic[F, I], total=False):
    """What every list takes besides filters.

    Attributes:
        sort: A field, `.asc()`, `.desc()`, a tuple of them, or the API's own text.
        include: Kinds of records that the API otherwise hides.
        per_page: Records per page, 1 to 100. Fewer means more requests.
        on_change: What happens when rows come or go under a listing that cannot heal itself.
        on_bad_record: What happens when a record does not fit its model.
    """

    sort: SortBy[F] | None
    include: Iterable[I]
    per_page: int
    on_change: OnChange
    on_bad_record: OnBadRecord


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
        link: Link | None = None,
        **options: Unpack[ListOptions[F, I]],
    ) -> Listing[M]:
        """A listing of the path that this template makes with the parent's id, or of a link's."""
        return Listing(self._plan(template, parent, where, link=link, **options))

    def _plan(
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
        link: Link | None = None,
    ) -> Reading:
        """What such a listing reads."""
        records: Any = self.model
        known = sortable(records) | self._filters.names
        order = None if sort is None else sort_text(sort, known)
        path = _fill(template, parent)
        kinds = checked_include(include, type(self))
        own: Sequence[tuple[str, str]] = ()
        if link is not None:
            template, path, own = linked_list(link, self.name, self._filters)
            order = order or dict(own).get("sort")
        source = Source(
            template=template,
            path=path,
            key=_key(template),
            params=(
                *(pair for pair in own if pair[0] not in ("page", "per_page", "sort")),
                *_conditions(template, where, self._filters),
                *include_params(kinds, type(self)),
                *((("sort", order),) if order else ()),
            ),
            per_page=_checked_per_page(per_page),
            dated=(
                order in DEFAULT_ORDERS
                and "order" not in dict(own)
                and "created_at" in self._filters.names
            ),
            on_change=_checked_on_change(on_change),
        )
        sources = self._sources(source, kinds)
        return Reading(self._view, sources, self._rows(), on_bad_record, model=self.model)

    def _sources(self, source: Source, _include: Iterable[str]) -> Sequence[Source]:
        """The lists that make up a listing: one, unless a resource keeps some records apart."""
        return (source,)

    def _rows(self) -> Callable[[Any], Sequence[Any]]:
        model, label, seen = self.model, self._label, self._view.session.unknown_members

        def read(rows: Any) -> Sequence[Any]:
            seen.look_at_page(label, model, rows)
            return decode_rows(model, rows)

        return read


class Listable(Lists[M, F, I], Batched[M, I]):
    """Can be listed, filtered and sorted."""

    def list(
        self,
        *where: Filter[F],
        sort: SortBy[F] | None = None,
        include: Iterable[I] = (),
        per_page: int = MOST_PER_PAGE,
        on_change: OnChange = "raise",
        on_bad_record: OnBadRecord = "raise",
        link: Link | None = None,
    ) -> Listing[M]:
        """List the records that pass all filters.

        Args:
            where: Filters, such as `f.last_name.contains("son")`. Several mean "and".
            sort: A field, `.asc()`, `.desc()`, a tuple of them, or the API's own text. The default
                order is that of creation, in which a listing heals itself when rows come and go.
            include: Kinds of records that the API otherwise hides.
            per_page: Records per page, 1 to 100. Fewer means more requests.
            on_change: In an order other than the default: whether rows that come or go during
                the iteration raise `ListingChangedError` after the last row.
            on_bad_record: Whether a record that does not fit the model raises, is skipped, or is
                passed as a `DecodeError` to a function and skipped.
            link: A link to a list of these records, such as `patient.attendees`. The link's own
                query is kept.

        Raises:
            InvalidValueError: A filter or the order names a field that these records do not have.
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
            link=link,
        )

    def scan(
        self,
        *where: Filter[F],
        include: Iterable[I] = (),
        on_bad_record: OnBadRecord = "raise",
    ) -> Listing[M]:
        """List all records that pass the filters, for a job that reads them to the end.

        It is `list` in the bulk lane, with as many pages in flight as possible from the start.

        Args:
            where: Filters, as in `list`.
            include: Kinds of records that the API otherwise hides.
            on_bad_record: As in `list`.
        """
        plan = self._plan(self.path, None, where, include=include, on_bad_record=on_bad_record)
        return Listing(plan.in_bulk())

    def changes(
        self,
        *,
        since: datetime | None = None,
        cursor: str | None = None,
        restored: bool = True,
        on_bad_record: OnBadRecord = "skip",
    ) -> Changes[M]:
        """Fetch what has been created, updated, hidden or restored since a moment or a cursor.

        Hidden records are included: what was archived, cancelled or deleted is reported as such
        where the API has a timestamp for it, and so are merged patients. What came back from the
        archive is reported as "restored", although the API shows no trace of that. Records that
        were deleted for good are not reported: compare the ids. Each change is reported at least
        once: repeat a run that ended before its last change from the same place.

        A run without changes costs one request, and one per kind of hidden record: two for
        patients, four for individual appointments.

        Args:
            since: A date-time to begin at. Rows are looked at from five minutes before it.
            cursor: The `.cursor` of the last run, once its last change was taken.
            restored: Whether to look for records that came back from the archive. The first run
                reads the archive for this, one request per hundred records in it, and the
                cursor grows by about twelve characters per archived record. Finding a restored
                record costs one count per halving of the archive, and two requests.
            on_bad_record: What happens to a record that does not fit its model. By default, the run
                continues without it; at the end, a warning names each record and its field, and
                `.bad_records` has the errors. A function is called with the `DecodeError`
                instead. "raise" raises it. In any case, the next run asks for the record again.

        Raises:
            InvalidTypeError: Neither or both of `since` and `cursor` were passed.
            InvalidValueError: The text is not a cursor, or the date-time has no time zone.
        """
        expect(cursor, (str, NoneType), "cursor= takes the text of the last run's .cursor")
        bulk = type(self)(self._view.bulk())
        return Changes(
            self._view,
            self.model,
            partial(everything, bulk),
            marks_of(type(self)),
            since=since,
            cursor=cursor,
            restored=restored,
            on_bad_record=on_bad_record,
        )

    def watch(self, **options: Unpack[WatchOptions]) -> Watch[M]:
        """Tell changes as they come, polling without an end: the API has no webhooks.

        At least once: what was given before its taker crashed is given again. Errors that time can
        heal are waited out; others are raised, and the watch can be iterated on. It polls in the
        bulk lane. See `docs/watch.md` for cost and delay.

        Args:
            options: See `WatchOptions`: `every`, `cursor`, `since`, `share`, `remember`,
                `restored`, `on_cursor`, `on_error`, `on_bad_record`.

        Raises:
            InvalidTypeError: An option has another type.
            InvalidValueError: An option cannot be right, or the resource's lists cannot be
                filtered by `updated_at`.
        """
        return Watch(self._view, lambda view: [self._target(view)], **options)

    def _target(self, view: View) -> Target[M]:
        """What a watch asks of this resource."""
        kind = type(self)
        if "updated_at" not in self._filters.names:
            raise InvalidValueError(
                f"{self.name} cannot be watched: the API cannot filter it by updated_at"
            )
        return Target(self.name, self.model, partial(everything, kind(view)), marks_of(kind))


def _fill(template: str, parent: Ref | None) -> str:
    """The path that a template gives with a parent's id."""
    if "{" not in template:
        return template
    before, _, rest = template.partition("{")
    resource = before.rstrip("/").rpartition("/")[2]
    ref: Any = parent  # None where a record has no such relation, which is an error here
    return before + to_id(ref, resource) + rest.partition("}")[2]


def _key(template: str) -> str:
    """The name of a list's rows in its answers: the last plural of its path, without exception."""
    return template.removesuffix("/active").removesuffix("/inactive").rpartition("/")[2]


def _conditions(
    template: str, where: Sequence[Filter[Any]], filters: Filters
) -> Iterable[tuple[str, str]]:
    for condition in where:
        kind = type(condition).__name__
        expect(condition, Filter, f"a filter is a comparison such as f.id == '1', not {kind}")
        field = condition.field
        if field not in filters.names or f"{{{field}}}" in template:
            raise InvalidValueError(f"{template} cannot be filtered by {field}")
        yield "q[]", condition.text


def _checked_per_page(per_page: int) -> int:
    expect(per_page, int, "per_page is a number from 1 to 100")
    if not 1 <= per_page <= MOST_PER_PAGE:
        raise InvalidValueError("per_page is a number from 1 to 100")
    return per_page


def _checked_on_change(on_change: OnChange) -> OnChange:
    if on_change not in ("raise", "ignore"):
        raise InvalidValueError("on_change= takes 'raise' or 'ignore'")
    return on_change
