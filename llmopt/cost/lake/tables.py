"""Lake tables among the paths that a user gives: Delta and Iceberg, each read as its current snapshot.

The folder of such a table also holds its log and files that are no part of the table any more. So a folder that is
one, or has one below it, is found out before its files are read. What the table consists of is asked of its library
(`delta`, `iceberg`); the files themselves are read like any others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from llmopt.errors import InputError
from llmopt.files import DAMAGE, Found, compression_of, open_unpacked

_LOG = "_delta_log"
_METADATA = "metadata"
_METADATA_ENDINGS = (".metadata.json", ".metadata.json.gz")

Kind = Literal["Delta", "Iceberg", "Hudi"]


class _Metadata(msgspec.Struct, rename="kebab"):
    """What tells the metadata of an Iceberg table from any other JSON."""

    format_version: int
    location: str


def snapshots(path: str, found: Sequence[Found], spool: Path) -> list[Found]:
    """Return the files behind a path, with those of each lake table replaced by its current snapshot.

    Args:
        path: as the user wrote it: a table's folder, one above it, or a `*.metadata.json` of an Iceberg table.
        found: what lies behind it on the disk.
        spool: a directory for links and copies; names of partitions in it give the columns that are only in the log.

    Raises:
        InputError: a table that cannot be read as it is, or files of a table given without the rest of it.
        MissingExtraError: the library of the table's format is not installed.
    """
    if path == "-":
        return list(found)
    if path.endswith(_METADATA_ENDINGS) and _is_iceberg(path):
        return _iceberg(Path(path), _root_of(path), spool)
    roots = _outermost({root: kind for file in found for root, kind in _table_of(file.path)})
    _refuse_parts(path, found, roots)
    read: set[str] = set()
    files: list[Found] = []
    for file in found:
        root = next((root for root in roots if _is_below(file.path, root)), None)
        if root is None:
            files.append(file)
        elif root not in read:
            read.add(root)
            files += _delta(Path(root), spool) if roots[root] == "Delta" else _iceberg(None, Path(root), spool)
    return files


def refuse_followed(path: str, files: Iterable[str]) -> None:
    """Refuse to follow a table: its files are replaced as it changes, and each holds what others did.

    Args:
        path: as the user wrote it.
        files: those behind it.

    Raises:
        InputError: some are part of a table.
    """
    here = Path(path).resolve()
    tables = {str(folder): kind for folder in (here, *here.parents) if (kind := _table_at(folder))}
    tables |= {root: kind for file in files for root, kind in _table_of(file)}
    for root, kind in tables.items():
        raise InputError(
            f"{root}: a {kind} table, whose files are replaced as it changes: it cannot be followed",
            "price it without --follow, as often as it changes",
        )


def refuse_remote(urls: Iterable[str]) -> None:
    """Refuse tables in object stores: their files alone are not the table.

    Raises:
        InputError: the objects of a folder hold the log of a table.
    """
    for url in urls:
        table, log, _ = url.rpartition(f"/{_LOG}/")
        kind = "a Delta"
        if not log and url.endswith(_METADATA_ENDINGS):
            table, log, _ = url.rpartition(f"/{_METADATA}/")
            kind = "an Iceberg"
        if log:
            raise InputError(f"{table}: {kind} table in an object store, which is not read", "copy it to a folder")


def _delta(root: Path, spool: Path) -> list[Found]:
    from llmopt.cost.lake.delta import delta_files

    return delta_files(root, spool)


def _iceberg(metadata: Path | None, root: Path, spool: Path) -> list[Found]:
    from llmopt.cost.lake.iceberg import iceberg_files

    return iceberg_files(metadata or current_metadata(root), root, spool)


def current_metadata(root: Path) -> Path:
    """Return the metadata file of an Iceberg table that is in force.

    Raises:
        InputError: a folder does not tell; the catalog of the table does.
    """
    folder = root / _METADATA
    hint = folder / "version-hint.text"
    if hint.is_file():
        version = hint.read_text().strip()
        named = [folder / f"v{version}.metadata.json", folder / f"v{version}.gz.metadata.json", folder / version]
        for file in named:
            if file.is_file():
                return file
        raise InputError(f"{hint}: names version {version}, which is not there", "give a *.metadata.json file itself")
    numbered = {file: _version(file.name) for file in sorted(folder.iterdir()) if file.name.endswith(_METADATA_ENDINGS)}
    newest = [file for file, version in numbered.items() if version == max(numbered.values())]
    if len(newest) > 1:
        names = " and ".join(file.name for file in newest[:2])
        raise InputError(
            f"{root}: cannot tell which metadata of this Iceberg table is in force: {names}",
            f"its catalog knows; give that file itself, e.g. {newest[0]}",
        )
    return newest[0]


def _version(name: str) -> int:
    """Return the number of a metadata file: `00012-….metadata.json`, `v12.metadata.json`."""
    digits = name.removeprefix("v").partition("-")[0].partition(".")[0]
    return int(digits) if digits.isdecimal() else -1


def _table_of(path: str) -> list[tuple[str, Kind]]:
    """Return the table that a file gives away by its name: a part of the table's log, or its metadata."""
    before, log, _ = path.rpartition(f"/{_LOG}/")
    if log:
        return [(before or "/", "Delta")]
    before, metadata, name = path.rpartition(f"/{_METADATA}/")
    is_metadata = metadata and "/" not in name and name.endswith(_METADATA_ENDINGS) and _is_iceberg(path)
    return [(before or "/", "Iceberg")] if is_metadata else []


def _root_of(metadata: str) -> Path:
    """Return the table's folder of a metadata file."""
    return Path(metadata).parent.parent


def _is_iceberg(path: str) -> bool:
    """Is a file the metadata of an Iceberg table?"""
    if not Path(path).is_file():
        return False
    try:
        with open_unpacked(path, compression_of(path)) as file:
            msgspec.json.decode(file.read(), type=_Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, *DAMAGE):
        return False
    return True


def _outermost(roots: dict[str, Kind]) -> dict[str, Kind]:
    """Leave out tables inside of others."""
    return {
        root: kind
        for root, kind in roots.items()
        if not any(other != root and _is_below(root, other) for other in roots)
    }


def _is_below(path: str, root: str) -> bool:
    return path.startswith(root.rstrip("/") + "/")


def _refuse_parts(path: str, found: Sequence[Found], roots: dict[str, Kind]) -> None:
    """Refuse files of a table given by themselves: some of them may be no part of it any more."""
    given = {file.path.rpartition("/")[0] for file in found if not any(_is_below(file.path, root) for root in roots)}
    for folder in {above for name in given for above in (Path(name).resolve(), *Path(name).resolve().parents)}:
        kind = _table_at(folder)
        if kind == "Hudi":
            raise InputError(f"{folder}: a Hudi table, which is not read", "write it out as Parquet and give that")
        if kind:
            raise InputError(
                f"{path}: part of the {kind} table {folder}; some of its files may be no part of it any more",
                f"give the table: {folder}",
            )


def _table_at(folder: Path) -> Kind | None:
    """Return what kind of table a folder is."""
    if (folder / _LOG).is_dir():
        return "Delta"
    if (folder / ".hoodie").is_dir():
        return "Hudi"
    metadata = folder / _METADATA
    if not metadata.is_dir():
        return None
    try:
        names = sorted(str(file) for file in metadata.iterdir() if file.name.endswith(_METADATA_ENDINGS))
    except OSError:
        return None
    return "Iceberg" if any(map(_is_iceberg, names[-1:])) else None
