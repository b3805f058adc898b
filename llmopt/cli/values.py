"""Read what a user types after a flag: dollars, percentages, instants, sizes, mappings."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from llmopt.errors import ConfigError, UsageError

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


def whole(text: str | None, flag: str, *, least: int = 0) -> int | None:
    """Return a whole number of at least `least` from its digits."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()) or int(text) < least:
        raise UsageError(f"{flag} {text!r}: not a whole number of {least} or more", f"such as {flag} 10")
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


def _decimal(text: str, typed: str, flag: str, example: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise UsageError(f"{flag} {typed!r}: not an amount", f"such as {flag} {example}")
    return number
