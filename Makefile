# The environment lives in .venv and is remade when pyproject.toml or the pinned versions change.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
# Tests wait for processes now and then: one more than there are cores keeps them all busy.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(1 + (os.cpu_count() or 1))")
# The slow ones wait more than they work. A file's go to one process: they share servers and clusters.
WAITERS ?= $(shell $(PYTHON) -c "import os; print(2 + (os.cpu_count() or 1))")
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint .constraints.txt
UI := MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --workers 1

.DEFAULT_GOAL := help
.PHONY: help run sweep study ui test slow soak lint check readme bench gpu clean \
	env up down logs ps scale submit users backup restore move upgrade

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: .venv/.made ## Train one run (ARGS="schedule=cosine optimizer.lr=0.1")
	$(BIN)/python -m runner $(ARGS)

SWEEP := schedule=constant,step,cosine,onecycle optimizer.lr=0.1,0.3,1 seed=0,1 hydra.sweeper.extend=1 \
	hydra.sweeper.until=decided hydra.sweeper.max_seeds=12 hydra.sweeper.tolerance=0.02

sweep: .venv/.made ## Compare four schedules, each at its best rate, until that is decided (ARGS="--plan")
	$(BIN)/python -m runner -m $(SWEEP) $(ARGS)

study: .venv/.made ## Which schedule for what: seven workloads; goes on where it was stopped (ARGS="--plan")
	$(BIN)/python -m runner study --page docs/which-schedule.md $(ARGS)

ui: .venv/.made ## Open MLflow on the local store: http://127.0.0.1:5000
	$(UI) --backend-store-uri sqlite:///mlflow.db $(ARGS)

test: .venv/.made-dev ## Run the tests (ARGS="-k onecycle")
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow" $(ARGS)

slow: .venv/.made-dev ## Run the tests that kill processes, servers and disks: some minutes
	$(BIN)/python -m pytest -n $(WAITERS) --dist loadfile -m "slow and not soak" $(ARGS)

soak: .venv/.made-dev ## Run more of them, which CI leaves out for time: more kills, servers, processes
	$(BIN)/python -m pytest -n $(WAITERS) --dist loadfile -m soak $(ARGS)

lint: .venv/.made-dev ## Formatting, lint, types: no file is changed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test slow ## Everything CI runs

readme: .venv/.made-dev ## Remake what the README and docs show: its table and pictures
	$(BIN)/python -m schedules plot constant step exponential linear cosine:warmup_steps=5% cosine_restarts onecycle wsd:warmup_steps=5% --grid --out docs/schedules.png
	$(BIN)/python -m tests.readme --write
	$(BIN)/python -m tests.recipes --write

bench: .venv/.made-dev ## Timings, side by side with the alternatives
	$(BIN)/python tests/bench/bench_write.py
	$(BIN)/python tests/bench/bench_values.py
	$(BIN)/python tests/bench/bench_llm.py
	$(BIN)/python tests/bench/bench_tracking.py $(ARGS)

gpu: .venv/.made-dev ## Try what is claimed of a GPU on the one at hand: under four minutes
	$(BIN)/python tests/gpu/prove.py $(ARGS)

# The team's stack: docker/README.md
ENV_FILE ?= docker/.env
COMPOSE := docker compose --file docker/compose.yaml --env-file $(ENV_FILE)
SECRETS := POSTGRES_PASSWORD MLFLOW_AUTH_ADMIN_PASSWORD MLFLOW_FLASK_SERVER_SECRET_KEY RUNNER_PASSWORD RAY_AUTH_TOKEN

env: ## Write docker/.env with random secrets for the team's stack
	@if [ -e $(ENV_FILE) ]; then echo "$(ENV_FILE) is there already: its secrets are those of the stack's data" >&2; exit 2; fi
	@umask 077; echo COMPOSE_PROJECT_NAME=schedule-lab > $(ENV_FILE); for name in $(SECRETS); do \
		echo "$$name=$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" || exit 1; done >> $(ENV_FILE)
	@echo "wrote $(ENV_FILE); MLflow's admin has MLFLOW_AUTH_ADMIN_PASSWORD of it"

.env-is-there:
	@if [ ! -e $(ENV_FILE) ]; then echo "there is no $(ENV_FILE): make env writes one with random secrets" >&2; exit 2; fi
	@docker compose version > /dev/null 2>&1 || { echo "docker compose (version 2) is not installed" >&2; exit 2; }
.PHONY: .env-is-there

up: .env-is-there ## Start the stack, or what of it changed (WORKERS=4 in docker/.env: as many Ray workers)
	$(COMPOSE) build tracking
	$(COMPOSE) up --detach

down: .env-is-there ## Stop the stack; its data stay
	$(COMPOSE) --profile gpu down

logs: .env-is-there ## Follow the stack's logs (ARGS=tracking)
	$(COMPOSE) logs --follow --tail=100 $(ARGS)

ps: .env-is-there ## Show what of the stack runs
	$(COMPOSE) ps --all

scale: .env-is-there ## Run so many Ray workers: make scale N=4
	@if [ -z "$(N)" ]; then echo "N must be the number of Ray workers: make scale N=4" >&2; exit 2; fi
	$(COMPOSE) up --detach --no-recreate --scale ray-worker=$(N) ray-worker

submit: .env-is-there ## Train on the stack (ARGS="-m schedule=cosine,wsd seed=0,1")
	$(COMPOSE) run --rm --env LOGNAME="$$(id -un)" runner submit $(ARGS)

users: .env-is-there ## MLflow's accounts (ARGS="add alice", ARGS="grant alice schedule-lab EDIT")
	$(COMPOSE) run --rm admin $(ARGS)

backup: .env-is-there ## Write a backup of database and artifacts
	$(COMPOSE) run --rm backup

restore: .env-is-there ## Put a backup in the place of what is there (NAME=2026-01-31T12-00-00Z)
	@if [ -z "$(NAME)" ]; then echo "NAME must be a backup: make restore NAME=2026-01-31T12-00-00Z" >&2; exit 2; fi
	$(COMPOSE) stop tracking
	$(COMPOSE) run --rm restore $(NAME); code=$$?; $(COMPOSE) up --detach && exit $$code

move: .env-is-there ## Copy a store of SQLite, with its files, into the stack's (FROM=/home/me/lab/mlflow.db)
	@if [ ! -f "$(FROM)" ]; then echo "FROM must be a SQLite store: make move FROM=/home/me/lab/mlflow.db" >&2; exit 2; fi
	$(COMPOSE) run --rm --volume "$(dir $(abspath $(FROM))):$(dir $(abspath $(FROM)))" move "$(abspath $(FROM))"

upgrade: .env-is-there ## Back up, then bring the database to the schema of this version's MLflow, and start
	$(COMPOSE) build tracking
	$(COMPOSE) run --rm backup
	$(COMPOSE) stop tracking
	$(COMPOSE) run --rm upgrade
	$(COMPOSE) up --detach

clean: ## Remove the environment and caches; runs and results stay
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.made: pyproject.toml .constraints.txt | .venv/bin/python
	$(PIP) --editable '.[runner]'
	@touch $@

.venv/.made-dev: .venv/.made
	$(PIP) --editable '.[dev]'
	@touch $@
