"""The folder that a result is written to: whole or not there at all.

Everything is written into `DST.partial` beside it, which gets the name at the end; renaming a folder is one step
(rename(2)). A run that was killed leaves nothing but that folder, for `--resume` or the next run to take over.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llmopt.errors import InputError, LlmoptError, UsageError, next_step

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

MARK = ".llmopt-partial"
"""File in a folder that is not done yet; whoever writes the folder holds a lock on it."""
_SPARE_BYTES = 16 << 20
"""Of a disk that shall stay free: for the files beside the weights, and what the file system keeps of its own."""


@contextmanager
def atomic_folder(
    dst: str | os.PathLike[str],
    src: str | os.PathLike[str],
    *,
    resume: bool = False,
    worth_keeping: Callable[[Path], bool] | None = None,
) -> Iterator[Path]:
    """Yield a folder to write into; it becomes `dst` when all went well.

    It is removed after an error of llmopt and kept after an interruption, so that a run can go on.

    Args:
        dst: must not exist, or be an empty folder.
        src: what is read; neither may lie in the other.
        resume: go on in what a killed run left.
        worth_keeping: whether the folder is kept after an error, too, for what is in it by then; None: never.

    Raises:
        UsageError: `dst` exists, or one of the two lies in the other.
        InputError: the folder cannot be made, or another run is writing it.
    """
    target = checked_place(Path(dst), Path(src))
    partial = target.with_name(f"{target.name}.partial")
    made = [parent for parent in target.parents if not parent.exists()]
    try:
        with writing(partial):
            lock = _taken(partial, resume)
        try:
            with writing(partial):
                yield partial
                _stored_for_good(partial)
                partial.rename(target)
                (target / MARK).unlink()  # held until here, so that nobody takes what is done for what was left
        except LlmoptError:
            if worth_keeping is None or not worth_keeping(partial):
                shutil.rmtree(partial, ignore_errors=True)
            raise
        finally:
            os.close(lock)
    except LlmoptError:
        with suppress(OSError):
            for parent in made:
                parent.rmdir()
        raise


def checked_place(dst: Path, src: Path) -> Path:
    """Return the absolute path of a place that may be written.

    Raises:
        UsageError: it exists, or one of the two lies in the other.
    """
    try:
        target, source = dst.resolve(), src.resolve()
        taken = target.exists() and (not target.is_dir() or any(target.iterdir()))
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{dst}: {getattr(error, 'strerror', None) or error}", next_step(error)) from error
    if not target.name:
        raise UsageError(f"{dst}: no place for a result", "name a folder that does not exist yet")
    if target == source:
        raise UsageError(f"{dst}: the result would replace its source", "name another folder")
    if source in target.parents:
        raise UsageError(f"{dst}: lies inside the source {src}", "name a folder outside of it")
    if target in source.parents:
        raise UsageError(f"{dst}: the source {src} lies inside it", "name another folder")
    if taken:
        raise UsageError(f"{dst}: exists", "name a folder that does not exist yet, or remove it")
    if target.is_mount():
        raise UsageError(f"{dst}: is where a disk is mounted, and cannot be replaced", "name a folder in it")
    return target


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while something is written into an error of llmopt.

    Args:
        path: what is being written, for the message.

    Raises:
        InputError: in place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        hint = "free some space, or write elsewhere" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise InputError(f"{path}: {error.strerror or error}", hint) from error


def check_space(folder: Path, needed_bytes: int) -> None:
    """Make sure that the disk of a folder has room.

    Raises:
        InputError: it has not.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + _SPARE_BYTES:
        raise InputError(
            f"{folder.parent}: {needed_bytes / 1e6:,.0f} MB are to be written and {free / 1e6:,.0f} MB are free",
            "free some space, or write elsewhere",
        )


def emptied(folder: Path, *, but: Collection[str]) -> None:
    """Remove what is in a folder, except for some names; links are removed, and not followed."""
    for entry in folder.iterdir():
        if entry.name in but:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _taken(partial: Path, resume: bool) -> int:
    """Make the folder ours and return the descriptor of its lock."""
    if partial.is_dir() and not (partial / MARK).exists() and any(partial.iterdir()):
        raise UsageError(f"{partial}: is in the way and was not left by llmopt", "remove it, or name another folder")
    partial.mkdir(parents=True, exist_ok=True)
    lock = os.open(partial / MARK, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise InputError(f"{partial}: another run is writing it", "wait for it, or name another folder") from error
    if not resume:
        emptied(partial, but=(MARK,))
    return lock


def _stored_for_good(folder: Path) -> None:
    """Have the system write the files of a folder to its disk, so that a power failure does not empty what is done."""
    for path in (*sorted(folder.rglob("*")), folder):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            continue
        with suppress(PermissionError):  # a folder that cannot be opened; on Windows none can
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
