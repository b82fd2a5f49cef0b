# make demo: the demo pipeline, its figures and results/report.html.  make test: the tests.
# Both set up .venv first, and can be run again at any time.

PYTHON ?= python3
VENV ?= .venv
CORES ?= 2
# Not $(abspath ...), which takes a space in the path of the checkout for the end of a name.
BIN := $(if $(filter /%,$(VENV)),$(VENV),$(CURDIR)/$(VENV))/bin
READY := $(VENV)/.ready
# Browsers, linters and snakemake are found in the environment whether or not it is activated.
export PATH := $(BIN):$(PATH)
REPORT ?= results/report.html

.PHONY: help setup demo report site test test-fast test-slurm lint format moved schema benchmark clean

help:
	@echo "make demo       the demo: figures and results/report.html"
	@echo "make report     CONFIG=<file>: the report of a finished run, REPORT (results/report.html, or a .zip)"
	@echo "make site       the documentation site: site/index.html"
	@echo "make test       all tests"
	@echo "make test-fast  most tests, in about a minute"
	@echo "make test-slurm tests on a real one-node SLURM, which they start and stop (root on Debian)"
	@echo "make lint       formatting, types, workflow"
	@echo "make moved      after moving code: check that no byte changes, and keep the results (CONTRIBUTING.md)"
	@echo "make benchmark  speed, as ratios against rivals"

setup: $(READY)

# The SLURM plugin states a newer numpy than neurogym allows, and uses it in one report only
# (one constant): installed without its dependencies, which the constraints name instead.
$(READY): pyproject.toml constraints.txt Makefile
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"expected Python 3.11 to 3.13, got {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	@"$(PYTHON)" -c 'import venv, ensurepip' || { echo "expected Python with venv: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV): one to three minutes, once."
	"$(PYTHON)" -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt throttler snakemake-executor-plugin-slurm-jobstep
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps snakemake-executor-plugin-slurm
	@# Every job imports torch anew: without bytecode that takes three times as long.
	"$(BIN)/python" -m compileall -q -j 0 "$(VENV)/lib" src scripts > /dev/null || true
	@# Nor should a job compile what training and DSA need.
	"$(BIN)/python" -c 'from warpline.models import compiled_scan, leaky_gradients; from warpline.similarity.dsa import involutions, trust_region; [module.compile_kernels() for module in (compiled_scan, leaky_gradients, involutions, trust_region)]'
	@touch "$(READY)"

demo: $(READY)
	snakemake --cores $(CORES) --configfile config/demo.yaml
	$(MAKE) report CONFIG=config/demo.yaml
	@echo "Open results/report.html in a browser. Figures are in results/demo/figures, tables in results/demo/tables."

# Written aside, then moved: a full disk leaves the report as it was.
report: $(READY)
	@test -n "$(CONFIG)" || { echo "expected make report CONFIG=<configuration file> [REPORT=<file.html or .zip>]"; exit 2; }
	@folder=$$(dirname "$(REPORT)") && name=$$(basename "$(REPORT)") && mkdir -p "$$folder" && \
	aside=$$(mktemp -d "$$folder/.report.XXXXXX") && trap 'rm -rf "$$aside"' EXIT && \
	snakemake --cores 1 --configfile "$(CONFIG)" --report "$$aside/$$name" && mv "$$aside/$$name" "$(REPORT)"

# Strict: a broken link, or a docstring that does not fit its function, fails.
site: $(READY)
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	@echo "Open site/index.html in a browser."

# In the order of the folders: the long modules of tests/workflow end side by side.
test: $(READY)
	python -m pytest -n $(CORES) --dist loadscope --no-loadscope-reorder

test-fast: $(READY)
	python -m pytest -n $(CORES) --dist loadscope -m "not slow and not workflow and not slurm and not browser"

# Elsewhere than as root on Debian they skip, and say why.
test-slurm: $(READY)
	WARPLINE_TEST_SLURM=1 python -m pytest tests/slurm

lint: $(READY)
	ruff check .
	ruff format --check .
	mypy
	mypy --config-file benchmarks/mypy.ini benchmarks
	lint-imports
	snakefmt --check Snakefile workflow
	snakemake --lint --configfile config/demo.yaml

format: $(READY)
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

# After code was moved and no number changed: the golden run by the code of BASE (which made the results) and by
# this one must have the same bytes; then Snakemake records the results of CONFIG as up to date.
moved: $(READY)
	@test -n "$(BASE)" && test -n "$(CONFIG)" || { echo "expected make moved BASE=<git revision that made the results> CONFIG=<configuration file> [TARGETS=...]"; exit 2; }
	python tests/golden_run.py compare "$(BASE)"
	snakemake $(TARGETS) --touch --cores 1 --configfile "$(CONFIG)"

schema: $(READY)
	python scripts/write_schema.py
	python scripts/write_rulegraph.py

benchmark: $(READY)
	python benchmarks/write_page.py $(if $(NETREP),--netrep $(NETREP))

clean:
	rm -rf "$(VENV)" .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis site
