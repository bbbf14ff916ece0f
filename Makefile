# Everything runs in .venv, which is made on first use. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
STORE ?= store
IMAGE ?= gaintrace:0.1.0
QUICK := $(addprefix tests/,test_architecture.py test_numbers.py config model analysis \
  data/test_batches.py data/test_readers.py data/test_packing.py data/test_simulators.py data/test_split.py data/test_synthetic.py \
  training/test_evaluation.py training/test_memory.py runs/test_interpretability.py sweeps/test_plan.py \
  report/test_verdict.py)

WORKERS := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help sweep quick test thorough check docs site lock sbom chart clean bench image image-test cluster-test argo-schema

help: ## Show this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

sweep: .venv/installed ## A first sweep on simulated students, end to end
	$(BIN)/gaintrace sweep demo --out $(STORE)

quick: .venv/installed ## Run the tests of a minute: no servers, hardly a process, nothing that trains for long
	OMP_NUM_THREADS=1 $(BIN)/pytest --hypothesis-profile=quick -m "not slow and not thorough and not realdata" $(QUICK)

test: .venv/installed ## Run the test suite
	OMP_NUM_THREADS=1 $(BIN)/pytest $(WORKERS) -m "not thorough"

thorough: .venv/installed ## Run what it leaves out: more kills, seeds, locales, combinations and examples (minutes)
	OMP_NUM_THREADS=1 $(BIN)/pytest $(WORKERS) --hypothesis-profile=thorough -m "thorough or hypothesis"

check: .venv/installed ## Lint, format check, types, and generated docs being current
	$(BIN)/ruff check app tests benchmarks release
	$(BIN)/ruff format --check app tests benchmarks release
	$(BIN)/mypy
	$(BIN)/python -m gaintrace.docs --check

image: ## Build the container image (IMAGE=name:tag; BUILD_ARGS=… for CPU wheels)
	docker build -t $(IMAGE) --build-arg REVISION=$$(git rev-parse HEAD) --label org.opencontainers.image.created=$$(git log -1 --format=%cI) $(BUILD_ARGS) .

image-test: .venv/installed ## Build the image with buildah and run it locked down (minutes)
	GAINTRACE_IMAGE_TEST=1 $(BIN)/pytest tests/test_image.py

argo-schema: ## Fetch Argo's JSON schema, by which tests validate the workflows, into build/
	@mkdir -p build
	curl -fsSL --retry 2 --connect-timeout 10 --max-time 60 -o build/argo-schema.json \
	  https://raw.githubusercontent.com/argoproj/argo-workflows/v4.1.2/api/jsonschema/schema.json

cluster-test: .venv/installed ## Install the chart on a real cluster and run sweeps (GAINTRACE_IMAGE, GAINTRACE_NAMESPACE)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -m cluster tests/cluster/test_real_cluster.py

lock: .tools/installed ## Write requirements.lock and requirements-cuda.lock anew, with the hashes of every file
	.tools/bin/python release/lock.py .tools/bin/uv

sbom: .venv/installed .tools/installed ## Write dist/sbom.json, what .venv has installed, as CycloneDX
	@mkdir -p dist
	.tools/bin/python release/sbom.py $(BIN)/python dist/sbom.json

chart: ## Package the chart as dist/gaintrace-VERSION.tgz, which helm push takes
	helm package charts/gaintrace --destination dist

docs: .venv/installed ## Write the reference tables of the docs from the code, and README's picture with Chromium
	$(BIN)/python -m gaintrace.docs
	-$(BIN)/python docs/picture.py

site: .venv/installed ## Write the documentation as a static site to build/site
	$(BIN)/mkdocs build --quiet

clean: ## Remove .venv and caches; results stay
	rm -rf .venv .tools dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "gaintrace needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

.tools/installed: release/tools.lock
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r release/tools.lock
	@touch $@

bench: .venv/installed ## Measure speed beside peers (DATA=a prepared data set), write benchmarks/SPEED.md
	@# pyKT asks for wandb, which its models do not need. Without a network the benchmark says so and goes on.
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt scikit-learn || true
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps pykt-toolkit==0.0.38 || true
	$(BIN)/python benchmarks/bench.py $(if $(DATA),--data $(DATA))
