"""Signatures under patient forms."""

from __future__ import annotations

from cliniko_async._http import Request
from cliniko_async._models import Link, Record, Ref, model, to_id
from cliniko_async._verbs import Resource

__all__ = ["Signature", "Signatures"]


@model
class Signature(Record):
    """A signature under a patient form."""

    image: str | None = None
    user: Link | None = None


class Signatures(Resource[Signature]):
    """The signatures under the account's patient forms."""

    path = "/patient_forms/{patient_form_id}/signatures"
    model = Signature

    async def get(self, patient_form_id: Ref, id: Ref) -> Signature:
        """Fetch one signature.

        Args:
            patient_form_id: The form.
            id: One of the form's `signatures`, or the `signature_id` of a question.
        """
        form, signature = to_id(patient_form_id, "patient_forms"), to_id(id, "signatures")
        path = f"/patient_forms/{form}/signatures/{signature}"
        return await self._view.call(Request.get(f"{self.path}/{{id}}", path, self._record()))
