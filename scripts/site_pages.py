"""Makes the documentation's pages: the guide, and a reference that is written from code and facts.

Usage: python scripts/site_pages.py FOLDER

Writes into the folder what `zensical build --strict` makes the site of: the pages of `docs/`, a
page per resource, the public classes of each room, every command's help, and `zensical.toml`.
What is generated cannot rot; a link that leads nowhere fails the build.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click
import griffe

from cliniko_async.cli import cliniko as command_line
from cliniko_async.cli.catalogue import resource_class, resource_names
from cliniko_async.cli.described import Description, described

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"

ROOMS: Final = {
    "session": ("The session", ["cliniko_async.AsyncCliniko"]),
    "errors": ("Errors", ["cliniko_async.errors"]),
    "limits": ("Limits", ["cliniko_async.limits"]),
    "types": ("Types to annotate with", ["cliniko_async.types"]),
    "export": ("Export", ["cliniko_async.export"]),
    "mirror": ("Mirror", ["cliniko_async.mirror"]),
    "apply": ("Bulk writes", ["cliniko_async.apply"]),
    "emulator": ("Emulator", ["cliniko_async.emulator"]),
}
"""Pages of the public classes: each page's title, and what stands on it."""

BESIDE: Final = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages that stand beside `docs/` in the repository, and in it on the site."""

OUTSIDE: Final = re.compile(
    r"\[([^\]]+)\]\(\.\./(?!(?:CHANGELOG|CONTRIBUTING|SECURITY)\.md)[^)]*\)"
)
"""Links to files of the repository that are not on the site: their text stays."""

package: Final = griffe.load("cliniko_async", search_paths=[str(ROOT)])


def write(page: Path, lines: Iterable[str]) -> None:
    """Write a page."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(*cells: str) -> str:
    """A line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table, or nothing if it has no rows."""
    listed = list(rows)
    if listed:
        yield from (row(*head), row(*("---",) * len(head)), *(row(*cells) for cells in listed), "")


def words_of(kind: type) -> Mapping[str, str]:
    """What a class says of its attributes, in the docstrings behind them."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if each.__module__.startswith("cliniko_async"):
            members = package[f"{each.__module__.partition('.')[2]}.{each.__qualname__}"].members
            found |= {
                name: " ".join(member.docstring.value.split())
                for name, member in members.items()
                if member.is_attribute and member.docstring
            }
    return found


def resource_page(name: str) -> Iterator[str]:
    """All that one resource can do."""
    resource, kind = described(name), resource_class(name)
    module = inspect.getmodule(kind)
    assert module is not None  # noqa: S101 - classes have one
    yield from (f"# {name}", "", *(inspect.getdoc(kind) or "").splitlines(), "")
    yield from example(resource)
    yield from ("## Verbs", "")
    verbs = [
        (f"`{v.call}`", ("Deprecated. " if v.deprecated else "") + v.what) for v in resource.verbs
    ]
    yield from table(("verb", "what it does"), verbs)
    yield from errors(resource)
    yield from fields(resource, kind)
    yield from filters(resource)
    yield from (
        "## In full",
        "",
        f"::: {kind.__module__}",
        "    options:",
        "      show_root_heading: false",
        "      show_root_toc_entry: false",
        "",
    )


def example(resource: Description) -> Iterator[str]:
    """The first lines that somebody would write."""
    names = {verb.name for verb in resource.verbs}
    first = next((name for name in resource.filters if name.endswith("_at")), "created_at")
    lines = {
        "list": (
            f"f = cliniko.{resource.name}.filters",
            f"async for record in cliniko.{resource.name}.list(f.{first} >= since):",
            "    print(record.id)",
        ),
        "get": (f'record = await cliniko.{resource.name}.get("123")',),
    }
    shown = [line for name, block in lines.items() if name in names for line in block]
    if shown and resource.filters:
        yield from ("```python", *shown, "```", "")


ERRORS: Final = (
    ("get", "NotFoundError", "there is no such record, or it is hidden"),
    (
        "create",
        "InvalidTypeError",
        "a field does not exist or is of another type; nothing was sent",
    ),
    ("create", "InvalidValueError", "a field has a value that cannot be; nothing was sent"),
    ("create", "ValidationError", "the API refuses a field; `.fields` says which"),
    ("create", "OutcomeUnknownError", "it may or may not have happened; look before you repeat it"),
)
"""What can go wrong with a verb, beside what can with every request."""


def errors(resource: Description) -> Iterator[str]:
    """What can go wrong."""
    names = {verb.name for verb in resource.verbs}
    lines = [
        f"- [`{error}`][cliniko_async.errors.{error}]: {when}"
        for verb, error, when in ERRORS
        if verb in names
    ]
    if lines:
        also = "Any request can also end in [another error of the session](../reference/errors.md)."
        yield from ("## Errors", "", *lines, "", also, "")


def fields(resource: Description, kind: Any) -> Iterator[str]:
    """What its records hold, and what can be written."""
    model = getattr(kind, "model", None)
    words = words_of(model) if isinstance(model, type) and attrs.has(model) else {}
    shown = [(f"`{name}`", what, words.get(name, "")) for name, what in resource.fields.items()]
    yield from (("## Fields", "") if shown else ())
    yield from table(("field", "type", ""), shown)
    written = [
        (f"`{w.name}`", w.type, w.on_create, w.on_update, words.get(w.name, ""))
        for w in resource.writable
    ]
    yield from (("## Writable fields", "") if written else ())
    yield from table(("field", "type", "on create", "on update", ""), written)


def filters(resource: Description) -> Iterator[str]:
    """What its lists can be filtered and sorted by, and what they hide."""
    if not resource.filters:
        return
    yield from (
        "## Filters",
        "",
        f"On `cliniko.{resource.name}.filters`. Each makes a sort order: `f.created_at.desc()`.",
        "",
    )
    yield from table(
        ("filter", "operators"),
        [
            (f"`{name}`", " ".join(f"`{o}`" for o in signs))
            for name, signs in resource.filters.items()
        ],
    )
    if resource.include:
        kinds = ", ".join(f'`"{word}"`' for word in resource.include)
        yield from (
            f"Lists and `get` leave out hidden records unless `include=` names them: {kinds}.",
            "",
        )


def command_page(command: click.Command, name: str) -> Iterator[str]:
    """A command's help, and that of the commands below it."""
    context = click.Context(command, info_name=name, max_content_width=90, terminal_width=90)
    yield from (f"## {name}", "", "```text", command.get_help(context), "```", "")
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from command_page(found, f"{name} {below}")


