"""How a sentence model turns the vectors of its tokens into one, as sentence-transformers writes it down.

Files, all optional: `modules.json` (the steps), `1_Pooling/config.json`, `sentence_bert_config.json` (length, case)
and `config_sentence_transformers.json` (prompts), as sentence-transformers 2 to 6 writes them. A folder with none of
them is a plain encoder, pooled by the mean. Steps that change the vectors in other ways (`Dense`, weighted layers) are
refused: leaving one out would give wrong scores silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from llmopt.errors import InputError
from llmopt.models.folder import fields

Pooling = Literal["mean", "cls"]
_UNLIMITED = 512
"""Tokens that every encoder in use can read."""
_KNOWN = ("Transformer", "Pooling", "Normalize")
_SUPPORTED = "supported are encoders whose vectors are pooled by the mean or the first token (cls)"
_QUERY = ("query",)
_PASSAGE = ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a sentence model does around its encoder."""

    encoder: Path
    """Folder with `config.json` and the weights."""
    pooling: Pooling
    max_tokens: int
    """Longest input that the model was made for; 512 where it does not say."""
    lower: bool
    """Whether text is put in lower case first."""
    query_prompt: str
    """Goes before a query; mostly empty."""
    passage_prompt: str
    """Goes before a passage; mostly empty."""


def layout_of(folder: Path) -> Layout:
    """Return the layout of a sentence model.

    Raises:
        InputError: a file is damaged, or the model needs a step that is not supported.
    """
    encoder, pooling = _steps(folder)
    prompts = (fields(folder / "config_sentence_transformers.json", _Prompts) or _Prompts()).prompts or {}
    texts = fields(encoder / "sentence_bert_config.json", _Texts) or _Texts()
    tokenizer = fields(encoder / "tokenizer_config.json", _TokenizerTexts) or _TokenizerTexts()
    limits = [limit for limit in (texts.max_seq_length, tokenizer.model_max_length) if limit]
    return Layout(
        encoder=encoder,
        pooling=_pooling(pooling / "config.json"),
        max_tokens=int(min(limits, default=_UNLIMITED)),
        lower=texts.do_lower_case,
        query_prompt=_first(prompts, _QUERY),
        passage_prompt=_first(prompts, _PASSAGE),
    )


class _Step(msgspec.Struct):
    type: str
    path: str = ""


class _Texts(msgspec.Struct):
    max_seq_length: int | None = None
    do_lower_case: bool = False


class _TokenizerTexts(msgspec.Struct):
    model_max_length: float | None = None  # 1e30 where there is no limit


class _Prompts(msgspec.Struct):
    prompts: dict[str, str] | None = None


class _Modes(msgspec.Struct):
    """Pooling as version 6 writes it (`pooling_mode`), and as older ones did."""

    pooling_mode: str | list[str] | None = None
    include_prompt: bool = True
    pooling_mode_cls_token: bool = False
    pooling_mode_mean_tokens: bool = False
    pooling_mode_max_tokens: bool = False
    pooling_mode_mean_sqrt_len_tokens: bool = False
    pooling_mode_weightedmean_tokens: bool = False
    pooling_mode_lasttoken: bool = False


_OLD_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


def _steps(folder: Path) -> tuple[Path, Path]:
    """Return the folders of the encoder and of the pooling."""
    steps = fields(folder / "modules.json", list[_Step])
    if steps is None:
        return folder, folder / "1_Pooling"
    paths: dict[str, str] = {}
    for step in steps:
        name = step.type.rpartition(".")[2]
        if name not in _KNOWN or name in paths:
            raise InputError(f"{folder / 'modules.json'}: the step {name!r} is not supported", _SUPPORTED)
        paths[name] = step.path
    return folder / paths.get("Transformer", ""), folder / paths.get("Pooling", "1_Pooling")


def _pooling(path: Path) -> Pooling:
    modes = fields(path, _Modes)
    if modes is None:
        return "mean"
    if modes.pooling_mode is None:
        chosen = [mode for key, mode in _OLD_MODES.items() if getattr(modes, key)] or ["mean"]
    else:
        chosen = [modes.pooling_mode] if isinstance(modes.pooling_mode, str) else modes.pooling_mode
    if chosen == ["mean"] and modes.include_prompt:
        return "mean"
    if chosen == ["cls"]:
        return "cls"
    raise InputError(f"{path}: pooling by {', '.join(chosen)} is not supported", _SUPPORTED)


def _first(prompts: dict[str, str], names: tuple[str, ...]) -> str:
    return next((prompts[name] for name in names if name in prompts), "")
