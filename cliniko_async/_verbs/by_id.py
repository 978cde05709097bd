"""Records by id: one, or many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar, overload

import anyio

from cliniko_async._http.request import Request
from cliniko_async._models.links import Ref, expect_several, to_id
from cliniko_async._models.model import Model
from cliniko_async._verbs.batches import (
    IDS_PER_REQUEST,
    TOO_LONG,
    Found,
    batch_request,
    can_exist,
    plain_id,
)
from cliniko_async._verbs.gathering import Gathering
from cliniko_async._verbs.include import checked_include, hidden_kinds, include_params
from cliniko_async._verbs.one_record import Resource
from cliniko_async.errors import (
    ApiError,
    DecodeError,
    IncompleteListingError,
    InvalidValueError,
    NotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cliniko_async._http.view import View

__all__ = ["Batched", "Gettable"]

M = TypeVar("M", bound=Model)
I = TypeVar("I", bound=str)  # noqa: E741 - what `include=` may name

REFUSALS: Final = TOO_LONG | {400}
"""What a server may say of more ids than it takes."""


class Gettable(Resource[M], Generic[M, I]):
    """Can be fetched one by one."""

    async def get(self, id: Ref, *, include: Iterable[I] = ()) -> M:
        """Fetch one record.

        Gets that wait for the rate limit at the same time, or start at once, go out as one request
        for up to a hundred ids. `with_options(batch_gets=False)` sends each by itself.

        Args:
            id: Its id, or a link to it.
            include: Find the record even if it is one of these, for which the API answers 404.

        Raises:
            NotFoundError: No record has this id, or it is hidden.
        """
        template, path = self._of(id)
        params = tuple(include_params(include, type(self)))
        request = Request.get(template, path, self._record(), params)
        plain = plain_id(to_id(id))
        waits = self._view.options.batch_gets and isinstance(self, Batched) and can_exist(plain)
        try:
            if waits:
                gathering = _gathering(self._view, self.path, self.model)
                return await gathering.get(self._view, plain, request, params)
            return await self._view.call(request)
        except NotFoundError as error:
            error.ids = (to_id(id),)
            raise


class Batched(Resource[M], Generic[M, I]):
    """Has a list that can be filtered by id."""

    @overload
    async def get_many(
        self, ids: Iterable[Ref], *, include: Iterable[I] = (), missing: Literal["raise"] = "raise"
    ) -> list[M]: ...

    @overload
    async def get_many(
        self,
        ids: Iterable[Ref | None],
        *,
        include: Iterable[I] = (),
        missing: Literal["raise", "none"] = "raise",
    ) -> list[M | None]: ...

    async def get_many(
        self,
        ids: Iterable[Ref | None],
        *,
        include: Iterable[I] = (),
        missing: Literal["raise", "none"] = "raise",
    ) -> Sequence[M | None]:
        """Fetch many records by id, a hundred per request, in the order of the ids.

        Args:
            ids: Ids, or links to the records. Duplicates are fetched once; None stays None.
            include: Find records even if they are one of these.
            missing: "raise", or "none" to put None where there is no such record.

        Raises:
            NotFoundError: Some were not found: `.ids` has their ids, `.found` the others.
            IncompleteListingError: The server ignores the filter on ids.
        """
        expect_several(ids, "get_many takes several ids: write get_many([id])")
        if missing not in ("raise", "none"):
            raise InvalidValueError("missing= takes 'raise' or 'none'")
        asked = [None if ref is None else to_id(ref, self.name) for ref in ids]
        kinds = checked_include(include, type(self))
        found = await self._find([id for id in asked if id is not None], kinds)
        lost = [id for id in dict.fromkeys(asked) if id is not None and plain_id(id) not in found]
        if lost and missing == "raise":
            raise self._not_found(lost, found)
        return [None if id is None else found.get(plain_id(id)) for id in asked]

    async def by_id(self, ids: Iterable[Ref | None]) -> dict[str, M]:
        """Fetch the records that others are linked to, a hundred per request, by their ids.

            patients = await cliniko.patients.by_id(a.patient for a in appointments)
            names = [patients[a.patient.id].label for a in appointments if a.patient]

        Hidden records are found, too, because what links to them may not be hidden. Records that
        were deleted for good are left out.

        Args:
            ids: Links or ids. Duplicates are fetched once, and None is skipped.

        Raises:
            InvalidTypeError: A single id was passed.
            InvalidValueError: A link leads to another resource.
            IncompleteListingError: The server ignores the filter on ids.
        """
        expect_several(ids, "by_id takes several ids: write by_id([id])")
        asked = [to_id(ref, self.name) for ref in ids if ref is not None]
        return await self._find(asked, hidden_kinds(type(self)))

    async def _find(self, ids: Sequence[str], include: Sequence[str]) -> dict[str, M]:
        params = tuple(include_params(include, type(self)))
        paths = [self.path]
        if self.inactive_apart and "inactive" in include:
            paths.append(f"{self.path}/inactive")
        found: dict[str, M] = {}
        left = [id for id in dict.fromkeys(map(plain_id, ids)) if can_exist(id)]
        for path in paths:
            found |= await _Batches(self._view, self.model, path, params).find(left)
            left = [id for id in left if id not in found]
        return found

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


def _gathering(view: View, path: str, model: type[M]) -> Gathering[M]:
    """Where gets of one resource wait for each other."""
    kept = view.session.gatherings
    gathering: Gathering[M] | None = kept.get(path)
    if gathering is None:
        gathering = kept[path] = Gathering(model, path)
    return gathering


class _Batches(Generic[M]):
    """A hundred ids per request, or as many as the server is found to take."""

    def __init__(
        self, view: View, model: type[M], path: str, params: Sequence[tuple[str, str]]
    ) -> None:
        self._view = view
        self._model = model
        self._path = path
        self._params = params
        self._most = IDS_PER_REQUEST
        self._probing = anyio.Lock()

    async def find(self, ids: Sequence[str]) -> dict[str, M]:
        """The records that there are, by id."""
        most = self._most
        batches = await self._view.together(
            self._find_batch(ids[start : start + most]) for start in range(0, len(ids), most)
        )
        return {id: record for batch in batches for id, record in batch.items()}

    async def _find_batch(self, ids: Sequence[str]) -> dict[str, M]:
        sent, answer = await self._ask(ids)
        found, error = _sound(answer)
        if error:
            raise error
        rest = list(ids[sent:])
        if answer.goes_on:  # it has pages shorter than was asked for
            self._most = min(self._most, answer.rows)
            rest += [id for id in ids[:sent] if id not in found]
        return found | await self.find(rest) if rest else found

    async def _ask(self, ids: Sequence[str]) -> tuple[int, Found[M]]:
        """Ask for as many of the ids, from the first one on, as the server takes."""
        try:
            return len(ids), await self._call(ids)
        except ApiError as error:
            if error.status not in REFUSALS or len(ids) == 1:
                raise
        async with self._probing:  # one finds out, while the others wait
            return await self._probe(ids)

    async def _probe(self, ids: Sequence[str]) -> tuple[int, Found[M]]:
        size = len(ids)
        while True:
            size = self._most if self._most < size else size // 2
            try:
                answer = await self._call(ids[:size])
            except ApiError as error:
                if error.status not in REFUSALS or size == 1:
                    raise
            else:
                self._most = size
                return size, answer

    async def _call(self, ids: Sequence[str]) -> Found[M]:
        request = batch_request(self._model, self._path, ids, self._params)
        return await self._view.call(request)


def _sound(answer: Found[M]) -> tuple[dict[str, M], Exception | None]:
    """The records of an answer, or the error to raise."""
    wrong = [row for row in answer.records.values() if isinstance(row, DecodeError)]
    good = {i: r for i, r in answer.records.items() if not isinstance(r, DecodeError)}
    if answer.is_foreign or (answer.goes_on and not answer.rows):
        what = "records of other ids" if answer.is_foreign else "an empty page, and announced more"
        return {}, IncompleteListingError(
            f"the server answered a filter on id with {what}: get these records one by one, with "
            "batch_gets=False"
        )
    return good, next(iter([*answer.unnamed, *wrong]), None)
