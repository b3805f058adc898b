"""Which files of a folder are the checkpoint, by the rules of transformers: safetensors first, one before an index.

A folder may hold several forms of the same weights. Source: transformers, `PreTrainedModel.from_pretrained`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from llmopt.errors import InputError, next_step
from llmopt.models.stored.documents import read_index
from llmopt.models.stored.names import check_links, inside, is_regular, shortened

_INDEX = ".index.json"
_ENDINGS = (".safetensors",)
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
"""Endings of files that torch.save writes."""
_STEMS = ("model", "pytorch_model", "diffusion_pytorch_model", "adapter_model", "consolidated")
"""Usual names of weights, the first that is there is taken."""
_NO_WEIGHTS = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state.*|random_states.*|openvino_.*)\.\w+")
_SHARD = re.compile(r"(.+)-(\d{1,6})-of-(\d{1,6})(\.\w+)")
_WHOLE = "fetch the files that are missing, or the whole checkpoint again"


@dataclass(frozen=True, slots=True)
class Choice:
    """The files of one checkpoint."""

    folder: Path
    shards: tuple[Path, ...]
    """In the order of their names."""
    index: Path | None
    weight_map: dict[str, str] | None
    """Tensor -> name of the shard that holds it; None without an index."""
    pickled: bool
    whole_folder: bool
    """The user named the folder, or its index, and not a single file in it."""
    warnings: tuple[str, ...] = ()


def choose(path: Path) -> Choice:
    """Find the files of a checkpoint behind a folder, an index, or a file of weights.

    Raises:
        InputError: there are none, several that do not belong together, or some are missing.
    """
    if not path.is_dir():
        return _of_file(path)
    names = _names(path)
    for endings, pickled in ((_ENDINGS, False), (PICKLES, True)):
        mine = [name for name in names if name.endswith(endings) and not _NO_WEIGHTS.fullmatch(name)]
        indexes = [name for name in names if name.endswith(tuple(ending + _INDEX for ending in endings))]
        if mine or indexes:
            return _among(path, mine, indexes, pickled=pickled)
    raise _empty(path, names)


def _empty(folder: Path, names: list[str]) -> InputError:
    """Return what to say of a folder without weights: where they are, if one looks further."""
    if "llmopt-model.json" in names:
        made = "what llmopt quantize made for a processor; that is no checkpoint"
        return InputError(f"{folder}: {made}", "name the checkpoint that it was made from")
    inner = next((name for name in names if any((folder / name).glob("*.safetensors"))), None)
    where = f"name {shortened(inner)} in it, which has some" if inner else "give the folder of a checkpoint"
    return InputError(f"{folder}: no weights in it (*.safetensors)", where)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names, of folders with very many files too
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}", next_step(error)) from error


def _of_file(path: Path) -> Choice:
    name, folder = path.name, path.parent
    for endings, pickled in ((_ENDINGS, False), (PICKLES, True)):
        if name.endswith(tuple(ending + _INDEX for ending in endings)):
            return _by_index(path, _names(folder), pickled=pickled)
        if name.endswith(endings):
            part = _SHARD.fullmatch(name)
            warnings = (f"{name} is one of {int(part[3]):,} shards; the others are left out",) if part else ()
            return Choice(folder, (path,), None, None, pickled, whole_folder=False, warnings=warnings)
    raise InputError(
        f"{path}: not a checkpoint by its ending",
        f"give a folder, or a file that ends in {', '.join([*_ENDINGS, _ENDINGS[0] + _INDEX, *PICKLES])}",
    )


def _among(folder: Path, names: list[str], indexes: list[str], *, pickled: bool) -> Choice:
    """Choose among the files of one kind: the usual names first, then what is there only once."""
    for stem in _STEMS:
        whole = next((name for name in names if name.rpartition(".")[0] == stem), None)
        if whole is not None:
            return _by_names(folder, [whole], names, pickled=pickled)
        index = next((name for name in indexes if name.startswith(f"{stem}.")), None)
        if index is not None:
            return _by_index(folder / index, names, pickled=pickled)
    if len(indexes) == 1:
        return _by_index(folder / indexes[0], names, pickled=pickled)
    sets = {(part[1], part[3]) for name in names if (part := _SHARD.fullmatch(name))}
    loose = [name for name in names if not _SHARD.fullmatch(name)]
    if indexes or len(sets) + len(loose) != 1:
        raise InputError(
            f"{folder}: several checkpoints in it, such as {' and '.join(map(shortened, (indexes or names)[:2]))}",
            "name one of the files",
        )
    if loose:
        return _by_names(folder, loose, names, pickled=pickled)
    _check_whole(folder, names)
    return _by_names(
        folder, names, names, pickled=pickled, note="there is no index; its shards were told by their names"
    )


def _check_whole(folder: Path, names: list[str]) -> None:
    """Refuse shards `-00001-of-00003` where one of the three is not there."""
    parts = [part for name in names if (part := _SHARD.fullmatch(name))]
    total, numbers = int(parts[0][3]), {int(part[2]) for part in parts}
    if len(numbers) != total or numbers != set(range(1, total + 1)):
        missing = next(number for number in range(1, total + 2) if number not in numbers)
        raise InputError(f"{folder}: {len(numbers):,} of {total:,} shards; number {missing:,} is missing", _WHOLE)


def _by_names(folder: Path, mine: list[str], names: list[str], *, pickled: bool, note: str = "") -> Choice:
    shards = tuple(folder / name for name in mine)
    for shard in shards:
        check_links(folder, shard)
    warnings = ([note] if note else []) + _left_out(set(mine), names)
    return Choice(folder, shards, None, None, pickled, whole_folder=True, warnings=tuple(warnings))


def _by_index(index: Path, names: list[str], *, pickled: bool) -> Choice:
    folder = index.parent
    check_links(folder, index)
    told = read_index(index)
    plain = {name: inside(folder, name, index).relative_to(folder).as_posix() for name in set(told.values())}
    weight_map = {tensor: plain[name] for tensor, name in told.items()}
    shards = {name: folder / name for name in sorted(plain.values())}
    endings = PICKLES if pickled else _ENDINGS
    for name, path in shards.items():
        if not name.endswith(endings):
            raise InputError(f"{index}: it names {shortened(name)}, which is no {endings[0]} file", _WHOLE)
        if not is_regular(path):
            gone = sum(not is_regular(other) for other in shards.values())
            raise InputError(f"{index}: {gone:,} of {len(shards):,} shards missing, such as {shortened(name)}", _WHOLE)
        check_links(folder, path)
    mine = [name for name in names if name.endswith(endings) and not _NO_WEIGHTS.fullmatch(name)]
    warnings = tuple(_left_out(set(shards), mine))
    return Choice(folder, tuple(shards.values()), index, weight_map, pickled, whole_folder=True, warnings=warnings)


def _left_out(mine: set[str], names: list[str]) -> list[str]:
    others = [name for name in names if name not in mine]
    if not others:
        return []
    more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
    return [f"{shortened(others[0])}{more} left out: not part of the checkpoint"]
