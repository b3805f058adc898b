"""What `import llmopt` and its packages offer, and that it loads on first use."""

from __future__ import annotations

from types import ModuleType

import pytest

import llmopt
import llmopt.bench
import llmopt.models
import llmopt.serving.cache
import llmopt.serving.routing

PACKAGES = (llmopt, llmopt.bench, llmopt.models, llmopt.serving.cache, llmopt.serving.routing)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_exported_name_is_there_and_listed(package: ModuleType) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)


def test_a_name_is_loaded_once() -> None:
    assert llmopt.CostReport is llmopt.CostReport
    assert llmopt.CostReport.__module__ == "llmopt.cost.result"


def test_a_function_is_not_hidden_by_a_module_of_its_name() -> None:
    assert callable(llmopt.bench.compare)
    assert callable(llmopt.models.quantize)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_name_that_is_not_there_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nope'"):
        package.nope  # noqa: B018 - the access is the test
