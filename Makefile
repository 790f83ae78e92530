# `make demo` shows Runsheet working, `make test` proves it. Both need Python 3.11+ and nothing else.

PYTHON ?= python3
SEEDS  ?= 1
PY     := .venv/bin/python
PYTEST := $(PY) -m pytest
CODE   := config scheduler tables workflows workspaces
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

# Every process that is started would compile all our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo dev test checks lint types format unit integration acceptance browser chromium core-chaos chaos-points \
	chaos-selection chaos bench \
	guarantees docs screenshots install install-run lock
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: export RUNSHEET_MODE = development
demo: install-run  ## a real table, run to its end before your eyes, then served (EXIT=1 stops after the summary)
	@$(PY) manage.py demo $(if $(filter-out 0,$(EXIT)),--exit)

dev: install-run  ## everything on this machine until Ctrl-C
	@$(PY) manage.py dev

test: checks unit integration acceptance browser core-chaos  ## everything that must hold before a change lands
	@echo "Everything holds."

checks: install
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint types

lint: install  ## style, layering, and that generated files are fresh
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --check --quiet . || { echo "Run make format."; exit 1; }
	@.venv/bin/lint-imports --no-logo >.venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@$(PY) -m tests.bed.guarantees --check
	@RUNSHEET_MODE=test $(PY) manage.py block_reference --check docs/blocks/reference.md

format: install  ## lay the code out
	@$(PY) -m ruff check --fix --quiet .; $(PY) -m ruff format --quiet .

types: install  ## mypy --strict
	@$(PY) -m mypy --no-error-summary manage.py $(CODE) bench tests

unit: install  ## tests without services
	@$(PYTEST) tests/unit tests/architecture -n 2

integration: install  ## tests on a real PostgreSQL and Valkey
	@$(PYTEST) tests/integration -n 2 --dist worksteal

acceptance: install  ## real processes, spoken to by REST and sockets only
	@$(if $(wildcard tests/acceptance),$(PYTEST) tests/acceptance)

chromium: install
	@$(PY) -m tests.bed.chromium

browser: chromium  ## what people see, in Chromium (BROWSER=required fails without one)
	@$(if $(wildcard tests/browser),BROWSER=$(BROWSER) $(PYTEST) tests/browser -n 2 --dist worksteal)

core-chaos: install
	@$(if $(wildcard tests/chaos),$(PYTEST) tests/chaos -m core -n 2 --dist worksteal)

chaos-points: install  ## a run's worker killed at every point where something could be lost
	@$(PYTEST) tests/chaos -m points

chaos-selection: install  ## ten faults of every kind
	@$(PYTEST) tests/chaos -m selection

chaos: install  ## every fault there is a test for, the random ones SEEDS=3 times; writes docs/chaos.md
	@rm -f .venv/chaos.jsonl
	@CHAOS_SEEDS=$(SEEDS) CHAOS_RESULTS=.venv/chaos.jsonl $(PYTEST) tests/chaos; found=$$?; \
		$(PY) -m tests.chaos.report .venv/chaos.jsonl; exit $$found

bench: install  ## figures against the alternatives, side by side
	@$(PY) manage.py bench

guarantees: install  ## write docs/guarantees.md: each rule with the tests that hold it
	@$(PY) -m tests.bed.guarantees

docs: install  ## write docs/blocks/reference.md: every block type, from the code
	@RUNSHEET_MODE=test $(PY) manage.py block_reference --output docs/blocks/reference.md

screenshots: chromium  ## write docs/screenshots: the main screens of the demo, light, dark and on a phone
	@$(PY) -m tests.browser.screenshots

install:
	@$(PYTHON) config/install.py requirements.lock

install-run:
	@$(PYTHON) config/install.py requirements-run.lock

lock:  ## resolve pyproject.toml anew (needs uv); UPGRADE=1 takes the newest of everything
	@$(COMPILE) --extra embedded --group dev $(if $(UPGRADE),--upgrade) --output-file requirements.lock
	@$(COMPILE) --extra embedded --constraint requirements.lock --output-file requirements-run.lock
