"""Mirror: a copy of the clinic in a database, one table per resource, kept up to date.

Finding out what differs, and writing it to a database, belong here. Not here: reading the lists
(`_lists`), or files (`export`).
"""

from cliniko_async.errors import MirrorError, missing_extra

try:
    from cliniko_async.mirror._mirror import (
        MirrorSummary,
        cliniko_source,
        mirror,
        mirrorable,
        plan,
    )
except ImportError as _error:  # also one that names the extra of tables, which is too little
    raise missing_extra(_error, "mirror") from None

__all__ = ["MirrorError", "MirrorSummary", "cliniko_source", "mirror", "mirrorable", "plan"]
