"""Profiles: several clinics by name, in one file that nobody else can read.

    [north]
    key = "env:NORTH_API_KEY"                    # or "cmd: pass show cliniko/north"
    user_agent = "Reports (it@north.example)"
    rate = "150/60"

The file is `profiles.toml` in the platform's folder for configuration. A key in the file itself
is refused unless the profile also says `allow_inline_key = true`: such files end in backups.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
import click

from cliniko_async.cli.catalogue import near

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Profile", "profile_named", "profile_names", "profiles_file"]

FOLDER: Final = "cliniko"
FILE: Final = "profiles.toml"

NAME: Final = re.compile(r"[\w-]+")
"""A profile's name, which is also that of a folder or file: no platform refuses these."""

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""What others than its owner may do with a file."""

ENVIRONMENT: Final = "env:"
COMMAND: Final = "cmd:"


@attrs.frozen
class Profile:
    """How to reach one clinic.

    Attributes:
        key: Where its key is: `env:NAME`, `cmd: ...`, or the key itself.
        rate: As `--rate` takes it.
        limiter: As `--limiter` takes it.
    """

    name: str
    key: str = attrs.field(repr=False)
    user_agent: str | None = None
    base_url: str | None = None
    rate: str | None = None
    limiter: str | None = attrs.field(default=None, repr=False)
    allow_inline_key: bool = False

    def where(self) -> str:
        """Where its key is, in words that can be shown."""
        if self.key.startswith(ENVIRONMENT):
            return f"environment, {self.key.removeprefix(ENVIRONMENT).strip()}"
        return "a command" if self.key.startswith(COMMAND) else "the file itself"

    def api_key(self) -> str:
        """Its key.

        Raises:
            click.ClickException: It is not there, or stands in the file without being allowed to.
        """
        if self.key.startswith(ENVIRONMENT):
            return self._from_environment(self.key.removeprefix(ENVIRONMENT).strip())
        if self.key.startswith(COMMAND):
            return self._from_command(self.key.removeprefix(COMMAND).strip())
        if not self.allow_inline_key:
            raise click.ClickException(
                f'profile {self.name} has its key in the file: write key = "env:NAME" or '
                '"cmd: ...", or say allow_inline_key = true beside it'
            )
        return self.key

    def _from_environment(self, variable: str) -> str:
        key = os.environ.get(variable)
        if not key:
            raise click.ClickException(f"profile {self.name}: {variable} is not set")
        return key

    def _from_command(self, command: str) -> str:
        # No shell, and the terminal stays the command's: password managers ask there.
        words: str | Sequence[str] = command if os.name == "nt" else shlex.split(command)
        try:
            done = subprocess.run(words, stdout=subprocess.PIPE, check=False)  # noqa: S603 - the user's own
        except OSError as error:
            raise self._failed(error.strerror or "") from None
        if done.returncode:
            raise self._failed(f"status {done.returncode}")
        return done.stdout.decode(errors="replace").strip().partition("\n")[0].strip()

    def _failed(self, why: str) -> click.ClickException:
        return click.ClickException(f"profile {self.name}: the command for its key failed ({why})")


def profiles_file() -> Path:
    """Where profiles are kept."""
    import platformdirs  # noqa: PLC0415 - for those who have profiles

    return platformdirs.user_config_path(FOLDER, appauthor=False) / FILE


def profile_names() -> Sequence[str]:
    """The names of all profiles, in the file's order."""
    return tuple(_read(profiles_file()))


def profile_named(name: str) -> Profile:
    """A profile.

    Raises:
        click.ClickException: The file is not to be used as it is.
        click.BadParameter: No profile has this name.
    """
    file = profiles_file()
    profiles = _read(file)
    if name not in profiles:
        words = f"there is no profile {name!r} in {file}"
        hint = f": {near(name, profiles)}" if profiles else ""
        raise click.BadParameter(words + hint, param_hint="--profile")
    return _checked(name, profiles[name])


def _read(file: Path) -> Mapping[str, Any]:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if os.name != "nt" and mode & OTHERS:  # elsewhere modes say nothing
                raise click.ClickException(
                    f"others can read {file}: chmod 600 {shlex.quote(str(file))}"
                )
            return tomllib.load(opened)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        problem = "cannot be read"
    except tomllib.TOMLDecodeError:  # not its own words: they may quote a key
        problem = "is not TOML"
    raise click.ClickException(f"{file} {problem}")


def _checked(name: str, said: object) -> Profile:
    if not NAME.fullmatch(name):
        raise click.ClickException(
            f"{FILE}: [{name!r}] is no name for a profile: write letters, digits, - and _"
        )
    settings = {field.name: field for field in attrs.fields(Profile) if field.name != "name"}
    if not isinstance(said, dict):
        raise click.ClickException(f"{FILE}: write [{name}], and below it what belongs to it")
    given = cast("dict[str, Any]", said)
    for setting, value in given.items():
        if setting not in settings:
            raise click.ClickException(
                f"profile {name} has no setting {setting!r}: {near(setting, settings)}"
            )
        wanted = bool if setting == "allow_inline_key" else str
        if not isinstance(value, wanted):
            form = "true or false" if wanted is bool else "a text in quotes"
            raise click.ClickException(f"profile {name}: {setting} is {form}")
    if not given.get("key"):
        raise click.ClickException(f'profile {name} has no key: write key = "env:NAME"')
    return Profile(name=name, **given)
