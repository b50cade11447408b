# docker build -t synthnotes .                                   (CPU)
# docker build -t synthnotes --build-arg KIND=gpu \
#     --build-arg BASE=nvidia/cuda:13.0.1-devel-ubuntu24.04 .   (CUDA)
# docker run --rm -v "$PWD":/synthnotes synthnotes make repro
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
ARG KIND=cpu
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make gcc g++ python3 python3-venv python3-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/synthnotes
COPY requirements requirements
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN requirements/install /opt/synthnotes/.venv ${KIND}
# The Makefile looks for .venv in the project: the container's environment stands in for it.
ENV PATH=/opt/synthnotes/.venv/bin:$PATH VENV=/opt/synthnotes/.venv
WORKDIR /synthnotes
CMD ["make", "repro"]
