"""Every error that this library raises.

    ClinikoError
    ├── InvalidValueError (ValueError)   an argument's value cannot be right; nothing was sent
    ├── InvalidTypeError (TypeError)     an argument's type cannot be right; nothing was sent
    │   └── InvalidFieldsError           fields of a write that cannot be right: both of the above
    ├── MissingExtraError (ImportError)  a package of an extra is not installed; nothing was sent
    ├── ReadOnlyError                    a write on a read-only session; nothing was sent
    ├── SessionClosedError               not open, closed, or another event loop's session
    ├── LimiterUnavailableError          the shared limiter cannot be reached; nothing was sent
    ├── RequestBudgetError               the view's max_requests are used up; nothing was sent
    ├── ApiError                         the API answered with an error status
    │   ├── AuthenticationError          401
    │   ├── ForbiddenError               403
    │   ├── NotFoundError                404
    │   │   └── NotBookableError         404 for free times, although everything named exists
    │   ├── ValidationError              422
    │   ├── RateLimitError               429, or max_wait would have been exceeded
    │   └── ServerError                  5xx
    ├── TransportError                   no usable answer: DNS, TLS, connection, a body cut short
    │   └── TransportTimeoutError (TimeoutError)  no answer within the deadline
    ├── OutcomeUnknownError              a write that may or may not have happened
    ├── DecodeError                      an answer that does not fit the model
    │   └── AnswerUnreadableError        a write that was done, but whose answer is not readable
    ├── IncompleteListingError           the listing may have holes
    │   └── ListingChangedError          rows came or went while pages were read
    ├── ExportError (OSError)            a file of an export could not be written
    └── MirrorError                      the target of a mirror could not be read or written

No message holds a key, a query value, a body or a field's value, because messages end up in logs.
What the server said about a refused request is in an attribute, for the caller to show or not.
"""

from __future__ import annotations

import copy
from datetime import datetime
from functools import wraps
from inspect import iscoroutinefunction, isfunction, unwrap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar, cast

from typing_extensions import deprecated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "AnswerUnreadableError",
    "ApiError",
    "AuthenticationError",
    "ClinikoError",
    "DecodeError",
    "ExportError",
    "ForbiddenError",
    "IncompleteListingError",
    "InvalidFieldsError",
    "InvalidTypeError",
    "InvalidValueError",
    "LimiterUnavailableError",
    "ListingChangedError",
    "MirrorError",
    "MissingExtraError",
    "NotBookableError",
    "NotFoundError",
    "OutcomeUnknownError",
    "RateLimitError",
    "ReadOnlyError",
    "RequestBudgetError",
    "ServerError",
    "SessionClosedError",
    "TransportError",
    "TransportTimeoutError",
    "ValidationError",
]


E = TypeVar("E", bound="ClinikoError")
P = ParamSpec("P")
R = TypeVar("R")


