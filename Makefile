# Every target does its own set-up in .venv; it needs Python 3.11+ and the package index.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
TESTED := build/tested
COMMA := ,
LOCK_BIN := build/lock/bin
ORACLES := build/oracles
# In how many processes all tests run; what is named with ARGS runs in one.
WORKERS ?= auto
# Extra words for the program that a target runs, such as ARGS="-k auction" for pytest.
ARGS ?=
# `make lock UPGRADE=--upgrade` takes the newest versions; without it, pins are kept.
UPGRADE ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-oracles check format lint types-mypy types-pyright imports schemas tidy coverage \
  bench lock clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Watch a team of agents coordinate, and its history replay
	@$(BIN)/mabeam demo $(ARGS)

# With ARGS only a part of the suite runs, and then its coverage means nothing.
PYTEST := $(if $(strip $(ARGS)),$(ARGS),--numprocesses=$(WORKERS) --dist=loadgroup)
test: $(READY) ## Run all tests
	@mkdir -p build
	@rm -f .coverage .coverage.* $(TESTED)
	@colour=auto; [ ! -t 1 ] || colour=yes; \
	  $(BIN)/coverage run -m pytest --color="$$colour" $(PYTEST) 2>&1 | tee build/pytest.log
ifeq ($(strip $(ARGS)),)
	@$(BIN)/coverage combine --quiet
	@touch $(TESTED)
endif

# What they install is large, so they have an environment of their own.
test-oracles: $(ORACLES)/.ready ## Compare results with heavy programs of others
	@$(ORACLES)/bin/python -m pytest -o addopts=--import-mode=importlib -p no:cacheprovider \
	  --confcutdir=tests/oracles tests/oracles $(ARGS)

check: lint types-mypy types-pyright imports schemas tidy coverage ## Run all gates

lint: $(READY)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types-mypy: $(READY)
	@$(BIN)/mypy

types-pyright: $(READY)
	@$(BIN)/basedpyright --pythonpath $(BIN)/python

imports: $(READY)
	@$(BIN)/lint-imports --no-logo

schemas: $(READY)
	@$(BIN)/mabeam schema check schemas --golden tests/golden

tidy: $(READY)
	@$(BIN)/python -m pytest --quiet tests/architecture

# Judges the last complete run of the tests, and makes one if something has changed since.
coverage: $(TESTED)
	@echo "Coverage of the core, which must be complete:"
	@$(BIN)/coverage report --include='core/*' --fail-under=100
	@echo "Coverage of everything, at least 95 %:"
	@$(BIN)/coverage report --fail-under=95

$(TESTED): $(READY) $(shell find core projections infra agents app tests -name '*.py')
	@$(MAKE) test ARGS=

format: $(READY) ## Format the code, and mend what ruff can mend by itself
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: $(READY) ## Measure against plain NATS in the same run
	@$(BIN)/python -m bench $(ARGS)

# pip-compile resolves for the interpreter that runs it: use the oldest that is supported.
# It reads no dependency groups, so the requirements are handed to it one on a line.
lock: $(LOCK_BIN)/pip-compile ## Pin the dependencies anew, with hashes
	@$(call compile,t["build-system"]["requires"] + t["project"]["dependencies"] \
	  + sum(t["project"]["optional-dependencies"].values()$(COMMA) []) \
	  + t["dependency-groups"]["dev"],constraints.txt)
	@$(call compile,t["dependency-groups"]["lock"],constraints-lock.txt)
	@$(call compile,t["build-system"]["requires"] + t["project"]["dependencies"] \
	  + t["dependency-groups"]["oracles"] + ["editables"],constraints-oracles.txt)

define compile
$(LOCK_BIN)/python -c 'import tomllib; t = tomllib.load(open("pyproject.toml", "rb")); \
	  print(*($(1)), sep="\n")' \
	  | PIP_FIND_LINKS= $(LOCK_BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	    --no-header --no-annotate --no-emit-options $(UPGRADE) --output-file $(2) -; \
	  sed -i '1i # Written by "make lock" from pyproject.toml; used with pip install --require-hashes.' $(2)
endef

clean: ## Remove everything that is not source
	@rm -rf .venv build dist .coverage .coverage.* .hypothesis .import_linter_cache \
	  .mypy_cache .pytest_cache .ruff_cache
	@find core projections infra agents app bench examples tests -name __pycache__ -prune \
	  -exec rm -rf {} +

# --no-build-isolation, because an isolated build would fetch its backend unpinned.
$(READY): pyproject.toml constraints.txt
	@$(call make_environment,.venv)
	@echo "Installing the pinned dependencies into .venv ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(LOCK_BIN)/pip-compile: constraints-lock.txt
	@$(call make_environment,build/lock)
	@$(LOCK_BIN)/python -m pip install --quiet --require-hashes -r constraints-lock.txt
	@touch $@

$(ORACLES)/.ready: pyproject.toml constraints-oracles.txt
	@$(call make_environment,$(ORACLES))
	@echo "Installing the programs to compare with into $(ORACLES) ..."
	@$(ORACLES)/bin/python -m pip install --quiet --require-hashes -r constraints-oracles.txt
	@$(ORACLES)/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

define make_environment
command -v $(PYTHON) >/dev/null || { \
	  echo "mabeam needs Python 3.11 or newer, and finds no '$(PYTHON)'." >&2; exit 1; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "mabeam needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' comes without venv; on Debian and Ubuntu: apt install python3-venv" >&2; \
	  exit 1; }; \
	$(1)/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(1)
endef
