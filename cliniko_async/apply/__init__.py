"""Apply: many writes to one resource, planned before they are sent, and safe to kill.

Comparing rows with records, the ledger of what was sent, and continuing after a kill belong
here. Not here: the verbs (`resources`), or reading tables of rows (`cli`).
"""

from cliniko_async.apply._apply import Apply
from cliniko_async.apply._plan import Action, Plan, RowOutcome
from cliniko_async.apply._run import ApplyProgress, ApplySummary

__all__ = ["Action", "Apply", "ApplyProgress", "ApplySummary", "Plan", "RowOutcome"]
