"""What this processor is good at, by the flags that Linux lists: 8-bit products (VNNI, AMX) and bfloat16.

Elsewhere nothing tells, but Apple's own processors all have ARM's dot product.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from llmopt.models.processor import CPUINFO, told

_INT8 = {"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm"}
_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}


@dataclass(frozen=True, slots=True)
class Features:
    """Instructions of a processor, as far as they matter here."""

    known: bool
    """Whether the system tells."""
    int8: bool
    """Sums of 8-bit products in one instruction (VNNI, AMX, ARM's dot product)."""
    bfloat16: bool
    """Products in bfloat16."""


def features(cpuinfo: Path = CPUINFO) -> Features:
    """Return what the processor has.

    Args:
        cpuinfo: the file in which Linux tells it.
    """
    listed = told(cpuinfo, "flags", "Features")
    if listed is None and (platform.system(), platform.machine()) == ("Darwin", "arm64"):
        return Features(known=True, int8=True, bfloat16=False)
    if listed is None:
        return Features(known=False, int8=False, bfloat16=False)
    flags = set(listed.split())
    return Features(known=True, int8=bool(flags & _INT8), bfloat16=bool(flags & _BF16))


def int8_warning(cpuinfo: Path = CPUINFO) -> str | None:
    """Return what to say where 8 bits may be slower than floating point; None where they are not."""
    found = features(cpuinfo)
    if found.int8:
        return None
    if found.known:
        return "this processor has no instructions for 8-bit products (VNNI or AMX): INT8 may be slower than FP32 here"
    return f"whether this processor ({platform.machine()}) has instructions for 8-bit products cannot be told"
