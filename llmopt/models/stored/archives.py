"""Files of torch.save: where in them the pickle and the numbers of each storage are, with nothing unpacked.

New files are zip archives whose members are stored as they are; old ones are pickles followed by raw numbers. A member
that is compressed, encrypted, named twice or lies elsewhere than it says is refused: torch writes none, and a zip bomb
needs one. Source: torch, `torch/serialization.py` (`_save`, `_legacy_save`), and the zip format (APPNOTE 4.3).
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from llmopt.errors import InputError
from llmopt.models.stored.header import file_size
from llmopt.models.stored.names import shortened
from llmopt.models.stored.pickle_reading import PickleReader
from llmopt.models.stored.pickle_values import Made, PickleError
from llmopt.models.stored.pickled_storage import storage_part
from llmopt.models.stored.read import RangeReader

_LARGEST_PICKLE_BYTES = 100_000_000
_MAGIC = 0x1950A86A20F9469CFC6C
_LOCAL = struct.Struct("<4s5H3I2H")
"""Head of a member: signature, five fields, checksum and sizes, lengths of its name and of its extra fields."""
_ENCRYPTED = 0x1
_DAMAGE = (OSError, zipfile.BadZipFile, struct.error, NotImplementedError, ValueError, OverflowError)
"""What reading a damaged archive raises."""
_AGAIN = "fetch it again, or take a checkpoint of safetensors"

StorageRange = tuple[int, int]
"""First byte of a storage in the file, and how many bytes it has."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What a file of torch.save holds, read without running it."""

    path: Path
    root: Any
    """What its pickle would make."""
    globals: tuple[str, ...]
    """Names that the pickle asks for."""
    storages: dict[str, StorageRange]
    """Key of a storage -> where its numbers are."""
    file_bytes: int
    pickle_bytes: int
    """Of the pickle alone."""


def read_archive(path: Path) -> Archive:
    """Read a file of torch.save without running it.

    Raises:
        InputError: it cannot be read, is damaged, or hostile as an archive.
    """
    size = file_size(path)
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                return _of_zip(path, file, size)
            file.seek(0)
            return _of_pickles(path, file, size)
    except PickleError as error:
        raise InputError(f"{path}: not a pickle that torch.save writes: {error}", _AGAIN) from error
    except _DAMAGE as error:
        raise InputError(f"{path}: damaged: {error}", _AGAIN) from error


def _of_zip(path: Path, file: IO[bytes], size: int) -> Archive:
    members = _members(path, file)
    pickles = [name for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise InputError(f"{path}: a zip archive, and not of torch.save (no data.pkl)", _AGAIN)
    prefix = pickles[0].removesuffix("data.pkl")
    if members[pickles[0]].file_size > _LARGEST_PICKLE_BYTES:
        raise InputError(f"{path}: a pickle of {members[pickles[0]].file_size:,} bytes", _AGAIN)
    with RangeReader(path) as raw:
        ranges = {name: _place(path, raw, member, size) for name, member in members.items()}
        _check_apart(path, ranges)
        order = members.get(prefix + "byteorder")
        if order is not None and order.file_size < 16 and bytes(raw.read(*ranges[order.filename])) != b"little":
            raise InputError(f"{path}: its numbers are big-endian", "save it again on a little-endian machine")
        reader = PickleReader()
        root = reader.read(io.BytesIO(raw.read(*ranges[pickles[0]])))
    start = prefix + "data/"
    storages = {name.removeprefix(start): place for name, place in ranges.items() if name.startswith(start)}
    return Archive(path, root, tuple(reader.globals), storages, size, ranges[pickles[0]][1])


def _members(path: Path, file: IO[bytes]) -> dict[str, zipfile.ZipInfo]:
    """Return the members of a zip archive by name, after a look at what is odd about them."""
    members: dict[str, zipfile.ZipInfo] = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename
            if name in members:
                raise InputError(f"{path}: {shortened(name)} is in the archive twice", _AGAIN)
            if name.startswith("/") or ".." in name.split("/") or "\\" in member.orig_filename:
                raise InputError(f"{path}: {shortened(name)} leads out of the archive", _AGAIN)
            if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
                raise InputError(f"{path}: {shortened(name)} is compressed, which torch.save never does", _AGAIN)
            if member.flag_bits & _ENCRYPTED:
                raise InputError(f"{path}: {shortened(name)} is encrypted", _AGAIN)
            members[name] = member
    return members


def _place(path: Path, raw: RangeReader, member: zipfile.ZipInfo, size: int) -> StorageRange:
    """Return where the bytes of a member are, by its own head, which must say what the directory says."""
    at = member.header_offset
    if at < 0 or at + _LOCAL.size > size:
        raise InputError(f"{path}: {shortened(member.filename)} lies outside of the file", _AGAIN)
    signature, _, flags, method, *_, name_bytes, extra_bytes = _LOCAL.unpack(raw.read(at, _LOCAL.size))
    start = at + _LOCAL.size + name_bytes + extra_bytes
    if signature != b"PK\x03\x04" or method or flags & _ENCRYPTED or start + member.file_size > size:
        raise InputError(f"{path}: {shortened(member.filename)} is not where the archive says", _AGAIN)
    return start, member.file_size


def _check_apart(path: Path, ranges: dict[str, StorageRange]) -> None:
    """Refuse members that share bytes; a small file that holds much is a bomb."""
    at = 0
    for name, (start, size) in sorted(ranges.items(), key=lambda entry: entry[1]):
        if start < at:
            raise InputError(f"{path}: {shortened(name)} overlaps another member of the archive", _AGAIN)
        at = start + size


def _of_pickles(path: Path, file: IO[bytes], size: int) -> Archive:
    """Read the old format: a magic number, a version, facts of the machine, the pickle, the keys, raw storages."""
    reader = PickleReader()
    if reader.read(file) != _MAGIC:
        raise InputError(f"{path}: a pickle, and not of torch.save", "take a checkpoint of safetensors")
    reader.read(file)
    facts = reader.read(file)
    if isinstance(facts, Made) and dict(facts.items).get("little_endian") is False:
        raise InputError(f"{path}: its numbers are big-endian", "save it again on a little-endian machine")
    root = reader.read(file)
    keys = reader.read(file)
    storages: dict[str, StorageRange] = {}
    widths = {part.key: part.item_bytes for one in reader.persistent if (part := storage_part(one)) is not None}
    pickle_bytes = at = file.tell()
    for key in keys.members if isinstance(keys, Made) else ():
        file.seek(at)
        numbers = int.from_bytes(file.read(8), "little")
        length = numbers * widths.get(key, 0)
        if isinstance(key, str) and key not in widths:
            raise InputError(f"{path}: numbers of a type that is not known", "save it again with a newer torch")
        if not isinstance(key, str) or at + 8 + length > size:
            raise InputError(f"{path}: cut short, or damaged", _AGAIN)
        storages[key] = (at + 8, length)
        at += 8 + length
    return Archive(path, root, tuple(reader.globals), storages, size, pickle_bytes)
