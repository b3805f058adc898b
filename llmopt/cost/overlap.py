"""Ask the query which of the records that were read one by one it holds already.

Records without usage leave the query to be counted from their text. Others of the same response, and other spans of
the same trace, may have the usage and stay; then the text must not count on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from llmopt.cost.pairs import CUSTOM_ID, Answer
from llmopt.cost.query import Records
from llmopt.cost.spec.expr import LINE, Path
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.row import Outcome

_BILLED = f"outcome = {int(Outcome.OK)}"


def booked_keys(connection: duckdb.DuckDBPyConnection, found: Records, keys: Sequence[str]) -> list[str]:
    """Return those of the responses `keys` that the query has booked."""
    if not keys or not any(spec.dedupe for spec in found.formats):
        return []
    query = f"{found.with_sql}SELECT DISTINCT key FROM ({found.source}) WHERE {_BILLED} AND key IN (SELECT unnest(?))"
    return [key for (key,) in connection.execute(query, [list(keys)]).fetchall()]


def naming_requests(spec: Spec) -> Spec:
    """Return the format with what a batch names its requests by in the place of the group `user`."""
    return replace(spec, fields=spec.fields | {"user": Path((CUSTOM_ID,), LINE)})


def booked_answers(connection: duckdb.DuckDBPyConnection, found: Records, ids: Sequence[str]) -> list[Answer]:
    """Return the records with usage, and those that failed, whose request or response has one of `ids`.

    Args:
        connection: the one that has read the log.
        found: records by formats that `naming_requests` returned, grouped by `user`.
        ids: of requests and responses without usage.
    """
    keyless = [str(n) for n, spec in enumerate(found.formats) if not spec.dedupe]
    if not ids or not keyless:
        return []
    query = f"""{found.with_sql.rstrip()}
        SELECT fmt, CASE WHEN {_BILLED} THEN request_id END AS id, g_user, CASE WHEN {_BILLED} THEN model END, count(*)
        FROM ({found.source})
        WHERE outcome IN ({int(Outcome.OK)}, {int(Outcome.FREE)}) AND fmt IN ({", ".join(keyless)})
            AND (g_user IN (SELECT unnest(?)) OR ({_BILLED} AND request_id IN (SELECT unnest(?))))
        GROUP BY ALL ORDER BY ALL"""
    rows = connection.execute(query, [list(ids), list(ids)]).fetchall()
    return [Answer(found.formats[fmt].name, *named) for fmt, *named, count in rows for _ in range(count)]


def repeated_spans(connection: duckdb.DuckDBPyConnection, found: Records, spans: Sequence[str]) -> list[str]:
    """Return those of the spans with text and without usage whose tokens other spans tell.

    These are the ones above a span with usage or above another of `spans`, and those below a span whose usage counts:
    as `llmopt.cost.spans` has it.
    """
    if not spans or not found.trees:
        return []
    lines = " UNION ALL ".join(f"SELECT tree_id, tree_parent, outcome FROM {name}_all" for name in found.trees)
    yielding = " UNION ALL ".join(f"SELECT id FROM {name}_up" for name in found.trees)
    query = f"""{found.with_sql.rstrip()},
        texts AS (SELECT unnest(?) AS id),
        lines AS ({lines}),
        up AS (
            SELECT tree_parent AS id FROM lines
            WHERE tree_parent IS NOT NULL AND ({_BILLED} OR tree_id IN (SELECT id FROM texts))
            UNION SELECT l.tree_parent FROM lines l JOIN up ON l.tree_id = up.id WHERE l.tree_parent IS NOT NULL),
        climbs AS (
            SELECT tree_id AS text, tree_parent AS id FROM lines
            WHERE tree_parent IS NOT NULL AND tree_id IN (SELECT id FROM texts)
            UNION SELECT c.text, l.tree_parent FROM climbs c JOIN lines l ON l.tree_id = c.id
            WHERE l.tree_parent IS NOT NULL),
        billed AS (SELECT tree_id AS id FROM lines WHERE {_BILLED} AND tree_id NOT IN ({yielding}))
        SELECT id FROM texts WHERE id IN (SELECT id FROM up)
            OR id IN (SELECT text FROM climbs WHERE id IN (SELECT id FROM billed))"""
    return [span for (span,) in connection.execute(query, [list(spans)]).fetchall()]
