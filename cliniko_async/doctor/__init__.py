"""Doctor: what a live key shows of the API, as a report without a name, an id or a value.

What no document of the API says, how it is found out, and the report of it, belong here.

Not here: how requests are sent (`_http`), or what the library does with the answers.
"""

from cliniko_async.doctor._examine import doctor
from cliniko_async.doctor._report import DoctorReport, ListFinding, RecordFinding

__all__ = ["DoctorReport", "ListFinding", "RecordFinding", "doctor"]
