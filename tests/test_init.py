"""What `import llmopt` offers, and that it loads on first use."""

from __future__ import annotations

import pytest

import llmopt


def test_every_exported_name_is_there_and_listed() -> None:
    for name in llmopt.__all__:
        assert getattr(llmopt, name) is not None
        assert name in dir(llmopt)


def test_a_name_is_loaded_once() -> None:
    assert llmopt.CostReport is llmopt.CostReport
    assert llmopt.CostReport.__module__ == "llmopt.cost.result"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'llmopt' has no attribute 'nope'"):
        llmopt.nope  # noqa: B018 - the access is the test
