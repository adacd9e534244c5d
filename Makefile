# Tiffin's commands. `make help` lists them; each installs what it needs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
INSTALLED := $(VENV)/installed
TESTS ?= tests
# Test processes side by side; most of the time they wait for other processes.
TESTS_AT_ONCE ?= 2
BESIDE = -n $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder
SEEDS ?= 1000
CHAOS = $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) \
	$(if $(SECONDS),--seconds $(SECONDS)) $(if $(SETTLE_SECONDS),--settle-seconds $(SETTLE_SECONDS)) \
	$(if $(NODES),--nodes $(NODES)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(RATE),--rate $(RATE))

.DEFAULT_GOAL := help
.PHONY: help install run stop demo traces broker topics test test-fast test-e2e test-browser test-chaos lint format \
	types check bench bench-loop bench-recovery verify simulate schema-release glossary state-charts requirements clean \
	distclean

help:  ## list all targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tiffin needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

install: $(INSTALLED)  ## install the pinned packages into .venv

run: $(INSTALLED)  ## start Kafka, the four services and the sandbox; Ctrl-C stops all
	@$(PY) -m infra.run

stop: $(INSTALLED)  ## stop what `make run` started
	@$(PY) -m infra.run --stop

demo: $(INSTALLED)  ## place a few orders, some for later, and follow them to the door
	@$(PY) -m infra.demo

traces: $(INSTALLED)  ## start Zipkin, a trace UI on port 9411; a `make run` after it exports to it
	@$(PY) -m infra.traces

broker: $(INSTALLED)  ## start only Kafka, with its topics; Ctrl-C stops it
	@$(PY) -m infra.broker run

topics: $(INSTALLED)  ## create the catalogue's topics on a Kafka that runs (BOOTSTRAP=host:port)
	@$(PY) -m infra.topics $(if $(BOOTSTRAP),--bootstrap $(BOOTSTRAP))

test: $(INSTALLED)  ## run all tests, on a Kafka of their own
	$(PY) -m pytest $(TESTS) $(BESIDE)

test-fast: $(INSTALLED)  ## run the tests that need no Kafka
	$(PY) -m pytest $(TESTS) -m "not kafka" $(BESIDE)

test-e2e: $(INSTALLED)  ## run the whole journeys only
	$(PY) -m pytest tests/e2e $(BESIDE)

test-browser: $(INSTALLED)  ## drive the web pages in a headless Chromium only (TIFFIN_CHROMIUM=path)
	$(PY) -m pytest tests/browser $(BESIDE)

test-chaos: $(INSTALLED)  ## 20 minutes of orders under random faults (SEED=7 RUNS=5 SECONDS=1200 RATE=1)
	@$(PY) -m infra.chaos $(CHAOS)

lint: $(INSTALLED)  ## check style, import contracts and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(PY) -m infra.glossary --check README.md
	$(PY) -m infra.state_charts --check
	$(MAKE) --no-print-directory types

types: $(INSTALLED)  ## check types
	$(BIN)/mypy

format: $(INSTALLED)  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test  ## all that CI runs

bench: $(INSTALLED)  ## how fast Tiffin is, beside the least that Kafka costs (ONLY=complete,submit RUNS=3 FULL=1)
	@$(PY) -m infra.bench $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS)) $(if $(FULL),--full)

bench-loop: $(INSTALLED)  ## our command loop beside Faust agents and bare aiokafka (needs Linux)
	@$(PY) -m infra.bench.loop

bench-recovery: $(INSTALLED)  ## how fast a table is rebuilt from its log, beside bare aiokafka and Faust
	@$(PY) -m infra.bench.recovery $(if $(events),--events $(events))

verify: $(INSTALLED)  ## prove from topics and fronts that nothing is lost and nothing happened twice
	@$(PY) -m infra.tiffin verify

simulate: $(INSTALLED)  ## run the loops on a simulated Kafka, a seed per interleaving (SEEDS=1000)
	@$(PY) -m infra.simulation --seeds $(SEEDS)

glossary: $(INSTALLED)  ## write the README's glossary from the schemas
	@$(PY) -m infra.glossary --write README.md

state-charts: $(INSTALLED)  ## draw the states of every aggregate, from the deciders
	@$(PY) -m infra.state_charts --write

schema-release: $(INSTALLED)  ## write the schemas of this version down as released
	@$(PY) -m infra.schema_release

requirements: $(INSTALLED)  ## pin all packages anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --group dev \
		--python-version 3.11 pyproject.toml -o requirements.txt

clean: stop  ## forget all local state: topics, tables, ledgers, logs
	rm -rf .tiffin

distclean: clean  ## also remove the environment
	rm -rf $(VENV)
