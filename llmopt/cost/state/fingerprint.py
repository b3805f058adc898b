"""What the kept figures of a file depend on, besides the file.

Prices are not among it: rates are put to the totals in the end, and the dates on which they change only cut days apart,
which are kept apart anyway. Lengths of input and hours of the day at which prices change do count: they are in the keys
of the totals. So do the versions of what reads, as a new one may read the same line otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from llmopt import __version__
from llmopt.cost.read import Settings
from llmopt.cost.spec.load import FORMATS_DIR


def fingerprint(
    settings: Settings,
    fields: Sequence[str],
    format_specs: Sequence[Path],
    mapping: Mapping[str, str],
    cached: str | None,
) -> dict[str, str]:
    """Return what is read and how, by name; where any of it differs, files must be read again.

    Args:
        settings: of the run.
        fields: groups that are read from the records.
        format_specs: files with more formats.
        mapping: column -> canonical field.
        cached: what the input count of a generic log holds.
    """
    keying = settings.keying
    return {
        "llmopt": __version__,
        "duckdb": duckdb.__version__,
        "formats": _digest(*sorted(FORMATS_DIR.glob("*.toml"))),
        "--format-spec": _digest(*format_specs),
        "--map": json.dumps(dict(mapping), sort_keys=True),
        "--cached": cached or "",
        "--input-format": settings.input_format,
        "--dedupe": settings.dedupe,
        "--by": ",".join(fields),
        "deployments": json.dumps(dict(settings.deployments), sort_keys=True),
        "lengths and hours at which prices change": json.dumps(
            [keying.thresholds, keying.minutes, keying.hourly_names]
        ),
    }


def digest_of(described: Mapping[str, str]) -> str:
    """Return a fingerprint as one short text."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def difference(described: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Say what differs."""
    return ", ".join(name for name in described if described[name] != other.get(name))


def _digest(*paths: Path) -> str:
    found = hashlib.sha256()
    for path in paths:
        data = path.read_bytes()
        found.update(f"{len(data)}\n".encode() + data)
    return found.hexdigest()
