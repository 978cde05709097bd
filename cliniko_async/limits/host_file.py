"""The file that a host's processes share: where it lies, who may read it, and on what."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from cliniko_async.errors import InvalidValueError
from cliniko_async.limits.store import StoreError

__all__ = ["boot", "checked", "default", "identity", "prepare"]

FOLDER: Final = "cliniko-async"
FILE: Final = "limits.sqlite"

NETWORK: Final = frozenset(
    {
        *("9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "glusterfs", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs"),
        *("vboxsf", "wekafs", "fuse.blobfuse", "fuse.blobfuse2", "fuse.ceph-fuse", "fuse.cephfs"),
        *("fuse.davfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys"),
        *("fuse.juicefs", "fuse.mfs", "fuse.moosefs", "fuse.mount-s3", "fuse.rclone"),
        *("fuse.s3fs", "fuse.seaweedfs", "fuse.sshfs"),
    }
)
"""Kinds of file systems, as Linux names them, whose locks do not hold between hosts."""

MNT_LOCAL: Final = 0x1000
"""The flag of mounts that are on this host (macOS, sys/mount.h)."""

DRIVE_REMOTE: Final = 4
"""What GetDriveTypeW says of a network drive (Windows, fileapi.h)."""


def checked(path: str | os.PathLike[str] | None) -> Path | None:
    """A path that was given, made absolute.

    Raises:
        InvalidValueError: It cannot be a file's.
    """
    if path is None:
        return None
    text = os.fspath(path)
    if not isinstance(text, str) or not text.strip() or "\0" in text:  # pyright: ignore[reportUnnecessaryIsInstance] # a PathLike may be of bytes
        raise InvalidValueError("HostLimiter takes the path of a file, such as 'run/limits.sqlite'")
    try:
        found = Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - links stay as they are
        is_folder, is_other = found.is_dir(), found.exists() and not found.is_file()
    except (OSError, RuntimeError) as error:  # too long, not allowed to look; nobody of that name
        problem = getattr(error, "strerror", None) or "there is no such home folder"
    else:
        if is_folder:
            problem = f"{found} is a folder: write {found / FILE}"
        elif is_other:
            problem = f"{found} is a device or a pipe"
        else:
            return found
    raise InvalidValueError(f"HostLimiter takes the path of a file: {problem}")


def default() -> Path:
    """The file of this account.

    Raises:
        OSError: No folder for it can be used.
    """
    return _own_folder() / FILE


def prepare(path: Path) -> None:
    """Make the file if there is none, readable by its owner alone.

    Raises:
        StoreError: It is on a network file system.
        OSError: It cannot be created.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kind = _network_kind(path.parent)
    if kind:
        raise StoreError(
            f"{path} is on a network file system ({kind}), where locks do not hold: name a file "
            "on a local disk with HostLimiter(path), or use a RedisLimiter",
            hopeless=True,
        )
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another that comes to lie in its place; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


# Where


def _own_folder() -> Path:
    """The account's own folder for state, or one below the temporary folder.

    Raises:
        OSError: Neither can be used.
    """
    try:
        return _private(_state() / FOLDER)
    except (OSError, RuntimeError):  # no home, or one that cannot be written to
        return _private(Path(tempfile.gettempdir()) / f"{FOLDER}-{_account()}")


def _state() -> Path:
    if sys.platform == "win32":
        given = os.environ.get("LOCALAPPDATA")
        return Path(given) if given else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    given = os.environ.get("XDG_STATE_HOME", "")
    return Path(given) if given.startswith("/") else Path.home() / ".local" / "state"


def _account() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if hasattr(os, "getuid"):
        # Below the temporary folder anybody may have made it.
        if folder.is_symlink() or found.st_uid != os.getuid():
            raise PermissionError("another account's folder")
        if found.st_mode & 0o077:
            folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError("a folder that cannot be written to")
    return folder


# On what


def _network_kind(folder: Path) -> str | None:
    """The kind of a network file system that a folder lies on, as far as can be told."""
    try:
        if sys.platform == "win32":
            return "a network drive" if _is_remote_drive(folder) else None
        if sys.platform == "darwin":
            return None if _is_local_mount(folder) else "by its mount's flags"
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except (OSError, ImportError, AttributeError, ValueError):
        return None
    kind = _kind_of(os.path.realpath(folder), mounts)
    return kind if kind in NETWORK else None


def _kind_of(folder: str, mounts: str) -> str:
    """The file system's kind at a folder: that of the deepest mount, the latest of several."""
    deepest, kind = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4] if left.count(" ") >= 4 else ""  # noqa: PLR2004 - its fifth field
        point = point.encode().decode("unicode_escape") if "\\" in point else point
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if point and inside and len(point) >= len(deepest):
            deepest, kind = point, right.split(" ")[0]
    return kind


def _is_remote_drive(folder: Path) -> bool:
    import ctypes  # noqa: PLC0415 - not on Linux

    drive = folder.anchor
    windll: Any = getattr(ctypes, "windll")  # noqa: B009 - there on Windows alone
    return drive.startswith("\\\\") or windll.kernel32.GetDriveTypeW(drive) == DRIVE_REMOTE


def _is_local_mount(folder: Path) -> bool:
    import ctypes  # noqa: PLC0415 - not on Linux

    libc = ctypes.CDLL(None, use_errno=True)
    # x86_64 keeps the name without a suffix for an older layout.
    statfs: Any = getattr(libc, "statfs$INODE64", None) or libc.statfs
    found = ctypes.create_string_buffer(4096)
    if statfs(os.fsencode(folder), found):
        return True
    # bsize, iosize: 8 bytes; five counts: 40; fsid: 8; owner, type: 8; then the flags.
    return bool(int.from_bytes(found.raw[64:68], sys.byteorder) & MNT_LOCAL)


# Since when


def boot() -> str:
    """What tells one run of this host from the next; empty where the system does not tell."""
    try:
        if sys.platform == "darwin":
            return _boot_session()
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ImportError, AttributeError, ValueError):
        return ""


def _boot_session() -> str:
    import ctypes  # noqa: PLC0415 - not on Linux

    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t(len(text))
    failed = libc.sysctlbyname(b"kern.bootsessionuuid", text, ctypes.byref(size), None, 0)
    return "" if failed else text.value.decode("ascii")
