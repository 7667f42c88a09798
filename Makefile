# make run, test, test-all, test-fast, lint, check, bench, worlds, zoo, fuzz, attack, schema, messages, man, reference, docs, lock, audit, release, reproduce, zipapp. It needs only Python >= 3.11 with pip, and make.

ifndef PYTHON
PYTHON := $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))
endif
VENV := .venv
BIN := $(VENV)/bin

SEEDS ?= 20

# Processes that run the tests, beside the one that runs the lab's scenarios, eight at a time if the processors allow it.
WORKERS ?= 4
# Failed tests run again at the end, each alone, and then that result counts. STRICT=1 repeats nothing.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) $(if $(STRICT),,--repeat-failures)
# pytest keeps the compiled tests, or else each process compiles all of them at each start, which takes 20 seconds.
unexport PYTHONDONTWRITEBYTECODE
# As root on Debian, after asking (with CI set without): the servers, the browser and Java that the tests of a suite need.
PACKAGES = @$(BIN)/python -m tests.real.packages
FREE_SPACE = @$(BIN)/python -m tests.support.free_space

.PHONY: run test test-all test-fast lint check bench worlds zoo fuzz attack schema messages man reference docs lock audit release reproduce zipapp clean

run: $(VENV)/ready-run
	$(BIN)/probe lab run great-firewall

# About 25 minutes on two cores, and the aim is 15. At its end it says what it left to test-all. tests/README.md has the table.
test: $(VENV)/ready-test
	$(FREE_SPACE)
	$(PACKAGES) usual
	$(PYTEST) --suite usual $(PYTEST_ARGS)

# Everything, before a release. PART=1/4 is the first of four parts that take about as long.
test-all: $(VENV)/ready-test
	$(FREE_SPACE)
	$(PACKAGES) all
	$(PYTEST) --suite all $(if $(PART),--part $(PART)) $(PYTEST_ARGS)

# For the time between two edits, two minutes: no lab, no browser, no Spark, and no file that takes long.
test-fast: $(VENV)/ready-test
	$(PYTEST) --suite fast $(PYTEST_ARGS)

check: lint test

lint: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict probe
	$(MYPY_ELSEWHERE)
	$(BIN)/lint-imports
	$(BUILD_DOCS)

# The lab is for Linux only. Each system has a cache of its own, so that the next check takes seconds.
MYPY_ELSEWHERE = for system in darwin win32; do $(BIN)/mypy --strict --platform $$system --follow-imports silent \
	--exclude '^probe/lab/' --cache-dir .mypy_cache/$$system probe || exit; done

bench: $(VENV)/ready-test
	$(BIN)/python -m tests.bench

# What compare and events promise, measured on made-up worlds with known truth. Takes half an hour.
# A table of docs/score.md is made from the file that it saves.
worlds: $(VENV)/ready-test
	$(BIN)/python -m tests.worlds --save tests/worlds/claims.json

# Every scenario with SEEDS seeds: how right the verdicts are. Takes hours. A table of docs/score.md is made from the file that it saves.
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

# After a change of a sentence for users or of a translation: the template, the .po files, and the compiled .mo files.
messages: $(VENV)/ready-test
	$(BIN)/python -m tests.messages.template
	$(BIN)/python -m tests.messages.catalogues

# After a change of commands, options or exit codes: the manual pages, and the page about exit codes.
man: $(VENV)/ready-test
	$(BIN)/python -m probe.cli.help.man_pages

# After a change of rules or mechanisms: the pages about them in docs/reference. `make docs` makes the other pages of the reference.
reference: $(VENV)/ready-test
	$(BIN)/python -m probe.analysis.report.reference

clean:
	rm -rf $(VENV) build dist *.egg-info

# A virtual environment also where Debian left out ensurepip: pip >= 22.3 can install into another interpreter.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 found; install one, or say: make PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --without-pip $(VENV)

INSTALL = $(BIN)/python -m pip --version >/dev/null 2>&1 && set -- $(BIN)/python -m pip || set -- $(PYTHON) -m pip --python $(BIN)/python; \
	"$$@" install --quiet --disable-pip-version-check
# Only files whose digest is in requirements/, and no dependencies, since the lists are whole: else pip 23 takes the newest
# version of what is needed with an extra, and refuses it. What has no wheel is built with the locked setuptools.
LOCKED = $(INSTALL) --require-hashes --no-deps --no-build-isolation
EDITABLE = $(INSTALL) --no-deps --no-build-isolation --editable
COMPILE = $(BIN)/python -m compileall -q probe tests

