"""`cliniko profiles`: the clinics that have names here."""

from __future__ import annotations

from cliniko_async.cli.group import cliniko
from cliniko_async.cli.profiles import profile_named, profile_names, profiles_file
from cliniko_async.cli.terminal import say, tell

__all__ = ["profiles"]


@cliniko.command(
    examples=(
        "[north]",
        'key = "env:NORTH_API_KEY"',
        'user_agent = "Reports (it@north.example)"',
    )
)
def profiles() -> None:
    """Show the clinics in profiles.toml, and where their keys are.

    They are what --profile and --all-profiles name. Only you may read the file. A key is
    `env:NAME`, or `cmd: ...` for a password manager; base_url, rate and limiter may be there as
    well. This is how a clinic is written there:
    """
    file = profiles_file()
    names = profile_names()
    if not names:
        say(f"no profiles yet in {file}: `cliniko profiles --help` shows how to write one")
    for name in names:
        profile = profile_named(name)
        tell(f"{name}  key in {profile.where()}; {profile.user_agent or 'no user agent'}")
    if names:
        say(f"in {file}")
