# make run          both notebooks on the real images: log, results, figures
# make test         every check
# make experiments  the third notebook
# make bench        the timings
PYTHON ?= python3
VENV_BIN := .venv/bin

# Where these folders lie beside the repository, nothing is downloaded.
ifneq ($(wildcard ../shared/cifar-10-batches-py),)
export CIFAR10_ROOT ?= $(abspath ../shared)
endif
ifneq ($(wildcard ../shared/MNIST),)
export MNIST_ROOT ?= $(abspath ../shared)
endif

.PHONY: run test experiments bench check-report dask-test
run: .venv/installed
	$(VENV_BIN)/python notebook_definitions.py backpropagation.ipynb gradient_descent.ipynb

test: .venv/installed
	$(VENV_BIN)/ruff check .
	$(VENV_BIN)/ruff format --check .
	$(VENV_BIN)/python -m pytest

experiments: .venv/installed
	@echo "On two cores, in minutes: replays 5, twins 1, seeds 13, No 11 and the selected model 1, convolutions 16."
	@echo "Of the seeds and convolutions, what was finished before is not computed again."
	$(VENV_BIN)/python notebook_definitions.py experiments.ipynb

check-report: .venv/installed
	$(VENV_BIN)/python -m pytest -k report

dask-test: .venv/installed
	$(VENV_BIN)/python -m pip install -r requirements-dev.txt
	$(VENV_BIN)/python -m pytest -k dask

bench: .venv/installed
	$(VENV_BIN)/python -m pytest -m bench -s

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear .venv
	$(VENV_BIN)/python -m pip install -r requirements.txt
	@touch $@
