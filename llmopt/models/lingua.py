"""LLMLingua-2 weights from a folder, by way of the `llmlingua` package: which words of a text matter.

Source: Pan and others, "LLMLingua-2" (2024), and the code of llmlingua 0.2.2. What it does there by itself is left out:

- its constructor downloads a vocabulary; here the same one comes from this machine (`llmopt.tokens`);
- it runs code that comes with a checkpoint, and seeds every random generator of the process;
- it knows the kind of a model by its name on the hub, which a folder need not have;
- it fills every text up to 512 tokens, so that short ones take as long as long ones;
- it joins the chunks of a long text without a blank, which fuses words: the words are asked for one by one instead.

What it answers still lacks numbers and negations: only `llmopt.prompts.rewriter` should put it to use.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.folder import Architecture, fields, model_folder
from llmopt.tokens.exact.tokenizer import exact_tokenizer
from llmopt.tokens.text import repaired

try:
    from llmlingua import PromptCompressor
    from safetensors import safe_open

    from llmopt.models.loading import OFFLINE, UNREADABLE, quiet, unreadable, usable_device
except (ImportError, MissingExtraError) as error:
    name = error.name if isinstance(error, ImportError) else error.message.partition(" ")[0]
    raise MissingExtraError((name or "llmlingua").partition(".")[0], "llmlingua") from error

_KINDS = {"bert": "bert-base-multilingual-cased", "xlm-roberta": "xlm-roberta-large"}
"""Model type -> the name by which llmlingua knows how its tokens make up words."""
_LONGEST = 512
"""Tokens at once, the two around the text included."""
_BATCH = 16
_WORD_END, _LABEL = "\t\t|\t\t", " "
_KEPT = "1"
_LETTERS = re.compile(r"\w")
_WANTED = "give the folder of an LLMLingua-2 model, such as llmlingua-2-xlm-roberta-large-meetingbank"


class LinguaRewriter:
    """Keeps the words that an LLMLingua-2 model finds worth it; a `llmopt.prompts.rewriter.Rewriter`.

    Safe to share between threads, one at a time.

    Args:
        path: folder of a token classifier of type bert or xlm-roberta, weights in safetensors.
        rate: share of the tokens to keep, more than 0 and less than 1. Up to about 0.6 little words go first.
        device: for torch: `cpu`, `mps`, or `cuda`.

    Raises:
        InputError: no such folder, pickled or damaged weights, or a model of another kind.
        UsageError: a rate that makes no sense, or no such device.
        MissingExtraError: llmlingua is not installed (when the module is imported).
    """

    def __init__(self, path: str | os.PathLike[str], *, rate: float = 0.5, device: str = "cpu") -> None:
        if not 0 < rate < 1:
            raise UsageError(f"a rate of {rate} makes no sense", "the share of tokens to keep, such as 0.5")
        self._rate = rate
        folder = model_folder(path, "config.json", "tokenizer.json")
        self._compressor = _compressor(folder, str(usable_device(device)))
        self._lock = threading.Lock()

    def rewrite(self, text: str) -> str:
        """Return the words to keep, with blanks between; the text itself where the model cannot read all of it."""
        read = " ".join(repaired(text).split())
        with self._lock:
            tokens = len(self._compressor.tokenizer.tokenize(read))
            if not tokens:
                return text
            self._compressor.max_seq_len = min(tokens + 2, _LONGEST)
            try:
                answer: dict[str, str] = self._compressor.compress_prompt_llmlingua2(
                    [read], rate=self._rate, force_reserve_digit=True, return_word_label=True
                )
            except IndexError:  # no token that begins a word, or none that is known
                return text
        labelled = [item.rpartition(_LABEL) for item in answer["fn_labeled_original_prompt"].split(_WORD_END)]
        if _letters("".join(word for word, _, _ in labelled)) != _letters(read):
            return text
        return " ".join(word for word, _, label in labelled if label == _KEPT)


class _Counter:
    """Counts as llmlingua's own tokenizer does, and never fails."""

    def __init__(self) -> None:
        self._tokens = exact_tokenizer("cl100k_base").tokens

    def encode(self, text: str) -> range:
        return range(self._tokens(text))


def _compressor(folder: Path, device: str) -> Any:
    """Return a compressor that was made without its constructor: see the module's text."""
    config = fields(folder / "config.json", Architecture) or Architecture()
    if config.model_type not in _KINDS or not any(
        "ForTokenClassification" in name for name in config.architectures or ()
    ):
        raise InputError(f"{folder}: a model of type {config.model_type!r} that sorts no tokens", _WANTED)
    compressor: Any = PromptCompressor.__new__(PromptCompressor)
    compressor.use_llmlingua2 = True
    compressor.oai_tokenizer = _Counter()
    compressor.max_batch_size = _BATCH
    compressor.max_force_token = 0
    compressor.added_tokens = []
    try:
        with quiet():
            compressor.load_model(os.fspath(folder), device, dict(OFFLINE))
    except UNREADABLE as error:
        raise unreadable(folder, error) from error
    if not _has_classifier(folder):
        raise InputError(f"{folder}: its weights lack the classifier", _WANTED)
    compressor.model_name = _KINDS[config.model_type]
    compressor.tokenizer.model_max_length = 10**9  # long texts are cut into chunks; nobody need be warned
    compressor.special_tokens = set(compressor.tokenizer.all_special_tokens)
    return compressor


def _has_classifier(folder: Path) -> bool:
    """Return whether the last layer is in the weights; llmlingua takes a random one where it is not."""
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="numpy") as weights:
            names: list[str] = weights.keys()
        if "classifier.weight" in names:
            return True
    return False


def _letters(text: str) -> str:
    return "".join(_LETTERS.findall(unicodedata.normalize("NFKC", text).casefold()))
