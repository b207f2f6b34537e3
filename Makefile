PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ORIGINAL := .venv-openmmlab
# The versions that are tested here; other files, or /dev/null for the newest of everything, are for the matrix of CI.
CONSTRAINTS ?= requirements/constraints-onedl.txt
# Tensors here are small: a second thread spends its time waiting, and on a busy machine much more than that.
export OMP_NUM_THREADS ?= 1

.PHONY: help setup demo test test-slow lint types docs package test-openmmlab clean

help:
	@echo "make demo            install, train Gated CRF from clicks on built-in images, show where the results are"
	@echo "make test            install and run the tests, on two processes"
	@echo "make test-slow       the tests that are left out of it: more seeds, more random inputs"
	@echo "make lint types      ruff and mypy"
	@echo "make docs            build the documentation site into build/site, with strict links"
	@echo "make package         build sdist and wheel, install the wheel into a fresh environment and use it"
	@echo "make test-openmmlab  the tests on the original OpenMMLab line (compiles mmcv: about 15 minutes)"

setup: $(STAMP)

$(STAMP): $(CONSTRAINTS) pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) torch
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[onedl,dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/python tools/train.py configs/gated_crf/unet_shapes_clicks.py --work-dir work_dirs/demo --resume
	@$(BIN)/wsss report work_dirs/demo

test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-slow: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 2 -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/python -m pip install --quiet mkdocs-material 'mkdocstrings[python]'
	$(BIN)/mkdocs build --strict --site-dir build/site

package:
	tools/check_package.sh $(PYTHON)

# mmcv of the original line has no wheel for this torch: it is compiled once.
test-openmmlab:
	$(PYTHON) -m venv $(ORIGINAL)
	$(ORIGINAL)/bin/python -m pip install --quiet --constraint requirements/constraints-openmmlab.txt 'setuptools<80' wheel ninja psutil torch
	MMCV_WITH_OPS=1 $(ORIGINAL)/bin/python -m pip install --constraint requirements/constraints-openmmlab.txt --no-build-isolation mmcv
	$(ORIGINAL)/bin/python -m pip install --quiet --constraint requirements/constraints-openmmlab.txt --no-build-isolation --editable '.[openmmlab,dev]'
	$(ORIGINAL)/bin/python -m pytest

clean:
	rm -rf $(VENV) $(ORIGINAL) build dist *.egg-info
