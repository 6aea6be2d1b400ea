# Thin: each target calls one command. `make report` and `make test` set everything up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA ?= data

.PHONY: setup report test lint lab figures models bench clean

report: $(READY)  ## run every chapter, two side by side, and build the report site in reports/
	$(BIN)/imagecourse report --jobs 2

test: $(READY)  ## run the tests, two files side by side
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)  ## check the style of code and notebooks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m pytest -q tests/unit/test_notebook_style.py

lab: $(READY)  ## open the notebooks in JupyterLab, with the kernel of this environment
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[lab]'
	$(BIN)/jupyter lab notebooks

figures: $(READY)  ## run every chapter and renew figures/, which the READMEs and model pages show
	$(BIN)/imagecourse report --jobs 2 --figures

setup: $(READY)

# Installed once, and again when the requirements change.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "Python %d.%d found; 3.11 to 3.13 wanted: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

models: $(READY)  ## train the shipped models again: make models DATA=folder-with-the-data-sets
	$(BIN)/imagecourse train photo --data $(DATA)/photos --photographs $(DATA)/dogs --photographs $(DATA)/flickr8k \
		--photographs $(DATA)/faces --leave-out horse --leave-out guitar --output models/photo-filter
	$(BIN)/imagecourse train characters --data $(DATA)/characters/pokemon --seeds 5 \
		--output models/characters-pokemon
	$(BIN)/imagecourse train characters --data $(DATA)/characters/pokemon --network character_cnn --epochs 12 --seeds 5 \
		--output models/characters-pokemon-cnn
	$(BIN)/imagecourse train characters --data $(DATA)/characters/dragonball --mode multi --seeds 5 \
		--output models/characters-dragonball
	$(BIN)/imagecourse train characters --data $(DATA)/characters/fairytail --seeds 5 \
		--output models/characters-fairytail
	$(BIN)/imagecourse train breeds --data $(DATA)/dogs --min-images 50 --output models/dogs-10 \
		--compare backbones --compare regimes --compare preparations --compare learning-curve --compare from-scratch \
		--compare kinds-of-data --other-data $(DATA)/faces --other-data $(DATA)/photos \
		--other-data $(DATA)/characters/pokemon
	$(BIN)/imagecourse train breeds --data $(DATA)/dogs --max-images 22 --output models/dogs-120
	$(BIN)/imagecourse train faces --data $(DATA)/faces --output models/faces

bench: $(READY)  ## compare speed and memory with named peers
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) reports
