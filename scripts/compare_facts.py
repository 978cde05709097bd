"""Compares the facts that the package was built on with a copy of the vendor's document.

Usage: python -m nox -s spec -- openapi.yaml

Prints what is new, gone or changed in the copy, and exits with 1 if anything is. What the package
knows beyond the document is not held against it.
"""

from __future__ import annotations

import sys

from make_facts import complete, read_document
from read_openapi import read_facts

from cliniko_async.emulator.drift import compare
from cliniko_async.emulator.facts import Facts, load


def main() -> int:
    """Print the differences."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and one file
        print("usage: python -m nox -s spec -- openapi.yaml", file=sys.stderr)
        return 2
    read = read_facts(read_document(sys.argv[1]))
    documented = {(row["method"], row["path"]) for row in read["operations"]}
    additions = complete({"operations": [], "schemas": {}, "bodies": {}})
    read["operations"] += [
        row for row in additions["operations"] if (row["method"], row["path"]) not in documented
    ]
    for section in ("schemas", "bodies"):
        read[section] = additions[section] | read[section]
    differences = compare(load(), Facts.from_json(read))
    print("\n".join(differences) or "nothing differs")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
