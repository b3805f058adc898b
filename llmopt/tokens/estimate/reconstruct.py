"""Token counts of Claude models through `ctok`, a reconstruction of their tokenizer, where it is installed.

Anthropic publishes no tokenizer from Claude 3 on. `ctok` (PyPI, MIT, needs Python 3.12) rebuilt the counts from the
vendor's counting endpoint, offline, at 0.1 to 0.4 MB/s. It counts a text as one message; the tokens that frame the
message are told apart here, by the marks `ctok` writes for them.
"""

from __future__ import annotations

import functools
import importlib
from types import ModuleType

from llmopt.errors import ConfigError


def available() -> bool:
    """Return whether `ctok` can be imported."""
    return _module() is not None


def reconstructed(text: str, version: str) -> int:
    """Return the tokens of a text, without the frame of the message it is sent in.

    Args:
        text: any text.
        version: of the Claude model, such as `4.5`; 3.0 or later.

    Raises:
        ConfigError: `ctok` is not installed, or does not know the version.
    """
    return max(0, _count(text, version) - frame(version)) if text else 0


@functools.cache
def frame(version: str) -> int:
    """Return the tokens that the frame of a single user message takes.

    Args:
        version: as in `reconstructed`.

    Raises:
        ConfigError: as in `reconstructed`.
    """
    return int(_count("a", version)) - 1


def _count(text: str, version: str) -> int:
    ctok = _module()
    if ctok is None:
        raise ConfigError("ctok is not installed", "pip install ctok (Python 3.12 or later), or estimate the tokens")
    try:
        tokens: int = ctok.token_count(text, version)
    except NotImplementedError as unknown:
        raise ConfigError(f"ctok does not know Claude {version!r}", "versions from 3.0 on are known") from unknown
    return tokens


@functools.cache
def _module() -> ModuleType | None:
    try:
        return importlib.import_module("ctok")
    except ImportError:
        return None
