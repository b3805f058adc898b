"""Types of numbers in safetensors files, with their bits.

Source: the `Dtype` of the safetensors format, https://github.com/huggingface/safetensors; below a byte they are packed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["float", "integer", "boolean", "complex"]


@dataclass(frozen=True, slots=True)
class Dtype:
    """A type of numbers."""

    bits: int
    kind: Kind


DTYPES: dict[str, Dtype] = {
    "BOOL": Dtype(8, "boolean"),
    "F4": Dtype(4, "float"),
    "F6_E2M3": Dtype(6, "float"),
    "F6_E3M2": Dtype(6, "float"),
    "F8_E4M3": Dtype(8, "float"),
    "F8_E5M2": Dtype(8, "float"),
    "F8_E8M0": Dtype(8, "float"),
    "F8_E4M3FNUZ": Dtype(8, "float"),
    "F8_E5M2FNUZ": Dtype(8, "float"),
    "F16": Dtype(16, "float"),
    "BF16": Dtype(16, "float"),
    "F32": Dtype(32, "float"),
    "F64": Dtype(64, "float"),
    "C64": Dtype(64, "complex"),
    "I8": Dtype(8, "integer"),
    "U8": Dtype(8, "integer"),
    "I16": Dtype(16, "integer"),
    "U16": Dtype(16, "integer"),
    "I32": Dtype(32, "integer"),
    "U32": Dtype(32, "integer"),
    "I64": Dtype(64, "integer"),
    "U64": Dtype(64, "integer"),
}
"""Name in a header -> what it is."""
