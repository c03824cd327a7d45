# Everything a newcomer runs is a target here; `make help` lists them.
# PYTHON may name any Python from 3.11 on; the virtual environment is always .venv.
PYTHON ?= python3
BIN := .venv/bin
T ?= tests
SYNC_US ?= 1000

.DEFAULT_GOAL := help
.PHONY: help demo sandbox test check lint types imports format lock needs soak bench bench-peers bench-acks bench-slow-disk bench-mirror bench-memory docs-schema clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready ## see the whole product work on stand-ins for Jira and GitHub, then stop
	@$(BIN)/python -m sandbox.demo

sandbox: .venv/ready ## the same, but keep running and print the addresses to look at
	@$(BIN)/python -m sandbox.demo --stay

test: .venv/ready ## run every test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(T)

check: lint types imports test ## all that CI runs

lint: .venv/ready ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready ## mypy --strict
	$(BIN)/mypy

imports: .venv/ready ## who may import whom
	$(BIN)/lint-imports

format: .venv/ready ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

needs: ## what some tests want from the system (Debian, as root): age, OpenSSH, PostgreSQL, promtool, nginx, Caddy, Chromium, mermaid
	./.ci/needs

soak: .venv/ready ## kill the server 1,000 times under load and count what is lost or there twice (about half an hour)
	$(BIN)/python -m tests.faults.soak --kills 1000 --pace 10

bench: .venv/ready ## the figures of benchmarks/, measured here and now
	$(BIN)/python -m benchmarks.calls
	$(BIN)/python -m benchmarks.diary
	$(BIN)/python -m benchmarks.limits

bench-peers: ## the Node servers that bench-acks and bench-memory compare with; needs Node 20, npm and a C++ compiler
	cd benchmarks/peers && npm ci --no-audit --no-fund

bench-acks: .venv/ready ## acknowledgements beside Node servers and the machine's limits (ten minutes)
	$(BIN)/python -m benchmarks.acks

bench-slow-disk: .venv/ready ## the same at 64 connections, with a disk that takes SYNC_US microseconds longer for each write (1000 if none is given)
	cc -Wall -shared -fPIC -o .venv/slow_disk.so benchmarks/slow_disk.c
	SYNC_US=$(SYNC_US) LD_PRELOAD=$(CURDIR)/.venv/slow_disk.so $(BIN)/python -m benchmarks.acks --connections 64 --rounds 3 --only Probot durable

bench-mirror: .venv/ready ## bursts of 300 mirrored onto the stand-ins, beside the floor of round trips (ten minutes)
	$(BIN)/python -m benchmarks.mirror

bench-memory: .venv/ready ## memory at rest beside Node servers
	$(BIN)/python -m benchmarks.memory

lock: .venv/ready ## renew requirements/*.txt: exact versions with hashes, no addresses
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-strip-extras --no-header \
	  --python-version 3.11 --extra dev --output-file requirements/dev.txt pyproject.toml requirements/build.in
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-strip-extras --no-header \
	  --python-version 3.11 --output-file requirements/server.txt pyproject.toml requirements/build.in

.venv/ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("coc-mirror needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "Preparing .venv (once) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean: ## remove what the targets made
	rm -rf .venv .demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
