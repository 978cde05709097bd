"""The operations that follow no rule: singletons, children without an id, computed times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cliniko_async.emulator.facts import load
from cliniko_async.emulator.free_times import available_times, next_available_time
from cliniko_async.emulator.records import linked_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cliniko_async.emulator.backend import Backend
    from cliniko_async.emulator.facts import Fact

__all__ = ["HANDLERS"]

Record = dict[str, Any]
Query = list[tuple[str, str]]

if TYPE_CHECKING:
    Handler = Callable[[Backend, Mapping[str, str], Query, Record], Record | None]


def _user(backend: Backend, _ids: Mapping[str, str], _query: Query, _body: Record) -> Any:
    return next(iter(backend.clinic.table("users")), None)


def _of_schema(name: str) -> Record:
    """A record with every property that its schema has, each with the simplest value."""
    return {member: _simplest(fact) for member, fact in load().properties(name).items()}


def _simplest(fact: Fact) -> Any:
    if "properties" in fact:
        return {name: _simplest(inner) for name, inner in fact["properties"].items()}
    if fact.get("type") == "array" or "items" in fact:
        return []
    if fact.get("nullable") or "type" not in fact:
        return None
    simple: dict[str, Any] = {"string": "", "integer": 0, "number": 0.0, "boolean": False}
    if "enum" in fact:
        return fact["enum"][0]
    if fact.get("format") == "date-time":
        return "2021-03-01T09:00:00Z"
    return simple.get(fact["type"], {})


def _settings(schema: str) -> Handler:
    def handler(backend: Backend, _ids: Mapping[str, str], _query: Query, _body: Record) -> Record:
        simplest = _of_schema(schema)
        simplest["account"]["id"] = backend.clinic.account_id
        own = {name: part for name, part in backend.clinic.settings.items() if name in simplest}
        return {**simplest, **own}

    return handler


def _referral_source(backend: Backend, ids: Mapping[str, str], _query: Query, _body: Record) -> Any:
    for source in backend.clinic.table("referral_sources"):
        if linked_id(source.get("patient")) == ids["patient_id"]:
            return source
    return None


def _set_referral_source(
    backend: Backend, ids: Mapping[str, str], query: Query, body: Record
) -> Any:
    clinic = backend.clinic
    if clinic.find("patients", ids["patient_id"]) is None:
        return None
    known = load().bodies["ReferralSource"].properties
    values = {name: value for name, value in body.items() if name in known}
    found = _referral_source(backend, ids, query, body)
    if found:
        return clinic.change("referral_sources", found["id"], values)
    return clinic.add("referral_sources", {"patient_id": ids["patient_id"], **values})


def _times(find: Callable[..., Record | None]) -> Handler:
    return lambda backend, ids, query, _body: find(backend.clinic, ids, dict(query))


def _presigned_post(backend: Backend, ids: Mapping[str, str], _query: Query, _body: Record) -> Any:
    known = backend.clinic.find("patients", ids["patient_id"])
    return backend.files.presign() if known else None


def _attach(backend: Backend, _ids: Mapping[str, str], _query: Query, body: Record) -> Any:
    return backend.files.attach(body)


_ONLINE: Final = (
    "/businesses/{business_id}/practitioners/{practitioner_id}"
    "/appointment_types/{appointment_type_id}"
)

HANDLERS: Final[dict[tuple[str, str], Handler]] = {
    ("GET", "/user"): _user,
    ("GET", "/settings"): _settings("Settings"),
    ("GET", "/settings/public"): _settings("PublicSettings"),
    ("GET", f"{_ONLINE}/available_times"): _times(available_times),
    ("GET", f"{_ONLINE}/next_available_time"): _times(next_available_time),
    ("GET", "/patients/{patient_id}/attachment_presigned_post"): _presigned_post,
    ("POST", "/patient_attachments"): _attach,
    ("GET", "/patients/{patient_id}/referral_source"): _referral_source,
    ("PATCH", "/patients/{patient_id}/referral_source"): _set_referral_source,
}
