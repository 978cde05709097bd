"""What practitioners of a made-up clinic write down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async.emulator.seeds.making import Making, Record, Staff
    from cliniko_async.emulator.seeds.visits import Visit

__all__ = ["write_notes"]

NOTED: Final = 0.35
ANSWERS: Final = (
    ("Stiff in the morning.", "Moves freely by noon.", "Walk daily."),
    ("Sore after a long drive.", "No loss of strength.", "Stretch; see again in two weeks."),
    ("Feels better. 👍", "Full range of motion.", "Come back when needed."),
)
FINAL, DRAFT = 90, 10


def write_notes(making: Making, staff: Staff, visits: Sequence[Visit]) -> None:
    """Write treatment notes on some of what was kept; some of the latest are drafts."""
    kept = [v for v in visits if v.outcome == "kept" and making.chance(NOTED)]
    for number, visit in enumerate(kept):
        _write(making, staff, visit, number, draft=number % 20 == 19)  # noqa: PLR2004 - some


def _write(making: Making, staff: Staff, visit: Visit, number: int, *, draft: bool) -> None:
    practitioner, ends_at = visit.shift.practitioner, visit.booking["ends_at"]
    making.add(
        "treatment_notes",
        ends_at,
        title=staff.template["name"],
        draft=draft,
        finalized_at=None if draft else ends_at,
        author_name=practitioner["display_name"],
        content=_content(staff, ANSWERS[number % len(ANSWERS)]),
        patient_id=visit.patient["id"],
        practitioner_id=practitioner["id"],
        booking_id=visit.booking["id"],
        attendee_id=visit.attendee["id"],
        treatment_note_template_id=staff.template["id"],
    )
    for record in (visit.attendee, visit.booking):
        if "treatment_note_status" in record:
            record["treatment_note_status"] = DRAFT if draft else FINAL


def _content(staff: Staff, answers: Sequence[str]) -> Record:
    (section,) = staff.template["content"]["sections"]
    questions = [
        {"name": question["name"], "type": "paragraph", "answer": answer}
        for question, answer in zip(section["questions"], answers, strict=True)
    ]
    return {"sections": [{**section, "questions": questions}]}
