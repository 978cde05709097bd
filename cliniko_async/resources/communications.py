"""Communications: e-mails and SMS that were sent or came in, and memos of any others.

Only memos can be written. A memo of type SMS or e-mail sends nothing: it notes that one was sent.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict, Unpack, get_args

from cliniko_async._models import Id, Link, Model, Moment, Ref, Unknown, model, variants
from cliniko_async._query import DateTimeField, Filters, IdField, IntegerField
from cliniko_async._verbs import Archivable, ArchivedOrDeleted, Gettable, Listable, Resource

__all__ = [
    "Communication",
    "CommunicationFilters",
    "Communications",
    "EmailCommunication",
    "MemoCommunication",
    "MemoCommunicationCreateFields",
    "MemoCommunicationFields",
    "MemoCommunicationUpdateFields",
    "SmsCommunication",
]

MEMO: Final = 12
"""The category code of memos."""

SMS: Final = 1
EMAIL: Final = 2

TypeCode = Literal[1, 2, 3, 4]
"""1 is an SMS, 2 an e-mail, 3 a phone call, 4 anything else."""

DirectionCode = Literal[1, 2]
"""1 is sent, 2 received."""

TypeName = Literal["SMS", "Email", "Phone call", "Other"]
Direction = Literal["Sent", "Received"]

Category = Literal[
    "Account Statement",
    "Account ownership information updated",
    "Appointment Cancellation",
    "Appointment Confirmation",
    "Appointment Follow Up Message",
    "Appointment Reminder",
    "Auth Code",
    "Bulk Email",
    "Cancelled appointment notification",
    "Card automatically updated notification",
    "Card expiring notification",
    "Completed Patient Form",
    "Data export complete notification",
    "Email OTP code",
    "Invoice",
    "Letter",
    "Mailchimp integration disconnected",
    "Memo",
    "New user",
    "Online payment request",
    "Password changed",
    "Patient Form",
    "Patient Reply Forwarded",
    "Patient form renewal",
    "Payment Receipt",
    "Practitioner Appointment Notification",
    "Referred user bonus notification",
    "Referred user signed up",
    "Referring user bonus notification",
    "Reply from Patient",
    "Reply from Practitioner",
    "Reset password instructions",
    "SMS Message",
    "SMS credit purchase failed",
    "SMS credit purchase receipt",
    "SMS credit purchase reminder",
    "SMS credit purchase requires confirmation",
    "Stripe receipt",
    "Subscription initiation alert",
    "Subscription payment failure",
    "Today's appointments for practitioner",
    "Trial ending reminder",
    "Trial payment failure",
    "Unlock instructions",
    "Upcoming appointments",
    "Upcoming yearly payment alert",
    "User email changed",
    "User email confirmation instructions",
    "Xero OAuth error",
    "Xero sync error notification",
]


@model
class _AnyCommunication(Model):
    id: Id
    created_at: Moment
    updated_at: Moment
    patient: Link | None = None
    type_code: TypeCode | int | None = None
    type: TypeName | str | None = None
    category_code: int | None = None
    category: Category | str | None = None
    direction_code: DirectionCode | int | None = None
    direction_description: Direction | str | None = None
    from_: str | None = None
    to: str | None = None
    content: str | None = None
    archived_at: Moment | None = None
    links: Link | None = None


@model
class MemoCommunication(_AnyCommunication):
    """A note of a communication, written by hand."""

    category: Literal["Memo"] | str | None = None
    confidential: bool | None = None


@model
class _SentCommunication(_AnyCommunication):
    attendee: Link | None = None
    booking: Link | None = None
    invoice: Link | None = None
    letter: Link | None = None
    payment: Link | None = None


@model
class SmsCommunication(_SentCommunication):
    """An SMS."""


@model
class EmailCommunication(_SentCommunication):
    """An e-mail."""

    content_subject: str | None = None


Communication = MemoCommunication | SmsCommunication | EmailCommunication | Unknown
"""What a communication can be."""


def _kind_of(communication: dict[str, Any]) -> type[Model] | None:
    # The category comes first, because memos have the types of what they note.
    if communication.get("category_code") == MEMO:
        return MemoCommunication
    kinds: dict[Any, type[Model]] = {SMS: SmsCommunication, EMAIL: EmailCommunication}
    return kinds.get(communication.get("type_code"))


class MemoCommunicationFields(TypedDict, total=False):
    """What can be set on a memo, besides what a new one needs."""

    category_code: Literal[12] | None


class MemoCommunicationCreateFields(MemoCommunicationFields):
    """What a new memo takes."""

    patient_id: Ref
    type_code: TypeCode | None
    direction_code: DirectionCode | None
    from_: str | None
    to: str | None
    content: str | None
    confidential: bool | None


class MemoCommunicationUpdateFields(MemoCommunicationFields, total=False):
    """What can be changed on a memo."""

    patient_id: Ref
    type_code: TypeCode | None
    direction_code: DirectionCode | None
    from_: str | None
    to: str | None
    content: str | None
    confidential: bool | None


class CommunicationFilters(Filters):
    """What communications can be filtered by."""

    type_code: IntegerField
    category_code: IntegerField
    patient_id: IdField
    letter_id: IdField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class _Memos(Resource[MemoCommunication]):
    path = "/communications"
    model = MemoCommunication

    async def create(self, **fields: Unpack[MemoCommunicationCreateFields]) -> MemoCommunication:
        return await self._create(MemoCommunicationCreateFields, fields)

    async def update(
        self, id: Ref, **fields: Unpack[MemoCommunicationUpdateFields]
    ) -> MemoCommunication:
        return await self._update(id, MemoCommunicationUpdateFields, fields)


class Communications(
    Listable[Communication, CommunicationFilters, ArchivedOrDeleted],
    Gettable[Communication, ArchivedOrDeleted],
    Archivable[Communication],
):
    """The communications with the account's patients. Only memos can be written and archived."""

    path = "/communications"
    model: type[Communication] = variants("Communication", _kind_of, get_args(Communication))
    filters: Final = CommunicationFilters()

    async def create(self, **fields: Unpack[MemoCommunicationCreateFields]) -> MemoCommunication:
        """Write a memo. It sends nothing."""
        return await _Memos(self._view).create(**fields)

    async def update(
        self, id: Ref, **fields: Unpack[MemoCommunicationUpdateFields]
    ) -> MemoCommunication:
        """Change a memo. A field that is left out stays as it is."""
        return await _Memos(self._view).update(id, **fields)
