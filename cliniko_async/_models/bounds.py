"""What the API's document says of values beyond their type: how long, how large, of what form.

Written into annotations: `name: Text255`. Values that are read are not held to it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Protocol, runtime_checkable

import attrs

__all__ = [
    "LARGEST",
    "Amount",
    "Bound",
    "Color",
    "Email",
    "Like",
    "Longest",
    "Minutes",
    "Percentage",
    "SignedAmount",
    "Text2",
    "Text50",
    "Text100",
    "Text255",
    "Text5000",
    "Within",
]


@runtime_checkable
class Bound(Protocol):
    """What a value has to be besides of its type."""

    def wrong(self, sent: Any) -> str | None:
        """What to say of a value, as it would be sent, that is out of bounds."""
        ...


@attrs.frozen
class Longest:
    """The most characters that a text may have."""

    characters: int

    def wrong(self, sent: str) -> str | None:
        """What to say of a longer text."""
        if len(sent) <= self.characters:
            return None
        return f"the API takes {self.characters} characters at the most: shorten it"


@attrs.frozen(kw_only=True)
class Within:
    """The range of a number.

    Attributes:
        least: The smallest.
        above: What it has to be larger than.
        most: The largest.
        below: What it has to be smaller than.
    """

    least: int | None = None
    above: int | None = None
    most: int | None = None
    below: int | None = None

    def wrong(self, sent: str | float) -> str | None:
        """What to say of a number out of the range."""
        number = Decimal(str(sent))
        fits = (
            (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
            and (self.below is None or number < self.below)
        )
        return None if fits else f"the API takes a number that is {self._words()}"

    def _words(self) -> str:
        bounds = {
            "at least": self.least,
            "above": self.above,
            "at most": self.most,
            "below": self.below,
        }
        return " and ".join(
            f"{words} {bound}" for words, bound in bounds.items() if bound is not None
        )


@attrs.frozen
class Like:
    """The form of a text. Capitals are not told from small letters, whatever the document says.

    Attributes:
        pattern: A regular expression for all of it.
        what: What such a text is, with a sample.
    """

    pattern: str
    what: str

    def wrong(self, sent: str) -> str | None:
        """What to say of a text of another form."""
        fits = re.fullmatch(self.pattern, sent, re.IGNORECASE)
        return None if fits else f"the API takes {self.what}"


LARGEST: Final = 4_000_000_000
"""Amounts and quantities are below it."""

Text2 = Annotated[str, Longest(2)]
Text50 = Annotated[str, Longest(50)]
Text100 = Annotated[str, Longest(100)]
Text255 = Annotated[str, Longest(255)]
Text5000 = Annotated[str, Longest(5000)]

Color = Annotated[str, Like("#([0-9a-f]{6}|[0-9a-f]{3})", "a colour of the web, such as #0099ff")]

# An empty text stands for none: the API itself writes it in places.
Email = Annotated[
    str,
    Like(
        r"|[A-Z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Z0-9.-]+\.[A-Z]{2,63}",
        "an e-mail address, such as ann@example.com",
    ),
]

Minutes = Annotated[int, Within(least=1, most=1439)]
"""Less than a day."""

Amount = Annotated[Decimal, Within(least=0, below=LARGEST)]
SignedAmount = Annotated[Decimal, Within(least=-LARGEST, below=LARGEST)]
Percentage = Annotated[Decimal, Within(least=0, most=100)]
