"""SQL of instants: what `values.to_time` does, for duckdb."""

from __future__ import annotations

from llmopt.cost.spec.columns import literal
from llmopt.cost.spec.values import ISO, NAIVE_ISO, OFFSET, UNIX_SCALES

_SECONDS = r"\d\d([.,]\d+)?"


def time_sql(text: str, number: str = "") -> str:
    """Return SQL of a TIMESTAMP in UTC from ISO text or from unix seconds, milli-, micro- or nanoseconds.

    Args:
        text: SQL of a VARCHAR; `NULL` gives null.
        number: SQL of the same as a DOUBLE, where a column holds it already.

    What would lie far outside of the calendar is null.
    """
    if text == "NULL":
        return "CAST(NULL AS TIMESTAMP)"
    number = number or f"TRY_CAST({text} AS DOUBLE)"
    whens = " ".join(
        f"WHEN {number} >= {low} AND {number} < {high} "
        f"THEN make_timestamp(CAST(floor({number} * {scale} + 0.5) AS BIGINT))"
        for low, high, scale in UNIX_SCALES
    )
    return f"CASE WHEN {number} IS NULL THEN {_iso(text)} {whens} END"


def naive_sql(text: str, number: str) -> str:
    """Return SQL of whether a readable instant lacks a time zone."""
    assumed = f"regexp_full_match(trim({text}), {literal(NAIVE_ISO)}) AND {_iso(text)} IS NOT NULL"
    return f"CASE WHEN {number} IS NOT NULL OR {text} IS NULL OR suffix({text}, 'Z') THEN false ELSE {assumed} END"


def _iso(text: str) -> str:
    """SQL of a TIMESTAMP in UTC from ISO text.

    duckdb's cast to TIMESTAMP drops an offset, and reads words such as `epoch`; so only what ends in Z goes straight.
    """
    bare = f"trim({text})"
    plain = f"replace({bare}, ',', '.')"
    direct = f"TRY_CAST({plain} AS TIMESTAMP)"
    zoned = f"make_timestamp(epoch_us(TRY_CAST({plain} AS TIMESTAMPTZ)))"
    offset = f"regexp_full_match({bare}, {literal(f'.*:{_SECONDS}{OFFSET}')})"
    unreadable = f"NOT regexp_full_match({bare}, {literal(ISO)})"
    odd = f"CASE WHEN {unreadable} THEN NULL WHEN {offset} THEN {zoned} ELSE {direct} END"
    return f"CASE WHEN suffix({text}, 'Z') AND {text}[5] = '-' THEN {direct} ELSE {odd} END"
