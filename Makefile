# make demo   price the samples          make test   everything that CI checks
# Needs python 3.11 or newer and make; the rest goes into .venv.
# Nothing is installed twice: stamp files depend on what the installation was made from.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
SMOKE := .venv-wheel/bin
PIP := -m pip --quiet --disable-pip-version-check --no-input
EXTRAS := pandas,redis,cloud,spark,lakes,postgres,charts,models,distill,onnx,openvino,torchao,semantic,llmlingua,bench,serve,test,dev

.PHONY: demo test lint types layers smoke release-check pytest docs golden format clean
.NOTPARALLEL:

demo: .venv/.demo
	$(BIN)/llmopt cost samples/

test: lint types layers smoke pytest

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.test
	$(BIN)/mypy

layers: .venv/.test
	$(BIN)/lint-imports

# The wheel is built from the sdist, so both are proved to hold the prices.
smoke: .venv/.test .venv-wheel/.made
	rm -rf dist
	$(BIN)/hatchling build --target sdist
	$(BIN)/python $(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz
	$(SMOKE)/python $(PIP) install --force-reinstall --no-deps dist/*.whl
	$(SMOKE)/python $(PIP) install --constraint .ci/constraints.txt dist/*.whl
	.ci/smoke $(SMOKE)

# Everything that must hold before a release; ARGS=--all-pythons where each Python of the classifiers must be there.
release-check: .venv/.test .venv-release/.made
	.ci/release-check $(ARGS)

pytest: .venv/.test
	$(BIN)/pytest --numprocesses auto --dist loadgroup --cov --quiet

docs: .venv/.test
	$(BIN)/python -m llmopt.cli.docs > docs/cli.md
	$(BIN)/python -m llmopt.cli.man > docs/llmopt.1

golden: .venv/.test
	LLMOPT_UPDATE_GOLDEN=1 $(BIN)/pytest --numprocesses auto --quiet

format: .venv/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .tools .venv .venv-wheel .venv-release dist .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/.made:
	@test -n "$(PYTHON)" || { echo "make: python 3.11 or newer is needed; name it with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

.venv-wheel/.made:
	@test -n "$(PYTHON)" || { echo "make: python 3.11 or newer is needed; name it with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv-wheel
	touch $@

.venv-release/.made: pyproject.toml .ci/constraints.txt
	@test -n "$(PYTHON)" || { echo "make: python 3.11 or newer is needed; name it with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv-release
	.venv-release/bin/python $(PIP) install --constraint .ci/constraints.txt hatchling --editable ".[release]"
	touch $@

.venv/.demo: .venv/.made pyproject.toml .ci/constraints.txt
	$(BIN)/python $(PIP) install --constraint .ci/constraints.txt --editable .
	touch $@

.venv/.test: .venv/.made pyproject.toml .ci/constraints.txt
	$(BIN)/python $(PIP) install --constraint .ci/constraints.txt --editable ".[$(EXTRAS)]"
	touch $@ .venv/.demo
