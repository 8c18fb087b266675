# make demo    from a bare checkout to a prediction, with no data at all
# make test    every test (real recordings where ECG_TEST_DATA names their folder)
# make lint    ruff, mypy strict, import layers
# make fuzz    10,000 mutations per reader

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint fuzz wheel clean

# torch first and alone: its pin decides which build is taken.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q "$$(grep '^torch==' constraints.txt)"
	$(BIN)/pip install -q -e '.[dev]'
	touch $@

demo: $(VENV)/.installed
	PATH="$(CURDIR)/$(BIN):$$PATH" ECG_HOME="$(CURDIR)/.demo" bash examples/first-model/run.sh

test: $(VENV)/.installed
	$(BIN)/python -m pytest -q -n auto --dist worksteal

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fuzz: $(VENV)/.installed
	$(BIN)/python tests/fuzz_formats.py --mutations 10000

wheel: $(VENV)/.installed
	$(BIN)/python -m build --wheel

clean:
	rm -rf .demo .bench .fuzz build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
