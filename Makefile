# make run, test, test-fast, check, bench, zoo, fuzz, attack, schema, messages, reference, docs (needs only Python >= 3.11 with pip, and make)

ifndef PYTHON
PYTHON := $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))
endif
VENV := .venv
BIN := $(VENV)/bin

SEEDS ?= 20

# Processes that run the tests, beside the one that runs the lab's scenarios, six at a time.
WORKERS ?= 3
PYTEST = $(BIN)/python -m pytest -n $(WORKERS)

.PHONY: run test test-fast check bench zoo fuzz attack schema messages reference docs clean real-servers

run: $(VENV)/ready-run
	$(BIN)/probe lab run great-firewall

test: real-servers
	$(PYTEST) $(PYTEST_ARGS)

# For the time between two edits: no lab, no browser, no Spark, and no file that takes long.
test-fast: $(VENV)/ready-test
	$(PYTEST) -m 'not lab and not slow' $(PYTEST_ARGS)

# As root on Debian, after asking (with CI set without): the servers that tests/real starts in the lab.
real-servers: $(VENV)/ready-test
	@$(BIN)/python -m tests.real.packages

check: real-servers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict probe
	$(BIN)/lint-imports
	$(BUILD_DOCS)
	$(PYTEST) $(PYTEST_ARGS)

bench: $(VENV)/ready-test
	$(BIN)/python -m tests.bench

# Every scenario with SEEDS seeds: how right the verdicts are. Takes hours. The README's table is made from the file that it saves.
zoo: $(VENV)/ready-test
	$(BIN)/probe lab score --seeds $(SEEDS) --save tests/lab/score.json

# Every codec for FUZZ_SECONDS (20). Where there is no wheel of atheris it says so, and hypothesis takes its place.
fuzz: $(VENV)/ready-test
	@$(BIN)/python -c 'import atheris' 2>/dev/null || { $(INSTALL) --only-binary atheris --editable '.[fuzz]'; } || true
	$(BIN)/python -m tests.fuzz

# Attacks on `probe helper` over loopback, for an hour: ATTACK_REQUESTS (100000), ATTACK_SEED (1), ATTACK_MINUTES (30).
attack: $(VENV)/ready-test
	$(BIN)/python -m tests.attack

# After a change in probe/formats: the schema in probe/data/schema and the data dictionary, anew from the classes.
schema: $(VENV)/ready-test
	$(BIN)/python -m probe.formats

# The documentation, as pages in build/docs.
BUILD_DOCS = NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet --config-file docs/mkdocs/mkdocs.yml

docs: $(VENV)/ready-test
	$(BUILD_DOCS)

# After a change of a sentence for users: the template that translators start from.
messages: $(VENV)/ready-test
	$(BIN)/python -m tests.messages.template

# After a change of rules, mechanisms, features or follow-ups: the pages about them in docs/reference.
reference: $(VENV)/ready-test
	$(BIN)/python -m probe.analysis.report.reference
	$(BIN)/python docs/mkdocs/followups.py

clean:
	rm -rf $(VENV) build dist *.egg-info

# A virtual environment also where Debian left out ensurepip: pip >= 22.3 can install into another interpreter.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 found; install one, or say: make PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --without-pip $(VENV)

INSTALL = $(BIN)/python -m pip --version >/dev/null 2>&1 && set -- $(BIN)/python -m pip || set -- $(PYTHON) -m pip --python $(BIN)/python; \
	"$$@" install --quiet --disable-pip-version-check
COMPILE = $(BIN)/python -m compileall -q probe tests

# With a browser's hello (utls) where there is a wheel for this machine. Otherwise those follow-ups are recorded as not available.
$(VENV)/ready-run: pyproject.toml | $(BIN)/python
	{ $(INSTALL) --only-binary utls --editable '.[quic,fingerprint,analysis]'; } 2>/dev/null || { $(INSTALL) --editable '.[quic,analysis]'; }
	$(COMPILE)
	@touch $@

$(VENV)/ready-test: pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[quic,fingerprint,analysis,test]'
	$(COMPILE)
	@touch $@ $(VENV)/ready-run
