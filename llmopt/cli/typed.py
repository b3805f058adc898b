"""The command as it was typed, for the foot of a page: without the secrets that were typed along."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from shlex import join

TYPED: ContextVar[tuple[str, ...]] = ContextVar("TYPED", default=())
"""The arguments of this run, without the name of the program."""
_HIDDEN = "***"
_SECRET = (
    r"(?:[\w-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token(?!s)|api[_-]?key|auth(?!ors?\b)|credential|signature|bearer|cookie)"
    r"\w*|key|sig)"
)
_OPTION = re.compile(rf"--?(?:{_SECRET}|header)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s/?#@]*)@", re.IGNORECASE)
_PAIR = re.compile(
    rf"(?P<name>(?<![\w-]){_SECRET})(?P<sign>\s*[=:]\s*)(?:Bearer\s+)?(?:'[^']*'|[^\s&;,'\"]+)", re.IGNORECASE
)
_AMAZON = re.compile(r"(?P<name>x-(?:amz|goog)-[\w-]+=)[^\s&]+", re.IGNORECASE)
_LOOKS_SECRET = re.compile(r"\b(?:sk|pk|ghp|gho|xox[abp]|AKIA|ASIA|hf|glpat)[-_]?[A-Za-z0-9_-]{16,}")


def command(arguments: Sequence[str]) -> str:
    """Return `llmopt` with its arguments as a shell would take them, secrets replaced by `***`."""
    return join(["llmopt", *_told(arguments)]).replace(f"'{_HIDDEN}'", _HIDDEN) if arguments else ""


def _told(arguments: Sequence[str]) -> Iterator[str]:
    hide = False
    for one in arguments:
        name, sign, _ = one.partition("=")
        is_secret = _OPTION.fullmatch(name) is not None
        if hide and not one.startswith("--"):
            yield _HIDDEN
        elif is_secret and sign:
            yield f"{name}={_HIDDEN}"
        else:
            yield without_secrets(one)
        hide = is_secret and not sign


def without_secrets(text: str) -> str:
    """Return one argument without passwords of addresses, values named like secrets, and well-known keys."""
    text = _ADDRESS.sub(lambda match: f"{match['scheme']}{_user(match['user'])}@", text)
    text = _PAIR.sub(lambda match: f"{match['name']}{match['sign']}{_HIDDEN}", text)
    text = _AMAZON.sub(lambda match: f"{match['name']}{_HIDDEN}", text)
    return _LOOKS_SECRET.sub(_HIDDEN, text)


def _user(user: str) -> str:
    """Return the name before a password; what stands alone before an `@` may be a key itself."""
    name, colon, _ = user.partition(":")
    return f"{name}:{_HIDDEN}" if colon else user if len(user) < 20 else _HIDDEN
