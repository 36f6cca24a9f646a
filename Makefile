# Two commands: `make up` and `make test`. Both install what they need. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
STACK ?= local
PYTHON := .venv/bin/python
# A stack file that names a context has a cluster of its own; `local` without one runs on the sandbox.
SANDBOX := $(if $(filter local,$(STACK)),$(shell grep -qE '^ *biojobs:context:' Pulumi.$(STACK).yaml || echo yes))
# The stack's cloud decides which SDK is installed.
CLOUD := $(shell sed -nE 's/^ *biojobs:cloud: *([a-z]+).*/\1/p' Pulumi.$(STACK).yaml)
EXTRAS := $(if $(filter-out local,$(CLOUD)),--extra $(CLOUD))
# Buckets are protected. Left out, they stay in the account and in the state, where the next `up` finds them.
KEEP := $(if $(filter-out local,$(CLOUD)),--exclude-protected)
# Two commands: a failure within the words of `eval` would go unnoticed.
ENVIRONMENT = environment=$$(STACK=$(STACK) $(PYTHON) -m offline.env); eval "$$environment"

.PHONY: help up down preview destroy env status check audit backend test lint docs bench venv

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

up: venv ## Build the stack, run the samples, say where the results are (STACK=local)
	@$(if $(SANDBOX),$(PYTHON) -m sandbox up)
	@$(ENVIRONMENT); pulumi up --stack $(STACK) --yes --skip-preview --suppress-progress

down: venv ## Take the stack away, the sandbox too; the workspace with the results stays
ifeq ($(SANDBOX),yes)
	@$(ENVIRONMENT); ! $(PYTHON) -m sandbox status >/dev/null 2>&1 \
	  || pulumi destroy --stack $(STACK) --yes --skip-preview --suppress-progress || echo "going on: the whole cluster is taken away" >&2
	@$(PYTHON) -m sandbox down
	@$(ENVIRONMENT); pulumi stack rm --stack $(STACK) --yes --force --preserve-config
else
	@$(MAKE) --no-print-directory destroy
endif

preview: venv ## Show what `up` would change; in a cloud without credentials, all that it would make, and the price
	@if [[ -n "$(EXTRAS)" ]] && ! $(PYTHON) -m components.$(CLOUD).account; then $(PYTHON) -m offline.plan $(STACK); \
	  else $(ENVIRONMENT); pulumi preview --stack $(STACK) --suppress-progress; fi

destroy: venv ## Take the stack away; the sandbox goes on running, and a cloud's buckets stay
	@$(ENVIRONMENT); pulumi destroy --stack $(STACK) --yes --skip-preview --suppress-progress $(KEEP)

env: venv ## Print the environment of plain `pulumi` commands: eval "$(make env)"
	@STACK=$(STACK) $(PYTHON) -m offline.env

status: venv ## Show the health of the sandbox
	@$(PYTHON) -m sandbox status

test lint docs: EXTRAS := --all-extras
check: venv ## Look before you build: credentials, quotas, what the region has, price (STACK=aws|gcp)
	@$(PYTHON) -m components.$(CLOUD).check $(STACK)

audit: venv ## List what is left of a stack in the account or project (STACK=aws|gcp)
	@$(PYTHON) -m components.$(CLOUD).audit $(STACK)

backend: venv ## Make a place for states in the account or project, once (STACK=aws|gcp)
	@$(PYTHON) -m components.$(CLOUD).backend $(STACK)

test: venv ## Run all tests, ring by ring
	@$(PYTHON) -m tests

lint: venv ## Format, lint and types
	@.venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/pyright

docs: venv ## Write docs/settings.md and docs/settings.schema.json from the settings' types
	@$(PYTHON) -m docs.settings

bench: venv ## Measure speed and size (never part of the tests)
	@$(PYTHON) -m bench

venv:
	@bootstrap/venv.sh $(EXTRAS)
