"""The tokens of a checkpoint: texts become token ids, and requests of an exact length are made of its vocabulary.

Tokens come from `tokenizer.json` itself, so that nothing asks a hub and no Python file of the checkpoint runs. What
looks like a special token in a text is plain text.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.folder import fields
from llmopt.tokens.text import repaired

try:
    from tokenizers import Tokenizer
except ImportError as error:
    raise MissingExtraError("tokenizers", "semantic") from error

_RING = 2**16
"""Random tokens drawn once; requests are pieces of them, since drawing each anew takes longer than a GPU computes."""


def read_tokenizer(path: Path) -> Tokenizer:
    """Return the tokenizer of a file, without padding and truncation.

    Raises:
        InputError: it cannot be read.
    """
    try:
        tokenizer = Tokenizer.from_buffer(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a tokenizer that can be read: {error}", "pip install -U tokenizers") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer


def check_tokens(tokenizer: Tokenizer, folder: Path, size: int) -> None:
    """Refuse a tokenizer of another model.

    Args:
        tokenizer: to look at.
        folder: where it is from.
        size: tokens that the model knows.

    Raises:
        InputError: it gives token ids that the model does not know.
    """
    if max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0) >= size:
        raise InputError(
            f"{folder}: the tokenizer knows more tokens than the model ({size})", "save model and tokenizer there again"
        )


class Vocabulary:
    """Makes token ids: of texts, and at random.

    Args:
        path: of `tokenizer.json`.
        size: tokens that the model knows; the tokenizer may not know more.
        max_tokens: a text is cut to so many, the special ones around it included; None: not at all.
        lower: whether texts are put in lower case first.

    Attributes:
        pad: token id that pads, by the tokenizer's settings; None where they do not say.

    Raises:
        InputError: the tokenizer cannot be read, or knows more tokens than the model.
    """

    def __init__(self, path: Path, size: int, *, max_tokens: int | None = None, lower: bool = False) -> None:
        self._tokenizer = read_tokenizer(path)
        check_tokens(self._tokenizer, path.parent, size)
        known = self._tokenizer.get_vocab(with_added_tokens=True)
        self._known, self._folder = known, path.parent
        self.pad = known.get(_named(path.with_name("tokenizer_config.json")).get("pad_token", ""))
        added = self._tokenizer.get_added_tokens_decoder()
        self._plain = sorted(at for at in known.values() if at not in added) or sorted(known.values()) or [0]
        self._random = random.Random(0)
        self._ring: list[int] = []
        self._lower = lower
        if max_tokens is not None:
            self._tokenizer.enable_truncation(max_tokens)

    @cached_property
    def mask(self) -> int | None:
        """Token id of what a masked language model fills in; None where there is none."""
        told = self._roles.get("mask_token")
        return next((self._known[text] for text in ((told,) if told else _MASKS) if text in self._known), None)

    @cached_property
    def special(self) -> frozenset[int]:
        """Token ids that stand for no text: what the tokenizer's settings name, and what goes around each text."""
        (around,) = self._tokenizer.encode_batch(["a"])
        marks = zip(around.ids, around.special_tokens_mask, strict=True)
        added = self._tokenizer.get_added_tokens_decoder().items()
        named = {self._known[text] for text in self._roles.values() if text in self._known}
        own = {at for at, token in added if token.special} | named | {at for at, mark in marks if mark}
        return frozenset(own if self.mask is None else own | {self.mask})

    @cached_property
    def ordinary(self) -> tuple[int, ...]:
        """Token ids that stand for text, in order."""
        return tuple(sorted(set(self._known.values()) - self.special))

    @cached_property
    def _roles(self) -> dict[str, str]:
        """Texts of the tokens that have a role; a file beside says what the settings leave out."""
        files = ("special_tokens_map.json", "tokenizer_config.json")
        return {role: text for name in files for role, text in _named(self._folder / name).items()}

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, cut to what the model reads; at least one token each."""
        read = [repaired(text.lower() if self._lower else text) for text in texts]
        return [encoding.ids or [self._plain[0]] for encoding in self._tokenizer.encode_batch(read)]

    def count(self, text: str) -> int:
        """Return how many tokens a text has before it is cut."""
        (encoding,) = self._tokenizer.encode_batch([repaired(text.lower() if self._lower else text)])
        # windows beyond the first repeat the special tokens around a text
        return len(encoding.ids) + sum(len(more.ids) - sum(more.special_tokens_mask) for more in encoding.overflowing)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, special ones left out."""
        return str(self._tokenizer.decode(list(ids)))

    def item(self, tokens: int) -> list[int]:
        """Return a request of so many ordinary tokens, another one at each call, the same ones in each process."""
        if tokens > _RING:
            return self._random.choices(self._plain, k=tokens)
        if not self._ring:
            self._ring = 2 * self._random.choices(self._plain, k=_RING)
        start = self._random.randrange(_RING)
        return self._ring[start : start + tokens]


_Token = str | dict[str, object] | None
_MASKS = "[MASK]", "<mask>"
"""What is filled in, in models whose settings do not say."""


class _Settings(msgspec.Struct):
    """Texts of tokens with a role; older versions of transformers write more about each."""

    pad_token: _Token = None
    mask_token: _Token = None
    unk_token: _Token = None
    cls_token: _Token = None
    sep_token: _Token = None
    bos_token: _Token = None
    eos_token: _Token = None


def _named(path: Path) -> dict[str, str]:
    """Return the texts of the tokens that have a role, by that role."""
    settings = fields(path, _Settings) or _Settings()
    tokens = {role: getattr(settings, role) for role in _Settings.__struct_fields__}
    texts = {role: token.get("content", "") if isinstance(token, dict) else token for role, token in tokens.items()}
    return {role: str(text) for role, text in texts.items() if text}