class ClinikoError(Exception):
    """The root of all errors of this library.

    Errors may travel between processes. What the server said and the records that were found are
    left behind then, because pickles end up in queues and result stores.
    """

    @property
    def message(self) -> str:
        """What went wrong, as in `str(error)`. It holds no key, no query and no value.

        Sentry shows an error's `message` before its `detail`, in which servers quote what was sent.
        """
        return str(self)

    def __copy__(self) -> Self:
        return _revive(type(self), self.args, dict(vars(self)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # In the same process nothing stays behind.
        return _revive(type(self), self.args, copy.deepcopy(vars(self), memo))

    def __reduce__(self) -> tuple[object, ...]:
        # The way of other exceptions calls the class with `args`, without what is keyword-only.
        kept = {name: LEFT_BEHIND.get(name, value) for name, value in vars(self).items()}
        return _revive, (type(self), self.args, kept)


LEFT_BEHIND: Final[Mapping[str, object]] = MappingProxyType(
    {"detail": None, "fields": {}, "found": {}}
)


def _revive(kind: type[E], arguments: tuple[object, ...], kept: dict[str, object]) -> E:
    error = kind.__new__(kind, *arguments)
    error.args = arguments  # which an OSError, such as TimeoutError, takes in its __init__
    vars(error).update(kept)
    return error


# Mistakes that are found before a request is spent.


class InvalidValueError(ClinikoError, ValueError):
    """An argument has a value that cannot be right; the message says what to write instead."""


class InvalidTypeError(ClinikoError, TypeError):
    """An argument has a type that cannot be right; the message says what to write instead."""


class InvalidFieldsError(InvalidTypeError, InvalidValueError):
    """Fields of a create or update that cannot be right, by type or by value; nothing was sent.

    Attributes:
        problems: One line for each problem: the field, the path inside it and what to write,
            never the value.
    """

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems: Sequence[str] = tuple(problems)


def expect(value: object, kinds: type | tuple[type, ...], otherwise: str) -> None:
    """Refuse an argument whose type is not the annotated one: callers may be untyped.

    To Python, `True` is an int and a datetime is a date; here they are refused.

    Args:
        value: The argument.
        kinds: The type, or types, that it may have.
        otherwise: The error's message, which says what to write.

    Raises:
        InvalidTypeError: It has another type.
    """
    named = kinds if isinstance(kinds, tuple) else (kinds,)
    fits = isinstance(value, kinds) and not any(
        isinstance(value, accident) and accident not in named for accident in (bool, datetime)
    )
    del value  # so that no traceback shows it here
    if not fits:
        raise InvalidTypeError(otherwise)


def hides_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Let errors about arguments leave a function without the frames of this library.

    A crash reporter shows the variables of all frames that an error has passed, and those that
    refuse a value hold it: a name to look for, say, that was passed as an id.
    """
    call: Any = function

    @wraps(call)
    def hidden(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return call(*args, **kwargs)
        except (InvalidValueError, InvalidTypeError) as error:
            problem = error.with_traceback(None)
        del args, kwargs
        raise problem

    @wraps(call)
    async def hidden_async(*args: P.args, **kwargs: P.kwargs) -> Any:
        work = call(*args, **kwargs)
        del args, kwargs
        try:
            return await work
        except (InvalidValueError, InvalidTypeError) as error:
            problem = error.with_traceback(None)
        raise problem

    return cast("Callable[P, R]", hidden_async if iscoroutinefunction(function) else hidden)


_COMPARISONS: Final = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})


def hide_arguments(kind: type) -> None:
    """Have all public methods of a class, and its comparisons, hide their arguments in errors."""
    for name, member in list(vars(kind).items()):
        if isfunction(member) and (name in _COMPARISONS or not name.startswith("_")):
            text = getattr(member, "__deprecated__", None)
            hidden = hides_arguments(member if text is None else unwrap(member))
            # Its warning names the line from which the outermost function was called.
            setattr(kind, name, hidden if text is None else deprecated(text)(hidden))


class MissingExtraError(ClinikoError, ImportError):
    """A package that an extra brings is not installed; the message has the line to type."""


def missing_extra(error: ImportError, extra: str) -> ImportError:
    """What to raise in place of a failed import.

    Args:
        error: The import's own.
        extra: The extra of this package that brings what is missing.
    """
    module = (error.name or "").partition(".")[0]
    if module == __name__.partition(".")[0]:
        return error  # a fault of ours, which no package cures
    name = module or "a package"
    told = f'{name} is missing: python -m pip install "cliniko-async[{extra}]"'
    return MissingExtraError(told, name=name)


class ReadOnlyError(ClinikoError):
    """A write was called on a session that was opened with `read_only=True`."""


class SessionClosedError(ClinikoError):
    """The session is not open yet, is closed, or belongs to another event loop."""


class LimiterUnavailableError(ClinikoError):
    """The shared limiter could not be reached in time, so no request was sent."""


class RequestBudgetError(ClinikoError):
    """The requests that `with_options(max_requests=...)` allows are used up.

    Attributes:
        spent: How many requests were sent.
    """

    def __init__(self, message: str, *, spent: int) -> None:
        super().__init__(message)
        self.spent: int = spent


# Answers with an error status.


class ApiError(ClinikoError):
    """The API answered with an error status.

    Attributes:
        status: The HTTP status; None for a `RateLimitError` if nothing was sent.
        request_id: The answer's `X-Request-Id`, if it had one.
        method: The HTTP method.
        path: The path's template, such as `/patients/{id}`: no ids, no query.
        detail: The server's own words, if it sent any. They may quote what was sent, so they
            are kept out of the message.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None,
        method: str,
        path: str,
        request_id: str | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status: int | None = status
        self.method: str = method
        self.path: str = path
        self.request_id: str | None = request_id
        self.detail: str | None = detail


class AuthenticationError(ApiError):
    """401: the key is not valid on the shard that was asked."""


class ForbiddenError(ApiError):
    """403: the key's user may not do this. A key has its user's permissions, no more."""


class NotFoundError(ApiError):
    """404: no such record, or one that is hidden because it is archived, deleted or cancelled.

    Attributes:
        ids: The ids that were not found, as they were asked for.
        found: The records that `get_many` did find, by id.
    """

    ids: Sequence[str] = ()
    found: Mapping[str, object] = {}


class NotBookableError(NotFoundError):
    """404 for a practitioner's free times, although everything named exists.

    Attributes:
        hidden: What online bookings do not show: "business", "practitioner", "appointment type".
            If empty: online bookings are off, or the practitioner has no hours there.
    """

    hidden: Sequence[str] = ()


class ValidationError(ApiError):
    """422: the API refused the fields.

    Attributes:
        fields: What the API says about each field. A message about the record as a whole is
            under `base`.
    """

    fields: Mapping[str, str] = {}


class RateLimitError(ApiError):
    """The rate limit would not have let this request through within `max_wait`.

    Without `max_wait`, a request waits as long as it takes, and this error does not occur.

    Attributes:
        reset_at: When the next try may succeed, in UTC, if that is known.
    """

    reset_at: datetime | None = None


class ServerError(ApiError):
    """5xx: the API failed, and failed again when the request was repeated."""


# No usable answer.


class TransportError(ClinikoError):
    """No usable answer came back, and trying again did not help.

    Attributes:
        method: The HTTP method.
        path: The path's template, such as `/patients/{id}`.
    """

    def __init__(self, message: str, *, method: str, path: str) -> None:
        super().__init__(message)
        self.method: str = method
        self.path: str = path


class TransportTimeoutError(TransportError, TimeoutError):
    """No answer came within the deadline, and trying again did not help."""


class OutcomeUnknownError(ClinikoError):
    """A write was sent, and it is not known whether it happened: look before you send it again.

    Attributes:
        method: The HTTP method.
        path: The path's template, such as `/patients`.
    """

    def __init__(self, message: str, *, method: str, path: str) -> None:
        super().__init__(message)
        self.method: str = method
        self.path: str = path


# Answers that are not what they should be.


class DecodeError(ClinikoError):
    """An answer does not fit the model.

    Attributes:
        resource: The model's name, such as `Patient`.
        id: The record's id, if it could be read.
        problems: One line for each problem, with the field's path, never with its value.
    """

    def __init__(
        self, message: str, *, resource: str, id: str | None = None, problems: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.resource: str = resource
        self.id: str | None = id
        self.problems: Sequence[str] = tuple(problems)


class AnswerUnreadableError(DecodeError):
    """A write was done, but the answer that should show its result cannot be read.

    Do not send it again: fetch the record instead.
    """


class IncompleteListingError(ClinikoError):
    """The listing ended short or out of order, so that rows may be missing."""


class ListingChangedError(IncompleteListingError):
    """Rows came or went while the pages were read, so that rows may be missing or doubled.

    Raised after the last row. A listing in the default order on a list that can be filtered by
    `created_at` heals itself instead; `on_change="ignore"` accepts the risk.
    """


# Copies.


class ExportError(ClinikoError, OSError):
    """A file of an export could not be written: the disk is full, or the folder is gone.

    What was written before is kept: run the export again, and it continues where it stopped.
    """

    @classmethod
    def of(cls, error: OSError) -> ExportError:
        """What the operating system said, and what to do."""
        file = f" {error.filename}" if error.filename else ""
        own = cls(
            f"the export cannot write{file} ({error.strerror}): make room, or give it the right "
            "to, and run it again; it goes on where it was"
        )
        own.errno = error.errno
        return own


class MirrorError(ClinikoError):
    """The target of a mirror could not be read or written."""
