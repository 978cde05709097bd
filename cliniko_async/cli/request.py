"""`cliniko request`: any path of the API."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final

import click
import msgspec

from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.run import run, understood
from cliniko_async.cli.terminal import out

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["request"]

METHODS: Final = ("GET", "POST", "PATCH", "DELETE")


@cliniko.command(
    examples=(
        "cliniko request GET /settings",
        "cliniko request GET /recalls -p 'q[]=patient_id:=123'",
        "cliniko request PATCH /taxes/1 --body tax.json --write",
    )
)
@click.argument(
    "method",
    metavar="METHOD",
    type=click.Choice(["GET", "POST", "PATCH", "DELETE"], case_sensitive=False),
)
@click.argument("path")
@click.option("-p", "--param", multiple=True, metavar="NAME=VALUE", help="A query parameter.")
@click.option(
    "--body", type=click.File("rb"), help="A file with the JSON to send; - for standard input."
)
@click.option("--write", is_flag=True, help="Allow a request that changes records.")
@connected
@click.pass_obj
def request(
    connection: Connection,
    method: str,
    path: str,
    *,
    param: Sequence[str],
    body: IO[bytes] | None,
    write: bool,
) -> None:
    """Send a request to PATH, and show the answer's JSON.

    METHOD is GET, POST, PATCH or DELETE; without --write, only GET is sent. The rate limit is
    kept, and what fails is tried again, as with all other commands.
    """
    if method != "GET" and not write:
        raise click.UsageError(f"{method} changes records: say --write as well")
    params = [_param(text) for text in param]
    json = _json(body) if body else None

    async def work() -> None:
        async with connection.opened(read_only=not write) as session:
            with understood():
                answer = await session.request(method, path, params=params, json=json)
        if answer is not None:
            out(msgspec.json.format(msgspec.json.encode(answer), indent=2) + b"\n")

    run(work())


def _param(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise click.BadParameter("a parameter is NAME=VALUE", param_hint="-p")
    return name, value


def _json(body: IO[bytes]) -> Any:
    try:
        return msgspec.json.decode(body.read())
    except msgspec.DecodeError:
        # Not the error's own words: they may quote the body.
        raise click.BadParameter("the file holds no JSON", param_hint="--body") from None
