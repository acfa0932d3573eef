# Each target sets up what it needs in .venv, once: only Python and make have to be there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types docs bench clean

demo: $(VENV)/.demo
	OMP_NUM_THREADS=1 $(BIN)/python -m sktransfer.demo docs/_static/demo.png

test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(VENV)/.test
	$(BIN)/mypy

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.test
	$(BIN)/python benchmarks/report.py

clean:
	rm -rf $(VENV) docs/_build docs/api docs/auto_examples

$(VENV)/.%: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .[$*]
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
