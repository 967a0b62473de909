# The few verbs of daily work. `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

PORT ?= 8000
SANDBOX_PORT ?= 8001
DATA ?= .lingpai

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format bench docs install pins audit clean

help: ## list the verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/.ready: constraints.txt pyproject.toml
	@echo "setting up $(VENV) (once; a minute or more, depending on the network)"
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

lint: $(VENV)/.ready ## ruff, mypy and the layers, over all of it
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.ready ## let ruff put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.ready ## measure against the references; writes bench/latest.json
	@$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.ready ## write the generated reference pages again
	@$(BIN)/python -m docs.generate

install: ## a VENV that serves: what is needed to run, pinned by hash, and nothing for development
	@! test -e $(VENV)/.ready || { echo "$(VENV) is for development; name another: make install VENV=…" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints-run.txt
	@rm -rf $(VENV)/.build && $(PYTHON) -m venv $(VENV)/.build
	@$(VENV)/.build/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints-build.txt
	@$(VENV)/.build/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --wheel-dir $(VENV)/.build/wheel .
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(VENV)/.build/wheel/*.whl
	@rm -rf $(VENV)/.build
	@$(BIN)/lingpai --version

UV := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-header --no-annotate

pins: ## resolve the constraints anew (needs uv on PATH, `pip install uv`)
	$(UV) --group dev --extra postgresql --extra redis --extra socks pyproject.toml -o constraints.txt
	$(UV) --constraint constraints.txt --extra postgresql --extra redis --extra socks pyproject.toml -o constraints-run.txt
	echo 'hatchling>=1.25' | $(UV) --constraint constraints.txt - -o constraints-build.txt

audit: ## look for known vulnerabilities of the pins (needs pip-audit on PATH and the network); fails when it cannot
	@command -v pip-audit >/dev/null || { echo "NOT AUDITED: pip-audit is missing; pip install pip-audit" >&2; exit 1; }
	@for pins in constraints-run.txt constraints-build.txt constraints.txt; do \
	  pip-audit --strict --no-deps --disable-pip -r $$pins || { \
	    echo "NOT CLEAN, OR NOT AUDITED: $$pins (see above; without a way to the vulnerability service nothing is known)" >&2; \
	    exit 1; }; done

clean: ## remove what the verbs made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache tests/.cache tests/clients/node/node_modules bench/.cache
