# Two commands on a fresh machine: make demo, make test. Both set up .venv themselves.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check fix setup constraints clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/rightly demo --out demo-report

test: check
	$(BIN)/python -m pytest -n 2

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

fix: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# After adding a dependency: install it, then write all pins anew.
constraints: setup
	$(BIN)/python -m pip freeze --exclude-editable --exclude rightly | sed 's,+cpu,,' > constraints.txt

clean:
	rm -rf .venv demo-report .pytest_cache .ruff_cache .hypothesis .import_linter_cache
