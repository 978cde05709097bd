"""Watching: changes told as they come, in place of the webhooks that the API does not have.

When the API is asked for what, and what is remembered between two polls, belong here. Not here: how
lists are read (`_lists`), or where changes are sent (`cli`).
"""

from cliniko_async._watch.change import WatchedChange, WatchKind
from cliniko_async._watch.poller import Target
from cliniko_async._watch.watch import Watch, WatchOptions

__all__ = ["Target", "Watch", "WatchKind", "WatchOptions", "WatchedChange"]
