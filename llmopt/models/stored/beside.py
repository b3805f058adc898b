"""Files beside the weights: the settings and the tokenizer, which a copy of the checkpoint needs too.

Only what a library wrote there for the model is taken: texts and JSON by their endings, no pickles, nothing hidden,
nothing that a link brings in from elsewhere. Python files of a checkpoint are copied and never run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, next_step
from llmopt.models.stored.choice import Choice
from llmopt.models.stored.documents import read_object
from llmopt.models.stored.names import is_regular, leads_out, shortened
from llmopt.models.stored.values import StoredTensor

_COPIED = {".json", ".jinja", ".md", ".model", ".py", ".spm", ".tiktoken", ".txt", ".bpe", ".vocab", ".yaml", ".yml"}
_NAMED = re.compile(r"(licen[cs]e|notice|readme|use_policy).*", re.IGNORECASE)
_TOKENIZER = re.compile(
    r"(config|generation_config|tokenizer.*|special_tokens_map|added_tokens|vocab|merges|spiece|sentencepiece.*|"
    r"chat_template|preprocessor_config|processor_config|tekken|modules|sentence_bert_config|config_sentence_.*)\.\w+"
)
"""Names taken from the folder of a file that was given by itself; the folder may be anybody's."""
_STATE = re.compile(r".*\.index\.json|trainer_state\.json|llmopt-.*\.json|\..*")
_TEMPLATES = "additional_chat_templates"
_OF_MODULES = (".safetensors", ".bin")
"""Weights of a further layer of a sentence model."""
_MARKS = {
    "gptq or awq": (".qweight", ".qzeros"),
    "bitsandbytes": (".SCB", ".absmax", ".quant_map"),
    "fp8": (".weight_scale_inv",),
    "mxfp4": ("_blocks",),
    "compressed-tensors": (".weight_packed", ".weight_scale"),
}
"""How it was quantized -> endings of the tensors that it brings."""


def read_config(folder: Path) -> dict[str, Any] | None:
    """Return `config.json`; None where there is none.

    Raises:
        InputError: it is damaged.
    """
    path = folder / "config.json"
    return read_object(path) if path.exists() else None


def how_quantized(folder: Path, config: dict[str, Any] | None, tensors: tuple[StoredTensor, ...]) -> str | None:
    """Return how a checkpoint was quantized before, by its settings, else by its tensors; None where it was not."""
    for holder in (config or {}, (config or {}).get("text_config")):
        said = (
            holder.get("quantization_config") or holder.get("compression_config") if isinstance(holder, dict) else None
        )
        if isinstance(said, dict):
            return str(said.get("quant_method") or said.get("quant_type") or "an unknown method")
    if (folder / "llmopt-model.json").exists():
        return "llmopt"
    for method, endings in _MARKS.items():
        if any(tensor.name.endswith(endings) for tensor in tensors):
            return method
    small = {tensor.dtype for tensor in tensors if tensor.name.endswith("weight") and len(tensor.shape) > 1}
    low = sorted(dtype for dtype in small if dtype.startswith(("F4", "F6_", "F8_")) or dtype in ("I8", "U8"))
    return f"{low[0]} weights" if low else None


def files_beside(choice: Choice) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return the files to copy beside new weights, relative to the folder, and what was left out, a sentence each."""
    folder = choice.folder
    taken: list[Path] = []
    warnings: list[str] = []
    for path in sorted(_candidates(folder, choice)):
        relative = path.relative_to(folder)
        if leads_out(folder, path):
            warnings.append(f"{shortened(str(relative))} left out: a link that leads out of the folder")
        elif path.suffix in (".bin", ".pt"):
            warnings.append(f"{shortened(str(relative))} left out: a pickle, which the model may need")
        else:
            taken.append(relative)
    return tuple(taken), tuple(warnings)


def _candidates(folder: Path, choice: Choice) -> Iterator[Path]:
    if not choice.whole_folder:
        yield from (path for path in _files(folder) if _TOKENIZER.fullmatch(path.name))
        return
    yield from (path for path in _files(folder) if _wanted(path))
    wanted = _modules(folder) | {_TEMPLATES}
    for inner in sorted(folder.iterdir()):
        if inner.name in wanted and inner.is_dir() and not inner.is_symlink():
            yield from (path for path in _files(inner) if _wanted(path) or path.suffix in _OF_MODULES)


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if is_regular(path)]
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}", next_step(error)) from error


def _wanted(path: Path) -> bool:
    named = path.suffix in _COPIED or _NAMED.fullmatch(path.name)
    return bool(named) and not _STATE.fullmatch(path.name)


def _modules(folder: Path) -> set[str]:
    """Return the folders of a sentence model's further layers, which have weights of their own (`modules.json`)."""
    path = folder / "modules.json"
    try:
        found = path.read_bytes() if is_regular(path) else b""
    except OSError:
        return set()
    return {str(name, "utf-8", "replace") for name in re.findall(rb'"path"\s*:\s*"([\w.-]+)"', found)}
