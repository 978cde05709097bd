"""What a call asks for, and how its view of the session sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import msgspec

from cliniko_async._http.retries import Repeat
from cliniko_async._query.query_string import encode_query
from cliniko_async.errors import DecodeError, RequestBudgetError
from cliniko_async.limits import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliniko_async._http.answers import Response

__all__ = ["Budget", "Options", "Request"]

S = TypeVar("S")
T = TypeVar("T")

if TYPE_CHECKING:
    Parse = Callable[[bytes], T | DecodeError]
    """Reads a body. What is not JSON at all raises msgspec's error; what does not fit comes back
    as an error, to be raised where no frame holds the body."""


@attrs.define(eq=False)  # two budgets of the same size are two budgets
class Budget:
    """How many requests a view may send in total."""

    limit: int
    spent: int = 0

    def spend(self) -> None:
        """Take one request out of the budget.

        Raises:
            RequestBudgetError: No request is left.
        """
        self.check()
        self.spent += 1

    def check(self) -> None:
        """See whether a request is left.

        Raises:
            RequestBudgetError: No request is left.
        """
        if self.spent >= self.limit:
            raise RequestBudgetError(
                f"the budget of max_requests={self.limit} is spent", spent=self.spent
            )


@attrs.frozen(kw_only=True)
class Options:
    """How a view of the session sends its requests."""

    lane: Lane = "interactive"
    timeout: float = 35.0
    max_wait: float | None = None
    retries: int | None = None
    budget: Budget | None = None
    read_only: bool = False
    batch_gets: bool = True


class Request(Generic[T]):
    """What to send and how to read the answer. Its repr shows neither ids nor values.

    One that locates is answered with a redirect to another host, whose URL is its value.
    """

    __slots__ = ("body", "locates", "method", "parse", "path", "query", "repeat", "template")

    takes_refusals: bool = False
    """Whether a refusal (4xx, but no 429) is an answer to read, and not an error."""

    is_open: bool = False
    """Whether what is sent is not settled before there is a place for it; see `settled`."""

    def __init__(
        self,
        method: str,
        template: str,
        path: str,
        parse: Parse[T],
        *,
        query: str = "",
        body: Any = None,
        repeat: Repeat = Repeat.READ,
        locates: bool = False,
    ) -> None:
        self.method: str = method
        self.template: str = template
        self.path: str = path
        self.parse: Parse[T] = parse
        self.query: str = query
        self.body: bytes | None = None if body is None else msgspec.json.encode(body)
        self.repeat: Repeat = repeat
        self.locates: bool = locates

    @staticmethod
    def get(
        template: str,
        path: str,
        parse: Parse[S],
        params: Sequence[tuple[str, str]] = (),
    ) -> Request[S]:
        """A read."""
        return Request("GET", template, path, parse, query=encode_query(params))

    def read(self, answer: Response) -> T | DecodeError:
        """The value of an answer: mostly its body alone, parsed."""
        return self.parse(answer.body)

    def settled(self) -> Request[T]:
        """What is sent, asked for once, when its place is there: an open request says so then."""
        return self

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.template}>"
