"""Writing a file so that either the old one or the new one is there, whole, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from blockweight.errors import BlockweightError

_FULL = {errno.ENOSPC, errno.EDQUOT}
# Directory entries and the file system's own tables need some room too.
_MARGIN = 1 << 20

_NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}
"""What file systems without hard links answer (FAT, some that are mounted over a network)."""

_WAITS: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0) if os.name == "nt" else ()
"""Seconds between attempts to swap. Windows refuses while any program has the file open or mapped, which for a virus
scanner or a WebUI that lists its models is a moment; elsewhere a refusal is a matter of permissions and stays one."""


def check_target(target: Path, size: int, *, overwrite: bool, source: Path | None = None) -> None:
    """Refuse, before any work, a target that cannot or must not be written.

    `size` is the new file's in bytes; `source` the file it is made from. BlockweightError for a name that does not end
    in `.safetensors`, a missing folder, a file that exists (unless `overwrite`), and a disk without room.
    """
    if target.suffix.lower() != ".safetensors":
        raise BlockweightError(f"'{target}' does not end in .safetensors, so no program would list it; add the ending.")
    try:
        _check_place(target, size, overwrite=overwrite, source=source)
    except (OSError, ValueError, RuntimeError) as error:  # no access, a NUL in the name, links in a circle
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"'{target}' cannot be written ({reason}); choose another place.") from None


def check_new(target: Path, *sources: Path, overwrite: bool) -> None:
    """Refuse, before any work, a target that is one of the files that it is made from, whatever it is called, and what
    `check_target` refuses however small the new file is: work may take minutes."""
    what = "the source itself, which is" if len(sources) == 1 else "one of the sources, which are"
    for source in sources:
        try:
            same = target.samefile(source)
        except (OSError, ValueError):  # one of them is missing or cannot be; reading and writing say so
            same = False
        if same:
            raise BlockweightError(f"'{target}' is {what} never overwritten; choose another name.")
    check_target(target, 0, overwrite=overwrite)


def _check_place(target: Path, size: int, *, overwrite: bool, source: Path | None) -> None:
    folder = target.resolve().parent
    if not folder.is_dir():
        raise BlockweightError(f"There is no folder '{folder}'; make it first.")
    if target.is_dir():
        raise BlockweightError(f"'{target}' is a folder; name a file in it.")
    if target.exists() and not target.is_file():
        raise BlockweightError(f"'{target}' is not a regular file; choose another name.")
    if target.exists() and not overwrite:
        if source is not None and target.samefile(source):
            raise BlockweightError(f"'{target}' is the source itself; choose another name.")
        raise BlockweightError(f"'{target}' exists already; choose another name, or allow overwriting (--overwrite).")
    disk = shutil.disk_usage(folder)
    needed = size + _MARGIN
    if disk.free < needed and disk.total > 0:  # some file systems, such as /proc, have no size; writing tells
        raise BlockweightError(
            f"The disk of '{folder}' has {disk.free / 1e6:,.1f} MB free, but '{target.name}' and the disk's own tables "
            f"need {needed / 1e6:,.1f} MB; free some space or choose another folder."
        )


def write_atomically(
    target: Path,
    write: Callable[[BinaryIO], None],
    check: Callable[[Path], None],
    *,
    overwrite: bool,
) -> None:
    """Let `write` fill a temporary file beside the target, flush it to the disk, let `check` read it back, and only
    then give it the target's name.

    A symbolic link is followed; an overwritten file's permissions are kept, and its owner, access lists and other
    attributes where the system allows; its time of change is not (WebUIs would not notice the new content). Without
    `overwrite` a target that appears at whatever moment stays: taking the name and looking whether it is free are one
    step of the system, wherever it has hard links or is Windows. On any exception, also from `write` and `check`, the
    temporary file is removed and the target stays as it was.
    BlockweightError for what the system refuses: no room, no permission.
    """
    real = target.resolve()
    temporary = real.with_name(f".blockweight-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("x+b") as handle:
            write(handle)
            handle.flush()
            os.fsync(handle.fileno())
        check(temporary)
        if not overwrite:
            _claim(temporary, real)
        else:
            if real.exists():
                _keep_attributes(real, temporary)
            _patiently(os.replace, temporary, real)
    except FileExistsError:
        raise BlockweightError(f"'{target}' has appeared in the meantime; choose another name.") from None
    except OSError as error:
        raise _refused(target, error) from None
    finally:
        # After a swap there is nothing by this name any more; after a link it is the second name of the new file.
        with contextlib.suppress(OSError):
            temporary.unlink()
    _sync_folder(real.parent)


def _keep_attributes(old: Path, new: Path) -> None:
    state, own = old.stat(), new.stat()
    if (state.st_uid, state.st_gid) != (own.st_uid, own.st_gid):
        with contextlib.suppress(OSError):  # only root may give files away
            os.chown(new, state.st_uid, state.st_gid)
    new.chmod(stat.S_IMODE(state.st_mode))
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):  # not every file system has them
            for name in os.listxattr(old):
                os.setxattr(new, name, os.getxattr(old, name))


def _claim(temporary: Path, real: Path) -> None:
    """Give the file a name that nothing has. FileExistsError where something has it, also since a moment ago."""
    if os.name == "nt":
        _patiently(os.rename, temporary, real)  # which refuses an existing name by itself there
        return
    try:
        os.link(temporary, real)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if real.exists():
            raise FileExistsError from None
        os.replace(temporary, real)


def _patiently(swap: Callable[[Path, Path], None], temporary: Path, real: Path) -> None:
    for wait in _WAITS:
        try:
            swap(temporary, real)
        except FileExistsError:
            raise
        except PermissionError:
            time.sleep(wait)
        else:
            return
    swap(temporary, real)


def _refused(target: Path, error: OSError) -> BlockweightError:
    if error.errno in _FULL:
        return BlockweightError(f"The disk became full while '{target}' was being written; free some space.")
    if isinstance(error, PermissionError):
        return BlockweightError(
            f"'{target}' may not be written; check permissions, and close programs that hold the file open."
        )
    return BlockweightError(f"'{target}' could not be written ({error.strerror or error}); choose another folder.")


def _sync_folder(folder: Path) -> None:
    # The new name survives a power cut only when the folder is on the disk too; Windows cannot open one for that.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
