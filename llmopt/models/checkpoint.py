"""Open a transformers checkpoint that is on this machine: sentence encoders, classifiers and causal language models.

Importing this loads torch and transformers. Nothing is downloaded, no pickle is read, and no Python file of a
checkpoint runs unless the user allows it. A checkpoint is tried out before it is handed over, so that what does not fit
together is told at once and not in the middle of a run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from llmopt.core.target import TargetFacts
from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.cpu.build import told_facts
from llmopt.models.cpu.opening import check_options, load_saved
from llmopt.models.cpu.record import Saved, read_saved
from llmopt.models.device import Device, open_device
from llmopt.models.encoder import padded
from llmopt.models.exhaustion import first_line
from llmopt.models.folder import model_folder
from llmopt.models.layout import Layout, layout_of
from llmopt.models.loaded import LoadedModel, Parts
from llmopt.models.loading import UNREADABLE, quiet
from llmopt.models.located import Task, located, refuse_code, task_of
from llmopt.models.positions import Limits, fill_token, limits_of
from llmopt.models.vocabulary import Vocabulary
from llmopt.models.weights import LoadOptions, check_compiler, load, refusal

try:
    import torch
    import transformers
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

NEW_TOKENS = 32
"""Tokens that each request generates unless the user says otherwise."""
_UNLIMITED = 2**31 - 1
_TRIED = 3, 2
"""Tokens of the requests that a checkpoint is tried out with."""


def open_model(
    path_or_id: str | os.PathLike[str],
    *,
    device: str = "auto",
    dtype: str | None = None,
    attention: str | None = None,
    compile: bool = False,
    task: str | None = None,
    new_tokens: int | None = None,
    trust_remote_code: bool = False,
) -> LoadedModel:
    """Open a transformers checkpoint that is on this machine.

    Args:
        path_or_id: its folder, or its name on the hub where the hub's local cache has it.
        device: `cpu`, `cuda`, `cuda:N`, `mps`, or `auto`: a GPU of CUDA where one works, otherwise the CPU.
        dtype: `float32`, `bfloat16` or `float16`; None or `auto`: as saved (half precision becomes float32 on a CPU).
        attention: such as `sdpa`, `eager` or `flash_attention_2`; None: what transformers takes by itself.
        compile: run it through `torch.compile`, once for all shapes.
        task: `embed`, `classify` or `generate`; None: what the checkpoint was saved for.
        new_tokens: to generate for each request; None: 32. Only with the task `generate`.
        trust_remote_code: whether Python files of the checkpoint may run, with all that this process may do.

    Raises:
        InputError: no such model here; damaged or pickled weights; code of its own that is not trusted.
        UsageError: an option that makes no sense for it or cannot be had on this machine.
        OutOfMemory: its weights do not fit on the device.
    """
    folder = located(path_or_id)
    told, layout = _recognised(folder, task, trusted=trust_remote_code)
    _check_new_tokens(told, new_tokens)
    where = open_device(device)
    if compile:
        check_compiler(where.place)
    options = LoadOptions(dtype, attention, compile, trust_remote_code)
    saved = read_saved(folder)
    home, loaded, limits = _loaded(layout.encoder, told, where, options, saved)
    new_tokens = new_tokens or NEW_TOKENS
    longest = _longest(home, limits, new_tokens if told == "generate" else 0)
    text_limit = min(layout.max_tokens, longest or layout.max_tokens)
    known = limits.known_tokens
    vocabulary = Vocabulary(home / "tokenizer.json", known, max_tokens=text_limit, lower=layout.lower)
    fill = fill_token(loaded.config, known, vocabulary.pad)
    parts = Parts(loaded, where, told, layout.pooling, fill, new_tokens, limits)
    facts = _facts(str(path_or_id), parts, longest, compiled=compile)
    facts = facts if saved is None else told_facts(facts, saved.recipe)
    model = LoadedModel(parts, vocabulary, facts, text_limit)
    _try_out(home, parts, model, options)
    return model


def _loaded(
    encoder: Path, task: Task, where: Device, options: LoadOptions, saved: Saved | None
) -> tuple[Path, Any, Limits]:
    """Return the folder that the model is in, the model, and its limits."""
    if saved is None or saved.is_plain:
        home = model_folder(encoder, "config.json", "tokenizer.json")
        loaded = where.compute(lambda: load(home, task, where.place, options))
        return home, loaded, limits_of(loaded)
    check_options(encoder, saved, where.label, options)
    return encoder, where.compute(lambda: load_saved(encoder, task, saved)), saved.limits


def _recognised(folder: Path, asked: str | None, *, trusted: bool) -> tuple[Task, Layout]:
    """Return what a folder is for and how it is laid out; only sentence models have a layout of their own."""
    told = task_of(folder, asked)
    if told == "embed":
        layout = layout_of(folder)
    else:
        layout = Layout(folder, "mean", max_tokens=_UNLIMITED, lower=False, query_prompt="", passage_prompt="")
    for place in {folder, layout.encoder}:
        refuse_code(place, trusted=trusted)
    return told, layout


def _check_new_tokens(task: Task, new_tokens: int | None) -> None:
    if new_tokens is None:
        return
    if task != "generate":
        raise UsageError(f"new tokens make no sense: the model is to {task}", "leave --new-tokens out")
    if new_tokens < 1:
        raise UsageError(f"{new_tokens} new tokens make no sense", "1 or more are needed")


def _longest(folder: Path, limits: Limits, new_tokens: int) -> int | None:
    """Return the longest request that leaves room for what is generated; None without a limit."""
    longest = limits.longest
    if longest is None:
        return None
    if longest <= new_tokens:
        raise UsageError(f"{folder}: no room for {new_tokens} new tokens in {longest}", "ask for fewer")
    return longest - new_tokens


def _try_out(folder: Path, parts: Parts, model: LoadedModel, options: LoadOptions) -> None:
    """Compute once and look at the numbers; compile for one request and for several, so that no batch waits for it.

    Raises:
        InputError: it does not work, or gives numbers that are not finite.
        UsageError: it cannot be compiled, or not with this attention.
    """
    limit = model.facts.max_tokens or max(_TRIED)
    one, other = (model.predictor.item(min(tokens, limit)) for tokens in _TRIED)

    def work() -> bool:
        with torch.inference_mode(), quiet():  # what is packed may be unpacked now
            ids, mask = padded([one], parts.device.place)
            return bool(parts.model(input_ids=ids, attention_mask=mask)[0].isfinite().all())

    try:
        finite = parts.device.compute(work)
        for batch in ([one], [one, one], [one, other]) if options.compiled else ():
            model.predict(batch)
    except UNREADABLE as error:
        if options.compiled:
            raise UsageError(f"torch.compile failed: {first_line(error)}", "leave --compile out") from error
        raise refusal(folder, options.attention, error) from error
    if not finite:
        raise InputError(f"{folder}: what it computes is not finite", "fetch the weights again, or take another dtype")


def _facts(name: str, parts: Parts, longest: int | None, *, compiled: bool) -> TargetFacts:
    config = parts.model.config
    versions: dict[str, str | None] = {"torch": torch.__version__, "transformers": transformers.__version__}
    versions |= {"cuda": torch.version.cuda, "rocm": torch.version.hip}
    return TargetFacts(
        name=name,
        task=parts.task,
        device=parts.device.label,
        device_name=parts.device.hardware,
        dtype=str(getattr(parts.model, "dtype", "")).removeprefix("torch."),
        attention=str(getattr(config, "_attn_implementation", None) or ""),
        compiled=compiled,
        threads=torch.get_num_threads(),
        parameters=parts.limits.parameters,
        max_tokens=longest,
        new_tokens=parts.new_tokens if parts.task == "generate" else None,
        versions=tuple((library, str(version)) for library, version in versions.items() if version),
    )
