# Needs Python 3.11 or later, make and git; the rest is set up here, in .venv* folders of this working tree.

PYTHON ?= python3
PYTEST_ARGS ?=
# Each worker has an embedded AWS of its own; a file is one worker's, with its fixtures. PYTEST_ARGS="-n 0" for none.
PYTEST_WORKERS = -n 2 --dist loadfile --no-loadscope-reorder

SETUP = @$(PYTHON) local/bootstrap.py
BIN = .venv/bin
UV = $(CURDIR)/.venv-tools/uv

.PHONY: help
help: ## Show the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

.PHONY: setup
setup: ## Set up everything for changing the project
	$(SETUP) dev aws sam checkov ric

.PHONY: local
local: ## Run the whole stack on this machine until Ctrl-C
	$(SETUP) cli aws
	@$(BIN)/python -m local up

.PHONY: demo
demo: ## Show devices being let in and turned away by the stack on this machine
	$(SETUP) cli aws
	@$(BIN)/python -m local.demo

.PHONY: test
test: ## Run all tests (PYTEST_ARGS="-k mac" for some)
	$(SETUP) dev aws sam checkov ric
	@$(BIN)/pytest $(PYTEST_WORKERS) $(PYTEST_ARGS)

.PHONY: pr
pr: lint ## Run lint, unit and property tests: what a change must pass first
	@$(BIN)/pytest $(PYTEST_WORKERS) -p no:schemathesis $(PYTEST_ARGS) tests/unit tests/property

.PHONY: lint
lint: ## Check style, types and which package imports which
	$(SETUP) dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: bench
bench: ## Measure the hook, the import and the audit trail
	$(SETUP) dev aws
	@$(BIN)/python -m benchmarks

.PHONY: build
build: ## Build for AWS, for sam deploy
	$(SETUP) sam
	@INSTALL_PACKAGES='"$(UV)" pip install --quiet --no-deps --python-version 3.13 --python-platform aarch64-manylinux_2_28' \
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam build

.PHONY: package
package: ## Build the operators' command as a Python package, in dist
	$(SETUP) cli
	@$(UV) build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist

.PHONY: docs
docs: ## Write docs/denial-reasons.md, docs/parameters.md and docs/openapi.json anew from the code
	$(SETUP) cli
	@$(BIN)/python -m local.documents.denial_reasons
	@$(BIN)/python -m local.documents.parameters
	@$(BIN)/python -m local.documents.openapi

# In this order: what Lambda gets is chosen first, and the tools around it follow (-c in the .in files).
LOCKS = src/requirements requirements/tools requirements/cli requirements/dev requirements/aws requirements/sam \
	requirements/checkov requirements/ric
.PHONY: lock
lock: ## Choose and lock package versions anew (UPGRADE=1 for the newest)
	$(SETUP) tools
	@set -e; for lock in $(LOCKS); do \
		echo "locking $$lock.txt"; \
		$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
			--output-file $$lock.txt $$lock.in; \
	done

.PHONY: clean
clean: ## Remove everything that was set up, built or cached here
	rm -rf .venv* .local .aws-sam dist .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
