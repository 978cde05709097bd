"""How dlt runs: in a folder that nobody else can read, and that is removed afterwards.

dlt keeps the files that it loaded, readable for everybody, and reports its use to its makers. Here
it does neither. It works in a folder of its own beside the database, which is locked as
long as a run is alive; what a run that was killed has left there is removed by the next one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dlt
import msgspec
from dlt.common.runtime.anon_tracker import disable_anon_tracker
from dlt.destinations.exceptions import DestinationConnectionError
from filelock import FileLock, Timeout

from cliniko_async.errors import ClinikoError, InvalidValueError, MirrorError
from cliniko_async.export._owner import Owner
from cliniko_async.mirror._database import opened_elsewhere
from cliniko_async.mirror._views import create_views

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from cliniko_async.mirror._database import Target

__all__ = ["Pipeline", "checked_owner", "working_folder"]

PIPELINE: Final = "cliniko_mirror"
SOURCE: Final = "cliniko"
ACCOUNT: Final = "mirrored_account"
"""The table that names the account."""

LOG: Final = logging.getLogger("dlt")

OTHERS: Final = 0o077
PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700


@contextlib.contextmanager
def working_folder(target: Target) -> Generator[Path]:
    """A folder that nobody else can read, removed afterwards.

    Raises:
        MirrorError: Another mirror is writing to the target.
    """
    before = os.umask(OTHERS)
    level = LOG.level
    folder = _folder(target)
    lock = FileLock(folder / "lock", mode=PRIVATE_FILE)
    try:
        LOG.setLevel(logging.CRITICAL)
        _acquire(lock, target)
        _private(folder)
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
        work.mkdir(mode=PRIVATE_FOLDER)
        for file in target.file.parent.glob(f"{target.file.name}*") if target.file else ():
            file.chmod(PRIVATE_FILE)
        yield work
    finally:
        if lock.is_locked:
            shutil.rmtree(folder / "work", ignore_errors=True)
            with contextlib.suppress(OSError):  # Windows removes no file that is open
                (folder / "lock").unlink()
            lock.release()
        with contextlib.suppress(OSError):  # another run is at it already
            folder.rmdir()
        LOG.setLevel(level)
        os.umask(before)


def _folder(target: Target) -> Path:
    if target.file is not None:
        return target.file.parent / f".cliniko-{target.file.name}"
    return Path(tempfile.gettempdir()) / f".cliniko-{target.key}"


def _acquire(lock: FileLock, target: Target) -> None:
    file = Path(lock.lock_file)
    while not (lock.is_locked and file.exists()):
        lock.release()  # of a file that was removed by a run that ended just now
        file.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except FileNotFoundError:  # likewise
            continue
        except Timeout:
            raise MirrorError(f"another mirror is writing to {target.name}: wait for it") from None


def _private(folder: Path) -> None:
    """Check that a folder in a place that all users share is our own.

    Raises:
        MirrorError: Somebody else made it.
    """
    found = folder.lstat()
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode)):
        raise MirrorError(f"{folder} belongs to somebody else: set TMPDIR to another folder")
    folder.chmod(PRIVATE_FOLDER)


class Pipeline:
    """A dlt pipeline to a target.

    Errors are returned, not raised: dlt's frames hold rows, and crash reporters show variables.

    Attributes:
        states: What earlier runs noted, by resource; empty before `open`.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._folder = folder
        self._pipeline: Any = None
        self._state: Mapping[str, Any] = {}
        self.states: Mapping[str, Mapping[str, Any]] = {}

    def open(self) -> ClinikoError | None:
        """See what is there."""
        return self._given_back(self._open)

    def _open(self) -> None:
        dlt.config[f"{PIPELINE}.load.delete_completed_jobs"] = True
        dlt.config[f"{PIPELINE}.load.truncate_staging_dataset"] = True
        self._pipeline = dlt.pipeline(
            PIPELINE,
            pipelines_dir=str(self._folder),
            destination=self._target.destination,
            dataset_name=self._target.dataset,
        )
        disable_anon_tracker()
        LOG.setLevel(logging.CRITICAL)  # the first pipeline sets its own
        self._pipeline.sync_destination()
        self._state = self._pipeline.state.get("sources", {}).get(SOURCE, {})
        self.states = self._state.get("resources", {})

    def check(self, owner: Owner) -> None:
        """See that what is there is this account's.

        Raises:
            InvalidValueError: It is not.
        """
        checked_owner(self._state, owner, self._target.name)

    def note(self, owner: Owner) -> ClinikoError | None:
        """Note whose the target is, before any row is there."""
        if checked_owner(self._state, owner, self._target.name) == self._state.get("owner"):
            return None
        return self.run(_account(owner))

    def run(self, source: Any) -> ClinikoError | None:
        """Load what a source finds."""
        return self._given_back(lambda: self._pipeline.run(source, loader_file_format="parquet"))

    def make_views(self) -> ClinikoError | None:
        """Make the views of the tables that are there."""
        return self._given_back(lambda: create_views(self._pipeline))

    def _given_back(self, work: Callable[[], object]) -> ClinikoError | None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - dlt's errors, and those of the databases
            return self._own(error).with_traceback(None)
        return None

    def _own(self, error: BaseException) -> ClinikoError:
        """The error that a failed run raises: ours if one of ours was the cause."""
        causes = [error]
        while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
            if isinstance(cause, ClinikoError):
                return cause
            causes.append(cause)
        if isinstance(error, ClinikoError):
            return error
        name = type(causes[-1]).__name__
        if not any(_is_connection(cause) for cause in causes):
            # Databases may quote rows.
            return MirrorError(f"{self._target.name} cannot be read or written ({name})")
        if self._target.file is not None:
            return opened_elsewhere(self._target, Exception(str(causes[-1])))
        said = str(causes[-1]).strip().partition("\n")[0]
        return MirrorError(
            f"{self._target.name} cannot be reached ({name}: {said}): see that the server runs, "
            "and that the URL has the right user, password and database"
        )


def _is_connection(error: BaseException) -> bool:
    """Whether a database could not be reached; psycopg2 says so when it has no connection yet."""
    return isinstance(error, DestinationConnectionError) or (
        type(error).__name__ == "OperationalError" and "connection to server" in str(error)
    )


def _account(owner: Owner) -> Any:
    @dlt.source(name=SOURCE)
    def cliniko() -> Any:
        def account() -> Any:
            state = dlt.current.source_state()
            state["owner"] = checked_owner(state, owner, "the target")
            yield [{"account": owner.account, "user": owner.user}]

        return dlt.resource(account, name=ACCOUNT, write_disposition="replace")

    return cliniko()


def checked_owner(state: Mapping[str, Any], owner: Owner, name: str) -> dict[str, Any]:
    """What a state is to say of its owner from now on.

    Raises:
        InvalidValueError: It is the state of another account's copy.
    """
    found = state.get("owner")
    if found is None:
        new: dict[str, Any] = msgspec.to_builtins(owner)
        return new
    known = msgspec.convert(found, Owner)
    if not known.is_same(owner):
        raise InvalidValueError(
            f"{name} holds a mirror of another account: name another target, or another dataset"
        )
    merged: dict[str, Any] = msgspec.to_builtins(owner.with_signs_of(known))
    return merged
