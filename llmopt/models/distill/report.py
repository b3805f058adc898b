"""What distilling did: how the student was trained, and teacher and student side by side on held-out data.

The JSON of `llmopt distill` (`llmopt.distill/1`) has these field names.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.core.ratio import Ratio
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.report import CostImpact


@dataclass(frozen=True, slots=True)
class ModelSize:
    """How large a model is."""

    name: str
    """Of the teacher: as the user named it; of the student: its folder, empty before it is written."""
    parameters: int
    layers: int | None
    """Layers of the transformer; None where the config does not say."""
    hidden_size: int | None
    """Width of token vectors; None where the config does not say."""
    size_bytes: int
    """Of the weights in float32 (a checkpoint that is saved in half precision takes half)."""


@dataclass(frozen=True, slots=True)
class DataUse:
    """Where the inputs went; texts, not rows of files that could not be used."""

    train: int
    validation: int
    """Held out from training to say when to stop; not in the proof."""
    held_out: int
    """For the proof only."""
    labelled: int
    """Of `train`, those with a label that the teacher knows (`kd`)."""
    near_duplicates: int
    """Left out of `train` because they nearly equal a text of the other two."""
    repeated: int
    """Left out because they equal another."""


@dataclass(frozen=True, slots=True)
class Check:
    """The student on the validation texts at one moment of the training."""

    step: int
    epoch: float
    """Passes over the data so far."""
    elapsed_s: float
    loss: float
    """The training loss, mean over the validation texts."""


@dataclass(frozen=True, slots=True)
class Training:
    """How the student was trained."""

    steps: int
    """Updates of the weights."""
    epochs: float
    texts: int
    """Seen, repeats included."""
    tokens: int
    """Seen, padding left out."""
    teacher_s: float
    """Seconds for the teacher's answers; near 0 where a resumed run found them on disk."""
    training_s: float
    """Seconds of training, of all parts of a run that was resumed."""
    precision: str
    """What products were computed in: `float32` or `bfloat16`; weights are float32 all the while."""
    devices: int
    """Processes that trained together."""
    learning_rate: float
    """The highest."""
    batch_size: int
    """Texts of a batch at most, of all devices together."""
    ended: str
    """`epochs`, `max time`, `no gain` (early stopping)."""
    best_step: int
    """Step whose weights were kept."""
    resumed: int
    """How often the run was taken up again."""
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class LatencyRatio:
    """How much faster the student answers, on this machine, in turn with the teacher."""

    ratio: Ratio
    """Times faster, with its 95 % interval."""
    teacher_p50_s: float
    """Of a batch."""
    student_p50_s: float
    batch_size: int
    seq_len: int
    """Tokens of each request."""
    threads: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The share of the teacher's quality that the student has; the gate is held against `value`."""

    metric: str
    """`accuracy` (student's over the teacher's), `labels` (agreement), `nearest neighbours` (top-1 agreement),
    `perplexity` (the teacher's over the student's)."""
    value: float
    """0.95 is 95 %; above 1 where the student is better."""
    low: float
    """95 % interval, over the inputs."""
    high: float


@dataclass(frozen=True, slots=True)
class DistillReport:
    """The result of `llmopt.models.distill.Distiller.fit`."""

    loss: str
    """`kd`, `embed` or `lm`."""
    task: str
    """`classify`, `embed`, `generate` or `fill` (masked language models)."""
    student: str
    """How it was made, such as `layers 0, 2, 5 of the teacher`."""
    teacher_size: ModelSize
    student_size: ModelSize
    data: DataUse
    training: Training
    quality: Quality
    """Of the student beside the teacher, on the held-out texts."""
    kept: Kept
    untrained: Quality | None
    """The same before the training: what the student's beginning alone is worth; None where it was not measured."""
    speed: LatencyRatio
    cost: CostImpact | None = None
    """None without a price."""
    destination: str = ""
    """Folder of the student; empty before it is written."""
    load_line: str = ""
    """One line of Python that loads the result."""
    failures: tuple[str, ...] = ()
    """Gates of the user that did not hold, a sentence each."""
    warnings: tuple[str, ...] = ()
