# Thin: each target is the command that does the work. `make help` lists them.
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
CLUSTER_DIR ?= .cluster
# Limit `make test`: STAGES="unit sanity" SCENARIOS="app"
STAGES ?=
SCENARIOS ?=

BIN := $(VENV)/bin
DEMO := $(BIN)/ansible-playbook -i playbooks/inventory/demo

export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo "Variables: PYTHON=$(PYTHON) VENV=$(VENV) CLUSTER_DIR=$(CLUSTER_DIR) STAGES=... SCENARIOS=..."

.PHONY: venv
venv: ## the virtual environment and collections for development
	@$(PYTHON) tests/tools/bootstrap.py test --venv "$(VENV)"

# Enough to run playbooks, for a quick first start.
.PHONY: runtime
runtime:
	@$(PYTHON) tests/tools/bootstrap.py runtime --venv "$(VENV)"

.PHONY: cluster
cluster: runtime ## start the embedded cluster; kubeconfig in CLUSTER_DIR
	@"$(BIN)/python" tests/cluster/cluster.py up --dir "$(CLUSTER_DIR)"

.PHONY: cluster-down
cluster-down: ## stop it
	@$(PYTHON) tests/cluster/cluster.py down --dir "$(CLUSTER_DIR)"

RUN_TESTS = "$(BIN)/python" tests/run.py $(addprefix --scenario ,$(SCENARIOS))

.PHONY: test
test: venv ## all tests that need no Docker, or STAGES of them
	@$(RUN_TESTS) $(STAGES)

.PHONY: lint
lint: venv ## the linters, as one stage of test each
	@$(RUN_TESTS) yamllint ansible-lint docs changelog

.PHONY: sanity unit integration molecule
sanity: venv ## ansible-test sanity
unit: venv ## unit tests
integration: venv ## integration targets on an embedded cluster
molecule: venv ## Molecule scenarios on embedded clusters, or SCENARIOS of them
sanity unit integration molecule:
	@$(RUN_TESTS) $@

.PHONY: build
build: runtime ## the collection's archive, in dist/
	"$(BIN)/ansible-galaxy" collection build --force --output-path dist

.PHONY: clean
clean: cluster-down ## stop the cluster, remove everything that make made
	rm -rf .ansible .cache .collections "$(VENV)" dist docs/_build tests/output
