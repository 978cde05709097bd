"""`cliniko describe`: what there is, without a request."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final, Literal

import attrs
import click
import msgspec

from cliniko_async.cli.catalogue import resource_names
from cliniko_async.cli.described import Description, Writable, described
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.names import ResourceName
from cliniko_async.cli.terminal import columns, out, put

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["describe"]

INDENT: Final = "  "
LONGEST: Final = 34
"""Of names that have what they are beside them."""


@cliniko.command()
@click.argument("resource", type=ResourceName(), required=False)
@click.option(
    "--format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
def describe(resource: str | None, *, format: Literal["text", "json"]) -> None:
    """Say what can be done with RESOURCE, and which fields and filters it has.

    Without a name, say which resources there are. Nothing is sent, and no key is needed.
    """
    if resource is None:
        found = [described(name) for name in resource_names()]
        shown: object = {each.name: each.what for each in found}
        text = _pairs((each.name, each.what) for each in found)
    else:
        shown = attrs.asdict(described(resource))
        text = _text(described(resource))
    if format == "json":
        out(msgspec.json.format(msgspec.json.encode(shown), indent=2) + b"\n")
    else:
        put("\n".join(text))


def _text(resource: Description) -> Iterable[str]:
    yield resource.name
    yield from textwrap.wrap(resource.what, columns())
    sections = (
        ("Verbs", [(v.call, _verb(v.what, deprecated=v.deprecated)) for v in resource.verbs]),
        ("Fields (-f, --sort)", resource.fields.items()),
        ("Writable fields", [(w.name, _writable(w)) for w in resource.writable]),
        ("Filters", [(name, " ".join(signs)) for name, signs in resource.filters.items()]),
        ("--include", [(word, f"{word} records, which lists hide") for word in resource.include]),
    )
    for title, pairs in sections:
        yield ""
        yield title if pairs else f"{title}: none"
        yield from _pairs(pairs)


def _verb(what: str, *, deprecated: bool) -> str:
    return f"(deprecated) {what}" if deprecated else what


def _writable(field: Writable) -> str:
    notes = {
        ("required", "no"): "; on create alone, where it is required",
        ("required", "optional"): "; required on create",
        ("optional", "no"): "; on create alone",
        ("no", "optional"): "; on update alone",
    }
    return field.type + notes.get((field.on_create, field.on_update), "")


def _pairs(pairs: Iterable[tuple[str, str]]) -> Iterable[str]:
    """Names and what they are: side by side, or below each other where that is too wide."""
    listed = list(pairs)
    width = columns()
    beside = min(max((len(name) for name, _ in listed), default=0), LONGEST, width // 2)
    for name, what in listed:
        if len(name) <= beside:
            begin = f"{INDENT}{name:<{beside}}{INDENT}"
        else:
            yield from textwrap.wrap(
                name, width, initial_indent=INDENT, subsequent_indent=INDENT * 2
            )
            begin = " " * (beside + 2 * len(INDENT))
        indent = " " * (beside + 2 * len(INDENT))
        yield from textwrap.wrap(what, width, initial_indent=begin, subsequent_indent=indent) or [
            begin.rstrip()
        ]
