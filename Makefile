# Everything goes through here; nothing but Python >= 3.11, make and git is needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(or $(shell command -v uv 2>/dev/null),$(BIN)/uv)
STAMP  := $(VENV)/.installed
PYTEST := $(BIN)/pytest -n 2 --dist worksteal
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/$(VENV)

.DEFAULT_GOAL := help
.PHONY: help install demo up test check bench cases late coverage attack chaos pictures peers browse lock clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

install: $(STAMP)  ## Install into .venv from uv.lock (installs uv there when the machine has none)

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "There is no Python 3.11 or later here."; echo "  why    \`$(PYTHON)\` is missing or older."; \
	  echo "  to do  Install one, or name it: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "The folder .venv cannot be made."; echo "  why    \`$(PYTHON) -m venv\` failed: see above."; \
	  echo "  to do  Debian and Ubuntu need the package python3-venv; otherwise see that the disk has room."; exit 1; }
	@{ $(UV) --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; } \
	  && $(UV) sync --frozen --extra server --quiet --python $(BIN)/python || { \
	  echo "The packages of uv.lock could not be installed."; \
	  echo "  why    The package registry cannot be reached, or it refused: see above."; \
	  echo "  to do  Look at the network and the proxy (UV_DEFAULT_INDEX names another registry), then do the same again."; exit 1; }
	@touch $@

demo: $(STAMP)  ## The main job on two years of three invented communities
	@$(BIN)/guildhall demo

up: $(STAMP)  ## Everything live: Kafka, gateway, stream worker, refresher, Dagster
	@$(BIN)/guildhall up

test: $(STAMP)  ## Every test, on a real Kafka that they start
	@$(PYTEST)

check: $(STAMP)  ## Style, types, imports, documentation against code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m dagster_project.docs --check
	@$(BIN)/python tests/audit.py

bench: $(STAMP)  ## Speed as ratios: one table at the end, and var/bench.json
	@$(BIN)/python tests/benchmarks/run.py

browse: $(STAMP)  ## Dagster's page driven in Chromium: materialize, cancel, a shell; a table and screenshots
	@$(BIN)/python tests/browser/drive_dagster.py

coverage: $(STAMP)  ## How often the 95 % intervals hold the truth, as a table; 1 where one does so in fewer than 93 %
	@$(BIN)/python -m tests.coverage.run

attack: $(STAMP)  ## What an attacker learns of small groups from all that is published of 500 invented communities; 1 where anything
	@$(BIN)/python -m tests.attack.run

cases: $(STAMP)  ## Small inputs that show a fault, of ../shared/data/cases: case, expected and got as a table
	@$(BIN)/python tests/cases/test_cases.py

late: $(STAMP)  ## 200 random histories whose settings change late against one import with the last settings, as a table
	@$(BIN)/python -m tests.cases.late_settings 200

chaos: $(STAMP)  ## Gateway, worker and refresher killed -9 at random moments, as a table
	@$(BIN)/python tests/chaos/run.py

peers: $(STAMP)  ## A real MediaWiki that a script acts on, polled while the poller is killed, as a table
	@$(BIN)/python tests/peers/run.py

pictures: $(STAMP)  ## The README's pictures, from a demo, in Chromium
	@$(BIN)/python tests/pictures/render.py

lock:  ## Resolve the dependencies again
	@$(UV) lock

clean:  ## Remove the installation; what is under var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
