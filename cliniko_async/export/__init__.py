"""Export: a clinic's records as files, one file per resource.

Files of rows, their manifest, and continuing after a kill belong here. Not here: reading the
lists (`_lists`), or databases (`mirror`).
"""

from cliniko_async.export._export import Export, export
from cliniko_async.export._names import exportable
from cliniko_async.export._progress import Cost, Progress, Summary
from cliniko_async.export._verify import verify

__all__ = ["Cost", "Export", "Progress", "Summary", "export", "exportable", "verify"]
