"""Read what a user types after a flag: dollars, percentages, instants, durations, rates, sizes, mappings."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from llmopt.core.parsed import duration_s, fraction, money, percentage, rate_per_s, share, size_bytes, ttl_s
from llmopt.errors import ConfigError, UsageError

__all__ = [
    "choice",
    "duration_s",
    "fraction",
    "instant",
    "mapping",
    "mapping_file",
    "money",
    "names",
    "number",
    "percentage",
    "rate_per_s",
    "share",
    "size_bytes",
    "time_limit_s",
    "whole",
    "wholes",
]


def whole(text: str | None, flag: str, *, least: int = 0, most: int | None = None) -> int | None:
    """Return a whole number of at least `least`, and at most `most`, from its digits."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()) or int(text) < least:
        raise UsageError(f"{flag} {text!r}: not a whole number of {least} or more", f"such as {flag} 10")
    if most is not None and int(text) > most:
        raise UsageError(f"{flag} {text!r}: more than {most}", f"such as {flag} {most}")
    return int(text)


def number(text: str | None, flag: str, example: str = "0.5") -> float | None:
    """Return a number of any sign; None for None.

    Raises:
        UsageError: it is none, or not finite.
    """
    if text is None:
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise UsageError(f"{flag} {text!r}: not a number", f"such as {flag} {example}")
    return found


def time_limit_s(text: str | None, flag: str) -> float | None:
    """Return seconds, above 0, from `10m`, `90s` or `2h`; None for None. `m` is minutes: nobody means metres here."""
    return None if text is None else ttl_s(text, flag, example="10m, 90s or 2h")


def instant(text: str | None, flag: str, *, end_of_day: bool = False) -> datetime | None:
    """Return the UTC instant of `2024-05-01` or `2024-05-01T12:00:00+02:00`; without a zone it is UTC.

    With `end_of_day` a bare day stands for its end, so that `--until 2024-05-31` has all of the 31st.
    """
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
            day = date.fromisoformat(text.strip())
            start = datetime(day.year, day.month, day.day, tzinfo=UTC)
            return start + timedelta(days=1) if end_of_day else start
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{flag} {text!r}: not a day or an instant", f"such as {flag} 2024-05-01") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def wholes(text: str | None, flag: str, *, least: int = 1) -> tuple[int, ...] | None:
    """Return the whole numbers in `1,2,4`, ascending, each once; None for None."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,9}", part) and int(part) >= least for part in parts):
        raise UsageError(f"{flag} {text!r}: not whole numbers of {least} or more", f"such as {flag} 1,2,4")
    return tuple(sorted({int(part) for part in parts}))


def names(text: str) -> tuple[str, ...]:
    """Return the names in `model, day`, in order, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def choice(text: str | None, flag: str, known: Sequence[str]) -> str | None:
    """Return `text` where it is one of `known`; None for None."""
    if text is not None and text not in known:
        raise UsageError(f"{flag} {text!r}: not one of {', '.join(known)}", f"such as {flag} {known[0]}")
    return text


def mapping(values: Sequence[str], flag: str) -> dict[str, str] | None:
    """Return the pairs of `a=b` arguments and of mapping files, later ones winning; None for no argument."""
    pairs: dict[str, str] = {}
    for value in values:
        left, equals, right = value.partition("=")
        if equals and not Path(value).is_file():
            if not left.strip() or not right.strip():
                raise UsageError(f"{flag} {value!r}: one side is empty", f"write {flag} name=value")
            pairs[left.strip()] = right.strip()
        else:
            pairs.update(mapping_file(Path(value), flag))
    return pairs or None


def mapping_file(path: Path, flag: str) -> dict[str, str]:
    """Return the pairs of text in a JSON object or a TOML table.

    Raises:
        ConfigError: the file cannot be read, or holds something else than pairs of text.
    """
    hint = 'a JSON object such as {"name": "value"}, or TOML lines such as name = "value"'
    try:
        text = path.read_text(encoding="utf-8")
        data = _toml(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigError(f"{flag} {path}: cannot be read: {error.strerror}", hint) from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", hint) from error
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise ConfigError(f"{path}: not a list of pairs of text", hint)
    return data


def _toml(text: str) -> object:
    import tomllib  # only mapping files in TOML need it

    return tomllib.loads(text)
