# The few verbs of daily work. `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

PORT ?= 8000
SANDBOX_PORT ?= 8001
DATA ?= .lingpai

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format bench docs pins clean

help: ## list the verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/.ready: constraints.txt pyproject.toml
	@echo "setting up $(VENV) (once, about half a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(VENV)/.ready ## make .venv with everything pinned

run: $(VENV)/.ready ## start the service, its sandbox and sample accounts
	@$(BIN)/lingpai dev --port $(PORT) --sandbox-port $(SANDBOX_PORT) --data $(DATA)

test: $(VENV)/.ready ## the whole test suite; sets up what is missing
	@$(BIN)/python tests/prepare.py
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),-n auto --dist loadgroup)

lint: $(VENV)/.ready ## ruff and mypy, over all of it
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.ready ## let ruff put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.ready ## measure against the references; writes bench/latest.json
	@$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.ready ## write the generated reference pages again
	@$(BIN)/python -m docs.generate

pins: ## resolve constraints.txt anew (needs uv on PATH)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate --group dev --extra postgresql --extra redis pyproject.toml -o constraints.txt

clean: ## remove what the verbs made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache tests/.cache tests/clients/node/node_modules bench/.cache