# The lock has wheels for x86_64 and arm64. Elsewhere the newest versions are taken, and utls, which has few wheels, can be missing.
# The translations are compiled when the package is installed.
TRANSLATIONS = hatch_build.py $(wildcard probe/messages/locale/*/LC_MESSAGES/*.po)

$(VENV)/ready-run: pyproject.toml requirements/build.txt requirements/run.txt $(TRANSLATIONS) | $(BIN)/python
	case $$(uname -m) in \
	x86_64|aarch64|arm64) { $(LOCKED) -r requirements/build.txt; } && { $(LOCKED) -r requirements/run.txt; } && { $(EDITABLE) .; } ;; \
	*) { $(INSTALL) --only-binary utls --editable '.[quic,fingerprint,analysis]'; } 2>/dev/null || { $(INSTALL) --editable '.[quic,analysis]'; } ;; \
	esac
	$(COMPILE)
	@touch $@

$(VENV)/ready-test: pyproject.toml requirements/build.txt requirements/test.txt $(TRANSLATIONS) | $(BIN)/python
	$(LOCKED) -r requirements/build.txt
	$(LOCKED) -r requirements/test.txt
	$(EDITABLE) '.[quic,fingerprint,analysis,share,test]'
	$(COMPILE)
	@touch $@ $(VENV)/ready-run

# Tools for the next three, apart from the program's libraries.
TOOLS := build/tools
TOOL_BIN := $(TOOLS)/bin

$(TOOLS)/ready: requirements/audit.txt
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 found; install one, or say: make PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv $(TOOLS) 2>/dev/null || $(PYTHON) -m venv --without-pip $(TOOLS)
	$(subst $(BIN),$(TOOL_BIN),$(LOCKED)) -r requirements/audit.txt
	@touch $@

# The newest versions that are a week old and that pyproject.toml allows, with digests, for Python 3.11 and newer on Linux.
LOCK = UV_CUSTOM_COMPILE_COMMAND='make lock' $(TOOL_BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade
RUN_EXTRAS = --extra quic --extra fingerprint --extra analysis --extra share

lock: $(TOOLS)/ready
	$(LOCK) pyproject.toml $(RUN_EXTRAS) --extra test --group build --output-file requirements/test.txt
	$(LOCK) --group build --constraints requirements/test.txt --output-file requirements/build.txt
	$(LOCK) pyproject.toml $(RUN_EXTRAS) --constraints requirements/test.txt --output-file requirements/run.txt
	$(LOCK) --group audit --output-file requirements/audit.txt

# Known vulnerabilities of the locked versions (asks a public database), and unsafe calls in our code (bandit, see pyproject.toml).
audit: $(TOOLS)/ready
	$(TOOL_BIN)/bandit --quiet --configfile pyproject.toml --recursive probe docs/mkdocs
	for list in build run test audit; do $(TOOL_BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements/$$list.txt || exit; done

# Wheel, sdist, the wheel of the lab's recordings, and the list of what the image contains (CycloneDX), in dist/. The list needs the version, which hatchling reads from the code.
release: $(VENV)/ready-test $(TOOLS)/ready
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m build --no-isolation --wheel --outdir dist deploy/lab-recordings
	sed "s/^dynamic = .*/version = \"$$($(BIN)/hatchling version)\"/" pyproject.toml > build/pyproject.toml
	$(TOOL_BIN)/cyclonedx-py requirements --pyproject build/pyproject.toml --mc-type application --output-reproducible --validate \
		--spec-version 1.6 --output-format JSON --output-file dist/censorprobe.cdx.json requirements/run.txt

# The same files from a second build in another folder, from the commit alone. Each must be the same byte by byte, so changes must be committed before.
release reproduce: export SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct)

reproduce: release
	rm -rf build/again && git clone --quiet . build/again
	$(BIN)/python -m build --no-isolation --outdir build/again/dist build/again
	$(BIN)/python -m build --no-isolation --wheel --outdir build/again/dist build/again/deploy/lab-recordings
	for file in build/again/dist/*; do cmp "$$file" "dist/$${file##*/}" || exit 1; done
	cd dist && sha256sum -- * > SHA256SUMS

# One file with the program, its libraries and QUIC, for this kind of computer and this version of Python. It needs Python there.
# It unpacks itself into ~/.shiv, or into $SHIV_ROOT, when it is started for the first time.
ZIPAPP := build/zipapp

zipapp: $(VENV)/ready-run $(TOOLS)/ready
	rm -rf $(ZIPAPP) $(ZIPAPP).txt && mkdir -p dist
	$(TOOL_BIN)/uv pip compile --quiet --python $(BIN)/python --generate-hashes --constraints requirements/run.txt --extra quic pyproject.toml --output-file $(ZIPAPP).txt
	$(LOCKED) --target $(ZIPAPP) -r $(ZIPAPP).txt
	$(INSTALL) --no-deps --no-build-isolation --target $(ZIPAPP) .
	$(TOOL_BIN)/shiv --site-packages $(ZIPAPP) --compressed --reproducible --console-script probe --python '/usr/bin/env python3' --output-file dist/probe.pyz
	SHIV_ROOT=$(ZIPAPP).root $(BIN)/python dist/probe.pyz --version
	SHIV_ROOT=$(ZIPAPP).root $(BIN)/python dist/probe.pyz list
