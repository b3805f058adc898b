from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving.wrapping.clients import Wrapped, wrapped


@pytest.fixture
def world() -> Iterator[Wrapped]:
    """Return a mock upstream, with clients to be wrapped."""
    with wrapped() as made:
        yield made
