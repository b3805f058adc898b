"""The file of an SQLite store: begun, opened, and set aside when it is damaged or of another version.

Processes take turns at opening a file and at putting another one in its place. SQLite finds the write-ahead log and its
index by name: a process that opens the old file while it is being renamed could share them with the new one, and break
both (sqlite.org/howtocorrupt.html, section 2.5).
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from llmopt.errors import ConfigError, InputError
from llmopt.serving.cache.stores.sqlite_schema import Kind, looked_at, write_schema

try:
    import fcntl
except ImportError:  # Windows does not rename files that are open
    fcntl = None  # type: ignore[assignment]

OPEN_WAIT_S, TURN_WAIT_S = 5.0, 5.0

Identity = tuple[int, int]


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file is damaged, rather than that the disk or the moment is bad."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_stale(error: Exception) -> bool:
    """Whether a new connection may do better: no tables (cut to nothing, or just being begun), or an I/O error.

    The connections of a process share what they know of a file, so it may need all of them to be closed.
    """
    code = getattr(error, "sqlite_errorcode", 0) or 0
    return code == sqlite3.SQLITE_ERROR or code & 0xFF == sqlite3.SQLITE_IOERR


def absolute(path: str | Path) -> Path:
    """Return a path that stays the same when the process changes its folder.

    Raises:
        ConfigError: it can be none.
    """
    try:
        found = Path(path).expanduser().resolve()
        found.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f"{str(path)!r} cannot be opened: {error}", "name a file, such as cache.db") from error
    return found


def identity(path: Path) -> Identity | None:
    """Return what tells a file from another one of the same name; None: there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connected(path: Path, *, wait_s: float, reads_only: bool = False) -> sqlite3.Connection:
    """Open a file that is there.

    Raises:
        sqlite3.Error: it is not, or cannot be opened.
    """
    with opening(path):
        return _connected(path, wait_s, reads_only)


def prepared(path: Path, *, create: bool) -> str:
    """See to it that a file is a cache that can be opened, and return what there is to say about that.

    Raises:
        ConfigError: it cannot be opened or written, or is a database of something else.
        InputError: with `create=False`, there is no such file, or it is damaged or no cache.
    """
    if not path.exists():
        _begun(path, create)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no file"
        raise ConfigError(f"{path} is {what}", "name a file, such as cache.db")
    before = identity(path)
    try:
        wrong = _wrong(_kind(path, create), path, create)
    except sqlite3.Error as error:
        if create and identity(path) != before:  # another process is setting it aside
            return prepared(path, create=True)
        if not is_damage(error):
            raise ConfigError(f"{path} cannot be opened as a cache: {error}", _advice(path)) from error
        wrong = "is damaged"
    if not wrong:
        return ""
    if not create:
        raise InputError(f"{path} {wrong}", "a cache that opens it to write sets it aside and begins a new one")
    return renewed(path, before, wrong)


def renewed(path: Path, seen: Identity | None, what: str) -> str:
    """Set a file aside and begin a new one, and return what there is to say about that.

    Args:
        path: of the file.
        seen: the one to set aside; where another process has done so, its new one is used.
        what: what is wrong with it, "is damaged".

    Raises:
        ConfigError: it cannot be renamed, or no new one begun.
    """
    try:
        aside = set_aside(path, seen)
    except OSError as error:
        raise ConfigError(f"{path} {what} and cannot be renamed: {error.strerror}", _advice(path)) from error
    prepared(path, create=True)
    return f"{path} {what}" + (f"; it was set aside as {aside}, and a new one begun" if aside else "; it was replaced")


def set_aside(path: Path, seen: Identity | None) -> Path | None:
    """Rename a file out of the way, unless another process has done so since it was `seen`; return its new name.

    The one that was set aside before is replaced: a disk that damages files must not fill up with them.

    Raises:
        OSError: it cannot be renamed.
    """
    with replacing(path):
        if seen is None or identity(path) != seen:
            return None
        aside = path.with_name(path.name + ".damaged")
        for ending in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                Path(f"{path}{ending}").replace(f"{aside}{ending}")
    return aside


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Open a file together with others, while none replaces it."""
    with _locked(path.parent, exclusive=False):
        yield


@contextmanager
def replacing(path: Path) -> Iterator[None]:
    """Put another file in the place of one while nobody opens it."""
    with _locked(path.parent, exclusive=True):
        yield


def _begun(path: Path, create: bool) -> None:
    if not create:
        raise InputError(f"{path} does not exist", "name the file of a cache")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path), suppress(FileExistsError):
            # Answers are private: nobody but the owner may read them.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            for ending in ("-wal", "-shm"):  # of a file that somebody deleted; a process may still have them open
                Path(f"{path}{ending}").unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", _advice(path)) from error


def _wrong(kind: Kind, path: Path, create: bool) -> str:
    """Return what is wrong with a file that can be set aside; raise what is wrong with any other."""
    if kind is Kind.FOREIGN or (kind is Kind.EMPTY and not create):
        error = ConfigError if create else InputError
        raise error(f"{path} is {kind.value if kind is Kind.FOREIGN else 'no cache'}", "name the file of a cache")
    if create and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise ConfigError(f"{path} cannot be written: {os.strerror(errno.EACCES)}", _advice(path))
    return f"is {kind.value}" if kind is Kind.OTHER_VERSION else ""


def _kind(path: Path, create: bool) -> Kind:
    with opening(path), closing(_opened(path, OPEN_WAIT_S)) as connection:
        kind = looked_at(connection)
        if kind is Kind.EMPTY and create:
            write_schema(connection)
            kind = looked_at(connection)
        elif kind is Kind.CACHE:
            connection.execute("SELECT size FROM totals").fetchone()
        return kind


def _connected(path: Path, wait_s: float, reads_only: bool) -> sqlite3.Connection:
    connection = _opened(path, wait_s)
    try:
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA cache_size = -16000")
        if reads_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = FAST")
            connection.execute("PRAGMA wal_autocheckpoint = 512")
            connection.execute(f"PRAGMA journal_size_limit = {16 * 2**20}")
        connection.execute("SELECT size FROM totals").fetchone()  # reads the schema, and opens the write-ahead log
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _opened(path: Path, wait_s: float) -> sqlite3.Connection:
    """Open a file; without `mode=rw`, SQLite would begin one where somebody has deleted it."""
    where = f"{path.as_uri()}?mode=rw"
    return sqlite3.connect(where, timeout=wait_s, isolation_level=None, check_same_thread=False, uri=True)


def _advice(path: Path) -> str:
    return f"see to the rights and the space of {path.parent}, or name another file"


@contextmanager
def _locked(folder: Path, *, exclusive: bool) -> Iterator[None]:
    """Lock a folder: there is always one, and it leaves no file behind. A lock that cannot be had is done without."""
    if fcntl is None:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        _wait(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, kind: int) -> None:
    end_s = time.monotonic() + TURN_WAIT_S
    while time.monotonic() < end_s:
        try:
            fcntl.flock(descriptor, kind)
        except BlockingIOError:
            time.sleep(0.002)
        except OSError:  # not every file system has locks
            return
        else:
            return
