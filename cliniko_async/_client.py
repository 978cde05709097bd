"""The session: `AsyncCliniko`, with one attribute per resource."""

from __future__ import annotations

import math
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar, Unpack, overload

import attrs

from cliniko_async._http.account import Credentials, Secret, check_user_agent
from cliniko_async._http.any_path import raw_request
from cliniko_async._http.request import Budget, Options
from cliniko_async._http.session import Session
from cliniko_async._http.view import View
from cliniko_async._watch import Watch
from cliniko_async.errors import (
    ClinikoError,
    InvalidTypeError,
    InvalidValueError,
    expect,
    hides_arguments,
)
from cliniko_async.limits.named import chosen_limiter, chosen_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    import httpx

    from cliniko_async._http.traffic import RequestEvent, Traffic, Wait
    from cliniko_async._models.model import Model
    from cliniko_async._verbs.many_records import Listable
    from cliniko_async._verbs.one_record import Resource
    from cliniko_async._watch import WatchOptions
    from cliniko_async.limits import Lane, Limiter, LimiterSnapshot, RateLimit
    from cliniko_async.resources.appointment_type_billable_items import AppointmentTypeBillableItems
    from cliniko_async.resources.appointment_type_products import AppointmentTypeProducts
    from cliniko_async.resources.appointment_types import AppointmentTypes
    from cliniko_async.resources.attendees import Attendees
    from cliniko_async.resources.availability_blocks import AvailabilityBlocks
    from cliniko_async.resources.available_times import AvailableTimes
    from cliniko_async.resources.billable_items import BillableItems
    from cliniko_async.resources.bookings import Bookings
    from cliniko_async.resources.businesses import Businesses
    from cliniko_async.resources.communications import Communications
    from cliniko_async.resources.concession_prices import ConcessionPrices
    from cliniko_async.resources.concession_types import ConcessionTypes
    from cliniko_async.resources.contacts import Contacts
    from cliniko_async.resources.daily_availabilities import DailyAvailabilities
    from cliniko_async.resources.group_appointments import GroupAppointments
    from cliniko_async.resources.individual_appointments import IndividualAppointments
    from cliniko_async.resources.invoice_items import InvoiceItems
    from cliniko_async.resources.invoices import Invoices
    from cliniko_async.resources.medical_alerts import MedicalAlerts
    from cliniko_async.resources.patient_attachments import PatientAttachments
    from cliniko_async.resources.patient_cases import PatientCases
    from cliniko_async.resources.patient_form_templates import PatientFormTemplates
    from cliniko_async.resources.patient_forms import PatientForms
    from cliniko_async.resources.patients import Patients
    from cliniko_async.resources.practitioner_reference_numbers import PractitionerReferenceNumbers
    from cliniko_async.resources.practitioners import Practitioners
    from cliniko_async.resources.product_suppliers import ProductSuppliers
    from cliniko_async.resources.products import Products
    from cliniko_async.resources.recall_types import RecallTypes
    from cliniko_async.resources.recalls import Recalls
    from cliniko_async.resources.referral_source_types import ReferralSourceTypes
    from cliniko_async.resources.referral_sources import ReferralSources
    from cliniko_async.resources.relationships import Relationships
    from cliniko_async.resources.services import Services
    from cliniko_async.resources.settings import Settings
    from cliniko_async.resources.signatures import Signatures
    from cliniko_async.resources.stock_adjustments import StockAdjustments
    from cliniko_async.resources.taxes import Taxes
    from cliniko_async.resources.treatment_note_templates import TreatmentNoteTemplates
    from cliniko_async.resources.treatment_notes import TreatmentNotes
    from cliniko_async.resources.unavailable_block_types import UnavailableBlockTypes
    from cliniko_async.resources.unavailable_blocks import UnavailableBlocks
    from cliniko_async.resources.users import Users

__all__ = ["AsyncCliniko"]

R = TypeVar("R", bound="Resource[Any]")


