# Everything here works from a fresh checkout: what a target needs is made first, once, from requirements.lock.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.DEFAULT_GOAL := help
.PHONY: derive test stress mutants catalogue lint pdf bench exp-error check-generated verify lock clean help

derive: $(READY) ## derivations and kernels for any number of classes; `make derive N=3` for 3
	@echo "make: deriving, checking and writing generated/"
	@$(BIN)/derive build $(if $(filter command,$(origin N)),--n "$$N")

test: $(READY) ## run every test, a file at a time on each processor
	@echo "make: running the tests"
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

stress: $(READY) ## derive 300 random definitions and compare them with differences
	@echo "make: deriving 300 random definitions"
	@DERIVE_STRESS=300 $(BIN)/python -m pytest --numprocesses auto tests/calculus/test_stress.py $(ARGS)

mutants: $(READY) ## judge more than 2 000 mutants of right formulas, and compare with plain NumPy; some minutes
	@echo "make: judging mutants of right formulas"
	@DERIVE_MUTANTS=100 $(BIN)/python -m pytest tests/checking/test_mutants.py $(ARGS)

catalogue: $(READY) ## try every kernel of the catalogue on hard rows, at the ends of its parameters; an hour on one processor
	@echo "make: trying every kernel of the catalogue"
	@DERIVE_CATALOGUE=1 $(BIN)/python -m pytest --numprocesses auto tests/catalogue $(ARGS)

lint: $(READY) ## ruff, mypy and the import contract
	@echo "make: checking style, types and the order of imports"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy generated
	@$(BIN)/lint-imports

pdf: ## compile every generated document into build/pdf/, with latexmk or pdflatex
	@sh tools/pdf.sh

bench: $(BIN)/bench-ready ## compare with other libraries, 30 minutes; QUICK=1: 2 minutes, DOCS=1: write docs/benchmarks
	@echo "make: measuring"
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(DOCS),--docs) $(ARGS)

exp-error: $(READY) ## largest error of the exponentials and logarithms in C, over every float32: some minutes
	@echo "make: measuring every float32, and 10^8 numbers of float64"
	@$(BIN)/python -m benchmarks.elementary_error

check-generated: $(READY) ## show how generated/ differs from what the tool writes now
	@$(BIN)/derive build --check
	@$(BIN)/derive build --check --n 3

verify: $(READY) ## prove, compile and test everything in generated/ on this machine
	@$(BIN)/derive verify

# The stamp is newer than the lock, so a second run installs nothing and needs no network.
$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: Python 3.11 or later is needed; name one with PYTHON=/path/to/python3" >&2; exit 2; }
	@echo "make: creating $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@echo "make: installing what requirements.lock names, about 20 seconds"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q derive
	@touch $@

# A library that cannot be installed is left out of the comparison by name, and stops nothing; none changes what the lock
# pins. PyTorch's own index has builds without CUDA, a tenth of the size.
$(BIN)/bench-ready: $(READY) pyproject.toml
	@echo "make: installing the libraries to compare with, which takes some minutes"
	@sed -n 's/^\([a-z0-9-]*==[^ ]*\).*/\1/p' requirements.lock >$(VENV)/pinned.txt
	@$(BIN)/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	  print(*project["optional-dependencies"]["bench"], sep="\n")' >$(VENV)/bench.txt
	@while read -r library; do \
	  case "$$library" in torch*) index="--extra-index-url https://download.pytorch.org/whl/cpu --retries 1" ;; *) index= ;; esac; \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --constraint $(VENV)/pinned.txt $$index "$$library" </dev/null || \
	  echo "make: going on without $$library"; done <$(VENV)/bench.txt
	@touch $@

lock: ## write requirements.lock anew from pyproject.toml (needs the network)
	@$(PYTHON) -m venv --clear $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip install --quiet pip-tools
	@$(VENV)-lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --extra test --extra lint --upgrade \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
	  --output-file requirements.lock pyproject.toml
	@rm -rf $(VENV)-lock

clean: ## delete what make and the tools made, generated/ aside
	@rm -rf $(VENV) $(VENV)-lock build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do \
	  printf '  make %-16s %s\n' "$$name" "$$text"; done
