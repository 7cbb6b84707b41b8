# Everything starts here: `make demo`, `make test`. Nothing is installed outside this folder.
# PY chooses the Python (3.11 to 3.14), e.g. `make test PY=python3.13`.
PY ?= python3
WORKERS ?= 2
PYTEST_ARGS ?=
BIN := .venv/bin
# Packages come with hashes, and as wheels but for http-ece, which exists as source only. build.lock brings what
# installs: the setuptools that builds http-ece, and uv (four times as fast as pip here). Where uv finds no package index,
# because only pip has been told of one, pip does the same work.
HASHED := --quiet --require-hashes --only-binary=:all:
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input --no-compile $(HASHED)
INSTALL = @$(BIN)/uv pip install --python $(BIN)/python $(HASHED) --no-build-isolation --no-binary=http-ece -r $(1) || \
	{ echo "uv could not install; trying pip ..."; $(PIP) --no-build-isolation --no-binary=http-ece -r $(1); }

# A recipe that fails must not leave what looks like its result.
.DELETE_ON_ERROR:
# Compiles what the service imports, once: every later start is twice as fast, also where Python may not write its cache.
WARM := import main, ops.service, ops.pages_web, demo.run, feeds.poller; ops.pages_web.read_all(); ops.service.our_loops(None); from alerts.channels_setup import channel_kinds; channel_kinds(); from core.i18n import Catalogs; Catalogs.load(); import twilio.rest, pywebpush, shapely, phonenumbers, webauthn, joserfc.jwt, babel.messages.pofile

.PHONY: help setup demo run test check bench lock docs security fuzz node
help:
	@echo "make demo   a fictional registry and the earthquake of 14 April 2016, with pages to click through"
	@echo "make run    the live service on its own PostgreSQL, listening to the real feeds"
	@echo "make test   the whole test suite        make check   format, lint, types, import rules, words"
	@echo "make bench  every benchmark, as JSON    make lock    renew the locked requirements (maintainers)"
	@echo "make security  scanners and attackers   make docs    renew what docs/ says of the code"
	@echo "make fuzz   ten minutes of damaged input for each parser (Linux on x86_64; FUZZ_SECONDS=60 for less)"

setup: .venv/stamp-runtime

demo: setup
	@$(BIN)/python main.py demo

run: setup
	@$(BIN)/python main.py all

# What the tests start again and again (main.py, both workers) is compiled once, also where Python may not write its cache.
test: .venv/stamp-dev
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c "$(WARM)"
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: .venv/stamp-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m alerts.lint

bench: .venv/stamp-dev
	@for file in bench/*.py; do case "$$file" in */_*) ;; *) $(BIN)/python "$$file" || exit 1 ;; esac; done

docs: .venv/stamp-runtime
	$(BIN)/python -m core.settings_doc > docs/settings.md
	$(BIN)/python -m ops.retention_doc > docs/retention.md
	$(BIN)/python -m feeds.jma.types_doc
	$(BIN)/python -m checkin.openapi_file > docs/openapi.json
	$(BIN)/python -m ops.pages_web > ops/pages.tsv

# Scanners and attackers of their own virtual environment (schemathesis, semgrep, bandit); sqlmap comes from the system.
security: .venv/stamp-dev .venv/stamp-security
	$(BIN)/python tests/security/run.py

# Every parser against inputs that atheris makes up, starting from tests/fuzz/corpus. What is found goes into the corpus,
# which `make test` replays.
FUZZ_SECONDS ?= 600
fuzz: .venv/stamp-dev .venv/stamp-security
	@for file in tests/fuzz/fuzz_*.py; do $(BIN)/python "$$file" -max_total_time=$(FUZZ_SECONDS) || exit 1; done

.venv/stamp-security: requirements-security.lock .venv/pyvenv.cfg
	@$(PY) -m venv .venv/security
	@.venv/security/bin/python -m pip install --disable-pip-version-check --no-input $(HASHED) -r requirements-security.lock
	@touch $@

# The stamps live inside .venv, so that deleting .venv is a complete reset.
.venv/pyvenv.cfg:
	@command -v $(PY) >/dev/null || { echo "$(PY) is missing. Install Python 3.11 or newer, e.g.: apt-get install python3 python3-venv"; exit 1; }
	@$(PY) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { echo "$(PY) is not Python 3.11 to 3.14. Choose one with: make PY=python3.12 ..."; exit 1; }
	@$(PY) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PY) cannot make virtual environments. Install them with: apt-get install python3-venv"; exit 1; }
	@echo "Setting up (once) ..."
	@$(PY) -m venv .venv

.venv/stamp-runtime: build.lock requirements.lock .venv/pyvenv.cfg
	@$(PIP) -r build.lock
	$(call INSTALL,requirements.lock)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c "$(WARM)"
	@touch $@

.venv/stamp-dev: requirements-dev.lock .venv/stamp-runtime
	$(call INSTALL,requirements-dev.lock)
	@touch $@

# Programs from npm that some tests and bench/push.py talk to; without them these skip and say so.
node: .venv/stamp-node

.venv/stamp-node: tests/node/package.json .venv/pyvenv.cfg
	@command -v npm >/dev/null || { echo "npm is missing. Install it, e.g.: apt-get install nodejs npm"; exit 1; }
	@mkdir -p .venv/node && cp tests/node/package.json .venv/node/
	@npm install --prefix .venv/node --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# The locks hold names, versions and hashes, and no address of any package index.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock: .venv/stamp-dev
	printf 'setuptools>=80\nuv>=0.13\n' | $(LOCK) - --output-file build.lock
	$(LOCK) pyproject.toml --output-file requirements.lock
	$(LOCK) pyproject.toml --extra dev --constraints build.lock --constraints requirements.lock --output-file requirements-dev.lock
	$(LOCK) requirements-security.in --output-file requirements-security.lock
