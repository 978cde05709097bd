"""What is known of the API beyond the document, each with its source.

The document is older than recalls, recall types and the writing of concession prices. They were
observed in public code that uses the live API in 2026; a field marked `assumed` is there by
analogy with the API's other records.
"""

from __future__ import annotations

from typing import Any, Final

Fact = dict[str, Any]

ID: Final[Fact] = {"type": "string", "format": "int64"}
MOMENT: Final[Fact] = {"type": "string", "format": "date-time"}
TEXT: Final[Fact] = {"type": "string"}
ARCHIVED: Final[Fact] = MOMENT | {"nullable": True, "assumed": True}
LIST_PARAMS: Final = ["page", "per_page", "sort", "order", "q[]"]
COMMON_FILTERS: Final = {"created_at": "date-time", "id": "int64", "updated_at": "date-time"}
SOURCE: Final = "observed 2026"


def _operation(method: str, path: str, kind: str, status: int, **more: object) -> Fact:
    return {
        "method": method,
        "path": path,
        "kind": kind,
        "status": status,
        **more,
        "source": SOURCE,
    }


def _resource(name: str, schema: str, filters: dict[str, str]) -> list[Fact]:
    one = f"/{name}/{{id}}"
    return [
        _operation(
            "GET",
            f"/{name}",
            "list",
            200,
            key=name,
            schema=schema,
            params=LIST_PARAMS,
            filters=dict(sorted((COMMON_FILTERS | filters).items())),
        ),
        _operation("POST", f"/{name}", "create", 201, schema=schema, body=schema),
        _operation("GET", one, "get", 200, schema=schema),
        _operation("PATCH", one, "update", 200, schema=schema, body=schema),
        _operation("POST", f"{one}/archive", "archive", 204),
    ]


ADDITIONS: Final[dict[str, Any]] = {
    "operations": [
        _operation(
            "POST",
            "/concession_prices",
            "create",
            201,
            schema="ConcessionPrice",
            body="ConcessionPrice",
        ),
        _operation(
            "PATCH",
            "/concession_prices/{id}",
            "update",
            200,
            schema="ConcessionPrice",
            body="ConcessionPrice",
        ),
        *_resource("recall_types", "RecallType", {}),
        *_resource("recalls", "Recall", {"patient_id": "int64"}),
    ],
    "schemas": {
        "Recall": {
            "properties": {
                "archived_at": ARCHIVED,
                "created_at": MOMENT,
                "id": ID,
                "links": {"link": "recalls/{id}"},
                "notes": TEXT | {"nullable": True},
                "patient": {"link": "patients/{id}"},
                "recall_at": {"type": "string", "format": "date"},
                "recall_type": {"link": "recall_types/{id}", "assumed": True},
                "updated_at": MOMENT,
            }
        },
        "RecallType": {
            "properties": {
                "archived_at": ARCHIVED,
                "created_at": MOMENT,
                "id": ID,
                "links": {"link": "recall_types/{id}"},
                "name": TEXT | {"assumed": True},
                "updated_at": MOMENT,
            }
        },
    },
    "bodies": {
        "ConcessionPrice": {
            "properties": {
                "billable_item_id": ID | {"assumed": True},
                "concession_type_id": ID | {"assumed": True},
                "price": {"type": "string", "format": "decimal", "assumed": True},
            }
        },
        "Recall": {
            "properties": {
                "notes": TEXT | {"nullable": True},
                "patient_id": ID,
                "recall_at": {"type": "string", "format": "date", "assumed": True},
                "recall_type_id": ID,
            }
        },
        "RecallType": {"properties": {"name": TEXT | {"assumed": True}}},
    },
}

TEXT_OR_NULL: Final[Fact] = TEXT | {"nullable": True, "source": SOURCE}
FLAG_OR_NULL: Final[Fact] = {"type": "boolean", "nullable": True, "source": SOURCE}
CHANNELS: Final[Fact] = {
    "type": "array",
    "items": {"type": "integer", "enum": [1, 2]},
    "nullable": True,
    "source": SOURCE,
}
ASSUMED: Final[Fact] = {"assumed": True}
CALCULATION: Final[Fact] = {
    "type": "integer",
    "enum": [1, 2, 3],
    "nullable": True,
    "source": SOURCE,
}
_IN_BOTH_SETTINGS: Final[dict[str, Fact]] = {
    "account.invoice_calculation_method": CALCULATION,
    "account.invoice_calculation_method_description": TEXT_OR_NULL,
    "patient_privacy.prevent_sending_treatment_notes_by_email": FLAG_OR_NULL,
    "reminders.default_reminders_communication_channels": CHANNELS,
    "reminders.default_reminders_communication_channels_description": TEXT_OR_NULL,
}

MEMBERS: Final[dict[str, dict[str, dict[str, Fact]]]] = {
    "schemas": {
        "Patient": {
            "follow_ups_communication_channels": CHANNELS,
            "follow_ups_communication_channels_description": TEXT_OR_NULL,
            "reminders_communication_channels": CHANNELS,
            "reminders_communication_channels_description": TEXT_OR_NULL,
        },
        "FullPatientExport": {"category": TEXT_OR_NULL | ASSUMED},
        "UploadedPatientAttachment": {"category": TEXT_OR_NULL | ASSUMED},
        "PublicSettings": _IN_BOTH_SETTINGS,
        "Settings": _IN_BOTH_SETTINGS
        | {
            "account.admin": {"source": SOURCE, "nullable": True, "assumed": True},
            "account.time_zone": TEXT_OR_NULL | ASSUMED,
            "links": {"link": "settings", "source": SOURCE, "assumed": True},
        },
    },
    "bodies": {
        "Patient": {
            "follow_ups_communication_channels": CHANNELS,
            "reminders_communication_channels": CHANNELS,
        }
    },
}
"""Members that the document lacks, by schema and path. Three sources of August to October 2026
have them; those marked `assumed` were in one source alone."""

DEPRECATED: Final = {
    "schemas": {"Patient": ["reminder_type"]},
    "bodies": {"Patient": ["reminder_type"]},
}
"""What has a successor among them."""

FILTERS: Final = {
    ("GET", "/communications"): {"deleted_at": "date-time"},
    ("GET", "/communications/{id}"): {"deleted_at": "date-time"},
}
"""Filters that the document lacks. That of a single record follows from that of the list."""
