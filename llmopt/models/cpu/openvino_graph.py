"""Models that OpenVINO computes: in float32 or bfloat16, or with 8-bit weights and activations that it scales itself.

OpenVINO follows the forward pass of torch and compiles the whole of it for the processor. An 8-bit weight is written as
whole numbers and the scale of each row; where each product of such a weight begins, OpenVINO scales groups of columns
of each token ("dynamic quantization"), so that a token's result depends on nothing but the token. With scales that were
found before (`calibration`), the inputs of a product are told as `FakeQuantize`, and it is one of whole numbers.

Source: OpenVINO, "Dynamic quantization" and "Low precision transformations"; the scales of weights are those of
`llmopt.models.cpu.layers`.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.cpu.calibration import Calibration, Range
from llmopt.models.cpu.graph import Traced, example, quietly
from llmopt.models.cpu.layers import rounded
from llmopt.models.cpu.recipe import Recipe

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # it would ask for leave and send figures
try:
    import openvino
    import torch
    from openvino import opset13 as opset
    from openvino.frontend import FrontEndManager, GeneralFailure, NotImplementedFailure, OpConversionFailure
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
except ImportError as error:
    raise MissingExtraError((error.name or "openvino").partition(".")[0], "openvino") from error

FILE = "openvino_model.xml"
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
_INSIDE = "__module.inner."
_OTHER = "take the engine torch"
_TABLE = 100_000
"""Numbers of a table from which on it is worth being stored in 16 bits."""
_LEVELS, _LOWEST, _HIGHEST = 256, -128, 127


def followed(
    model: Any,
    answer: str,
    known_tokens: int,
    recipe: Recipe,
    layers: tuple[str, ...],
    calibration: Calibration,
) -> tuple[Any, tuple[str, ...]]:
    """Return the graph of a model of transformers and the layers whose weights are in 8 bits in it.

    Args:
        model: of transformers, on the CPU.
        answer: name of its output.
        known_tokens: how many token ids it knows.
        recipe: with the engine `openvino`.
        layers: linear layers to put in 8 bits.
        calibration: ranges of their inputs, for static scales.

    Raises:
        InputError: OpenVINO does not know one of its operations, or a layer is not in the graph.
    """
    graph = _converted(Traced(model, answer).eval(), known_tokens)
    products = _products(graph)
    lacking = next((name for name in layers if name not in products), None)
    if lacking is not None:
        raise InputError(f"the layer {lacking} is not in the graph that OpenVINO made", _OTHER)
    done = tuple(name for name in layers if all(computed for _, computed in products[name]))
    static = calibration if recipe.scales == "static" else {}
    scaled: dict[tuple[str, int], Any] = {}
    for name in done:
        nodes = [node for node, _ in products[name]]
        _shrink(nodes, static.get(name))
        for node in nodes if name in static else ():
            _scale(node, static[name], scaled)
    if recipe.numbers == "bfloat16":
        for node in (node for found in products.values() for node, _ in found):
            _shorten(node)
    if "bfloat16" in (recipe.numbers, recipe.rest):
        _shorten_tables(graph)
    return graph, done


def compiled(graph: Any, recipe: Recipe, threads: int) -> Any:
    """Return a function from token ids and mask to the answer in float32.

    Args:
        graph: of OpenVINO, or the path of a saved one.
        recipe: with the engine `openvino`.
        threads: to compute with.

    Raises:
        InputError: OpenVINO cannot compile it, or the files are damaged.
    """
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": _PRECISIONS[recipe.rest if recipe.numbers == "int8" else recipe.numbers],
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": recipe.group if recipe.numbers == "int8" else 0,
        "CACHE_DIR": "",
    }
    try:
        return partial(_answer, openvino.Core().compile_model(graph, "CPU", settings).create_infer_request())
    except RuntimeError as error:
        raise InputError(f"OpenVINO cannot compile it: {_reason(error)}", _OTHER) from error


def write(graph: Any, folder: Path) -> None:
    """Save a graph into a folder."""
    openvino.save_model(graph, folder / FILE, compress_to_fp16=False)


def version() -> str:
    """Return the version of OpenVINO."""
    return str(openvino.__version__)


def _converted(traced: Any, known_tokens: int) -> Any:
    with torch.no_grad(), quietly():
        decoder = TorchScriptPythonDecoder(traced, example_input=example(known_tokens))
        frontend = FrontEndManager().load_by_framework("pytorch")
        try:
            return frontend.convert(frontend.load(decoder))
        except (OpConversionFailure, GeneralFailure, NotImplementedFailure) as error:
            raise InputError(f"OpenVINO cannot follow it: {_reason(error)}", _OTHER) from error


def _reason(error: Exception) -> str:
    """Return the last line that says something: those before are places in its source."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line[:300] for line in reversed(lines) if line and not line.startswith("Exception from")), "no reason")


