"""Read what a user types after a flag: dollars, percentages, instants, durations, rates, sizes, mappings."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from llmopt.errors import ConfigError, UsageError

_NUMBER = r"(\d[\d,]*(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)"
DURATION = re.compile(_NUMBER + r"\s*([a-z\u00b5\u03bc]*)", re.IGNORECASE)
RATE = re.compile(_NUMBER + r"\s*(?:/\s*([a-z]+))?", re.IGNORECASE)
_SECONDS = {
    **dict.fromkeys(("ns",), 1e-9),
    **dict.fromkeys(("us", "\u00b5s", "\u03bcs"), 1e-6),
    **dict.fromkeys(("ms",), 1e-3),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400.0),
}
"""Unit -> seconds. There is no bare `m`: it could be minutes, milliseconds or months."""
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


def money(text: str | None, flag: str) -> Decimal | None:
    """Return dollars from `12.50`, `$12.50` or `1,000`; None for None."""
    return (
        None if text is None else _decimal(text.strip().removeprefix("$").replace(",", ""), text, flag, "500 or $0.25")
    )


def percentage(text: str | None, flag: str) -> Decimal | None:
    """Return a fraction from `10%`; the sign is asked for, since 0.1 could mean either."""
    if text is None:
        return None
    if not text.strip().endswith("%"):
        raise UsageError(f"{flag} {text!r}: a percentage ends in %", f"such as {flag} 10%")
    return _decimal(text.strip()[:-1], text, flag, "10%") / 100


def whole(text: str | None, flag: str, *, least: int = 0, most: int | None = None) -> int | None:
    """Return a whole number of at least `least`, and at most `most`, from its digits."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()) or int(text) < least:
        raise UsageError(f"{flag} {text!r}: not a whole number of {least} or more", f"such as {flag} 10")
    if most is not None and int(text) > most:
        raise UsageError(f"{flag} {text!r}: more than {most}", f"such as {flag} {most}")
    return int(text)


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


def duration_s(text: str | None, flag: str, *, bare: bool = False) -> float | None:
    """Return seconds, above 0, from `250ms`, `2s` or `1.5 min`; None for None.

    Args:
        text: what was typed.
        flag: after which.
        bare: a number without a unit is seconds; else it is refused, since it could be milliseconds as well.
    """
    if text is None:
        return None
    example = f"such as {flag} 250ms, 2s or 1.5min"
    match = DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{flag} {text!r}: not a duration", example)
    typed, unit = match.groups()
    if not unit and not bare:
        raise UsageError(f"{flag} {text!r}: a duration ends in its unit", example)
    if unit and unit.lower() not in _SECONDS:
        raise UsageError(f"{flag} {text!r}: {unit!r} is no unit of time", example)
    found = float(typed.replace(",", "")) * (_SECONDS[unit.lower()] if unit else 1.0)
    return _above_0(found, text, flag, example)


def rate_per_s(text: str | None, flag: str) -> float | None:
    """Return a rate a second, above 0, from `100/s`, `6000/min` or `100`; None for None."""
    if text is None:
        return None
    example = f"such as {flag} 100/s or 6000/min"
    match = RATE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{flag} {text!r}: not a rate", example)
    typed, unit = match.groups()
    if unit and unit.lower() not in _SECONDS:
        raise UsageError(f"{flag} {text!r}: {unit!r} is no unit of time", example)
    found = float(typed.replace(",", "")) / (_SECONDS[unit.lower()] if unit else 1.0)
    return _above_0(found, text, flag, example)


def fraction(text: str | None, flag: str) -> float | None:
    """Return a fraction between 0 and 1, both left out, from `0.02` or `2%`; None for None."""
    if text is None:
        return None
    plain = text.strip()
    found = float(_decimal(plain.removesuffix("%"), text, flag, "0.02 or 2%")) / (100 if plain.endswith("%") else 1)
    if not 0 < found < 1:
        raise UsageError(f"{flag} {text!r}: not between 0 and 1", f"such as {flag} 0.02 or 2%")
    return found


def wholes(text: str | None, flag: str, *, least: int = 1) -> tuple[int, ...] | None:
    """Return the whole numbers in `1,2,4`, ascending, each once; None for None."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,9}", part) and int(part) >= least for part in parts):
        raise UsageError(f"{flag} {text!r}: not whole numbers of {least} or more", f"such as {flag} 1,2,4")
    return tuple(sorted({int(part) for part in parts}))


def size_bytes(text: str | None, flag: str) -> int | None:
    """Return bytes from `400MB`, `1.5 GiB` or `400000000`."""
    if text is None:
        return None
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{flag} {text!r}: not a size", f"such as {flag} 400MB")
    number, prefix, binary = match.groups()
    power = "kmgt".index(prefix.lower()) + 1 if prefix else 0
    return int(Decimal(number) * (1024 if binary else 1000) ** power)


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


def _above_0(number: float, typed: str, flag: str, example: str) -> float:
    if not 0 < number < float("inf"):
        raise UsageError(f"{flag} {typed!r}: more than 0 is needed", example)
    return number


def _decimal(text: str, typed: str, flag: str, example: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise UsageError(f"{flag} {typed!r}: not an amount", f"such as {flag} {example}")
    return number
