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
from llmopt.models.folder import existing, model_folder
from llmopt.models.layout import layout_of
from llmopt.models.loading import OFFLINE, UNREADABLE, quiet, unreadable, usable_device
from llmopt.tokens.memo import Memo
from llmopt.tokens.text import repaired

try:
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel, PreTrainedModel
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

_OTHER_KIND = "give the folder of a sentence model, such as one that sentence-transformers saved"
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
        self._model = _model(folder, self._device)
        self._tokenizer = _tokenizer(folder / "tokenizer.json", min(max_tokens, self._layout.max_tokens))
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
        rows = next(self._model.get_input_embeddings().parameters()).shape[0]
        if self._tokenizer.get_vocab_size() > rows:
            raise InputError(f"{folder}: the tokenizer knows more tokens than the model ({rows})", _OTHER_KIND)
        try:
            (vectors,) = self._embedded([self._layout.query_prompt])
        except (AttributeError, IndexError, *UNREADABLE) as error:
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
        longest = max(map(len, windows))
        ids = torch.tensor([[*window, *[0] * (longest - len(window))] for window in windows], device=self._device)
        mask = torch.tensor([[1] * len(window) + [0] * (longest - len(window)) for window in windows]).to(self._device)
        with torch.inference_mode():
            states: torch.Tensor = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            if self._layout.pooling == "cls":
                pooled = states[:, 0]
            else:
                weights = mask.unsqueeze(-1).to(states.dtype)
                pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1)
            return torch.nn.functional.normalize(pooled, dim=1).cpu()


def _model(folder: Path, device: torch.device) -> PreTrainedModel:
    try:
        with quiet():
            loaded: tuple[PreTrainedModel, dict[str, set[str]]] = AutoModel.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True, **OFFLINE
            )
    except UNREADABLE as error:
        raise unreadable(folder, error) from error
    model, report = loaded
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise InputError(f"{folder}: its weights lack {missing[0]} ({len(missing)} in all)", _OTHER_KIND)
    if model.config.is_encoder_decoder:
        raise InputError(f"{folder}: a model with a decoder is no sentence encoder", _OTHER_KIND)
    module: torch.nn.Module = model
    module.eval()
    module.to(device)
    return model


def _tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_buffer(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a tokenizer that can be read: {error}", "pip install -U tokenizers") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, stride=max_tokens // _OVERLAP)
    tokenizer.encode_special_tokens = True  # what looks like one in a passage is plain text
    return tokenizer


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
