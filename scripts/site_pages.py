"""Makes the documentation's pages: the guide, and a reference that is written from code and facts.

Usage: python scripts/site_pages.py FOLDER

Writes into the folder what `zensical build --strict` makes the site of: the pages of `docs/`, a
page per resource, the public classes of each room, every command's help, and `zensical.toml`.
What is generated cannot rot; a link that leads nowhere fails the build.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from site_package import ROOT, table, top_names
from site_resources import parts_page, resource_page

from cliniko_async.cli import cliniko as command_line
from cliniko_async.cli.catalogue import resource_names
from cliniko_async.cli.described import described

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DOCS: Final = ROOT / "docs"
PICTURES: Final = "terminals"
"""The folder of recorded terminals: see `record_terminals.py`."""

LISTS: Final = "Change Changes DatePattern Filter Listing ListingPage Sort Watch WatchedChange"
SESSION: Final = "AsyncCliniko RequestEvent Traffic Wait"
RECORDS: Final = "Link LocalDay Model Record Unknown fields_from_json"

ROOMS: Final = {
    "session": ("The session", SESSION),
    "lists": ("Lists and changes", LISTS),
    "records": ("Records", RECORDS),
    "errors": ("Errors", "errors"),
    "limits": ("Limits", "limits"),
    "types": ("Types to annotate with", "types"),
    "export": ("Export", "export"),
    "mirror": ("Mirror", "mirror"),
    "apply": ("Bulk writes", "apply"),
    "doctor": ("Doctor", "doctor"),
    "telemetry": ("OpenTelemetry", "telemetry"),
    "emulator": ("Emulator", "emulator"),
}
"""Pages of what is public beside the resources: each page's title, and what stands on it."""

BESIDE: Final = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages that stand beside `docs/` in the repository, and in it on the site."""

OUTSIDE: Final = re.compile(
    r"\[([^\]]+)\]\(\.\./(?!(?:CHANGELOG|CONTRIBUTING|SECURITY)\.md)[^)]*\)"
)
"""Links to files of the repository that are not on the site: their text stays."""

INDEX: Final = "index.md"


def write(page: Path, lines: Iterable[str]) -> None:
    """Write a page."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


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
    """Write a page per resource, and one that lists them."""
    write(to / "resources" / INDEX, resources_index())
    yield "All resources", f"resources/{INDEX}"
    for name in resource_names():
        write(to / "resources" / f"{name}.md", resource_page(name))
        yield name, f"resources/{name}.md"


def resources_index() -> Iterator[str]:
    """What there is, and what can be done with it."""
    yield from (
        "# Resources",
        "",
        (
            "An attribute of the session each, named as in the API's URLs: `cliniko.patients`. "
            "Lists have `scan()`, `changes()` and `watch()` beside `list()`."
        ),
        "",
    )
    usual = {"by_id", "changes", "get", "get_many", "scan", "watch"}
    rows = []
    for name in resource_names():
        resource = described(name)
        verbs = [f"`{v.name}`" for v in resource.verbs if v.name not in usual and not v.deprecated]
        rows.append((f"[{name}]({name}.md)", resource.what, " ".join(verbs)))
    yield from table(("resource", "", "verbs"), rows)


def reference(to: Path) -> Iterator[tuple[str, str]]:
    """Write the pages of the public classes and of the commands."""
    for page, (title, members) in ROOMS.items():
        names = dict(top_names())
        paths = [names.get(name, f"cliniko_async.{name}") for name in members.split()]
        blocks = [f"::: {path}\n" for path in paths]
        write(to / "reference" / f"{page}.md", [f"# {title}", "", *blocks])
        yield title, f"reference/{page}.md"
    write(to / "reference" / "parts.md", parts_page())
    yield "Parts of records", "reference/parts.md"
    commands = ["# Every command", "", *command_page(command_line, "cliniko")]
    write(to / "reference" / "commands.md", commands)
    yield "Every command", "reference/commands.md"


def llms(pages: Iterable[tuple[str, str]], public: Iterable[tuple[str, str]]) -> Iterator[str]:
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
    yield from ("", "## Reference", "")
    yield from (f"- [{title}]({name})" for title, name in public)


STYLE: Final = """\
/* Names in tables stay whole: a table that is wider than a phone scrolls by itself. */
.md-typeset td code { overflow-wrap: normal; word-break: normal; }
"""


def configuration(nav: object) -> Iterator[str]:
    """The site's own settings. Nothing is fetched from elsewhere when somebody reads it."""
    yield from (
        "[project]",
        'site_name = "cliniko_async"',
        'site_description = "An asyncio client for the Cliniko practice-management API"',
        'docs_dir = "docs"',
        'site_dir = "site"',
        'extra_css = ["style.css"]',
        f"nav = {toml(nav)}",
        "[project.theme]",
        "font = false",
        f"features = {json.dumps(FEATURES)}",
        "[project.plugins.mkdocstrings.handlers.python]",
        f"paths = {json.dumps([str(ROOT)])}",
        "[project.plugins.mkdocstrings.handlers.python.options]",
        *(f"{name} = {json.dumps(value)}" for name, value in OPTIONS.items()),
    )


FEATURES: Final = [
    "content.code.copy",
    "navigation.indexes",
    "navigation.tabs",
    "navigation.tabs.sticky",
    "navigation.top",
    "search.highlight",
]

OPTIONS: Final = {
    "docstring_style": "google",
    "filters": ["!^_"],
    "heading_level": 2,
    "inherited_members": True,
    "line_length": 70,
    "merge_init_into_class": True,
    "separate_signature": True,
    "show_bases": False,
    "show_labels": False,
    "show_root_full_path": False,
    "show_root_heading": True,
    "show_signature_annotations": True,
    "show_source": False,
    "signature_crossrefs": True,
}
"""How docstrings are shown."""


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def section(pages: Iterable[tuple[str, str]]) -> list[object]:
    """Pages as the site's navigation has them; one of the name `index.md` has no title there."""
    return [name if name.endswith(f"/{INDEX}") else {title: name} for title, name in pages]


def main(folder: Path) -> None:
    """Write all pages."""
    to = folder / "docs"
    guided, found, public = list(guide(to)), list(resources(to)), list(reference(to))
    beside = [page for page in guided if page[1] in BESIDE]
    read = [page for page in guided if page[1] not in BESIDE]
    nav = [
        {"Guide": section(read)},
        {"Resources": section(found)},
        {"Reference": section(public)},
        {"Project": section(beside)},
    ]
    write(to / "llms.txt", llms(guided, public))
    write(to / "style.css", [STYLE.rstrip()])
    shutil.copytree(DOCS / PICTURES, to / PICTURES, dirs_exist_ok=True)
    write(folder / "zensical.toml", configuration(nav))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
