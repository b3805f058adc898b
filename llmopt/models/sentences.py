"""A local sentence model as a scorer: cosine between a query and passages that may share no word with it.

The first module here that loads torch and transformers; it does so when it is imported. Vectors are made as
sentence-transformers makes them (Reimers and Gurevych, 2019): pooled token vectors, normalised. Two choices differ: a
passage longer than the model reads is scored by its best window instead of its beginning, and tokens come from
`tokenizer.json` itself, so that nothing asks a hub.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.encoder import padded, sentence_vectors
from llmopt.models.folder import existing, model_folder
from llmopt.models.layout import layout_of
from llmopt.models.loading import UNREADABLE, unreadable, usable_device
from llmopt.models.positions import known_tokens
from llmopt.models.vocabulary import check_tokens, read_tokenizer
from llmopt.models.weights import LoadOptions, load
from llmopt.tokens.memo import Memo
from llmopt.tokens.text import repaired

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

_FEWEST_TOKENS = 8
_OVERLAP = 8
"""A window shares one part in so many with the one before it."""
_CPU_BATCH_TOKENS, _DEVICE_BATCH_TOKENS = 512, 16_384
"""Padded tokens at once; on two cores, 300 to 500 were fastest (MiniLM-L6, sentences)."""
_MEMO_BYTES = 4 * 2**20
"""Of text; the vectors of MiniLM take one to five times as much."""
_DECIMALS = 6
"""Batches of other shapes change the seventh; what was scored before must not change the order of passages."""


class SentenceScorer:
    """Scores passages by a sentence model from a folder; a `llmopt.prompts.select.scorer.Scorer`.

    Safe to share between threads. The vectors of the last passages are remembered.

    Args:
        path: folder of a plain encoder, or as sentence-transformers saves it; weights in safetensors.
        device: for torch, such as `cpu`, `cuda` or `mps`.
        max_tokens: longest window to read at once; the model's own limit where that is lower.

    Raises:
        InputError: no such folder, pickled or damaged weights, or a model of another kind.
        UsageError: no such device, or fewer than 8 tokens.
        MissingExtraError: torch or transformers is not installed (when the module is imported).
    """

    def __init__(self, path: str | os.PathLike[str], *, device: str = "cpu", max_tokens: int = 256) -> None:
        if max_tokens < _FEWEST_TOKENS:
            raise UsageError(f"max_tokens is {max_tokens}; at least {_FEWEST_TOKENS} are needed")
        self._device = usable_device(device)
        self._layout = layout_of(existing(path))
        folder = model_folder(self._layout.encoder, "config.json", "tokenizer.json")
        self._model = load(folder, "embed", self._device, LoadOptions(dtype="float32"))
        limit = min(max_tokens, self._layout.max_tokens)
        self._tokenizer = read_tokenizer(folder / "tokenizer.json")
        self._tokenizer.enable_truncation(limit, stride=limit // _OVERLAP)
        self._memo: Memo[torch.Tensor] = Memo(max_bytes=_MEMO_BYTES)
        self._lock = threading.Lock()
        self._try_out(folder)

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """Return the cosine of the query with each passage (its closest window), from -1 to 1."""
        if not passages:
            return []
        asked, *given = self._vectors(
            [self._layout.query_prompt + query, *(self._layout.passage_prompt + passage for passage in passages)]
        )
        return [round(float((vectors @ asked.T).max()), _DECIMALS) for vectors in given]

    def _try_out(self, folder: Path) -> None:
        check_tokens(self._tokenizer, folder, known_tokens(self._model))
        try:
            (vectors,) = self._embedded([self._layout.query_prompt])
        except UNREADABLE as error:
            raise unreadable(folder, error) from error
        if not bool(vectors.isfinite().all()):
            raise InputError(f"{folder}: its vectors are not finite", "fetch the weights again")

    def _vectors(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """Return the vectors of each text, one a window."""
        vectors: dict[str, torch.Tensor] = {}
        with self._lock:
            for text in texts:
                if (found := self._memo.get(text)) is not None:
                    vectors[text] = found
        unknown = [text for text in dict.fromkeys(texts) if text not in vectors]
        vectors |= zip(unknown, self._embedded(unknown), strict=True)
        with self._lock:
            for text in unknown:
                self._memo.put(text, vectors[text])
        return [vectors[text] for text in texts]

    def _embedded(self, texts: Sequence[str]) -> list[torch.Tensor]:
        read = [repaired(text.lower() if self._layout.lower else text) for text in texts]
        owners: list[int] = []
        windows: list[list[int]] = []
        for owner, encoding in enumerate(self._tokenizer.encode_batch(read)):
            for window in (encoding, *encoding.overflowing):
                owners.append(owner)
                windows.append(window.ids or [0])
        vectors: list[list[torch.Tensor]] = [[] for _ in texts]
        for batch in _batches(windows, _CPU_BATCH_TOKENS if self._device.type == "cpu" else _DEVICE_BATCH_TOKENS):
            for at, vector in zip(batch, self._pooled([windows[at] for at in batch]), strict=True):
                vectors[owners[at]].append(vector)
        return [torch.stack(found) for found in vectors]

    def _pooled(self, windows: list[list[int]]) -> torch.Tensor:
        ids, mask = padded(windows, self._device)
        with torch.inference_mode():
            return sentence_vectors(self._model, ids, mask, self._layout.pooling).cpu()


def _batches(windows: Sequence[Sequence[int]], max_tokens: int) -> Iterator[list[int]]:
    """Yield the places of windows of about the same length, at most `max_tokens` together once padded."""
    batch: list[int] = []
    for at in sorted(range(len(windows)), key=lambda at: len(windows[at])):
        if batch and (len(batch) + 1) * len(windows[at]) > max_tokens:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch
