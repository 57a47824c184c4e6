# Groundwork's commands. From a fresh clone each sets up what it needs: a virtual environment in .venv with
# the pinned requirements, and (first time only, cached outside the clone) the sandbox's control plane.
# Needs Linux, Python >= 3.11 with venv, git and make.
.DEFAULT_GOAL := help
.PHONY: help setup up down destroy status demo browser screenshots test soak lint format lock

PYTHON ?= python3
BIN := .venv/bin
SYNCED := .venv/.synced
SOAK_ROUNDS ?= 25
TEST_ARGS ?= -n auto --dist loadfile

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(SYNCED) ## create .venv and install the pinned requirements

$(SYNCED): requirements-dev.txt requirements.in pyproject.toml
	@command -v git >/dev/null || { echo "make: git is missing: install it, then run make again" >&2; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing: install Python 3.11 or newer, or name it: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version) is too old: Groundwork needs 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv), then run make again" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "creating .venv"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements-dev.txt)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

up: $(SYNCED) ## start the sandbox (Postgres, control plane with Flux, GitLab server, Airflow)
	@$(BIN)/groundwork-sandbox up

down: $(SYNCED) ## stop the sandbox, keep its state
	@$(BIN)/groundwork-sandbox down

destroy: $(SYNCED) ## stop the sandbox and remove its state
	@$(BIN)/groundwork-sandbox destroy

status: $(SYNCED) ## show each part of the sandbox, its health and address
	@$(BIN)/groundwork-sandbox status

demo: up ## start everything and create a project with three environments
	@$(BIN)/groundwork demo

test: $(SYNCED) ## run the tests on a sandbox of their own; TEST_ARGS narrows them
	@$(MAKE) --no-print-directory browser
	@$(BIN)/groundwork-sandbox build
	$(BIN)/pytest $(TEST_ARGS)

browser: ## install the browser that the pages are tested in, where that can be done
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null || { \
		command -v apt-get >/dev/null && test "$$(id -u)" = 0 && \
		echo "installing chromium" && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium >/dev/null; } || \
		echo "make: no Chromium is here, and the tests of the pages need one: install it (Debian: apt-get install chromium)" >&2

screenshots: $(SYNCED) ## make the pictures of docs/web.md anew
	@$(MAKE) --no-print-directory browser
	@$(BIN)/groundwork-sandbox build
	KEEP_SCREENSHOTS=1 $(BIN)/pytest tests/browser/test_pages.py

soak: $(SYNCED) ## play 5,000 schedules of faults, hours long; SOAK_ROUNDS and SEED change how many and which
	@$(BIN)/groundwork-sandbox build
	@seed=$${SEED:-$$(date +%s)}; for round in $$(seq $(SOAK_ROUNDS)); do \
	  echo "round $$round of $(SOAK_ROUNDS): --schedules 200 --schedule-seed $$seed"; \
	  $(BIN)/pytest tests/crash/test_schedules.py --schedules 200 --schedule-seed $$seed || exit 1; \
	  seed=$$((seed + 1)); \
	done

lint: $(SYNCED) ## style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy include plugins
	$(BIN)/lint-imports

format: $(SYNCED) ## rewrite the sources in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(SYNCED) ## compile requirements*.in to pinned requirements*.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command "make lock" requirements.in --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command "make lock" --constraint requirements.txt requirements-dev.in --output-file requirements-dev.txt
	@$(MAKE) --no-print-directory setup
