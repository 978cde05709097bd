"""A made-up clinic: invented names, addresses at example.com, telephone numbers for fiction.

What fills a clinic with made-up records belongs here. Not here: what records look like
(`records`), or what tests make of them (`clinic`).
"""

from cliniko_async.emulator.seeds.fill import fill

__all__ = ["fill"]
