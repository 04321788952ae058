# The environment lives in .venv and is remade when pyproject.toml or the pinned versions change.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
# Tests wait for processes now and then: one more than there are cores keeps them all busy.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(1 + (os.cpu_count() or 1))")
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint .constraints.txt
UI := MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --workers 1

.DEFAULT_GOAL := help
.PHONY: help run sweep ui test slow soak lint check readme bench clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: .venv/.made ## Train one run (ARGS="schedule=cosine optimizer.lr=0.1")
	$(BIN)/python -m runner $(ARGS)

SWEEP := schedule=constant,step,cosine,onecycle optimizer.lr=0.1,0.3,1 seed=0,1,2 hydra.sweeper.extend=1 \
	hydra.sweeper.final_seeds=[10,11,12,13,14,15,16,17]

sweep: .venv/.made ## Compare four schedules, each at its best rate: about a minute (ARGS="--plan")
	$(BIN)/python -m runner -m $(SWEEP) $(ARGS)

ui: .venv/.made ## Open MLflow on the local store: http://127.0.0.1:5000
	$(UI) --backend-store-uri sqlite:///mlflow.db $(ARGS)

test: .venv/.made-dev ## Run the tests (ARGS="-k onecycle")
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow" $(ARGS)

slow: .venv/.made-dev ## Run the tests that kill processes, servers and disks: some minutes
	$(BIN)/python -m pytest -n $(WORKERS) -m "slow and not soak" $(ARGS)

soak: .venv/.made-dev ## Run more of them, which CI leaves out for time: more kills, servers, processes
	$(BIN)/python -m pytest -n $(WORKERS) -m soak $(ARGS)

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

clean: ## Remove the environment and caches; runs and results stay
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.made: pyproject.toml .constraints.txt | .venv/bin/python
	$(PIP) --editable .
	@touch $@

.venv/.made-dev: .venv/.made
	$(PIP) --editable '.[dev]'
	@touch $@
