# make report   set up and regenerate the reports      make lab    open JupyterLab on the lessons
# make test     set up and run every test              make check  compare the last reports with the baselines
# make setup    only set up                            make bench  measure speed against the usual tools
# make class    copies for students, and the answer key
# make clean    remove everything that was built       make lock   write requirements.lock again from this environment
#
# Variables: PYTHON (3.11 to 3.13), TORCH_INDEX (an index with CPU-only builds of torch, saves gigabytes),
#            JOBS (notebooks at once), PRESET (smoke, lesson or full), NOTEBOOKS (default: all of them).

PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH_INDEX ?=
JOBS ?= 2
PRESET ?= lesson
NOTEBOOKS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
VAR := $(CURDIR)/$(VENV)/var

# Nothing is written outside the checkout: pip keeps no cache, Jupyter and friends get folders in the environment.
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export JUPYTER_CONFIG_DIR := $(VAR)/jupyter/config
export JUPYTER_DATA_DIR := $(VAR)/jupyter/data
export JUPYTER_RUNTIME_DIR := $(VAR)/jupyter/runtime
export JUPYTERLAB_SETTINGS_DIR := $(VAR)/jupyter/lab/settings
export JUPYTERLAB_WORKSPACES_DIR := $(VAR)/jupyter/lab/workspaces
export IPYTHONDIR := $(VAR)/ipython
export MPLCONFIGDIR := $(VAR)/matplotlib
export SCIKIT_LEARN_DATA := $(VAR)/scikit-learn
export TORCH_HOME := $(VAR)/torch
export XDG_CACHE_HOME := $(VAR)/cache
export DASK_CONFIG := $(VAR)/dask/config
export DASK_TEMPORARY_DIRECTORY := $(VAR)/dask/work
# The many processes of a run compile what they share once, whatever the caller's shell says.
unexport PYTHONDONTWRITEBYTECODE
# pip asks rustc for its version, and rustup then makes a folder.
export RUSTUP_HOME := $(VAR)/rustup

.PHONY: report test setup lab check class bench clean lock
.DEFAULT_GOAL := report

report: $(STAMP)
	$(BIN)/labkit report $(NOTEBOOKS) --preset $(PRESET) --jobs $(JOBS)

test: $(STAMP)
	@$(BIN)/python -m compileall -q labkit  # or else every worker compiles all of it, at the same time
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

setup: $(STAMP)

# The stamp holds the lock it was made from, so a changed lock installs again and an unchanged one costs nothing.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); \
	  sys.exit(0 if ok else f"labkit needs Python 3.11 to 3.13, but {sys.executable} is {sys.version.split()[0]}: make PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) (about two minutes, plus the download of torch)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m ipykernel install --sys-prefix --name python3 --display-name "Python 3 (labkit)" > /dev/null
	cp requirements.lock $(STAMP)

lab: $(STAMP)
	$(BIN)/labkit lab

check: $(STAMP)
	$(BIN)/labkit check

class: $(STAMP)
	$(BIN)/labkit notebooks class

bench: $(STAMP)
	$(BIN)/python benchmarks/training.py --quick
	$(BIN)/python benchmarks/pruning.py --quick
	$(BIN)/python benchmarks/theory.py
	$(BIN)/python benchmarks/fit_speed.py --bootstraps 400
	$(BIN)/python benchmarks/panels.py

clean:
	rm -rf $(VENV) .labkit reports class test-artefacts build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Public versions only: no local labels, no NVIDIA packages (torch brings the ones its build needs), no addresses.
lock: $(STAMP)
	{ echo "# Every package on Python 3.11 for Linux, as tested; written by 'make lock'."; \
	  $(BIN)/python -m pip freeze --exclude-editable | grep -viE '^(nvidia|triton|cuda)' | sed -E 's/\+[A-Za-z0-9.]+$$//' | sort -f; \
	} > requirements.lock.new
	mv requirements.lock.new requirements.lock
