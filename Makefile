# Commands that take longer than a test may. Everything else: CONTRIBUTING.md.
PYTHON ?= .venv/bin/python
ROUNDS ?= 3
CASES ?= 20000
SEED ?= 1

.PHONY: bench bench-data bench-page floors fuzz-input

# Ours and the peers on the same work: make bench, make bench WORKS="coba brunel" ROUNDS=5, make bench QUICK=1
# Two installations in turn: make bench AGAINST=/elsewhere/.venv/bin/snnrun ROUNDS=5
bench:
	$(PYTHON) tests/bench $(WORKS) --rounds $(ROUNDS) $(if $(QUICK),--quick) $(if $(AGAINST),--against $(AGAINST))

# The tables and generated files that benchmarks read: `make bench` makes them by itself
bench-data:
	$(PYTHON) tests/bench/made.py

# docs/benchmarks.json, docs/benchmarks.md and its pictures, from the results of `make bench`
bench-page:
	$(PYTHON) tests/bench/page.py --take

.PHONY: bench-features
# What events, links and time steps of groups cost, into docs/benchmarks.json and docs/benchmarks.md
bench-features:
	$(PYTHON) tests/bench/features.py

.PHONY: bench-recipe
# The microcircuit by its public recipe, ten minutes, into docs/benchmarks.json and docs/benchmarks.md
bench-recipe:
	$(PYTHON) tests/bench/recipe.py

# Mutants of all files of the project, tables and damaged results: make fuzz-input, make fuzz-input CASES=500 SEED=7
fuzz-input:
	$(PYTHON) tests/fuzz --cases $(CASES) --seed $(SEED)

.PHONY: fuzz
N ?= 1000
# Random networks here and in Brian2, in an environment of its own: make fuzz, make fuzz N=200 SEED=7
fuzz:
	$(PYTHON) tests/differential --n $(N) --seed $(SEED)

.PHONY: brian2-examples
BRIAN2 ?= python3
# Brian2's examples, imported, here and in Brian2, into docs/brian2-examples.md: make brian2-examples BRIAN2=b2/bin/python,
# with SCRIPTS=folder for those of a folder and ONLY="CUBA COBAHH" for some of them
brian2-examples:
	$(PYTHON) tests/brian2_examples --python $(BRIAN2) $(if $(SCRIPTS),--scripts $(SCRIPTS)) $(if $(ONLY),--only $(ONLY))

# The oldest version of every dependency that pyproject.toml allows, in an environment of its own
FLOORS = $(shell $(PYTHON) -c "import tomllib; print(*(d.replace('>=', '==') for d in \
	tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies']))")
floors:
	rm -rf .floors
	$(PYTHON) -c "import sys, venv; venv.create('.floors', with_pip=True)"
	.floors/bin/pip install --quiet --disable-pip-version-check -e . $(FLOORS) pytest pytest-xdist hypothesis scipy
	.floors/bin/python -m pytest -n auto -o filterwarnings=default -p no:cacheprovider tests/unit/plot \
		tests/unit/results/test_results_folder.py tests/unit/results/test_results_difference.py \
		tests/cli/test_run_command.py tests/cli/test_compare_commands.py \
		tests/cli/test_damaged_results.py tests/cli/test_output.py \
		tests/unit/codegen tests/unit/kernels

.PHONY: readers
# The programs that read our files and are too large for the gate, in an environment of their own, and their tests
readers:
	$(PYTHON) -c "import sys, venv; venv.create('.readers', with_pip=True)"
	.readers/bin/pip install --quiet --disable-pip-version-check -e '.[test,neo,nwb]' bmtk netCDF4 nwbinspector pyfive rocrate
	.readers/bin/python -m pytest -p no:cacheprovider -rs -m readers tests/unit

.PHONY: architecture
# docs/images/architecture.svg, from the imports
architecture:
	$(PYTHON) tests/docs/architecture.py

.PHONY: library-page
# The list of models in docs/library.md
library-page:
	$(PYTHON) tests/docs/library_page.py

.PHONY: pictures
# The pictures of README.md, docs/tutorial.md and docs/sweeps.md, from runs of the files that they show
pictures:
	$(PYTHON) tests/docs/page_pictures.py

.PHONY: gallery
# docs/gallery.md and its pictures, from runs of all experiments
gallery:
	$(PYTHON) tests/docs/gallery.py

.PHONY: site
# The pages as a site in build/site, with search
site:
	$(PYTHON) tests/docs/site_pages.py
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --quiet -f .mkdocs.yml

.PHONY: browser
CHROMIUM = chromium-headless-shell
# Reports in headless Chromium, which Debian's apt installs; pictures of the pages go to outputs/browser
browser:
	command -v $(CHROMIUM) || command -v chromium || apt-get install --yes --no-install-recommends $(CHROMIUM)
	$(PYTHON) -c "import sys, venv; venv.create('.browser', with_pip=True)"
	.browser/bin/pip install --quiet --disable-pip-version-check -e . playwright pytest
	.browser/bin/python -m pytest -p no:cacheprovider -m browser tests/cli/test_report_browser.py
