# synthnotes: `make repro` rebuilds the paper, `make test` checks the code. Every target is a line or two.
KIND ?= cpu
SCALE ?= demo
SEED ?= 1337
GPU ?= h100
JOBS ?=
VENV ?= $(CURDIR)/.venv
export PATH := $(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' $(MAKEFILE_LIST))

help:           ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 20

setup: $(VENV)/.ready ## the environment in .venv (KIND=gpu for CUDA)
$(VENV)/.ready: requirements/install requirements/common.txt requirements/$(KIND).txt pyproject.toml
	requirements/install $(VENV) $(KIND)
	touch $@

data: setup     ## the demo's data, unless data/ holds something already
	python -m synthnotes.demo --data data --scale $(SCALE) --seed $(SEED) --unless-own-data

repro: data     ## everything: environment, demo data, the pipeline, the report (JOBS: stages at once)
	python -m synthnotes.corpus.inventory
	python -m synthnotes.lanes --logs build/logs $(JOBS:%=--jobs=%)
	dvc repro
	@printf '\nThe report:\n  %s\n  %s\n' $(CURDIR)/build/report/report.html $(CURDIR)/build/report/report.pdf

report: setup   ## the report from the results in git, without data
	dvc repro --single-item --force report

check: setup    ## what data/ holds, what it lacks, whether params.yaml is valid
	python -m synthnotes.corpus.inventory

paper: setup    ## params.yaml at the paper's scale
	python -m synthnotes.configure params.yaml configs/paper.yaml

plan: setup     ## tokens, GPU memory, GPU hours and disk of fine-tuning and sampling, before they are spent (GPU=h100)
	dvc repro --quiet records
	python -m synthnotes.generation.plan --models data/models --records build/records --params-file params.yaml --gpu $(GPU)

test: setup     ## unit, contract and pipeline tests (minutes)
	ruff check . && ruff format --check .
	pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-slow: setup ## what takes longer
	pytest -m slow

bench-coding: setup ## the coder against the published method: notes per second, memory (minutes)
	python benchmarks/coding.py

bench-significance: setup ## 10,000 resamples of one pair of coders at the paper's size
	python benchmarks/significance.py

bench-errors: setup ## errors and noise at the paper's size; code match against a double loop
	python benchmarks/errors.py

bench-generation: setup ## tokens per second of the sampling stage against transformers.generate
	python benchmarks/generation.py

bench-finetune: setup ## tokens per second, memory and utilisation of fine-tuning a 1B model; needs a GPU
	python benchmarks/finetune_gpu.py

bench-privacy: setup ## the privacy searches against the pairwise method; SIZE='3000 20000 900' or SIZE=--paper
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
