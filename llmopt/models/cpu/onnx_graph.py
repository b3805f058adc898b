"""Models that ONNX Runtime computes: in float32, or with 8-bit weights, one scale for each row.

Activations get one scale for a whole batch (`DynamicQuantizeLinear`), so a row's result depends on its batch-mates.
The forward pass is exported through TorchScript, which needs no further library.
"""

from __future__ import annotations

import tempfile
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.cpu.graph import INPUTS, Traced, example, quietly
from llmopt.models.exhaustion import first_line

try:
    import onnx
    import onnxruntime
    import torch
    from onnxruntime.capi import onnxruntime_pybind11_state as states
    from onnxruntime.quantization import QuantType, quantize_dynamic
except ImportError as error:
    raise MissingExtraError((error.name or "onnxruntime").partition(".")[0], "onnx") from error

_export: Any = torch.onnx.export
_FAILURES = tuple(kind for kind in vars(states).values() if isinstance(kind, type) and issubclass(kind, Exception))
FILE = "model.onnx"
_OPSET = 17
_ONLY_ERRORS = 3
_INSIDE = ".inner."


def exported(model: Any, answer: str, known_tokens: int, layers: tuple[str, ...]) -> tuple[bytes, tuple[str, ...]]:
    """Return the graph of a model of transformers and the layers whose weights are in 8 bits in it.

    Args:
        model: of transformers, on the CPU.
        answer: name of its output.
        known_tokens: how many token ids it knows.
        layers: linear layers to put in 8 bits.

    Raises:
        InputError: none of the layers is in the graph.
    """
    batch = example(known_tokens)
    axes = {name: {0: "requests", 1: "tokens"} for name in INPUTS}
    axes[answer] = {0: "requests", 1: "tokens"} if answer == "last_hidden_state" else {0: "requests"}
    buffer = BytesIO()
    with torch.no_grad(), quietly():
        _export(
            Traced(model, answer).eval(),
            tuple(batch.values()),
            buffer,
            input_names=list(INPUTS),
            output_names=[answer],
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
    return _shrunk(buffer.getvalue(), layers) if layers else (buffer.getvalue(), ())


def session(graph: bytes | str, threads: int) -> Any:
    """Return a function from token ids and mask to the answer in float32.

    Args:
        graph: of ONNX, or the path of a saved one.
        threads: to compute with.

    Raises:
        InputError: ONNX Runtime cannot compute it, or the file is damaged.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ONLY_ERRORS
    try:
        opened = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except _FAILURES as error:
        raise InputError(f"ONNX Runtime cannot compute it: {first_line(error)[:300]}", "make it again") from error
    # a model without attention does not look at the mask, and its graph does not take it
    return partial(_answer, opened, frozenset(taken.name for taken in opened.get_inputs()))


def write(graph: bytes, folder: Path) -> None:
    """Save a graph into a folder."""
    (folder / FILE).write_bytes(graph)


def version() -> str:
    """Return the version of ONNX Runtime."""
    return str(onnxruntime.__version__)


def _answer(opened: Any, taken: frozenset[str], ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    given = dict(zip(INPUTS, (ids.numpy(), mask.numpy()), strict=True))
    return torch.from_numpy(opened.run(None, {name: given[name] for name in INPUTS if name in taken})[0])


def _shrunk(graph: bytes, layers: tuple[str, ...]) -> tuple[bytes, tuple[str, ...]]:
    """Put the weights of some layers in 8 bits; what is exported as another operation stays."""
    model = onnx.load_from_string(graph)
    model.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")  # else it asks for shapes
    products = [node for node in model.graph.node if node.op_type == "MatMul"]
    names = {node.name.rpartition("/")[0].replace("/", ".").removeprefix(_INSIDE): node.name for node in products}
    done = tuple(name for name in layers if name in names)
    if not done:
        raise InputError("none of its layers is in the graph that was exported", "take the engine torch")
    chosen = [names[name] for name in done]
    with tempfile.TemporaryDirectory() as work, quietly():
        path = Path(work, FILE)
        quantize_dynamic(model, path, per_channel=True, weight_type=QuantType.QInt8, nodes_to_quantize=chosen)
        return path.read_bytes(), done
