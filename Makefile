# Everything a developer runs, and what CI runs. `make help` lists the targets.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
STAMP  := $(VENV)/.installed

# The kernels and PyTorch are measured and compared on one thread; the tests use processes.
export OMP_NUM_THREADS ?= 1

# More arguments for one run: make test ARGS="-k conv2d", make bench ARGS="--json -".
ARGS ?=

SCRIPTS   := $(wildcard docs/scripts/*.py examples/*.py $(addsuffix /*.py,benchmarks benchmarks/ablation benchmarks/performance))
C_SOURCES := $(shell find runtime_c -name '*.[ch]')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup firmware-tools optional-firmware-tools demo test check one test-environments lint format snapshots release bench docs results paper-tables ablation sparsity study traffic mcu coverage fuzz fuzz-readers kills mutants dependencies constraints site clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## create .venv and install snnc in it, with the tools to develop it

# setuptools first: the build then uses the pinned one instead of fetching its own.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make setup: $(PYTHON) is older than 3.11; name a newer one: make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --progress-bar off -c constraints.txt setuptools
	$(PIP) install --progress-bar off -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

FIRMWARE_PACKAGES := gcc-arm-none-eabi qemu-system-arm gcc-riscv64-unknown-elf qemu-system-misc cppcheck \
  gcc-avr avr-libc simavr

firmware-tools:  ## install compilers, emulators and checkers for the microcontroller targets (Debian)
	@dpkg-query -W $(FIRMWARE_PACKAGES) >/dev/null 2>&1 || { apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
	  $(FIRMWARE_PACKAGES); }

demo: setup  ## compile a bundled model, prove it on recordings and show the result
	@$(BIN)/python examples/demo.py $(ARGS)

PYTEST := -m pytest -n auto --maxprocesses 4 --dist worksteal

test: setup optional-firmware-tools test-environments  ## run all tests
	@$(BIN)/python $(PYTEST) $(ARGS)

# What shows most mistakes soonest: style, types, layers, and the tests of graph, passes and program.
FAST := tests/compiler/dump tests/compiler/passes tests/compiler/program tests/compiler/codegen/test_layout.py \
        tests/compiler/plan/test_schedule.py tests/snnc/test_errors.py tests/estimator/test_estimator_counts.py

check: lint  ## lint and the fast tests (about two minutes)
	@$(BIN)/python $(PYTEST) -q $(FAST)

T ?=
one: setup  ## run one test, and set up nothing else: make one T=tests/compiler/ops/test_ops.py::test_...
	@test -n "$(T)" || { echo "make one: name the test, as in make one T=tests/compiler/passes" >&2; exit 2; }
	@$(BIN)/python -m pytest $(T) $(ARGS)

# Where they cannot be installed the board tests skip, and say how to get them.
optional-firmware-tools:
	@dpkg-query -W $(FIRMWARE_PACKAGES) >/dev/null 2>&1 || \
	  { [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && \
	    $(MAKE) --no-print-directory firmware-tools; } || \
	  echo "make test: no firmware tools (make firmware-tools): the board tests skip" >&2

# Packages that would disturb the others, or each other, get an environment of their own. It sees
# the packages of .venv, so that torch is there once, and runs the tests that its first lines name.
ENVIRONMENTS := $(notdir $(basename $(wildcard tests/environments/*.txt)))

test-environments: $(ENVIRONMENTS:%=test-in-%)  ## run the tests that need packages of other projects

# Kept, though only a pattern asks for it.
.PRECIOUS: build/environments/%/.installed
build/environments/%/.installed: tests/environments/%.txt $(STAMP)
	$(PYTHON) -m venv --clear $(@D)
	@purelib='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  echo "import site; site.addsitedir('$$($(BIN)/python -c "$$purelib")')" \
	  > "$$($(@D)/bin/python -c "$$purelib")/main.pth"
	$(@D)/bin/python -m pip --disable-pip-version-check install -q --no-deps -r $<
	@touch $@

test-in-%: build/environments/%/.installed
	@$(<D)/bin/python $(PYTEST) -q $$(sed -n 's/^# tests: //p' tests/environments/$*.txt)

lint: setup  ## check style, types, layers and the format of the C
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(if $(SCRIPTS),$(BIN)/mypy $(SCRIPTS))
	$(BIN)/mypy --explicit-package-bases benchmarks/study
	$(BIN)/lint-imports
	$(if $(C_SOURCES),$(BIN)/clang-format --dry-run -Werror $(C_SOURCES))

format: setup  ## rewrite Python and C in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(C_SOURCES),$(BIN)/clang-format -i $(C_SOURCES))

bench: setup  ## measure the generated C against its dense peers
	@$(BIN)/python benchmarks/performance/run.py $(ARGS)

site: build/environments/site/.installed  ## build the site in build/site; its tutorials are run
	@$(<D)/bin/python -m sphinx -W --keep-going -q -c docs/site docs build/site
	@echo "build/site/index.html"

docs: setup  ## write the generated pages of docs/
	$(BIN)/python docs/scripts/generate_errors.py
	$(BIN)/python docs/scripts/generate_ops.py
	$(BIN)/python docs/scripts/generate_zoo.py

dependencies: setup  ## write docs/reference/dependencies.md: what is installed, why, and under which licence
	$(BIN)/python docs/scripts/generate_dependencies.py

results: setup  ## measure the bundled models and write docs/results.md
	$(BIN)/python docs/scripts/generate_results.py

paper-tables: setup  ## compute the paper's Table 3 from our models, into docs/results.md
	$(BIN)/python docs/scripts/generate_paper_tables.py

ablation: setup  ## train and measure the ablation (two hours, resumable), write docs/measured/ablation.md
	@$(BIN)/python benchmarks/ablation/ablation.py $(ARGS)
	$(BIN)/python benchmarks/ablation/ablation_page.py

sparsity: setup  ## the curve of accuracy, firing and energy of the ablation's models
	@$(BIN)/python benchmarks/ablation/sparsity.py $(ARGS)
	$(BIN)/python benchmarks/ablation/sparsity_page.py

traffic: setup firmware-tools  ## count the bytes that firmware moves beside the memory model's, into docs/results.md
	$(BIN)/python docs/scripts/generate_traffic.py

study: setup  ## does attention pay for itself? (docs/study/plan.md; four hours of two cores, resumable)
	@$(BIN)/python -m benchmarks.study run $(ARGS)
	@$(BIN)/python -m benchmarks.study rows
	@$(BIN)/python -m benchmarks.study page

mcu: setup firmware-tools  ## verify the bundled models on all emulated boards, write docs/mcu.md
	$(BIN)/python docs/scripts/generate_mcu.py

# Which environment has which framework, as FRAMEWORK.ENVIRONMENT.
COVERED := spikingjelly.frontends spikingjelly.spikingjelly-14 snntorch.frontends norse.norse-sinabs sinabs.norse-sinabs

coverage: $(COVERED:%=cover-%)  ## measure what compiles of other frameworks (an hour), write docs/measured/coverage.md
	$(BIN)/python docs/scripts/generate_coverage.py

cover-%:
	@$(MAKE) --no-print-directory build/environments/$(lastword $(subst ., ,$*))/.installed
	build/environments/$(lastword $(subst ., ,$*))/bin/python -m benchmarks.coverage \
	  $(firstword $(subst ., ,$*)) -o benchmarks/coverage/results/$*.json

fuzz: setup  ## fuzz generated models' C for ten minutes (needs clang)
	$(BIN)/python -m tests.fuzzing $(ARGS)

kills: setup  ## kill commands at 200 random moments and look at what is left
	$(BIN)/python -m tests.kills $(ARGS)

fuzz-readers: setup  ## damage 10,000 recordings and 2,000 model files and read them
	$(BIN)/python -m tests.file_fuzzing $(ARGS)

mutants: setup firmware-tools  ## plant faults in compiled C and in Python: does anything miss them?
	@$(BIN)/python -m tests.mutation run $(ARGS)
	@$(BIN)/python -m tests.mutation python

snapshots: setup  ## write the snapshots of IR and C that tests compare, after looking at the diff
	SNNC_WRITE_SNAPSHOTS=1 $(BIN)/python -m pytest -q tests/compiler/test_snapshots.py

# The version is the one in snnc/version.py; the wheel is installed and asked for it.
release: lint  ## build sdist and wheel in dist/ and check both
	rm -rf dist build/lib build/release
	$(PIP) install -q build twine
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(PYTHON) -m venv build/release
	build/release/bin/python -m pip install -q -c constraints.txt dist/*.whl
	cd build && release/bin/python -c "import snnc; print('snnc', snnc.__version__)" && release/bin/snnc --version

# torch stays as it is pinned: a newer one is a decision, not a side effect. Its local label (+cpu)
# goes, so that the pin admits whichever build of that version an index offers.
constraints:  ## pin the newest versions that pyproject.toml admits
	rm -rf build
	$(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --progress-bar off "$$(grep '^torch==' constraints.txt)"
	build/pins/bin/python -m pip install --progress-bar off '.[dev]'
	{ sed -n '/^#/p' constraints.txt; \
	  build/pins/bin/python -m pip freeze --all --exclude pip --exclude snnc \
	  | sed 's/^\(torch==[^+]*\)+.*/\1/'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build

clean:  ## remove everything that a target here has made
	rm -rf $(VENV) build dist out demo runs *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
