"""Whose records a folder holds: by what the API says, and what happens if it cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from oddserver import OddServer, session

from cliniko_async.errors import InvalidValueError, TransportError
from cliniko_async.export import export

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


class Unasked(OddServer):
    """Lists as the others do, and answers otherwise to what is asked about the account."""

    def __init__(self, answer: httpx.Response | Exception) -> None:
        super().__init__()
        self.answer = answer
        self.add("taxes", 1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith(("/settings/public", "/user")):
            return await super().handle_async_request(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (httpx.ConnectError("no route"), TransportError),
        (LookupError("a transport of one's own, without settings"), LookupError),
        (httpx.Response(200, text="<p>Sign in to the hotel's network</p>"), TransportError),
    ],
    ids=["network", "transport", "no-json"],
)
async def test_an_export_that_cannot_ask_for_the_account_says_why_and_writes_nothing(
    answer: httpx.Response | Exception, raised: type[Exception], tmp_path: Path
) -> None:
    async with session(Unasked(answer)) as cliniko:
        with pytest.raises(raised):
            await export(cliniko, ["taxes"], tmp_path)
    assert not (tmp_path / "taxes.jsonl").exists()


@pytest.mark.parametrize("status", [403, 404])
async def test_where_the_api_refuses_to_tell_the_account_only_the_same_key_continues(
    status: int, tmp_path: Path
) -> None:
    server = Unasked(httpx.Response(status))
    async with session(server) as cliniko:
        for _ in range(2):
            summary = await export(cliniko, ["taxes"], tmp_path)
            assert summary.records == {"taxes": 1}
    async with session(server, key="MS0xOTHER-au1") as other:
        with pytest.raises(InvalidValueError, match="another account"):
            await export(other, ["taxes"], tmp_path)
