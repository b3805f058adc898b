"""What each dimension of a weight counts: dimensions of the residual stream, neurons, heads, or something else.

A weight inside a layer is told by the names that transformers gives its parts; one outside by its size. What is not
recognised has no role, and is taken over only where it has the same size in the student.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["hidden", "neurons", "gated", "query", "key", "value", "mixed", "query_key_value"]
"""What a dimension counts.

`hidden`: the residual stream, the same in the whole model. `neurons`: of a feed-forward part; `gated`: the same twice,
gate and values one after the other. `query`, `key`, `value`: heads times their size, of queries, keys and values;
`mixed`: of the values as attention mixes them; `query_key_value`: the three one after the other.
"""
Roles = tuple[Role | None, ...]

_QUERY = frozenset({"query", "q_lin", "q_proj", "q", "query_proj", "pos_query_proj"})
_KEY = frozenset({"key", "k_lin", "k_proj", "k", "key_proj", "pos_key_proj"})
_VALUE = frozenset({"value", "v_lin", "v_proj", "v", "value_proj"})
_FUSED = frozenset({"c_attn", "Wqkv"})
_DOWN = frozenset({"lin2", "down_proj", "c_proj", "fc2", "fc_out", "Wo", "ffn_output", "dense_4h_to_h"})
_GATED = frozenset({"Wi", "gate_up_proj"})
_OTHER_FUSED = "qkv", "query_key_value"
"""In names of parts that write queries, keys and values in an order of their own."""
_LINEAR = "Linear"
_TRANSPOSED = "Conv1D"
"""Linear, but with the input first."""
_TABLE = "Embedding"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a weight is."""

    path: str
    """Of its module, without what leads to the list that it stands in."""
    kind: str
    """Class of its module."""
    inside: bool
    """Whether it is in a layer."""


def place_of(name: str, modules: dict[str, Any], lists: Sequence[str]) -> Place:
    """Return where a parameter is.

    Args:
        name: of the parameter.
        modules: of the model, by name.
        lists: names of the lists that hold its layers.
    """
    module = name.rpartition(".")[0]
    outer = next((path for path in lists if name.startswith(f"{path}.")), None)
    kind = type(modules[module]).__name__
    return Place(module if outer is None else module[len(outer.rpartition(".")[0]) :], kind, outer is not None)


def roles_of(place: Place, shape: Sequence[int], hidden: int) -> Roles:
    """Return the role of each dimension of a weight; None where there is none.

    Args:
        place: where it is.
        shape: of the weight.
        hidden: width of the residual stream.
    """
    if not place.inside or place.kind not in (_LINEAR, _TRANSPOSED):
        rows = _TABLE in place.kind and len(shape) > 1
        return tuple("hidden" if size == hidden and (at or not rows) else None for at, size in enumerate(shape))
    into, out = _in_and_out(place.path.strip(".").split("."))
    if len(shape) == 1:
        return (out,)
    return (into, out) if place.kind == _TRANSPOSED else (out, into)


def _in_and_out(parts: Sequence[str]) -> tuple[Role | None, Role | None]:
    """Return what a linear part of a layer reads and writes."""
    last = parts[-1]
    if any("att" in part for part in parts):
        return _of_attention(last)
    if last in _GATED:
        return "hidden", "gated"
    if last in _DOWN or list(parts[-2:]) == ["output", "dense"]:
        return "neurons", "hidden"
    return "hidden", "neurons"


def _of_attention(last: str) -> tuple[Role | None, Role | None]:
    names: tuple[tuple[frozenset[str], Role], ...] = (
        (_QUERY, "query"),
        (_KEY, "key"),
        (_VALUE, "value"),
        (_FUSED, "query_key_value"),
    )
    for known, role in names:
        if last in known:
            return "hidden", role
    if any(name in last for name in _OTHER_FUSED):
        return "hidden", None
    return "mixed", "hidden"
