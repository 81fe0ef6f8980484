# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint setup bench clean

demo: $(READY)
	@$(BIN)/wattboard sample -o demo/sample.csv --quiet
	@$(BIN)/wattboard build demo/sample.csv --location ECU --tariff 0.10 --currency USD -o demo/site
	@echo "The demo's readings are simulated. Open demo/site/index.html"

test: $(READY)
	$(BIN)/python -m pytest -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wattboard needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(READY)

bench: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/build.py

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
