"""Let a duckdb connection read the objects among some sources; loads nothing where there are none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from llmopt.cost.sources import Source

_RAISED = re.compile(r"^OSError: llmopt://.*?: (.*)$", re.MULTILINE)
"""What an object's reader raised, as duckdb shows it: below a traceback."""


def mounted(connection: duckdb.DuckDBPyConnection, sources: Iterable[Source]) -> AbstractContextManager[None]:
    """Return a context in which the connection reads these sources, wherever they lie."""
    stored = [source.stored for source in sources if source.stored is not None]
    if not stored:
        return nullcontext()
    # Who reads files of this machine need not have fsspec.
    from llmopt.cost.stores.duckdb_files import serving

    return serving(connection, stored)


def reason_of(error: Exception) -> str:
    """Return the one line of an error of duckdb that says what is wrong."""
    found = _RAISED.search(str(error))
    return found[1] if found else str(error).splitlines()[0]
