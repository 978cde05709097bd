"""Records: what they are, and JSON to and from them.

Here belong the base of all models, values that several of them share, and the converter that
reads and writes them. Not here: the resources' own models, which stand with their resource.
"""

from cliniko_async._models.converter import decode, decode_rows, encode_fields
from cliniko_async._models.links import Link, Ref, is_id, to_id
from cliniko_async._models.model import Id, Model, Moment, Record, Unknown, model
from cliniko_async._models.moments import utc_text
from cliniko_async._models.people import PhoneNumber, Pronouns
from cliniko_async._models.unions import hooked, variants

__all__ = [
    "Id",
    "Link",
    "Model",
    "Moment",
    "PhoneNumber",
    "Pronouns",
    "Record",
    "Ref",
    "Unknown",
    "decode",
    "decode_rows",
    "encode_fields",
    "hooked",
    "is_id",
    "model",
    "to_id",
    "utc_text",
    "variants",
]
