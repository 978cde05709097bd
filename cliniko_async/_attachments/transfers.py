"""Files to and from the hosts where they lie, from the start again if a transfer breaks off."""

from __future__ import annotations

import tempfile
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import anyio

from cliniko_async._attachments.upload import Form
from cliniko_async.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping

    from cliniko_async._attachments.upload import OnProgress, Upload
    from cliniko_async._http.file_host import FileHost

    Presign = Callable[[], Awaitable[tuple[str, Mapping[str, str]]]]
    """Asks where a file can go, and with which fields: afresh each time, for they run out."""

    Locate = Callable[[], Awaitable[str | bytes]]
    """Asks where a file lies, or what is in it."""

__all__ = ["fetch", "store"]

TRIES: Final = 3


async def store(
    file_host: FileHost, presign: Presign, upload: Upload, on_progress: OnProgress | None
) -> str:
    """Send a file to its host. Where it lies there.

    Raises:
        TransportError: The host did not take it.
    """
    # What is raised here has a signed URL in no frame: whoever has one has the file.
    wrong: str | None = None
    for tried in range(TRIES):
        await _pause_before(tried)
        wrong, where = await _store_once(file_host, presign, upload, on_progress)
        if wrong is None:
            return where
    raise TransportError(
        f"the file was not taken after {TRIES} tries: {wrong}", method="POST", path="file host"
    )


async def _store_once(
    file_host: FileHost, presign: Presign, upload: Upload, on_progress: OnProgress | None
) -> tuple[str | None, str]:
    """What is wrong, and where the file lies otherwise."""
    url, fields = await presign()
    form = Form(fields, upload)
    async with aclosing(form.pieces(on_progress)) as pieces:
        wrong = await file_host.post(url, pieces, form.headers)
    if wrong is not None:
        return wrong, ""
    key = fields.get("key", "").replace("${filename}", upload.name)
    return None, f"{url.rstrip('/')}/{key.lstrip('/')}"


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
    wrong: str | None = None
    for tried in range(TRIES):
        await _pause_before(tried)
        with _part_of(to) as part:
            came, wrong = await _write(file_host, locate, part, size, on_progress)
            if wrong is None:
                _put_in_place(part, to)
                return came
    raise TransportError(
        f"the file did not come whole after {TRIES} tries: {wrong}", method="GET", path="file host"
    )


async def _write(
    file_host: FileHost,
    locate: Locate,
    part: IO[bytes],
    size: int | None,
    on_progress: OnProgress | None,
) -> tuple[int, str | None]:
    """How many bytes came, and what is wrong with them."""
    came = 0
    async with anyio.wrap_file(part) as disk:

        async def write(piece: bytes) -> None:
            nonlocal came
            came += await disk.write(piece)
            if on_progress:
                on_progress(came, came if size is None else size)

        wrong: str | None = None
        found = await locate()
        if isinstance(found, str):
            wrong = await file_host.get(found, write)
        else:
            await write(found)
    if wrong is None and size is not None and came != size:
        wrong = f"{came} bytes came of {size}"
    return came, wrong


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
        dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
    )
    try:
        yield part
    finally:
        part.close()
        Path(part.name).unlink(missing_ok=True)
