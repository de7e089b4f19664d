# make help         these lines
# make run          both notebooks on the real images: log, results, figures, report
# make test         every check
# make setup        the environment .venv alone, which every target makes or completes
# make experiments  the eight notebooks of experiments/, the quick ones first
# make experiments/luck    one of them
# make report       report.md, report.pdf and README.md from the results
# make exercise     the two notebooks without their solutions, to be done: exercise/
# make check-report report and README against the results
# make bench        the timings, as one table
# make browser-test the notebooks in JupyterLab, in a headless Chromium
# make dask-test    the experiments' tasks on a local Dask cluster
# make fault-test   the slow tests of what must not be lost: signals, a full disk, settings
PYTHON ?= python3
# Settings for other programs: one removes each `assert`, one keeps Python from finding `support`.
unexport PYTHONOPTIMIZE PYTHONSAFEPATH
ifeq ($(OS),Windows_NT)
VENV_BIN := .venv/Scripts
else
VENV_BIN := .venv/bin
endif
# The quick ones first, then whatever else lies in the folder.
QUICK_FIRST := $(addprefix experiments/,gradient_checks mistakes stability decay replays edge luck convolutions)
EXPERIMENTS := $(QUICK_FIRST) $(filter-out $(QUICK_FIRST) %.executed,$(basename $(wildcard experiments/*.ipynb)))

# What FILE pins gets into .venv, if it is not there. Nothing is removed. Nothing is installed
# through a link: the environment behind it is somebody's. The copy of FILE spares the next look.
define provide
@set -e; \
if test -x $(VENV_BIN)/python; then $(VENV_BIN)/python -c "import support"; fi; \
if test -x $(VENV_BIN)/python && cmp -s $(1) .venv/$(1); then exit; fi; \
if ! { test -x $(VENV_BIN)/python && $(VENV_BIN)/python -m support.pins $(1); }; then \
  if test -L .venv; then \
    echo ".venv is a link to an environment without what $(1) pins, and is left as it is." >&2; \
    echo "Install it there: $(VENV_BIN)/python -m pip install -r $(1)" >&2; \
    echo "Or remove the link, so that make makes an environment here: rm .venv" >&2; \
    exit 1; \
  fi; \
  if ! $(VENV_BIN)/python -m pip --version >/dev/null 2>&1; then \
    "$(PYTHON)" -c "import sys; sys.version_info >= (3, 11) or sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0] + ': make PYTHON=python3.12 ...')"; \
    "$(PYTHON)" -m venv .venv; \
  fi; \
  $(VENV_BIN)/python -m pip install -r $(1); \
fi; \
test -L .venv || cp $(1) .venv 2>/dev/null || true
endef

.PHONY: run test experiments $(EXPERIMENTS) report exercise check-report bench browser-test dask-test setup fault-test help
run: setup
	$(VENV_BIN)/python -m support.notebooks backpropagation.ipynb gradient_descent.ipynb

# Two processes, which take test after test in their order: central ones first, whole notebooks
# last. A torch thread that waits must not keep the other process from working.
test: export OMP_WAIT_POLICY = PASSIVE
test: setup
	$(VENV_BIN)/python -m ruff check .
	$(VENV_BIN)/python -m ruff format --check .
	$(VENV_BIN)/python -m pytest -n 2 --maxschedchunk 1

experiments: setup
	@echo "On two cores, in minutes: gradient_checks 2, mistakes 3, stability 4, decay 22, replays 22, edge 28, luck 35, convolutions 30."
	@echo "What a task finished before is not computed again."
	$(VENV_BIN)/python -m support.notebooks $(EXPERIMENTS:%=%.ipynb)

$(EXPERIMENTS): %: setup
	$(VENV_BIN)/python -m support.notebooks $@.ipynb

report: setup
	$(VENV_BIN)/python -m support.report

exercise: setup
	$(VENV_BIN)/python -m support.exercise

check-report: setup
	$(VENV_BIN)/python -m pytest tests/tests_report.py

bench: setup
	$(VENV_BIN)/python -m pytest -m bench -s

browser-test: setup
	$(call provide,requirements-dev.txt)
	$(VENV_BIN)/python -m pytest -m browser -rs

dask-test: setup
	$(call provide,requirements-dev.txt)
	$(VENV_BIN)/python -m pytest -k dask

fault-test: export OMP_WAIT_POLICY = PASSIVE
fault-test: setup
	$(VENV_BIN)/python -m pytest -n 2 --maxschedchunk 1 -m fault -rs

help:
	@sed -n 's/^# make/make/p' Makefile

setup:
	$(call provide,requirements.txt)
