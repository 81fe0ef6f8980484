# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Each command of the tests is a process of its own: without bytecode it would compile up to 1,700 modules.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint setup bench clean workflows package oldest audit

demo: $(READY)
	@$(BIN)/wattboard sample -o demo/sample.csv --quiet
	@$(BIN)/wattboard build demo/sample.csv --location ECU --tariff 0.10 --currency USD -o demo/site
	@echo "The demo's readings are simulated. Open demo/site/index.html"

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# zizmor and the schema of GitHub's workflows, over ours and the one that wattboard init writes.
workflows: $(READY)
	$(BIN)/python -m pytest tests/test_workflows.py

# The wheel and the sdist, in dist/, tested as built.
package: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,release]'
	$(BIN)/python -m pytest release

# Tests of every room, of the package as built, on the oldest versions that pyproject.toml allows.
OLDEST := $(VENV)/oldest
OLDEST_TESTS := $(patsubst %,tests/test_%.py,ai_models codecarbon counter energy engine footprint gpus hardware \
	locations power_model settings sources steps world)
oldest: $(OLDEST)/.ready
	@# PySpark is the one of .venv, lent: what reads files with it uses nothing that is older here. Windows, energy and
	@# the counter run on it, for what narwhals and pyarrow make of them.
	@# What they need in turn is new, and deprecates what they still use. Plugins are named, since pytest looks for
	@# them in the new versions that lie behind the old ones, too.
	$(OLDEST)/bin/python -m pytest --disable-plugin-autoload -p xdist -p timeout -p hypothesispytest \
	  -n 2 --dist worksteal -W ignore::DeprecationWarning \
	  -k "not spark or energy or steps or counter" $(OLDEST_TESTS)

# An environment that has the package and those versions, and the tools of ours.
$(OLDEST)/.ready: $(READY) $(shell find src -type f -not -name '*.pyc')
	$(BIN)/python release/lowest.py > $(OLDEST).txt
	$(BIN)/python -m venv --clear $(OLDEST)
	rm -rf $(OLDEST)-wheel && $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w $(OLDEST)-wheel .
	$(OLDEST)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -c $(OLDEST).txt $(OLDEST)-wheel/*.whl
	$(BIN)/python release/lend.py $(OLDEST)
	$(OLDEST)/bin/python release/lowest.py --check
	@touch $@

# Known vulnerabilities of the dependencies, as somebody gets them who installs wattboard today.
audit: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,release]'
	$(BIN)/uv pip compile --quiet --generate-hashes --python $(BIN)/python pyproject.toml -o $(VENV)/audit.txt
	$(BIN)/pip-audit --strict --disable-pip --progress-spinner off -r $(VENV)/audit.txt

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wattboard needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -e '.[dev]'
	@touch $(READY)

bench: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/build.py

# The table of the README; plotly-resampler needs an older Plotly, and has an environment of its own.
compare: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	test -d $(VENV)/resampler || $(PYTHON) -m venv $(VENV)/resampler
	$(VENV)/resampler/bin/python -m pip install --quiet --disable-pip-version-check plotly-resampler pandas
	$(BIN)/python benchmarks/compared.py --resampler $(VENV)/resampler/bin/python
.PHONY: compare

clean:
	rm -rf $(VENV) demo

schema: $(READY)
	$(BIN)/python -c "import json; from wattboard.summary import Summary; \
	print(json.dumps(Summary.model_json_schema(), indent=1, ensure_ascii=False))" > docs/summary.schema.json
	$(BIN)/python -c "import json; from wattboard.model import PowerModel; \
	print(json.dumps(PowerModel.model_json_schema(), indent=1, ensure_ascii=False))" > docs/model.schema.json
.PHONY: schema

docs: $(READY)
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"
.PHONY: docs

picture: demo
	$(BIN)/python scripts/picture.py demo/site docs/_static/overview.png
.PHONY: picture
