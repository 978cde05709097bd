"""`cliniko profiles`: the clinics that have names here."""

from __future__ import annotations

import click

from cliniko_async.cli.group import cliniko
from cliniko_async.cli.profiles import profile_named, profile_names, profiles_file

__all__ = ["profiles"]


@cliniko.command()
def profiles() -> None:
    r"""Show the clinics that --profile and --all-profiles know, and where their keys are.

    \b
    [north]
    key = "env:NORTH_API_KEY"
    user_agent = "Reports (it@north.example)"

    This is how a clinic is written in profiles.toml, which only you may read. A key is `env:NAME`,
    or `cmd: ...` for a password manager; base_url, rate and limiter may be there as well.
    """
    file = profiles_file()
    names = profile_names()
    if not names:
        click.echo(f"none yet: {file} has none. See `cliniko profiles --help`.")
    for name in names:
        profile = profile_named(name)
        click.echo(f"{name}  key in {profile.where()}; {profile.user_agent or 'no user agent'}")
    if names:
        click.echo(f"in {file}", err=True)
