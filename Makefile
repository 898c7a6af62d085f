# Cahier: every command a developer needs. `make` alone lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/kernel libs/contracts libs/record libs/ledger libs/chassis \
            services/identity services/consultation services/reporting services/budget services/notifications \
            apps/portal apps/auditor apps/cli
DEMO_ARGS ?=
TEST_ARGS ?=
# Two workers; the tests of one file share a worker and so a city. Files begin in the order of testpaths:
# those that take minutes first, so that neither worker is alone with one in the end.
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-e2e test-images test-all bench lint proto lock clean

help: ## List these commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Make .venv with cahier and cahier-audit in it

setup-dev: $(VENV)/.ready-dev ## As setup, with what tests and lints need

$(VENV)/.ready: requirements.txt $(addsuffix /pyproject.toml,$(PACKAGES)) scripts/venv.sh
	@PYTHON=$(PYTHON) scripts/venv.sh $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt scripts/system_packages.sh
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@scripts/system_packages.sh
	@touch $@

demo: setup ## A whole election on this machine (DEMO_ARGS="--exit" ends at once)
	$(BIN)/cahier demo $(DEMO_ARGS)

test: setup-dev lint ## All tests but the slow proofs
	$(BIN)/pytest -m "not slow" $(WORKERS) $(TEST_ARGS)

test-e2e: setup-dev ## Only the tests that start a whole city
	$(BIN)/pytest tests/e2e -m "not slow" $(TEST_ARGS)

test-images: setup-dev ## Build the units' images and run a city from them, where an engine can be had
	$(BIN)/pytest tests/deploy/images -m slow

test-all: setup-dev lint ## All tests, the slow proofs too
	$(BIN)/pytest $(WORKERS) $(TEST_ARGS)

bench: setup-dev ## Print the ratios that the README quotes
	$(BIN)/python -m benchmarks

lint: setup-dev ## ruff, mypy (strict on libs and domains), buf
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(foreach lib,kernel record ledger chassis,-p cahier_$(lib)) $(foreach svc,identity consultation reporting budget notifications,-p cahier_$(svc).domain)
	$(BIN)/buf lint

proto: setup-dev ## Generate libs/contracts from proto/
	$(BIN)/python scripts/generate_contracts.py

lock: setup-dev ## Pin requirements*.in into requirements*.txt (needs uv on the PATH)
	uv pip compile --upgrade --generate-hashes --no-emit-index-url --no-header requirements.in -o requirements.txt
	uv pip compile --upgrade --generate-hashes --no-emit-index-url --no-header requirements-dev.in -o requirements-dev.txt

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis
