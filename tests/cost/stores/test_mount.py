"""A connection reads objects while they are mounted; without objects nothing is loaded."""

from __future__ import annotations

import subprocess
import sys

import duckdb

from llmopt.cost.stores.mount import mounted, reason_of
from tests.conftest import ROOT
from tests.cost.reading import SAMPLES


def test_nothing_is_mounted_for_files_of_this_machine() -> None:
    with duckdb.connect() as connection, mounted(connection, []):
        assert not connection.list_filesystems()


def test_no_library_of_a_store_is_loaded_before_a_url_is_named() -> None:
    code = (
        "import sys, llmopt; from llmopt.cost import api, engine; "
        f"llmopt.price_logs([{str(SAMPLES / 'generic.parquet')!r}]); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"fsspec", "s3fs", "botocore", "aiobotocore", "aiohttp", "gcsfs", "adlfs", "urllib3"}
    assert "llmopt.cost.stores.listing" not in done.stdout.split()


def test_the_line_that_says_what_is_wrong() -> None:
    raised = 'Traceback (most recent call last):\n  File "x"\nOSError: llmopt://3/b/k: no such object\n\nLINE 1: SELECT'
    assert reason_of(duckdb.Error(raised)) == "no such object"
    assert reason_of(duckdb.Error("IO Error: half a file\nmore")) == "IO Error: half a file"
