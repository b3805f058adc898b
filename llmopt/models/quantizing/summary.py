"""The report of a checkpoint that was quantized."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from llmopt.models.quantizing.journal import Done
from llmopt.models.quantizing.kinds import is_expert
from llmopt.models.quantizing.plan import Plan
from llmopt.models.quantizing.report import KeptTensor, Layer, QuantizeReport, TensorCounts
from llmopt.models.stored.values import Stored


@dataclass(frozen=True, slots=True)
class Run:
    """How a run went."""

    destination: Path
    duration_s: float
    streamed_bytes: int
    """Of the source; less than all where a run went on."""
    peak_bytes: int
    """Of the process."""
    before_bytes: int
    """Of the process when the run began."""
    max_memory_bytes: int


def summary(stored: Stored, plan: Plan, target: str, done: dict[str, Done], run: Run) -> QuantizeReport:
    """Return the report.

    Args:
        stored: the source.
        plan: what was done.
        target: who loads the result.
        done: name of a tensor -> its sums.
        run: how it went.
    """
    layers = tuple(
        Layer(
            name=entry.tensor.name,
            shape=entry.tensor.shape,
            scheme=entry.scheme,
            sqnr_db=_sqnr_db(done[entry.tensor.name]),
            bytes_before=entry.tensor.size_bytes,
            bytes_after=entry.size_bytes,
        )
        for entry in plan.quantized
    )
    kept = tuple(
        KeptTensor(k.tensor.name, k.tensor.shape, k.tensor.dtype, k.tensor.size_bytes, k.reason) for k in plan.kept
    )
    return QuantizeReport(
        scheme=plan.scheme,
        format=plan.format,
        target=target,
        source=str(stored.folder),
        destination=str(run.destination),
        tensors=TensorCounts(len(layers), len(kept)),
        bytes_before=plan.bytes_before,
        bytes_after=plan.bytes_after,
        peak_memory_bytes=run.peak_bytes,
        working_memory_bytes=max(0, run.peak_bytes - run.before_bytes),
        mb_per_s=run.streamed_bytes / 1e6 / max(run.duration_s, 1e-9),
        duration_s=run.duration_s,
        layers=layers,
        kept=kept,
        load_line=_load_line(stored, target, run.destination),
        warnings=(*_warnings(stored, run), *_expert_warnings(plan, target)),
    )


def _sqnr_db(done: Done) -> float | None:
    return 10 * math.log10(done.signal / done.noise) if done.signal > 0 and done.noise > 0 else None


def _load_line(stored: Stored, target: str, destination: Path) -> str:
    """Return a line of Python that loads the result, as it can be given to `python -c`."""
    if target == "vllm":
        return f"import vllm; model = vllm.LLM({str(destination)!r})"
    names = (stored.config or {}).get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    known = first if isinstance(first, str) and first.isidentifier() else "AutoModel"
    return f"import transformers; model = transformers.{known}.from_pretrained({str(destination)!r})"


def _warnings(stored: Stored, run: Run) -> tuple[str, ...]:
    found = list(stored.warnings)
    if not (stored.config or {}).get("model_type"):
        found.append(
            "no config.json that names a model: the weights are written, and no library knows what they are of"
        )
    if run.peak_bytes > run.max_memory_bytes:
        found.append(
            f"the process held {run.peak_bytes / 1e6:,.0f} MB, more than --max-memory; {run.before_bytes / 1e6:,.0f} MB"
            " of them before the work began"
        )
    return tuple(found)


def _expert_warnings(plan: Plan, target: str) -> tuple[str, ...]:
    """Transformers joins experts while it loads them, and takes either all quantized or a model that is not."""
    stay = sum(is_expert(kept.tensor.name) and len(kept.tensor.shape) == 2 for kept in plan.kept)
    if target != "transformers" or plan.format == "bfloat16" or not stay:
        return ()
    return (f"{stay:,} weights of experts stay: transformers may fail to load them beside quantized layers",)
