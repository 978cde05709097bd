"""Files to and from the hosts where they lie, from the start again if a transfer breaks off."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import anyio

from cliniko_async._attachments.upload import Form
from cliniko_async._http.answers import Failure
from cliniko_async.errors import InvalidValueError, TransportError, expect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping

    from cliniko_async._attachments.upload import OnProgress, Upload
    from cliniko_async._http.file_host import FileHost

    Presign = Callable[[], Awaitable[tuple[str, Mapping[str, str]]]]
    """Asks where a file can go, and with which fields: afresh each time, for they run out."""

    Locate = Callable[[], Awaitable[str | bytes]]
    """Asks where a file lies, or what is in it."""

__all__ = ["checked_target", "fetch", "store"]

TRIES: Final = 3


async def store(
    file_host: FileHost, presign: Presign, upload: Upload, on_progress: OnProgress | None
) -> str:
    """Send a file to its host. Where it lies there.

    Raises:
        TransportError: The host did not take it.
    """
    # What is raised here has a signed URL in no frame: whoever has one has the file.
    wrong: Failure | None = None
    for tried in range(TRIES):
        await _pause_before(tried)
        form = Form(*await presign(), upload)
        wrong = await _store_once(file_host, form, on_progress)
        if wrong is None:
            return form.stored_at
        if wrong.hopeless:
            break
    raise _failed("the file was not taken", wrong, "POST")


async def _store_once(
    file_host: FileHost, form: Form, on_progress: OnProgress | None
) -> Failure | None:
    """What is wrong, if the file was not taken."""
    async with aclosing(form.pieces(on_progress)) as pieces:
        wrong = await file_host.post(form.url, pieces, form.headers)
    if form.raised is not None:  # the caller's own
        raise form.raised
    return wrong if form.broken is None else Failure(form.broken, hopeless=True)


async def fetch(
    file_host: FileHost,
    locate: Locate,
    to: Path,
    size: int | None,
    on_progress: OnProgress | None,
) -> int:
    """Write a file to disk, where it appears when it is whole. Its size.

    Raises:
        TransportError: It could not be fetched, or has not the size that it should have.
    """
    wrong: Failure | None = None
    for tried in range(TRIES):
        await _pause_before(tried)
        with _part_of(to) as part:
            came, wrong = await _write(file_host, locate, part, size, on_progress)
            if wrong is None:
                _put_in_place(part, to)
                return came
        if wrong.hopeless:
            break
    raise _failed("the file did not come whole", wrong, "GET")


def _failed(what: str, wrong: Failure | None, method: str) -> TransportError:
    why = "" if wrong is None else f": {wrong.what}"
    return TransportError(f"{what}{why}", method=method, path="file host")


def checked_target(to: str | os.PathLike[str]) -> Path:
    """The path to download to, if a file can be written there: before anything is fetched.

    Raises:
        InvalidTypeError: It is not a path.
        InvalidValueError: It is a folder or a device, its folder is not there or cannot be written
            to, or its name is too long.
    """
    expect(to, (str, os.PathLike), f"download takes a path, not {type(to).__name__}")
    path = Path(to)
    wrong = _wrong_with(path)
    if wrong:
        del to, path  # names of files name patients
        raise InvalidValueError(f"download takes the path of a file to write, but {wrong}")
    return Path(os.path.realpath(path))  # the file behind a link


def _wrong_with(path: Path) -> str | None:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return "a folder lies there" if stat.S_ISDIR(mode) else "what lies there is not a file"
    except FileNotFoundError:
        pass
    except (OSError, ValueError):  # the latter of a NUL
        return "no file can have its name: is it too long?"
    if not path.parent.is_dir():
        return "its folder is not there: make it first"
    return None if os.access(path.parent, os.W_OK) else "its folder cannot be written to"


async def _write(
    file_host: FileHost,
    locate: Locate,
    part: IO[bytes],
    size: int | None,
    on_progress: OnProgress | None,
) -> tuple[int, Failure | None]:
    """How many bytes came, and what is wrong with them."""
    came = 0
    found = _Located(await locate())
    async with anyio.wrap_file(part) as disk:

        async def write(piece: bytes) -> None:
            nonlocal came
            came += await disk.write(piece)
            if on_progress:
                on_progress(came, came if size is None else size)

        wrong: Failure | None = None
        if found.content is None:
            wrong = await file_host.get(found.url, write)
        else:
            await write(found.content)
    if wrong is None and size is not None and came != size:
        wrong = Failure(f"{came} bytes came of {size}")
    return came, wrong


class _Located:
    """Where a file lies, or what is in it. Its repr shows neither."""

    __slots__ = ("content", "url")

    def __init__(self, found: str | bytes) -> None:
        self.url: str = found if isinstance(found, str) else ""
        self.content: bytes | None = None if isinstance(found, str) else found

    def __repr__(self) -> str:
        return "<located file>"


async def _pause_before(tried: int) -> None:
    if tried:
        await anyio.sleep(2.0**tried)


def _put_in_place(part: IO[bytes], to: Path) -> None:
    Path(part.name).replace(to)


@contextmanager
def _part_of(path: Path) -> Generator[IO[bytes]]:
    """A file of our own beside a path, for nobody else to read; what is left of it goes.

    It is made here and now: a thread that makes it might still do so after a cancellation.
    """
    part = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below, or when it is whole
        dir=path.parent, prefix=".download.", suffix=".part", delete=False
    )
    try:
        yield part
    finally:
        part.close()
        Path(part.name).unlink(missing_ok=True)
