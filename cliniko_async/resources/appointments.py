"""What bookings have in common: repeats, and cancellation by reason."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

from cliniko_async._http import Repeat
from cliniko_async._models import Model, Narrowed, Ref, Within, bare, model
from cliniko_async._query import checked_text
from cliniko_async._verbs import Resource
from cliniko_async.errors import InvalidTypeError, InvalidValueError, expect

__all__ = [
    "Cancellable",
    "CancellationCode",
    "CancellationReason",
    "InvoiceStatus",
    "NoteStatus",
    "RepeatRule",
]

M = TypeVar("M", bound=Model)

CancellationReason = Literal[
    "Feeling Better",
    "Feeling better",
    "Condition Worse",
    "Condition worse",
    "Sick",
    "COVID-19 related",
    "Away",
    "Other",
    "Work",
]
"""Why a booking is cancelled, in the words of `cancellation_reason_description` or of the API's
document, which writes two of them otherwise."""

CancellationCode = Literal[10, 20, 30, 31, 40, 50, 60]
"""Likewise by its number, in the order of the reasons."""

REASONS: Final[dict[str, CancellationCode]] = {
    "Feeling Better": 10,
    "Condition Worse": 20,
    "Sick": 30,
    "COVID-19 related": 31,
    "Away": 40,
    "Other": 50,
    "Work": 60,
}
_CODES: Final = {reason.casefold(): code for reason, code in REASONS.items()}

InvoiceStatus = Literal[10, 20, 30, 40] | int
"""10 is open, 20 paid, 30 closed, 40 open credit."""

NoteStatus = Literal[10, 90] | int
"""10 is a draft, 90 is final."""


@model
class RepeatRule(Model):
    """How a booking repeats. All None where it does not."""

    repeat_type: Literal["Daily", "Weekly", "Monthly"] | str | None = None
    repeating_interval: Annotated[int, Within(least=1, most=100)] | None = None
    """Days, weeks or months from one to the next, 1 to 100."""
    number_of_repeats: Annotated[int, Within(least=1, most=100)] | None = None
    """1 to 51; of availability blocks, 1 to 100."""


RepeatRuleOfBookings = Annotated[
    RepeatRule, Narrowed("number_of_repeats", Within(least=1, most=51))
]
"""What all but availability blocks take."""


class Cancellable(Resource[M]):
    """Can be cancelled, with a reason."""

    async def cancel(
        self,
        id: Ref,
        *,
        reason: CancellationReason | CancellationCode,
        note: str | None = None,
        apply_to_repeats: bool = False,
    ) -> None:
        """Cancel a booking: lists and `get` hide it unless they include cancelled ones.

        Args:
            id: Its id, or a link to it.
            reason: Why: in the API's words, capitals or not, or by its number.
            note: A remark on it.
            apply_to_repeats: Cancel the later ones of its series, too.
        """
        body: dict[str, object] = {"cancellation_reason": _code_of(reason)}
        if note is not None:
            expect(note, str, f"note= takes a text, not {type(note).__name__}")
            body["cancellation_note"] = checked_text(bare(note))
        expect(apply_to_repeats, bool, "apply_to_repeats= takes True or False")
        if apply_to_repeats:
            body["apply_to_repeats"] = True
        cancelled = self._act("PATCH", id, "/cancel", Repeat.SAME, body)
        del note, body  # so that no traceback shows them here
        await cancelled


def _code_of(given: object) -> int:
    reason = bare(given)
    if isinstance(reason, str) and reason.casefold() in _CODES:
        return _CODES[reason.casefold()]
    if type(reason) is int and reason in _CODES.values():
        return reason
    takes = ", ".join(f"{reason!r} ({code})" for reason, code in REASONS.items())
    kind = InvalidValueError if isinstance(reason, str | int) else InvalidTypeError
    raise kind(f"reason= takes one of {takes}")
