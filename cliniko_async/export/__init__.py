"""Export: a clinic's records as files, one resource a file.

Here belong files of rows, their manifest, and what goes on after a kill. Not here: reading the
lists (`_lists`), or databases (`mirror`).
"""

from cliniko_async.export._export import Cost, Export, Progress, Summary, exportable, verify

__all__ = ["Cost", "Export", "Progress", "Summary", "exportable", "verify"]
