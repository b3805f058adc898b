"""A mock upstream and a gateway before it, without a cache, for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmopt.serving.gateway.config.settings import GatewayConfig, UpstreamSettings
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import Running, gateway


@pytest.fixture(scope="module")
def mock() -> Iterator[MockUpstream]:
    with MockUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def plain(mock: MockUpstream) -> Iterator[Running]:
    """A gateway without a cache."""
    with gateway(GatewayConfig((UpstreamSettings(mock.url),), cache=None)) as running:
        yield running
