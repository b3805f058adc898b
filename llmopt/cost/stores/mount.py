"""Let a duckdb connection read the objects among some sources; loads nothing where there are none."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from llmopt.cost.sources import Source


def mounted(connection: duckdb.DuckDBPyConnection, sources: Iterable[Source]) -> AbstractContextManager[None]:
    """Return a context in which the connection reads these sources, wherever they lie."""
    stored = [source.stored for source in sources if source.stored is not None]
    if not stored:
        return nullcontext()
    # Who reads files of this machine need not have fsspec.
    from llmopt.cost.stores.duckdb_files import serving

    return serving(connection, stored)