def title_of(page: Path) -> str:
    """A page's own title."""
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").strip()


def exists(member: str) -> bool:
    """Whether the package has this."""
    try:
        return bool(package[member.partition(".")[2]])
    except KeyError:
        return False


def guide(to: Path) -> Iterator[tuple[str, str]]:
    """Copy the pages that are written by hand; title and name of each, as the index orders them."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = [page for page in DOCS.glob("*.md") if page.name != "README.md"]
    pages.sort(key=lambda page: (index.find(f"({page.name})") % len(index), page.name))
    for page in (DOCS / "README.md", *pages, *(ROOT / name for name in BESIDE)):
        name = "index.md" if page.name == "README.md" else page.name
        text = OUTSIDE.sub(r"\1", page.read_text(encoding="utf-8"))
        text = (
            text.replace("](../", "](")
            .replace("](docs/", "](")
            .replace("(README.md)", "(index.md)")
        )
        write(to / name, [text.rstrip()])
        yield title_of(page), name


def resources(to: Path) -> Iterator[tuple[str, str]]:
    """Write a page per resource."""
    for name in resource_names():
        write(to / "resources" / f"{name}.md", resource_page(name))
        yield name, f"resources/{name}.md"


def reference(to: Path) -> Iterator[tuple[str, str]]:
    """Write the pages of the public classes and of the commands."""
    for page, (title, members) in ROOMS.items():
        known = [f"::: {member}\n" for member in members if exists(member)]
        if known:
            write(to / "reference" / f"{page}.md", [f"# {title}", "", *known])
            yield title, f"reference/{page}.md"
    commands = ["# Every command", "", *command_page(command_line, "cliniko")]
    write(to / "reference" / "commands.md", commands)
    yield "Every command", "reference/commands.md"


def llms(pages: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The site for readers that are language models: what there is, and where."""
    yield from (
        "# cliniko_async",
        "",
        "> An asyncio client for the Cliniko API.",
        "",
        "## Guide",
        "",
    )
    yield from (f"- [{title}]({name})" for title, name in pages)
    yield from ("", "## Resources", "")
    for name in resource_names():
        resource = described(name)
        verbs = ", ".join(verb.name for verb in resource.verbs)
        yield f"- [{name}](resources/{name}.md): {resource.what} Verbs: {verbs}."


def configuration(nav: object) -> Iterator[str]:
    """The site's own settings. Nothing is fetched from elsewhere when somebody reads it."""
    yield from (
        "[project]",
        'site_name = "cliniko_async"',
        'site_description = "An asyncio client for the Cliniko practice-management API"',
        'docs_dir = "docs"',
        'site_dir = "site"',
        f"nav = {toml(nav)}",
        "[project.theme]",
        "font = false",
        'features = ["content.code.copy", "navigation.top", "search.highlight"]',
        "[project.plugins.mkdocstrings.handlers.python]",
        f"paths = {json.dumps([str(ROOT)])}",
        "[project.plugins.mkdocstrings.handlers.python.options]",
        'docstring_style = "google"',
        'filters = ["!^_"]',
        "heading_level = 2",
        "inherited_members = true",
        "merge_init_into_class = true",
        "separate_signature = true",
        "show_bases = false",
        "show_root_heading = true",
        "show_source = false",
    )


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def main(folder: Path) -> None:
    """Write all pages."""
    to = folder / "docs"
    guided, found, public = list(guide(to)), list(resources(to)), list(reference(to))
    nav = [{title: name} for title, name in guided]
    nav.append({"Resources": [{title: name} for title, name in found]})
    nav.append({"Reference": [{title: name} for title, name in public]})
    write(to / "llms.txt", llms(guided))
    write(folder / "zensical.toml", configuration(nav))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