class Lazy(Generic[R]):
    """A resource whose module is imported when it is first used.

    A program that uses patients does not pay for the forty others. On the class, it is the
    resource's class, whose filters can be used without a session.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, session: None, _owner: type) -> type[R]: ...

    @overload
    def __get__(self, session: AsyncCliniko, _owner: type) -> R: ...

    def __get__(self, session: AsyncCliniko | None, _owner: type) -> type[R] | R:
        module = import_module(f"cliniko_async.resources.{self._name}")
        kind: type[R] = getattr(module, self._name.title().replace("_", ""))
        if session is None:
            return kind
        resource = kind(session._view)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # a part of the session
        session.__dict__[self._name] = resource
        return resource


class AsyncCliniko:
    """A session with the Cliniko API, as one of its users.

    Use it as `async with AsyncCliniko(...) as cliniko`. Fan out as many calls as you like: they
    wait for the rate limit, which all sessions of one user in this process share.

    Args:
        api_key: The user's key, with its shard behind the last hyphen: `MS0x...-au2`. Without one,
            `CLINIKO_API_KEY` is used.
        user_agent: Your application's name and an e-mail address that Cliniko can write to:
            `My app (dev@example.com)`. Without one, `CLINIKO_USER_AGENT` is used.
        base_url: Another server than the shard's, such as the emulator. https, or http on
            loopback. Without one, `CLINIKO_BASE_URL` is used if it is set.
        rate_limit: How many requests the user has in how many seconds. Without one,
            `CLINIKO_RATE_LIMIT` is used (`150/60`), or else `RateLimit(200, per=60)`.
        limiter: Where the user's places are counted: in this process (`LocalLimiter`), in a file
            for all processes of the host (`HostLimiter`), or in Redis for all hosts
            (`RedisLimiter`). Without one, `CLINIKO_LIMITER` is used (`process`, `host`, the path
            of a file, or `redis://...`), or else this process.
        read_only: Refuse every write before it is sent. Keys have no scopes: a key that
            can read can write.
        on_wait: Called with a `Wait` after each wait for the rate limit. A callback is called, not
            awaited; what it raises is logged once and changes nothing.
        on_request: Called with a `RequestEvent` after each attempt to have a request answered:
            which endpoint, which status, how long it took. It names no record and no value.
        transport: Your own httpx transport, for client certificates or tests. It must neither
            follow redirects nor retry, because requests it sends by itself are not counted.

    Raises:
        InvalidValueError: The key, the User-Agent, the base URL or an environment variable cannot
            be right.
        InvalidTypeError: An argument has the wrong type.
    """

    appointment_type_billable_items: Lazy[AppointmentTypeBillableItems] = Lazy()
    appointment_type_products: Lazy[AppointmentTypeProducts] = Lazy()
    appointment_types: Lazy[AppointmentTypes] = Lazy()
    attendees: Lazy[Attendees] = Lazy()
    availability_blocks: Lazy[AvailabilityBlocks] = Lazy()
    available_times: Lazy[AvailableTimes] = Lazy()
    billable_items: Lazy[BillableItems] = Lazy()
    bookings: Lazy[Bookings] = Lazy()
    businesses: Lazy[Businesses] = Lazy()
    communications: Lazy[Communications] = Lazy()
    concession_prices: Lazy[ConcessionPrices] = Lazy()
    concession_types: Lazy[ConcessionTypes] = Lazy()
    contacts: Lazy[Contacts] = Lazy()
    daily_availabilities: Lazy[DailyAvailabilities] = Lazy()
    group_appointments: Lazy[GroupAppointments] = Lazy()
    individual_appointments: Lazy[IndividualAppointments] = Lazy()
    invoice_items: Lazy[InvoiceItems] = Lazy()
    invoices: Lazy[Invoices] = Lazy()
    medical_alerts: Lazy[MedicalAlerts] = Lazy()
    patient_attachments: Lazy[PatientAttachments] = Lazy()
    patient_cases: Lazy[PatientCases] = Lazy()
    patient_form_templates: Lazy[PatientFormTemplates] = Lazy()
    patient_forms: Lazy[PatientForms] = Lazy()
    patients: Lazy[Patients] = Lazy()
    practitioner_reference_numbers: Lazy[PractitionerReferenceNumbers] = Lazy()
    practitioners: Lazy[Practitioners] = Lazy()
    product_suppliers: Lazy[ProductSuppliers] = Lazy()
    products: Lazy[Products] = Lazy()
    recall_types: Lazy[RecallTypes] = Lazy()
    recalls: Lazy[Recalls] = Lazy()
    referral_source_types: Lazy[ReferralSourceTypes] = Lazy()
    referral_sources: Lazy[ReferralSources] = Lazy()
    relationships: Lazy[Relationships] = Lazy()
    services: Lazy[Services] = Lazy()
    settings: Lazy[Settings] = Lazy()
    signatures: Lazy[Signatures] = Lazy()
    stock_adjustments: Lazy[StockAdjustments] = Lazy()
    taxes: Lazy[Taxes] = Lazy()
    treatment_note_templates: Lazy[TreatmentNoteTemplates] = Lazy()
    treatment_notes: Lazy[TreatmentNotes] = Lazy()
    unavailable_block_types: Lazy[UnavailableBlockTypes] = Lazy()
    unavailable_blocks: Lazy[UnavailableBlocks] = Lazy()
    users: Lazy[Users] = Lazy()

    @hides_arguments
    def __init__(
        self,
        api_key: str | None = None,
        *,
        user_agent: str | None = None,
        base_url: str | None = None,
        rate_limit: RateLimit | None = None,
        limiter: Limiter | None = None,
        read_only: bool = False,
        on_wait: Callable[[Wait], object] | None = None,
        on_request: Callable[[RequestEvent], object] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        key = _key(api_key)
        del api_key  # so that no traceback shows it
        account = Credentials.of(
            key, base_url=base_url or os.environ.get("CLINIKO_BASE_URL") or None
        )
        if isinstance(account, ClinikoError):
            raise account
        self._account: Credentials = account
        self._user_agent = check_user_agent(user_agent or os.environ.get("CLINIKO_USER_AGENT"))
        self._rate = chosen_rate(rate_limit)
        self._limiter = chosen_limiter(limiter)
        self._custom_transport = _checked_transport(transport)
        self._session = Session(account, self._rate, on_wait, on_request)
        self._view = View(self._session, Options(read_only=read_only))

    def __reduce__(self) -> NoReturn:
        raise InvalidTypeError(
            "a session is neither copied nor pickled: it holds connections, and tasks of its event "
            "loop. Pass it on as it is, or a view of it: with_options()"
        )

    async def __aenter__(self) -> Self:
        # The HTTP library is not needed to have filters or models.
        from cliniko_async._http.wire import Wire  # noqa: PLC0415 - slow to import

        self._session.open(
            lambda: Wire(
                self._account,
                user_agent=self._user_agent,
                connections=self._rate.in_flight,
                transport=self._custom_transport,
            ),
            lambda: self._limiter.open(self._rate.user or self._account.user, self._rate),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the session. Calls in progress end with `SessionClosedError`."""
        await self._session.aclose()

    def with_options(
        self,
        *,
        lane: Lane | None = None,
        timeout: float | None = None,
        max_wait: float | None = None,
        retries: int | None = None,
        max_requests: int | None = None,
        read_only: bool | None = None,
        batch_gets: bool | None = None,
    ) -> Self:
        """A light view on the same session: same connections, same limiter, other options.

        Args:
            lane: "interactive" for people who wait, "bulk" for jobs, which go second.
            timeout: Seconds that one attempt may take, from the connection to the last byte. The
                API itself cuts off after 30.
            max_wait: Seconds that a call may wait for the rate limit before `RateLimitError`. By
                default, it waits as long as it takes.
            retries: Tries after the first; by default as many as fit into about 10 seconds, or
                2 minutes in the bulk lane.
            max_requests: Requests that this view may send in total before `RequestBudgetError`.
            read_only: True refuses writes. A read-only session has no views that write.
            batch_gets: False sends each `get` as a request of its own, even if many wait.
        """
        given: dict[str, Any] = {
            "lane": _checked_lane(lane),
            "timeout": _checked_number("timeout", timeout, above=0),
            "max_wait": _checked_number("max_wait", max_wait),
            "retries": _checked_count("retries", retries),
            "budget": _budget(max_requests),
            "read_only": read_only or None,
            "batch_gets": batch_gets,
        }
        if batch_gets is not None:
            expect(batch_gets, bool, "batch_gets= takes True or False")
        changed = {name: value for name, value in given.items() if value is not None}
        view = object.__new__(type(self))
        view.__dict__ = {k: v for k, v in vars(self).items() if k.startswith("_")}
        view._view = View(self._session, attrs.evolve(self._view.options, **changed))
        return view

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | Sequence[tuple[str, object]] | None = None,
        json: object = None,
    ) -> Any:
        """Send a request to any path of the API; limiter, retries and redaction stay on.

        Args:
            method: GET, POST, PATCH or DELETE.
            path: Such as `/recalls`, or a link that the API sent.
            params: Query parameters, unencoded. A value may be a list: `{"q[]": [a, b]}`.
            json: The body, which is sent as JSON.

        Returns:
            The parsed JSON, or None if the answer has no body.

        Raises:
            InvalidValueError: A method that the API does not use, a full URL of another server, or
                `q` without brackets, which the API silently ignores.
        """
        request = raw_request(self._account.base_url, method, path, params, json)
        del path, params, json  # so that no traceback shows them here
        return await self._view.call(request)

    def watch(self, *resources: str, **options: Unpack[WatchOptions]) -> Watch[Model]:
        """Tell the changes of several resources as they come, under one cursor.

        `async for change in cliniko.watch("patients", "individual_appointments"): ...`

        Args:
            resources: Their names, as in the URL.
            options: As in a resource's own `watch`.

        Raises:
            InvalidTypeError: An option has another type.
            InvalidValueError: An option cannot be right, or there is no such resource to watch.
        """
        watched = [self._watchable(name) for name in dict.fromkeys(resources)]
        if not watched:
            raise InvalidValueError("watch takes the names of resources: watch('patients')")
        return Watch(self._view, lambda view: [one._target(view) for one in watched], **options)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # verbs of this package

    def _watchable(self, name: str) -> Listable[Any, Any, Any]:
        known = isinstance(name, str) and isinstance(vars(AsyncCliniko).get(name), Lazy)  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
        resource: Any = getattr(self, name) if known else None
        if not hasattr(resource, "watch"):
            raise InvalidValueError(
                "watch takes names of resources that have lists, as in the URL: "
                "'individual_appointments'"
            )
        found: Listable[Any, Any, Any] = resource
        return found

    @property
    def unknown_members(self) -> Mapping[str, Mapping[str, int]]:
        """Members of records that this version does not know: `{"patients": {"new_member": 3}}`.

        Counted by resource and path, without a value, at each record that is fetched alone and at
        a sample of the pages; each is told once at INFO by the logger
        `cliniko_async.unknown_members`. `raw()` has them.
        """
        return self._session.unknown_members.counts

    @property
    def shard(self) -> str:
        """The shard that the key belongs to, such as `au2`."""
        return self._account.shard

    @property
    def user(self) -> str:
        """A hash that stands for the key's user, the same for the same key: for names and logs."""
        return self._account.user

    @property
    def rate_limit(self) -> RateLimit:
        """What the user is allowed."""
        return self._rate

    def _hold_places(self, seconds: Iterable[float]) -> None:
        """Take places out of the allowance that an earlier process has used.

        The server counts on when a program is started again; a new process knows nothing of it.

        Args:
            seconds: How long to hold each place: `limiter.back` of the earlier process, less the
                time that has passed since.
        """
        self._session.allowance.hold(seconds)

    @property
    def limiter(self) -> LimiterSnapshot:
        """How the user's allowance stands: free places, in flight, waiting, next place."""
        return self._session.allowance.snapshot()

    @property
    def traffic(self) -> Traffic:
        """What this session has sent so far; it can still be read when the session is closed."""
        return self._session.traffic

    def __repr__(self) -> str:
        opened = "_account" in vars(self)  # debuggers look at what could not be made, too
        return f"<AsyncCliniko {self.shard}>" if opened else "<AsyncCliniko>"


