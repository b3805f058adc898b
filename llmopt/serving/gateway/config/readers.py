"""Read single settings of a gateway: what each may be, and what an error says, which never repeats a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from llmopt.core import parsed
from llmopt.errors import UsageError
from llmopt.serving.gateway.config.entries import Entry
from llmopt.serving.gateway.config.settings import SHA256
from llmopt.serving.gateway.values import Caps
from llmopt.serving.openai_url import root_of, shown

COMPRESS_LEVELS = ("lossless", "safe", "aggressive")
OFF = ("off", "none", "false")
"""Words for no cache, no policy, no compression, no log."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME_HINT = "a name has up to 64 of A-Z a-z 0-9 . _ -"
_HOST = re.compile(r"[A-Za-z0-9._:-]+(%[A-Za-z0-9._-]+)?")
"""A name, or an address without brackets; what follows % is the interface of an IPv6 address."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SERVERS = ("redis", "rediss", "unix")
Found = TypeVar("Found")


class Told:
    """Entries by their dotted names, read by type; one that is not there has its default."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries

    def __call__(self, name: str, read: Callable[[Entry], Found], default: Found) -> Found:
        """Return what a reader makes of an entry."""
        entry = self._entries.get(name)
        return default if entry is None else read(entry)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number from `least` to `most`."""
        return self(name, lambda entry: entry.parsed(lambda text, label: _whole(text, label, least, most)), default)

    def caps(self, name: str = "") -> Caps:
        """Return caps of a day and a month, whose names begin with `name`."""
        return Caps(self(f"{name}usd_per_day", _usd, None), self(f"{name}usd_per_month", _usd, None))


def seconds(entry: Entry) -> float:
    """Return a duration; a number in a file is seconds."""
    bare = not isinstance(entry.value, str)
    return entry.parsed(lambda text, label: parsed.duration_s(text, label, bare=bare) or 0.0)


def ttl_s(entry: Entry) -> float:
    """Return a time to live; a number in a file is seconds."""
    unit = "" if isinstance(entry.value, str) else "s"
    return entry.parsed(lambda text, label: parsed.ttl_s(text + unit, label))


def size_bytes(entry: Entry) -> int:
    """Return a size of a byte or more."""
    size = entry.parsed(parsed.size_bytes) or 0
    if size < 1:
        raise entry.wrong("a byte at least is needed", "such as 64MiB")
    return size


def url(entry: Entry) -> str:
    """Return the URL of a server as it was given; a wrong one is shown without its password."""
    text = entry.text()
    try:
        root_of(text)
    except UsageError as error:
        raise entry.fault(f"{entry.label} {error.message}", error.hint) from error
    if not text.isascii() or any(letter.isspace() for letter in text):
        raise entry.fault(f"{entry.label} {shown(text)!r}: a URL has no blanks and ASCII letters only")
    return text


def host(entry: Entry) -> str:
    """Return the name or address of a machine; whether there is such a one is found out when it is listened on."""
    if not _HOST.fullmatch(entry.text()):
        raise entry.wrong("no name or address of a machine", "such as 127.0.0.1, ::1 or 0.0.0.0")
    return entry.text()


def name(entry: Entry) -> str:
    """Return a name that fits into a header and a label of a metric."""
    if not is_name(entry.text()):
        raise entry.wrong(_NAME_HINT)
    return entry.text()


def is_name(text: str) -> bool:
    """Whether a text can be the name of an upstream, a key or a tenant."""
    return _NAME.fullmatch(text) is not None


def variable(entry: Entry) -> str:
    """Return the name of an environment variable; what is none may be the key itself, and is not repeated."""
    if not _VARIABLE.fullmatch(entry.text()):
        raise entry.fault(
            f"{entry.label} is not the name of an environment variable",
            "such as OPENAI_API_KEY; the key itself is in the variable",
        )
    return entry.text()


def digest(entry: Entry) -> str:
    """Return a SHA-256; what is none may be the key itself, and is not repeated."""
    if not isinstance(entry.value, str) or not SHA256.fullmatch(entry.value):
        raise entry.fault(
            f"{entry.label} is not the 64 hexadecimal digits of a SHA-256", "`llmopt gateway --new-key NAME` prints it"
        )
    return entry.value.lower()


def headers(entry: Entry) -> tuple[str, ...]:
    """Return names of headers, in lower case."""
    for each in entry.texts():
        if not _HEADER.fullmatch(each):
            raise entry.fault(f"{entry.label} {each!r} is no name of a header", "such as x-feature-flags")
    return tuple(each.lower() for each in entry.texts())


def store(entry: Entry) -> str:
    """Return a store; a file's path is relative to the settings file."""
    text = entry.text()
    if text.strip(":") == "memory":
        return "memory"
    scheme, is_server, _ = text.partition("://")
    nearly = re.split(":|//", text)[0].lower() in _SERVERS  # what follows may be a password: it is no name of a file
    if not is_server and not nearly:
        return str(entry.file())
    if not is_server or scheme.lower() not in _SERVERS:
        kind = re.split("[:/]", scheme)[0]
        raise entry.fault(f"{entry.label} {kind}: is no kind of store", "a file, memory, redis:// or rediss://")
    return text


def store_or_off(entry: Entry) -> str:
    """Return a store; empty for none."""
    return "" if is_off(entry) else store(entry)


def file_or_off(entry: Entry) -> Path | None:
    """Return a path; None for none."""
    return None if is_off(entry) else entry.file()


def log(entry: Entry) -> Path | None:
    """Return a path, or `-` for standard output; None for none."""
    return Path("-") if entry.value == "-" else file_or_off(entry)


def files(entry: Entry) -> tuple[Path, ...]:
    """Return paths."""
    return tuple(Entry(each, entry.place, entry.path).file() for each in entry.texts())


def level(entry: Entry) -> str:
    """Return a level of compression; empty for none."""
    return "" if is_off(entry) else entry.choice((*COMPRESS_LEVELS, "off"))


def is_off(entry: Entry) -> bool:
    """Whether an entry says that there is to be none of it."""
    return str(entry.value).lower() in OFF


def _usd(entry: Entry) -> Decimal | None:
    return entry.parsed(parsed.money)


def _whole(text: str, label: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()) or not least <= int(text) <= most:
        raise UsageError(
            f"{label} {text!r}: not a whole number from {least} to {most}", f"such as {label} {least or 1}"
        )
    return int(text)
