"""From what a user calls a checkpoint to a path: a file, a folder, or a name in the hub's local cache.

The cache is read as it lies on disk (`models--OWNER--NAME/refs/main` names the folder below `snapshots`), so that
looking at headers needs no library of the hub; nothing is ever downloaded. Source: huggingface_hub's "Understand
caching".
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from llmopt.errors import InputError
from llmopt.models.stored.names import shortened

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_REVISION = re.compile(r"[\w-][\w.-]*")


def found(path_or_id: str | os.PathLike[str]) -> Path:
    """Return the file or folder of a checkpoint.

    Raises:
        InputError: there is none of that name, here or in the cache.
    """
    name = os.fspath(path_or_id)
    path = Path(name)
    try:
        if name and path.exists():
            return path
    except (OSError, ValueError) as error:
        raise InputError(f"{shortened(name)}: no such file or folder", "give the folder of a checkpoint") from error
    if not _REPOSITORY.fullmatch(name) or ".." in name:
        raise InputError(f"{name}: no such file or folder", "give the folder of a checkpoint, or one of its files")
    snapshot = _snapshot(_cache() / f"models--{name.replace('/', '--')}")
    if snapshot is None:
        raise InputError(
            f"{name}: no such file or folder, and not in the local cache of the hub",
            f"nothing is downloaded here; fetch it first, such as with `hf download {name}`",
        )
    return snapshot


def _snapshot(repository: Path) -> Path | None:
    """Return the newest snapshot that the cache holds of a repository's main branch."""
    try:
        revision = (repository / "refs" / "main").read_text("utf-8").strip()
    except (OSError, ValueError):
        return None
    snapshot = repository / "snapshots" / revision
    return snapshot if _REVISION.fullmatch(revision) and snapshot.is_dir() else None


def _cache() -> Path:
    """Return the folder of the cache, by the variables that huggingface_hub obeys."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(home).expanduser() / "hub"
