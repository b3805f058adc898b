"""What is behind the URLs of a run: each object once, by its own number, from one store a scheme."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from llmopt.cost.sources import find_files
from llmopt.cost.stores.listing import Copied, Listing
from llmopt.cost.stores.stored import Stored
from llmopt.errors import InputError
from tests.cost.stores.test_http_store import Site
from tests.cost.stores.test_http_store import site as site


def every(name: str) -> bool:
    return True


@pytest.fixture
def folder() -> str:
    """Return the URL of a folder with two files in it."""
    name = uuid4().hex
    for file in ("a.jsonl", "day=1/b.jsonl"):
        fsspec.filesystem("memory").pipe_file(f"/{name}/{file}", b"{}\n")
    return f"memory://{name}/"


def test_objects_have_numbers_of_their_own(folder: str, tmp_path: Path) -> None:
    listing = Listing(tmp_path)
    found = [*listing.expand(folder, every, ""), *listing.expand(f"MEMORY{folder[6:]}a.jsonl", every, "")]
    assert all(isinstance(one, Stored) for one in found)
    objects = [one for one in found if isinstance(one, Stored)]
    assert [one.url.removeprefix(folder) for one in objects] == ["a.jsonl", "day=1/b.jsonl", "a.jsonl"]
    assert len({one.path.split("/")[2] for one in objects}) == 3
    assert objects[1].path.endswith("/day=1/b.jsonl")
    assert [one.head() for one in objects] == [b"{}\n"] * 3
    assert objects[0].store is objects[2].store


def test_a_folder_without_logs(folder: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no log in this folder") as caught:
        Listing(tmp_path).expand(folder, lambda name: False, "logs end in .jsonl")
    assert caught.value.hint == "logs end in .jsonl"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_web_file_that_is_named_twice_is_asked_for_once(site: Site, ranges: bool, tmp_path: Path) -> None:
    site.ranges = ranges
    listing, url = Listing(tmp_path), f"{site.address}/a%20b.jsonl"
    found = [listing.expand(name, every, "")[0] for name in (url, url, f"{url}?x=1")]
    assert found[0] is found[1]
    assert [one.url for one in found] == [url, url, f"{url} (2)"]
    assert isinstance(found[0], Stored if ranges else Copied)
    assert len(site.asked) == 2


def test_a_table_in_a_store_is_refused(tmp_path: Path) -> None:
    name = uuid4().hex
    for file in ("_delta_log/00000000000000000000.json", "part-0.parquet"):
        fsspec.filesystem("memory").pipe_file(f"/{name}/{file}", b"{}\n")
    with pytest.raises(InputError, match=f"memory://{name}: a Delta table in an object store"):
        find_files([f"memory://{name}/"], tmp_path)
