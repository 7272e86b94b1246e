# Countenance. A fresh machine needs Python 3.11 or newer and make; everything else goes into .venv.
#
#   make demo    audit two real engines and write a report           make lint    style and room borders
#   make test    run every test                                      make types   mypy, strict
#   make bench   measure against other tools, write BENCHMARKS.md    make soak    the long tests
#   make lock    write requirements.lock anew                        make clean   remove what make made
#   make figure  the opening of the README anew                      make map     docs/map.md anew
#   make packs   every rule pack and the Cedar it becomes, side by side in build/packs

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
# The first interpreter on this machine that is new enough. Say PYTHON=... to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
JOBS ?= 2
TESTS ?= tests
REPORT ?= demo-report

.PHONY: help setup demo figure map packs test lint types bench soak lock clean system

help:
	@sed -n 's/^#   /  /p' Makefile

setup: $(VENV)/.ready

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "Countenance needs Python 3.11 or newer; say: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.ready: pyproject.toml $(wildcard requirements.lock) | $(VENV)/.python
	$(BIN)/python -m pip install --quiet $(addprefix --constraint ,$(wildcard requirements.lock)) \
		--group dev --editable '.[all]'
	@touch $@

demo: setup
	@$(BIN)/countenance demo --out $(REPORT)

# The picture and the sentence that open the README, from the demonstration.
figure: setup
	$(BIN)/python scripts/readme_opening.py

# The rooms of docs/map.md, from the modules' first sentences.
map: setup
	$(BIN)/python scripts/make_map.py

packs: setup
	$(BIN)/countenance law compile build/packs

test: setup $(if $(CI),system)
	$(BIN)/python -m pytest -n $(JOBS) -m 'not slow' $(TESTS)

# Among them: the desk killed 500 times at any step, PostgreSQL and two witnesses 100 times each
# under it. FAULT_KILLS=20 kills less. What was killed where is printed at the end.
soak: setup
	$(BIN)/python -m pytest -m slow -rP $(TESTS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: setup
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m bench.run

# Some tests look at pages as a browser and a PDF reader show them, some run a PostgreSQL of their own,
# some compare with Go's own reader of logs; they skip where there is none. CI brings all of these.
# It is no reason to fail where there is no apt or no right to use it.
SYSTEM := chromium poppler-utils fonts-dejavu-core postgresql openssl golang-go golang-golang-x-mod-dev
system:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && ! dpkg -s $(SYSTEM) >/dev/null 2>&1; then \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
			$(SYSTEM); } >/dev/null 2>&1 \
		|| echo "not everything could be installed: the tests that need it are skipped"; \
	fi

# Exact versions of everything, so that two people who type `make test` run the same code.
lock: setup
	@{ echo "# Exact versions for development and CI: make lock writes this file."; \
	   $(BIN)/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:
	rm -rf $(VENV) $(REPORT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis bench/.envs bench/out
