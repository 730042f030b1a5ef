# `make demo` and `make test` in a fresh clone: makes .venv, installs into it, runs. Quick when nothing changed.

PYTHON ?= python3
JOBS ?= 2
VENV := .venv
CHECKED := .venv-checked
FUZZED := .venv-fuzz
SECONDS ?= 60
READERS ?= program record network checkpoint chip nir json arrays

PACKAGING := pyproject.toml setup.py MANIFEST.in
BLOCKS := $(wildcard ext/*.pyx emulator/_ext/*.pxd emulator/_ext/*.h)
SOURCES := $(shell find emulator hw_configs -name '*.py' -o -name '*.yaml' -o -path '*/page/*') $(wildcard emulator/bench/data/*)

PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
PRINT_BUILD_REQUIRES = import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

# The sanitizers' runtime has to be there before Python. libstdc++ with it: the runtime wraps C++ exceptions
# of the libraries we use, and finds them only in what is loaded when it starts. Python never frees all it
# holds, so leaks are not looked for. What the sanitizers find they print on descriptor 2 and end the process:
# --capture=sys leaves that descriptor open.
PRELOAD = $(shell gcc -print-file-name=libasan.so) $(shell gcc -print-file-name=libstdc++.so)
SANITIZED = LD_PRELOAD="$(PRELOAD)" PYTHONMALLOC=malloc \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1

.PHONY: help demo test test-long test-checked fuzz mutants bench lint schema clean distclean
.DELETE_ON_ERROR:

help:
	@echo 'make demo          run a trained network on real input, print what it costs, write a report (demo-out/)'
	@echo 'make test          the tests'
	@echo 'make test-long     the property tests with many more examples'
	@echo 'make test-checked  engine tests with every index and overflow checked, under the sanitizers'
	@echo 'make fuzz          readers of files, each for SECONDS (60) guided by coverage; finds stay in build/fuzz'
	@echo 'make mutants       bugs put into a copy of the tree, and which test finds each'
	@echo 'make bench         the benchmarks: benchmarks/RESULTS.md anew, and which targets hold'
	@echo 'make lint          ruff and mypy'
	@echo 'make schema        JSON Schema of chip files, for editors (build/chip.schema.json)'
	@echo 'make clean         remove builds and caches; distclean: the environments too'

demo: $(VENV)/.built
	$(VENV)/bin/spikemesh bench digits --out demo-out

test: $(VENV)/.built
	$(VENV)/bin/pytest -n $(JOBS)

test-long: $(VENV)/.built
	HYPOTHESIS_PROFILE=nightly $(VENV)/bin/pytest -n $(JOBS)

test-checked: $(CHECKED)/.installed
	HYPOTHESIS_PROFILE=$(or $(HYPOTHESIS_PROFILE),quick) $(SANITIZED) $(CHECKED)/bin/pytest -n $(JOBS) --capture=sys \
		-W error::pytest.PytestUnraisableExceptionWarning tests/twin tests/golden \
		tests/unit/test_parting.py tests/unit/test_compile_place.py

fuzz: $(FUZZED)/.installed
	for reader in $(READERS); do \
		PYTHONPATH=. $(FUZZED)/bin/python tests/fuzz/fuzz_readers.py $$reader $(SECONDS) || exit 1; done

mutants: $(VENV)/.built
	$(VENV)/bin/python tests/mutants/mutants.py

bench: $(VENV)/.built
	$(VENV)/bin/python benchmarks/run_all.py --record

lint: $(VENV)/.built
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

schema: $(VENV)/.built
	@mkdir -p build
	$(VENV)/bin/spikemesh chips --schema > build/chip.schema.json

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed: make PYTHON=python3.12 ...' >&2; exit 1; }
	@echo 'making $(VENV)'
	$(PYTHON) -m venv $(VENV)

# Installing builds the blocks too, with the Cython that later builds use. An editable installation sees
# changed Python at once, so after that only changed blocks are built.
$(VENV)/.built: $(PACKAGING) $(BLOCKS) | $(VENV)/bin/python
	$(if $(filter $(PACKAGING),$?),$(INSTALL),$(BUILD_BLOCKS))
	@touch $@

define INSTALL
@echo 'installing spikemesh and what it needs into $(VENV); the first time takes some minutes'
$(VENV)/bin/python -c '$(PRINT_BUILD_REQUIRES)' > $(VENV)/build-requires.txt
$(PIP) -r $(VENV)/build-requires.txt
$(PIP) --no-build-isolation -e '.[nir,test,dev]'
endef

define BUILD_BLOCKS
@echo 'building the compiled blocks'
$(VENV)/bin/python setup.py --quiet build_ext --inplace
endef

# A failed check in a function that cannot raise is printed by Python as "unraisable": the tests take it as an
# error (-W above). Not editable: the checked blocks must not land among those of the release build.
$(CHECKED)/.installed: $(PACKAGING) $(BLOCKS) $(SOURCES)
	@test -x $(CHECKED)/bin/python || { echo 'making $(CHECKED)'; $(PYTHON) -m venv $(CHECKED); }
	@echo 'installing the checked build into $(CHECKED)'
	SPIKEMESH_CHECKED=1 $(CHECKED)/bin/python -m pip install --quiet --disable-pip-version-check \
		--upgrade '.[nir,test]' pytest-xdist
	@touch $@

$(FUZZED)/.installed: $(PACKAGING) $(VENV)/.built
	@test -x $(FUZZED)/bin/python || $(PYTHON) -m venv $(FUZZED)
	$(FUZZED)/bin/python -m pip install --quiet --disable-pip-version-check atheris -e '.[nir,test]'
	@touch $@

clean:
	rm -rf build dist spikemesh.egg-info demo-out .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	rm -f emulator/_ext/*.so ext/*.c $(VENV)/.built $(CHECKED)/.installed
	find emulator tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) $(CHECKED) $(FUZZED) benchmarks/.peers
