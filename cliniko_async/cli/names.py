"""Names on the command line: checked before a request is spent, and completed by the shell.

A name that there is not ends the command with status 2 and the name that is nearest to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import click
from click.shell_completion import CompletionItem

from cliniko_async._query import sortable
from cliniko_async.cli.catalogue import (
    Column,
    columns_of,
    filter_fields,
    hidden_words,
    near,
    resource_class,
    resource_names,
    with_verb,
)
from cliniko_async.cli.conditions import filter_of, operators_of
from cliniko_async.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cliniko_async._query import Filter

    TextType = click.ParamType[str]
else:
    TextType = click.ParamType  # without a parameter in the oldest click that will do

__all__ = [
    "ALL",
    "AnyHidden",
    "Conditions",
    "Fields",
    "Hidden",
    "Ids",
    "ResourceName",
    "SortKeys",
    "checked_conditions",
    "checked_fields",
    "checked_include",
    "checked_kinds",
    "checked_sort",
]

ALL: Final = "all"
"""Stands for all fields, or for all that lists hide."""


NONE: Final = "none"
"""Stands for nothing that lists hide."""


class ResourceName(TextType):
    """A resource, named as in the URL.

    Args:
        verb: The method that it needs to have; any resource will do without.
        names: The resources themselves, if a verb does not say which.
    """

    name = "resource"

    def __init__(self, verb: str | None = None, names: Sequence[str] | None = None) -> None:
        self._verb = verb
        self._names = names

    def known(self) -> Sequence[str]:
        """The resources that can be named."""
        if self._names is not None:
            return self._names
        return with_verb(self._verb) if self._verb else resource_names()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name in its own form."""
        name, known = str(value).strip("/").replace("-", "_"), self.known()
        if name not in known:
            words = f"there is no resource {name!r}: {near(name, known)}"
            if name in resource_names():
                words = f"{name} cannot be used here: see `cliniko describe {name}`"
            self.fail(words, param, ctx)
        return name

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The resources that begin so."""
        del ctx, param
        return _beginning(incomplete, self.known())


class _Words(TextType):
    """Words with commas between them."""

    def offered(self, ctx: click.Context) -> Iterable[str]:
        """What can be completed."""
        raise NotImplementedError

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The words that begin so; behind a comma, the next one."""
        del param
        before, comma, last = incomplete.rpartition(",")
        found = _beginning(last, self.offered(ctx))
        return [CompletionItem(f"{before}{comma}{item.value}") for item in found]


class _OfResource(_Words):
    """Words that belong to the resource that the command names, too."""

    def words(self, resource: str) -> Iterable[str]:
        """What there is of this resource."""
        raise NotImplementedError

    def offered(self, ctx: click.Context) -> Iterable[str]:
        """What can be completed."""
        # Where an option still waits for its value, arguments before it are not yet sorted out.
        resource = ctx.params.get("resource") or next(iter(ctx.args), "")
        return self.words(resource) if resource in resource_names() else ()


class Fields(_OfResource):
    """Fields of a resource's records, with commas between them."""

    name = "fields"

    def words(self, resource: str) -> Iterable[str]:
        """The columns."""
        return (*columns_of(resource), ALL)


class Hidden(_OfResource):
    """Kinds of records that lists hide, with commas between them."""

    name = "kinds"

    def words(self, resource: str) -> Iterable[str]:
        """The kinds."""
        return (*hidden_words(resource), ALL)


class AnyHidden(_Words):
    """Kinds of records that lists of any resource hide."""

    name = "kinds"

    def offered(self, ctx: click.Context) -> Iterable[str]:
        """The kinds."""
        del ctx
        return (*_all_kinds(), ALL, NONE)


class SortKeys(_OfResource):
    """Fields to sort by, a minus in front of those that begin with the largest."""

    name = "fields"

    def words(self, resource: str) -> Iterable[str]:
        """The fields, in both directions."""
        names = _sortable(resource)
        return (*names, *(f"-{name}" for name in names))


class Conditions(_OfResource):
    """A filter, such as `last_name~son`."""

    name = "condition"

    def words(self, resource: str) -> Iterable[str]:
        """The fields, each with each of its operators."""
        for name, field in filter_fields(resource).items():
            yield from (f"{name}{sign}" for sign in operators_of(field))


class Ids(TextType):
    """A record's id."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id, which is a string of digits."""
        text = str(value)
        if not (text.isascii() and text.isdigit()):
            self.fail("an id is a string of digits, such as 123", param, ctx)
        return text


def _beginning(incomplete: str, words: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def _sortable(resource: str) -> Sequence[str]:
    fields = sortable(resource_class(resource).model)
    return list(dict.fromkeys([*filter_fields(resource), *sorted(fields)]))


def _split(values: Iterable[str]) -> Sequence[str]:
    parts = (part.strip() for value in values for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _unknown(kind: str, option: str, name: str, known: Iterable[str]) -> click.BadParameter:
    return click.BadParameter(
        f"there is no {kind} {name!r}: {near(name, known)}", param_hint=option
    )


def checked_fields(resource: str, values: Iterable[str]) -> Sequence[Column] | None:
    """The columns that were asked for, or None if none was."""
    names, columns = _split(values), columns_of(resource)
    if ALL in names:
        return tuple(columns.values())
    for name in names:
        if name not in columns and name not in _members(resource):
            raise _unknown("field", "-f", name, columns)
    return tuple(columns.get(n) or Column(n, n) for n in names) or None


def _members(resource: str) -> Sequence[str]:
    """The API's own names of relations, which show them as they came."""
    return [column.member for column in columns_of(resource).values()]


def checked_include(resource: str, values: Iterable[str]) -> Sequence[str]:
    """The kinds of hidden records that were asked for."""
    words, known = _split(values), hidden_words(resource)
    for word in words:
        if word != ALL and word not in known:
            raise _unknown("kind of hidden record", "--include", word, known)
    return tuple(known) if ALL in words else words


def _all_kinds() -> Sequence[str]:
    """The kinds of all resources."""
    kinds = (kind for resource in with_verb("scan") for kind in hidden_words(resource))
    return tuple(dict.fromkeys(kinds))


def checked_kinds(values: Iterable[str]) -> Sequence[str] | Literal["all"]:
    """The kinds of hidden records that were asked for, of several resources."""
    words, known = _split(values), (*_all_kinds(), ALL, NONE)
    for word in words:
        if word not in known:
            raise _unknown("kind of hidden record", "--include", word, known)
    return "all" if ALL in words else [word for word in words if word != NONE]


def checked_sort(resource: str, values: Iterable[str]) -> str | None:
    """The API's own text for an order."""
    known = _sortable(resource)
    keys = [_sort_key(key) for key in _split(values)]
    for name, _ in keys:
        if name not in known:
            raise _unknown("field", "--sort", name, known)
    return ",".join(f"{name}:desc" if falls else name for name, falls in keys) or None


def _sort_key(key: str) -> tuple[str, bool]:
    name, _, direction = key.lstrip("-").partition(":")
    return name, key.startswith("-") or direction == "desc"


def checked_conditions(resource: str, conditions: Iterable[str]) -> Sequence[Filter[Any]]:
    """The filters that were asked for."""
    try:
        return [filter_of(resource, condition) for condition in conditions]
    except (InvalidTypeError, InvalidValueError) as error:
        raise click.BadParameter(str(error), param_hint="CONDITION") from None
