"""`cliniko whoami`: whose key it is."""

from __future__ import annotations

import click

from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.run import run
from cliniko_async.cli.terminal import tell

__all__ = ["whoami"]


@cliniko.command()
@connected
@click.pass_obj
def whoami(connection: Connection) -> None:
    """Show whose key it is, and on which shard."""

    async def work() -> None:
        async with connection.opened() as session:
            user = await session.request("GET", "/user")
        name = f"{user['first_name']} {user['last_name']}"
        tell(f"{name}, {user['role']}, shard {session.shard}")

    run(work())
