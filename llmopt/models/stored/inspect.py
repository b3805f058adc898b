"""Look at a checkpoint by its headers: what is in it, and what each scheme would save. Loads and runs nothing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from llmopt.models.quantizing.plan import Kept, Plan, plan
from llmopt.models.stored.inspection import LINEAR, Group, InspectedShard, InspectedTensor, Inspection, SchemeSaving
from llmopt.models.stored.pickled import Pickled
from llmopt.models.stored.source import look_stored
from llmopt.models.stored.values import Stored, StoredTensor

SCHEMES = ("w8a8", "w8a16", "w4a16", "bf16")
"""Schemes that a checkpoint can be written in."""
_NAMED = 5


def inspect(
    path: str | os.PathLike[str], *, target: str = "transformers", group_size: int = 128, skip: Sequence[str] = ()
) -> Inspection:
    """Look at a checkpoint by its headers.

    Args:
        path: a folder, a file of weights, an index, or a name in the hub's local cache.
        target: what is to load it afterwards, `transformers` or `vllm`.
        group_size: columns that share a scale.
        skip: patterns of tensors and modules that are to stay.

    Raises:
        InputError: there is none, or it is damaged.
        UsageError: a pattern that is none, or a group that the target cannot read.
    """
    stored, pickles = look_stored(path)
    plans = [plan(stored, scheme, target=target, group_size=group_size, skip=skip) for scheme in SCHEMES]
    kinds = {kept.tensor.name: kept.reason for kept in plans[0].kept}
    tensors = tuple(_tensor(tensor, kinds.get(tensor.name, LINEAR)) for tensor in stored.tensors)
    own = _once(stored.tensors)
    counted = [tensor for tensor, mine in zip(tensors, own, strict=True) if mine]
    config = stored.config or {}
    return Inspection(
        name=os.fspath(path),
        folder=str(stored.folder),
        format="pickle" if pickles else "safetensors",
        model_type=_text(config.get("model_type")),
        architectures=tuple(str(name) for name in _list(config.get("architectures"))),
        quantized=stored.quantized,
        tied=_tied(config, own),
        needs_code=_classes(config.get("auto_map")),
        parameters=sum(tensor.parameters for tensor in counted),
        size_bytes=sum(tensor.size_bytes for tensor in counted),
        file_bytes=sum(shard.file_bytes for shard in stored.shards),
        read_bytes=stored.header_bytes,
        dtypes=_groups(counted, lambda tensor: tensor.dtype),
        kinds=_groups(counted, lambda tensor: tensor.kind),
        schemes=() if stored.quantized or not tensors else tuple(map(_saving, plans)),
        shards=tuple(InspectedShard(shard.path.name, shard.tensors, shard.file_bytes) for shard in stored.shards),
        metadata=stored.metadata,
        globals=_union(one.globals for one in pickles),
        unsafe_globals=_union(one.unsafe for one in pickles),
        tensors=tensors,
        warnings=(*_remarks(stored, pickles, config), *stored.warnings),
    )


def _tensor(tensor: StoredTensor, kind: str) -> InspectedTensor:
    return InspectedTensor(
        name=tensor.name,
        dtype=tensor.dtype,
        shape=tensor.shape,
        parameters=tensor.parameters,
        size_bytes=tensor.size_bytes,
        shard=tensor.path.name,
        kind=kind,
    )


def _once(tensors: Iterable[StoredTensor]) -> list[bool]:
    """Return for each tensor whether its bytes are not those of one before."""
    seen: set[tuple[object, int]] = set()
    fresh = []
    for tensor in tensors:
        place = (tensor.path, tensor.offset)
        fresh.append(not tensor.size_bytes or place not in seen)
        seen.add(place)
    return fresh


def _groups(tensors: Iterable[InspectedTensor], key: Callable[[InspectedTensor], str]) -> tuple[Group, ...]:
    """Return sums by a key, largest first."""
    sums: dict[str, list[int]] = {}
    for tensor in tensors:
        sums_of = sums.setdefault(key(tensor), [0, 0, 0])
        for at, value in enumerate((1, tensor.parameters, tensor.size_bytes)):
            sums_of[at] += value
    groups = [Group(name, *values) for name, values in sums.items()]
    return tuple(sorted(groups, key=lambda group: (-group.size_bytes, group.name)))


def _saving(made: Plan) -> SchemeSaving:
    saved = made.bytes_before - made.bytes_after
    return SchemeSaving(
        scheme=made.scheme,
        format=made.format,
        quantized=len(made.quantized),
        kept=len(made.kept),
        bytes_after=made.bytes_after,
        saved_bytes=saved,
        saved_share=saved / made.bytes_before if made.bytes_before else 0.0,
        why_none=None if made.quantized else _commonest(made.kept),
    )


def _commonest(kept: Sequence[Kept]) -> str | None:
    """Return the reason that keeps most bytes."""
    weight: Counter[str] = Counter()
    for one in kept:
        weight[one.reason] += one.tensor.size_bytes
    return weight.most_common(1)[0][0] if weight else None


def _tied(config: dict[str, Any], own: Sequence[bool]) -> bool | None:
    if not all(own):
        return True
    inner = config.get("text_config")
    for holder in (config, inner if isinstance(inner, dict) else {}):
        if isinstance(holder.get("tie_word_embeddings"), bool):
            return bool(holder["tie_word_embeddings"])
    return None


def _remarks(stored: Stored, pickles: Sequence[Pickled], config: dict[str, Any]) -> list[str]:
    """Return what a user should know before he works on the checkpoint, a sentence each."""
    remarks = []
    unsafe, hostile = _union(one.unsafe for one in pickles), _union(one.hostile for one in pickles)
    if hostile:
        remarks.append(f"its pickle asks for {_named(hostile)}, which no checkpoint needs: it looks like an attack")
    elif unsafe:
        remarks.append(f"its pickle asks for {_named(unsafe)}: loading it could run code")
    for_torch = [name for one in pickles for name in one.for_torch]
    if for_torch:
        remarks.append(f"not counted, for only torch can read it: {_named(for_torch)}")
    if stored.quantized:
        remarks.append(f"it is quantized already ({stored.quantized}); take the checkpoint that it was made from")
    if _classes(config.get("auto_map")):
        remarks.append("loading it runs Python code that comes with it (auto_map in config.json)")
    if stored.config is None:
        remarks.append("there is no config.json beside it; a library needs one to load it")
    return remarks


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(name[:80] for name in names[:_NAMED]) + more


def _union(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in lists for name in names))


def _classes(auto_map: object) -> tuple[str, ...]:
    """Return the classes that `auto_map` names; a value may be a list, with None in it."""
    found: list[str] = []
    for value in auto_map.values() if isinstance(auto_map, dict) else ():
        found += [str(name) for name in (value if isinstance(value, list) else [value]) if name]
    return tuple(dict.fromkeys(found))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
