"""A made-up clinic: names that nobody bears, addresses at example.com, numbers that never ring.

Here belongs whatever fills a clinic by chance. Not here: what records look like (`records`), or
what tests make of them (`clinic`).
"""

from cliniko_async.emulator.seeds.fill import fill

__all__ = ["fill"]
