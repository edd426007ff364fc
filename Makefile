# Thin: each target is the command that does the work. `make help` lists them.
.DEFAULT_GOAL := help

# Looked for once, and only where it is needed.
PYTHON ?= $(eval PYTHON := $(shell tests/tools/newest_python))$(PYTHON)
VENV ?= .venv
CLUSTER_DIR ?= .cluster
# What of `make test` to run, and which parts of `make test-all`; all by default.
STAGES ?=
SCENARIOS ?=
PARTS ?=
# Anything: `make test-kind` leaves out what takes longest.
QUICK ?=

BIN = $(VENV)/bin
CLUSTER = "$(PYTHON)" tests/cluster/cluster.py
# Never the user's own cluster, whatever the environment says.
ON_CLUSTER = unset $$(env | sed -n 's/^\(K8S_AUTH_[A-Z_]*\)=.*/\1/p'); \
  KUBECONFIG="$$(cd "$(CLUSTER_DIR)" && pwd)/kubeconfig"; export KUBECONFIG K8S_AUTH_KUBECONFIG="$$KUBECONFIG";
RUN_TESTS = "$(BIN)/python" tests/run.py $(addprefix --scenario ,$(SCENARIOS))

export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo 'Variables: PYTHON=$(PYTHON) VENV=$(VENV) CLUSTER_DIR=$(CLUSTER_DIR)'

.PHONY: demo
demo: cluster ## deploy an app to an embedded cluster, roll it to version 2 and back
	@$(ON_CLUSTER) KUBECTL="$(BIN)/python tests/cluster/cluster.py kubectl$(if $(filter-out .cluster,$(CLUSTER_DIR)), --dir $(CLUSTER_DIR))" \
	  "$(BIN)/ansible-playbook" -i playbooks/inventory/demo playbooks/demo.yml

.PHONY: test
test: venv ## what every change must pass (STAGES="unit sanity", SCENARIOS="app")
	@$(RUN_TESTS) $(STAGES)

.PHONY: test-all
test-all: venv ## all tests that need no Docker, with full counts (PARTS="twin server")
	@$(RUN_TESTS) --all $(addprefix --part ,$(PARTS)) $(STAGES)

.PHONY: test-kind
test-kind: venv ## the Molecule scenarios with real containers, on kind (SCENARIOS="app", QUICK=1)
	@$(RUN_TESTS) $(if $(QUICK),,--all) --cluster kind --workers 1 molecule

.PHONY: lint sanity unit integration molecule
lint: venv ## of the tests: the linters
	@$(RUN_TESTS) yamllint ansible-lint docs changelog
sanity: venv ## of the tests: ansible-test sanity
unit: venv ## of the tests: unit tests
integration: venv ## of the tests: integration targets, on embedded clusters
molecule: venv ## of the tests: Molecule scenarios, on embedded clusters
sanity unit integration molecule:
	@$(RUN_TESTS) $@

.PHONY: cluster
cluster: runtime ## start the embedded cluster, in CLUSTER_DIR
	@$(CLUSTER) up --dir "$(CLUSTER_DIR)"

.PHONY: cluster-down
cluster-down: ## stop it
	@$(CLUSTER) down --dir "$(CLUSTER_DIR)"

.PHONY: bench
bench: cluster ## measure the modules beside kubernetes.core and kubectl
	@$(ON_CLUSTER) "$(BIN)/python" tests/bench/bench.py

.PHONY: versions
versions: venv ## every version that is named here, its date, and the newest that is known
	@"$(BIN)/python" tests/tools/versions.py

.PHONY: docs
docs: venv ## the documentation as web pages, in docs/_build/build/html
	rm -rf docs/_build && mkdir -p docs && mkdir -m 755 docs/_build
	"$(BIN)/antsibull-docs" sphinx-init --use-current --squash-hierarchy --lenient --dest-dir docs/_build \
	  --project slipway.kubernetes --title slipway.kubernetes --copyright 'slipway.kubernetes contributors' slipway.kubernetes
	PATH="$$(cd "$(BIN)" && pwd):$$PATH" docs/_build/build.sh

.PHONY: build
build: runtime ## the collection's archive, in dist/
	"$(BIN)/ansible-galaxy" collection build --force --output-path dist

.PHONY: venv
venv: ## the virtual environment and collections, for development
	@"$(PYTHON)" tests/tools/bootstrap.py test --venv "$(VENV)"

# Enough to run playbooks, for a quick first start.
.PHONY: runtime
runtime:
	@"$(PYTHON)" tests/tools/bootstrap.py runtime --venv "$(VENV)"

.PHONY: clean
clean: cluster-down ## stop the cluster, remove everything that make made here
	rm -rf .ansible .cache .collections dist docs/_build tests/images/*/prepared tests/integration/integration_config.yml tests/output
	@if [ -e "$(VENV)/slipway.json" ]; then rm -rf "$(VENV)"; fi
	@for venv in .venv*; do if [ -e "$$venv/slipway.json" ]; then rm -rf "$$venv"; fi; done