def _checked_transport(
    transport: httpx.AsyncBaseTransport | None,
) -> httpx.AsyncBaseTransport | None:
    """A transport, if it is one, found out by what it can do: httpx is imported later."""
    if transport is None:
        return None
    if isinstance(transport, type):
        raise InvalidTypeError("transport= takes a transport, not its class: call it")
    if hasattr(transport, "build_request"):
        raise InvalidTypeError(
            "transport= takes a transport, not a client: httpx.AsyncHTTPTransport(...)"
        )
    if not hasattr(transport, "handle_async_request"):
        kind = "a synchronous one" if hasattr(transport, "handle_request") else "this"
        raise InvalidTypeError(
            f"transport= takes an asynchronous transport, not {kind}: "
            "httpx.AsyncHTTPTransport(...), or what is derived from httpx.AsyncBaseTransport"
        )
    return transport


def _key(given: str | None) -> Secret:
    key = os.environ.get("CLINIKO_API_KEY") if given is None else given
    if key is None:
        raise InvalidValueError(
            "no API key: pass one, or set CLINIKO_API_KEY. A user makes one in Cliniko under "
            "'My info', 'Manage API keys'"
        )
    return Secret(key)


def _checked_lane(lane: Lane | None) -> Lane | None:
    if lane not in (None, "interactive", "bulk"):
        raise InvalidValueError("lane= takes 'interactive' or 'bulk'")
    return lane


def _budget(max_requests: int | None) -> Budget | None:
    limit = _checked_count("max_requests", max_requests)
    return None if limit is None else Budget(limit)


def _checked_count(name: str, value: int | None) -> int | None:
    if value is None:
        return None
    expect(value, int, f"{name}= takes a whole number, not {type(value).__name__}")
    if value < 0:
        raise InvalidValueError(f"{name}= takes a whole number, 0 or more")
    return value


def _checked_number(name: str, value: float | None, *, above: float = -1) -> float | None:
    if value is None:
        return None
    expect(value, (int, float), f"{name}= takes a number, not {type(value).__name__}")
    # A NaN is neither above nor below anything, and infinity is what None is for.
    if not (value > above and 0 <= value < math.inf):
        bound = "above zero" if above == 0 else "of zero or more"
        raise InvalidValueError(f"{name}= takes a finite number of seconds {bound}")
    return value
