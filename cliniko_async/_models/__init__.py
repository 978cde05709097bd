"""Records: what they are, and JSON to and from them.

The base of all models, values that several of them share, and the converter that reads and writes
them belong here. Not here: the resources' own models, which are in `resources`.
"""

from cliniko_async._models.bare_values import bare
from cliniko_async._models.bounds import (
    LARGEST,
    Amount,
    Color,
    Email,
    Like,
    Longest,
    Minutes,
    Percentage,
    SignedAmount,
    Text2,
    Text50,
    Text100,
    Text255,
    Text5000,
    Within,
)
from cliniko_async._models.converter import decode, decode_rows
from cliniko_async._models.fields import JsonNumber, Narrowed, encode_fields
from cliniko_async._models.json_fields import fields_from_json
from cliniko_async._models.links import Link, Ref, expect_several, is_id, to_id
from cliniko_async._models.local_days import LocalDay, days_between, zone_of
from cliniko_async._models.model import (
    NEEDED,
    NOT_EMPTY,
    READ_ONLY,
    TRUE_ALONE,
    Id,
    Model,
    Moment,
    Record,
    Unknown,
    Whole,
    model,
)
from cliniko_async._models.moments import utc_text
from cliniko_async._models.unions import hooked, variants

__all__ = [
    "LARGEST",
    "NEEDED",
    "NOT_EMPTY",
    "READ_ONLY",
    "TRUE_ALONE",
    "Amount",
    "Color",
    "Email",
    "Id",
    "JsonNumber",
    "Like",
    "Link",
    "LocalDay",
    "Longest",
    "Minutes",
    "Model",
    "Moment",
    "Narrowed",
    "Percentage",
    "Record",
    "Ref",
    "SignedAmount",
    "Text2",
    "Text50",
    "Text100",
    "Text255",
    "Text5000",
    "Unknown",
    "Whole",
    "Within",
    "bare",
    "days_between",
    "decode",
    "decode_rows",
    "encode_fields",
    "expect_several",
    "fields_from_json",
    "hooked",
    "is_id",
    "model",
    "to_id",
    "utc_text",
    "variants",
    "zone_of",
]
