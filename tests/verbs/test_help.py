"""`help()` names the fields that can be written."""

from __future__ import annotations

import io
import json
import pydoc
import re
from importlib.resources import files
from typing import Any

import pytest

from cliniko_async import AsyncCliniko

FACTS = json.loads(files("cliniko_async.emulator").joinpath("facts.json").read_text())


def helped(method: Any) -> str:
    shown = io.StringIO()
    pydoc.Helper(output=shown).help(method)
    return shown.getvalue()


@pytest.mark.parametrize("verb", ["create", "update"])
def test_help_names_a_patients_fields(verb: str) -> None:
    text = helped(getattr(AsyncCliniko.patients, verb))
    for name in ("first_name", "date_of_birth", "custom_fields", "patient_phone_numbers"):
        assert name in text


def test_help_says_which_fields_a_new_record_needs() -> None:
    assert "Required: draft, patient_id, title." in helped(AsyncCliniko.treatment_notes.create)
    assert "Required" not in helped(AsyncCliniko.treatment_notes.update)


def test_every_writable_field_of_the_facts_is_named() -> None:
    told = 0
    for operation in FACTS["operations"]:
        resource = getattr(AsyncCliniko, operation["path"].split("/")[1], None)
        method = getattr(resource, operation["kind"], None)
        if (
            operation["kind"] in ("create", "update")
            and operation["path"].count("/") < 3
            and method
        ):
            words = set(re.findall(r"[a-z]\w*[a-z0-9]", helped(method)))  # `from` is `from_`
            missing = FACTS["bodies"][operation["body"]]["properties"].keys() - words
            assert not missing, f"{operation['method']} {operation['path']}"
            told += 1
    assert told > 50
