"""Open the folder of a state for one run at a time, and say clearly what stands in the way.

The lock is a transaction on a database of its own. It ends with its process, however that ends, and works wherever
SQLite does; those who wait for it can be stopped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import duckdb
import msgspec

from llmopt.cost.state.schema import prepare_tables
from llmopt.cost.state.store import DATABASE, Store
from llmopt.errors import ConfigError, LlmoptError

LOCK = "lock.sqlite"
WAIT_S = 3600.0
_TRY_S = 0.2
"""How long SQLite waits before Ctrl-C is looked at again."""
_BUSY_S = 60.0
"""For somebody who looks into the database."""
_HINTS = {
    sqlite3.SQLITE_FULL: "make room on the disk; the next run goes on where this one stopped",
    sqlite3.SQLITE_READONLY: "name a folder that can be written",
    sqlite3.SQLITE_CANTOPEN: "name a folder that can be written",
    sqlite3.SQLITE_IOERR: "make sure that the disk is there and has room",
    sqlite3.SQLITE_BUSY: "see what else has the database open",
}
_BROKEN = "move the folder away and run again: all logs that are still there are read once more"


@contextmanager
def opened(directory: Path, *, wait_s: float = WAIT_S, waiting: Callable[[], None] = lambda: None) -> Iterator[Store]:
    """Open a state, made where there is none, and let nobody else write it.

    Args:
        directory: its folder.
        wait_s: how long to wait for another run.
        waiting: called once when there is another one.

    Raises:
        ConfigError: it cannot be written, is broken, is of another version, or is used by another run for too long.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with closing(_connect(directory / LOCK, _TRY_S)) as lock:
            _take(lock, directory, wait_s, waiting)
            with closing(_connect(directory / DATABASE, _BUSY_S)) as connection:
                prepare_tables(connection, str(directory / DATABASE))
                store = Store(directory, connection)
                store.sweep()
                yield store
    except LlmoptError:
        raise
    except sqlite3.Error as error:
        hint = _HINTS.get(_code(error), _BROKEN)
        raise ConfigError(f"{directory}: the state cannot be used: {error}", hint) from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{directory / DATABASE}: cannot be understood: {error}", _BROKEN) from error
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        reason = str(error).splitlines()[0]
        hint = "make room on the disk; the next run goes on where this one stopped"
        raise ConfigError(f"{directory}: {reason}", hint if "space" in reason else _BROKEN) from error
    except OSError as error:
        raise ConfigError(
            f"{error.filename or directory}: {error.strerror or error}",
            "name a folder that can be written, on a disk with room; what was read is kept",
        ) from error


def _take(lock: sqlite3.Connection, directory: Path, wait_s: float, waiting: Callable[[], None]) -> None:
    """Take the lock; nothing is ever written to it."""
    end_s = monotonic() + wait_s
    waited = False
    while True:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            if monotonic() >= end_s:
                raise ConfigError(f"{directory}: another run uses this state", "run again when it has ended") from error
            if not waited:
                waiting()
            waited = True
        else:
            return


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=busy_s, isolation_level=None)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
