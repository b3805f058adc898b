"""Ways to run a model on a processor: engine, numbers, and where the scales of 8-bit activations come from.

A recipe is a value; `llmopt.models.cpu.build` makes a model of it. Activations in 8 bits are scaled while the model
runs. One scale for a whole batch (`tensor`) is what the tools do by default: a row's result then depends on what its
batch-mates say. With one for each token, or for each group of columns of a token, it does not, and is far more exact.
Scales that were found on texts before (`static`) cost nothing at run time: the fastest, where texts are given.
What is left is padding: a longer batch-mate makes sums of more zeros in another order. That moves the last bit, which
rounding to 8 or 16 bits enlarges in every layer.

Importing this loads no heavy library.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

Engine = Literal["torch", "openvino", "onnx", "torchao"]
Numbers = Literal["float32", "bfloat16", "int8"]
Rest = Literal["float32", "bfloat16"]
Scales = Literal["none", "tensor", "token", "static"]
Mates = Literal["nothing", "padding", "scale"]

_PACKAGES: dict[Engine, tuple[str, ...]] = {
    "torch": (),
    "openvino": ("openvino",),
    "onnx": ("onnx", "onnxruntime"),
    "torchao": ("torchao",),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to run a model on a processor."""

    engine: Engine
    """Who computes."""
    numbers: Numbers
    """Of the linear layers."""
    rest: Rest = "float32"
    """Numbers of everything else, and of the layers in `kept`."""
    scales: Scales = "none"
    """What shares a scale of the activations: a whole batch, or a token; `static`: all that ever comes, the scale was
    found on texts before. `none`: they are not in 8 bits."""
    per_channel: bool = True
    """Whether each row of a weight has a scale of its own; False: one for the whole weight."""
    group: int = 0
    """Columns of a token that share a scale; 0: all of them."""
    kept: tuple[str, ...] = ()
    """Linear layers that stay in the numbers of the rest, by their names in `linear_layers`."""

    @property
    def name(self) -> str:
        """What it is called; `kept` is left out."""
        if self.engine == "torch" and self.scales == "tensor":
            return "torch quantize_dynamic" + (" per channel" if self.per_channel else "")
        if self.numbers != "int8":
            return f"{self.engine} {self.numbers}"
        grouped = f" group {self.group}" if self.group else ""
        shared = {"token": "" if self.group else " per token", "static": " static"}.get(self.scales, "")
        rest = f", {self.rest} rest" if self.rest != "float32" else ""
        return f"{self.engine} int8{grouped}{shared}{rest}"

    @property
    def scheme(self) -> str:
        """Numbers of weights and activations, such as `int8` or `int8+bfloat16`."""
        mixed = self.numbers == "int8" and self.rest == "bfloat16"
        return f"{self.numbers}+{self.rest}" if mixed else self.numbers

    @property
    def mates(self) -> Mates:
        """What of its batch-mates changes a row's result.

        `nothing`: more than the last bits of float32. `padding`: only how long the longest is; what they say changes
        no bit. `scale`: everything they say, for they share the scales of the activations.
        """
        if self.scales == "tensor":
            return "scale"
        return "nothing" if self.numbers == self.rest == "float32" else "padding"

    @property
    def mates_note(self) -> str | None:
        """What a report must say of batch-mates; None where they change nothing."""
        if self.mates == "scale":
            return (
                f"{self.name} scales the activations of a whole batch at once: "
                "the result of a row depends on its batch-mates"
            )
        if self.mates == "padding":
            return (
                f"{self.name}: what batch-mates say changes nothing; the length they pad a row to moves its result "
                "a little, for other last bits are rounded"
            )
        return None

    @property
    def batch_independent(self) -> bool:
        """Whether what its batch-mates say changes nothing in a row's result; see `mates` for their length."""
        return self.mates != "scale"

    @property
    def mixable(self) -> bool:
        """Whether single layers can be kept in the numbers of the rest."""
        return self.numbers == "int8"

    @property
    def extra(self) -> str | None:
        """The extra of llmopt that it needs beside `models`; None: no other."""
        return None if self.engine == "torch" else self.engine


TODAY = Recipe("torch", "float32")
"""What a model of transformers runs at when nothing is done to it."""
TUTORIAL = Recipe("torch", "int8", scales="tensor", per_channel=False)
"""`torch.quantization.quantize_dynamic` as tutorials show it: one scale for a whole batch, one for a whole weight."""
PER_CHANNEL = Recipe("torch", "int8", scales="tensor")
"""The same with one scale for each row of a weight."""
_EVERYWHERE = (
    TODAY,
    Recipe("torch", "bfloat16"),
    TUTORIAL,
    PER_CHANNEL,
    Recipe("torch", "int8", scales="token"),
    Recipe("torch", "int8", rest="bfloat16", scales="token"),
)
_GRAPHS = (
    Recipe("openvino", "float32"),
    Recipe("openvino", "bfloat16"),
    Recipe("openvino", "int8", scales="token", group=64),
    Recipe("openvino", "int8", rest="bfloat16", scales="token", group=64),
    Recipe("openvino", "int8", rest="bfloat16", scales="token", group=128),
    Recipe("onnx", "float32"),
    Recipe("onnx", "int8", scales="tensor"),
)
"""For models whose forward pass is one graph: encoders and classifiers."""
_CALIBRATED = (
    Recipe("openvino", "int8", scales="static"),
    Recipe("openvino", "int8", rest="bfloat16", scales="static"),
)
"""The same where there are texts to find scales on."""
_LAST = (Recipe("torchao", "int8", scales="token"),)


def recipes(task: str, *, calibrated: bool = False) -> tuple[Recipe, ...]:
    """Return the recipes that can be had on this machine, what runs today first.

    Args:
        task: `embed`, `classify` or `generate`. Language models are run by torch, which keeps their caches.
        calibrated: whether there are texts to find static scales on.
    """
    graphs = (*_GRAPHS, *(_CALIBRATED if calibrated else ()))
    known = _EVERYWHERE + (() if task == "generate" else graphs) + _LAST
    return tuple(recipe for recipe in known if is_installed(recipe.engine))


def is_installed(engine: Engine) -> bool:
    """Return whether the libraries of an engine are there."""
    return all(find_spec(package) is not None for package in _PACKAGES[engine])
