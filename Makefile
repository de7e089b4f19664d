# make run          both notebooks on the real images: log, results, figures, report
# make test         every check
# make experiments  the six notebooks of experiments/, the quick ones first
# make experiments/luck    one of them
# make report       report.md, report.pdf and README.md from the results
# make check-report report and README against the results
# make bench        the timings, as one table
# make browser-test the notebooks in JupyterLab, in a headless Chromium
# make dask-test    the experiments' tasks on a local Dask cluster
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
VENV_BIN := .venv/Scripts
else
VENV_BIN := .venv/bin
endif
# The quick ones first, then whatever else lies in the folder.
QUICK_FIRST := $(addprefix experiments/,gradient_checks stability mistakes replays luck convolutions)
EXPERIMENTS := $(QUICK_FIRST) $(filter-out $(QUICK_FIRST),$(basename $(wildcard experiments/*.ipynb)))

.PHONY: run test experiments $(EXPERIMENTS) report check-report bench browser-test dask-test
run: .venv/installed
	$(VENV_BIN)/python -m support.notebooks backpropagation.ipynb gradient_descent.ipynb

# Two processes, which take test after test in their order: central ones first, whole notebooks
# last. A torch thread that waits must not keep the other process from working.
test: export OMP_WAIT_POLICY = PASSIVE
test: .venv/installed
	$(VENV_BIN)/python -m ruff check .
	$(VENV_BIN)/python -m ruff format --check .
	$(VENV_BIN)/python -m pytest -n 2 --maxschedchunk 1

experiments: .venv/installed
	@echo "On two cores, in minutes: gradient_checks 1, stability 3, mistakes 1, replays 10, luck 10, convolutions 18."
	@echo "Of luck and convolutions, what was finished before is not computed again."
	$(VENV_BIN)/python -m support.notebooks $(EXPERIMENTS:%=%.ipynb)

$(EXPERIMENTS): %: .venv/installed
	$(VENV_BIN)/python -m support.notebooks $@.ipynb

report: .venv/installed
	$(VENV_BIN)/python -m support.report

check-report: .venv/installed
	$(VENV_BIN)/python -m pytest tests/tests_report.py

bench: .venv/installed
	$(VENV_BIN)/python -m pytest -m bench -s

browser-test: .venv/installed
	$(VENV_BIN)/python -m pip install -r requirements-dev.txt
	$(VENV_BIN)/python -m pytest -m browser -rs

dask-test: .venv/installed
	$(VENV_BIN)/python -m pip install -r requirements-dev.txt
	$(VENV_BIN)/python -m pytest -k dask

.venv/installed: requirements.txt
	@$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0] + ': make PYTHON=python3.12 ...')"
	$(PYTHON) -m venv --clear .venv
	$(VENV_BIN)/python -m pip install -r requirements.txt
	@touch $@
