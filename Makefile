# Commands that take longer than a test may. Everything else: CONTRIBUTING.md.
PYTHON ?= .venv/bin/python
ROUNDS ?= 3
CASES ?= 20000
SEED ?= 1

.PHONY: bench bench-page fuzz-input

# Ours and the peers on the same work: make bench, make bench WORKS="coba brunel" ROUNDS=5, make bench QUICK=1
bench:
	$(PYTHON) tests/bench $(WORKS) --rounds $(ROUNDS) $(if $(QUICK),--quick)

# docs/benchmarks.json, docs/benchmarks.md and its pictures, from the results of `make bench`
bench-page:
	$(PYTHON) tests/bench/page.py --take

# Mutants of all files of the project, tables and damaged results: make fuzz-input, make fuzz-input CASES=500 SEED=7
fuzz-input:
	$(PYTHON) tests/fuzz --cases $(CASES) --seed $(SEED)