def _answer(request: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    found = request.infer({0: ids.numpy(), 1: mask.numpy()}, share_inputs=True, share_outputs=False)
    return torch.from_numpy(found[0])


def _layer(node: Any) -> str:
    """Return the name that a layer has in torch; OpenVINO keeps it in the names of its operations."""
    path: str = node.get_friendly_name().partition("/")[0]
    return path.removeprefix(_INSIDE)


def _constant(node: Any) -> Any:
    """Return the weight that a product is made with; None where it is computed."""
    held = node.input_value(1).get_node()
    while held.get_type_name() == "Convert":
        held = held.input_value(0).get_node()
    return held if held.get_type_name() == "Constant" else None


def _products(graph: Any) -> dict[str, list[tuple[Any, bool]]]:
    """Return the products of each layer, and of each whether it is computed anew for each batch.

    A layer may be used more than once, and on a table that never changes, which is computed when it is compiled.
    """
    anew: set[str] = set()
    found: dict[str, list[tuple[Any, bool]]] = {}
    for node in graph.get_ordered_ops():
        kind, first = node.get_type_name(), node.inputs()[:1]
        if kind == "Parameter" or any(one.get_source_output().get_node().get_name() in anew for one in node.inputs()):
            anew.add(node.get_name())
        if kind == "MatMul":
            computed = first[0].get_source_output().get_node().get_name() in anew
            found.setdefault(_layer(node), []).append((node, computed))
    return found


def _shrink(nodes: list[Any], known: Range | None) -> None:
    """Put the weight of a layer, which is used in one product or more, in 8 bits."""
    held = _constant(nodes[0])
    if held is None or len(held.shape) != 2:
        raise InputError(f"the weight of {_layer(nodes[0])} is not in the graph that OpenVINO made", _OTHER)
    turned = nodes[0].get_attributes()["transpose_b"]
    weight = torch.from_numpy(held.data.astype("float32"))
    weight = weight if turned else weight.T
    whole, scale = rounded(weight if known is None else weight * known.factors)
    numbers, scales = (whole, scale[:, None]) if turned else (whole.T.contiguous(), scale[None, :])
    short = opset.convert(opset.constant(numbers.numpy()), "f32")
    made = opset.multiply(short, opset.constant(scales.numpy())).output(0)
    for node in nodes:
        node.input(1).replace_source_output(made)


def _scale(node: Any, known: Range, scaled: dict[tuple[str, int], Any]) -> None:
    """Put the input of a product in 8 bits, once for all the products that read it in the same range."""
    read = node.input_value(0)
    key = read.get_node().get_name(), id(known)
    if key not in scaled:
        step = known.largest / _HIGHEST
        limits = [opset.constant(at * step, openvino.Type.f32) for at in (_LOWEST, _HIGHEST)]
        smooth = opset.multiply(read, opset.constant((1 / known.factors).numpy()))
        scaled[key] = opset.fake_quantize(smooth, *limits, *limits, _LEVELS).output(0)
    node.input(0).replace_source_output(scaled[key])


def _shorten(node: Any) -> None:
    """Store the weight of a product in 16 bits, in which it is computed anyway."""
    held = _constant(node)
    if held is None or held.get_element_type() != openvino.Type.f32:
        return
    short = opset.constant(held.data, openvino.Type.bf16)
    node.input(1).replace_source_output(opset.convert(short, "f32").output(0))


def _shorten_tables(graph: Any) -> None:
    """Store the tables of embeddings in 16 bits; rows are looked up first, then made long again."""
    for node in graph.get_ordered_ops():
        table = node.input_value(0).get_node() if node.get_type_name() == "Gather" else None
        if table is None or table.get_type_name() != "Constant" or table.get_element_type() != openvino.Type.f32:
            continue
        if len(table.shape) == 2 and table.data.size >= _TABLE:
            short = opset.constant(table.data, openvino.Type.bf16)
            rows = opset.gather(short, node.input_value(1), node.input_value(2))
            node.output(0).replace(opset.convert(rows, "f32").output(0))
