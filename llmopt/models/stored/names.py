"""Names of files that a checkpoint gives: they must stay in its folder, whoever wrote them.

An index that names `../../secret` or `/etc/passwd`, or a link in the folder that leads out of it, would have files of
this machine read, and copied beside weights that are then published.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath

from llmopt.errors import InputError

_SHOWN = 80
_PUT_THERE = "put the file itself there"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def inside(folder: Path, name: str, told_by: Path) -> Path:
    """Return the path of a file that a checkpoint names.

    Args:
        folder: that it must be in.
        name: as it is written.
        told_by: the file that names it, for the message.

    Raises:
        InputError: the name leads out of the folder, or is none.
    """
    parts = PurePosixPath(name).parts
    windows = PureWindowsPath(name)
    outside = name.startswith("/") or ".." in parts or ".." in windows.parts or bool(windows.drive or windows.root)
    if not parts or outside or "\\" in name or _CONTROL.search(name):
        raise InputError(
            f"{told_by}: it names {shortened(name)}, which is no file of this folder",
            "take the checkpoint from another source: an index names the files beside it",
        )
    return folder / name


def check_links(folder: Path, path: Path) -> None:
    """Refuse a file that is a link to somewhere else; the hub's cache links to its own store of files.

    Raises:
        InputError: it leads out of the folder.
    """
    if leads_out(folder, path):
        raise InputError(f"{path}: a link that leads out of the folder", _PUT_THERE)


def leads_out(folder: Path, path: Path) -> bool:
    """Return whether a path ends up, by links, neither in the folder nor in the hub cache that the folder is of."""
    try:
        real, home = path.resolve(), folder.resolve()
    except (OSError, RuntimeError):  # links that go round in circles
        return True
    if real.is_relative_to(home):
        return False
    stores = [parent.parent / "blobs" for parent in home.parents if parent.name == "snapshots"]
    return not any(real.is_relative_to(store) for store in stores)


def is_regular(path: Path) -> bool:
    """Return whether a path is, or links to, a regular file: no pipe, no device, no folder."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - one call where Path makes several
    except (OSError, ValueError):
        return False


def tensors(count: int) -> str:
    """Return a count of tensors: `1 tensor`, `1,234 tensors`."""
    return f"{count:,} tensor{'' if count == 1 else 's'}"


def shortened(name: str) -> str:
    """Return a name of somebody else's, quoted, and cut where it is very long."""
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}... ({len(name):,} characters)")
