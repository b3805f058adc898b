"""Replace a file in one step: whoever reads it sees the old text or the new one, and a crash leaves the old one."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from llmopt.errors import InputError, next_step
from llmopt.prompts.files.reading import stamp_of

_NAME = ".llmopt-"


def replace_file(path: Path, data: bytes, *, stamp: tuple[int, int] | None = None) -> None:
    """Write a file by way of another one beside it; mode, owner (where allowed) and symbolic links stay.

    Hard links to it keep the old text. A device or a named pipe stays what it is, and gets the data.

    Args:
        path: the file, there or not.
        data: all of it.
        stamp: what `stamp_of` said when it was read; None: it need not be the same still.

    Raises:
        InputError: it cannot be written, or somebody else wrote to it; it is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        _feed(target, data)
        return
    beside = target.with_name(f"{_NAME}{secrets.token_hex(8)}.tmp")
    try:
        _check(target, stamp)
        _fill(beside, data, target)
        _check(target, stamp)
        beside.replace(target)
        _settle(target.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}", "it is as it was") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _feed(target: Path, data: bytes) -> None:
    try:
        with target.open("wb") as file:
            file.write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}", next_step(error)) from error


def _check(target: Path, stamp: tuple[int, int] | None) -> None:
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(13, os.strerror(13))
    if stamp is not None and stamp_of(str(target)) != stamp:
        raise InputError(f"{target}: somebody else wrote to it meanwhile", "it is left as it is; run it again")


def _fill(beside: Path, data: bytes, target: Path) -> None:
    handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if target.exists() else 0o666)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        if target.exists():
            old = target.stat()
            with contextlib.suppress(PermissionError):
                os.fchown(handle, old.st_uid, old.st_gid)
            os.fchmod(handle, stat.S_IMODE(old.st_mode))
        os.fsync(handle)


def _settle(folder: Path) -> None:
    """Make the new name last through a power cut, where the file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
