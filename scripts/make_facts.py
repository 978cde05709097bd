"""Makes the package's table of facts from the vendor's OpenAPI document.

Usage: python scripts/make_facts.py openapi.yaml

Writes `cliniko_async/emulator/facts.json`: one line an operation and one a property, so that a
newer document shows as a readable difference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from facts_additions import ADDITIONS, DEPRECATED, FILTERS, MEMBERS
from read_openapi import read_facts

TARGET = Path(__file__).parents[1] / "cliniko_async" / "emulator" / "facts.json"


def read_document(path: str) -> dict[str, Any]:
    """A copy of the vendor's document, which is published as YAML and as JSON."""
    text = Path(path).read_text(encoding="utf-8")
    # JSON may be indented with tabs, which YAML refuses.
    read = json.loads if text.lstrip().startswith("{") else yaml.safe_load
    document: dict[str, Any] = read(text)
    return document


def complete(facts: dict[str, Any]) -> dict[str, Any]:
    """The document's facts with what is known beyond it."""
    facts["operations"] += ADDITIONS["operations"]
    for section in ("schemas", "bodies"):
        facts[section] |= ADDITIONS[section]
        for name, members in MEMBERS[section].items():
            for path, fact in members.items():
                *above, member = path.split(".")
                holder = facts[section][name]
                for part in above:
                    holder = holder["properties"][part]
                holder["properties"][member] = fact
                holder["properties"] = dict(sorted(holder["properties"].items()))
        for name, members in DEPRECATED[section].items():
            for member in members:
                facts[section][name]["properties"][member]["deprecated"] = True
    for row in facts["operations"]:
        more = FILTERS.get((row["method"], row["path"]))
        if more:
            row["filters"] = dict(sorted((row["filters"] | more).items()))
    return facts


def write(facts: dict[str, Any]) -> str:
    """JSON with one fact a line."""
    rows = ",\n".join("    " + json.dumps(row) for row in facts["operations"])
    parts = [f'  "operations": [\n{rows}\n  ]']
    for section in ("schemas", "bodies"):
        named = [f"    {json.dumps(n)}: {_schema(s)}" for n, s in sorted(facts[section].items())]
        parts.append(f'  "{section}": {{\n' + ",\n".join(named) + "\n  }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _schema(schema: dict[str, Any]) -> str:
    if "any_of" in schema:
        return json.dumps(schema)
    lines = [
        f"      {json.dumps(n)}: {json.dumps(fact)}"
        for n, fact in sorted(schema["properties"].items())
    ]
    head = f'"required": {json.dumps(schema["required"])}, ' if "required" in schema else ""
    return "{" + head + '"properties": {\n' + ",\n".join(lines) + "\n    }}"


def main() -> None:
    """Write the table."""
    facts = complete(read_facts(read_document(sys.argv[1])))
    TARGET.write_text(write(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
