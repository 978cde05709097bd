"""What bookings have in common: repeats, and cancellation by reason."""

from __future__ import annotations

from typing import Final, Literal, TypeVar

from cliniko_async._http import Repeat
from cliniko_async._models import Model, Ref, model
from cliniko_async._verbs import Resource
from cliniko_async.errors import InvalidValueError

__all__ = ["Cancellable", "CancellationReason", "InvoiceStatus", "NoteStatus", "RepeatRule"]

M = TypeVar("M", bound=Model)

CancellationReason = Literal[
    "Feeling Better", "Condition Worse", "Sick", "COVID-19 related", "Away", "Other", "Work"
]
"""Why a booking is cancelled, in the words of `cancellation_reason_description`."""

REASONS: Final[dict[CancellationReason, int]] = {
    "Feeling Better": 10,
    "Condition Worse": 20,
    "Sick": 30,
    "COVID-19 related": 31,
    "Away": 40,
    "Other": 50,
    "Work": 60,
}

InvoiceStatus = Literal[10, 20, 30, 40] | int
"""10 is open, 20 paid, 30 closed, 40 open credit."""

NoteStatus = Literal[10, 90] | int
"""10 is a draft, 90 is final."""


@model
class RepeatRule(Model):
    """How a booking repeats. All None where it does not."""

    repeat_type: Literal["Daily", "Weekly", "Monthly"] | str | None = None
    repeating_interval: int | None = None
    """Days, weeks or months from one to the next, 1 to 100."""
    number_of_repeats: int | None = None
    """1 to 51; of availability blocks, 1 to 100."""


class Cancellable(Resource[M]):
    """Can be cancelled, with a reason."""

    async def cancel(
        self,
        id: Ref,
        *,
        reason: CancellationReason,
        note: str | None = None,
        apply_to_repeats: bool = False,
    ) -> None:
        """Cancel a booking: lists and `get` hide it unless they include cancelled ones.

        Args:
            id: Its id, or a link to it.
            reason: Why.
            note: A remark on it.
            apply_to_repeats: Cancel the later ones of its series, too.
        """
        if reason not in REASONS:
            raise InvalidValueError(f"reason= takes one of {', '.join(map(repr, REASONS))}")
        body: dict[str, object] = {"cancellation_reason": REASONS[reason]}
        if note is not None:
            body["cancellation_note"] = note
        if apply_to_repeats:
            body["apply_to_repeats"] = True
        cancelled = self._act("PATCH", id, "/cancel", Repeat.SAME, body)
        del note, body  # so that no traceback shows them here
        await cancelled
