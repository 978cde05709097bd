"""A web service behind Cliniko's custom patient button, with a search for the front desk.

Usage: uvicorn --app-dir examples patient_button:app

    GET  /patient?patient_id=123    a page: the patient's next appointments and open invoices
    POST /search                    {"last_name": "Exempel", "phone": "570 156"}: patients as JSON

Needs CLINIKO_API_KEY, CLINIKO_USER_AGENT and DESK_PASSWORD. The button opens its URL with a bare
`patient_id`. Nothing in it is signed, so everybody signs in here: with any name and the password,
over https. CLINIKO_REDIS_URL shares the user's allowance with other processes, and
CLINIKO_RATE_LIMIT, such as 150/60, is then the same in all of them.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import escape
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field

from cliniko_async import AsyncCliniko, GroupAppointment, IndividualAppointment
from cliniko_async.errors import (
    ClinikoError,
    LimiterUnavailableError,
    NotFoundError,
    RateLimitError,
    RequestBudgetError,
)
from cliniko_async.limits import RateLimit, RedisLimiter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

OPEN = 10  # an invoice's status
STATUSES: dict[type[Exception], int] = {
    NotFoundError: 404,
    RateLimitError: 503,
    LimiterUnavailableError: 503,
    RequestBudgetError: 422,
}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """One session for all requests, with one allowance. It refuses to write."""
    requests, seconds = os.environ.get("CLINIKO_RATE_LIMIT", "200/60").split("/")
    rate, redis_url = RateLimit(int(requests), per=float(seconds)), os.getenv("CLINIKO_REDIS_URL")
    limiter = RedisLimiter(redis_url, patience=5) if redis_url else None
    async with AsyncCliniko(read_only=True, rate_limit=rate, limiter=limiter) as cliniko:
        # Somebody looks at an empty page meanwhile: they are told rather than left waiting.
        app.state.cliniko = cliniko.with_options(max_wait=5, timeout=10)
        yield


async def session(
    request: Request, response: Response, who: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]
) -> AsyncCliniko:
    """The session, for those who know the password. No browser or proxy keeps the answer."""
    if not secrets.compare_digest(who.password.encode(), os.environ["DESK_PASSWORD"].encode()):
        raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})
    response.headers["Cache-Control"] = "no-store"
    cliniko: AsyncCliniko = request.app.state.cliniko
    return cliniko


app = FastAPI(lifespan=lifespan, openapi_url=None)
Session = Annotated[AsyncCliniko, Depends(session)]


@app.exception_handler(ClinikoError)
async def explain(_request: Request, error: Exception) -> JSONResponse:
    """Say what went wrong, once for all paths. Messages hold nothing of a patient.

    A service that writes meets `OutcomeUnknownError` here: look before writing again.
    """
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, RateLimitError):
        now = datetime.now(UTC)
        seconds = ((error.reset_at or now) - now).total_seconds()
        headers["Retry-After"] = str(max(1, ceil(seconds)))
    return JSONResponse({"error": str(error)}, STATUSES.get(type(error), 502), headers)


@app.get("/patient", response_class=HTMLResponse)
async def show(
    cliniko: Session, patient_id: Annotated[str, Query(pattern=r"^[0-9]{1,20}$")]
) -> str:
    """What the button opens."""
    a, g = cliniko.individual_appointments.filters, cliniko.group_appointments.filters
    i, now = cliniko.invoices.filters, datetime.now(UTC)
    theirs = g.patient_ids.contains(patient_id)
    patient, alone, grouped, unpaid = await asyncio.gather(
        cliniko.patients.get(patient_id, include={"archived"}),
        cliniko.individual_appointments.list(a.patient_id == patient_id, a.starts_at >= now).all(),
        cliniko.group_appointments.list(theirs, g.starts_at >= now).all(),
        cliniko.invoices.list(i.patient_id == patient_id, i.status == OPEN).all(),
    )
    coming: list[IndividualAppointment | GroupAppointment] = [*alone, *grouped]
    coming.sort(key=lambda appointment: appointment.starts_at or now)
    # All practitioners at once, those who have left included.
    links = {x.practitioner for x in coming if x.practitioner}
    known = await cliniko.practitioners.get_many(list(links), missing="none", include={"inactive"})
    names = {p.id: p.display_name for p in known if p}
    appointments = (
        f"{x.starts_at:%d %B %Y, %H:%M} UTC, {x.practitioner and names.get(x.practitioner.id)}"
        for x in coming
    )
    invoices = (f"No. {x.number} of {x.issue_date}: {x.total_amount}" for x in unpaid)
    return (
        f"<!doctype html><title>Patient {patient_id}</title>"
        f"<h1>{escape(f'{patient.first_name} {patient.last_name}')}</h1>"
        f"<h2>Appointments</h2>{as_list(appointments)}<h2>Open invoices</h2>{as_list(invoices)}"
    )


def as_list(lines: Iterable[str]) -> str:
    """Lines of text as HTML, where whatever people have typed stays text."""
    return "".join(f"<li>{escape(line)}" for line in lines) or "<p>None."


class Search(BaseModel):
    """What is searched for. It comes in the body, for URLs end in access logs."""

    last_name: str = Field(min_length=2, max_length=100)
    phone: str = Field(default="", max_length=30)


@app.post("/search")
async def search(cliniko: Session, wanted: Search) -> list[dict[str, Any]]:
    """Find patients by a part of the last name; phone numbers, which the API cannot find, here."""
    few = cliniko.with_options(max_requests=5)  # "an" is in half of all names
    named = few.patients.list(few.patients.filters.last_name.contains(wanted.last_name))
    return [
        {"id": p.id, "name": f"{p.first_name} {p.last_name}", "born": p.date_of_birth}
        async for p in named
        if any(digits(wanted.phone) in digits(n.number) for n in p.patient_phone_numbers or ())
        or not wanted.phone
    ]


def digits(text: str | None) -> str:
    """The digits alone: people write numbers with blanks and hyphens as they like."""
    return re.sub(r"\D", "", text or "")
