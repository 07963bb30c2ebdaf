# Three commands do everything: `make studio`, `make demo` and `make test`. See README.md for the plain pip lines.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDIO := src/blockweight/studio

.PHONY: studio demo test coverage lint format messages pictures gallery clean
.DELETE_ON_ERROR:

studio: $(VENV)/.installed-studio
	$(BIN)/blockweight studio

demo: $(VENV)/.installed
	$(BIN)/blockweight demo --out blockweight-demo

# Two processes with one thread each: on two cores, torch's own threads would only be in each other's way.
test: $(VENV)/.installed-dev lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Which lines the tests run through.
coverage: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov=blockweight --cov-report=term:skip-covered

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The studio's words, from the templates into its catalogues, and what the rooms below say; translate what is new in the
# .po files and run it again.
messages: $(VENV)/.installed-dev
	cd $(STUDIO) && $(CURDIR)/$(BIN)/pybabel -q extract --project Blockweight -F locale/babel.cfg -k marked --no-location -o $(CURDIR)/build-messages.pot .
	$(BIN)/pybabel -q update -D studio -d $(STUDIO)/locale -i build-messages.pot --no-fuzzy-matching --ignore-obsolete -w 120
	rm build-messages.pot
	$(BIN)/pybabel -q compile -D studio -d $(STUDIO)/locale
	$(BIN)/python tests/studio/sentence_catalogue.py

# The pictures of the studio in the documents.
pictures: $(VENV)/.installed-dev
	PYTHONPATH=tests $(BIN)/python tests/studio/take_pictures.py docs/images

# The gallery of plots in the documents: trains what it needs in blockweight-gallery, once, and draws there.
gallery: $(VENV)/.installed-dev
	$(BIN)/python docs/gallery/make.py

clean:
	rm -rf $(VENV) blockweight-demo blockweight-gallery

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Blockweight needs Python 3.11 or newer; run: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	touch $@

# torch comes by pip alone, so that a machine's own index or wheel is honoured.
$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[local]"
	touch $@

$(VENV)/.installed-studio: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[local,studio]"
	touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ $(VENV)/.installed $(VENV)/.installed-studio
