# `make` lists the targets; `make setup` puts all that the others need into ./.venv.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
MINUTES ?= 5
NAME ?= dispatch

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

setup: .venv/.ready ## Install everything, locked by hash, into ./.venv

.venv/.ready: requirements-dev.lock pyproject.toml
	@echo "setup: installing into .venv …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## A webhook comes in, a write waits, a person applies it, a file appears
	@$(BIN)/python -m api.cli.demo

.venv/.guests: .venv/.ready requirements-guests.lock
	@echo "guests: installing compilers and interpreters into .venv …"
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-guests.lock
	@touch $@

guests: .venv/.guests ## Build the sample guests from source
	@$(BIN)/python -m tests.packages node npm
	@$(BIN)/python -m samples.services.build

demo-services: guests ## Four WASM services in one project: traffic, a crash, scaling, a denied connection
	@$(BIN)/python -m api.cli.demo.services

demo-selfheal: guests ## A service fails; its log is read, a rollback waits, a person applies it, it is healthy
	@$(BIN)/python -m api.cli.demo.selfheal

demo-porch: modules ## A camera's stream: something moves, its picture waits, a person agrees, the bytes are kept
	@$(BIN)/python -m api.cli.demo.porch

demo-vm: modules ## A virtual machine crashes: another's snapshot and restart wait; one is applied, one rejected
	@$(BIN)/python -m api.cli.demo.vm

.venv/.modules: .venv/.ready requirements-modules.lock
	@$(BIN)/python -m tests.packages --modules
	@echo "modules: installing the drivers' client libraries into .venv …"
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-modules.lock
	@touch $@

modules: .venv/.modules ## Every driver's client library, and the Debian packages of what they are tested against

test-modules: modules ## The drivers against real peers, with a table of what was tested
	$(BIN)/python -m pytest -n 2 --dist loadgroup --tested docs/modules/tested.md tests/modules

check: setup ## Format, lint, types, imports, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check

test: setup packages guests modules check ## Everything CI runs
	$(BIN)/python -m pytest -n 2 --dist loadgroup

packages: setup ## Debian packages that tests and benches use (a Redis server, wrk), if they are absent
	@$(BIN)/python -m tests.packages

bench: setup packages ## One benchmark: make bench NAME=dispatch
	$(BIN)/python -m bench $(NAME) --json

soak: setup ## Kill -9 under load: make soak MINUTES=5
	$(BIN)/python -m bench.soak --minutes $(MINUTES)

serve: setup ## Serve on 127.0.0.1:8642
	$(BIN)/fabricksd start

docs: setup ## Write the generated pages
	$(BIN)/python -m docs.generate

lock: ## Lock the dependencies again (needs uv)
	uv pip compile -q --upgrade pyproject.toml --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	uv pip compile -q --upgrade pyproject.toml --group dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock
	uv pip compile -q --upgrade --group guests --no-deps --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-guests.lock
	uv pip compile -q --upgrade pyproject.toml --extra modules --group peers --no-emit-package opencv-python --constraints requirements-dev.lock --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-modules.lock

.PHONY: help setup demo guests demo-services demo-selfheal demo-porch demo-vm modules test-modules check test packages bench soak serve docs lock
